"""What a course is: frozen records, no input, no output."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a command is typed: ``web as deployer``, or the laptop (``user`` empty)."""

    machine: str
    user: str = ""

    def __str__(self) -> str:
        return f"{self.machine} as {self.user}" if self.user else self.machine


@dataclass(frozen=True)
class Step:
    """One stretch of typing in a solution.

    ``text`` is typed line by line into a login session at ``place``; ``answers`` maps a prompt
    (a piece of what the machine asks) to what is typed there.
    """

    place: Place
    text: str
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hints:
    """The four rungs. ``nudges`` is chosen by what the check saw; ``otherwise`` is its default."""

    nudges: Mapping[str, str]
    where: str
    what: str
    show: str

    @property
    def otherwise(self) -> str:
        return self.nudges["otherwise"]


@dataclass(frozen=True)
class Task:
    """A piece of work without given commands, with its check ``test_<id>``."""

    id: str
    title: str
    say: str
    needs: tuple[str, ...]
    can: tuple[str, ...]
    hints: Hints
    solution: tuple[Step, ...]
    debrief: str
    line: int
    was: tuple[str, ...] = ()  # ids of earlier editions; progress follows


@dataclass(frozen=True)
class Mistake:
    """One typical wrong state of the machine, how it is made, seen and mended."""

    name: str
    task: str
    symptom: str
    inflict: tuple[Step, ...]
    message: str
    nudge: str
    also_red: tuple[str, ...]
    mend: tuple[Step, ...]
    path: Path
    debrief: str = ""  # told after a drill


@dataclass(frozen=True)
class OtherWay:
    """Another right way to meet tasks: from the finished state to it, and back."""

    name: str
    title: str
    tasks: tuple[str, ...]
    do: tuple[Step, ...]
    undo: tuple[Step, ...]
    path: Path


@dataclass(frozen=True)
class Chapter:
    """One folder of ``chapters``; ``number`` gives the order, ``slug`` the identity."""

    number: str
    slug: str
    title: str
    ends_with: str
    minutes: int
    layer: str
    tasks: tuple[Task, ...]
    mistakes: tuple[Mistake, ...]
    folder: Path
    ways: tuple[OtherWay, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.number}-{self.slug}"

    @property
    def source(self) -> Path:
        return self.folder / "chapter.md"


@dataclass(frozen=True)
class Course:
    """All chapters in order."""

    chapters: tuple[Chapter, ...]
    root: Path

    @property
    def tasks(self) -> Iterator[Task]:
        return (task for chapter in self.chapters for task in chapter.tasks)

    def chapter_of(self, task_id: str) -> Chapter:
        """The chapter that holds a task; ``KeyError`` for an unknown id."""
        for chapter in self.chapters:
            if any(task.id == task_id for task in chapter.tasks):
                return chapter
        raise KeyError(task_id)
