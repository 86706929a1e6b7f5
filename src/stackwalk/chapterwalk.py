"""One chapter of the walk: blank, by hand, reboot, mistakes, by script."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from stackwalk import machine, store
from stackwalk.blocks import TerminalBlock
from stackwalk.chaptertext import read_chapter_text
from stackwalk.commands.desk import machine_can
from stackwalk.commands.look import place_books
from stackwalk.course import Chapter, Course, Task
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.inflict import prove_mistake, prove_way
from stackwalk.login import type_step
from stackwalk.outcome import Fault, Outcome
from stackwalk.recorder import Recorder, shown_text
from stackwalk.stock import compare, in_turn, stock_hosts
from stackwalk.vantage import Vantages
from stackwalk.verdict import Status, Verdict

FACTS = "application/vnd.stackwalk+json"  # what a typed cell reports of itself
BY_SCRIPT = "## By script"
# Mistakes and other ways: every one; those of tasks that need a capability, which a container
# cannot prove and a slow machine need not prove again; none.
Proofs = Literal["all", "capable", "none"]


@dataclass
class ChapterWalk:
    """Runs one chapter on the machine that is up; stops at the first cell that fails."""

    course: Course
    chapter: Chapter
    home: Home
    secrets: Mapping[str, str]
    proofs: Proofs
    record: bool
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        text = read_chapter_text(self.chapter.source)
        self._terminals = {b.line: b for b in text.blocks if isinstance(b, TerminalBlock)}
        self._tasks = {task.id: task for task in self.chapter.tasks}
        self._outcome = Outcome(self.chapter)
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """Walks the chapter; every fault is in the outcome, none is raised."""
        self._phase("blank", self._blank)
        if self._outcome.faults:
            return self._outcome
        if self._comes_to_its_end(self._execute):
            self._phase("by script", lambda: self._all_met("after By script"), began=self._began)
        return self._outcome

    def prove(self) -> Outcome:
        """Only what is proven of a finished chapter, on a machine that its role has made."""
        self._comes_to_its_end(partial(self._hand_made, "by its role"))
        return self._outcome

    def _comes_to_its_end(self, work: Callable[[], None]) -> bool:
        """Does the work; what stops it is written down."""
        try:
            work()
        except _Stop:
            return False
        except StackwalkError as error:
            self._fault(self.chapter.name, str(error))
            return False
        return True

    def _blank(self) -> None:
        """Every check runs, whatever it needs, and says what is not yet so."""
        for verdict in self._look(self.chapter.tasks, heed_needs=False):
            if verdict.status is Status.NOT_POSSIBLE:
                self._outcome.impossible.append(verdict.task)
            elif verdict.status not in (Status.UNMET, Status.NOT_STARTED) or not verdict.what:
                said = verdict.what or verdict.found
                self._fault(f"blank machine, {verdict.task}", f"is {verdict.status}: {said}")

    def _execute(self) -> None:
        from nbclient import NotebookClient

        from stackwalk.notebook import make_notebook

        notebook = make_notebook(self.chapter)
        recorder = Recorder(self.chapter, self.home)
        self.home.laptop.mkdir(parents=True, exist_ok=True)
        place_books(self.home, self.course, store.load(self.home).progress)
        client = NotebookClient(
            notebook,
            timeout=None,  # each cell has a limit of its own
            kernel_name="python3",
            allow_errors=True,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],  # it warns that loopback is not encrypted
            resources={"metadata": {"path": str(self.home.laptop)}},
        )
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                self._cell(client, index, cell, recorder)
        if self.record:
            recorder.write(machine.status(self.home, "web").provider)

    def _cell(self, client: Any, index: int, cell: Any, recorder: Recorder) -> None:
        if cell.cell_type == "code":
            self._run(client, index, cell, recorder)
            return
        facts = cell.metadata.get("stackwalk", {})
        if any(line.startswith(BY_SCRIPT) for line in cell.source.split("\n")):
            self._hand_made("by hand")
        if facts.get("kind") == "terminal":
            self._terminal(self._terminals[facts["line"]], cell, recorder)
        if facts.get("kind") == "task":
            self._solve(self._tasks[facts["task"]])

    def _run(self, client: Any, index: int, cell: Any, recorder: Recorder) -> None:
        promised = cell.metadata.get("stackwalk", {})
        if set(promised.get("can", [])) - machine_can(self.home):
            self._outcome.impossible.append(f"the cell at line {promised['line']}")
            return
        client.execute_cell(cell, index)
        self._outcome.cells += 1
        self._expect(cell)
        recorder.keep(cell, shown_text(cell, framed=False), facts_of(cell))

    def _expect(self, cell: Any) -> None:
        promised, facts = cell.metadata.get("stackwalk", {}), facts_of(cell)
        where, text = self._where(promised), shown_text(cell)
        if any(output.output_type == "error" for output in cell.outputs):
            self._stop(where, f"a traceback in front of the learner:\n{text}")
        if facts.get("verb") == "check" and facts.get("exit_code") != 0:
            self._stop(where, f"the check is not met:\n{text}")
        if "exit_status" in facts and facts["exit_status"] != promised.get("exit", 0):
            want = promised.get("exit", 0)
            self._stop(where, f"exit {facts['exit_status']}, promised {want}:\n{text}")
        for piece in promised.get("shows", []):
            if piece not in text:
                self._stop(where, f"does not show {piece!r}:\n{text}")

    def _terminal(self, block: TerminalBlock, cell: Any, recorder: Recorder) -> None:
        where = f"{self.chapter.name}/chapter.md:{block.line}"
        try:
            screen = type_step(self.home, block.step, secrets=self.secrets).screen
        except StackwalkError as error:
            self._stop(where, str(error))
        for piece in block.shows:
            if piece not in screen:
                self._stop(where, f"the terminal does not show {piece!r}:\n{screen}")
        recorder.keep(cell, screen, {})
        self._outcome.terminals += 1

    def _solve(self, task: Task) -> None:
        """The task is not met before its solution is typed; the cell after it checks that it is."""
        where = f"{self.chapter.name}/chapter.md:{task.line}"
        (before,) = self._look([task], heed_needs=False)
        if before.status is Status.NOT_POSSIBLE:
            return
        if before.status not in (Status.UNMET, Status.NOT_STARTED):
            self._stop(where, f"{task.id} is {before.status} before it is done: {before.what}")
        for step in task.solution:
            try:
                type_step(self.home, step, secrets=self.secrets)
            except StackwalkError as error:
                self._stop(where, str(error))
        self._outcome.solutions += 1

    def _hand_made(self, how: str) -> None:
        """The server is whole, and still so after a reboot and after each mistake."""
        self._all_met(how)
        self._spent(how)
        machine.reboot(self.home, "web", say=self.say)
        self._all_met("after a reboot")
        self._spent("reboot")
        tasks = self._so_far()
        for turn, mistake in enumerate(self.chapter.mistakes):
            if not self._proves(f"mistake {mistake.name}", [mistake.task]):
                continue
            where = f"mistake {mistake.name}"
            look = partial(self._look_twice, where, turn)
            for fault in prove_mistake(self.course, mistake, tasks, look, self.home):
                self._fault(where, fault)
            self._outcome.mistakes += 1
        self._spent("mistakes")
        for way in self.chapter.ways:
            if not self._proves(f"way {way.name}", way.tasks):
                continue
            for fault in prove_way(way, tasks, self._look, self.home):
                self._fault(f"way {way.name}", fault)
            self._outcome.ways += 1
        if self._outcome.mistakes or self._outcome.ways:
            self._all_met("after mistakes and ways")
        self._spent("other ways")

    def _proves(self, what: str, tasks: Sequence[str]) -> bool:
        """Whether it is asked for, and this machine can; what it cannot do is counted."""
        needs = {can for task in self.course.tasks if task.id in tasks for can in task.can}
        if self.proofs == "none":
            return False
        if needs - machine_can(self.home):
            self._outcome.impossible.append(what)
            return False
        return self.proofs == "all" or bool(needs)

    def _all_met(self, when: str) -> None:
        for verdict in self._look(self._so_far()):
            if verdict.status not in (Status.MET, Status.NOT_POSSIBLE):
                said = f"{verdict.what} {verdict.found} {verdict.waits_for}"
                self._fault(f"{when}, {verdict.task}", f"is {verdict.status}: {said}")
        if any(fault.where.startswith(when) for fault in self._outcome.faults):
            raise _Stop

    def _so_far(self) -> Sequence[Task]:
        last = self.course.chapters.index(self.chapter)
        return [task for past in self.course.chapters[: last + 1] for task in past.tasks]

    def _look(self, tasks: Sequence[Task], heed_needs: bool = True) -> list[Verdict]:
        with Vantages(self.home) as hosts:
            can = machine_can(self.home)
            return hosts.look(self.course, tasks, can=can, heed_needs=heed_needs, report=self.say)

    def _look_twice(self, where: str, turn: int, tasks: Sequence[Task]) -> list[Verdict]:
        """Stock testinfra must come to the same verdicts, word for word."""
        verdicts = self._look(tasks)
        can, again = machine_can(self.home), in_turn(verdicts, turn)
        for difference in compare(self.course, again, stock_hosts(self.home), can=can):
            self._fault(where, difference)
        return verdicts

    def _where(self, promised: Mapping[str, Any]) -> str:
        return f"{self.chapter.name}/chapter.md:{promised.get('line', '?')}"

    def _phase(self, name: str, work: Callable[[], None], began: float | None = None) -> None:
        with suppress(_Stop):
            work()
        self._spent(name)

    def _spent(self, name: str) -> None:
        now = time.monotonic()
        self._outcome.seconds[name] = now - self._began
        self._began = now

    def _fault(self, where: str, what: str) -> None:
        fault = Fault(where, what)
        self._outcome.faults.append(fault)
        self.say(f"✘ {fault}")  # at once: what comes after it may take an hour

    def _stop(self, where: str, what: str) -> None:
        self._fault(where, what)
        raise _Stop


class _Stop(Exception):
    """What follows stands on what has just failed; the fault is written down already."""


def facts_of(cell: Any) -> dict[str, Any]:
    """What a typed cell reported of itself; of several checks, the one that is worst off."""
    reports = [out["data"][FACTS] for out in cell.outputs if FACTS in out.get("data", {})]
    return dict(max(reports, key=lambda facts: facts.get("exit_code", 0), default={}))
