"""What the walk saw of one chapter, and what was not as promised."""

from dataclasses import dataclass, field

from stackwalk.course import Chapter


@dataclass(frozen=True)
class Fault:
    """Something that is not as the chapter promises, with the place to mend."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Outcome:
    """What was run of one chapter."""

    chapter: Chapter
    cells: int = 0
    terminals: int = 0
    solutions: int = 0
    mistakes: int = 0
    ways: int = 0
    impossible: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        spent = ", ".join(f"{what} {took:.0f} s" for what, took in self.seconds.items())
        missing = f"; not possible here: {', '.join(self.impossible)}" if self.impossible else ""
        return (
            f"{self.chapter.name}: {self.cells} cells, {self.terminals} terminal blocks, "
            f"{self.solutions} solutions, {self.mistakes} mistakes, {self.ways} other ways; "
            f"{spent}{missing}"
        )
