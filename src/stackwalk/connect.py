"""testinfra hosts for the checks: the machine over one kept connection, and the laptop."""

import contextlib
import shlex
import subprocess
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from stackwalk.errors import RemoteTimeout
from stackwalk.home import Home, find_home
from stackwalk.machine.errand import Errand, NoScout
from stackwalk.machine.remote import LIMIT_S, Answer, require_up, run_remote, slowness


def open_host(
    home: Home,
    name: str = "web",
    *,
    errand: Errand | None = None,
    fresh: bool = False,
    limit_s: float = LIMIT_S,
) -> Host:
    """A testinfra host whose commands run as root on the machine.

    Args:
        errand: run them all in one session; whoever began it closes it.
        fresh: log in anew for every command, where a kept connection would lie: after a change
            of sshd, of keys or of groups.
        limit_s: seconds each command may take.
    Raises:
        NotUp, Unreachable: now, or later from any command; RemoteTimeout from any command.
    """
    require_up(home, name)
    return Host(_MachineBackend(home, name, errand=errand, fresh=fresh, limit_s=limit_s))


def open_laptop(home: Home | None = None, *, limit_s: float = LIMIT_S) -> Host:
    """A testinfra host for this computer; commands run in the learner's laptop folder.

    Most of them log in to ``web``, so an emulated one gives them the time it needs itself.
    """
    home = home or find_home()
    return Host(_LaptopBackend(home, limit_s=limit_s * slowness(home)))


def run_once(
    home: Home,
    name: str,
    command: str,
    *,
    user: str = "root",
    fresh: bool = False,
    limit_s: float = LIMIT_S,
) -> CommandResult:
    """Run one shell command on the machine and give ``rc``, ``stdout`` and ``stderr``."""
    backend = _MachineBackend(home, name, fresh=fresh, limit_s=limit_s)
    answer = run_remote(home, name, command, user=user, fresh=fresh, limit_s=limit_s)
    return backend.to_result(command, answer)


class _Backend(BaseBackend):  # type: ignore[misc]  # testinfra ships no types
    """What both have in common: UTF-8 without asking, never a failure over a stray byte."""

    def get_encoding(self) -> str:
        return "utf-8"

    def decode(self, data: bytes) -> str:
        return data.decode(errors="replace")

    def to_result(self, command: str, answer: Answer) -> CommandResult:
        return self.result(answer.rc, command.encode(), answer.stdout, answer.stderr)


class _MachineBackend(_Backend):
    NAME = "ssh"  # testinfra's modules ask for it

    def __init__(
        self,
        home: Home,
        name: str,
        *,
        fresh: bool,
        limit_s: float,
        errand: Errand | None = None,
    ) -> None:
        super().__init__(name)  # without its sudo: run_remote has the one that cannot ask
        self._home = home
        self._errand = errand
        self._fresh = fresh
        self._limit_s = limit_s

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        # kwargs: testinfra passes `encoding` from one place, which get_encoding makes moot.
        line = self.get_command(command, *args)
        return self.to_result(line, self._ask(line))

    def _ask(self, line: str) -> Answer:
        if self._errand:
            with contextlib.suppress(NoScout):
                return self._errand.run(line, limit_s=self._limit_s)
        return run_remote(
            self._home,
            self.hostname,
            line,
            user="root",
            fresh=self._fresh,
            limit_s=self._limit_s,
        )


class _LaptopBackend(_Backend):
    NAME = "local"

    def __init__(self, home: Home, *, limit_s: float) -> None:
        super().__init__("localhost")
        self._home = home
        self._limit_s = limit_s

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        line = self.get_command(command, *args)
        self._home.laptop.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", line],
                cwd=self._home.laptop,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=self._limit_s,
            )
        except subprocess.TimeoutExpired as error:
            raise RemoteTimeout(
                f"A command on this laptop was not done after {self._limit_s:g} s: "
                f"{shlex.join([line])[:120]}",
                safe="Nothing was marked wrong.",
                next="type it again",
            ) from error
        return self.to_result(line, Answer(done.returncode, done.stdout, done.stderr))
