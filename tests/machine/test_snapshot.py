"""Snapshots on a real machine: the disk comes back, the way in works, nothing is left behind."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar
from urllib.request import urlopen

import pytest

from stackwalk import machine
from stackwalk.connect import run_once
from stackwalk.errors import Unreachable
from stackwalk.home import Home
from stackwalk.machine import snapshot
from stackwalk.machine.record import home_tag, load_record, locked, save_record

Found = TypeVar("Found")
SHUT = "rm -f /home/vagrant/.ssh/authorized_keys; systemctl restart ssh"
WRITE = "i=0; while :; do i=$((i+1)); echo $i >/srv/first; echo $i >/srv/second; done"
SERVE = (
    "printf '[Service]\\nExecStart=/usr/bin/python3 -m http.server 80\\n"
    "[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/serve.service && "
    "systemctl enable --now serve"
)


@pytest.fixture
def kept_home(blank_home: Home) -> Iterator[Home]:
    """A new machine; its snapshots go with it."""
    yield blank_home
    machine.destroy(blank_home, say=print)


def ask(home: Home, command: str) -> str:
    return run_once(home, "web", command).stdout.strip()


def timed(what: str, call: Callable[[], Found]) -> Found:
    began = time.monotonic()
    result = call()
    print(f"{what}: {time.monotonic() - began:.1f} s")
    return result


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def images(home: Home) -> list[str]:
    return docker("images", "-aq", f"--filter=label=stackwalk.home={home_tag(home)}").split()


@pytest.mark.machine
def test_a_machine_that_shut_everybody_out_comes_back_as_it_was(kept_home: Home) -> None:
    ask(kept_home, "echo mine >/root/mine && useradd --create-home someone")
    ask(kept_home, "setcap cap_net_raw+ep /usr/bin/less")
    taken = timed("snapshot", lambda: snapshot.take(kept_home, label="mine"))
    before = machine.status(kept_home)
    keys = machine.host_keys(kept_home)
    ask(kept_home, f"rm /root/mine; userdel --remove someone; {SHUT}")
    with pytest.raises(Unreachable):
        run_once(kept_home, "web", "true", fresh=True)

    timed("restore", lambda: snapshot.restore(kept_home, say=print))

    assert taken.size_bytes > 2**16
    assert ask(kept_home, "cat /root/mine; id -un someone") == "mine\nsomeone"
    assert ask(kept_home, "getcap /usr/bin/less").endswith("cap_net_raw=ep")
    assert ask(kept_home, "systemctl is-system-running") == "running"
    assert ask(kept_home, "hostname") == "web"
    assert machine.status(kept_home) == before
    assert machine.host_keys(kept_home) == keys


@pytest.mark.machine
def test_a_restored_machine_lives_on_like_any_other(kept_home: Home) -> None:
    """Restarted, switched off and on, kept and restored again, removed: vagrant knows it."""
    assert run_once(kept_home, "web", SERVE).rc == 0
    snapshot.take(kept_home, label="first")
    snapshot.restore(kept_home, say=print)
    ask(kept_home, "echo second >/root/second")

    assert machine.reboot(kept_home, say=print).state == "running"
    assert machine.halt(kept_home, say=print).state == "off"
    assert machine.up(kept_home, say=print).state == "running"
    assert ask(kept_home, "cat /root/second") == "second"
    port = machine.status(kept_home).ports["http"]
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.status == 200

    second = snapshot.take(kept_home, label="second")
    snapshot.restore(kept_home, label="first", say=print)
    assert run_once(kept_home, "web", "cat /root/second").rc != 0
    machine.halt(kept_home, say=print)
    snapshot.restore(kept_home, label="second", say=print)
    assert ask(kept_home, "cat /root/second") == "second"
    first = snapshot.find(kept_home, label="first")
    assert second.size_bytes < first.size_bytes + 2**24  # what both share counts once

    machine.destroy(kept_home, say=print)
    assert images(kept_home) == []
    assert snapshot.load(kept_home) == []
    machine.up(kept_home, say=print)
    assert run_once(kept_home, "web", "ls /root/second").rc != 0


@pytest.mark.machine
def test_a_snapshot_shows_one_moment_while_the_machine_writes(kept_home: Home) -> None:
    """Two files written in turn never differ by more than the one step a power cut leaves."""
    ask(kept_home, f"systemd-run --quiet /bin/sh -c '{WRITE}'")
    ask(kept_home, "until test -s /srv/second; do sleep 0.1; done")
    snapshot.take(kept_home, label="busy")

    snapshot.restore(kept_home, say=print)

    first, second = (ask(kept_home, f"cat /srv/{name}") for name in ("first", "second"))
    # A file that was being written at that moment is empty: `>` empties it first.
    assert (first == "") or (second == "") or 0 <= int(first) - int(second) <= 1
    assert first or second


@pytest.mark.machine
def test_only_the_newest_three_automatic_ones_stay(kept_home: Home) -> None:
    for number in range(4):
        ask(kept_home, f"echo {number} >/root/number")
        snapshot.take(kept_home, label=f"0{number}", automatic=True)

    assert [each.label for each in snapshot.load(kept_home)] == ["01", "02", "03"]
    assert len(images(kept_home)) == 3
    snapshot.restore(kept_home, label="02", say=print)
    assert ask(kept_home, "cat /root/number") == "2"
    snapshot.remove(kept_home, "web", "02")
    assert ask(kept_home, "cat /root/number") == "2"


@pytest.mark.machine
def test_up_goes_on_with_a_restore_that_was_stopped(kept_home: Home) -> None:
    """The machine was gone and the new one not there yet: the worst moment for Ctrl-C."""
    ask(kept_home, "echo mine >/root/mine")
    snapshot.take(kept_home, label="mine")
    record = load_record(kept_home, "web")
    assert record is not None
    with locked(kept_home):
        save_record(kept_home, replace(record, rewinding="mine"))
    docker("container", "rm", "--force", f"stackwalk-{home_tag(kept_home)}-web")

    assert machine.up(kept_home, say=print).state == "running"
    assert ask(kept_home, "cat /root/mine") == "mine"

    docker("container", "rm", "--force", f"stackwalk-{home_tag(kept_home)}-web")
    assert machine.up(kept_home, say=print).state == "running"  # nothing begun: a blank one
    assert run_once(kept_home, "web", "cat /root/mine").rc != 0


@pytest.mark.vm
def test_a_virtual_machine_comes_back_with_its_disk_and_todays_clock(vm_home: Home) -> None:
    found = timed("up", lambda: machine.up(vm_home, say=print))
    assert run_once(vm_home, "web", f"echo mine >/root/mine; {SERVE}").rc == 0
    taken = timed("snapshot", lambda: snapshot.take(vm_home, label="mine"))
    print(f"{taken.size_bytes / 2**20:.0f} MiB of memory kept")
    assert run_once(vm_home, "web", f"rm /root/mine; {SHUT}").rc == 0
    with pytest.raises(Unreachable):
        run_once(vm_home, "web", "true", fresh=True)

    timed("restore", lambda: snapshot.restore(vm_home, say=print))

    assert ask(vm_home, "cat /root/mine") == "mine"
    assert abs(int(ask(vm_home, "date +%s")) - time.time()) < 60
    port = found.ports["http"]
    with urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        assert answer.status == 200
    machine.halt(vm_home, say=print)
    assert machine.up(vm_home, say=print).state == "running"
    snapshot.remove(vm_home, "web", "mine")
    assert snapshot.load(vm_home) == []
    snapshot.take(vm_home, label="again")
    machine.destroy(vm_home, say=print)
    argv = ["virsh", "--connect", "qemu:///system", "list", "--all", "--name"]
    domains = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert home_tag(vm_home) not in domains
