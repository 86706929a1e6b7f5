"""A kept shell from the moment it answers: who is in it, where, and what it goes on from."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from stackwalk.cellspec import LAPTOP
from stackwalk.course import Place
from stackwalk.errors import MachineError, Unreachable
from stackwalk.screen import Screen
from stackwalk.shell import Shell, ShellGone
from stackwalk.way import Way, explain
from stackwalk.wire import Record, Text, is_whole, render_frame

OPEN_LIMIT_S = 30  # a login on an emulated machine takes some seconds
BACK_LIMIT_S = 90  # how long a machine that was there may take to be back, after a reboot
STATE_LIMIT = 1_000_000  # characters of variables that are kept against a lost connection


@dataclass(frozen=True)
class Kept:
    """What the last finished cell left: enough to go on in a new shell."""

    directory: str = ""
    status: int = 0
    jobs: tuple[int, ...] = ()
    state: str = ""

    def after(self, end: Record) -> "Kept":
        """What a cell left; a state that is not whole leaves the one before."""
        status, directory, jobs, length, state = (end.text(index) for index in range(5))
        usable = len(state) <= STATE_LIMIT and is_whole(state, length)
        return Kept(
            directory,
            int(status),
            tuple(int(pid) for pid in jobs.split()),
            state if usable else self.state,
        )


@dataclass(frozen=True)
class Opened:
    """A shell that answered, the way it was opened, and who and where it is."""

    shell: Shell
    way: Way
    pid: int
    home: str


def open_shell(place: Place, way: Way) -> Opened:
    """A fresh shell, checked for who is in it.

    Raises:
        StackwalkError: it did not open, does not answer, or is somebody else's.
    """
    shell = Shell(way)
    try:
        said: list[str] = []
        ready = next_record(shell, place, ("ready",), Screen(said.append))
        if way.user and ready.text(0) != way.user:
            raise MachineError(
                f"This cell is for {place}; the session that opened is {ready.text(0)}'s.",
                safe="Nothing was run.",
            )
    except ShellGone as gone:
        error = explain(place, shell.wait(), f"{''.join(said)}\n{shell.errors()}")
        shell.close()
        raise error from gone
    except BaseException:
        shell.close()
        raise
    return Opened(shell, way, int(ready.text(1)), ready.text(2))


def open_patiently(open_: Callable[[], Opened], place: Place, screen: Screen) -> Opened:
    """Opens where a shell was lost: waits for a machine that may be starting again."""
    until, said = time.monotonic() + BACK_LIMIT_S, False
    while True:
        try:
            return open_()
        except Unreachable:
            if time.monotonic() > until:
                raise
        if not said:
            screen.note(f"{place.machine} does not answer; waiting for it to be back.")
            said = True
        time.sleep(1)  # between two attempts; the limit is above


def restore(opened: Opened, place: Place, kept: Kept) -> Kept:
    """Sets what the last finished cell left; a directory that is gone gives way to home."""
    if not kept.state:
        return kept
    for directory in (kept.directory, ""):
        opened.shell.send(render_frame(kept.state, directory=directory, status=0))
        silent = Screen(lambda _: None)
        record = next_record(opened.shell, place, ("end", "refused"), silent)
        if record.kind == "end":
            return replace(kept, directory=record.text(1), jobs=())
    return kept


def next_record(shell: Shell, place: Place, kinds: tuple[str, ...], screen: Screen) -> Record:
    """The next record of one of these kinds; a silent shell counts as unreachable."""
    until = time.monotonic() + OPEN_LIMIT_S
    while (left_s := until - time.monotonic()) > 0:
        event = shell.next_event(left_s)
        if isinstance(event, Text):
            screen.write(event.data)
        elif isinstance(event, Record) and event.kind in kinds:
            return event
    raise Unreachable(
        f"{place} does not answer.",
        safe="Nothing was run.",
        next="run the cell again" if is_laptop(place) else f"stackwalk rescue {place.machine}",
    )


def short(path: str, home: str) -> str:
    """A directory as a prompt shows it: ``~/keys``."""
    if home and (path == home or path.startswith(f"{home}/")):
        return "~" + path[len(home) :]
    return path or "~"


def is_laptop(place: Place) -> bool:
    return place.machine == LAPTOP
