"""The hosts of one look, by vantage: ``web``, ``web_fresh``, ``laptop``."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from stackwalk.asked import load_asked, merge_asked, save_asked
from stackwalk.course import Course, Task
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.machine.errand import Errand
from stackwalk.machine.remote import LIMIT_S
from stackwalk.runner import run_checks
from stackwalk.verdict import Status, Verdict

MACHINE = "web"  # its scout is on its way before anybody asks


class Vantages:
    """Gives testinfra hosts, each opened once; what runs on a machine for them ends with it.

    The scout sets out at once, while the caller still reads the course and loads the checks.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._opened: dict[str, Any] = {}
        self._before = load_asked(home, MACHINE)
        self.asked: dict[str, list[str]] = {}  # task id -> commands, in this look
        self.errand = Errand(home, MACHINE)
        with contextlib.suppress(StackwalkError):  # whoever asks first is told why
            self.errand.set_out()

    def __enter__(self) -> "Vantages":
        return self

    def __exit__(self, *_: object) -> None:
        self.errand.close()

    def __call__(self, vantage: str) -> Any:
        if vantage not in self._opened:
            self._opened[vantage] = self._open(vantage)
        return self._opened[vantage]

    def ask_ahead(self, tasks: Iterable[str]) -> None:
        """Sends all that these checks asked the last time, at once."""
        commands = [each for task in tasks for each in self._before.get(task, [])]
        with contextlib.suppress(StackwalkError):
            self.errand.ask_ahead(commands, limit_s=LIMIT_S)

    def begin(self, task: str) -> None:
        """What is asked from now on is asked by this check."""
        self.errand.begin(self.asked.setdefault(task, []))

    def remember(self, verdicts: Iterable[Verdict]) -> None:
        """Keeps what was asked, for the next look."""
        met = frozenset(verdict.task for verdict in verdicts if verdict.status is Status.MET)
        after = merge_asked(self._before, self.asked, met)
        if after != self._before:
            save_asked(self._home, MACHINE, after)

    def look(
        self,
        course: Course,
        tasks: Sequence[Task],
        *,
        can: frozenset[str],
        heed_needs: bool = True,
        report: Callable[[str], None],
    ) -> list[Verdict]:
        """Looks at each task (see ``run_checks``), and keeps what was asked."""
        self.ask_ahead(task.id for task in tasks)
        verdicts = run_checks(
            course,
            tasks,
            self,
            can=can,
            heed_needs=heed_needs,
            begin=self.begin,
            report=report,
        )
        self.remember(verdicts)
        return verdicts

    def _open(self, vantage: str) -> Any:
        from stackwalk.connect import open_host, open_laptop

        name = vantage.removesuffix("_fresh")
        if name == "laptop":
            return open_laptop(self._home)
        if name == vantage == MACHINE:
            return open_host(self._home, name, errand=self.errand, limit_s=LIMIT_S)
        return open_host(self._home, name, fresh=name != vantage, limit_s=LIMIT_S)
