"""What both benchmarks do alike: a command run to its end, rows in turn, a part of a docs page."""

import argparse
import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A learner's Python keeps what it compiled; here, too, whatever the builder of this computer chose.
LEARNERS = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_timed(
    argv: Sequence[str], env: Mapping[str, str], *, stdin: Path | None = None
) -> tuple[float, float]:
    """Runs to the end; gives the seconds and the peak memory in MiB.

    Raises:
        RuntimeError: it did not end well; nothing that fails may look fast.
    """
    with contextlib.ExitStack() as kept:
        given = kept.enter_context(stdin.open()) if stdin else subprocess.DEVNULL
        said = kept.enter_context(tempfile.TemporaryFile())
        began = time.perf_counter()
        process = subprocess.Popen(argv, env=env, stdin=given, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode or "not so" in text:
        raise RuntimeError(f"exit {process.returncode} from {' '.join(argv)}:\n{text[-3000:]}")
    return seconds, usage.ru_maxrss / 1024


@dataclass
class Row:
    """One way to the same thing; ``most`` runs, for what takes minutes."""

    subject: str
    place: str
    name: str
    work: Callable[[], tuple[float, float]]  # the seconds, and the peak memory in MiB
    before: Callable[[], None] = lambda: None
    most: int = 99
    seconds: list[float] = field(default_factory=list)
    mib: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        return f"{min(self.seconds):.2f} to {max(self.seconds):.2f}"

    def go(self) -> None:
        self.before()
        seconds, mib = self.work()
        self.seconds.append(seconds)
        self.mib = max(self.mib, mib)
        print(f"{self.place:5} {self.name:44} {seconds:8.3f} s  {mib:4.0f} MiB", flush=True)


def measure(rows: Iterable[Row], runs: int) -> None:
    """All rows in turn, so that what else the computer does is shared."""
    for turn in range(runs):
        for row in rows:
            if turn < row.most:
                row.go()


def make_parser(says: str, *, runs: int, only: str) -> argparse.ArgumentParser:
    """What both are told: whose machine, how often, a part of it, and whether the docs change.

    ``only``: whose names or titles the word of ``--only`` is looked for in.
    """
    parser = argparse.ArgumentParser(description=says.split("\n")[0])
    parser.add_argument("--home", default=os.environ.get("STACKWALK_HOME", "~/stackwalk"))
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--only", default="", help=f"{only} has this word")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser


def put_in_page(page: Path, name: str, text: str) -> None:
    """Replaces what stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    assert found and end in rest, f"{page} has no place for {name}"
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")
