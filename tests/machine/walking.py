"""The walk in pieces that run beside each other, and beside all other tests.

A walk mostly waits: for packages, for a ban, for a service that starts. Each piece has a machine of
its own; what lies before its first chapter is brought by the roles, which the walk itself proves.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from places import FOR_WALKS, claim_slot

from stackwalk import machine
from stackwalk.home import Home
from stackwalk.walk import Report

# Chapters by their numbers: together the whole course, each chapter once.
PIECES = {"01 and 02": ("01", "02")} | {one: (one,) for one in ("03", "04", "05", "06", "07")}
AT_ONCE = 3
POLL_S = 0.5
STOP_S = 120  # a walk that is told to stop removes its machine


class Piece:
    """One piece of the walk: its home, its process and what it has said."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
        self._name = name
        self.environment = environment
        self._said = 0
        self._folder = Path(tempfile.mkdtemp(prefix="sw-piece-"))
        self._log = self._folder / "log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        self._walk: Future[int] = Future()
        self._may_go = threading.Event()

    def run(self, *, keep: bool) -> None:
        """Walks on a machine that is removed after it, or with ``keep`` when ``stop`` is called."""
        try:
            with claim_slot(self.home, FOR_WALKS, again=self._is_wanted) as slot:
                self._process = self._start(slot)
                self._walk.set_result(self._process.wait())
                if keep:
                    self._may_go.wait()
                machine.destroy(self.home, "web", say=print)
        except BaseException as error:
            if self._walk.done():
                raise
            self._walk.set_exception(error)

    def report(self, say: Callable[[str], None]) -> Report:
        """Waits for the end of the walk and says what it says."""
        while not self._walk.done():
            self._relay(say)
            time.sleep(POLL_S)
        self._relay(say)
        assert self._walk.result() == 0, f"the walk ended with {self._walk.result()}"
        report: Report = pickle.loads((self._folder / "report").read_bytes())
        return report

    def stop(self) -> None:
        """The walk ends, and the machine may go."""
        self._may_go.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=STOP_S)

    def clear(self) -> None:
        shutil.rmtree(self.home.root)
        shutil.rmtree(self._folder)

    def _is_wanted(self) -> bool:
        return not self._may_go.wait(POLL_S)

    def _start(self, slot: int) -> subprocess.Popen[bytes]:
        env = {
            **self.environment,
            "STACKWALK_HOME": str(self.home.root),
            "STACKWALK_PROVIDER": "docker",
            "STACKWALK_SLOT": str(slot),
            "STACKWALK_PATIENCE": "3",  # several machines at once: how quick one is, is not asked
            "TMPDIR": str(self._folder),  # one walk at a time holds for ports that only 01 uses
        }
        script = Path(__file__).parent / "piece.py"
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, str(script), str(self._folder / "report"), *PIECES[self._name]],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _relay(self, say: Callable[[str], None]) -> None:
        text = self._log.read_text(errors="replace")
        whole = text.rfind("\n") + 1
        if whole > self._said:
            say(text[self._said : whole].rstrip("\n"))
            self._said = whole


class Walks:
    """The pieces that are asked for, a few at a time; the last one's machine stays to the end."""

    def __init__(self, names: Sequence[str]) -> None:
        environment = dict(os.environ)  # as it is now: a later test may change it for itself
        self.pieces = {name: Piece(name, environment) for name in names}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        for name, piece in self.pieces.items():
            self._pool.submit(piece.run, keep=name == names[-1])

    def stop(self) -> None:
        """Nothing of them is left, whether they ended or not."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for piece in self.pieces.values():
            piece.stop()
        self._pool.shutdown(wait=True)
        for piece in self.pieces.values():
            piece.clear()
