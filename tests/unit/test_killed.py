"""A kernel killed in the middle of a check loses nothing that was earned."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from stackwalk import store
from stackwalk.home import Home
from stackwalk.progress import with_verdicts
from stackwalk.scaffold import new_chapter
from stackwalk.verdict import Status, Verdict

SLOW = """
import time
from pathlib import Path

def test_one_begun(laptop):
    Path("looking").touch()
    time.sleep(60)
"""


def test_kill_in_the_middle_of_a_check_loses_nothing(home: Home, tmp_path: Path) -> None:
    root = tmp_path / "course"
    new_chapter(root, "01", "one")
    (root / "checks" / "test_one.py").write_text(SLOW)
    earned = [Verdict("earlier_task", Status.MET)]
    store.change(home, lambda now: with_verdicts(now, earned, store.now()))
    home.laptop.mkdir()

    checking = subprocess.Popen(
        [sys.executable, "-c", "from stackwalk.cli import main; main()", "check"],
        cwd=home.laptop,
        env={**os.environ, "STACKWALK_COURSE": str(root)},
    )
    wait_for(home.laptop / "looking")
    checking.send_signal(signal.SIGKILL)
    checking.wait()

    loaded = store.load(home)
    assert loaded.note == ""
    assert loaded.progress.of("earlier_task").met_at
    assert not loaded.progress.of("one_begun").met_at
    store.change(home, lambda now: now)  # and the lock of the dead is free again


def wait_for(path: Path, limit_s: float = 20) -> None:
    until = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.02)
