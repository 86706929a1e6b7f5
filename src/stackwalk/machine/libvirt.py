"""A machine in a real virtual machine, by libvirt; emulated where nothing accelerates it."""

import json
import os
import subprocess
from collections.abc import Callable

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.backdoor import run_inside
from stackwalk.machine.record import VAGRANT_FOLDER, Record, full_name, home_tag

NAME = "libvirt"
CAN = frozenset({"own_kernel", "own_clock", "own_swap", "hosts_by_rename"})
RISK = ""
BUILD = VAGRANT_FOLDER / "build-box"
SYNC_S = 60


def check() -> None:
    try:
        done = _virsh("list")
    except FileNotFoundError as error:
        raise MachineError(
            "libvirt is not installed.",
            safe="Nothing was changed.",
            next="sudo apt-get install libvirt-daemon-system libvirt-clients vagrant-libvirt",
        ) from error
    if done.returncode != 0:
        raise MachineError(
            f"libvirt does not answer: {done.stderr.strip()[:200]}",
            safe="Nothing was changed; a machine that was there is still on the disk.",
            next="sudo systemctl start libvirtd; sudo adduser $USER libvirt, and log in again",
        )


def prepare(home: Home, record: Record, say: Callable[[str], None]) -> None:
    """Build the box for a new machine; wake a paused machine; bring up libvirt's network."""
    if not record.complete:
        _build_box(say)
    _virsh("net-start", "default")
    _virsh("resume", full_name(home, record.name))


def exists(home: Home, name: str) -> bool:
    return _virsh("dominfo", full_name(home, name)).returncode == 0


def is_running(home: Home, name: str) -> bool:
    return _virsh("domstate", full_name(home, name)).stdout.strip() in ("running", "paused")


def remove(home: Home, name: str) -> None:
    """Remove the domain with its disk, and this home's network."""
    _virsh("destroy", full_name(home, name))
    undefine = ("--remove-all-storage", "--nvram", "--snapshots-metadata")
    _virsh("undefine", full_name(home, name), *undefine)
    network = network_name(home)
    _virsh("net-destroy", network)
    _virsh("net-undefine", network)


def read_host_keys(home: Home, name: str) -> list[str]:
    """None here: there is no way into a virtual machine past ssh, so the first sight is trusted."""
    return []


def take_snapshot(home: Home, record: Record, label: str) -> None:
    """An internal snapshot of disk and memory; libvirt takes none of a running disk alone.

    What is restored later is the disk: see there. So the machine writes down first what it holds
    back, and what it does between that and the snapshot is as after a power cut.
    """
    run_inside(home, record.name, "sync", limit_s=SYNC_S)
    domain = full_name(home, record.name)
    _require(_virsh("snapshot-create-as", domain, label, "--atomic"), record.name, "take", label)


def restore_snapshot(home: Home, record: Record, label: str) -> dict[str, str]:
    """Goes back to the snapshot's disk and switches on from there.

    Its memory is thrown away: a machine that wakes up with it would have the clock of that day,
    and connections to programs that are gone.
    """
    domain = full_name(home, record.name)
    _require(_virsh("snapshot-revert", domain, label, "--force"), record.name, "restore", label)
    _virsh("destroy", domain)
    return {}


def remove_snapshot(home: Home, record: Record, label: str) -> None:
    _virsh("snapshot-delete", full_name(home, record.name), label)


def snapshot_sizes(home: Home, record: Record) -> dict[str, int]:
    """Bytes by label: the memory that was kept. What the disk keeps for it, nobody can tell."""
    domain = full_name(home, record.name)
    labels = _virsh("snapshot-list", domain, "--name").stdout.split()
    disks = _virsh("domblklist", domain).stdout.split()
    disk = next((word for word in disks if word.endswith((".img", ".qcow2"))), "")
    found = _run("qemu-img", "info", "--force-share", "--output=json", disk).stdout
    kept = json.loads(found or "{}").get("snapshots", [])
    sizes = {each["name"]: int(each["vm-state-size"]) for each in kept}
    return {label: sizes.get(label, 0) for label in labels}


def _require(done: "subprocess.CompletedProcess[str]", name: str, what: str, label: str) -> None:
    if done.returncode != 0:
        raise MachineError(
            f"libvirt could not {what} the snapshot {label} of {name}: {done.stderr.strip()[:200]}",
            safe="The other snapshots were not touched.",
            next="stackwalk machine status; stackwalk machine snapshots",
        )


def box_name() -> str:
    return subprocess.run([str(BUILD), "--name"], capture_output=True, text=True).stdout.strip()


def network_name(home: Home) -> str:
    return f"stackwalk-{home_tag(home)}"


def _build_box(say: Callable[[str], None]) -> None:
    if subprocess.run([str(BUILD), "--is-current"], capture_output=True).returncode == 0:
        return
    say("building the machine's box from Debian packages, once: one to two minutes")
    argv = [str(BUILD)] if os.geteuid() == 0 else ["sudo", "--preserve-env=HOME", str(BUILD)]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = done.stderr.strip().splitlines() or ["no reason was given"]
    if done.returncode != 0:
        raise MachineError(
            f"The machine's box could not be built: {lines[-1]}",
            safe="Nothing else was changed.",
            next=f"{BUILD} shows it in full; it needs root, mmdebstrap, extlinux and qemu-utils",
        )
    say(lines[-1])


def _virsh(*words: str) -> "subprocess.CompletedProcess[str]":
    return _run("virsh", "--connect", "qemu:///system", *words)


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
