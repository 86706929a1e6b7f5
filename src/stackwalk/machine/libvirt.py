"""A machine in a real virtual machine, by libvirt; emulated where nothing accelerates it."""

import os
import subprocess
from collections.abc import Callable

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.record import VAGRANT_FOLDER, Record, home_tag

NAME = "libvirt"
CAN = frozenset({"own_kernel", "own_clock", "own_swap", "hosts_by_rename"})
RISK = ""
BUILD = VAGRANT_FOLDER / "build-box"


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
    _virsh("resume", _domain(home, record.name))


def exists(home: Home, name: str) -> bool:
    return _virsh("dominfo", _domain(home, name)).returncode == 0


def is_running(home: Home, name: str) -> bool:
    return _virsh("domstate", _domain(home, name)).stdout.strip() in ("running", "paused")


def remove(home: Home, name: str) -> None:
    """Remove the domain with its disk, and this home's network."""
    _virsh("destroy", _domain(home, name))
    _virsh("undefine", _domain(home, name), "--remove-all-storage", "--nvram")
    network = network_name(home)
    _virsh("net-destroy", network)
    _virsh("net-undefine", network)


def read_host_keys(home: Home, name: str) -> list[str]:
    """None here: there is no way into a virtual machine past ssh, so the first sight is trusted."""
    return []


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


def _domain(home: Home, name: str) -> str:
    return f"stackwalk-{home_tag(home)}-{name}"


def _virsh(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["virsh", "--connect", "qemu:///system", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
