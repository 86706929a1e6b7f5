"""``author show``: a mistake as a learner would meet it, for a teacher in front of a class."""

import difflib
from dataclasses import dataclass

from stackwalk.commands.breaking import NotGreen, mend
from stackwalk.commands.desk import Desk, open_desk
from stackwalk.commands.look import CheckResult, look_at
from stackwalk.course import Mistake, Task
from stackwalk.drillbook import find_mistake
from stackwalk.errors import MachineError, StackwalkError, UsageError
from stackwalk.home import Home
from stackwalk.inflict import FINE, StepFailed, run_steps
from stackwalk.verdict import Status, Verdict


@dataclass(frozen=True)
class Shown:
    """What a learner sees of a mistake; the teacher's progress is not touched."""

    mistake: Mistake
    task: Task
    result: CheckResult
    nudge: str


def make_mistake(home: Home, name: str) -> Shown:
    """Makes a mistake on a machine on which its task is met, and looks as a learner would.

    Raises:
        UsageError: there is no such mistake.
        NotGreen: its task is not met on this machine.
        StackwalkError: it does not turn its check red here; it was taken back.
    """
    desk = open_desk(home)
    mistake, task = _find(desk, name)
    before = _red(look_at(desk, [task]))
    if before:
        raise NotGreen(
            f"{mistake.name} breaks {task.id}, which is not met on this machine: {before[0].what}",
            safe="Nothing was touched.",
            next=f"stackwalk check {before[0].task}",
        )
    try:
        run_steps(home, mistake.inflict)
    except StepFailed as failed:
        mend(home, mistake)
        raise _not_here(mistake, failed.happened) from failed
    verdicts = look_at(desk, [task])
    verdict = next(each for each in verdicts if each.task == task.id)
    if verdict.status in FINE:
        mend(home, mistake)
        raise _not_here(mistake, "its check stays green")
    chapter = desk.course.chapter_of(task.id)
    shown = tuple(each for each in verdicts if each.task in (task.id, verdict.waits_for))
    result = CheckResult(chapter, (task,), shown, desk.progress, desk.course, (), ())
    nudge = task.hints.nudges.get(verdict.saw, task.hints.otherwise)
    return Shown(mistake, task, result, nudge)


def mend_mistake(home: Home, name: str) -> Task:
    """Takes the mistake back and proves that its task is met again.

    Raises:
        StackwalkError: it is not.
    """
    desk = open_desk(home)
    mistake, task = _find(desk, name)
    mend(home, mistake)
    red = _red(look_at(desk, [task]))
    if red:
        raise StackwalkError(
            f"{mistake.name} was taken back, and {red[0].task} is {red[0].status}: {red[0].what}",
            next=f"stackwalk check {red[0].task}",
        )
    return task


def _find(desk: Desk, name: str) -> tuple[Mistake, Task]:
    mistake = find_mistake(desk.course, name)
    if mistake is None:
        known = [each.name for chapter in desk.course.chapters for each in chapter.mistakes]
        near = [each for each in known if name in each][:3]
        near = near or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        raise UsageError(
            f"There is no mistake called {name!r}."
            + (f" Near to it: {', '.join(near)}." if near else ""),
            safe="Nothing was touched.",
            next="ls chapters/*/mistakes",
        )
    return mistake, next(task for task in desk.course.tasks if task.id == mistake.task)


def _red(verdicts: list[Verdict]) -> list[Verdict]:
    unseen = [verdict for verdict in verdicts if verdict.status is Status.UNKNOWN]
    if unseen:
        raise MachineError(unseen[0].what, next=unseen[0].look)
    return [verdict for verdict in verdicts if verdict.status not in FINE]


def _not_here(mistake: Mistake, why: str) -> StackwalkError:
    return StackwalkError(
        f"{mistake.name} cannot be shown on this machine: {why}",
        safe="What it had changed was taken back.",
        next="show it on a machine made by the chapters' own solutions: stackwalk play",
    )
