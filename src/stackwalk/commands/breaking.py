"""The working side of a drill: breaks the machine, looks at it, mends it."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from stackwalk import machine, store
from stackwalk.commands.desk import Desk
from stackwalk.commands.look import look_at, met_tasks, settle
from stackwalk.connect import run_once
from stackwalk.course import Mistake
from stackwalk.drillbook import Drill, find_mistake, mistake_id, seen
from stackwalk.errors import MachineError, StackwalkError, UsageError
from stackwalk.home import Home
from stackwalk.inflict import FINE, StepFailed, run_steps
from stackwalk.machine import snapshot
from stackwalk.progress import Progress
from stackwalk.verdict import Status, Verdict

NAME = "web"
SNAPSHOT = "before-drill"


class NotGreen(StackwalkError):
    """A drill begins on a machine on which everything met is still met."""

    exit_code = 1


def look_again(desk: Desk) -> list[Verdict]:
    """Everything that was ever met, remembered as any check is."""
    verdicts = look_at(desk, met_tasks(desk))
    store.change(desk.home, partial(settle, desk.course, verdicts))
    store.log_run(
        desk.home,
        {"verb": "drill", "verdicts": [v.to_dict() for v in verdicts if v.status not in FINE]},
    )
    return verdicts


def require_green(desk: Desk) -> None:
    red = [verdict for verdict in look_at(desk, met_tasks(desk)) if verdict.status not in FINE]
    unseen = [verdict for verdict in red if verdict.status is Status.UNKNOWN]
    if unseen:
        raise MachineError(unseen[0].what, safe="Nothing was touched.", next=unseen[0].look)
    if red:
        causes = [v.task for v in red if v.status is not Status.WAITING] or [red[0].task]
        raise NotGreen(
            f"A drill begins with everything green, and this is not met now: {', '.join(causes)}.",
            safe="Nothing was touched.",
            next=f"stackwalk check {causes[0]}",
        )


def take_snapshot(home: Home, say: Callable[[str], None]) -> str:
    """The label of a snapshot to go back to; empty, and said, where none could be taken."""
    if machine.status(home, NAME).state == "absent":  # every check of the drill is the laptop's
        return ""
    drop_snapshot(home, SNAPSHOT)  # of a drill whose end nobody saw
    try:
        say("Keeping the machine as it is now, in a snapshot.")
        return snapshot.take(home, NAME, SNAPSHOT).label
    except (StackwalkError, OSError) as error:
        say(f"no snapshot was taken ({str(error).splitlines()[0]}); the drill mends itself anyway.")
        return ""


def drop_snapshot(home: Home, label: str) -> None:
    """A drill that is over needs none, and it costs space."""
    if any(each.label == label for each in snapshot.load(home, NAME)):
        with suppress(StackwalkError):
            snapshot.remove(home, NAME, label)


def break_machine(desk: Desk, mistake: Mistake, label: str) -> Drill | None:
    """Makes the mistake and sees it turn its check red; none where it does not on this machine."""
    drill = Drill(mistake_id(desk.course, mistake), store.now(), machine_id(desk.home), label)
    store.change(desk.home, partial(_started, drill=drill))
    with suppress(StepFailed):
        run_steps(desk.home, mistake.inflict)
        tasks = [task for task in desk.course.tasks if task.id == mistake.task]
        verdict = next(v for v in look_at(desk, tasks) if v.task == mistake.task)
        if verdict.status not in (*FINE, Status.UNKNOWN):
            drill = seen(drill, verdict)
            remember(desk.home, drill)
            store.log_run(desk.home, {"verb": "drill", "began": drill.mistake})
            return drill
    mend(desk.home, mistake)
    require_green(desk)
    remember(desk.home, None)
    return None


def _started(progress: Progress, *, drill: Drill) -> Progress:
    """Two terminals at once: the second finds the first one's drill."""
    if progress.drill is not None:
        raise UsageError("A drill has just begun elsewhere.", next="stackwalk drill check")
    return replace(progress, drill=drill)


def seen_now(desk: Desk, drill: Drill, red: Iterable[Verdict]) -> Drill:
    """A drill that was stopped before its damage was looked at learns of it now."""
    mistake = find_mistake(desk.course, drill.mistake)
    for verdict in red:
        if mistake and verdict.task == mistake.task and not drill.what:
            known = seen(drill, verdict)
            remember(desk.home, known)
            return known
    return drill


def remember(home: Home, drill: Drill | None) -> None:
    store.change(home, lambda now: replace(now, drill=drill))


def mend(home: Home, mistake: Mistake, *, places: Iterable[str] = ("web", "laptop")) -> None:
    """Each step by itself: the learner may have done some of them already."""
    for step in mistake.mend:
        if step.place.machine in places:
            with suppress(StepFailed):
                run_steps(home, [step])


def machine_id(home: Home) -> str:
    """Made at a machine's first boot; empty when nobody answers, which the checks then say."""
    try:
        return str(run_once(home, "web", "cat /etc/machine-id").stdout).strip()
    except MachineError:
        return ""
