"""What turned red on a real machine, and the commands that somebody typed there."""

import time

import pytest

from stackwalk import commands, machine
from stackwalk.between import log_cell
from stackwalk.course import Place, Step
from stackwalk.home import Home
from stackwalk.login import type_step
from stackwalk.showstack import render_status

pytestmark = pytest.mark.machine


def test_red_is_shown_with_what_was_typed_in_between(met_home: Home) -> None:
    """A person at a terminal is in the machine's journal; the engine's own way in is not."""
    log_cell(met_home, "web as vagrant", "ls -l /etc/greeting", 0)
    step = Step(Place("web", "vagrant"), "sudo truncate -s 0 /etc/greeting")
    type_step(met_home, step, secrets={})

    began = time.monotonic()
    result = commands.status(met_home)
    seconds = time.monotonic() - began

    print(f"status: {seconds:.1f} s")  # printed, never asserted
    shown = render_status(result)
    assert [red.verdict.task for red in result.red] == ["greeting_exists"]
    assert result.red[0].waiting == ("greeting_is_private",)
    assert "web as vagrant   ls -l /etc/greeting" in shown
    assert "web as vagrant   sudo /usr/bin/truncate -s 0 /etc/greeting" in shown
    assert "timeout" not in shown
    assert result.open_chapters == result.course.chapters


def test_machine_that_is_off_is_said_and_nothing_is_taken_away(met_home: Home) -> None:
    machine.halt(met_home, say=print)

    result = commands.status(met_home)

    assert result.not_seen == "the machine does not answer"
    assert "✔ greeting_exists" in render_status(result)
