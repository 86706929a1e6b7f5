"""The walk begins by deleting: it does so only where a walk was before, and alone."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from stackwalk import machine
from stackwalk.errors import StackwalkError, UsageError
from stackwalk.home import Home
from stackwalk.scaffold import new_chapter
from stackwalk.walk import WalkOptions, walk_course


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course, no machine that could be touched, and a folder for the lock of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(machine, "destroy", pytest.fail)
    monkeypatch.setattr(machine, "up", pytest.fail)
    new_chapter(tmp_path / "course", "01", "one")
    return tmp_path / "course"


def test_home_with_somebodys_work_is_not_wiped(root: Path, home: Home) -> None:
    home.root.mkdir()
    home.progress_file.write_text("{}")

    with pytest.raises(StackwalkError, match="is not empty and no walk made it"):
        walk_course(root, home, WalkOptions(), say=print)

    assert home.progress_file.exists()


def test_unknown_chapter_is_named(root: Path, home: Home) -> None:
    with pytest.raises(UsageError, match="no task or chapter called 'two'"):
        walk_course(root, home, WalkOptions(chapters=("two",)), say=print)


def test_second_walk_on_the_same_computer_waits_its_turn(root: Path, home: Home) -> None:
    lock = Path(tempfile.gettempdir()) / "stackwalk-walk.lock"

    with FileLock(lock), pytest.raises(StackwalkError, match="Another walk is running"):
        walk_course(root, home, WalkOptions(), say=print)
