"""Types lines into a real login session, as a learner does in the terminal beside the notebook."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwalk import machine
from stackwalk.course import Place, Step
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.machine.remote import slowness

LINE_LIMIT_S = 600  # a role is played in one line; an emulated machine takes a multiple
# What a shell shows when it is ready: Debian's own prompt, dash's, and the laptop's below.
PROMPT = r"(?:^|[\r\n])(?:[\w.+-]+@[\w.-]+:[^\r\n]*[$#] |laptop:[^\r\n]*[$#] |[$#>] )$"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x07")


class TypingFailed(StackwalkError):
    """A line was typed and the session neither came back nor asked something known."""


@dataclass(frozen=True)
class Typed:
    """What the screen showed of one step; answers are never on it."""

    screen: str


def type_step(home: Home, step: Step, *, secrets: Mapping[str, str]) -> Typed:
    """Opens a login session at the step's place, types it, and closes it.

    Args:
        secrets: values for ``{name}`` in answers and for environment variables of the laptop.
    Raises:
        TypingFailed: a line did not come back within its limit, or the session did not open.
    """
    session = _Terminal(home, step.place, secrets)
    try:
        session.open(step.answers)
        for line in step.text.rstrip("\n").split("\n"):
            session.type(line, step.answers)
        return Typed(session.screen())
    finally:
        session.close()


class _Terminal:
    """A pseudo-terminal with a shell in it."""

    def __init__(self, home: Home, place: Place, secrets: Mapping[str, str]) -> None:
        import pexpect  # Unix only, and only the walk types

        self._pexpect, self._secrets, self._place = pexpect, secrets, place
        self._shown: list[str] = []
        argv = _argv(home, place)
        self._limit_s = LINE_LIMIT_S * slowness(home)
        home.laptop.mkdir(parents=True, exist_ok=True)
        self._child: Any = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(home.laptop),
            env={**laptop_environment(home), "TERM": "dumb", "PS1": "laptop:\\w\\$ "},
            encoding="utf-8",
            codec_errors="replace",
            timeout=self._limit_s,
            dimensions=(50, 200),
        )

    def open(self, answers: Mapping[str, str]) -> None:
        self._until_ready("opening the session", answers)

    def type(self, line: str, answers: Mapping[str, str]) -> None:
        self._child.sendline(line)
        self._until_ready(line, answers)

    def screen(self) -> str:
        text = CONTROL.sub("", "".join(self._shown)).replace("\r\n", "\n").replace("\r", "\n")
        for name, value in self._secrets.items():
            text = text.replace(value, f"{{{name}}}")
        return text.strip("\n")

    def close(self) -> None:
        if self._child.isalive():
            self._child.sendeof()
        self._child.close(force=True)

    def _until_ready(self, line: str, answers: Mapping[str, str]) -> None:
        """Waits for a prompt; answers what is asked on the way."""
        questions = list(answers)
        patterns: Sequence[Any] = [
            PROMPT,
            self._pexpect.EOF,
            self._pexpect.TIMEOUT,
            *(re.escape(question) for question in questions),
        ]
        while True:
            index = self._child.expect(patterns)
            before = self._child.before if isinstance(self._child.before, str) else ""
            after = self._child.after if isinstance(self._child.after, str) else ""
            self._shown.append(before + after)
            if index == 0:
                return
            if index == 1:
                if line.split()[:1] in (["exit"], ["logout"]):
                    return
                raise self._failed(line, "the session ended")
            if index == 2:
                raise self._failed(line, f"no prompt came back within {self._limit_s} s")
            self._child.sendline(answers[questions[index - 3]].format(**self._secrets))

    def _failed(self, line: str, why: str) -> TypingFailed:
        tail = "\n".join(self.screen().splitlines()[-12:])
        return TypingFailed(f"Typed {line!r} at {self._place}: {why}. The screen showed:\n{tail}")


def _argv(home: Home, place: Place) -> list[str]:
    """The command a learner opens such a session with."""
    if place.machine == "laptop":
        return ["bash", "--norc", "--noprofile", "-i"]
    if place.user == "vagrant":
        return machine.ssh_command(home, place.machine, tty=True)
    return ["ssh", "-tt", "-F", "ssh_config", "-l", place.user, place.machine]
