"""What every verb needs at hand: the course, the learner's progress."""

import difflib
from dataclasses import dataclass

from stackwalk import machine, store
from stackwalk.course import Chapter, Course, Task
from stackwalk.errors import UsageError
from stackwalk.home import Home, find_clone
from stackwalk.progress import Progress, is_open, next_task, opens_after, with_old_names
from stackwalk.shelf import take_course


@dataclass(frozen=True)
class Desk:
    """One look at the course and at what the learner has done; made anew for each verb."""

    home: Home
    course: Course
    progress: Progress
    note: str = ""  # what had to be mended on reading, for the learner


def open_desk(home: Home) -> Desk:
    """The desk as it is now.

    Raises:
        StackwalkError: the course or the progress cannot be read.
    """
    loaded = store.load(home)
    course = take_course(home, find_clone())
    return Desk(home, course, with_old_names(loaded.progress, course), loaded.note)


def current_chapter(desk: Desk) -> Chapter:
    """Where the learner is: the chapter of the next task, the last one when all is done."""
    task = next_task(desk.course, desk.progress)
    return desk.course.chapter_of(task.id) if task else desk.course.chapters[-1]


def find_chapter(course: Course, name: str) -> Chapter | None:
    """The chapter called ``02``, ``2``, ``servers`` or ``02-servers``."""
    for chapter in course.chapters:
        if name in (chapter.number, chapter.number.lstrip("0"), chapter.slug, chapter.name):
            return chapter
    return None


def find_task(course: Course, name: str) -> Task:
    """The task with this id.

    Raises:
        UsageError: there is none; names the nearest ids.
    """
    tasks = {task.id: task for task in course.tasks}
    if name in tasks:
        return tasks[name]
    known = [*tasks, *(chapter.slug for chapter in course.chapters)]
    near = [each for each in known if name and each.startswith(name)][:3]
    near = near or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    raise UsageError(
        f"There is no task or chapter called {name!r}."
        + (f" Near to it: {', '.join(near)}." if near else ""),
        safe="Nothing was checked or changed.",
        next="stackwalk status",
    )


def require_open(desk: Desk, chapter: Chapter) -> None:
    """Raises a ``UsageError`` for a chapter that is still locked, saying what opens it."""
    if is_open(desk.course, desk.progress, chapter):
        return
    left = opens_after(desk.course, desk.progress, chapter)
    names = ", ".join(task.id for task in left[:4]) + (" and more" if len(left) > 4 else "")
    raise UsageError(
        f"Chapter {chapter.number}, {chapter.title}, opens after: {names}.",
        safe="You can read it now; its work starts when the chapters before it are settled.",
        next="stackwalk next   (or: stackwalk mode free, to work in any order)",
    )


def machine_can(home: Home) -> frozenset[str]:
    """What the machine ``web`` is capable of."""
    return machine.capabilities(home, "web")
