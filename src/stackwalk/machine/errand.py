"""One look's errand to a machine: the scout is sent there, and every command goes through it.

One ssh session and one sudo, however many commands. Where the scout cannot work, on a machine
without Python or with a broken sudo, ``Errand.run`` says ``NoScout``, and each command goes the
way of its own that ``remote.py`` has.
"""

import contextlib
import json
import shlex
import subprocess
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from stackwalk.errors import MachineError, WentAway
from stackwalk.home import Home
from stackwalk.machine import scout
from stackwalk.machine.record import Record
from stackwalk.machine.remote import (
    GRACE_S,
    Answer,
    explain,
    read_marked,
    require_up,
    say_status,
    stretch,
    too_long,
)
from stackwalk.machine.sshconfig import ensure_sockets

NOW = "# now"  # ends a command that measures, changes something, or compares two moments
READY_S = 20.0  # from the call of ssh to the scout's first word
# The program comes as one line, the literal of its text: read byte by byte, it takes no byte of
# what is asked after it. -I and -S: nothing of the machine's own Python settings is looked at.
RECEIVE = 'exec(eval(open(0,"rb",0,closefd=False).readline()))'
PROGRAM = Path(scout.__file__).read_text(encoding="utf-8")


def is_now(command: str) -> bool:
    """Whether its answer is worth nothing from another moment."""
    return command.rstrip().endswith(NOW)


class SaidTooMuch(MachineError):
    """A command's output was larger than a look needs."""


class NoScout(Exception):
    """The machine answers, and the scout cannot run there."""


class Errand:
    """The scout on one machine: sent with the first command, back when it is closed."""

    def __init__(self, home: Home, name: str) -> None:
        self._home = home
        self._name = name
        self._ssh: subprocess.Popen[bytes] | None = None
        self._answers: dict[int, tuple[str, Answer]] = {}
        self._news = threading.Condition()
        self._is_ready = self._is_over = self._is_told = False
        self._number = 0
        self._ahead: defaultdict[str, deque[int]] = defaultdict(deque)
        self._unanswered: set[int] = set()  # of those asked ahead
        self.heard: list[str] = []  # what ``run`` was asked since ``begin``
        self._has_effect = False  # of the check that asks: what it asks then, it must ask anew
        self.trips = 0  # how often something was asked and had to be waited for

    def run(self, command: str, *, limit_s: float) -> Answer:
        """Runs a shell command as root.

        ``limit_s`` is for a machine at full speed, as with ``run_remote``.

        Raises:
            NoScout: no command can go this way; ask in the other.
            NotUp, Unreachable: the machine is off or out of reach; WentAway: in the middle.
            RemoteTimeout: the command was still running after ``limit_s`` seconds.
            SaidTooMuch: the command was stopped for that.
        """
        record = self.set_out()
        if self._is_told:
            raise NoScout
        limit_s *= stretch(record)
        self.heard.append(command)
        if is_now(command):
            self._settle(record, command, limit_s)
            self._has_effect = True
        if not self._has_effect and (waiting := self._ahead.get(command)):
            number = waiting.popleft()
        else:
            (number,) = self._ask([command], limit_s, ahead=False)
        end, answer = self._wait_for(record, number, command, limit_s)
        if end == "late":
            raise too_long(record.name, command, limit_s)
        if end == "long":
            raise _too_much(record.name, command)
        return answer

    def set_out(self) -> Record:
        """Sends the scout, if it was not sent yet, and does not wait for it.

        Raises:
            NotUp: the machine is off or was never made.
        """
        record = require_up(self._home, self._name)
        if self._ssh is None and not self._is_over:
            self._send(record)
        return record

    def ask_ahead(self, commands: Sequence[str], *, limit_s: float) -> None:
        """Asks what ``run`` will probably be asked; each answer serves once, in this look only.

        A command that stands there twice is run twice.

        Raises:
            NotUp: the machine is off or was never made.
        """
        limit_s *= stretch(self.set_out())
        if commands and not self._is_over:
            for number, command in enumerate(commands, start=self._number + 1):
                self._ahead[command].append(number)
                self._unanswered.add(number)  # before it is asked: the answer may be quick
            self._ask(commands, limit_s, ahead=True)

    def begin(self, heard: list[str]) -> None:
        """Another check asks from now on; what it asks is added to ``heard``."""
        self.heard, self._has_effect = heard, False

    def close(self) -> None:
        """Ends the scout and all that it still runs."""
        if self._ssh is None:
            return
        assert self._ssh.stdin and self._ssh.stderr
        with contextlib.suppress(OSError):  # what was never sent need not be
            self._ssh.stdin.close()
        self._ssh.terminate()
        self._ssh.wait()
        self._reader.join()
        self._ssh.stderr.close()
        self._ssh = None

    def _send(self, record: Record) -> None:
        ensure_sockets(self._home)
        line = say_status(f"sudo -n -u root -- python3 -IS -c {shlex.quote(RECEIVE)}")
        self._ssh = subprocess.Popen(
            ["ssh", "-F", str(self._home.ssh_config), "-T", record.name, line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._ssh.stdout
        self._reader = threading.Thread(target=self._listen, args=(self._ssh.stdout,), daemon=True)
        self._reader.start()
        self._write(repr(PROGRAM))

    def _ask(self, commands: Sequence[str], limit_s: float, *, ahead: bool) -> range:
        """Sends commands in one go; one round trip, however many. Gives their numbers."""
        numbers = range(self._number + 1, self._number + 1 + len(commands))
        self._number = numbers[-1]
        self.trips += 1
        self._write(
            *(
                json.dumps({"id": number, "do": command, "limit_s": limit_s, "ahead": ahead})
                for number, command in zip(numbers, commands, strict=True)
            )
        )
        return numbers

    def _write(self, *lines: str) -> None:
        assert self._ssh and self._ssh.stdin
        with contextlib.suppress(BrokenPipeError):  # it is over: waiting for the answer tells why
            self._ssh.stdin.write("".join(f"{line}\n" for line in lines).encode())
            self._ssh.stdin.flush()

    def _settle(self, record: Record, command: str, limit_s: float) -> None:
        """What was asked ahead is answered first: a measurement opens ports, and others look."""
        patience_s = limit_s + READY_S * stretch(record)
        with self._news:
            is_quiet = self._news.wait_for(
                lambda: not self._unanswered or self._is_over, patience_s
            )
        if not is_quiet:
            raise too_long(record.name, command, limit_s)

    def _wait_for(
        self, record: Record, number: int, command: str, limit_s: float
    ) -> tuple[str, Answer]:
        patience_s = limit_s + (GRACE_S if self._is_ready else READY_S) * stretch(record)
        with self._news:
            self._news.wait_for(lambda: number in self._answers or self._is_over, patience_s)
            if number in self._answers:
                return self._answers.pop(number)
            is_silent, self._is_told = not self._is_over, True
        if is_silent:
            self.close()
            raise too_long(record.name, command, limit_s)
        assert self._ssh and self._ssh.stderr
        raise self._why(record, self._ssh.stderr.read(), command)

    def _why(self, record: Record, said: bytes, command: str) -> Exception:
        """Why it is over: the way is gone, or the scout was ended, or it never worked."""
        if read_marked(b"", said) is None:
            trouble = explain(record, said.decode(errors="replace"))
            if not self._is_ready:
                return trouble
            return WentAway(trouble.happened, safe=trouble.safe, next=trouble.next)
        if not self._is_ready:
            return NoScout()
        shown = " ".join(command.split())
        return WentAway(
            f"What looks at {record.name} for you was ended there, in the middle of: {shown[:120]}",
            safe="Nothing was changed on the machine or in your progress.",
            next=f"look again; if it stays so: stackwalk machine ssh {record.name}, and free -m",
        )

    def _listen(self, stdout: IO[bytes]) -> None:
        """Reads answers as they come; what a login says of itself stands before the first."""
        try:
            while line := stdout.readline():
                if line.endswith(scout.READY):
                    self._is_ready = True
                    break
            while line := stdout.readline():
                told = json.loads(line)
                said = stdout.read(told["out"] + told["err"])
                if len(said) < told["out"] + told["err"]:
                    break
                answer = Answer(told["rc"], said[: told["out"]], said[told["out"] :])
                with self._news:
                    self._answers[told["id"]] = told["end"], answer
                    self._unanswered.discard(told["id"])
                    self._news.notify_all()
        finally:
            stdout.close()
            with self._news:
                self._is_over = True
                self._news.notify_all()


def _too_much(name: str, command: str) -> SaidTooMuch:
    shown = " ".join(command.split())
    return SaidTooMuch(
        f"A command on {name} said more than {scout.MOST_BYTES // 10**6} MB and was stopped: "
        f"{shown[:120]}",
        safe="Nothing was marked wrong.",
        next=f"see what it says, in a terminal: stackwalk machine ssh {name}",
    )
