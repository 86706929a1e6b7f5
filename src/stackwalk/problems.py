"""What an author has to mend: one line each, collected, so that one run shows them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stackwalk.errors import StackwalkError


@dataclass(frozen=True, order=True)
class Problem:
    """``chapters/02-servers/chapter.md:41: `sayy` is not a key of a task; remove it``."""

    path: Path
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.fix}"


class AuthorError(StackwalkError):
    """The course's own text does not fit; holds every problem found, in the order of the files."""

    exit_code = 1

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
