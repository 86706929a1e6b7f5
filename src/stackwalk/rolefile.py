"""``role/stackwalk.yml``: what a chapter's role needs from the laptop, and what it leaves there."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stackwalk.blocks import CommandCell
from stackwalk.cellspec import LAPTOP, WriteCell, parse_first_line
from stackwalk.chaptertext import read_chapter_text
from stackwalk.course import Chapter
from stackwalk.errors import UsageError
from stackwalk.fields import Complaints, Fields
from stackwalk.problems import AuthorError, Problem

KEYS = ("secrets", "files", "outputs", "laptop")
KNOWN = {"file", "make", "task"}


@dataclass(frozen=True)
class Leaving:
    """One thing a chapter leaves in the learner's working folder.

    Args:
        file: its path there; empty for a host key.
        script: lines of bash that make it.
        host_key: a machine whose host keys the learner's ssh shall know; empty for a file.
    """

    file: str = ""
    script: str = ""
    host_key: str = ""


@dataclass(frozen=True)
class RoleFile:
    """What ``play`` hands over and what ``catch-up`` sees to; empty where there is no file.

    Args:
        files: by the role's variable, a file of the working folder, handed over as its text.
        outputs: by the role's variable, lines of bash, handed over as what they print there.
    """

    secrets: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    leavings: tuple[Leaving, ...] = ()


def read_role_file(chapter: Chapter) -> RoleFile:
    """What the chapter's ``role/stackwalk.yml`` says.

    Raises:
        AuthorError: it says something that cannot be.
    """
    found, problems = _read(chapter, _path(chapter))
    if problems:
        raise AuthorError(problems)
    return found


def find_problems(chapter: Chapter, root: Path) -> list[Problem]:
    """What an author has to mend in it; ``root`` shortens the path that is shown."""
    return _read(chapter, _path(chapter).relative_to(root))[1]


def _path(chapter: Chapter) -> Path:
    return chapter.folder / "role" / "stackwalk.yml"


def _read(chapter: Chapter, shown: Path) -> tuple[RoleFile, list[Problem]]:
    if not _path(chapter).exists():
        return RoleFile(), []
    complaints = Complaints(shown, [])
    yaml = complaints.read_yaml(_path(chapter).read_text(encoding="utf-8"), line=1)
    fields = Fields(yaml, complaints)
    fields.only(KEYS, "a key of role/stackwalk.yml")
    listed = yaml.fields.get("laptop", [])
    entries = listed if isinstance(listed, list) else [listed]
    line = yaml.lines.get("laptop", 1)
    leavings = tuple(
        leaving for each in entries for leaving in _leavings(chapter, each, complaints, line)
    )
    given = fields.pairs("files"), fields.pairs("outputs")
    return RoleFile(fields.texts("secrets"), *given, leavings), complaints.found


def _leavings(
    chapter: Chapter, entry: object, complaints: Complaints, line: int
) -> Iterator[Leaving]:
    keys = set(entry) if isinstance(entry, Mapping) else set()
    if isinstance(entry, Mapping) and keys == {"host_key"}:
        yield Leaving(host_key=str(entry["host_key"]))
    elif not isinstance(entry, Mapping) or "file" not in keys or len(keys) > 2 or keys - KNOWN:
        fix = "write `- file: notes.txt`, then `make:` or `task:` or neither; or `- host_key: web`"
        complaints.add(line, "an entry of `laptop` does not fit", fix)
    elif (script := _script(chapter, entry)) is None:
        what = f"nothing in the chapter makes `{entry['file']}` on the laptop"
        complaints.add(line, what, "give it `make: …`, or the `task:` whose solution makes it")
    else:
        yield Leaving(str(entry["file"]), script)


def _script(chapter: Chapter, entry: Mapping[str, object]) -> str | None:
    """Lines of bash: the author's own, a task's solution, or the chapter's last writing cell."""
    if "make" in entry:
        return str(entry["make"])
    if "task" in entry:
        steps = [s for task in chapter.tasks if task.id == entry["task"] for s in task.solution]
        mine = [step.text for step in steps if step.place.machine == LAPTOP]
        return "\n".join(mine) or None
    texts = [text for path, text in _written(chapter) if path == entry["file"]]
    return _writing(str(entry["file"]), texts[-1]) if texts else None


def _written(chapter: Chapter) -> Iterator[tuple[str, str]]:
    """The files the chapter's cells write on the laptop, in order."""
    for block in read_chapter_text(chapter.source).blocks:
        if not isinstance(block, CommandCell):
            continue
        first, _, rest = block.source.partition("\n")
        try:
            spec = parse_first_line(first)
        except UsageError:
            continue  # told of by the check of the cell itself
        if isinstance(spec, WriteCell) and spec.place.machine == LAPTOP:
            yield spec.path, rest


def _writing(path: str, text: str) -> str:
    ending = "" if text.endswith("\n") else "\n"
    folder = shlex.quote(str(Path(path).parent))
    return f"mkdir -p {folder}\nprintf %s {shlex.quote(text + ending)} >{shlex.quote(path)}"
