"""The scout with a fake ssh that runs it here: its protocol, its limits, its faults."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackwalk.asked import load_asked
from stackwalk.connect import open_host
from stackwalk.errors import NotUp, RemoteTimeout, Unreachable, WentAway
from stackwalk.home import Home
from stackwalk.machine import errand, scout
from stackwalk.machine.errand import Errand, NoScout, SaidTooMuch
from stackwalk.machine.record import Record, save_record
from stackwalk.vantage import Vantages
from stackwalk.verdict import Status, Verdict

HERE = 'for line; do :; done\nexec /bin/sh -c "$line"'  # ssh's last word is the remote line
Put = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def here(running: Record, put: Put) -> None:
    """A running machine whose ssh runs its line on this computer."""
    put("ssh", HERE)
    put("sudo", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    put("python3", f'exec {sys.executable} "$@"')


@pytest.fixture
def web(home: Home) -> Iterator[Errand]:
    errand = Errand(home, "web")
    yield errand
    errand.close()


def is_running(words: str) -> bool:
    return subprocess.run(["pgrep", "-fx", words], capture_output=True).returncode == 0


def wait_until(condition: Callable[[], bool], limit_s: float = 10) -> bool:
    until = time.monotonic() + limit_s
    while not (so := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return so


# -- what is asked and answered -----------------------------------------------------------------


def test_status_and_both_outputs_arrive_as_they_are(web: Errand) -> None:
    answer = web.run(r"printf 'out \344\n'; echo err >&2; exit 255", limit_s=5)

    assert (answer.rc, answer.stdout, answer.stderr) == (255, b"out \xe4\n", b"err\n")


def test_one_session_serves_many_commands(web: Errand, put: Put, tmp_path: Path) -> None:
    put("ssh", f"echo . >> {tmp_path}/sessions\n{HERE}")

    said = [web.run(f"echo {number}", limit_s=5).stdout for number in range(50)]

    assert said == [f"{number}\n".encode() for number in range(50)]
    assert (tmp_path / "sessions").read_text() == ".\n"


def test_a_large_output_arrives_whole(web: Errand) -> None:
    answer = web.run("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2", limit_s=20)

    assert (len(answer.stdout), len(answer.stderr)) == (3_000_000, 300_000)


def test_stdin_is_empty(web: Errand) -> None:
    assert web.run("cat", limit_s=5).rc == 0


def test_commands_see_the_environment_of_sudo_and_none_of_pythons(
    web: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANG", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIVEN", "by sudo")

    said = web.run("env", limit_s=5).stdout.decode()

    assert "GIVEN=by sudo\n" in said
    assert "LC_CTYPE" not in said  # Python sets it for itself where no language is set


def test_words_of_a_login_before_the_scout_do_not_count(web: Errand, put: Put) -> None:
    put("ssh", f"echo Welcome to your server; printf 'and more: '\n{HERE}")

    assert web.run("echo so", limit_s=5).stdout == b"so\n"


def test_a_command_ended_by_a_signal_has_the_status_a_shell_gives_it(web: Errand) -> None:
    assert web.run("kill -9 $$", limit_s=5).rc == 137


def test_the_host_of_a_look_goes_through_it(home: Home, web: Errand) -> None:
    found = open_host(home, errand=web).run("printf '%%s' %s; exit 3", "it's; $HOME ü")

    assert (found.rc, found.stdout) == (3, "it's; $HOME ü")


def test_commands_asked_at_once_are_run_beside_each_other_and_told_apart() -> None:
    asked_r, asked_w = os.pipe()
    said_r, said_w = os.pipe()
    lines = [
        {"id": 1, "do": "sleep 0.3; echo slow", "limit_s": 5, "ahead": True},
        {"id": 2, "do": "echo quick", "limit_s": 5, "ahead": True},
    ]
    os.write(asked_w, "".join(json.dumps(line) + "\n" for line in lines).encode())
    served = scout.Scout(asked_r, said_w)
    while served.turn() and (served.running or served.asked):
        pass

    with io.FileIO(said_r) as said:
        text = said.read(4096).decode()
    for end in (asked_r, asked_w, said_w):
        os.close(end)
    served.watch.close()
    assert [json.loads(line)["id"] for line in text.splitlines()[::2]] == [2, 1]
    assert text.splitlines()[1::2] == ["quick", "slow"]


# -- limits -------------------------------------------------------------------------------------


def test_a_late_command_is_stopped_with_all_its_children_and_named(web: Errand) -> None:
    with pytest.raises(RemoteTimeout, match=r"web was not done after 0\.2 s and was stopped: sh"):
        web.run("sh -c 'sleep 43211' & sleep 43212", limit_s=0.2)

    assert wait_until(lambda: not is_running("sleep 43211"))
    assert wait_until(lambda: not is_running("sleep 43212"))
    assert web.run("echo next", limit_s=5).stdout == b"next\n"


def test_a_late_command_that_is_deaf_is_killed(
    web: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = errand.PROGRAM.replace("KILL_AFTER_S = 2.0", "KILL_AFTER_S = 0.1")
    monkeypatch.setattr(errand, "PROGRAM", quick)

    with pytest.raises(RemoteTimeout):
        web.run("trap '' TERM; while :; do sleep 0.05; done", limit_s=0.2)

    assert web.run("echo next", limit_s=5).stdout == b"next\n"


def test_a_child_in_the_background_that_holds_the_output_does_not_block(web: Errand) -> None:
    try:
        assert web.run("sleep 43213 & echo started", limit_s=5).stdout == b"started\n"
    finally:
        subprocess.run(["pkill", "-fx", "sleep 43213"])


def test_a_command_that_says_too_much_is_stopped_and_named(web: Errand) -> None:
    with pytest.raises(SaidTooMuch, match="said more than 8 MB and was stopped: yes"):
        web.run("yes", limit_s=20)

    assert web.run("echo next", limit_s=5).stdout == b"next\n"


def test_nothing_outlives_the_look(web: Errand, monkeypatch: pytest.MonkeyPatch) -> None:
    web.run("true", limit_s=5)
    monkeypatch.setattr(errand, "GRACE_S", -4.5)  # we give up before the machine does

    with pytest.raises(RemoteTimeout):
        web.run("sleep 43214", limit_s=5)

    assert wait_until(lambda: not is_running("sleep 43214"))


# -- asked ahead --------------------------------------------------------------------------------


def test_what_was_asked_ahead_needs_no_trip_and_serves_once(web: Errand, tmp_path: Path) -> None:
    count = f"echo . >> {tmp_path}/count; wc -l < {tmp_path}/count"
    web.ask_ahead([count, "echo other"], limit_s=5)

    said = [web.run(count, limit_s=5).stdout.strip() for _ in range(3)]

    assert said == [b"1", b"2", b"3"]
    assert web.trips == 3  # the list, and twice what it had once
    assert web.heard == [count] * 3


def test_what_somebody_waits_for_goes_before_what_was_asked_ahead(web: Errand) -> None:
    web.ask_ahead(["sleep 43216"] * 8, limit_s=60)

    assert web.run("echo so", limit_s=5).stdout == b"so\n"
    assert web._answers == {}


def test_what_has_an_effect_begins_when_all_that_was_asked_ahead_is_answered(
    web: Errand, tmp_path: Path
) -> None:
    """A check of the firewall holds port 80 open for seconds; another one asks who holds it."""
    web.ask_ahead([f"sleep 0.0{each}; ls {tmp_path}" for each in range(1, 9)], limit_s=5)

    web.run(f"touch {tmp_path}/effect  # now", limit_s=5)

    web.begin([])
    said = [web.run(f"sleep 0.0{each}; ls {tmp_path}", limit_s=5).stdout for each in range(1, 9)]
    assert not any(b"effect" in each for each in said)
    assert web.trips == 2


def test_what_follows_an_effect_is_asked_anew_until_another_check_begins(
    web: Errand, tmp_path: Path
) -> None:
    """A check that makes somebody guess asks then whether that one was banned."""
    web.ask_ahead([f"ls {tmp_path}"] * 2, limit_s=5)

    web.run(f"touch {tmp_path}/effect  # now", limit_s=5)
    after = web.run(f"ls {tmp_path}", limit_s=5).stdout
    web.begin([])
    other = web.run(f"ls {tmp_path}", limit_s=5).stdout

    assert b"effect" in after
    assert b"effect" not in other


def test_a_late_command_asked_ahead_is_late_for_who_wants_it(web: Errand) -> None:
    web.ask_ahead(["sleep 43215"], limit_s=0.2)

    assert web.run("echo so", limit_s=5).stdout == b"so\n"
    with pytest.raises(RemoteTimeout, match="sleep 43215"):
        web.run("sleep 43215", limit_s=5)


def test_a_way_that_fails_while_asking_ahead_is_told_to_who_wants_to_know(
    web: Errand, put: Put
) -> None:
    put("ssh", "echo 'Connection refused' >&2; exit 255")

    web.ask_ahead(["true"], limit_s=5)
    assert wait_until(lambda: web._is_over)
    web.ask_ahead(["true"], limit_s=5)

    with pytest.raises(Unreachable):
        web.run("true", limit_s=5)


def test_a_look_asks_ahead_what_the_look_before_was_asked(home: Home, put: Put) -> None:
    for turn in range(2):
        with Vantages(home) as hosts:
            hosts.ask_ahead(["first_done", "second_done"])
            hosts.begin("first_done")
            assert hosts("web").run("echo %s", "one").stdout == "one\n"
            hosts.begin("second_done")
            assert hosts("web").run("echo two").stdout == "two\n"
            hosts.remember([Verdict("first_done", Status.MET)])
            assert hosts.errand.trips == (2, 1)[turn]

    assert load_asked(home, "web") == {"first_done": ["echo one"], "second_done": ["echo two"]}


# -- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "script"),
    [
        pytest.param("python3", "echo 'python3: not found' >&2; exit 127", id="no python"),
        pytest.param("python3", "echo 'SyntaxError' >&2; exit 1", id="a python that is too old"),
        pytest.param("sudo", "echo 'sudo: a password is required' >&2; exit 1", id="no sudo"),
    ],
)
def test_where_the_scout_cannot_run_commands_go_the_other_way(
    home: Home, web: Errand, put: Put, program: str, script: str
) -> None:
    plain = 'case "$line" in *timeout*) shift 4; exec /bin/sh -c "${line#*-- }"; esac'
    put("ssh", HERE.replace("exec", f"{plain}\nexec"))
    put(program, script)

    with pytest.raises(NoScout):
        web.run("echo so", limit_s=5)

    assert open_host(home, errand=web).run("echo so").stdout == "so\n"


def test_a_machine_that_lets_nobody_in_is_told_at_once(web: Errand, put: Put) -> None:
    put("ssh", "echo 'ssh: connect to host 127.0.0.1 port 2222: Connection refused' >&2; exit 255")

    with pytest.raises(Unreachable, match="ssh to web refused on") as caught:
        web.run("true", limit_s=5)

    assert not isinstance(caught.value, WentAway)


def test_a_connection_that_breaks_is_a_machine_that_went_away(web: Errand) -> None:
    web.run("true", limit_s=5)

    with pytest.raises(WentAway, match="hung up without a word"):
        web.run("kill -9 $(ps -o ppid= -p $PPID) $PPID", limit_s=5)  # the shell over the scout too


def test_a_scout_that_is_ended_names_the_command_it_was_at(web: Errand) -> None:
    web.run("true", limit_s=5)

    with pytest.raises(WentAway, match="was ended there, in the middle of: kill -9"):
        web.run("kill -9 $PPID", limit_s=5)


def test_a_machine_that_is_off_is_not_asked(home: Home, put: Put) -> None:
    save_record(home, Record("web", "docker", 0, complete=True, on=False))

    with pytest.raises(NotUp):
        Errand(home, "web").run("true", limit_s=5)
