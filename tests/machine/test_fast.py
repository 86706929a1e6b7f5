"""What a look costs on a real machine, by counting; and that it stays right when things go wrong.

Counted are the starts of ``ssh`` and ``vagrant`` on the laptop, and what sshd and sudo on the
machine write into the journal.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from samples import make_chapter, make_task
from trouble import NOTICED_S, paused, switched_off

from stackwalk import machine, vantage
from stackwalk.commands import look
from stackwalk.commands.look import CheckResult
from stackwalk.connect import run_once
from stackwalk.course import Course
from stackwalk.errors import MachineError, RemoteTimeout, Unreachable
from stackwalk.home import Home
from stackwalk.machine.errand import Errand
from stackwalk.machine.sshconfig import close_connection
from stackwalk.vantage import Vantages
from stackwalk.verdict import Status, Verdict

pytestmark = pytest.mark.machine
LOGINS = "journalctl -q -o cat _COMM=sshd-session + _COMM=sshd | grep -c '^Accepted' || true"
SUDOS = "journalctl -q -o cat _COMM=sudo | grep -c COMMAND= || true"
ASKS = "assert web.run('true').rc == 0"


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


def write_course(folder: Path, **checks: str) -> Course:
    """One chapter whose checks have these bodies, each on ``web``."""
    texts = [f"def test_{name}(web):\n    {body}\n" for name, body in checks.items()]
    (folder / "checks").mkdir()
    text = "\n".join(["from stackwalk.verdict import Unmet\n", *texts])
    (folder / "checks" / "test_one.py").write_text(text)
    return Course((make_chapter("01", "one", *map(make_task, checks)),), folder)


def look_at(home: Home, course: Course) -> dict[str, Verdict]:
    with Vantages(home) as hosts:
        verdicts = hosts.look(course, list(course.tasks), can=frozenset(), report=print)
    return {verdict.task: verdict for verdict in verdicts}


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


def test_round_trips_do_not_grow_with_the_checks(
    machine_home: Home, calls: Path, tmp_path: Path
) -> None:
    body = "assert web.file('/etc').is_directory and web.run('echo {0}').stdout == '{0}\\n'"
    course = write_course(tmp_path, **{f"check_{n}": body.format(n) for n in range(40)})
    look_at(machine_home, course)
    calls.write_text("")

    with Vantages(machine_home) as hosts:
        verdicts = hosts.look(course, list(course.tasks), can=frozenset(), report=print)
        commands, trips = sum(map(len, hosts.asked.values())), hosts.errand.trips

    assert {verdict.status for verdict in verdicts} == {Status.MET}
    assert commands >= 80
    assert trips == 1
    assert calls.read_text() == "ssh\n"


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


def test_a_command_that_hangs_makes_its_own_task_unknown(
    machine_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vantage, "LIMIT_S", 1.0)
    course = write_course(
        tmp_path, before=ASKS, hangs="assert web.run('sleep 4323').rc == 0", behind=ASKS
    )

    for _ in range(2):  # asked as it goes, and asked ahead
        seen = look_at(machine_home, course)

        assert seen["hangs"].status is Status.UNKNOWN
        assert "was stopped: sleep 4323" in seen["hangs"].what
        assert seen["before"].status is seen["behind"].status is Status.MET


def test_a_machine_that_hangs_in_the_middle_is_noticed(machine_home: Home, errand: Errand) -> None:
    errand.run("true", limit_s=5)

    with paused(machine_home):
        began = time.monotonic()
        with pytest.raises(Unreachable):
            errand.run("true", limit_s=5)
        seconds = time.monotonic() - began

    print(f"noticed after {seconds:.2f} s")
    assert seconds < NOTICED_S


@pytest.mark.parametrize("trouble", [paused, switched_off])
def test_a_look_at_a_dead_machine_says_so_of_each_task(
    machine_home: Home, tmp_path: Path, trouble: Callable[[Home], AbstractContextManager[None]]
) -> None:
    course = write_course(tmp_path, one=ASKS, two=ASKS, three=ASKS)
    look_at(machine_home, course)

    with trouble(machine_home):
        began = time.monotonic()
        seen = look_at(machine_home, course)
        seconds = time.monotonic() - began

    print(f"noticed after {seconds:.2f} s: {seen['one'].what}")
    assert {verdict.status for verdict in seen.values()} == {Status.UNKNOWN}
    assert seconds < NOTICED_S


def test_a_machine_that_restarts_in_the_middle_is_not_believed_when_it_said_no(
    machine_home: Home, tmp_path: Path
) -> None:
    no = "raise Unmet('it is not so', expected='a', found='b', look='web: true')"
    course = write_course(
        tmp_path,
        yes=ASKS,
        no=no,
        restarts="web.run('systemctl reboot; sleep 60  # now')",
        then=ASKS,
    )

    seen = look_at(machine_home, course)

    statuses = {task: verdict.status for task, verdict in seen.items()}
    assert statuses.pop("yes") is Status.MET
    assert set(statuses.values()) == {Status.UNKNOWN}
    machine.up(machine_home, say=print)
