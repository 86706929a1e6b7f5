"""A kept shell behind ``%%on``: cells share its directory, variables and exit status."""

import atexit
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from stackwalk.cellspec import LAPTOP
from stackwalk.course import Place
from stackwalk.ending import end_command
from stackwalk.errors import MachineError, Unreachable, UsageError
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.screen import Screen, opens_inner_shell
from stackwalk.shell import Shell, ShellGone
from stackwalk.way import SSH_FAILED, Way, explain, find_way
from stackwalk.wire import Record, Text, is_whole, render_frame

__all__ = ["CellResult", "Session", "laptop_environment", "open_session", "run_cell"]

Ended = Literal["done", "interrupted", "timeout", "lost"]
LIMIT_S = 120
OPEN_LIMIT_S = 30  # a login on an emulated machine takes some seconds
BACK_LIMIT_S = 90  # how long a machine that was there may take to be back, after a reboot
STATE_LIMIT = 1_000_000  # characters of variables that are kept against a lost connection


@dataclass(frozen=True)
class CellResult:
    """How a cell ended; directories as a prompt shows them (``~``, ``/etc/ssh``)."""

    exit_status: int
    directory_before: str
    directory_after: str
    seconds: float
    ended: Ended


@dataclass(frozen=True)
class _Kept:
    """What the last finished cell left: enough to go on in a new shell."""

    directory: str = ""
    status: int = 0
    jobs: tuple[int, ...] = ()
    state: str = ""


class Session:
    """One place's shell, opened when the first cell needs it and again whenever it was lost."""

    def __init__(self, place: Place, way: Callable[[], Way]) -> None:
        self.place = place
        self._find_way = way
        self._shell: Shell | None = None
        self._way: Way | None = None
        self._pid = 0
        self._home = ""
        self._kept = _Kept()
        self._was_lost = False
        self._left: list[int] = []  # process groups on the laptop whose shell ended before them

    def run(
        self,
        text: str,
        *,
        directory: str | None,
        limit_s: float,
        show: Callable[[str], None],
        begin: Callable[[str], None],
    ) -> CellResult:
        """One cell; see ``run_cell``."""
        started, screen, before = time.monotonic(), Screen(show), self.directory
        try:
            before = self._begin(text, directory, screen)
            begin(before)
            ended, status = self._follow(screen, started + limit_s)
        except KeyboardInterrupt:
            ended, status = "interrupted", 130
        if ended in ("interrupted", "timeout"):
            self._end(screen, ended, limit_s)
            self._kept = replace(self._kept, status=status)
        elif status and screen.wanted_to_ask():
            screen.note(
                "this wanted to ask, and a cell cannot answer: do it in the terminal beside."
            )
        elif inner := opens_inner_shell(text):
            screen.note(f"`{inner}` needs someone at a keyboard: do it in the terminal beside.")
        return CellResult(status, before, self.directory, time.monotonic() - started, ended)

    @property
    def directory(self) -> str:
        """Where the next cell runs, as a prompt shows it."""
        return self._short(self._kept.directory)

    def _short(self, path: str) -> str:
        if self._home and (path == self._home or path.startswith(f"{self._home}/")):
            return "~" + path[len(self._home) :]
        return path or "~"

    def close(self) -> None:
        """Ends the shell; on the laptop its background jobs too, as closing a terminal does."""
        shell, self._shell = self._shell, None
        if shell is not None:
            if self.place.machine == LAPTOP and self._way is not None:
                end_command(self._way, self._pid, (), signal="HUP")
            shell.close()
        for group in self._left:
            _hang_up(group)

    def _begin(self, text: str, directory: str | None, screen: Screen) -> str:
        """Sends a cell; opens the shell first, also when the one there turns out to be gone."""
        if "\0" in text:
            raise UsageError("This cell holds a NUL character, which no shell can read.")
        for _ in range(2):
            shell = self._shell or self._open_patiently(screen)
            with contextlib.suppress(ShellGone):
                shell.send(
                    render_frame(text, directory=self._full(directory), status=self._kept.status)
                )
                record = self._await(shell, ("begin", "refused"), OPEN_LIMIT_S, screen)
                if record.kind == "refused":
                    reason = record.text(0).rpartition(": ")[2] or "it cannot be entered"
                    raise UsageError(
                        f"{self.place} cannot work in {directory}: {reason}",
                        safe="Nothing was run.",
                    )
                return self._short(record.text(0))
            self._drop(lost=True)
        raise explain(self.place, SSH_FAILED, "the session ended twice before the cell began")

    def _follow(self, screen: Screen, until: float) -> tuple[Ended, int]:
        """Shows what the cell prints until it is over."""
        assert self._shell is not None  # _begin has opened it
        shell = self._shell
        try:
            while (left_s := until - time.monotonic()) > 0:
                event = shell.next_event(left_s)
                if isinstance(event, Text):
                    screen.write(event.data)
                elif isinstance(event, Record) and event.kind == "end":
                    return "done", self._keep(event)
                elif isinstance(event, Record) and event.kind == "exit":
                    return "done", self._exited(int(event.text(0)), screen)
        except ShellGone:
            status = shell.wait()
            if self.place.machine != LAPTOP and status == SSH_FAILED:
                return "lost", self._lost(screen)
            return "done", self._exited(status, screen)
        return "timeout", 124

    def _keep(self, end: Record) -> int:
        """Remembers what the cell left; a state that is not whole leaves the one before."""
        status, directory, jobs, length, state = (end.text(index) for index in range(5))
        usable = len(state) <= STATE_LIMIT and is_whole(state, length)
        self._kept = _Kept(
            directory,
            int(status),
            tuple(int(pid) for pid in jobs.split()),
            state if usable else self._kept.state,
        )
        return self._kept.status

    def _exited(self, status: int, screen: Screen) -> int:
        screen.note(f"the shell ended with status {status}; the next cell starts a new one.")
        self._drop()
        self._kept = _Kept()
        return status

    def _lost(self, screen: Screen) -> int:
        screen.note(
            f"the connection to {self.place.machine} was lost while this ran; what it had begun "
            "may have happened. The next cell connects again, with directory and variables as they "
            "were."
        )
        self._drop(lost=True)
        return SSH_FAILED

    def _end(self, screen: Screen, ended: Ended, limit_s: float) -> None:
        """Ends what runs, and says what that means."""
        reason = (
            "interrupted" if ended == "interrupted" else f"ended after {limit_s:g} s, its limit"
        )
        if self._shell is not None and self._way is not None and self._pid:
            try:
                reached = end_command(self._way, self._pid, self._kept.jobs)
            except KeyboardInterrupt:
                reached = False
            if not reached:
                reason += f" (it may still run: {self.place.machine} did not answer)"
        self._drop()
        screen.note(f"{reason}. Directory and variables are as they were before this cell.")

    def _drop(self, *, lost: bool = False) -> None:
        shell, self._shell, self._pid = self._shell, None, 0
        self._was_lost = lost
        if shell is not None:
            shell.close()
            if self.place.machine == LAPTOP and _hang_up(shell.group, only_look=True):
                self._left.append(shell.group)

    def _open_patiently(self, screen: Screen) -> Shell:
        """Opens a shell; where one was lost, waits for a machine that may be starting again."""
        until, said = time.monotonic() + BACK_LIMIT_S, False
        while True:
            try:
                return self._open()
            except Unreachable:
                if not self._was_lost or time.monotonic() > until:
                    raise
            if not said:
                screen.note(f"{self.place.machine} does not answer; waiting for it to be back.")
                said = True
            time.sleep(1)  # between two attempts; the limit is above

    def _open(self) -> Shell:
        """A fresh shell, checked for who and where it is, with what the last cell left."""
        self._way = self._find_way()
        shell = Shell(self._way)
        try:
            said: list[str] = []
            ready = self._await(shell, ("ready",), OPEN_LIMIT_S, Screen(said.append))
        except ShellGone as gone:
            error = explain(self.place, shell.wait(), f"{''.join(said)}\n{shell.errors()}")
            shell.close()
            raise error from gone
        except BaseException:
            shell.close()
            raise
        self._shell, self._pid, self._home = shell, int(ready.text(1)), ready.text(2)
        if self._way.user and ready.text(0) != self._way.user:
            self._drop()
            raise MachineError(
                f"This cell is for {self.place}; the session that opened is {ready.text(0)}'s.",
                safe="Nothing was run.",
            )
        self._restore(shell)
        self._was_lost = False
        atexit.unregister(self.close)
        atexit.register(self.close)
        return shell

    def _restore(self, shell: Shell) -> None:
        """Sets what the last finished cell left; a directory that is gone gives way to home."""
        if not self._kept.state:
            return
        for directory in (self._kept.directory, ""):
            shell.send(render_frame(self._kept.state, directory=directory, status=0))
            record = self._await(shell, ("end", "refused"), OPEN_LIMIT_S, Screen(lambda _: None))
            if record.kind == "end":
                self._kept = replace(self._kept, directory=record.text(1), jobs=())
                return

    def _await(
        self, shell: Shell, kinds: tuple[str, ...], limit_s: float, screen: Screen
    ) -> Record:
        """The next record of one of these kinds; a silent shell counts as unreachable."""
        until = time.monotonic() + limit_s
        while (left_s := until - time.monotonic()) > 0:
            event = shell.next_event(left_s)
            if isinstance(event, Text):
                screen.write(event.data)
            elif isinstance(event, Record) and event.kind in kinds:
                return event
        self._drop(lost=self._was_lost)
        raise Unreachable(
            f"{self.place} does not answer.",
            safe="Nothing was run.",
            next="stackwalk machine status",
        )

    def _full(self, directory: str | None) -> str:
        """``in keys`` means below the place's own folder, wherever the shell is now."""
        if not directory or directory.startswith(("/", "~")) or self._way is None:
            return directory or ""
        return f"{self._way.base}/{directory}"


def _hang_up(group: int, *, only_look: bool = False) -> bool:
    """Tells a process group that its terminal is closed; whether it had any process left."""
    try:
        os.killpg(group, 0 if only_look else signal.SIGHUP)
    except ProcessLookupError:
        return False
    return True


def run_cell(
    session: Session,
    text: str,
    *,
    directory: str | None = None,
    limit_s: float = LIMIT_S,
    show: Callable[[str], None],
    begin: Callable[[str], None] = lambda directory: None,
) -> CellResult:
    """Runs the lines of a cell in a place's kept shell.

    Args:
        directory: where to go first; None stays where the last cell left the shell.
        show: gets the output as it comes, pieces of any length.
        begin: gets the directory the cell begins in, before any output.
    Raises:
        StackwalkError: nothing was run, and why.
    """
    return session.run(text, directory=directory, limit_s=limit_s, show=show, begin=begin)


@cache
def open_session(home: Home, place: Place) -> Session:
    """The session of a place, one per process; its shell opens with the first cell."""
    return Session(place, lambda: find_way(home, place))
