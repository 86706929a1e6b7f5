"""Mistakes turn the right check red for the right reason; other right ways turn none."""

import subprocess
from collections.abc import Callable, Sequence

from stackwalk.connect import run_once
from stackwalk.course import Course, Mistake, OtherWay, Step, Task
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.verdict import Status, Verdict

LIMIT_S = 120
FINE = (Status.MET, Status.NOT_POSSIBLE)


class StepFailed(StackwalkError):
    """A step of a mistake ended with an exit status other than 0."""


def run_steps(home: Home, steps: Sequence[Step]) -> None:
    """Runs steps without a terminal: on a machine through the engine's way, or on the laptop.

    Raises:
        StepFailed: a command failed; ``MachineError`` when the machine cannot be reached.
    """
    for step in steps:
        if step.place.machine == "laptop":
            status, said = _on_laptop(home, step.text)
        else:
            text = f"set -e\n{step.text}"  # a line in the middle that fails is a fault as well
            done = run_once(home, step.place.machine, text, user=step.place.user, limit_s=LIMIT_S)
            status, said = done.rc, done.stdout + done.stderr
        if status != 0:
            raise StepFailed(f"exit {status} at {step.place}: {step.text!r} said {said.strip()!r}")


def _on_laptop(home: Home, text: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=home.laptop,
        env=laptop_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def prove_mistake(
    course: Course,
    mistake: Mistake,
    tasks: Sequence[Task],
    look: Callable[[Sequence[Task]], list[Verdict]],
    home: Home,
) -> list[str]:
    """Inflicts a mistake on a machine that is all green, looks, mends, looks again.

    The second look is at what the mistake turned red; that all the rest is green is looked at
    once after all of them.

    Args:
        tasks: everything that is met before the mistake.
        look: runs the checks of tasks.
    Returns:
        What was not as promised; empty when the mistake is caught for the right reason and mended.
    """
    try:
        run_steps(home, mistake.inflict)
        faults = _judge(mistake, look(tasks))
        run_steps(home, mistake.mend)
    except StackwalkError as error:
        return [f"{mistake.name}: {error}"]
    touched = {mistake.task, *mistake.also_red}
    again = look([task for task in tasks if task.id in touched])
    left = [v for v in again if v.status not in FINE]
    return faults + [
        f"{mistake.name}: not mended: {v.task} is {v.status}: {v.what or v.waits_for}" for v in left
    ]


def prove_way(
    way: OtherWay,
    tasks: Sequence[Task],
    look: Callable[[Sequence[Task]], list[Verdict]],
    home: Home,
) -> list[str]:
    """Takes another right way on a machine that is all green, looks, goes back, looks again.

    Returns:
        What was not as promised; empty when every check accepts the way, and the way back.
    """
    faults = _go("do", way.do, tasks, look, home)
    touched = [task for task in tasks if task.id in way.tasks]
    return faults + _go("undo", way.undo, touched, look, home)


def _go(
    which: str,
    steps: Sequence[Step],
    tasks: Sequence[Task],
    look: Callable[[Sequence[Task]], list[Verdict]],
    home: Home,
) -> list[str]:
    try:
        run_steps(home, steps)
    except StackwalkError as error:
        return [f"{which}: {error}"]
    kind = "refused" if which == "do" else "not undone"
    return [
        f"{kind}: {v.task} is {v.status}: {v.what or v.waits_for}; found {v.found or 'nothing'}"
        for v in look(tasks)
        if v.status not in FINE
    ]


def _judge(mistake: Mistake, verdicts: Sequence[Verdict]) -> list[str]:
    """What the verdicts say that the mistake does not promise."""
    faults = []
    allowed = {mistake.task, *mistake.also_red}
    for verdict in verdicts:
        if verdict.task == mistake.task:
            faults += _right_reason(mistake, verdict)
        elif verdict.status is Status.WAITING and verdict.waits_for in allowed:
            continue
        elif verdict.status not in FINE and verdict.task not in mistake.also_red:
            faults.append(
                f"{mistake.name}: unrelated {verdict.task} is {verdict.status}: {verdict.what}"
            )
    return faults


def _right_reason(mistake: Mistake, verdict: Verdict) -> list[str]:
    name = mistake.name
    if verdict.status not in (Status.UNMET, Status.NOT_STARTED):
        return [f"{name}: {verdict.task} is {verdict.status}, not unmet; {verdict.what}"]
    faults = []
    if mistake.message not in verdict.what:
        faults.append(f"{name}: says {verdict.what!r}, promised {mistake.message!r}")
    if verdict.saw != mistake.nudge:
        faults.append(f"{name}: chooses nudge {verdict.saw!r}, promised {mistake.nudge!r}")
    return faults
