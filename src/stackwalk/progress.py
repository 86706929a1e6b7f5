"""What the learner has met, and what is open because of it; pure, computed from records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from stackwalk.course import Chapter, Course, Task
from stackwalk.drillbook import KEPT, Drill, Drilled, Ending, drill_from, drilled_from
from stackwalk.verdict import Status, Verdict

Mode = Literal["guided", "free"]
FORMAT = 1


@dataclass(frozen=True)
class TaskRecord:
    """What is remembered of one task; times are UTC, ISO 8601."""

    met_at: str = ""
    green_at: str = ""  # last time it was seen met
    skipped_at: str = ""
    hints: int = 0  # rungs of the ladder taken, 0 to 4
    last: str = ""  # last status that was seen; never ``unknown``
    saw: str = ""  # what the last unmet check saw: picks the nudge
    nudged: str = ""  # what the last nudge given was about

    @property
    def is_settled(self) -> bool:
        """Met once, skipped, or not possible on this machine: each opens the next."""
        return bool(self.met_at or self.skipped_at) or self.is_impossible

    @property
    def is_red(self) -> bool:
        """It was met once, and the last look found it otherwise."""
        return bool(self.met_at) and self.last in (str(Status.UNMET), str(Status.NOT_STARTED))

    @property
    def is_impossible(self) -> bool:
        """It was never met, and the machine it was last looked for on cannot do it."""
        return not self.met_at and self.last == str(Status.NOT_POSSIBLE)


@dataclass(frozen=True)
class Progress:
    """The whole file. ``tasks`` keys are task ids, ``opened`` keys chapter slugs.

    Editions that know no drills read the rest; so ``format`` stayed 1.
    """

    mode: Mode = "guided"
    tasks: Mapping[str, TaskRecord] = field(default_factory=dict)
    opened: Mapping[str, str] = field(default_factory=dict)
    drill: Drill | None = None
    drilled: tuple[Drilled, ...] = ()

    def of(self, task_id: str) -> TaskRecord:
        return self.tasks.get(task_id, TaskRecord())


def is_open(course: Course, progress: Progress, chapter: Chapter) -> bool:
    """Whether a chapter's work may be done.

    An opened chapter stays open even when a new edition adds a task to an earlier one.
    """
    if progress.mode == "free" or chapter.slug in progress.opened:
        return True
    earlier = course.chapters[: course.chapters.index(chapter)]
    return all(progress.of(task.id).is_settled for past in earlier for task in past.tasks)


def opens_after(course: Course, progress: Progress, chapter: Chapter) -> tuple[Task, ...]:
    """The tasks that still keep a locked chapter closed, in course order."""
    earlier = course.chapters[: course.chapters.index(chapter)]
    return tuple(
        task for past in earlier for task in past.tasks if not progress.of(task.id).is_settled
    )


def next_task(course: Course, progress: Progress) -> Task | None:
    """The first task that is neither met nor skipped; then what turned red; then the skipped."""
    open_tasks = [t for t in course.tasks if not progress.of(t.id).is_settled]
    records = {t.id: progress.of(t.id) for t in course.tasks}
    red = [t for t in course.tasks if records[t.id].is_red]
    skipped = [t for t in course.tasks if not (records[t.id].met_at or records[t.id].is_impossible)]
    return next(iter(open_tasks or red or skipped), None)


def with_verdicts(progress: Progress, verdicts: Iterable[Verdict], now: str) -> Progress:
    """The progress after a check. ``unknown`` and ``waiting`` never take anything away."""
    tasks = dict(progress.tasks)
    for verdict in verdicts:
        tasks[verdict.task] = _after(progress.of(verdict.task), verdict, now)
    return replace(progress, tasks=tasks)


def _after(record: TaskRecord, verdict: Verdict, now: str) -> TaskRecord:
    if verdict.status is Status.MET:
        return replace(
            record, met_at=record.met_at or now, green_at=now, skipped_at="", last="met", saw=""
        )
    if verdict.status in (Status.UNMET, Status.NOT_STARTED):
        return replace(record, last=str(verdict.status), saw=verdict.saw)
    if verdict.status is Status.NOT_POSSIBLE and not record.met_at:
        return replace(record, last=str(verdict.status), saw="")
    return record


def red_task(course: Course, progress: Progress) -> Task | None:
    """The first task that was met and was seen red since; none where everything held."""
    return next((task for task in course.tasks if progress.of(task.id).is_red), None)


def with_hint(progress: Progress, task_id: str) -> Progress:
    """One more rung of the ladder taken."""
    record = progress.of(task_id)
    taken = min(4, record.hints + 1)
    return _with(progress, task_id, replace(record, hints=taken, nudged=record.saw))


def with_nudge(progress: Progress, task_id: str) -> Progress:
    """The nudge for what was seen last was given; no rung is counted for it."""
    record = progress.of(task_id)
    return _with(progress, task_id, replace(record, nudged=record.saw))


def with_skip(progress: Progress, task_id: str, now: str) -> Progress:
    """Skipped is not met: it opens the next and stays on the list to come back to."""
    record = progress.of(task_id)
    if record.met_at:
        return progress
    return _with(progress, task_id, replace(record, skipped_at=record.skipped_at or now))


def with_drill_hint(progress: Progress) -> Progress:
    """One more rung taken in the drill that runs; the task's own count stays as it was."""
    drill = progress.drill
    if drill is None:
        return progress
    return replace(progress, drill=replace(drill, hints=min(4, drill.hints + 1)))


def with_drill_over(progress: Progress, ending: Ending, seconds: int, now: str) -> Progress:
    """The drill that runs becomes one that is over."""
    drill = progress.drill
    if drill is None:
        return progress
    over = Drilled(drill.mistake, now, ending, seconds, drill.hints)
    return replace(progress, drill=None, drilled=(*progress.drilled, over)[-KEPT:])


def with_opened(progress: Progress, slugs: Iterable[str], now: str) -> Progress:
    """Remembers chapters as opened, so that they never lock again."""
    opened = {**{slug: now for slug in slugs}, **progress.opened}
    return progress if opened == progress.opened else replace(progress, opened=opened)


def _with(progress: Progress, task_id: str, record: TaskRecord) -> Progress:
    return replace(progress, tasks={**progress.tasks, task_id: record})


def with_old_names(progress: Progress, course: Course) -> Progress:
    """Records of tasks that a new edition renamed (``was`` in the chapter) under their new id."""
    tasks = dict(progress.tasks)
    for task in course.tasks:
        for old in task.was:
            if old in tasks and task.id not in tasks:
                tasks[task.id] = tasks.pop(old)
    return replace(progress, tasks=tasks)


def merge(ours: Progress, theirs: Progress) -> Progress:
    """Everything earned in either; used when a file had to be put together again."""
    tasks = dict(theirs.tasks)
    for task_id, record in ours.tasks.items():
        other = theirs.of(task_id)
        tasks[task_id] = replace(
            record,
            met_at=min(filter(None, (record.met_at, other.met_at)), default=""),
            green_at=max(record.green_at, other.green_at),
            skipped_at=record.skipped_at or other.skipped_at,
            hints=max(record.hints, other.hints),
        )
    return replace(ours, tasks=tasks, opened={**ours.opened, **theirs.opened})


def to_dict(progress: Progress) -> dict[str, Any]:
    """The file's content; empty fields are left out so that a person can read it."""
    drills: dict[str, Any] = {}
    if progress.drill:
        drills["drill"] = {k: v for k, v in vars(progress.drill).items() if v}
    if progress.drilled:
        drills["drilled"] = [vars(drilled) for drilled in progress.drilled]
    return {
        "format": FORMAT,
        "mode": progress.mode,
        "opened": dict(sorted(progress.opened.items())),
        "tasks": {
            task_id: {k: v for k, v in vars(record).items() if v}
            for task_id, record in sorted(progress.tasks.items())
        },
        **drills,
    }


def from_dict(data: Mapping[str, Any]) -> Progress:
    """The progress a file holds.

    Raises:
        ValueError: not a progress file, or one written by a newer edition.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("format"), int):
        raise ValueError("it is not a progress file")
    if data["format"] > FORMAT:
        raise ValueError(f"it has format {data['format']}, this edition reads up to {FORMAT}")
    tasks, opened, mode = data.get("tasks"), data.get("opened", {}), data.get("mode")
    if not isinstance(tasks, Mapping) or not isinstance(opened, Mapping):
        raise ValueError("its tasks are not a table")
    known = TaskRecord.__dataclass_fields__
    records = {
        str(task_id): TaskRecord(**{k: v for k, v in row.items() if k in known})
        for task_id, row in tasks.items()
        if isinstance(row, Mapping)
    }
    return Progress(
        "free" if mode == "free" else "guided",
        records,
        dict(opened),
        drill_from(data.get("drill")),
        drilled_from(data.get("drilled")),
    )
