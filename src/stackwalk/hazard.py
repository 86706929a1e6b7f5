"""A dead man's switch on a machine: a dangerous change takes itself back unless it is confirmed.

Before a hazard cell runs, a command that takes its change back is laid on the machine, with a
transient systemd timer that starts it. ``keep`` disarms it from a new ssh session. Where no new
session gets in, nobody can disarm it, and the machine opens itself again.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stackwalk.cellspec import OnCell
from stackwalk.deadman import ARM, CANCEL, KEEP
from stackwalk.errors import MachineError, NotUp, UsageError
from stackwalk.home import Home
from stackwalk.machine.record import write_atomically
from stackwalk.machine.remote import run_remote, slowness
from stackwalk.wording import WITHIN_S

ARM_LIMIT_S = 20
LATE_S = 30  # after this the undo has run, or something else shuts us out
KEEP_LIMIT_S = 10  # a login takes well under a second; a dropped packet is waited for as long


@dataclass(frozen=True)
class Armed:
    """A switch that was set; ``is_renewed`` when the same one was armed already."""

    machine: str
    undo: str
    within_s: int
    is_renewed: bool

    @property
    def sentence(self) -> str:
        """What is told before the cell runs."""
        start = "armed again, with a new clock" if self.is_renewed else "armed"
        return (
            f"A dead man's switch is {start}: in {self.within_s} seconds {self.machine} takes this "
            f"cell's change back by itself, with `{self.undo}` as root.\n"
            "Only a new ssh session can stop it: run the next cell, %keep, within that time."
        )


@dataclass(frozen=True)
class Kept:
    """What ``keep`` found: the change stays, or it was taken back already."""

    machine: str
    outcome: Literal["kept", "kept before", "taken back"]
    sentence: str

    @property
    def exit_code(self) -> int:
        return 1 if self.outcome == "taken back" else 0


def arm(home: Home, cell: OnCell) -> Armed:
    """Sets the switch for a hazard cell that is about to run.

    Raises:
        UsageError: another change on the machine still waits to be kept.
        MachineError: it could not be armed, so the cell must not run.
    """
    name = cell.place.machine
    within_s = (cell.within_s or WITHIN_S) * slowness(home, name)
    armed = Armed(name, cell.undo, within_s, is_renewed=False)
    script = ARM.replace("WITHIN", str(armed.within_s))
    text = f"{cell.undo}\n".encode()
    answer = run_remote(home, name, script, user="root", limit_s=ARM_LIMIT_S, stdin=text)
    head, _, rest = answer.stdout.decode(errors="replace").strip().partition("\n")
    word, _, detail = head.partition(" ")
    if word == "other":
        raise UsageError(
            f"Another change on {name} still waits to be kept: in {detail} seconds `{rest}` takes "
            "it back.",
            safe="Nothing was run.",
            next="run the %keep cell of that change, or wait; then run this cell",
        )
    if word == "undoing":
        raise UsageError(
            f"{name} is taking the change before back at this moment.",
            safe="Nothing was run.",
            next="run the cell again in a few seconds",
        )
    if answer.rc or word != "armed":
        cancel(home, name)
        said = answer.stderr.decode(errors="replace").strip() or f"exit {answer.rc}"
        raise MachineError(
            f"The dead man's switch could not be armed on {name}: {said[:200]}",
            safe="Nothing was run.",
            next="stackwalk machine status",
        )
    _remember(home, name, time.time() + armed.within_s)
    return Armed(name, cell.undo, armed.within_s, is_renewed=detail == "yes")


def cancel(home: Home, name: str) -> None:
    """Takes the switch away when the cell was refused, so that nothing is there to take back."""
    run_remote(home, name, CANCEL, user="root", limit_s=ARM_LIMIT_S)
    _remember(home, name, None)


def keep(home: Home, name: str = "web") -> Kept:
    """Confirms a hazard cell's change, through an ssh session that is opened for it.

    Raises:
        UsageError: no change waits on that machine.
        MachineError: no new session gets in; says when the machine takes the change back.
    """
    try:
        answer = run_remote(home, name, KEEP, user="root", fresh=True, limit_s=KEEP_LIMIT_S)
    except NotUp:
        raise
    except MachineError as trouble:
        raise _shut_out(home, name, trouble) from trouble
    head, _, rest = answer.stdout.decode(errors="replace").strip().partition("\n")
    word, _, detail = head.partition(" ")
    if answer.rc or word not in ("now", "kept", "undoing", "undone"):
        raise UsageError(
            f"No change on {name} waits to be kept.",
            safe="Nothing was changed.",
            next="run the cell above that arms the switch, then this one",
        )
    _remember(home, name, None)
    return _told(name, word, detail, rest)


def _told(name: str, word: str, detail: str, rest: str) -> Kept:
    if word == "now":
        sentence = (
            f"Kept: a new ssh session got into {name}, so the change stays. The switch is off."
        )
        return Kept(name, "kept", sentence)
    if word == "kept":
        return Kept(
            name, "kept before", f"The change is kept already; no switch is armed on {name}."
        )
    if word == "undoing":
        sentence = f"Too late: {name} is taking the change back at this moment."
        return Kept(name, "taken back", sentence)
    at, status, cause = detail.split()
    undo, _, said = rest.partition("\n")
    clock = time.strftime("%H:%M:%S", time.localtime(int(at)))
    why = "it was restarted before anybody confirmed" if cause == "restart" else "nobody confirmed"
    failed = f" That command failed, exit {status}: {said.strip()[:200]}" if status != "0" else ""
    sentence = (
        f"Too late: {why}, so {name} took the change back by itself at {clock}, with `{undo}`."
        f"{failed}\nTo try again: run the cell above, then %keep in time."
    )
    return Kept(name, "taken back", sentence)


def _shut_out(home: Home, name: str, trouble: MachineError) -> MachineError:
    """No new session gets in: what is left is to wait, and for how long."""
    until = _deadlines(home).get(name)
    if until is None:
        return trouble
    left = round(until - time.time())
    clock = time.strftime("%H:%M:%S", time.localtime(until))
    when = (
        f"in {left} seconds, at {clock}, {name} takes it back by itself"
        if left > 0
        else f"{name} was to take it back by itself at {clock}"
    )
    return MachineError(
        f"Not kept: no new ssh session gets into {name}. {trouble.happened}",
        safe=f"{when}. Sessions that are open already may go on working: they prove nothing.",
        next="wait for it, run %keep once more to see what was done, then mend the cell's command"
        if left > -LATE_S
        else f"stackwalk rescue {name}",
    )


def _deadlines(home: Home) -> dict[str, float]:
    """When each machine's switch goes off, by the laptop's clock."""
    try:
        found = json.loads(_memory(home).read_text(encoding="utf-8"))
        return {str(name): float(until) for name, until in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _remember(home: Home, name: str, until: float | None) -> None:
    found = {other: at for other, at in _deadlines(home).items() if other != name}
    if until is not None:
        found[name] = until
    write_atomically(_memory(home), json.dumps(found))


def _memory(home: Home) -> Path:
    return home.engine / "undo.json"
