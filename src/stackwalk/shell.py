"""One running bash that serves cells: its process, and the stream of what it says."""

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import tempfile
import threading
from collections import deque
from typing import IO

from stackwalk.way import Way
from stackwalk.wire import Parser, Record, Text, render_loop

CHUNK = 65536
CHUNKS_HELD = 64  # what a background job may print between two cells before it has to wait


class ShellGone(Exception):
    """The shell's process has ended, or nobody reads what is sent to it."""


class Shell:
    """A bash behind two pipes; a thread empties the pipe between cells too."""

    def __init__(self, way: Way) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as ssh
        # Its own session: Ctrl-C in the kernel reaches the kernel's group and must not end ssh.
        self._process = subprocess.Popen(
            way.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=way.cwd,
            env=None if way.env is None else dict(way.env),
            start_new_session=True,
            preexec_fn=_hear_signals,
        )
        token = secrets.token_hex(16)
        self._parser = Parser(token)
        self._events: deque[Text | Record] = deque()
        self._chunks: queue.Queue[bytes] = queue.Queue(CHUNKS_HELD)
        self._over = False
        self._closed = threading.Event()
        assert self._process.stdout is not None  # asked for above
        threading.Thread(
            target=_pump, args=(self._process.stdout, self._chunks, self._closed), daemon=True
        ).start()
        with contextlib.suppress(ShellGone):  # the first ``next_event`` tells it, with the reason
            self.send(render_loop(token))

    @property
    def group(self) -> int:
        """The process group of the local end."""
        return self._process.pid

    def send(self, data: bytes) -> None:
        """Hands the shell a line or a frame.

        Raises:
            ShellGone: it has ended.
        """
        assert self._process.stdin is not None  # asked for at the start
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise ShellGone from error

    def next_event(self, timeout_s: float) -> Text | Record | None:
        """What the shell says next; None when it is silent for that long.

        Raises:
            ShellGone: it has ended and everything it said was given.
        """
        while not self._events:
            if self._over:
                raise ShellGone
            try:
                data = self._chunks.get(timeout=max(0.0, timeout_s))
            except queue.Empty:
                return None
            if not data:
                self._over = True
                raise ShellGone
            self._events.extend(self._parser.feed(data))
        return self._events.popleft()

    def wait(self) -> int:
        """The exit status once the process has ended; 128 + n for signal n."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        return status if status >= 0 else 128 - status

    def errors(self) -> str:
        """What the local end (ssh) complained about."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """Ends the local end; what runs behind ssh is ended by ``ending``, not by this."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._closed.set()
        while not self._chunks.empty():
            self._chunks.get_nowait()
        if self._process.stdin is not None:
            # A frame may still be in the buffer, and there is nobody to read it.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._errors.close()


def _hear_signals() -> None:
    """A lab started with nohup ignores SIGHUP, its shells would inherit that and outlive it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _pump(source: IO[bytes], chunks: "queue.Queue[bytes]", closed: threading.Event) -> None:
    """Reads until nobody holds the other end any more, which it tells as an empty chunk.

    Goes on after ``close``: a background job that outlives its shell must not block on a full pipe.
    """
    with source:
        while data := os.read(source.fileno(), CHUNK):
            if not closed.is_set():
                chunks.put(data)
    if not closed.is_set():
        chunks.put(b"")
