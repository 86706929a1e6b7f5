"""What the walk saw on a real machine, kept beside the chapter in ``captures.json``.

::

    {"format": 1,
     "recorded": {"date": "2026-11-21", "provider": "docker", "debian": "13.1"},
     "cells": {"servers-1a2b3c4d": {"exit": 0, "outputs": "uid=1000(vagrant)",
                                    "place": "web · vagrant · ~", "source_sha": "…"}}}
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackwalk.course import Chapter
from stackwalk.problems import AuthorError, Problem

if TYPE_CHECKING:
    from nbformat import NotebookNode

FORMAT = 1
FILE = "captures.json"
RECORDED_KINDS = ("command", "terminal", "check", "keep")
RECORD = "stackwalk author walk --record"


@dataclass(frozen=True)
class CellCapture:
    """One cell's output, and a hash of the source it was made from."""

    source_sha: str
    outputs: str
    exit: int = 0
    place: str = ""


@dataclass(frozen=True)
class Captures:
    """One chapter's outputs by cell id; ``recorded`` says when and on what."""

    recorded: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, CellCapture] = field(default_factory=dict)

    def fresh(self, cell: "NotebookNode") -> CellCapture | None:
        """The capture of a notebook's cell, unless the cell has changed since."""
        capture = self.cells.get(cell["id"])
        is_fresh = capture is not None and capture.source_sha == source_sha(cell["source"])
        return capture if is_fresh else None


def captures_file(chapter: Chapter) -> Path:
    return chapter.folder / FILE


def source_sha(source: str) -> str:
    """Sixteen characters of a hash of what was run."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def is_recorded(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of a notebook is one that the walk keeps the output of."""
    about = cell["metadata"].get("stackwalk", {})
    return about.get("kind") in RECORDED_KINDS


def stale_cells(notebook: "NotebookNode", captures: Captures) -> list[str]:
    """The ids of the cells that have no capture, or one made from another source."""
    return [
        cell["id"] for cell in notebook.cells if is_recorded(cell) and captures.fresh(cell) is None
    ]


def read_captures(path: Path) -> Captures:
    """The captures in a file; none where there is no file.

    Raises:
        AuthorError: the file is not one of ours, or of a later format.
    """
    if not path.exists():
        return Captures()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"it has format {data['format']}, and this edition reads {FORMAT}")
        cells = {name: CellCapture(**cell) for name, cell in data["cells"].items()}
        return Captures(dict(data["recorded"]), cells)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fix = f"remove the file and run `{RECORD}`"
        raise AuthorError([Problem(path, 1, f"cannot be read: {error}", fix)]) from error


def write_captures(path: Path, captures: Captures) -> None:
    """Writes the file; the same captures are the same bytes."""
    data = {
        "format": FORMAT,
        "recorded": dict(captures.recorded),
        "cells": {name: asdict(cell) for name, cell in captures.cells.items()},
    }
    text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
