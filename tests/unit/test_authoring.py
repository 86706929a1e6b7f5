"""The author's check is as strict as a compiler, and the skeleton passes it."""

from pathlib import Path

import pytest

from stackwalk.authoring import find_problems
from stackwalk.errors import UsageError
from stackwalk.load import load_course
from stackwalk.problems import AuthorError
from stackwalk.scaffold import new_chapter


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_chapter(tmp_path, "01", "first-steps")
    return tmp_path


def edit(root: Path, old: str, new: str, *, name: str = "chapter.md") -> None:
    (path,) = root.glob(f"**/{name}")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def problems(root: Path) -> str:
    return "\n".join(str(problem) for problem in find_problems(root))


def test_skeleton_has_no_problems(root: Path) -> None:
    assert problems(root) == ""
    assert [task.id for task in load_course(root).tasks] == ["first_steps_begun"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("minutes: 60\n", "", ":1: `minutes` is missing", id="front matter key"),
        pytest.param("minutes: 60", "minutes: 60\nmood: good", "`mood` is not a key", id="odd key"),
        pytest.param("## The map", "## A map", "the sections are not those", id="section"),
        pytest.param("say: |\n", "sya: |\n", "`sya` is not a key of a task", id="task key"),
        pytest.param("  otherwise: |", "  other: |", "`nudges` has no `otherwise`", id="nudge"),
        pytest.param("  empty: |", "  void: |", "has no nudge `empty`", id="nudge nobody gives"),
        pytest.param("  - at: web as vagrant", "  - on: web", "a step of `solution`", id="step"),
        pytest.param("in ~\nhostname", "\nhostname", "does not say its directory", id="directory"),
        pytest.param("%%on web as vagrant in ~\n", "", "does not say where it runs", id="place"),
        pytest.param(
            "%%on web as vagrant in ~\n",
            ":undo: ls\n%%write web as root /etc/motd\n",
            "`:undo:` on a cell that is no `%%on`",
            id="undo of a file cell",
        ),
        pytest.param(
            "%%on web as vagrant in ~\n",
            ":within: 60\n%%on web as vagrant in ~\n",
            "`within` without `undo`: nothing would be taken back",
            id="within without undo",
        ),
        pytest.param("Say why, then", "Simply", "“Simply” promises", id="smooth word"),
        pytest.param(":shows: changed=0\n", "", "a second run unchanged", id="second run"),
        pytest.param(
            "title: The server has",
            "needs: [nowhere]\ntitle: The server has",
            "needs `nowhere`, which is no task",
            id="unknown need",
        ),
        pytest.param(
            "Who may write below",
            'Try echo "a note" | sudo tee /etc/first-steps.txt below',
            "gives its solution away",
            id="leak",
        ),
        pytest.param("{task} first_steps_begun", "{task} renamed", "has no check", id="no check"),
        pytest.param(
            "\n%%on web as",
            "\n%%on web as root in ~\necho 'open\n%%on web as",
            "bash cannot read it: ",
            id="open quote",
        ),
    ],
)
def test_each_slip_in_a_chapter_is_named_with_its_line(
    root: Path, old: str, new: str, said: str
) -> None:
    edit(root, old, new)

    found = problems(root)

    assert said in found
    assert found.startswith(("chapters/01-first-steps/chapter.md:", "checks/test_first_steps.py:"))


def test_unknown_nudge_of_a_mistake_is_named(root: Path) -> None:
    edit(root, "nudge: empty", "nudge: full", name="mistake.yaml")

    assert "mistake.yaml:1: `first_steps_begun` has no nudge `full`" in problems(root)


WAY = """\
title: With an editor
tasks: [first_steps_begun]
do: [{at: web as root, type: "true"}]
undo: [{at: web as root, type: "false"}]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("", "", "", id="as it should be"),
        pytest.param("title: With an editor\n", "", ":1: `title` is missing", id="no title"),
        pytest.param("tasks: [first_steps_begun]\n", "", "`tasks` is missing", id="no tasks"),
        pytest.param("first_steps_begun", "elsewhere", "`elsewhere` is no task of", id="task"),
        pytest.param('"false"', '"true"', "`do` and `undo` are the same", id="no way back"),
        pytest.param("undo:", "mend:", "`mend` is not a key of an other way", id="key"),
        pytest.param('"true"}', '"true", answers: {a: b}}', "`answers` in a step", id="answers"),
    ],
)
def test_each_slip_in_a_way_is_named(root: Path, old: str, new: str, said: str) -> None:
    way = root / "chapters" / "01-first-steps" / "ways" / "editor" / "way.yaml"
    way.parent.mkdir(parents=True)
    way.write_text(WAY.replace(old, new, 1))

    found = problems(root)

    assert said in found
    assert bool(found) == bool(said)


def test_way_without_its_file_is_named(root: Path) -> None:
    (root / "chapters" / "01-first-steps" / "ways" / "editor").mkdir(parents=True)

    assert "ways/editor/way.yaml:1: it is missing; write it" in problems(root)


def test_task_without_a_mistake_is_named(root: Path) -> None:
    (mistake,) = root.glob("chapters/*/mistakes/*/mistake.yaml")
    mistake.unlink()
    mistake.parent.rmdir()

    assert "no mistake turns `first_steps_begun` red" in problems(root)


def test_bare_assert_in_a_check_is_named(root: Path) -> None:
    edit(root, "    text = ", "    assert note\n    text = ", name="test_first_steps.py")

    assert "a bare `assert`" in problems(root)


def test_leftovers_are_named(root: Path) -> None:
    chapter = root / "chapters" / "01-first-steps"
    (chapter / "notes.txt").write_text("")
    (chapter / "files").mkdir()
    (chapter / "files" / "unused.py").write_text("")
    (root / "checks" / "test_gone.py").write_text("")

    found = problems(root)

    assert "notes.txt:1: not a part of a chapter" in found
    assert "unused.py:1: the chapter never mentions it" in found
    assert "test_gone.py:1: no chapter has this name" in found


def test_id_used_twice_is_named(root: Path) -> None:
    new_chapter(root, "02", "second")
    edit_path = root / "chapters" / "02-second" / "chapter.md"
    edit_path.write_text(edit_path.read_text().replace("second_begun", "first_steps_begun"))

    with pytest.raises(AuthorError, match="`first_steps_begun` stands in 01-first-steps already"):
        load_course(root)


def test_folder_that_is_no_chapter_is_named(root: Path) -> None:
    (root / "chapters" / "drafts").mkdir()
    (root / "chapters" / "02-empty").mkdir()

    found = problems(root)

    assert "chapters/drafts:1: not a chapter's name" in found
    assert "chapters/02-empty:1: no `chapter.md`" in found


def test_no_course_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(AuthorError, match="there are no chapters here; run it in a clone"):
        load_course(tmp_path)


@pytest.mark.parametrize(
    ("number", "slug", "said"),
    [
        pytest.param("1", "second", "not a number of two digits", id="number"),
        pytest.param("02", "Second One", "not a slug", id="slug"),
        pytest.param("01", "second", "01-first-steps is there already", id="number taken"),
        pytest.param("02", "first-steps", "01-first-steps is there already", id="slug taken"),
    ],
)
def test_new_refuses_what_does_not_fit(root: Path, number: str, slug: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        new_chapter(root, number, slug)
