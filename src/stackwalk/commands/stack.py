"""``status``: the whole stack at one look, what of it turned red, and what was run since."""

from dataclasses import dataclass
from functools import partial

from stackwalk import machine, store
from stackwalk import progress as state
from stackwalk.between import Ran, list_between
from stackwalk.commands.desk import Desk, open_desk
from stackwalk.course import Chapter, Course
from stackwalk.home import Home
from stackwalk.progress import Progress
from stackwalk.verdict import Status, Verdict

RED = (Status.UNMET, Status.NOT_STARTED)


@dataclass(frozen=True)
class Red:
    """A task that was met and is not met now; what hangs on it waits and is not counted."""

    verdict: Verdict
    title: str
    chapter: Chapter
    last_green_at: str
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatusResult:
    """Every chapter with every task; ``not_seen`` says why nothing was looked at, if so."""

    course: Course
    progress: Progress
    open_chapters: tuple[Chapter, ...]
    machine: str
    notes: tuple[str, ...]
    not_seen: str = ""
    red: tuple[Red, ...] = ()
    ran: tuple[Ran, ...] = ()

    @property
    def red_layers(self) -> frozenset[str]:
        return frozenset(red.chapter.layer for red in self.red)


def status(home: Home, *, quick: bool = False) -> StatusResult:
    """What is met, open, skipped and locked; looks again at everything that was ever met.

    Args:
        quick: looks at no task, and shows what is remembered.
    """
    desk = open_desk(home)
    found = machine.status(home, "web")
    if quick:
        return _result(desk, found.sentence)
    if found.state != "running":
        return _result(desk, found.sentence, not_seen="the machine does not answer")
    from stackwalk.commands.look import look_at, met_tasks, settle  # only where there is one to see

    verdicts = look_at(desk, met_tasks(desk))
    red = _red(desk, verdicts)
    progress = store.change(home, partial(settle, desk.course, verdicts)).progress
    green = [verdict.task for verdict in verdicts if verdict.status is Status.MET]
    store.log_run(home, {"verb": "status", "met": green, "red": [r.verdict.task for r in red]})
    unseen = [verdict for verdict in verdicts if verdict.status is Status.UNKNOWN]
    return _result(
        Desk(home, desk.course, progress, desk.note),
        found.sentence,
        not_seen=unseen[0].what if unseen else "",
        red=red,
        ran=list_between(home, min(each.last_green_at for each in red)) if red else (),
    )


def _red(desk: Desk, verdicts: list[Verdict]) -> tuple[Red, ...]:
    """What was met once and is not now, in the order of the stack."""
    titles = {task.id: task.title for task in desk.course.tasks}
    return tuple(
        Red(
            verdict,
            titles[verdict.task],
            desk.course.chapter_of(verdict.task),
            record.green_at or record.met_at,
            tuple(other.task for other in verdicts if other.waits_for == verdict.task),
        )
        for verdict in verdicts
        if verdict.status in RED and (record := desk.progress.of(verdict.task)).met_at
    )


def _result(
    desk: Desk,
    machine_says: str,
    *,
    not_seen: str = "",
    red: tuple[Red, ...] = (),
    ran: tuple[Ran, ...] = (),
) -> StatusResult:
    opened = tuple(
        chapter
        for chapter in desk.course.chapters
        if state.is_open(desk.course, desk.progress, chapter)
    )
    notes = [desk.note] if desk.note else []
    if desk.progress.drill:
        notes.append("A drill is running: stackwalk drill check")
    return StatusResult(
        desk.course, desk.progress, opened, machine_says, tuple(notes), not_seen, red, ran
    )
