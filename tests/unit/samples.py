"""Small courses for tests."""

from pathlib import Path

from stackwalk.course import Chapter, Hints, Place, Step, Task


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


def write_program(folder: Path, name: str, script: str) -> Path:
    """A shell script that stands for a program of that name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
