"""The dead man's switch: what is said, with answers of the machine given."""

import pytest

from stackwalk import hazard, jupyter
from stackwalk.cellspec import OnCell
from stackwalk.course import Place
from stackwalk.errors import MachineError, Unreachable, UsageError
from stackwalk.home import Home
from stackwalk.machine.remote import Answer

CELL = OnCell(Place("web", "root"), "~", None, "ufw disable", 60)


class Machine:
    """Answers each remote script with the next of its replies, and remembers the scripts."""

    def __init__(self, *replies: str | MachineError) -> None:
        self.replies = list(replies)
        self.scripts: list[str] = []

    def run(self, home: Home, name: str, script: str, **options: object) -> Answer:
        self.scripts.append(script)
        reply = self.replies.pop(0)
        if isinstance(reply, MachineError):
            raise reply
        return Answer(0 if reply else 1, reply.encode(), b"Failed to start timer")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(hazard, "run_remote", machine.run)
    return machine


def test_switch_that_cannot_be_armed_keeps_the_cell_from_running(
    home: Home, machine: Machine
) -> None:
    machine.replies = ["", "cancelled"]

    with pytest.raises(MachineError, match="could not be armed on web: Failed to start") as error:
        hazard.arm(home, CELL)

    assert error.value.safe == "Nothing was run."
    assert machine.scripts[1] == hazard.CANCEL


def test_change_that_is_just_being_taken_back_is_not_run_again(
    home: Home, machine: Machine
) -> None:
    machine.replies = ["undoing"]

    with pytest.raises(UsageError, match="is taking the change before back at this moment"):
        hazard.arm(home, CELL)


def test_shut_out_says_when_the_machine_opens_itself(home: Home, machine: Machine) -> None:
    machine.replies = ["armed no", Unreachable("ssh to web refused."), "undoing"]
    hazard.arm(home, CELL)

    with pytest.raises(MachineError, match="Not kept: no new ssh session gets into web") as error:
        hazard.keep(home)

    assert "ssh to web refused." in error.value.happened
    assert error.value.safe.startswith("in 60 seconds, at ")
    assert "is taking the change back at this moment" in hazard.keep(home).sentence


def test_machine_that_stays_shut_after_its_time_is_a_case_for_rescue(
    home: Home, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.replies = ["armed no", Unreachable("ssh to web refused.")]
    hazard.arm(home, CELL)
    later = hazard.time.time() + 120
    monkeypatch.setattr(hazard.time, "time", lambda: later)

    with pytest.raises(MachineError) as error:
        hazard.keep(home)

    assert error.value.safe.startswith("web was to take it back by itself at ")
    assert error.value.next == "stackwalk rescue web"


def test_machine_that_nobody_armed_is_only_unreachable(home: Home, machine: Machine) -> None:
    machine.replies = [Unreachable("ssh to web refused.")]

    with pytest.raises(Unreachable, match=r"^ssh to web refused\.") as error:
        hazard.keep(home)

    assert "by itself" not in str(error.value)


def test_cell_that_was_refused_disarms_what_it_armed(
    home: Home, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.replies = ["armed no", "cancelled"]
    monkeypatch.setattr(jupyter, "display", lambda *_, **__: None)

    with pytest.raises(UsageError), jupyter._on_trial(CELL):
        raise UsageError("no such directory")

    assert machine.scripts[1] == hazard.CANCEL


def test_cell_that_was_refused_leaves_an_earlier_change_guarded(
    home: Home, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.replies = ["armed yes"]
    monkeypatch.setattr(jupyter, "display", lambda *_, **__: None)

    with pytest.raises(UsageError), jupyter._on_trial(CELL):
        raise UsageError("no such directory")

    assert len(machine.scripts) == 1
