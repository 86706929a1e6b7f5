"""``hint``, ``solution``, ``skip``, ``next`` and ``mode``: help, and ways round."""

from dataclasses import dataclass, replace
from functools import partial

from stackwalk import progress as state
from stackwalk import store
from stackwalk.commands.desk import Desk, find_task, open_desk, require_open
from stackwalk.commands.look import place_books, remember_opened
from stackwalk.course import Chapter, Course, Task
from stackwalk.drillbook import Drill, find_mistake
from stackwalk.errors import UsageError
from stackwalk.home import Home
from stackwalk.progress import Mode, Progress, TaskRecord, next_task

RUNGS = ("nudge", "where to look", "what to change", "show me")


@dataclass(frozen=True)
class HintResult:
    """One rung of the ladder: ``rung`` counts from 1 to 4."""

    task: Task
    rung: int
    name: str
    text: str


@dataclass(frozen=True)
class SolutionResult:
    """The reference solution of a task, and the debrief that goes with it."""

    task: Task


@dataclass(frozen=True)
class NextResult:
    """What to do now; ``task`` is none when everything is met."""

    task: Task | None
    chapter: Chapter | None
    notes: tuple[str, ...] = ()


def hint(home: Home, task_id: str | None = None, *, rung: int | None = None) -> HintResult:
    """The next rung for a task (the one the learner is at), or one that was asked for again.

    Where the last check saw something new, its nudge comes first: the rungs above speak of the
    task as a whole.

    Raises:
        UsageError: no such task, it is locked, or a rung outside 1 to 4.
    """
    desk = open_desk(home)
    task = (not task_id and _red(desk)) or _task(desk, task_id)
    require_open(desk, desk.course.chapter_of(task.id))
    drill, record = _drill(desk.course, desk.progress, task.id), desk.progress.of(task.id)
    if rung is None and _is_nudge_due(drill, record):
        store.change(home, partial(state.with_nudge, task_id=task.id))
        return HintResult(task, 1, RUNGS[0], _text(desk, task, 1))
    taken = (drill or record).hints
    wanted = rung if rung is not None else min(4, taken + 1)
    if not 1 <= wanted <= 4 or wanted > taken + 1:
        raise UsageError(
            f"{task.id} has four hints, and you have taken {taken} of them.",
            safe="Nothing was counted.",
            next=f"stackwalk hint {task.id}",
        )
    if wanted > taken:
        count = state.with_drill_hint if drill else partial(state.with_hint, task_id=task.id)
        store.change(home, count)
        store.log_run(home, {"verb": "hint", "task": task.id, "rung": wanted})
    return HintResult(task, wanted, RUNGS[wanted - 1], _text(desk, task, wanted))


def coming_rung(course: Course, progress: Progress, task_id: str) -> int:
    """The rung that ``hint`` gives next, from 1; 5 where all four were given for what was seen."""
    drill, record = _drill(course, progress, task_id), progress.of(task_id)
    return 1 if _is_nudge_due(drill, record) else (drill or record).hints + 1


def solution(home: Home, task_id: str | None = None) -> SolutionResult:
    """The reference solution, once the task is met or the last hint was taken.

    Raises:
        UsageError: it is too early, or there is no such task.
    """
    desk = open_desk(home)
    task = _task(desk, task_id)
    record = desk.progress.of(task.id)
    if not record.met_at and record.hints < 4:
        raise UsageError(
            f"The solution of {task.id} is shown once the task is met or its last hint was taken "
            f"({record.hints} of 4 so far).",
            safe="Hints cost nothing.",
            next=f"stackwalk hint {task.id}",
        )
    return SolutionResult(task)


def skip(home: Home, task_id: str | None = None) -> NextResult:
    """Passes a task by: it opens what comes after, and stays on the list to come back to."""
    desk = open_desk(home)
    task = _task(desk, task_id)
    require_open(desk, desk.course.chapter_of(task.id))

    def edit(progress: Progress) -> Progress:
        skipped = state.with_skip(progress, task.id, store.now())
        return remember_opened(desk.course, skipped)

    progress = store.change(home, edit).progress
    store.log_run(home, {"verb": "skip", "skipped": [task.id]})
    told = (
        f"{task.id} is skipped, not done: it stays in stackwalk status, and "
        f"stackwalk check {task.id} takes it up again.",
        *(
            f"Chapter {chapter.number}, {chapter.title}, is open now; its notebook lies beside "
            "this chapter's."
            for chapter in desk.course.chapters
            if chapter.slug in progress.opened and chapter.slug not in desk.progress.opened
        ),
    )
    return _next(desk.course, progress, (*told, *place_books(home, desk.course, progress)))


def up_next(home: Home) -> NextResult:
    """The first task that is neither met nor skipped, then the skipped ones."""
    desk = open_desk(home)
    return _next(desk.course, desk.progress, (desk.note,) if desk.note else ())


def set_mode(home: Home, mode: Mode) -> tuple[str, ...]:
    """Guided (chapters open one after another) or free; returns what there is to say."""
    desk = open_desk(home)
    progress = store.change(home, lambda now: replace(now, mode=mode)).progress
    return tuple(place_books(home, desk.course, progress))


def _task(desk: Desk, task_id: str | None) -> Task:
    if task_id is not None:
        return find_task(desk.course, task_id)
    mistake = desk.progress.drill and find_mistake(desk.course, desk.progress.drill.mistake)
    if mistake:
        return find_task(desk.course, mistake.task)
    task = next_task(desk.course, desk.progress)
    if task is None:
        raise UsageError("Every task is met.", next="stackwalk status")
    return task


def _red(desk: Desk) -> Task | None:
    """The task that the last check saw turn red, unless a drill says which one it is about."""
    return None if desk.progress.drill else state.red_task(desk.course, desk.progress)


def _is_nudge_due(drill: Drill | None, record: TaskRecord) -> bool:
    """Whether a check saw a fault since the first rung was taken that no nudge spoke of."""
    is_new = bool(record.hints and record.saw and record.saw != record.nudged)
    return is_new and drill is None


def _drill(course: Course, progress: Progress, task_id: str) -> Drill | None:
    """The drill about this task, if one runs: it has a ladder of its own, from the first rung."""
    drill = progress.drill
    mistake = drill and find_mistake(course, drill.mistake)
    return drill if mistake and mistake.task == task_id else None


def _text(desk: Desk, task: Task, rung: int) -> str:
    hints = task.hints
    drill = _drill(desk.course, desk.progress, task.id)
    saw = desk.progress.of(task.id).saw or (drill.saw if drill else "")
    nudge = hints.nudges.get(saw, hints.otherwise)
    return (nudge, hints.where, hints.what, hints.show)[rung - 1]


def _next(course: Course, progress: Progress, notes: tuple[str, ...]) -> NextResult:
    task = next_task(course, progress)
    return NextResult(task, course.chapter_of(task.id) if task else None, notes)
