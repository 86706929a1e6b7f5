"""A drill on a real machine: broken, survived, mended by hand or by going back, and told."""

from collections.abc import Iterator

import pytest

from stackwalk import machine, store
from stackwalk.commands import drill
from stackwalk.commands.breaking import SNAPSHOT
from stackwalk.connect import run_once
from stackwalk.home import Home
from stackwalk.machine import snapshot

pytestmark = pytest.mark.machine


@pytest.fixture
def drilled(met_home: Home) -> Iterator[Home]:
    """The greeting was emptied by a drill that has just begun; no drill is left behind."""
    began = drill.begin(met_home, "greeting-empty", say=print)
    assert began.stage == "began"
    yield met_home
    store.change(met_home, lambda now: type(now)())


def labels(home: Home) -> list[str]:
    return [each.label for each in snapshot.load(home)]


def test_drill_survives_a_restart_and_is_over_when_mended(drilled: Home) -> None:
    assert labels(drilled) == [SNAPSHOT]

    machine.reboot(drilled, say=print)
    red = drill.look(drilled)
    run_once(drilled, "web", "echo 'Good day' >/etc/greeting")
    over = drill.look(drilled)

    assert (red.stage, [verdict.task for verdict in red.verdicts]) == (
        "red",
        ["greeting_exists", "greeting_is_private"],
    )
    assert (over.stage, over.drill.what) == ("mended", "the greeting is empty")
    assert labels(drilled) == []


def test_going_back_to_the_snapshot_ends_the_drill(drilled: Home) -> None:
    snapshot.restore(drilled, label=SNAPSHOT, say=print)

    assert drill.look(drilled).stage == "mended"
    assert run_once(drilled, "web", "cat /etc/greeting").stdout == "Hello there\n"


def test_giving_up_mends(drilled: Home) -> None:
    assert drill.give_up(drilled).stage == "given up"
    assert run_once(drilled, "web", "cat /etc/greeting").stdout == "Hello there\n"


def test_machine_that_was_made_anew_ends_the_drill(drilled: Home) -> None:
    machine.destroy(drilled, say=print)
    machine.up(drilled, say=print)

    lost = drill.look(drilled)

    assert lost.stage == "lost"
    assert store.load(drilled).progress.drill is None
