"""``drill``: one of the typical mistakes is made on the learner's own machine, to be found."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stackwalk import machine, store
from stackwalk import progress as state
from stackwalk.commands.breaking import (
    break_machine,
    drop_snapshot,
    look_again,
    machine_id,
    mend,
    remember,
    require_green,
    seen_now,
    take_snapshot,
)
from stackwalk.commands.desk import Desk, open_desk
from stackwalk.commands.drillpick import choices, possible_mistakes
from stackwalk.course import Mistake
from stackwalk.drillbook import Drill, Ending, find_mistake, mistake_id
from stackwalk.errors import StackwalkError, UsageError
from stackwalk.home import Home
from stackwalk.inflict import FINE
from stackwalk.verdict import Status, Verdict

Stage = Literal["began", "running", "red", "unknown", "mended", "given up", "lost"]
EXITS = {"running": 1, "red": 1, "unknown": 3}
TRIES = 3  # mistakes that do not take on this machine before we say so


@dataclass(frozen=True)
class DrillResult:
    """Where a drill stands; ``mistake`` is what a face may tell only once the drill is over."""

    stage: Stage
    mistake: Mistake
    drill: Drill
    seconds: int
    verdicts: tuple[Verdict, ...] = ()  # what is not met
    titles: tuple[str, ...] = ()  # of those
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 begun or over, 1 not mended yet, 3 could not look."""
        return EXITS.get(self.stage, 0)


@dataclass(frozen=True)
class DrillRow:
    """One line of the list: a name only where the learner has had it already."""

    chapter: str
    symptom: str
    name: str
    ending: str


def run(home: Home, what: str | None, *, say: Callable[[str], None]) -> DrillResult:
    """``check``, ``give-up``, or the beginning of a drill."""
    if what == "check":
        return look(home)
    return give_up(home) if what == "give-up" else begin(home, what, say=say)


def told(result: DrillResult) -> dict[str, object]:
    """What ``--json`` prints: nothing that gives the cause away while the drill runs."""
    facts: dict[str, object] = {
        "stage": result.stage,
        "symptom": result.mistake.symptom,
        "began_at": result.drill.began_at,
        "seconds": result.seconds,
        "hints": result.drill.hints,
        "snapshot": result.drill.snapshot,
        "red": [verdict.task for verdict in result.verdicts],
        "notes": list(result.notes),
    }
    if result.stage not in ("mended", "given up", "lost"):
        return facts
    return {
        **facts,
        "mistake": result.mistake,
        "what": result.drill.what,
        "look": result.drill.look,
    }


def list_drills(home: Home) -> tuple[DrillRow, ...]:
    """What a drill may choose from now: by symptom, and by name once it is over."""
    desk = open_desk(home)
    endings = {over.mistake: over.ending for over in desk.progress.drilled}
    rows = []
    for mistake in possible_mistakes(desk):
        known = mistake_id(desk.course, mistake)
        chapter = desk.course.chapter_of(mistake.task).number
        ending = endings.get(known, "")
        rows.append(DrillRow(chapter, mistake.symptom, mistake.name if ending else "", ending))
    return tuple(rows)


def begin(
    home: Home,
    wanted: str | None = None,
    *,
    say: Callable[[str], None],
    choose: Callable[[Sequence[Mistake]], Mistake] = random.choice,
) -> DrillResult:
    """Makes a mistake, silently, and tells what a user of the server would report.

    Args:
        wanted: a mistake, or a chapter to choose from; else one of all chapters that are met.
        choose: picks one of several.
    Raises:
        NotGreen: something that was met is not met now.
        UsageError: nothing to choose from.
        StackwalkError: the machine could not be looked at, or the mistake could not be made.
    """
    desk = open_desk(home)
    if desk.progress.drill:
        return _result(desk, desk.progress.drill, "running")
    left = choices(desk, wanted)
    require_green(desk)
    label = take_snapshot(home, say)
    for _ in range(TRIES):
        mistake = choose(left)
        if (drill := break_machine(desk, mistake, label)) is not None:
            return _result(desk, drill, "began")
        left = [other for other in left if other != mistake]
        if not left:
            break
    drop_snapshot(home, label)
    raise StackwalkError(
        "This mistake cannot be made on your machine: your way of doing the task is another one.",
        safe="Everything is met as before.",
        next="stackwalk drill",
    )


def look(home: Home) -> DrillResult:
    """What is still red, without the cause; when nothing is, the drill is over."""
    desk = open_desk(home)
    drill = _running(desk)
    if (lost := _end_if_lost(desk, drill)) is not None:
        return lost
    verdicts = look_again(desk)
    desk = open_desk(home)
    red = tuple(verdict for verdict in verdicts if verdict.status not in FINE)
    if any(verdict.status is Status.UNKNOWN for verdict in red):
        return _result(desk, drill, "unknown", red)
    if not red:
        return _end(desk, drill, "mended")
    return _result(desk, seen_now(desk, drill, red), "red", red)


def give_up(home: Home) -> DrillResult:
    """Mends the machine and tells what it was.

    Raises:
        StackwalkError: the mending did not help, because something else was changed as well.
    """
    desk = open_desk(home)
    drill = _running(desk)
    if (lost := _end_if_lost(desk, drill)) is not None:
        return lost
    mend(home, _mistake(desk, drill))
    red = [verdict for verdict in look_again(desk) if verdict.status not in FINE]
    if red:
        names = ", ".join(verdict.task for verdict in red)
        back = f"stackwalk machine restore {drill.snapshot}, then " if drill.snapshot else ""
        raise StackwalkError(
            f"The mistake was taken back, and this is still not met: {names}.",
            safe="The drill goes on; something else was changed since it began.",
            next=f"stackwalk check {red[0].task}; or: {back}stackwalk drill check",
        )
    return _end(desk, drill, "given up")


def _running(desk: Desk) -> Drill:
    if desk.progress.drill is None:
        raise UsageError("No drill is running.", next="stackwalk drill")
    return desk.progress.drill


def _mistake(desk: Desk, drill: Drill) -> Mistake:
    mistake = find_mistake(desk.course, drill.mistake)
    if mistake is None:
        remember(desk.home, None)
        raise StackwalkError(
            f"A drill was running whose mistake this edition does not hold: {drill.mistake}.",
            safe="It was ended; what it changed on the machine is still there.",
            next="stackwalk status",
        )
    return mistake


def _end(desk: Desk, drill: Drill, ending: Ending) -> DrillResult:
    seconds = _seconds(drill)
    store.change(desk.home, lambda now: state.with_drill_over(now, ending, seconds, store.now()))
    store.log_run(desk.home, {"verb": "drill", "ended": drill.mistake, "ending": ending})
    if drill.snapshot:
        drop_snapshot(desk.home, drill.snapshot)
    return _result(desk, drill, ending)


def _end_if_lost(desk: Desk, drill: Drill) -> DrillResult | None:
    """The machine that was broken is gone: nothing is left to mend but the laptop's part."""
    if not drill.machine_id:  # nobody answered when it began
        return None
    is_gone = machine.status(desk.home, "web").state == "absent"
    if not is_gone and machine_id(desk.home) in ("", drill.machine_id):
        return None
    mend(desk.home, _mistake(desk, drill), places=("laptop",))
    return _end(desk, drill, "lost")


def _seconds(drill: Drill) -> int:
    began = datetime.fromisoformat(drill.began_at)
    return round((datetime.fromisoformat(store.now()) - began).total_seconds())


def _result(desk: Desk, drill: Drill, stage: Stage, red: tuple[Verdict, ...] = ()) -> DrillResult:
    titles = {task.id: task.title for task in desk.course.tasks}
    return DrillResult(
        stage,
        _mistake(desk, drill),
        drill,
        _seconds(drill),
        red,
        tuple(titles[verdict.task] for verdict in red),
        (desk.note,) if desk.note else (),
    )
