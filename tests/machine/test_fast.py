"""What a look costs on a real machine, by counting; and that it stays right when things go wrong.

Counted are the starts of ``ssh`` and ``vagrant`` on the laptop, and what sshd and sudo on the
machine write into the journal.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from trouble import NOTICED_S, paused

from stackwalk import machine
from stackwalk.commands import look
from stackwalk.commands.desk import open_desk
from stackwalk.commands.look import CheckResult
from stackwalk.connect import run_once
from stackwalk.errors import MachineError, RemoteTimeout, Unreachable, WentAway
from stackwalk.home import Home
from stackwalk.machine.errand import Errand
from stackwalk.machine.sshconfig import close_connection
from stackwalk.vantage import Vantages
from stackwalk.verdict import Status

pytestmark = pytest.mark.machine
LOGINS = "journalctl -q -o cat _COMM=sshd-session + _COMM=sshd | grep -c '^Accepted' || true"
SUDOS = "journalctl -q -o cat _COMM=sudo | grep -c COMMAND= || true"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each ``ssh`` and ``vagrant`` that was started."""
    log = tmp_path / "calls"
    log.touch()
    for name in ("ssh", "vagrant"):
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\necho {name} >>{log}\nexec {shutil.which(name)} "$@"\n')
        wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path('/usr/bin')}:/bin:/usr/sbin:/sbin")
    return log


@pytest.fixture
def errand(machine_home: Home) -> Iterator[Errand]:
    errand = Errand(machine_home, "web")
    yield errand
    errand.close()


def count(home: Home, command: str) -> int:
    """What the machine's journal counts, over the kept connection: this adds a sudo, no login."""
    return int(run_once(home, "web", f"journalctl --sync; {command}").stdout)


def assert_met(result: CheckResult) -> None:
    assert {verdict.status for verdict in result.verdicts} == {Status.MET}


def test_a_warm_look_makes_one_session_and_no_connection(met_home: Home, calls: Path) -> None:
    logins, sudos = count(met_home, LOGINS), count(met_home, SUDOS)
    calls.write_text("")

    assert_met(look.check(met_home))

    assert calls.read_text() == "ssh\n"
    assert count(met_home, LOGINS) == logins
    assert count(met_home, SUDOS) == sudos + 3  # its own, and those of the two counts around it


def test_a_cold_look_makes_one_connection(met_home: Home, calls: Path) -> None:
    logins = count(met_home, LOGINS)
    close_connection(met_home, "web")
    calls.write_text("")

    assert_met(look.check(met_home))

    assert calls.read_text() == "ssh\n"
    assert count(met_home, LOGINS) == logins + 1


def test_round_trips_do_not_grow_with_the_checks(met_home: Home) -> None:
    desk = open_desk(met_home)
    tasks = list(desk.course.tasks)
    with Vantages(met_home) as hosts:
        verdicts = hosts.look(desk.course, tasks, can=frozenset(), report=print)
        commands, trips = sum(map(len, hosts.asked.values())), hosts.errand.trips

    assert {verdict.status for verdict in verdicts} == {Status.MET}
    assert commands > 2
    assert trips == 1


def test_a_server_with_one_session_a_connection_is_looked_at(met_home: Home, calls: Path) -> None:
    drop_in = "/etc/ssh/sshd_config.d/one-session.conf"
    run_once(met_home, "web", f"echo MaxSessions 1 >{drop_in}; systemctl reload ssh")
    close_connection(met_home, "web")
    try:
        calls.write_text("")
        assert_met(look.check(met_home))
        assert calls.read_text() == "ssh\n"
    finally:
        run_once(met_home, "web", f"rm {drop_in}; systemctl reload ssh")
        close_connection(met_home, "web")


def test_a_machine_without_python_is_looked_at_the_other_way(met_home: Home) -> None:
    run_once(met_home, "web", "mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        assert_met(look.check(met_home))
    finally:
        run_once(met_home, "web", "mv /usr/bin/python3.away /usr/bin/python3")


def test_what_runs_late_is_stopped_on_the_machine(errand: Errand) -> None:
    with pytest.raises(RemoteTimeout, match="not done after 1 s and was stopped: sleep 4321"):
        errand.run("sleep 4321", limit_s=1)

    assert errand.run("pgrep -fx 'sleep 4321'", limit_s=5).rc == 1


def test_nothing_is_left_on_the_machine_after_a_look(machine_home: Home, errand: Errand) -> None:
    errand.run("sleep 4322 & true", limit_s=5)
    errand.close()
    gone = "while pgrep -f '[e]xec.eval.open'; do sleep 0.1; done; pkill -fx 'sleep 4322'"

    assert run_once(machine_home, "web", gone).rc == 0  # it hears of the end a moment later


def test_commands_find_what_they_find_without_a_scout(machine_home: Home, errand: Errand) -> None:
    facts = "env | sort | grep -v ^SUDO_COMMAND; pwd; id; umask; ulimit -a; nice; cat; tty"

    by_scout = errand.run(facts, limit_s=5)

    assert by_scout.stdout.decode() == run_once(machine_home, "web", facts).stdout


def test_a_new_login_is_still_a_new_login(machine_home: Home) -> None:
    with Vantages(machine_home) as hosts:
        hosts("web").run("systemctl stop ssh")
        try:
            assert hosts("web").run("true").rc == 0
            with pytest.raises(MachineError, match=r"refused|hung up without a word"):
                hosts("web_fresh").run("true")
        finally:
            hosts("web").run("systemctl start ssh")


@pytest.mark.parametrize("is_under_way", [True, False])
def test_a_dead_machine_is_noticed(machine_home: Home, errand: Errand, is_under_way: bool) -> None:
    run_once(machine_home, "web", "true")
    if is_under_way:
        errand.run("true", limit_s=5)

    with paused(machine_home):
        began = time.monotonic()
        with pytest.raises(Unreachable):
            errand.run("true", limit_s=5)
        seconds = time.monotonic() - began

    print(f"noticed after {seconds:.2f} s")
    assert seconds < NOTICED_S


def test_a_machine_that_restarts_in_the_middle_went_away(
    machine_home: Home, errand: Errand
) -> None:
    errand.run("true", limit_s=5)

    with pytest.raises(WentAway):
        errand.run("systemctl reboot; sleep 60", limit_s=90)

    machine.up(machine_home, say=print)
