"""The dead man's switch on a real machine: kept from a new session, or the door opens itself."""

import time

import pytest

from stackwalk import hazard, machine
from stackwalk.cellspec import OnCell
from stackwalk.connect import run_once
from stackwalk.course import Place
from stackwalk.errors import MachineError, UsageError
from stackwalk.home import Home
from stackwalk.machine.remote import run_remote

pytestmark = pytest.mark.machine

ROOT = Place("web", "root")
CHANGE = "touch /root/changed"
UNDO = "rm -f /root/changed"
# sshd lets nobody in who was not in before; what is logged in already stays.
SHUT = (
    "echo 'AllowUsers nobody-at-all' >/etc/ssh/sshd_config.d/00-shut.conf && systemctl reload ssh"
)
OPEN = "rm -f /etc/ssh/sshd_config.d/00-shut.conf && systemctl reload ssh"


def cell(undo: str = UNDO, within_s: int = 60) -> OnCell:
    return OnCell(ROOT, undo=undo, within_s=within_s)


def is_there(home: Home, path: str) -> bool:
    return run_once(home, "web", f"test -e {path}").rc == 0


def wait_until_undone(home: Home, path: str, limit_s: float = 40) -> None:
    """Over the kept connection, which the change did not end."""
    until = time.monotonic() + limit_s
    while is_there(home, path):
        assert time.monotonic() < until, f"{path} was never taken back"
        time.sleep(0.5)


def test_change_that_is_kept_stays(machine_home: Home) -> None:
    armed = hazard.arm(machine_home, cell(within_s=5))
    run_once(machine_home, "web", CHANGE)

    kept = hazard.keep(machine_home)
    again = hazard.keep(machine_home)

    assert not armed.is_renewed
    assert "in 5 seconds web takes this cell's change back by itself" in armed.sentence
    assert (kept.outcome, again.outcome) == ("kept", "kept before")
    units = run_once(
        machine_home, "web", "systemctl list-units --all 'stackwalk-undo*' --no-legend"
    )
    assert units.stdout.strip() == ""
    assert is_there(machine_home, "/root/changed")


def test_door_that_was_shut_opens_itself(machine_home: Home) -> None:
    """sshd refuses every new login: nobody can confirm, and the machine takes it back."""
    hazard.arm(machine_home, cell(OPEN, within_s=8))
    assert run_once(machine_home, "web", SHUT).rc == 0

    with pytest.raises(MachineError, match="Not kept: no new ssh session gets into web") as shut:
        hazard.keep(machine_home)
    wait_until_undone(machine_home, "/etc/ssh/sshd_config.d/00-shut.conf")
    late = keep_patiently(machine_home)

    assert "web takes it back by itself" in shut.value.safe
    assert late.outcome == "taken back"
    assert "Too late: nobody confirmed, so web took the change back by itself at" in late.sentence
    assert late.exit_code == 1


def keep_patiently(home: Home) -> hazard.Kept:
    """sshd punishes the login it refused: our address waits some seconds."""
    until = time.monotonic() + 60
    while True:
        try:
            return hazard.keep(home)
        except MachineError:
            assert time.monotonic() < until, "no new session got in after the undo"
            time.sleep(3)


def test_firewall_that_drops_new_sessions_opens_itself(machine_home: Home) -> None:
    """What is established goes on, what is new is dropped: the trap of a forgotten port 22."""
    install = "command -v nft || apt-get -qq update && apt-get -qq install -y nftables"
    assert run_remote(machine_home, "web", install, user="root", limit_s=120).rc == 0
    rules = (
        "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        "add rule inet t in ct state established accept; add rule inet t in tcp dport 22 drop"
    )
    hazard.arm(machine_home, cell("nft delete table inet t", within_s=25))
    assert run_once(machine_home, "web", f"nft '{rules}'").rc == 0

    with pytest.raises(MachineError, match="Not kept: no new ssh session gets into web"):
        hazard.keep(machine_home)
    until = time.monotonic() + 40
    while run_once(machine_home, "web", "nft list table inet t").rc == 0:
        assert time.monotonic() < until, "the firewall was never taken back"
        time.sleep(0.5)

    assert hazard.keep(machine_home).outcome == "taken back"


def test_second_hazard_waits_for_the_first(machine_home: Home) -> None:
    hazard.arm(machine_home, cell())

    with pytest.raises(
        UsageError, match="Another change on web still waits to be kept: in"
    ) as other:
        hazard.arm(machine_home, cell("true"))
    again = hazard.arm(machine_home, cell())
    kept = hazard.keep(machine_home)

    assert UNDO in other.value.happened
    assert other.value.safe == "Nothing was run."
    assert again.is_renewed
    assert "armed again, with a new clock" in again.sentence
    assert kept.outcome == "kept"


def test_restart_in_between_takes_the_change_back(machine_home: Home) -> None:
    hazard.arm(machine_home, cell(within_s=600))
    run_once(machine_home, "web", CHANGE)

    machine.reboot(machine_home, "web", say=print)
    wait_until_undone(machine_home, "/root/changed")

    assert "it was restarted before anybody confirmed" in hazard.keep(machine_home).sentence


def test_undo_that_fails_is_said(machine_home: Home) -> None:
    hazard.arm(machine_home, cell("echo no such thing; exit 3", within_s=1))
    wait_until_undone(machine_home, "/var/lib/stackwalk-undo/armed")

    until = time.monotonic() + 20
    while "at this moment" in (said := hazard.keep(machine_home).sentence):
        assert time.monotonic() < until
    assert "That command failed, exit 3: no such thing" in said


def test_cell_that_was_refused_leaves_no_switch(machine_home: Home) -> None:
    hazard.arm(machine_home, cell())

    hazard.cancel(machine_home, "web")

    with pytest.raises(UsageError, match="No change on web waits to be kept"):
        hazard.keep(machine_home)
