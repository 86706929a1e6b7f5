"""The course's own chapters by their roles alone: every check met, the learner's things kept."""

import subprocess
import time

import pytest

from stackwalk import machine
from stackwalk.commands import catchup, rewind
from stackwalk.commands.catchup import CaughtUp
from stackwalk.connect import run_once
from stackwalk.home import Home, find_clone
from stackwalk.load import load_course
from stackwalk.machine import snapshot

pytestmark = pytest.mark.machine


def end_of_course() -> str:
    return str(int(load_course(find_clone()).chapters[-1].number) + 1)


def catch_up(home: Home, name: str) -> CaughtUp:
    done = catchup.catch_up(catchup.plan_catch_up(home, name), say=print, ask=lambda _: None)
    took = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in done.seconds.items())
    print(f"caught up to {done.plan.where}: {took}")
    return done


def log_in(home: Home) -> str:
    """The learner's own way in: their configuration, their key, their known hosts."""
    argv = ["ssh", "-F", "ssh_config", "-o", "BatchMode=yes", "web", "id", "-un"]
    done = subprocess.run(argv, cwd=home.laptop, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWALK_DEPLOYER_PASSWORD", "only-for-this-test")


@pytest.mark.usefixtures("password")
def test_caught_up_from_nothing_every_check_is_met(empty_home: Home) -> None:
    """Then over what is there, two chapters: the learner's key stays, the new machine is known."""
    end = end_of_course()
    first = catch_up(empty_home, end)
    assert first.missing == ()
    assert log_in(empty_home) == "deployer"
    key = (empty_home.laptop / "keys" / "deployer").read_bytes()
    known = (empty_home.laptop / "known_hosts").read_text()

    second = catch_up(empty_home, "03")

    assert second.missing == ()
    assert log_in(empty_home) == "deployer"
    assert (empty_home.laptop / "keys" / "deployer").read_bytes() == key
    assert (empty_home.laptop / "known_hosts").read_text() != known
    progress = catchup.plan_catch_up(empty_home, "01").desk.progress
    assert [task for task, record in progress.tasks.items() if record.met_at] == []

    plan = catchup.plan_catch_up(empty_home, "03")
    assert plan.skipped == ()
    _restored_after_a_mess(empty_home, plan)


def _restored_after_a_mess(home: Home, done: catchup.Plan) -> None:
    """What a catch-up kept is there to go back to, and every check is met again."""
    label = done.earlier[-1].name
    run_once(home, "web", "userdel --force --remove deployer; rm -rf /home/vagrant/*")
    plan = rewind.plan_restore(home, "web", label)

    began = time.monotonic()
    rewind.restore(home, plan, say=print)
    print(f"restored: {time.monotonic() - began:.1f} s")

    assert catchup.look_at(home, done.desk.course, done.earlier) == ()
    assert log_in(home) == "deployer"
    assert [each.label for each in snapshot.load(home)] == [label]
    machine.destroy(home, say=print)
