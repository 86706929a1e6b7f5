"""The machine's life under docker: made, seen, restarted, stopped, mended, removed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from stackwalk import machine
from stackwalk.connect import run_once
from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.record import VAGRANT_FOLDER, home_tag, load_record

pytestmark = pytest.mark.machine
KEYS = "rubygems-integration/*/gems/vagrant-*/keys/vagrant"


def find_insecure_key() -> Path | None:
    """The one Debian's vagrant brings: under /usr/share in Debian 12, /usr/lib in Debian 13."""
    shared, own = Path("/usr/share").glob(KEYS), Path("/usr/lib").glob(f"*/{KEYS}")
    return next(iter([*shared, *own]), None)


def ask(home: Home, command: str) -> str:
    return run_once(home, "web", command).stdout.strip()


def offset() -> int:
    return 100 * int(os.environ["STACKWALK_SLOT"])


def containers(home: Home) -> list[str]:
    wanted = f"label=stackwalk.home={home_tag(home)}"
    argv = ["docker", "ps", "--all", "--quiet", "--filter", wanted]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_up_from_nothing_gives_what_a_provider_hands_over(blank_home: Home) -> None:
    found = machine.status(blank_home)

    assert found.state == "running"
    assert ask(blank_home, "systemctl is-system-running") == "running"
    assert ask(blank_home, "cat /etc/debian_version").startswith("13.")
    assert ask(blank_home, "hostname") == "web"
    assert found.address in ask(blank_home, "ip -brief address")
    assert ask(blank_home, "sudo -l -U vagrant | grep NOPASSWD") == "(ALL) NOPASSWD: ALL"
    assert run_once(blank_home, "web", "command -v nginx ansible git").rc != 0
    settings = ask(blank_home, "sshd -T | grep -E '^(permitrootlogin|passwordauthentication) '")
    assert settings.split("\n") == [
        "permitrootlogin without-password",
        "passwordauthentication yes",
    ]


def test_status_of_a_running_machine_takes_no_vagrant_and_no_time(machine_home: Home) -> None:
    began = time.monotonic()

    found = machine.status(machine_home)

    assert time.monotonic() - began < 0.3
    assert found.state == "running"
    assert found.ports == {"http": 8080 + offset(), "https": 8443 + offset()}


def test_forwarded_ports_listen_on_the_loopback_only(machine_home: Home) -> None:
    record = load_record(machine_home, "web")

    assert record is not None
    for port in (record.ssh_port, *record.ports.values()):
        listing = subprocess.run(
            ["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True
        ).stdout
        assert listing.split()[3] == f"127.0.0.1:{port}"


def test_the_insecure_key_of_the_image_opens_the_machine_no_more(machine_home: Home) -> None:
    record = load_record(machine_home, "web")
    key = find_insecure_key()
    if key is None:
        pytest.fail("no vagrant package here that brings its insecure key")
    argv = ["ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes"]
    argv += ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    argv += ["-o", "UserKnownHostsFile=/dev/null", "-p", str(record.ssh_port if record else 0)]

    done = subprocess.run([*argv, "vagrant@127.0.0.1", "true"], capture_output=True, text=True)

    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_the_machine_downloads_from_debian_and_from_pypi(machine_home: Home) -> None:
    update = run_once(machine_home, "web", "apt-get update", limit_s=120)
    install = run_once(
        machine_home,
        "web",
        "DEBIAN_FRONTEND=noninteractive apt-get install --yes python3-venv",
        limit_s=180,
    )
    download = run_once(
        machine_home,
        "web",
        "cd /tmp && python3 -m venv v && v/bin/pip download --no-deps itsdangerous",
        limit_s=120,
    )

    assert (update.rc, install.rc, download.rc) == (0, 0, 0), download.stderr


def test_reboot_comes_back_with_another_boot_and_the_same_files(machine_home: Home) -> None:
    ask(machine_home, "echo mine >/root/mine")

    found = machine.reboot(machine_home, say=print)

    assert found.state == "running"
    assert ask(machine_home, "cat /root/mine") == "mine"
    assert found.address in ask(machine_home, "ip -brief address")


def test_halt_and_up_keep_the_disk_and_the_way_in(machine_home: Home) -> None:
    ask(machine_home, "echo mine >/root/mine")

    off = machine.halt(machine_home, say=print)
    with pytest.raises(MachineError, match="The machine web is off"):
        ask(machine_home, "true")
    on = machine.up(machine_home, say=print)

    assert (off.state, on.state) == ("off", "running")
    assert ask(machine_home, "cat /root/mine") == "mine"


def test_up_of_a_paused_machine_wakes_it(machine_home: Home) -> None:
    subprocess.run(["docker", "pause", *containers(machine_home)], check=True)
    assert machine.status(machine_home).state == "unreachable"

    assert machine.up(machine_home, say=print).state == "running"


def test_up_with_the_http_port_taken_names_port_and_program(empty_home: Home) -> None:
    machine.destroy(empty_home, say=print)
    port = 8080 + offset()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(server, stderr=subprocess.DEVNULL) as other:
        time.sleep(1)
        with pytest.raises(MachineError, match=rf"Port {port} .*\(process {other.pid}\)"):
            machine.up(empty_home, say=print)
        other.terminate()

    assert machine.status(empty_home).state == "absent"


@pytest.mark.parametrize("after_s", [1.0, 4.0])
def test_up_after_a_killed_up_mends_what_was_left(empty_home: Home, after_s: float) -> None:
    machine.destroy(empty_home, say=print)
    code = "from stackwalk import machine, home; machine.up(home.find_home(), say=print)"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as first:
        time.sleep(after_s)
        os.kill(first.pid, signal.SIGKILL)

    assert machine.up(empty_home, say=print).state == "running"
    assert len(containers(empty_home)) == 1


def test_destroy_leaves_nothing_in_docker(machine_home: Home) -> None:
    machine.destroy(machine_home, say=print)

    networks = subprocess.run(
        ["docker", "network", "ls", "--format", "{{.Name}}"], capture_output=True, text=True
    ).stdout
    assert containers(machine_home) == []
    assert home_tag(machine_home) not in networks
    assert machine.status(machine_home).state == "absent"


def test_two_machines_of_one_home_reach_each_other(machine_home: Home) -> None:
    db = machine.up(machine_home, "db", say=print)

    found = run_once(machine_home, "web", f"ping -c 1 -W 2 {db.address}")
    machine.destroy(machine_home, "db", say=print)

    assert found.rc == 0
    assert machine.status(machine_home).state == "running"


def test_a_second_command_on_the_home_is_told_to_wait(machine_home: Home) -> None:
    with (
        FileLock(machine_home.vagrant / "lock"),
        pytest.raises(MachineError, match="Another stackwalk command"),
    ):
        machine.halt(machine_home, say=print)


def test_the_image_is_not_built_again_without_need(machine_home: Home) -> None:
    script = str(VAGRANT_FOLDER / "build-image")

    assert subprocess.run([script, "--is-current"]).returncode == 0
