"""The way in, on a real machine: limits, faults told apart, a dead machine noticed in time."""

import time
from collections.abc import Callable

import pytest
import testinfra
from trouble import NOTICED_S, paused

from stackwalk import machine
from stackwalk.connect import open_host, open_laptop, run_once
from stackwalk.errors import MachineError, RemoteTimeout, Unreachable
from stackwalk.home import Home

pytestmark = pytest.mark.machine


def seconds_until_raised(call: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Unreachable):
        call()
    seconds = time.monotonic() - began
    print(f"noticed after {seconds:.2f} s")
    return seconds


def test_commands_run_as_root_and_as_others(machine_home: Home) -> None:
    host = open_host(machine_home)

    assert host.run("id -un").stdout == "root\n"
    with host.sudo("nobody"):
        assert host.run("id -un").stdout == "nobody\n"
    assert run_once(machine_home, "web", "id -un", user="vagrant").stdout == "vagrant\n"


def test_testinfra_modules_work_over_it(machine_home: Home) -> None:
    host = open_host(machine_home)

    assert host.user("vagrant").shell == "/bin/bash"
    assert not host.file("/etc/nowhere").exists
    assert host.service("ssh").is_running
    assert host.socket("tcp://0.0.0.0:22").is_listening


@pytest.mark.parametrize("status", [0, 1, 124, 255])
def test_a_remote_status_arrives_as_it_is(machine_home: Home, status: int) -> None:
    found = run_once(machine_home, "web", f"echo out; echo err >&2; exit {status}")

    assert (found.rc, found.stdout, found.stderr) == (status, "out\n", "err\n")


def test_values_arrive_quoted_and_bytes_readable(machine_home: Home) -> None:
    found = open_host(machine_home).run(r"printf '%%s \344 ü' %s", "it's; $HOME")

    assert found.stdout == "it's; $HOME � ü"


def test_a_command_that_waits_for_input_gets_none(machine_home: Home) -> None:
    assert run_once(machine_home, "web", "cat", limit_s=5).rc == 0


def test_a_command_over_its_limit_is_stopped_on_the_machine_too(machine_home: Home) -> None:
    with pytest.raises(RemoteTimeout, match="not done after 1 s"):
        run_once(machine_home, "web", "sleep 4321", limit_s=1)

    assert run_once(machine_home, "web", "pgrep -fx 'sleep 4321'").rc == 1


def test_a_child_that_keeps_the_output_open_does_not_hang_us(machine_home: Home) -> None:
    began = time.monotonic()

    with pytest.raises(RemoteTimeout):
        run_once(machine_home, "web", "sleep 60 & echo started", limit_s=1)

    assert time.monotonic() - began < 8


def test_a_dead_machine_is_noticed_on_a_warm_connection(machine_home: Home) -> None:
    host = open_host(machine_home)
    assert host.run("true").rc == 0

    with paused(machine_home):
        assert seconds_until_raised(lambda: host.run("true")) < NOTICED_S


def test_a_dead_machine_is_noticed_on_a_cold_connection(machine_home: Home) -> None:
    with paused(machine_home):
        assert seconds_until_raised(lambda: open_host(machine_home).run("true")) < NOTICED_S
        assert (
            seconds_until_raised(lambda: run_once(machine_home, "web", "true", fresh=True))
            < NOTICED_S
        )


def test_a_stopped_sshd_shows_on_a_fresh_login_only(machine_home: Home) -> None:
    """Docker's proxy takes the call itself and hangs up; of that OpenSSH 10 says nothing."""
    shut = r"ssh to web (refused|hung up without a word) on 127\.0\.0\.1 port"
    host = open_host(machine_home)
    host.run("systemctl stop ssh")
    try:
        assert host.run("true").rc == 0
        with pytest.raises(MachineError, match=shut):
            run_once(machine_home, "web", "true", fresh=True)
        with pytest.raises(MachineError, match=shut):
            open_host(machine_home, fresh=True).run("true")
    finally:
        host.run("systemctl start ssh")


def test_new_groups_show_on_a_fresh_login(machine_home: Home) -> None:
    run_once(machine_home, "web", "true", user="")
    run_once(machine_home, "web", "usermod --append --groups www-data vagrant")

    found = run_once(machine_home, "web", "id -nG", user="", fresh=True)

    assert found.stdout.split() == ["vagrant", "www-data"]


def test_stock_testinfra_works_with_our_configuration(machine_home: Home) -> None:
    for entry in ("web", "web-fresh"):
        host = testinfra.get_host(
            f"ssh://{entry}?sudo=true", ssh_config=str(machine_home.ssh_config)
        )
        assert host.run("id -un").stdout == "root\n"


def test_a_changed_host_key_is_said_and_the_next_up_learns_it(machine_home: Home) -> None:
    change = "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh"
    run_once(machine_home, "web", change)

    with pytest.raises(Unreachable, match="another host key"):
        run_once(machine_home, "web", "true", fresh=True)
    machine.up(machine_home, say=print)

    assert run_once(machine_home, "web", "true", fresh=True).rc == 0


def test_the_laptop_is_a_host_with_the_same_limit(machine_home: Home) -> None:
    host = open_laptop(machine_home, limit_s=1)

    assert host.run("pwd; exit 255").stdout == f"{machine_home.laptop}\n"
    with pytest.raises(RemoteTimeout, match="not done after 1 s"):
        host.run("sleep 30")


def test_looking_again_and_again_does_not_shut_us_out(machine_home: Home) -> None:
    """sshd punishes connections that never log in: none of our looks may be one."""
    for _ in range(40):
        assert machine.status(machine_home).state == "running"
        open_host(machine_home)

    assert run_once(machine_home, "web", "true", fresh=True).rc == 0
