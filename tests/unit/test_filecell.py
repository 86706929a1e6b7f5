"""``%%write laptop``: the old file or the new one, and the old text is never lost."""

import os

import pytest

from stackwalk.cellspec import LAPTOP, WriteCell
from stackwalk.course import Place
from stackwalk.errors import MachineError
from stackwalk.filecell import write_file


def cell(path: str, mode: str | None = None) -> WriteCell:
    return WriteCell(Place(LAPTOP), path, mode)


def test_new_file_is_written_in_the_working_folder(home):
    written = write_file(home, cell("notes.txt"), "one\n")

    path = home.laptop / "notes.txt"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("one\n", 0o644)
    assert (written.before, written.kept) == (None, None)


def test_old_text_is_kept_outside_the_folder_where_programs_would_read_it(home):
    write_file(home, cell("notes.txt"), "one\n")

    written = write_file(home, cell("notes.txt"), "two\n")

    assert written.kept is not None
    assert written.kept.read_text() == "one\n"
    assert written.kept.is_relative_to(home.root / "kept" / "laptop")
    assert os.listdir(home.laptop) == ["notes.txt"]


def test_mode_of_an_old_file_stays_unless_the_cell_says_one(home):
    write_file(home, cell("key", "0600"), "one\n")

    write_file(home, cell("key"), "two\n")
    stayed = (home.laptop / "key").stat().st_mode & 0o777
    write_file(home, cell("key", "640"), "two\n")

    assert (stayed, (home.laptop / "key").stat().st_mode & 0o777) == (0o600, 0o640)


def test_link_is_written_through(home):
    home.laptop.mkdir(parents=True)
    (home.laptop / "real").write_text("one\n")
    (home.laptop / "link").symlink_to("real")

    write_file(home, cell("link"), "two\n")

    assert (home.laptop / "link").is_symlink()
    assert (home.laptop / "real").read_text() == "two\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("keys", "keys is a directory; name the file in it", id="directory"),
        pytest.param("no/such", "no/such lies in a directory that does not exist", id="no-folder"),
    ],
)
def test_place_that_cannot_hold_the_file_is_said(home, path, message):
    (home.laptop / "keys").mkdir(parents=True)

    with pytest.raises(MachineError, match=message):
        write_file(home, cell(path), "x\n")
