"""Results as plain text: what the terminal shows and what a notebook falls back to."""

from __future__ import annotations  # the records are shown, never made here

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stackwalk.course import Chapter, Step, Task
from stackwalk.verdict import Status, Verdict

if TYPE_CHECKING:
    from stackwalk.commands import CheckResult, HintResult, SolutionResult
    from stackwalk.commands.ladder import NextResult


GLYPHS = {
    Status.MET: "✔",
    Status.UNMET: "✘",
    Status.WAITING: "…",
    Status.NOT_STARTED: "○",
    Status.NOT_POSSIBLE: "⊘",
    Status.UNKNOWN: "?",
}
WIDTH = 96
ORDER = {Status.UNMET: 0, Status.UNKNOWN: 1, Status.NOT_STARTED: 2}


def render_check(result: CheckResult) -> str:
    """The verdicts, root cause first, then what they opened and what to do next."""
    titles = {task.id: task.title for task in result.course.tasks}
    lines = [_head(result.chapter, tally(result))]
    for verdict in root_causes_first(result):
        if verdict.status is not Status.WAITING:
            lines += render_verdict(verdict, titles[verdict.task], result)
    lines += [f"  {note}" for note in result.notes]
    return "\n".join([*lines, *_after(result)])


def root_causes_first(result: CheckResult) -> list[Verdict]:
    """The verdicts in the order a person wants to read them."""
    return sorted(result.verdicts, key=lambda verdict: ORDER.get(verdict.status, len(ORDER)))


def tally(result: CheckResult) -> str:
    """``3 of 5 met``; what could not be looked at is said, and not counted as missing."""
    asked = {task.id for task in result.tasks}
    statuses = [verdict.status for verdict in result.verdicts if verdict.task in asked]
    met, unseen = statuses.count(Status.MET), statuses.count(Status.UNKNOWN)
    if unseen:
        return f"{met} met, could not look at {unseen} of {len(statuses)}"
    return f"{met} of {len(statuses)} met"


def _head(chapter: Chapter, count: str) -> str:
    title = f"{chapter.number} {chapter.title}"
    return f"{title}{' ' * max(2, WIDTH - len(title) - len(count))}{count}"


def render_verdict(verdict: Verdict, title: str, result: CheckResult) -> list[str]:
    """One verdict: a line for what is met, the evidence for what is not."""
    glyph, what = GLYPHS[verdict.status], verdict.what or title
    lines = [f"{glyph} {verdict.task:<22} {what}"]
    if verdict.status is Status.MET:
        lines += [f"    found      {verdict.found}"] if verdict.found else []
        return lines + _debrief(verdict, result)
    if verdict.status is Status.NOT_POSSIBLE:
        return [f"{glyph} {verdict.task:<22} not possible here: {what}; counted, never met"]
    if verdict.status is Status.UNKNOWN:
        lines += [f"    found      {verdict.found}"] if verdict.found else []
        lines += [f"    next       {verdict.look}"] if verdict.look else []
        return [*lines, "    Nothing was marked wrong, and nothing you earned was lost."]
    lines += [f"    expected   {verdict.expected}", f"    found      {verdict.found}"]
    lines += [f"    look at    {verdict.look}"]
    return lines + _foot(verdict, result)


def _debrief(verdict: Verdict, result: CheckResult) -> list[str]:
    """What just happened, once, when a task is met for the first time."""
    texts = [task.debrief for task in result.newly_met if task.id == verdict.task]
    return [line for text in texts for line in ["", *_folded(text), ""]]


def _folded(text: str) -> list[str]:
    fold = textwrap.TextWrapper(WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [line for part in text.strip().split("\n") for line in fold.wrap(part) or [""]]


def _foot(verdict: Verdict, result: CheckResult) -> list[str]:
    waiting = [v for v in result.verdicts if v.waits_for == verdict.task]
    from stackwalk.commands.ladder import coming_rung  # only where something is not met

    rung = coming_rung(result.course, result.progress, verdict.task)
    lines = []
    if len(waiting) == 1:
        lines.append(f"    {waiting[0].task} waits for this one.")
    elif waiting:
        lines.append(f"    {len(waiting)} more wait for this one.")
    help_ = f"hint {rung} of 4: stackwalk hint" if rung <= 4 else "stackwalk solution"
    return [*lines, f"    {help_} {verdict.task}"]


def _after(result: CheckResult) -> list[str]:
    lines = [
        f"\nChapter {chapter.number}, {chapter.title}, is open now: its notebook is placed. "
        "Read this chapter to its end first."
        for chapter in result.opened
    ]
    if result.exit_code == 0 and not result.opened:
        left = left_in_chapter(result)
        lines.append(
            f"\nNext in this chapter: {left.id}, {left.title}"
            if left
            else f"\n{all_met(result)}   next: stackwalk next"
        )
    return lines


def all_met(result: CheckResult) -> str:
    """What is never met on this machine is not called so."""
    beyond = any(verdict.status is Status.NOT_POSSIBLE for verdict in result.verdicts)
    return "All that this machine can do is met." if beyond else "All of this is met."


def left_in_chapter(result: CheckResult) -> Task | None:
    """The first task of the chapter that was never met and could be, if there is one."""
    records = {task.id: result.progress.of(task.id) for task in result.chapter.tasks}
    left = (t for t in result.chapter.tasks if not records[t.id].met_at)
    return next((t for t in left if not records[t.id].is_impossible), None)


def render_hint(result: HintResult) -> str:
    """One rung, with what comes after it."""
    after = (
        f"next rung: stackwalk hint {result.task.id}"
        if result.rung < 4
        else f"the whole solution: stackwalk solution {result.task.id}"
    )
    head = f"hint {result.rung} of 4 for {result.task.id}: {result.name}"
    return f"{head}\n\n{textwrap.indent(result.text.strip(), '  ')}\n\n{after}"


def render_solution(result: SolutionResult) -> str:
    """What to type where, then the debrief."""
    task = result.task
    parts = [f"One way to meet {task.id} ({task.title}):", *map(render_step, task.solution)]
    return "\n\n".join([*parts, task.debrief.strip()])


def render_step(step: Step) -> str:
    """The lines typed at one place, with what is answered when the machine asks."""
    answers = [f"  asked “{asks}”: {_spoken(says)}" for asks, says in step.answers.items()]
    return "\n".join(
        [f"{step.place}:", textwrap.indent(step.text.strip(), "  $ ", lambda _: True), *answers]
    )


def _spoken(answer: str) -> str:
    if answer == "{password}":
        return "the password you choose for deployer"
    return answer or "press Enter"


def render_next(result: NextResult) -> str:
    """The one thing to do now."""
    if result.task is None or result.chapter is None:
        return _lines(["Every task of the course is met.", *result.notes])
    where = f"chapter {result.chapter.number}, {result.chapter.title}"
    return _lines(
        [
            f"next: {result.task.id} ({where})",
            "",
            result.task.title,
            "",
            textwrap.indent(result.task.say.strip(), "  "),
            "",
            f"when done: stackwalk check {result.task.id}     help: stackwalk hint",
            *result.notes,
        ]
    )


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
