"""A machine in VirtualBox, as on macOS and Windows. Written from its manual and never tried."""

import shutil
import subprocess
from collections.abc import Callable

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.record import Record, full_name

NAME = "virtualbox"
CAN = frozenset({"own_kernel", "own_clock", "own_swap", "hosts_by_rename"})
RISK = ""
PLACES = "/usr/local/bin:/Applications/VirtualBox.app/Contents/MacOS"
WINDOWS = r"C:\Program Files\Oracle\VirtualBox"


def find_program() -> str | None:
    """VBoxManage; on Windows it is not on the path."""
    places = (None, PLACES, WINDOWS)
    return next(
        (found for path in places if (found := shutil.which("VBoxManage", path=path))), None
    )


def check() -> None:
    if find_program() is None:
        raise MachineError(
            "VirtualBox is not installed.",
            safe="Nothing was changed.",
            next="https://www.virtualbox.org/wiki/Downloads",
        )


def prepare(home: Home, record: Record, say: Callable[[str], None]) -> None:
    """Wake a paused machine; the box is Vagrant's to fetch."""
    _manage("controlvm", full_name(home, record.name), "resume")


def exists(home: Home, name: str) -> bool:
    return bool(_state(home, name))


def is_running(home: Home, name: str) -> bool:
    return _state(home, name) in ("running", "paused")


def remove(home: Home, name: str) -> None:
    """Remove the machine with its disk and its snapshots."""
    _manage("controlvm", full_name(home, name), "poweroff")
    _manage("unregistervm", full_name(home, name), "--delete")


def read_host_keys(home: Home, name: str) -> list[str]:
    """None: there is no way into it past ssh, so the first sight is trusted."""
    return []


def take_snapshot(home: Home, record: Record, label: str) -> None:
    """Disk and memory; only the disk is used again, as under libvirt."""
    _require(_manage("snapshot", full_name(home, record.name), "take", label), "take", label)


def restore_snapshot(home: Home, record: Record, label: str) -> dict[str, str]:
    """Goes back to the disk and forgets the memory; the next ``up`` switches on from there."""
    machine = full_name(home, record.name)
    _manage("controlvm", machine, "poweroff")
    _require(_manage("snapshot", machine, "restore", label), "restore", label)
    _manage("discardstate", machine)
    return {}


def remove_snapshot(home: Home, record: Record, label: str) -> None:
    _manage("snapshot", full_name(home, record.name), "delete", label)


def snapshot_sizes(home: Home, record: Record) -> dict[str, int]:
    """The labels; what each costs, VirtualBox does not tell."""
    listed = _manage("snapshot", full_name(home, record.name), "list", "--machinereadable").stdout
    lines = [line for line in listed.splitlines() if line.startswith("SnapshotName")]
    return {line.partition("=")[2].strip('"'): 0 for line in lines}


def _require(done: "subprocess.CompletedProcess[str]", what: str, label: str) -> None:
    if done.returncode != 0:
        raise MachineError(
            f"VirtualBox could not {what} the snapshot {label}: {done.stderr.strip()[:200]}",
            safe="The other snapshots were not touched.",
            next="stackwalk machine status; stackwalk machine snapshots",
        )


def _state(home: Home, name: str) -> str:
    """``running``, ``poweroff`` and so on, from a line ``VMState="running"``; empty for none."""
    told = _manage("showvminfo", full_name(home, name), "--machinereadable").stdout.splitlines()
    states = [line.partition("=")[2].strip('"') for line in told if line.startswith("VMState=")]
    return states[0] if states else ""


def _manage(*words: str) -> "subprocess.CompletedProcess[str]":
    program = find_program()
    if program is None:
        return subprocess.CompletedProcess(words, 127, "", "VBoxManage was not found")
    return subprocess.run(
        [program, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
