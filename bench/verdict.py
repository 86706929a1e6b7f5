"""How long a learner waits for a verdict, beside what else could look at the same machine.

usage: bench/verdict [--home FOLDER] [--runs N] [--far] [--only WORD] [--write]

Needs a machine on which chapter 04 is met (of the home, default STACKWALK_HOME), root for --far,
and for one row serverspec. Rows are run in turn, so that what else the computer does is shared.
--write puts the table and the plot into docs/, otherwise the table is printed.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from draw import Series, write_page

from stackwalk.home import Home
from stackwalk.machine.record import Record, load_record, save_record, snapshots_file
from stackwalk.machine.snapshot import Snapshot
from stackwalk.machine.sshconfig import host_keys, write_host_keys, write_ssh_config

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
NAMESPACE, ROUND_TRIP_MS = "swbench", 100
SOME_RUNS = 3  # of what takes long
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
            **os.environ,
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
        """Runs to the end; gives the seconds and the peak memory in MiB.

        Raises:
            RuntimeError: it did not end well; nothing that fails may look fast.
        """
        with contextlib.ExitStack() as kept:
            given = kept.enter_context(stdin.open()) if stdin else subprocess.DEVNULL
            said = kept.enter_context(tempfile.TemporaryFile())
            began = time.perf_counter()
            process = subprocess.Popen(
                [*self.enter, *words],
                env={**self.env, **env},
                stdin=given,
                stdout=said,
                stderr=said,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read().decode(errors="replace")
        if process.returncode or "not so" in text:
            raise RuntimeError(f"exit {process.returncode} from {' '.join(words)}:\n{text[-3000:]}")
        return seconds, usage.ru_maxrss / 1024

    def cool(self) -> None:
        """No kept connection."""
        subprocess.run(
            ["ssh", "-F", self.home.ssh_config, "-O", "exit", "web"], capture_output=True
        )

    def warm(self) -> None:
        self.run("ssh", "-F", str(self.home.ssh_config), "web", "true")


@dataclass
class Row:
    """One tool at one distance; ``most`` runs, for what takes minutes."""

    name: str
    place: Place
    work: Callable[[], tuple[float, float]]
    before: Callable[[], None]
    most: int = 99
    seconds: list[float] = field(default_factory=list)
    mib: float = 0.0

    def go(self) -> None:
        self.before()
        seconds, mib = self.work()
        self.seconds.append(seconds)
        self.mib = max(self.mib, mib)
        print(f"{self.place.name:5} {self.name:44} {seconds:8.3f} s  {mib:4.0f} MiB", flush=True)


def make_course(folder: Path, times: int = 1) -> Path:
    """A course of one chapter whose checks are those of the big spec, once or many times."""
    spec = (BENCH / "spec" / "test_spec.py").read_text()
    head, *tests = re.split(r"(?=^def test_)", spec, flags=re.MULTILINE)
    bodies = [
        re.sub(r"def test_(\w+)", rf"def test_\g<1>_{turn}" if turn else r"def test_\1", test)
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
    place: Place, course: Path, target: str, checks: list[str], kept: contextlib.ExitStack
) -> Iterator[Row]:
    """Ours and testinfra's, on the same assertions."""
    kernel = Kernel(place, course)
    kept.callback(kernel.close)
    here = {"STACKWALK_COURSE": str(course)}
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull)
    pytest += ("--rootdir", str(course), *checks)

    def command_line() -> tuple[float, float]:
        return place.run("stackwalk", "check", target, **here)

    def forgetful() -> None:
        place.warm()
        (place.home.engine / "asked-web.json").unlink(missing_ok=True)

    def stock(config: Path, **env: str) -> Callable[[], tuple[float, float]]:
        return lambda: place.run(*pytest, f"--ssh-config={config}", **env)

    yield Row("ours, notebook", place, lambda: kernel.check(target), place.warm)
    yield Row("ours, notebook, cold", place, lambda: kernel.check(target), place.cool, 5)
    yield Row("ours, command line", place, command_line, place.warm)
    yield Row("ours, command line, cold", place, command_line, place.cool, 5)
    yield Row("ours, command line, first look", place, command_line, forgetful, 3)
    yield Row("testinfra, ControlPath", place, stock(place.config(kept=True)), place.warm, 3)
    plain = place.config(kept=False)
    yield Row("testinfra, as it comes", place, stock(plain), place.warm, 1 if place.enter else 2)


def spec_only(place: Place, course: Path) -> Iterator[Row]:
    """What is measured on the big spec alone."""
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

    yield Row("limit: one script by hand", place, limit, place.warm)
    yield Row("testinfra, paramiko", place, paramiko, place.warm, 2)
    if shutil.which("rspec"):
        yield Row("serverspec", place, serverspec, place.warm, 2)


def measure(rows: list[Row], runs: int) -> None:
    for row in rows:  # what is done for the first time is not measured
        row.before()
        if row.name.startswith("ours"):
            row.work()
    for turn in range(runs):
        for row in rows:
            if turn < row.most:
                row.go()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", default=os.environ.get("STACKWALK_HOME", "~/stackwalk"))
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--far", action="store_true", help="also over 100 ms; needs root")
    parser.add_argument("--only", default="", help="rows whose name has this word")
    parser.add_argument("--chapters", nargs="*", default=["03", "04"])
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    source = Home(Path(options.home).expanduser().resolve())
    series: list[Series] = []
    with contextlib.ExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="sw-")))
        spec = make_course(folder / "spec")
        many = make_course(folder / "many", times=22)
        places = [make_place("near", source, folder)]
        kept.callback(places[0].cool)
        if options.far:
            places.append(kept.enter_context(far_place(source, folder)))
        for subject in ("spec", *options.chapters, "990 checks"):
            rows: list[Row] = []
            for place in places:
                if subject == "spec":
                    rows += spec_only(place, spec)
                    rows += rows_for(place, spec, "01", [str(spec / "checks/test_spec.py")], kept)
                elif subject == "990 checks":
                    ours = rows_for(place, many, "01", [str(many / "checks/test_spec.py")], kept)
                    rows += [row for row in ours if row.name.startswith("ours, notebook")][:1]
                else:
                    (chapter,) = (ROOT / "chapters").glob(f"{subject}-*")
                    slug = chapter.name[3:].replace("-", "_")
                    rows += rows_for(place, ROOT, subject, [f"checks/test_{slug}.py"], kept)
            rows = [row for row in rows if options.only in row.name]
            if subject != "spec":  # cold and first looks differ as there
                rows = [row for row in rows if not row.name.endswith(("cold", "first look"))]
            print(f"== {subject}", flush=True)
            measure(rows, options.runs if subject == "spec" else min(options.runs, SOME_RUNS))
            series += [Series(subject, r.place.name, r.name, r.seconds, r.mib) for r in rows]
    raw = json.dumps([vars(each) for each in series], indent=1)
    (Path(tempfile.gettempdir()) / "stackwalk-bench.json").write_text(raw)
    write_page(series, ROOT / "docs" if options.write else None)


if __name__ == "__main__":
    main()
