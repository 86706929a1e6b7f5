"""The learner's own copies of the notebooks: placed, renewed, and never overwritten once used."""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from stackwalk.errors import StackwalkError
from stackwalk.home import Home

LOCK_WAIT_S = 10
FORMAT = 1


@dataclass(frozen=True)
class Placed:
    """What was done about one chapter; ``note`` is for the learner, empty when all is as before."""

    chapter: str
    path: Path
    note: str = ""


@dataclass(frozen=True)
class Edition:
    """What was placed for a chapter, by fingerprint; ``beside`` names a second copy, if any."""

    fingerprint: str = ""
    beside: str = ""
    beside_fingerprint: str = ""


def place_notebooks(
    home: Home, course_root: Path, open_chapters: Sequence[str], locked: Sequence[str]
) -> list[Placed]:
    """Gives the learner each open chapter to work in and each locked one to read.

    Args:
        open_chapters: names such as ``02-servers``, as in ``notebooks/`` of the course.
    Raises:
        StackwalkError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # only who writes waits for its import

    try:
        home.engine.mkdir(parents=True, exist_ok=True)
        home.notebooks.mkdir(parents=True, exist_ok=True)
        with FileLock(home.engine / "editions.lock", timeout=LOCK_WAIT_S):
            shelf = _Shelf(home, course_root)
            placed = [shelf.place(name) for name in open_chapters]
            placed += [shelf.show_locked(name) for name in locked]
            shelf.save()
            return placed
    except Timeout:
        raise StackwalkError(
            "Another stackwalk is placing notebooks at this moment.",
            safe="Your notebooks were not touched.",
            next="type the command again",
        ) from None
    except OSError as problem:
        raise StackwalkError(
            f"Your notebooks' folder cannot be written: {problem.strerror}, {problem.filename}.",
            safe="No notebook of yours was changed.",
            next=f"look at: ls -ld {home.notebooks}; df -h {home.notebooks}",
        ) from problem


def fingerprint(text: str) -> str:
    """What a learner's work in a notebook changes: the cells and whether they have outputs.

    Opening, saving and running a cell that prints nothing leave it as it was.

    Raises:
        ValueError: the text is no notebook.
    """
    try:
        cells = [
            (cell["cell_type"], "".join(cell["source"]), bool(cell.get("outputs")))
            for cell in json.loads(text)["cells"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no notebook") from error
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


class _Shelf:
    """One round of placing, with what earlier rounds remember."""

    def __init__(self, home: Home, course_root: Path) -> None:
        self._home = home
        self._source = course_root / "notebooks"
        self._editions = _load_editions(_memory(home))
        self._before = dict(self._editions)

    def save(self) -> None:
        if self._editions != self._before:
            records = {name: asdict(edition) for name, edition in self._editions.items()}
            text = json.dumps({"format": FORMAT, "notebooks": records}, indent=1)
            _write(_memory(self._home), text + "\n")

    def place(self, name: str) -> Placed:
        source, target = self._source / f"{name}.ipynb", self._home.notebooks / f"{name}.ipynb"
        if not source.exists():
            return Placed(name, target, f"The course holds no notebook {source.name} (yet).")
        text = _course_text(source)
        known = self._editions.get(name, Edition())
        note = self._place(name, target, text, known)
        self._unlock(name)
        return Placed(name, target, note)

    def _place(self, name: str, target: Path, text: str, known: Edition) -> str:
        new = fingerprint(text)
        if not target.exists():
            self._put(name, target, text, replace(known, fingerprint=new))
            return f"{target.name} was gone and is placed again." if known.fingerprint else ""
        try:
            mine = fingerprint(target.read_text(encoding="utf-8"))
        except ValueError:
            return self._put_beside(
                name,
                text,
                known,
                f"{target.name} can no longer be read as a notebook; it was kept.",
            )
        if mine == new:
            self._editions[name] = replace(known, fingerprint=new)
            return ""
        if mine == known.fingerprint:
            self._put(name, target, text, replace(known, fingerprint=new))
            return f"{target.name} has a new edition; you had not worked in it, so it was replaced."
        if known.fingerprint == new:
            return ""  # worked in, and the course still has the edition it began from
        return self._put_beside(
            name, text, known, f"{target.name} has a new edition; yours is as you left it."
        )

    def _put(self, name: str, path: Path, text: str, edition: Edition) -> None:
        _write(path, text)
        self._editions[name] = edition

    def _put_beside(self, name: str, text: str, known: Edition, why: str) -> str:
        """A second copy; one for each edition, said once, and an unused older one makes room."""
        new = fingerprint(text)
        if known.beside_fingerprint == new:
            return ""
        old = self._home.notebooks / known.beside
        if known.beside and _fingerprint_of(old) == known.beside_fingerprint:
            old.unlink()
        path = self._free(f"{name} (edition {date.today():%Y-%m-%d})")
        self._put(name, path, text, replace(known, beside=path.name, beside_fingerprint=new))
        return f"{why} The course's is beside it: {path.name}"

    def _free(self, stem: str) -> Path:
        names = [f"{stem}.ipynb", *(f"{stem} {number}.ipynb" for number in range(2, 100))]
        return next(path for name in names if not (path := self._home.notebooks / name).exists())

    def show_locked(self, name: str) -> Placed:
        """A chapter to read; one that was open already stays what it is."""
        source, target = self._source / f"{name}.ipynb", _locked_path(self._home, name)
        if (self._home.notebooks / f"{name}.ipynb").exists() or not source.exists():
            return Placed(name, self._home.notebooks / f"{name}.ipynb")
        text = render_locked(_course_text(source))
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            _write(target, text)
        return Placed(name, target)

    def _unlock(self, name: str) -> None:
        _locked_path(self._home, name).unlink(missing_ok=True)


def render_locked(notebook: str) -> str:
    """A notebook as a page to read, that says what opens it."""
    head = (
        "> **Locked: to read, not yet to work in.** This file becomes a notebook when the\n"
        "> tasks of the chapters before it are met or skipped. Which is next: `stackwalk next`.\n"
        "> To work in any order: `stackwalk mode free`.\n"
    )
    return "\n\n".join([head, *map(_render_cell, json.loads(notebook)["cells"])]) + "\n"


def _render_cell(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        return source
    return "" if source.startswith("%load_ext") else f"```bash\n{source}\n```"


def _locked_path(home: Home, name: str) -> Path:
    return home.notebooks / f"{name} (locked).md"


def _memory(home: Home) -> Path:
    return home.engine / "editions.json"


def _load_editions(path: Path) -> dict[str, Edition]:
    """What was placed; without a readable memory every copy counts as the learner's."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["notebooks"]
        return {str(name): Edition(**record) for name, record in records.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _course_text(source: Path) -> str:
    """The course's own notebook, which a broken merge may have spoiled."""
    text = source.read_text(encoding="utf-8")
    try:
        fingerprint(text)
    except ValueError:
        raise StackwalkError(
            f"{source} cannot be read as a notebook.",
            safe="Your own notebooks were not touched.",
            next="in the course's folder: git status; git checkout notebooks",
        ) from None
    return text


def _fingerprint_of(path: Path) -> str:
    try:
        return fingerprint(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""


def _write(path: Path, text: str) -> None:
    """The old file or the new one, never a half."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
