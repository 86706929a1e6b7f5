"""A small course and a home of its own for each test; no machine anywhere."""

from pathlib import Path

import pytest

from stackwalk.course import Chapter, Course, Hints, Place, Step, Task
from stackwalk.home import Home


def make_task(task_id: str, *, needs: tuple[str, ...] = (), can: tuple[str, ...] = ()) -> Task:
    """A task with everything a task has."""
    hints = Hints({"otherwise": "look again", "empty": "it is empty"}, "there", "that", "so")
    step = Step(Place("web", "vagrant"), f"touch {task_id}")
    return Task(
        task_id, f"Title of {task_id}", "Do it.", needs, can, hints, (step,), "That was it.", 1
    )


def make_chapter(number: str, slug: str, *tasks: Task, folder: Path = Path()) -> Chapter:
    """A chapter that holds the tasks."""
    return Chapter(number, slug, slug.title(), "an end", 10, "server", tasks, (), folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    root = tmp_path / "home"
    monkeypatch.setenv("STACKWALK_HOME", str(root))
    return Home(root)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Two chapters; the second task needs the first, the third both."""
    one = make_chapter("01", "one", make_task("first_done"), make_task("second_done", needs=("first_done",)))
    two = make_chapter("02", "two", make_task("third_done", needs=("second_done",)))
    return Course((one, two), tmp_path / "course")
