"""``check``: looks at the machine, remembers what was seen, opens what it opens."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from stackwalk import progress as state
from stackwalk import store, workbook
from stackwalk.commands.desk import (
    Desk,
    current_chapter,
    find_chapter,
    find_task,
    machine_can,
    open_desk,
    require_open,
)
from stackwalk.course import Chapter, Course, Task
from stackwalk.home import Home
from stackwalk.progress import Progress
from stackwalk.runner import with_needs
from stackwalk.vantage import Vantages
from stackwalk.verdict import Status, Verdict


@dataclass(frozen=True)
class CheckResult:
    """What was asked about, what was seen, and what it opened."""

    chapter: Chapter
    tasks: tuple[Task, ...]
    verdicts: tuple[Verdict, ...]  # of the tasks asked about, and of unmet ones they wait for
    progress: Progress
    course: Course
    opened: tuple[Chapter, ...]
    notes: tuple[str, ...]
    newly_met: tuple[Task, ...] = ()  # met now for the first time: time for their debrief

    @property
    def exit_code(self) -> int:
        """0 all met, 1 something is not, 3 could not tell."""
        statuses = {verdict.status for verdict in self.verdicts}
        if Status.UNKNOWN in statuses:
            return 3
        return 0 if statuses <= {Status.MET, Status.NOT_POSSIBLE} else 1


def check(home: Home, target: str | None = None) -> CheckResult:
    """Looks at one task, at a chapter, or (without a target) at the chapter the learner is in.

    Raises:
        UsageError: no such task or chapter, or it is still locked.
        StackwalkError: the course or the progress cannot be used.
    """
    with Vantages(home) as hosts:  # the scout is on its way while the course is read
        desk = open_desk(home)
        chapter, tasks = _targets(desk, target)
        require_open(desk, chapter)
        verdicts = _look_through(hosts, desk, tasks)
    return _remember(desk, chapter, tasks, verdicts)


def met_tasks(desk: Desk) -> list[Task]:
    """Everything that was ever met, in course order."""
    return [task for task in desk.course.tasks if desk.progress.of(task.id).met_at]


def look_at(desk: Desk, tasks: Iterable[Task]) -> list[Verdict]:
    """One look at these tasks and at all they need; remembers nothing."""
    with Vantages(desk.home) as hosts:
        return _look_through(hosts, desk, tasks)


def _look_through(hosts: Vantages, desk: Desk, tasks: Iterable[Task]) -> list[Verdict]:
    return hosts.look(
        desk.course,
        with_needs(desk.course, tasks),
        can=machine_can(desk.home),
        report=partial(_report, desk.home),
    )


def _targets(desk: Desk, target: str | None) -> tuple[Chapter, tuple[Task, ...]]:
    if target is None:
        chapter = current_chapter(desk)
        return chapter, chapter.tasks
    if chapter_named := find_chapter(desk.course, target):
        return chapter_named, chapter_named.tasks
    task = find_task(desk.course, target)
    return desk.course.chapter_of(task.id), (task,)


def _remember(
    desk: Desk, chapter: Chapter, tasks: tuple[Task, ...], verdicts: list[Verdict]
) -> CheckResult:
    asked = {task.id for task in tasks}
    causes = {verdict.waits_for for verdict in verdicts if verdict.task in asked}
    shown = tuple(verdict for verdict in verdicts if verdict.task in asked | causes)
    met = [verdict.task for verdict in verdicts if verdict.status is Status.MET]
    before = _open_now(desk.course, desk.progress)
    loaded = store.change(desk.home, partial(settle, desk.course, verdicts))
    store.log_run(
        desk.home,
        {"verb": "check", "met": met, "verdicts": [verdict.to_dict() for verdict in shown]},
    )
    opened = tuple(c for c in _open_now(desk.course, loaded.progress) if c not in before)
    notes = [note for note in (desk.note,) if note]
    if opened:
        notes += place_books(desk.home, desk.course, loaded.progress)
    newly = tuple(t for t in tasks if t.id in met and not desk.progress.of(t.id).met_at)
    return CheckResult(
        chapter, tasks, shown, loaded.progress, desk.course, opened, tuple(notes), newly
    )


def settle(course: Course, verdicts: list[Verdict], progress: Progress) -> Progress:
    """What is remembered once these verdicts were seen."""
    renamed = state.with_old_names(progress, course)
    after = state.with_verdicts(renamed, verdicts, store.now())
    return remember_opened(course, after)


def remember_opened(course: Course, progress: Progress) -> Progress:
    """Marks each chapter that the guided way opens; free mode opens nothing for good."""
    guided = [
        chapter.slug
        for chapter in course.chapters
        if not state.opens_after(course, progress, chapter)
    ]
    return state.with_opened(progress, guided, store.now())


def place_books(home: Home, course: Course, progress: Progress) -> list[str]:
    """Gives the learner the notebooks of all open chapters; returns what there is to say of it."""
    opened = [c.name for c in _open_now(course, progress)]
    locked = [c.name for c in course.chapters if c.name not in opened]
    return [p.note for p in workbook.place_notebooks(home, course.root, opened, locked) if p.note]


def _open_now(course: Course, progress: Progress) -> list[Chapter]:
    return [chapter for chapter in course.chapters if state.is_open(course, progress, chapter)]


def _report(home: Home, trace: str) -> None:
    home.engine.mkdir(parents=True, exist_ok=True)
    with (home.engine / "broken-checks.log").open("a", encoding="utf-8") as log:
        log.write(f"{store.now()}\n{trace}\n")
