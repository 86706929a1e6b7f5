"""``author walk``: the chapters' own cells and solutions, executed from a blank machine."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from stackwalk import machine
from stackwalk.chapterwalk import ChapterWalk, Proofs
from stackwalk.commands.catchup import bring, look_at, pass_by
from stackwalk.commands.desk import find_chapter, find_task
from stackwalk.course import Chapter, Course
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.load import load_course
from stackwalk.outcome import Fault, Outcome
from stackwalk.rolefile import read_role_file

MARK = ".walk"  # a home that a walk made, and may therefore wipe


@dataclass(frozen=True)
class WalkOptions:
    """``chapters``: those to prove, all when empty; earlier ones are walked without mistakes.

    ``caught_up``: earlier ones are brought by their roles instead.
    ``by_role``: so are those to prove, and only their mistakes and other ways are run.
    """

    chapters: tuple[str, ...] = ()
    record: bool = False
    keep: bool = False
    proofs: Proofs = "all"
    caught_up: bool = False
    by_role: bool = False


@dataclass
class Report:
    """What was run, what could not be, and what was not as promised."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    brought: dict[str, float] = field(default_factory=dict)  # by their roles, in seconds
    wanting: list[Fault] = field(default_factory=list)  # what a role did not meet

    @property
    def faults(self) -> list[Fault]:
        return self.wanting + [fault for outcome in self.outcomes for fault in outcome.faults]

    @property
    def is_green(self) -> bool:
        """Nothing failed, and something was run."""
        return not self.faults and any(each.cells or each.mistakes for each in self.outcomes)

    @property
    def text(self) -> str:
        lines = [f"{name}: by its role, {took:.0f} s" for name, took in self.brought.items()]
        lines += [outcome.text for outcome in self.outcomes]
        lines += [f"✘ {fault}" for fault in self.faults]
        colour = "green" if self.is_green else f"{len(self.faults)} faults"
        return "\n".join([*lines, f"walk: {colour}, {self.seconds:.0f} s"])


def walk_course(
    root: Path, home: Home, options: WalkOptions, *, say: Callable[[str], None]
) -> Report:
    """Walks the course on a machine of its own, in ``home``, which is wiped first.

    Raises:
        StackwalkError: the home is not one a walk made, or the machine does not come up.
    """
    course = load_course(root)
    last = _last_chapter(course, options.chapters)
    report, began = Report(), time.monotonic()
    password = secrets.token_urlsafe(12)
    with _alone(), _environment(home, root):
        _wipe(home, say)
        try:
            machine.up(home, "web", say=say)
            for chapter in course.chapters[: last + 1]:
                proves = not options.chapters or _is_asked(course, chapter, options.chapters)
                by_role = options.by_role or (options.caught_up and not proves)
                if by_role:
                    _bring(report, home, course, chapter, password, say)
                    if not proves:
                        continue
                walk = ChapterWalk(
                    course=course,
                    chapter=chapter,
                    home=home,
                    secrets={"password": password},
                    proofs=options.proofs if proves else "none",
                    record=options.record and proves,
                    say=say,
                )
                outcome = walk.prove() if by_role else walk.run()
                report.outcomes.append(outcome)
                say(outcome.text)
                if outcome.faults:
                    break  # what follows stands on this chapter
        finally:
            report.seconds = time.monotonic() - began
            if not options.keep:
                machine.destroy(home, "web", say=say)
    return report


def _bring(
    report: Report,
    home: Home,
    course: Course,
    chapter: Chapter,
    password: str,
    say: Callable[[str], None],
) -> None:
    """A chapter by its role; the walk knows one password, and no role asks for another."""
    given = {name: password for name in read_role_file(chapter).secrets}
    report.brought |= bring(home, [chapter], given, say=say)
    for verdict in look_at(home, course, [chapter]):
        said = verdict.what or f"waits for {verdict.waits_for}"
        fault = Fault(f"{chapter.name} by its role, {verdict.task}", f"is {verdict.status}: {said}")
        report.wanting.append(fault)
    pass_by(home, course, chapter.tasks)


def _last_chapter(course: Course, names: Sequence[str]) -> int:
    asked = [chapter for chapter in course.chapters if _is_asked(course, chapter, names)]
    for name in names:
        if find_chapter(course, name) is None:
            find_task(course, name)  # raises, naming what is near
    return course.chapters.index(asked[-1]) if asked else len(course.chapters) - 1


def _is_asked(course: Course, chapter: Chapter, names: Sequence[str]) -> bool:
    return any(find_chapter(course, name) == chapter for name in names)


def _wipe(home: Home, say: Callable[[str], None]) -> None:
    """A blank laptop and no machine; only in a home that a walk made."""
    mark = home.root / MARK
    if home.root.exists() and any(home.root.iterdir()) and not mark.exists():
        raise StackwalkError(
            f"{home.root} is not empty and no walk made it; the walk begins by deleting.",
            safe="Nothing was touched.",
            next="STACKWALK_HOME=/tmp/walk stackwalk author walk",
        )
    home.root.mkdir(parents=True, exist_ok=True)
    mark.touch()
    machine.destroy(home, "web", say=say)
    for entry in home.root.iterdir():
        if entry == mark or entry == home.engine:
            continue  # the engine's folder holds the box and the daemons' records
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def _alone() -> Iterator[None]:
    """One walk at a time on a computer: the chapters' own ports on the laptop are shared."""
    try:
        with FileLock(Path(tempfile.gettempdir()) / "stackwalk-walk.lock", timeout=0):
            yield
    except Timeout:
        raise StackwalkError(
            "Another walk is running on this computer, and both would use the same ports.",
            safe="Nothing was touched.",
            next="wait for it, then walk again",
        ) from None


@contextmanager
def _environment(home: Home, root: Path) -> Iterator[None]:
    """The walk's home and course for this process and for every kernel and shell it starts."""
    names = {"STACKWALK_HOME": str(home.root), "STACKWALK_COURSE": str(root)}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
