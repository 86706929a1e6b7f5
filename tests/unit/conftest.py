"""A small course and a home of its own for each test; no machine anywhere."""

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from samples import make_chapter, make_task, write_program

from stackwalk.course import Course
from stackwalk.home import Home
from stackwalk.machine import sshconfig
from stackwalk.machine.record import Record, save_record
from stackwalk.scaffold import new_chapter

CHECKS = Path(__file__).parents[2] / "checks"


@pytest.fixture
def load_probes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of look-ups as the runner has it: beside the checks on the path, loaded anew."""
    monkeypatch.syspath_prepend(CHECKS)
    for path in CHECKS.glob("*probes.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return importlib.import_module


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    root = tmp_path / "home"
    monkeypatch.setenv("STACKWALK_HOME", str(root))
    return Home(root)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """PATH holds the programs a test puts there before the computer's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return partial(write_program, folder)


@pytest.fixture
def running(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """``web`` as an ``up`` leaves it: its record and the way in are written."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    record = Record("web", "docker", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")
    save_record(home, record)
    sshconfig.write_ssh_config(home)
    return record


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Two chapters; the second task needs the first, the third both."""
    first = make_task("first_done")
    one = make_chapter("01", "one", first, make_task("second_done", needs=("first_done",)))
    two = make_chapter("02", "two", make_task("third_done", needs=("second_done",)))
    return Course((one, two), tmp_path / "course")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of one chapter, on the disk."""
    new_chapter(tmp_path / "course", "01", "one")
    return tmp_path / "course"
