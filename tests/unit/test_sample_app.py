"""``sample-app``: a copy of the app, and nothing of what running it leaves."""

from pathlib import Path

import pytest

from stackwalk.commands.sampleapp import copy_sample_app
from stackwalk.errors import UsageError


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for path in ("app/__init__.py", "app/__pycache__/x.pyc", "instance/a.db", ".env", ".flaskenv"):
        file = tmp_path / "clone/sample_app" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "clone"


def test_copy_has_the_app_and_none_of_its_leftovers(clone: Path, tmp_path: Path) -> None:
    assert copy_sample_app(clone, tmp_path / "copy") == 2
    copied = {path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {"__init__.py", ".flaskenv"}


def test_folder_that_is_there_is_not_touched(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()

    with pytest.raises(UsageError, match="is there already, and may be your own work"):
        copy_sample_app(clone, tmp_path / "copy")

    assert not list((tmp_path / "copy").iterdir())


def test_course_without_an_app_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sample app in"):
        copy_sample_app(tmp_path, tmp_path / "copy")
