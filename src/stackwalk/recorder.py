"""Keeps what the walk saw, normalised, as the chapter's captures."""

import getpass
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stackwalk.capture import (
    Captures,
    CellCapture,
    captures_file,
    is_recorded,
    source_sha,
    write_captures,
)
from stackwalk.connect import run_once
from stackwalk.course import Chapter
from stackwalk.home import Home
from stackwalk.normal import normalise


@dataclass
class Recorder:
    """The outputs of one chapter's cells, as they come."""

    chapter: Chapter
    home: Home
    _cells: dict[str, CellCapture] = field(default_factory=dict)

    def keep(self, cell: Any, text: str, facts: Mapping[str, Any]) -> None:
        """Remembers a cell's output, if it is of a kind that is shown on the page."""
        if not is_recorded(cell):
            return
        self._cells[cell["id"]] = CellCapture(
            source_sha=source_sha(cell["source"]),
            outputs=_as_the_reader(normalise(text, names=self._names()), facts),
            exit=int(facts.get("exit_status", facts.get("exit_code", 0))),
            place=normalise(_header(facts), names=self._names()),
        )

    def write(self, provider: str) -> None:
        """Writes ``captures.json``, with the date and the versions that were seen."""
        debian = run_once(self.home, "web", "cat /etc/debian_version").stdout.strip()
        recorded = {
            "date": datetime.now(UTC).date().isoformat(),
            "provider": provider,
            "debian": debian,
        }
        write_captures(captures_file(self.chapter), Captures(recorded, self._cells))

    def _names(self) -> dict[str, str]:
        """Where the walk was, and where the reader is."""
        return {str(self.home.root): "~/stackwalk"}


def _as_the_reader(text: str, facts: Mapping[str, Any]) -> str:
    """The walk's own computer, user and prompt, as a reader's: ``ada`` on ``laptop``."""
    text = re.sub(r"^(laptop:\S*)#(?= |$)", r"\1$", text, flags=re.MULTILINE)
    if facts.get("place") != "laptop":
        return text
    user, node = re.escape(getpass.getuser()), re.escape(platform.node())
    text = re.sub(rf"^{user}$", "ada", text, flags=re.MULTILINE)  # whoami
    text = re.sub(rf"\b{user} {user}\b", "ada ada", text)  # ls -l; elsewhere it may be the server's
    return re.sub(rf"\b{node}\b", "laptop", text)


def _header(facts: Mapping[str, Any]) -> str:
    """``web · deployer · ~``; on the laptop the reader is the user."""
    if "place" not in facts:
        return ""
    machine, _, user = str(facts["place"]).partition(" as ")
    return f"{machine} · {user or 'you'} · {facts.get('directory', '~')}"


def shown_text(cell: Any, *, framed: bool = True) -> str:
    """What a person reads below a cell, as text.

    Args:
        framed: with the lines that say where a cell ran and how it ended.
    """
    parts = []
    for output in cell.outputs:
        if not framed and output.get("metadata", {}).get("stackwalk") == "frame":
            continue
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.get("data", {}).get("text/plain", ""))
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)
