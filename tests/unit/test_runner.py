"""Whatever a check does, a verdict comes out of it."""

from collections.abc import Callable
from typing import Any

import pytest
from samples import make_chapter, make_task

from stackwalk.course import Course
from stackwalk.errors import RemoteTimeout, Unreachable, WentAway
from stackwalk.runner import run_checks, with_needs
from stackwalk.verdict import Status, Verdict

CHECKS = """
import probes
from stackwalk.verdict import NotStarted, Unmet

def test_first_done(web):
    return probes.found(web)

def test_second_done(web, laptop):
    raise Unmet("it is empty", expected="words", found="x" * 500, look="web: cat it", saw="empty")

def test_third_done(web_fresh):
    raise NotStarted("nothing there", expected="a file", found="no file", look="web: ls")

def test_broken(web):
    return 1 / 0
"""


@pytest.fixture
def written(course: Course) -> Course:
    checks = course.root / "checks"
    checks.mkdir(parents=True)
    (checks / "probes.py").write_text("def found(web):\n    return f'seen on {web}'\n")
    for name in ("one", "two"):
        (checks / f"test_{name}.py").write_text(CHECKS)
    return course


def look(course: Course, *, hosts: Any = str, **options: Any) -> dict[str, Verdict]:
    options.setdefault("can", frozenset())
    return {v.task: v for v in run_checks(course, list(course.tasks), hosts, **options)}


def test_met_tells_what_was_found(written: Course) -> None:
    assert look(written)["first_done"] == Verdict("first_done", Status.MET, found="seen on web")


def test_unmet_carries_the_evidence_trimmed(written: Course) -> None:
    verdict = look(written)["second_done"]

    assert (verdict.status, verdict.saw, verdict.look) == (Status.UNMET, "empty", "web: cat it")
    assert len(verdict.found) == 200


def test_what_hangs_on_an_unmet_task_waits_for_the_root_cause(written: Course) -> None:
    verdict = look(written)["third_done"]

    assert (verdict.status, verdict.waits_for) == (Status.WAITING, "second_done")


def test_without_heeding_needs_every_check_runs(written: Course) -> None:
    assert look(written, heed_needs=False)["third_done"].status is Status.NOT_STARTED


def test_lacking_capability_is_not_possible_here(written: Course) -> None:
    task = make_task("first_done", can=("own_clock",))
    course = Course((make_chapter("01", "one", task),), written.root)

    verdict = look(course)["first_done"]

    assert (verdict.status, verdict.what) == (
        Status.NOT_POSSIBLE,
        "this machine has no own clock",
    )
    assert look(course, can=frozenset({"own_clock"}))["first_done"].status is Status.MET


def failing(shut: str, error: Exception) -> Callable[[str], str]:
    """Hosts of which one vantage cannot be had."""

    def hosts(vantage: str) -> str:
        if vantage == shut:
            raise error
        return vantage

    return hosts


def test_check_that_raises_is_our_trouble(written: Course) -> None:
    course = Course((make_chapter("01", "one", make_task("broken")),), written.root)
    traces: list[str] = []

    verdict = look(course, report=traces.append)["broken"]

    assert verdict.status is Status.UNKNOWN
    assert verdict.what == (
        "The check itself broke. This is our trouble, not yours: nothing was marked wrong."
    )
    assert verdict.found == "ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in traces[0]


def test_missing_check_is_our_trouble(written: Course) -> None:
    course = Course((make_chapter("01", "one", make_task("nobody_wrote_it")),), written.root)

    assert look(course)["nobody_wrote_it"].status is Status.UNKNOWN


def test_dead_machine_is_asked_once(written: Course) -> None:
    asked = []

    def hosts(vantage: str) -> str:
        asked.append(vantage)
        raise Unreachable("ssh to web refused on 127.0.0.1 port 2222", next="stackwalk rescue")

    verdicts = look(written, hosts=hosts, heed_needs=False)

    assert asked == ["web"]
    assert {v.status for v in verdicts.values()} == {Status.UNKNOWN}
    assert verdicts["third_done"].what.startswith("I could not look: ssh to web refused")


def test_no_of_a_machine_that_went_away_in_the_middle_is_doubted(written: Course) -> None:
    """It may have been on its way down when its services were found stopped."""
    gone = WentAway("ssh to web refused on 127.0.0.1 port 2222")

    verdicts = look(written, hosts=failing("web_fresh", gone), heed_needs=False)

    assert verdicts["first_done"].status is Status.MET
    assert verdicts["second_done"] == Verdict(
        "second_done",
        Status.UNKNOWN,
        what="I could not look: ssh to web refused on 127.0.0.1 port 2222",
    )


def test_slow_command_is_unknown_for_its_task_only(written: Course) -> None:
    late = RemoteTimeout("`find /` did not end within 20 s")

    verdicts = look(written, hosts=failing("laptop", late), heed_needs=False)

    assert verdicts["second_done"].status is Status.UNKNOWN
    assert verdicts["first_done"].status is Status.MET


def test_needs_are_followed_and_come_first(course: Course) -> None:
    last = course.chapters[1].tasks[0]

    assert [t.id for t in with_needs(course, [last])] == ["first_done", "second_done", "third_done"]


def test_course_checked_twice_reads_its_own_probes(written: Course) -> None:
    look(written)
    probes = written.root / "checks" / "probes.py"
    probes.write_text("def found(web):\n    return 'changed now'\n")

    assert look(written)["first_done"].found == "changed now"
