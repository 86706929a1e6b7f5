"""Runs checks and turns whatever happens into verdicts; the only broad ``except`` is here."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from stackwalk.course import Course, Task
from stackwalk.errors import MachineError, NotUp, StackwalkError, Unreachable, WentAway
from stackwalk.verdict import CheckBroken, Status, Unmet, Verdict, trim

Hosts = Callable[[str], Any]  # vantage (web, web_fresh, laptop) -> testinfra Host
OURS = "This is our trouble, not yours: nothing was marked wrong."


def with_needs(course: Course, tasks: Iterable[Task]) -> list[Task]:
    """The tasks and all they need, in course order, so that each need is looked at first."""
    by_id = {task.id: task for task in course.tasks}
    wanted: set[str] = set()
    pending = [task.id for task in tasks]
    while pending:
        task_id = pending.pop()
        if task_id not in wanted:
            wanted.add(task_id)
            pending.extend(by_id[task_id].needs)
    return [task for task in course.tasks if task.id in wanted]


def run_checks(
    course: Course,
    tasks: Sequence[Task],
    hosts: Hosts,
    *,
    can: frozenset[str],
    heed_needs: bool = True,
    begin: Callable[[str], None] = lambda _: None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Looks at each task, in course order.

    Args:
        hosts: gives the host of a vantage, and raises a ``MachineError`` when it cannot.
        can: the capabilities of the machine that is there.
        heed_needs: without it every check runs, whatever it needs (the walk's blank machine).
        begin: is told each task whose check is about to run.
        report: receives the traceback of a check that broke.
    """
    modules = _Modules(course.root / "checks")
    seen: dict[str, Verdict] = {}
    lost = _Lost()
    for task in tasks:
        waits_for = _root_cause(task, seen) if heed_needs else ""
        if waits_for:
            seen[task.id] = Verdict(task.id, Status.WAITING, waits_for=waits_for)
        elif missing := set(task.can) - can:
            seen[task.id] = _not_possible(task, missing)
        else:
            begin(task.id)
            module = f"test_{course.chapter_of(task.id).slug.replace('-', '_')}"
            seen[task.id] = _look(task, modules, module, hosts, lost, report)
    return [_doubted(verdict, lost) for verdict in seen.values()]


@dataclass
class _Lost:
    """Machines that cannot be asked any more in this look, and what there is to say of it."""

    machines: dict[str, Verdict] = field(default_factory=dict)
    in_the_middle: Verdict | None = None


def _doubted(verdict: Verdict, lost: _Lost) -> Verdict:
    """A machine that went away in the middle was perhaps going down when it said no before."""
    is_no = verdict.status in (Status.UNMET, Status.NOT_STARTED)
    if lost.in_the_middle is None or not is_no:
        return verdict
    return replace(lost.in_the_middle, task=verdict.task)


def _root_cause(task: Task, seen: Mapping[str, Verdict]) -> str:
    """The first need that is not met, followed down to what it waits for itself."""
    for need in task.needs:
        verdict = seen.get(need)
        if verdict is not None and verdict.status is not Status.MET:
            return verdict.waits_for or need
    return ""


def _not_possible(task: Task, missing: set[str]) -> Verdict:
    return Verdict(
        task.id,
        Status.NOT_POSSIBLE,
        what=f"this machine has no {', '.join(sorted(missing)).replace('_', ' ')}",
    )


def _look(
    task: Task,
    modules: "_Modules",
    module: str,
    hosts: Hosts,
    lost: _Lost,
    report: Callable[[str], None],
) -> Verdict:
    vantage = ""
    try:
        check = modules.check(module, task.id)
        given = {}
        for vantage in inspect.signature(check).parameters:
            machine = vantage.removesuffix("_fresh")
            if machine in lost.machines:  # do not wait for a dead machine once per task
                return replace(lost.machines[machine], task=task.id)
            given[vantage] = hosts(vantage)
        return Verdict(task.id, Status.MET, found=trim(str(check(**given) or "")))
    except Unmet as unmet:
        return _from_unmet(task, unmet)
    except (NotUp, Unreachable) as trouble:
        verdict = _unknown(task, trouble)
        lost.machines[vantage.removesuffix("_fresh")] = verdict
        if isinstance(trouble, WentAway):
            lost.in_the_middle = verdict
        return verdict
    except StackwalkError as trouble:
        return _unknown(task, trouble)
    except Exception as bug:  # noqa: BLE001  a check that raises is our bug, never the learner's
        report(traceback.format_exc())
        return _broken(task, bug)


def _from_unmet(task: Task, unmet: Unmet) -> Verdict:
    return Verdict(
        task.id,
        unmet.status,
        what=trim(unmet.what),
        expected=trim(unmet.expected),
        found=trim(unmet.found),
        look=unmet.look,
        saw=unmet.saw,
    )


def _unknown(task: Task, trouble: StackwalkError) -> Verdict:
    about = "I could not look: " if isinstance(trouble, MachineError) else ""
    return Verdict(task.id, Status.UNKNOWN, what=about + trouble.happened, look=trouble.next)


def _broken(task: Task, bug: Exception) -> Verdict:
    kind = "" if isinstance(bug, CheckBroken) else f"{type(bug).__name__}: "
    return Verdict(
        task.id,
        Status.UNKNOWN,
        what=f"The check itself broke. {OURS}",
        found=trim(f"{kind}{bug}"),
        look="report it with the file .engine/broken-checks.log of your stackwalk folder",
    )


class _Modules:
    """The check files, loaded once for a run, as pytest would: beside each other on the path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, ModuleType] = {}
        # A kernel that lives long may have loaded those of an older edition.
        for path in folder.glob("*probes.py"):
            sys.modules.pop(path.stem, None)

    def check(self, module: str, task_id: str) -> Callable[..., str | None]:
        if module not in self._loaded:
            self._loaded[module] = self._load(module)
        check: Callable[..., str | None] = getattr(self._loaded[module], f"test_{task_id}")
        return check

    def _load(self, module: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(
            f"stackwalk_checks_{module}", self._folder / f"{module}.py"
        )
        assert spec is not None and spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(self._folder))
        try:
            spec.loader.exec_module(loaded)
        finally:
            sys.path.remove(str(self._folder))
        return loaded
