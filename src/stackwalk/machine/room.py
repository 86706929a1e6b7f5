"""What must be free on the laptop before a machine starts: its ports, and space on the disk."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.record import Record

NEEDED_GIB = 3  # image, machine and what two chapters install, with as much again in reserve
DISKS = (Path("/var/lib/docker"), Path("/var/lib/libvirt"))


def check_disk(home: Home) -> None:
    for folder in (_nearest(home.root), *DISKS):
        if not folder.exists():
            continue
        free_gib = shutil.disk_usage(folder).free / 2**30
        if free_gib < NEEDED_GIB:
            raise MachineError(
                f"The disk that holds {folder} has {free_gib:.1f} GiB free; "
                f"a machine needs {NEEDED_GIB} GiB.",
                safe="Nothing was started or changed.",
                next="free some space, then type the command again",
            )


def check_ports(record: Record) -> None:
    """The ssh port may move, so Vagrant chooses it; http and https stand in the prose."""
    for what, port in record.ports.items():
        if is_free(port):
            continue
        owner = find_owner(port)
        raise MachineError(
            f"Port {port} on this laptop ({what} of {record.name}) is taken by "
            f"{owner or 'another program'}.",
            safe="Nothing was started; that program was left alone.",
            next="stop it, or set STACKWALK_SLOT=1 to use other ports for a new machine",
        )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def find_owner(port: int) -> str:
    """The listening process, such as ``nginx (process 812)``; empty where this cannot be known."""
    if shutil.which("ss") is None:
        return ""
    listing = subprocess.run(
        ["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True
    ).stdout
    return _first_owner(listing.splitlines())


def _first_owner(lines: Iterable[str]) -> str:
    """From ``LISTEN 0 511 0.0.0.0:8080 0.0.0.0:* users:(("nginx",pid=812,fd=6))``."""
    for line in lines:
        match = re.search(r'\(\("([^"]+)",pid=(\d+)', line)
        if match:
            return f"{match[1]} (process {match[2]})"
    return ""


def _nearest(path: Path) -> Path:
    return path if path.exists() else _nearest(path.parent)
