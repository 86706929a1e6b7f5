"""The blocks a ``chapter.md`` consists of: frozen records, in order, each with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stackwalk.course import Place, Step
from stackwalk.problems import Problem
from stackwalk.yamltext import YamlText


@dataclass(frozen=True)
class Prose:
    """Markdown between two directives, without the blank lines around it."""

    text: str
    line: int


@dataclass(frozen=True)
class CellOptions:
    """What a command cell promises and needs."""

    shows: tuple[str, ...] = ()
    exit: int = 0
    can: tuple[str, ...] = ()
    limit_s: int | None = None
    undo: str = ""  # with it, a hazard cell: takes the change back unless it is kept in time
    within_s: int | None = None


@dataclass(frozen=True)
class CommandCell:
    """A ``{code-cell}``: ``source`` begins with its ``%%`` line, which is ``source_line``."""

    source: str
    options: CellOptions
    line: int
    source_line: int


@dataclass(frozen=True)
class TerminalBlock:
    """What is typed into a real terminal, and what must be seen there."""

    step: Step
    shows: tuple[str, ...]
    line: int

    @property
    def place(self) -> Place:
        return self.step.place


@dataclass(frozen=True)
class TaskBlock:
    """A ``{task}``: its keys as text, unchecked; ``yaml.lines`` has the line of each key."""

    id: str
    text: str
    yaml: YamlText
    line: int

    @property
    def fields(self) -> Mapping[str, object]:
        return self.yaml.fields

    def line_of(self, key: str) -> int:
        """The line of a key, or of the fence where the key is missing."""
        return self.yaml.lines.get(key, self.line)


@dataclass(frozen=True)
class StackMap:
    """The place of the map of the stack."""

    line: int


Block = Prose | CommandCell | TerminalBlock | TaskBlock | StackMap


@dataclass(frozen=True)
class ChapterText:
    """A ``chapter.md`` as read: what fits is in ``blocks``, what does not in ``problems``."""

    path: Path
    front: YamlText
    blocks: tuple[Block, ...]
    problems: tuple[Problem, ...] = field(default=())
