"""How long a learner waits for a verdict, beside what else could look at the same machine.

usage: bench/verdict [--home FOLDER] [--runs N] [--far] [--only WORD] [--write]

Needs a machine on which chapter 04 is met (of the home, default STACKWALK_HOME), root for --far,
and for one row serverspec. Rows are run in turn, so that what else the computer does is shared.
--write puts the table and the plot into docs/, otherwise the table is printed.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from draw import MANY, MUX, write_page
from timing import LEARNERS, Row, make_parser, measure, run_timed

from stackwalk.home import Home
from stackwalk.machine.record import Record, load_record, save_record, snapshots_file
from stackwalk.machine.snapshot import Snapshot
from stackwalk.machine.sshconfig import host_keys, write_host_keys, write_ssh_config

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
NAMESPACE, ROUND_TRIP_MS = "swbench", 100
SOME_RUNS = 3  # of what takes long
NOTEBOOK = "ours, notebook"
BIN = Path(sys.executable).parent
TASK = """
```{task} NAME
title: NAME
needs: []
can: []
say: NAME
nudges:
  otherwise: NAME
where: NAME
what: NAME
show: NAME
solution:
  - at: web as deployer
    type: 'true'
debrief: NAME
```
"""


@dataclass
class Place:
    """One distance to the machine: a home of its own, and how to run a command from there."""

    name: str
    home: Home
    record: Record
    enter: tuple[str, ...] = ()

    @property
    def env(self) -> dict[str, str]:
        return {
            **LEARNERS,
            "STACKWALK_HOME": str(self.home.root),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "BENCH_HOST": self.record.ssh_host,
            "BENCH_PORT": str(self.record.ssh_port),
            "BENCH_USER": self.record.user,
            "BENCH_KEY": self.record.identity_file,
        }

    def config(self, *, kept: bool) -> Path:
        """Our ssh configuration; as testinfra has it by itself without its kept connection."""
        if kept:
            return self.home.ssh_config
        plain = self.home.root / "plain_config"
        text = self.home.ssh_config.read_text()
        plain.write_text(re.sub(r"^  Control.*\n", "", text, flags=re.MULTILINE))
        return plain

    def run(self, *words: str, stdin: Path | None = None, **env: str) -> tuple[float, float]:
        """``run_timed``, from there."""
        return run_timed([*self.enter, *words], {**self.env, **env}, stdin=stdin)

    def cool(self) -> None:
        """No kept connection."""
        subprocess.run(
            ["ssh", "-F", self.home.ssh_config, "-O", "exit", "web"], capture_output=True
        )

    def warm(self) -> None:
        self.run("ssh", "-F", str(self.home.ssh_config), "web", "true")


def make_course(folder: Path, times: int = 1) -> Path:
    """A course of one chapter whose checks are those of the big spec, once or many times."""
    spec = (BENCH / "spec" / "test_spec.py").read_text()
    head, *tests = re.split(r"(?=^def test_)", spec, flags=re.MULTILINE)
    bodies = [
        re.sub(r"def test_(\w{1,19})\w*", rf"def test_\1_{turn}", test) if turn else test
        for turn in range(times)
        for test in tests
    ]
    chapter = folder / "chapters" / "01-spec"
    checks = folder / "checks"
    chapter.mkdir(parents=True)
    checks.mkdir()
    (checks / "test_spec.py").write_text(head + "".join(bodies))
    shutil.copy(BENCH / "spec" / "conftest.py", checks)
    names = [name for body in bodies for name in re.findall(r"^def test_(\w+)", body, re.MULTILINE)]
    front = "---\ntitle: Spec\nends_with: nothing\nminutes: 1\nlayer: server\n---\n\n# Spec\n"
    tasks = "".join(TASK.replace("NAME", name) for name in names)
    (chapter / "chapter.md").write_text(f"{front}\n## Your turn\n{tasks}")
    return folder


def make_place(name: str, source: Home, folder: Path, **changed: object) -> Place:
    record = load_record(source, "web")
    assert record and record.on, "there is no machine: stackwalk machine up"
    record = replace(record, **changed)  # type: ignore[arg-type]  # host and port
    home = Home(folder / name)
    save_record(home, record)
    write_host_keys(home, "web", host_keys(source, "web"))
    write_ssh_config(home)
    chapters = ["01-spec", *(chapter.name for chapter in (ROOT / "chapters").iterdir())]
    noted = [Snapshot(label, "", automatic=True) for label in chapters]  # or each look takes one
    snapshots_file(home, "web").write_text(json.dumps([asdict(each) for each in noted]))
    shutil.copytree(source.laptop, home.laptop, symlinks=True)
    place = Place(name, home, record)
    place.run("stackwalk", "mode", "free")
    return place


@contextlib.contextmanager
def far_place(source: Home, folder: Path) -> Iterator[Place]:
    record = load_record(source, "web")
    assert record
    ports = [str(record.ssh_port), str(record.ports["http"])]
    script = str(BENCH / "far.py")
    pipe = subprocess.PIPE
    argv = [sys.executable, script, "serve", NAMESPACE, str(ROUND_TRIP_MS), *ports]
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as link:
        assert link.stdin and link.stdout and link.stdout.readline() == "ready\n"
        place = make_place("far", source, folder, ssh_host="10.77.0.1")
        place.enter = ("ip", "netns", "exec", NAMESPACE)
        web = [sys.executable, script, "relay", f"127.0.0.1:{ports[1]}", f"10.77.0.1:{ports[1]}"]
        with subprocess.Popen([*place.enter, *web], stdin=pipe) as relay:
            try:
                yield place
            finally:
                place.cool()
                assert relay.stdin
                relay.stdin.close()
                link.stdin.close()


class Kernel:
    """A process with everything imported, as a notebook has it."""

    def __init__(self, place: Place, course: Path) -> None:
        env = {**place.env, "STACKWALK_COURSE": str(course)}
        argv = [*place.enter, sys.executable, str(BENCH / "warm.py")]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, text=True)

    def check(self, target: str) -> tuple[float, float]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{target}\n")
        self.process.stdin.flush()
        seconds, code, mib = self.process.stdout.readline().split()
        if code != "0":
            raise RuntimeError(f"not all met: stackwalk check {target}")
        return float(seconds), float(mib)

    def close(self) -> None:
        self.process.communicate("")


def rows_for(
    subject: str,
    place: Place,
    course: Path,
    target: str,
    checks: list[str],
    kept: contextlib.ExitStack,
) -> Iterator[Row]:
    """Ours and testinfra's, on the same assertions."""
    row = partial(Row, subject, place.name)
    kernel = Kernel(place, course)
    kept.callback(kernel.close)
    here = {"STACKWALK_COURSE": str(course)}
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    pytest += ["--rootdir", str(course), *checks]

    def command_line() -> tuple[float, float]:
        return place.run("stackwalk", "check", target, **here)

    def forgetful() -> None:
        place.warm()
        (place.home.engine / "asked-web.json").unlink(missing_ok=True)

    def stock(config: Path, **env: str) -> Callable[[], tuple[float, float]]:
        return lambda: place.run(*pytest, f"--ssh-config={config}", **env)

    yield row(NOTEBOOK, lambda: kernel.check(target), place.warm)
    yield row("ours, notebook, cold", lambda: kernel.check(target), place.cool, 5)
    yield row("ours, command line", command_line, place.warm)
    yield row("ours, command line, cold", command_line, place.cool, 5)
    yield row("ours, command line, first look", command_line, forgetful, 3)
    yield row("testinfra, ControlPath", stock(place.config(kept=True)), place.warm, 3)
    plain = place.config(kept=False)
    yield row("testinfra, as it comes", stock(plain), place.warm, 1 if place.enter else 2)


def spec_only(place: Place, course: Path) -> Iterator[Row]:
    """What is measured on the big spec alone."""
    row = partial(Row, "spec", place.name)
    config = place.config(kept=True)
    script = BENCH / "spec" / "limit.sh"

    def limit() -> tuple[float, float]:
        return place.run("ssh", "-F", str(config), "web", "sudo -n sh -s", stdin=script)

    def serverspec() -> tuple[float, float]:
        return place.run("rspec", str(BENCH / "spec" / "spec.rb"))

    def paramiko() -> tuple[float, float]:
        tests = str(course / "checks" / "test_spec.py")
        return place.run(
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull),
            *("--rootdir", str(course), tests, f"--ssh-config={place.config(kept=False)}"),
            BENCH_BACKEND="paramiko",
        )

    yield row("limit: one script by hand", limit, place.warm)
    yield row("testinfra, paramiko", paramiko, place.warm, 2)
    if shutil.which("rspec"):
        yield row("serverspec", serverspec, place.warm, 2)


def warm_up(rows: list[Row]) -> None:
    """What is done for the first time is not measured."""
    for row in rows:
        row.before()
        if row.name.startswith("ours") or row.name == MUX:
            row.work()


def rows_of(
    subject: str, places: list[Place], folder: Path, kept: contextlib.ExitStack
) -> Iterator[Row]:
    """All rows of the big spec, of its checks many times over, or of a chapter by its number."""
    if subject in ("spec", MANY):
        course = make_course(folder / subject, times=22 if subject == MANY else 1)
        target, checks = "01", [str(course / "checks" / "test_spec.py")]
    else:
        (chapter,) = (ROOT / "chapters").glob(f"{subject}-*")
        slug = chapter.name[3:].replace("-", "_")
        course, target, checks = ROOT, subject, [f"checks/test_{slug}.py"]
    for place in places:
        if subject == "spec":
            yield from spec_only(place, course)
        for row in rows_for(subject, place, course, target, checks, kept):
            is_once = row.name.endswith(("cold", "first look"))  # they differ as on the spec
            if subject == "spec" or (not is_once and (subject != MANY or row.name == NOTEBOOK)):
                yield row


def main() -> None:
    parser = make_parser(__doc__, runs=9, only="rows whose name")
    parser.add_argument("--far", action="store_true", help="also over 100 ms; needs root")
    parser.add_argument("--chapters", nargs="*", default=["03", "04"])
    options = parser.parse_args()
    source = Home(Path(options.home).expanduser().resolve())
    rows: list[Row] = []
    with contextlib.ExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="sw-")))
        places = [make_place("near", source, folder)]
        kept.callback(places[0].cool)
        if options.far:
            places.append(kept.enter_context(far_place(source, folder)))
        for subject in ("spec", *options.chapters, MANY):
            print(f"== {subject}", flush=True)
            some = [r for r in rows_of(subject, places, folder, kept) if options.only in r.name]
            warm_up(some)
            measure(some, options.runs if subject == "spec" else min(options.runs, SOME_RUNS))
            rows += some
    write_page(rows, ROOT / "docs" if options.write else None)


if __name__ == "__main__":
    main()
