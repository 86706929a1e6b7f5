"""``catch-up``: the start of any chapter, from a blank machine, by the roles of those before."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stackwalk import machine, store
from stackwalk import progress as state
from stackwalk.commands import look
from stackwalk.commands.desk import (
    Desk,
    find_chapter,
    find_task,
    open_desk,
)
from stackwalk.commands.leavings import can_make, make_known, make_missing
from stackwalk.commands.look import place_books, remember_opened
from stackwalk.commands.play import ask_secrets, read_files, read_laptop, run_roles
from stackwalk.course import Chapter, Course, Task
from stackwalk.errors import MachineError, UsageError
from stackwalk.home import Home
from stackwalk.inflict import FINE
from stackwalk.machine import snapshot
from stackwalk.progress import Progress
from stackwalk.rolefile import read_role_file
from stackwalk.verdict import Verdict

NAME = "web"


@dataclass(frozen=True)
class Plan:
    """What a catch-up would do; ``target`` is none for the end of the course."""

    desk: Desk
    target: Chapter | None
    earlier: tuple[Chapter, ...]
    skipped: tuple[Task, ...]  # not met and not skipped yet

    @property
    def where(self) -> str:
        if self.target is None:
            return "the end of the course"
        return f"the start of chapter {self.target.number}, {self.target.title}"


@dataclass(frozen=True)
class CaughtUp:
    """What was done; ``missing`` are earlier tasks that the machine does not meet."""

    plan: Plan
    seconds: Mapping[str, float]
    missing: tuple[Verdict, ...]
    notes: tuple[str, ...]


def plan_catch_up(home: Home, name: str) -> Plan:
    """What comes before a chapter; changes nothing.

    Raises:
        UsageError: no such chapter, or a file that a role needs can neither be found nor made.
    """
    desk = open_desk(home)
    target, earlier = _split(desk.course, name)
    made = can_make(earlier)
    for chapter in earlier:
        for path in read_role_file(chapter).files.values():
            if path not in made and path.removesuffix(".pub") not in made:
                read_files(home, [chapter])  # says which file is missing
    open_tasks = [t for c in earlier for t in c.tasks if not desk.progress.of(t.id).is_settled]
    return Plan(desk, target, earlier, tuple(open_tasks))


def catch_up(
    plan: Plan,
    *,
    say: Callable[[str], None],
    ask: Callable[[str], str | None],
) -> CaughtUp:
    """Makes a blank machine and brings it to the plan's chapter; harmless when run again.

    Raises:
        StackwalkError: a secret was not given (before anything changed), or a role failed.
    """
    home = plan.desk.home
    secrets = ask_secrets(plan.earlier, ask)
    began = time.monotonic()
    machine.destroy(home, NAME, say=say)
    machine.up(home, NAME, say=say)
    seconds = {"blank machine": time.monotonic() - began}
    say(f"blank machine: {seconds['blank machine']:.0f} s")
    seconds |= bring(home, plan.earlier, secrets, say=say)
    missing = look_at(home, plan.desk.course, plan.earlier)
    if plan.earlier and not missing:
        _keep(home, plan.earlier[-1], say)
    notes = pass_by(home, plan.desk.course, plan.skipped)
    return CaughtUp(plan, seconds, missing, notes)


def _keep(home: Home, chapter: Chapter, say: Callable[[str], None]) -> None:
    """The same snapshot as one gets by finishing the chapter, so that a reset takes seconds."""
    try:
        taken = snapshot.take(home, NAME, chapter.name, automatic=True)
    except MachineError as error:
        say(f"no snapshot was taken: {error.happened}")
    else:
        say(f"kept as the snapshot {taken.label}")


def bring(
    home: Home,
    chapters: Sequence[Chapter],
    secrets: Mapping[str, str],
    *,
    say: Callable[[str], None],
) -> dict[str, float]:
    """Does chapters by their roles on the machine that is up, with what they leave on the laptop.

    Returns:
        The seconds each chapter took, by its name.
    """
    seconds = {}
    for chapter in chapters:
        began = time.monotonic()
        make_missing(home, chapter, say=say)
        _play(home, chapter, secrets)
        make_known(home, chapter, say=say)
        seconds[chapter.name] = time.monotonic() - began
        say(f"{chapter.name}: {seconds[chapter.name]:.0f} s")
    return seconds


def look_at(home: Home, course: Course, chapters: Sequence[Chapter]) -> tuple[Verdict, ...]:
    """The tasks of chapters that the machine does not meet; nothing is remembered of the look."""
    tasks = [task for chapter in chapters for task in chapter.tasks]
    verdicts = look.look_at(Desk(home, course, Progress()), tasks)
    return tuple(verdict for verdict in verdicts if verdict.status not in FINE)


def _play(home: Home, chapter: Chapter, secrets: Mapping[str, str]) -> None:
    said: list[str] = []
    given = read_laptop(home, [chapter]) | dict(secrets)
    if run_roles(home, [chapter], given, name=NAME, out=said.append) != 0:
        told = "\n".join(line for line in said if line.strip())
        raise MachineError(
            f"The role of chapter {chapter.number} failed. Ansible's words:\n{told}",
            safe="What came before it is on the machine; your progress is as it was.",
            next=f"stackwalk play {chapter.number}, or the catch-up again",
        )


def _split(course: Course, name: str) -> tuple[Chapter | None, tuple[Chapter, ...]]:
    """The chapter and those before it; the number after the last chapter means the course's end."""
    chapter = find_chapter(course, name)
    if chapter is not None:
        return chapter, course.chapters[: course.chapters.index(chapter)]
    if name.isdigit() and int(name) == int(course.chapters[-1].number) + 1:
        return None, course.chapters
    find_task(course, name)  # says what is near to it
    raise UsageError(f"{name} is a task; catch-up takes a chapter.", next="stackwalk catch-up 02")


def pass_by(home: Home, course: Course, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Nothing becomes met by a script: tasks not met are told as skipped, which opens the way.

    Returns:
        What there is to say of the notebooks that were placed.
    """

    def edit(progress: Progress) -> Progress:
        for task in tasks:
            progress = state.with_skip(progress, task.id, store.now())
        return remember_opened(course, progress)

    progress = store.change(home, edit).progress
    store.log_run(home, {"verb": "catch-up", "skipped": [task.id for task in tasks]})
    return tuple(place_books(home, course, progress))
