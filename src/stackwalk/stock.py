"""The same checks by stock testinfra over the same ssh configuration: ours must agree with it."""

from collections.abc import Callable, Sequence
from typing import Any

import testinfra

from stackwalk.connect import open_laptop
from stackwalk.course import Course
from stackwalk.home import Home
from stackwalk.runner import run_checks
from stackwalk.verdict import Status, Verdict

TURNS = 8
SEEN = (Status.MET, Status.UNMET, Status.NOT_STARTED)  # not those that wait or cannot be


def stock_hosts(home: Home) -> Callable[[str], Any]:
    """Hosts by vantage as ``pytest checks --ssh-config=…`` has them."""

    def give(vantage: str) -> Any:
        if vantage == "laptop":
            return open_laptop(home)
        entry = vantage.replace("_", "-")
        return testinfra.get_host(f"ssh://{entry}?sudo=true", ssh_config=str(home.ssh_config))

    return give


def in_turn(verdicts: Sequence[Verdict], turn: int) -> list[Verdict]:
    """All that is not met, and each eighth of the rest: ``TURNS`` turns in a row look at all of it.

    Over ssh one by one, the checks of five chapters took three times as long as a look of ours.
    """
    return [
        verdict
        for place, verdict in enumerate(verdicts)
        if verdict.status is not Status.MET or (place + turn) % TURNS == 0
    ]


def compare(
    course: Course,
    verdicts: Sequence[Verdict],
    hosts: Callable[[str], Any],
    *,
    can: frozenset[str],
) -> list[str]:
    """Looks again at all that was looked at, by other hosts, and tells each difference."""
    seen = {verdict.task: verdict for verdict in verdicts if verdict.status in SEEN}
    tasks = [task for task in course.tasks if task.id in seen]
    again = run_checks(course, tasks, hosts, can=can, heed_needs=False)
    return [
        f"{each.task}: stock testinfra says {_said(each)}, ours said {_said(seen[each.task])}"
        for each in again
        if _said(each) != _said(seen[each.task])
    ]


def _said(verdict: Verdict) -> str:
    """What must be the same; what was found may hold the number of a process."""
    return f"{verdict.status}: {verdict.what} ({verdict.saw or 'otherwise'}; {verdict.look})"
