"""The course is read once, and again as soon as a file of it has changed."""

from pathlib import Path

import pytest

from stackwalk import load
from stackwalk.course import Course
from stackwalk.home import Home
from stackwalk.problems import AuthorError
from stackwalk.scaffold import new_chapter
from stackwalk.shelf import take_course


def test_course_is_read_once(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = take_course(home, root)
    monkeypatch.setattr(load, "load_course", pytest.fail)

    assert take_course(home, root) == read == load.read_course(root)[0]


@pytest.mark.parametrize("name", ["chapter.md", "mistakes/*/mistake.yaml"])
def test_changed_file_is_read_again(home: Home, root: Path, name: str) -> None:
    take_course(home, root)
    (file,) = (root / "chapters" / "01-one").glob(name)
    file.write_text(file.read_text().replace("one_begun", "one_changed"))

    assert take_course(home, root) == load.read_course(root)[0]


def test_another_chapter_is_read_too(home: Home, root: Path) -> None:
    assert len(take_course(home, root).chapters) == 1
    new_chapter(root, "02", "two")

    assert len(take_course(home, root).chapters) == 2


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05N."])
def test_what_cannot_be_read_is_read_from_the_chapters(
    home: Home, root: Path, content: bytes
) -> None:
    home.engine.mkdir(parents=True)
    (home.engine / "course.pickle").write_bytes(content)

    assert isinstance(take_course(home, root), Course)


def test_course_that_does_not_fit_is_never_kept(home: Home, root: Path) -> None:
    (root / "chapters" / "01-one" / "chapter.md").write_text("---\ntitle: [\n---\n")

    for _ in range(2):
        with pytest.raises(AuthorError):
            take_course(home, root)
