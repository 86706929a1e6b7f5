"""Runs on the machine, as root, for one look: takes commands on stdin, answers on stdout.

Sent as text by ``errand.py``; standard library only, Python 3.9, Linux 5.3.

Asked:     one JSON object a line: ``{"id": 7, "do": "id -un", "limit_s": 20, "ahead": false}``
Answered:  one JSON object a line, then as many bytes as it says: ``{"id": 7, "end": "done",
           "rc": 0, "out": 5, "err": 0}`` and ``root\\n``. ``end`` is ``done``, ``late`` (not done
           after its limit) or ``long`` (it said more than ``MOST_BYTES``).

A command is done when its shell has ended, even where a child in the background keeps its output
open. One that is stopped is stopped with its whole process group. When stdin ends, so does all
that still runs: nothing outlives the look that asked for it.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import selectors
import signal
import subprocess
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself would take the machine longer to import than all the rest
    from typing import IO, Any

READY = b"stackwalk-scout ready\n"
MOST_BYTES = 8_000_000  # of each of a command's two outputs
AT_ONCE = 4  # commands beside each other, of those that were asked ahead
KILL_AFTER_S = 2.0  # between TERM and KILL
CHUNK = 65536


def read_environment() -> dict[bytes, bytes]:
    """What sudo gave; Python adds LC_CTYPE to its own (PEP 538), and no command must see that."""
    with open("/proc/self/environ", "rb") as file:
        pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    return {name: value for name, _, value in pairs}


class Command:
    """One shell command under way, with what it has said so far."""

    def __init__(self, asked: dict[str, Any], environment: dict[bytes, bytes]) -> None:
        self.id = asked["id"]
        self.process = subprocess.Popen(
            [b"/bin/sh", b"-c", asked["do"].encode(errors="surrogateescape")],
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout and self.process.stderr
        self.ended = os.pidfd_open(self.process.pid)
        self.said = {self.process.stdout: bytearray(), self.process.stderr: bytearray()}
        for pipe in self.said:
            os.set_blocking(pipe.fileno(), False)
        self.due = time.monotonic() + asked["limit_s"]
        self.end = "done"

    def read(self, pipe: IO[bytes]) -> bytes | None:
        """What there is to read now: nothing more will come after ``b""``."""
        piece = pipe.read(CHUNK)
        self.said[pipe] += piece or b""
        if len(self.said[pipe]) > MOST_BYTES:
            self.end = "long"
            self.send(signal.SIGKILL)
        return piece

    def stop(self) -> None:
        """It is late: first politely, the second time for good."""
        self.send(signal.SIGTERM if self.end == "done" else signal.SIGKILL)
        self.end = "late" if self.end == "done" else self.end
        self.due = time.monotonic() + KILL_AFTER_S

    def send(self, what: signal.Signals) -> None:
        """To the whole process group; nobody else has its number while the shell is not reaped."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, what)

    def finish(self) -> bytes:
        """The answer, once the shell has ended; what is still in the pipes belongs to it."""
        for pipe in self.said:
            while self.end != "long" and self.read(pipe):
                pass
            pipe.close()
        if self.end != "done":
            self.send(signal.SIGKILL)
        os.close(self.ended)
        rc = self.process.wait()
        out, err = (bytes(said[:MOST_BYTES]) for said in self.said.values())
        answer = {
            "id": self.id,
            "end": self.end,
            "rc": rc if rc >= 0 else 128 - rc,  # as a shell says that a signal ended it
            "out": len(out),
            "err": len(err),
        }
        return json.dumps(answer).encode() + b"\n" + out + err


class Scout:
    """The loop: hears what is asked, starts a few commands at once, answers as they end."""

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink = source, sink
        self.environment = read_environment()
        self.watch = selectors.DefaultSelector()
        self.watch.register(source, selectors.EVENT_READ)
        self.asked: collections.deque[dict[str, Any]] = collections.deque()
        self.running: list[Command] = []
        self.half_line = b""

    def serve(self) -> None:
        self.say(READY)
        try:
            while self.turn():
                pass
        finally:
            for command in self.running:
                command.send(signal.SIGKILL)

    def turn(self) -> bool:
        """One round; false once nobody asks any more."""
        due = min((command.due for command in self.running), default=None)
        for key, _ in self.watch.select(None if due is None else max(0, due - time.monotonic())):
            if key.data is None and not self.hear():
                return False
            if key.data in self.running:
                self.notice(key.data, key.fileobj)
        for command in self.running:
            if command.due <= time.monotonic():
                command.stop()
        while self.asked and len(self.running) < AT_ONCE:
            self.start(self.asked.popleft())
        return True

    def hear(self) -> bool:
        piece = os.read(self.source, CHUNK)
        *lines, self.half_line = (self.half_line + piece).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if asked["ahead"]:
                self.asked.append(asked)
            else:
                self.start(asked)  # somebody waits for this one
        return bool(piece)

    def start(self, asked: dict[str, Any]) -> None:
        command = Command(asked, self.environment)
        self.running.append(command)
        for source in sources(command):
            self.watch.register(source, selectors.EVENT_READ, command)

    def notice(self, command: Command, source: Any) -> None:
        if source != command.ended:
            if command.read(source) == b"":
                self.watch.unregister(source)
            return
        self.running.remove(command)
        for each in sources(command):
            with contextlib.suppress(KeyError):
                self.watch.unregister(each)
        self.say(command.finish())

    def say(self, text: bytes) -> None:
        while text:
            text = text[os.write(self.sink, text) :]


def sources(command: Command) -> list[Any]:
    """What may have news of it: its end, and both its outputs."""
    return [command.ended, *command.said]


if __name__ == "__main__":
    Scout(0, 1).serve()
