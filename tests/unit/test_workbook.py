"""The learner's copies of the notebooks: whatever happens, nothing they wrote is lost."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.workbook import fingerprint, place_notebooks


def notebook(*sources: str, outputs: bool = False) -> str:
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Servers"},
        *(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {},
                "source": source.splitlines(keepends=True),
                "execution_count": 1 if outputs else None,
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]
                if outputs
                else [],
            }
            for number, source in enumerate(sources)
        ),
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "stackwalk")


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    (root / "notebooks").mkdir(parents=True)
    (root / "notebooks" / "02-servers.ipynb").write_text(notebook("%%on laptop\nls"))
    return root


def publish(course: Path, text: str) -> None:
    (course / "notebooks" / "02-servers.ipynb").write_text(text)


def place(home: Home, course: Path) -> str:
    [placed] = place_notebooks(home, course, ["02-servers"], [])
    return placed.note


def mine(home: Home) -> Path:
    return home.notebooks / "02-servers.ipynb"


def names(home: Home) -> list[str]:
    return sorted(path.name for path in home.notebooks.iterdir())


def test_open_chapter_is_placed_without_a_word(home, course):
    note = place(home, course)

    assert mine(home).read_text() == notebook("%%on laptop\nls")
    assert note == ""


def test_placing_again_changes_nothing(home, course):
    place(home, course)
    before = mine(home).stat().st_mtime_ns

    note = place(home, course)

    assert (mine(home).stat().st_mtime_ns, note) == (before, "")
    assert names(home) == ["02-servers.ipynb"]


def test_copy_the_learner_worked_in_is_kept_as_it_is(home, course):
    place(home, course)
    mine(home).write_text(notebook("my own command"))

    note = place(home, course)

    assert mine(home).read_text() == notebook("my own command")
    assert note == ""
    assert names(home) == ["02-servers.ipynb"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(notebook("my own command"), id="edited"),
        pytest.param(notebook("%%on laptop\nls", outputs=True), id="run"),
    ],
)
def test_new_edition_goes_beside_a_used_copy_and_is_said_once(home, course, text):
    place(home, course)
    mine(home).write_text(text)
    publish(course, notebook("%%on laptop\nls -l"))

    first, second = place(home, course), place(home, course)

    beside = f"02-servers (edition {date.today():%Y-%m-%d}).ipynb"
    assert mine(home).read_text() == text
    assert (home.notebooks / beside).read_text() == notebook("%%on laptop\nls -l")
    assert first.endswith(f"yours is as you left it. The course's is beside it: {beside}")
    assert second == ""


def test_second_new_edition_replaces_the_unused_one_beside(home, course):
    place(home, course)
    mine(home).write_text(notebook("mine"))
    for text in ("two", "three"):
        publish(course, notebook(text))
        place(home, course)

    beside = [name for name in names(home) if "edition" in name]
    assert len(beside) == 1
    assert (home.notebooks / beside[0]).read_text() == notebook("three")


def test_second_new_edition_leaves_a_used_one_beside_alone(home, course):
    place(home, course)
    mine(home).write_text(notebook("mine"))
    publish(course, notebook("two"))
    place(home, course)
    [beside] = [name for name in names(home) if "edition" in name]
    (home.notebooks / beside).write_text(notebook("mine too"))
    publish(course, notebook("three"))

    place(home, course)

    texts = {(home.notebooks / name).read_text() for name in names(home)}
    assert texts == {notebook("mine"), notebook("mine too"), notebook("three")}


def test_unused_old_copy_is_replaced(home, course):
    place(home, course)
    publish(course, notebook("new"))

    note = place(home, course)

    assert mine(home).read_text() == notebook("new")
    assert "you had not worked in it, so it was replaced" in note


def test_copy_that_was_only_opened_and_saved_counts_as_unused(home, course):
    place(home, course)
    saved = json.loads(mine(home).read_text())
    saved["metadata"]["language_info"] = {"name": "python", "version": "3.13"}
    mine(home).write_text(json.dumps(saved, indent=1))
    publish(course, notebook("new"))

    place(home, course)

    assert mine(home).read_text() == notebook("new")


def test_deleted_copy_is_placed_again(home, course):
    place(home, course)
    mine(home).unlink()

    note = place(home, course)

    assert mine(home).exists()
    assert note == "02-servers.ipynb was gone and is placed again."


@pytest.mark.parametrize("text", ['{"cells": [', "", "[]", '{"cells": [1]}'])
def test_broken_copy_is_kept_and_a_fresh_one_placed_beside(home, course, text):
    place(home, course)
    mine(home).write_text(text)

    first, second = place(home, course), place(home, course)

    assert mine(home).read_text() == text
    assert "can no longer be read as a notebook; it was kept" in first
    assert second == ""
    assert len(names(home)) == 2


def test_copy_without_a_memory_counts_as_the_learners(home, course):
    place(home, course)
    mine(home).write_text(notebook("mine"))
    (home.engine / "editions.json").write_text('{"format": 1, "noteb')

    place(home, course)

    assert mine(home).read_text() == notebook("mine")


def test_locked_chapter_can_be_read_and_says_what_opens_it(home, course):
    place_notebooks(home, course, [], ["02-servers"])

    [name] = names(home)
    text = (home.notebooks / name).read_text()
    assert name == "02-servers (locked).md"
    assert re.search(r"Locked: to read.*`stackwalk next`", text, re.DOTALL)
    assert "# Servers" in text
    assert "```bash\n%%on laptop\nls\n```" in text


def test_locked_page_makes_room_for_the_notebook(home, course):
    place_notebooks(home, course, [], ["02-servers"])

    place(home, course)

    assert names(home) == ["02-servers.ipynb"]


def test_chapter_that_was_open_stays_a_notebook_when_locked_again(home, course):
    place(home, course)

    place_notebooks(home, course, [], ["02-servers"])

    assert names(home) == ["02-servers.ipynb"]


def test_chapter_without_a_notebook_is_said(home, course):
    [placed] = place_notebooks(home, course, ["03-later"], [])

    assert placed.note == "The course holds no notebook 03-later.ipynb (yet)."


def test_spoiled_notebook_of_the_course_is_said_and_nothing_is_touched(home, course):
    place(home, course)
    publish(course, "<<<<<<< HEAD")

    with pytest.raises(StackwalkError, match="cannot be read as a notebook"):
        place(home, course)

    assert mine(home).read_text() == notebook("%%on laptop\nls")


def test_folder_that_cannot_be_written_is_said_in_words(home, course):
    home.root.mkdir()
    home.notebooks.write_text("a file where the folder should be")

    with pytest.raises(StackwalkError, match=r"folder cannot be written: File exists"):
        place(home, course)


def test_no_half_written_file_stays(home, course):
    place(home, course)

    assert [path.name for path in home.notebooks.iterdir()] == ["02-servers.ipynb"]


def test_fingerprint_reads_both_ways_a_source_is_stored():
    one = {"cells": [{"cell_type": "code", "source": "a\nb", "outputs": []}]}
    two = {"cells": [{"cell_type": "code", "source": ["a\n", "b"], "outputs": []}]}

    assert fingerprint(json.dumps(one)) == fingerprint(json.dumps(two))
