"""The same checks by stock testinfra over the same ssh configuration: ours must agree with it."""

from collections.abc import Callable, Sequence
from typing import Any

import testinfra

from stackwalk.connect import open_laptop
from stackwalk.course import Course
from stackwalk.home import Home
from stackwalk.runner import run_checks
from stackwalk.verdict import Status, Verdict

RED = (Status.UNMET, Status.NOT_STARTED)


def stock_hosts(home: Home) -> Callable[[str], Any]:
    """Hosts by vantage as ``pytest checks --ssh-config=…`` has them."""

    def give(vantage: str) -> Any:
        if vantage == "laptop":
            return open_laptop(home)
        entry = vantage.replace("_", "-")
        return testinfra.get_host(f"ssh://{entry}?sudo=true", ssh_config=str(home.ssh_config))

    return give


def compare_red(
    course: Course,
    verdicts: Sequence[Verdict],
    hosts: Callable[[str], Any],
    *,
    can: frozenset[str],
) -> list[str]:
    """Looks again at what is red, by other hosts, and tells each difference.

    What is not red under a mistake is not asked twice: a task that should be red and is not is a
    fault anyway, and asking all would take as long again as the mistakes do.
    """
    red = {verdict.task: verdict for verdict in verdicts if verdict.status in RED}
    tasks = [task for task in course.tasks if task.id in red]
    again = run_checks(course, tasks, hosts, can=can, heed_needs=False)
    return [
        f"{each.task}: stock testinfra says {_said(each)}, ours said {_said(red[each.task])}"
        for each in again
        if _said(each) != _said(red[each.task])
    ]


def _said(verdict: Verdict) -> str:
    """What must be the same; what was found may hold the number of a process."""
    return f"{verdict.status}: {verdict.what} ({verdict.saw or 'otherwise'}; {verdict.look})"
