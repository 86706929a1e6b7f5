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
import time
from collections.abc import Callable
from pathlib import Path

from stackwalk import machine
from stackwalk.home import Home
from stackwalk.machine.record import Record
from stackwalk.machine.room import is_free
from stackwalk.walk import Report

# Chapters by their numbers: together the whole course, each chapter once.
PIECES = {"01 and 02": ("01", "02"), "03": ("03",), "04": ("04",)}
POLL_S = 0.5
STOP_S = 120  # a walk that is told to stop removes its machine


class Piece:
    """One walk under way: its home, its process and what it has said."""

    def __init__(self, name: str, slot: int) -> None:
        self.home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
        self._said = 0
        self._folder = Path(tempfile.mkdtemp(prefix="sw-piece-"))
        self._log = self._folder / "log"
        env = {
            **os.environ,
            "STACKWALK_HOME": str(self.home.root),
            "STACKWALK_PROVIDER": "docker",
            "STACKWALK_SLOT": str(slot),
            "TMPDIR": str(self._folder),  # one walk at a time holds for ports that only 01 uses
        }
        script = Path(__file__).parent / "piece.py"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(script), str(self._folder / "report"), *PIECES[name]],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def report(self, say: Callable[[str], None]) -> Report:
        """Waits for the end of the walk and says what it says."""
        while self._process.poll() is None:
            self._relay(say)
            time.sleep(POLL_S)
        self._relay(say)
        assert self._process.returncode == 0, f"the walk ended with {self._process.returncode}"
        report: Report = pickle.loads((self._folder / "report").read_bytes())
        return report

    def stop(self) -> None:
        """Nothing of it is left, whether it ended or not."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=STOP_S)
        machine.destroy(self.home, "web", say=print)
        shutil.rmtree(self.home.root)
        shutil.rmtree(self._folder)

    def _relay(self, say: Callable[[str], None]) -> None:
        text = self._log.read_text(errors="replace")
        whole = text.rfind("\n") + 1
        if whole > self._said:
            say(text[self._said : whole].rstrip("\n"))
            self._said = whole


def free_slots() -> list[int]:
    """The places from 1 to 7 for a home that nobody uses; 0 stays the learner's.

    The network of a home whose machine is off is still there, and its ports are free.

    Raises:
        RuntimeError: all are in use.
    """
    addresses = subprocess.run(["ip", "-o", "-4", "address"], capture_output=True, text=True).stdout
    free = [
        slot
        for slot in range(1, 8)
        if f" 192.168.{56 + slot}." not in addresses
        and all(is_free(port) for port in Record("web", "docker", slot).ports.values())
    ]
    if not free:
        raise RuntimeError("all slots from 1 to 7 are in use: destroy a machine first")
    return free
