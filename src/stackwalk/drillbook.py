"""What is remembered of drills: the one that runs, and those that are over. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from stackwalk.course import Course, Mistake
from stackwalk.verdict import Verdict

Ending = Literal["mended", "given up", "lost"]
KEPT = 50  # drills that are over; the file stays one that a person can read


@dataclass(frozen=True)
class Drill:
    """A mistake that was made on the learner's machine and is not yet mended; times are UTC.

    ``machine_id`` tells a machine that was made anew from the one that was broken. Without ``what``
    it was stopped before the damage was seen.
    """

    mistake: str  # chapter's slug and mistake: ``servers/sudo-without-a-password``
    began_at: str
    machine_id: str = ""
    snapshot: str = ""
    what: str = ""  # the first line of the verdict it gave
    look: str = ""
    saw: str = ""  # picks the first hint until something newer was seen
    hints: int = 0


@dataclass(frozen=True)
class Drilled:
    """A drill that is over."""

    mistake: str
    at: str
    ending: Ending
    seconds: int
    hints: int


def mistake_id(course: Course, mistake: Mistake) -> str:
    """``servers/sudo-without-a-password``."""
    chapter = next(chapter for chapter in course.chapters if mistake in chapter.mistakes)
    return f"{chapter.slug}/{mistake.name}"


def find_mistake(course: Course, wanted: str) -> Mistake | None:
    """The mistake with this id or this name; none where there is none, or more than one."""
    found = [
        mistake
        for chapter in course.chapters
        for mistake in chapter.mistakes
        if wanted in (mistake.name, f"{chapter.slug}/{mistake.name}")
    ]
    return found[0] if len(found) == 1 else None


def seen(drill: Drill, verdict: Verdict) -> Drill:
    """The drill, with what its check saw once the mistake was made."""
    known = {"what": verdict.what, "look": verdict.look, "saw": verdict.saw}
    return Drill(**{**vars(drill), **known})


def drill_from(row: object) -> Drill | None:
    """A drill as the file holds it; none for anything else."""
    return Drill(**_known(Drill, row)) if _has(row, "mistake", "began_at") else None


def drilled_from(rows: object) -> tuple[Drilled, ...]:
    """The drills that are over, oldest first; rows that do not fit are passed over."""
    names = [field.name for field in fields(Drilled)]
    given = rows if isinstance(rows, list) else []
    return tuple(Drilled(**_known(Drilled, row)) for row in given if _has(row, *names))


def _has(row: object, *names: str) -> bool:
    return isinstance(row, Mapping) and set(names) <= set(row)


def _known(kind: type, row: Any) -> dict[str, Any]:  # Any: checked by the caller
    names = {field.name for field in fields(kind)}
    return {str(name): value for name, value in row.items() if name in names}
