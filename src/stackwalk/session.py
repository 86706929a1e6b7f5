"""A kept shell behind ``%%on``: cells share its directory, variables and exit status."""

import atexit
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from stackwalk.course import Place
from stackwalk.ending import end_command, hang_up
from stackwalk.errors import Unreachable, UsageError
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.opening import (
    Kept,
    Opened,
    is_laptop,
    next_record,
    open_patiently,
    open_shell,
    restore,
    short,
)
from stackwalk.screen import Screen, opens_inner_shell
from stackwalk.shell import Shell, ShellGone
from stackwalk.way import SSH_FAILED, Way, explain, find_way
from stackwalk.wire import Record, Text, render_frame

__all__ = ["CellResult", "Session", "laptop_environment", "open_session", "run_cell"]

Ended = Literal["done", "interrupted", "timeout", "lost"]
LIMIT_S = 120


@dataclass(frozen=True)
class CellResult:
    """How a cell ended; directories as a prompt shows them (``~``, ``/etc/ssh``)."""

    exit_status: int
    directory_before: str
    directory_after: str
    seconds: float
    ended: Ended


class Session:
    """One place's shell, opened when the first cell needs it and again whenever it was lost."""

    def __init__(self, place: Place, way: Callable[[], Way]) -> None:
        self.place = place
        self._find_way = way
        self._opened: Opened | None = None
        self._way: Way | None = None  # of the last shell, too: where `in keys` begins
        self._home = ""
        self._kept = Kept()
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
        return short(self._kept.directory, self._home)

    def close(self) -> None:
        """Ends the shell; on the laptop its background jobs too, as closing a terminal does."""
        opened, self._opened = self._opened, None
        if opened is not None:
            if is_laptop(self.place):
                end_command(opened.way, opened.pid, (), signal="HUP")
            opened.shell.close()
        for group in self._left:
            hang_up(group)

    def _begin(self, text: str, directory: str | None, screen: Screen) -> str:
        """Sends a cell; opens the shell first, also when the one there turns out to be gone."""
        if "\0" in text:
            raise UsageError("This cell holds a NUL character, which no shell can read.")
        for _ in range(2):
            shell = (self._opened or self._open(screen)).shell
            with contextlib.suppress(ShellGone):
                shell.send(
                    render_frame(text, directory=self._full(directory), status=self._kept.status)
                )
                record = self._next_record(shell, screen)
                if record.kind == "refused":
                    reason = record.text(0).rpartition(": ")[2] or "it cannot be entered"
                    raise UsageError(
                        f"{self.place} cannot work in {directory}: {reason}",
                        safe="Nothing was run.",
                    )
                return short(record.text(0), self._home)
            self._drop(lost=True)
        raise explain(self.place, SSH_FAILED, "the session ended twice before the cell began")

    def _follow(self, screen: Screen, until: float) -> tuple[Ended, int]:
        """Shows what the cell prints until it is over."""
        assert self._opened is not None  # _begin has opened it
        shell = self._opened.shell
        try:
            while (left_s := until - time.monotonic()) > 0:
                event = shell.next_event(left_s)
                if isinstance(event, Text):
                    screen.write(event.data)
                elif isinstance(event, Record) and event.kind == "end":
                    self._kept = self._kept.after(event)
                    return "done", self._kept.status
                elif isinstance(event, Record) and event.kind == "exit":
                    return "done", self._exited(int(event.text(0)), screen)
        except ShellGone:
            status = shell.wait()
            if not is_laptop(self.place) and status == SSH_FAILED:
                return "lost", self._lost(screen)
            return "done", self._exited(status, screen)
        return "timeout", 124

    def _exited(self, status: int, screen: Screen) -> int:
        screen.note(f"the shell ended with status {status}; the next cell starts a new one.")
        self._drop()
        self._kept = Kept()
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
        if self._opened is not None:
            try:
                reached = end_command(self._opened.way, self._opened.pid, self._kept.jobs)
            except KeyboardInterrupt:
                reached = False
            if not reached:
                reason += f" (it may still run: {self.place.machine} did not answer)"
        self._drop()
        screen.note(f"{reason}. Directory and variables are as they were before this cell.")

    def _drop(self, *, lost: bool = False) -> None:
        opened, self._opened = self._opened, None
        self._was_lost = lost
        if opened is not None:
            opened.shell.close()
            if is_laptop(self.place) and hang_up(opened.shell.group, only_look=True):
                self._left.append(opened.shell.group)

    def _open(self, screen: Screen) -> Opened:
        """A shell with what the last cell left; where one was lost, with patience."""
        if self._was_lost:
            return open_patiently(self._open_once, self.place, screen)
        return self._open_once()

    def _open_once(self) -> Opened:
        self._way = self._find_way()
        self._opened = opened = open_shell(self.place, self._way)
        self._home = opened.home
        try:
            self._kept = restore(opened, self.place, self._kept)
        except Unreachable:
            self._drop(lost=self._was_lost)
            raise
        self._was_lost = False
        atexit.unregister(self.close)
        atexit.register(self.close)
        return opened

    def _next_record(self, shell: Shell, screen: Screen) -> Record:
        """Whether the cell began; a shell that is silent is given up."""
        try:
            return next_record(shell, self.place, ("begin", "refused"), screen)
        except Unreachable:
            self._drop(lost=self._was_lost)
            raise

    def _full(self, directory: str | None) -> str:
        """``in keys`` means below the place's own folder, wherever the shell is now."""
        if not directory or directory.startswith(("/", "~")) or self._way is None:
            return directory or ""
        return f"{self._way.base}/{directory}"


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
