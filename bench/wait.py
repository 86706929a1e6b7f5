"""How long everything but the verdict lets somebody wait: the command line, the lab, the build.

usage: bench/wait [--home FOLDER] [--runs N] [--only WORD] [--write]

Needs a machine that is up (of the home, default STACKWALK_HOME), no lab open there, and the site's
tools. A table's first row is what the others cannot go below, or what they are an alternative to.
--write puts the tables into docs/, otherwise they are printed.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from timing import LEARNERS, Row, make_parser, measure, put_in_page, run_timed

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOME_RUNS = 5  # of what takes seconds
COMMANDS, LAB, COURSE = "the command line, no machine", "the lab, machine up", "the whole course"
AIMS = {"stackwalk --help": 0.2, "stackwalk status": 0.2, "ours, from the machine being up": 4.0}
PAGE = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*token=\S+")
UP = re.compile(r"web is running at")
LIMIT_S = 90
PAGES = """
import dataclasses, sys
from stackwalk import build, home, load
course = load.load_course(home.find_clone())
chapters = tuple(chapter for chapter in course.chapters if chapter.name in sys.argv)
course = dataclasses.replace(course, chapters=chapters)
build.build_notebooks(course, check=False)
build.write_pages(course)
"""


def command_rows(folder: Path) -> Iterator[Row]:
    env = {**LEARNERS, "STACKWALK_HOME": str(folder / "nothing")}
    row = partial(Row, COMMANDS, "here")
    yield row("python -c pass", lambda: run_timed([sys.executable, "-c", "pass"], env))
    for verb in ("--help", "status", "next"):
        yield row(f"stackwalk {verb}", partial(run_timed, [str(BIN / "stackwalk"), verb], env))


def lab_rows(folder: Path, home: str) -> Iterator[Row]:
    own = {f"JUPYTER_{what}_DIR": str(folder / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    bare = [str(BIN / "jupyter-lab"), "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    bare += [f"--notebook-dir={folder}"]
    start = [str(BIN / "stackwalk"), "start", "--yes", "--no-browser"]
    ours = {**LEARNERS, "STACKWALK_HOME": home}
    row = partial(Row, LAB, "here")
    yield row("jupyter lab, bare", lambda: open_lab(bare, {**LEARNERS, **own}))
    yield row("ours, from the machine being up", lambda: open_lab(start, ours, since=UP))
    yield row("ours, all of stackwalk start", lambda: open_lab(start, ours))


def open_lab(
    argv: list[str], env: dict[str, str], *, since: re.Pattern[str] | None = None
) -> tuple[float, float]:
    """From the command, or from a line it says, until the lab's page answers; then it is closed.

    Raises:
        RuntimeError: it did not come up.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=-1, stderr=-2, text=True
    ) as process:
        assert process.stdout
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if since and since.search(line):
                    began = time.perf_counter()
                if found := PAGE.search(line):
                    read_page(found[0])
                    return time.perf_counter() - began, 0.0
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()
    raise RuntimeError(f"no lab from {' '.join(argv)}:\n{''.join(said)[-3000:]}")


def read_page(address: str) -> None:
    """Asks until it answers: Jupyter says its address a moment before it listens."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            with direct.open(address, timeout=LIMIT_S) as answer:
                assert b"jupyter-config-data" in answer.read()
                return
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def course_rows(folder: Path) -> Iterator[Row]:
    """In a copy of the course, so that nothing here is written."""
    copy = folder / "course"
    for part in ("chapters", "checks", "docs", "notebooks"):
        shutil.copytree(ROOT / part, copy / part)
    shutil.copy(ROOT / "mkdocs.yml", copy)
    env = {**LEARNERS, "STACKWALK_COURSE": str(copy), "NO_MKDOCS_2_WARNING": "1"}
    chapters = sorted(path.name for path in (copy / "chapters").iterdir())

    def make(*names: str) -> tuple[float, float]:
        return run_timed([sys.executable, "-c", PAGES, *names], env)

    def make_one_by_one() -> tuple[float, float]:
        each = [make(name) for name in chapters]
        return sum(seconds for seconds, _ in each), max(mib for _, mib in each)

    site = [str(BIN / "stackwalk"), "author", "build", "--site"]
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(copy / "mkdocs.yml")]
    row = partial(Row, COURSE, "here")
    yield row("notebooks and pages, a process a chapter", make_one_by_one)
    yield row("notebooks and pages, one process", partial(make, *chapters))
    yield row("notebooks, pages and site", partial(run_timed, site, env))
    yield row("of that, mkdocs alone", partial(run_timed, mkdocs, env))


def table(rows: list[Row]) -> str:
    lines = [
        f"**{rows[0].subject}**",
        "",
        "| what | median, s | spread | runs | times the first | aim, s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.name} | {row.median:.2f} | {row.spread} | {len(row.seconds)} "
        f"| {row.median / rows[0].median:.1f} | {AIMS.get(row.name, '')} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    options = make_parser(__doc__, runs=15, only="tables whose title").parse_args()
    tables = []
    with contextlib.ExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="sw-")))
        home = str(Path(options.home).expanduser().resolve())
        for rows in (command_rows(folder), lab_rows(folder, home), course_rows(folder)):
            some = [row for row in rows if options.only in row.subject]
            if not some:
                continue
            for row in some:  # what is done for the first time is not measured
                row.work()
            measure(
                some, options.runs if some[0].subject == COMMANDS else min(options.runs, SOME_RUNS)
            )
            tables.append(table(some))
    text = "\n\n".join(tables)
    if options.write:
        put_in_page(ROOT / "docs" / "performance.md", "bench/wait", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
