"""The way in with a fake ssh: what its words and statuses become."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stackwalk.connect import open_host, open_laptop, run_once
from stackwalk.errors import NotUp, RemoteTimeout, StackwalkError, Unreachable
from stackwalk.home import Home
from stackwalk.machine import remote, sshconfig
from stackwalk.machine.record import Record, save_record

WEB = Record("web", "docker", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")
Ssh = Callable[[str], Path]


@pytest.fixture
def ssh(running: Record, put: Callable[[str, str], Path]) -> Ssh:
    """A running machine whose ssh is the given shell script."""
    return lambda script: put("ssh", script)


def test_a_remote_255_stays_a_255(home: Home, ssh: Ssh) -> None:
    ssh("echo out; echo err >&2; printf 'stackwalk-rc:255' >&2; exit 0")

    found = run_once(home, "web", "anything")

    assert (found.rc, found.stdout, found.stderr) == (255, "out\n", "err\n")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param(
            "ssh: connect to host 127.0.0.1 port 2222: Connection refused",
            "ssh to web refused on 127.0.0.1 port 2222",
            id="refused",
        ),
        pytest.param(
            "kex_exchange_identification: read: Connection reset by peer",
            "ssh to web refused on 127.0.0.1 port 2222",
            id="reset",
        ),
        pytest.param(
            "",
            "ssh to web hung up without a word on 127.0.0.1 port 2222",
            id="closed, as OpenSSH 10 does not tell",
        ),
        pytest.param(
            "Connection timed out during banner exchange",
            "ssh to web does not answer on 127.0.0.1 port 2222",
            id="silent",
        ),
        pytest.param(
            "vagrant@127.0.0.1: Permission denied (publickey).",
            "ssh to web lets the engine's account in no more on 127.0.0.1 port 2222",
            id="denied",
        ),
        pytest.param(
            "Host key verification failed.",
            "ssh to web shows another host key than at the last up, on 127.0.0.1 port 2222",
            id="host key",
        ),
        pytest.param(
            "client_loop: send disconnect: Broken pipe",
            "ssh to web ended in the middle of a command on 127.0.0.1 port 2222: "
            "client_loop: send disconnect: Broken pipe",
            id="broken",
        ),
    ],
)
def test_a_failed_way_is_told_in_our_words(home: Home, ssh: Ssh, said: str, message: str) -> None:
    ssh(f"echo '{said}' >&2; exit 255")

    with pytest.raises(Unreachable) as caught:
        run_once(home, "web", "anything")

    assert caught.value.happened == message
    assert caught.value.safe == "Nothing was changed on the machine or in your progress."
    assert "stackwalk rescue web" in caught.value.next


def test_a_command_over_its_limit_is_named(
    home: Home, ssh: Ssh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "GRACE_S", 0.1)
    ssh("exec sleep 5")

    with pytest.raises(RemoteTimeout, match=r"not done after 0\.1 s and was stopped: apt"):
        run_once(home, "web", "apt update", limit_s=0.1)


def test_stdin_is_empty(home: Home, ssh: Ssh) -> None:
    ssh("cat; printf 'stackwalk-rc:0' >&2")

    assert run_once(home, "web", "anything").stdout == ""


def test_root_goes_through_sudo_that_cannot_ask() -> None:
    found = remote.wrap("id; exit 3", "root", 20)

    assert found == (
        "sudo -n -u root -- timeout -k 2 20 /bin/sh -c 'id; exit 3'; "
        "printf 'stackwalk-rc:%d' $? >&2"
    )


def test_a_fresh_connection_uses_the_fresh_entry(home: Home, ssh: Ssh) -> None:
    ssh('echo "$4"; printf "stackwalk-rc:0" >&2')

    assert run_once(home, "web", "true").stdout == "web\n"
    assert run_once(home, "web", "true", fresh=True).stdout == "web-fresh\n"


def test_the_folder_of_sockets_is_made_again(home: Home, ssh: Ssh) -> None:
    ssh("printf 'stackwalk-rc:0' >&2")
    sshconfig.control_folder(home).rmdir()

    run_once(home, "web", "true")

    assert sshconfig.control_folder(home).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("record", "message"),
    [
        pytest.param(None, "The machine web was not made yet.", id="absent"),
        pytest.param(replace(WEB, on=False), "The machine web is off.", id="off"),
    ],
)
def test_a_machine_that_is_not_up_is_said(home: Home, record: Record | None, message: str) -> None:
    if record:
        save_record(home, record)

    with pytest.raises(NotUp) as caught:
        open_host(home)

    assert (caught.value.happened, caught.value.next) == (message, "stackwalk machine up web")


def test_the_laptop_runs_in_the_learners_folder(home: Home) -> None:
    found = open_laptop(home).run("pwd; cat; exit %s", "7")

    assert (found.rc, found.stdout) == (7, f"{home.laptop}\n")


def test_the_laptop_has_a_limit_too(home: Home) -> None:
    with pytest.raises(StackwalkError, match=r"on this laptop was not done after 0\.1 s"):
        open_laptop(home, limit_s=0.1).run("exec sleep 5")


def test_limits_are_stretched_for_an_emulated_machine_only(home: Home) -> None:
    assert remote.slowness(home) == 1

    save_record(home, replace(WEB, emulated=True))

    assert remote.slowness(home) == 8


def test_a_command_on_the_laptop_waits_for_an_emulated_machine(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.laptop.mkdir(parents=True)
    monkeypatch.setattr(remote, "EMULATED", 20)
    save_record(home, replace(WEB, emulated=True))

    assert open_laptop(home, limit_s=0.1).run("sleep 0.5").rc == 0
