"""A drill as plain text: what a user reports, what is still red, and what it was."""

import textwrap

from stackwalk.commands.drill import DrillResult, DrillRow
from stackwalk.commands.showing import Shown
from stackwalk.course import Step
from stackwalk.show import render_check
from stackwalk.verdict import Status, Verdict

WIDTH = 96
ENDS = {"mended": "mended", "given up": "given up", "lost": "over: the machine was made anew"}


def render_drill(result: DrillResult) -> str:
    """Where the drill stands; the cause only once it is over."""
    if result.stage in ENDS:
        return "\n".join([*_debrief(result), *result.notes])
    lines = {"red": _red, "unknown": _red}.get(result.stage, _report)(result)
    return "\n".join([*lines, *result.notes])


def render_list(rows: tuple[DrillRow, ...]) -> str:
    """By symptom; by name only what the learner knows already."""
    if not rows:
        return "No chapter is met to its end yet; a drill breaks what you have built."
    lines = []
    for row in rows:
        mark = f"✔ {row.name} ({row.ending})" if row.name else "·"
        lines += _folded(f"{row.chapter}  {mark}  {' '.join(row.symptom.split())}", "      ")
    count = sum(1 for row in rows if row.name)
    return "\n".join([*lines, "", f"{count} of {len(rows)} done.   next: stackwalk drill"])


def render_shown(shown: Shown) -> str:
    """What a learner would see of a mistake, one thing after the other."""
    symptom = " ".join(shown.mistake.symptom.split())
    return "\n".join(
        [
            f"A user reports: “{symptom}”",
            "",
            render_check(shown.result),
            "",
            "The first hint:",
            textwrap.indent(shown.nudge.strip(), "  "),
        ]
    )


def spoken(seconds: int) -> str:
    """``3 min 12 s``; hours once there are some."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def render_steps(steps: tuple[Step, ...]) -> str:
    """What was typed where, each line below the other."""
    return "\n".join(
        f"{step.place}: {line}" for step in steps for line in step.text.strip().split("\n")
    )


def _report(result: DrillResult) -> list[str]:
    head = "A drill is running already, since " if result.stage == "running" else "Drill, since "
    back = result.drill.snapshot
    return [
        f"{head}{result.drill.began_at} (UTC). Something that you have built is broken.",
        "",
        "A user reports:",
        *_folded(f"“{' '.join(result.mistake.symptom.split())}”", "  "),
        "",
        "Find it and mend it, as on a server that people use.",
        "  what is still red     stackwalk drill check   (it does not say why)",
        "  help                  stackwalk hint          (four rungs, from the first)",
        "  enough of it          stackwalk drill give-up (mends it, and tells)",
        *([f"  all the way back      stackwalk machine restore {back}"] if back else []),
    ]


def _red(result: DrillResult) -> list[str]:
    waiting = sum(1 for verdict in result.verdicts if verdict.status is Status.WAITING)
    lines = [f"Not mended yet, after {spoken(result.seconds)}.", ""]
    if result.stage == "unknown":
        lines = ["I could not look at everything; the drill goes on.", ""]
    for verdict, title in zip(result.verdicts, result.titles, strict=True):
        if verdict.status is Status.UNKNOWN:
            lines.append(f"? {verdict.task:<22} {verdict.what}")
        elif verdict.status is not Status.WAITING:
            lines.append(f"✘ {verdict.task:<22} {title}")
            lines += _row("newly seen:", verdict.what) if _is_new(verdict, result) else []
    lines += [
        f"  and {waiting} that wait for it" if waiting > 1 else "  and 1 that waits for it"
    ] * (waiting > 0)
    symptom = " ".join(result.mistake.symptom.split())
    return [*lines, "", *_folded(f"reported: “{symptom}”", "  "), "  help: stackwalk hint"]


def _is_new(verdict: Verdict, result: DrillResult) -> bool:
    """Whether the broken task is red for another cause by now: the learner's, so no secret."""
    drill = result.drill
    return verdict.task == result.mistake.task and bool(drill.saw) and verdict.saw != drill.saw


def _debrief(result: DrillResult) -> list[str]:
    hints = result.drill.hints
    count = {0: "without a hint", 1: "with 1 hint"}.get(hints, f"with {hints} hints")
    glyph = "✔" if result.stage == "mended" else "·"
    lines = [f"{glyph} {ENDS[result.stage]} after {spoken(result.seconds)}, {count}", ""]
    if not result.drill.what:
        return [*lines, "  The drill was stopped before anything was broken."]
    mistake = result.mistake
    lines += _row("what it was", f"{result.drill.what}  ({mistake.task})")
    lines += _row("what made it", render_steps(mistake.inflict))
    lines += _row("where to see", result.drill.look)
    if result.stage != "mended":
        lines += _row("what mends it", render_steps(mistake.mend))
    if mistake.debrief:
        lines += ["", *_folded(" ".join(mistake.debrief.split()), "  ")]
    return lines


def _row(name: str, text: str) -> list[str]:
    first, *rest = text.split("\n")
    return [f"  {name:<14} {first}", *(f"  {'':<14} {line}" for line in rest)]


def _folded(text: str, indent: str) -> list[str]:
    fold = textwrap.TextWrapper(WIDTH, initial_indent="  ", subsequent_indent=indent)
    return fold.wrap(text) or [""]
