"""dockerd and libvirtd on hosts where no systemd starts them: containers, build servers, WSL."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from stackwalk.errors import MachineError
from stackwalk.home import Home

START_S = 40
STOP_S = 30
STORAGE_DRIVERS = ("", "fuse-overlayfs", "vfs")  # "": the one docker finds best
DOCKER_ASK = ("docker", "version")
LIBVIRT_ASK = ("virsh", "--connect", "qemu:///system", "list")


def start(home: Home, *, say: Callable[[str], None]) -> None:
    """Start what is installed, does not answer, and is not systemd's to start.

    Raises:
        MachineError: a daemon ended at once; its own words are in the log named.
    """
    if is_systemd() or os.geteuid() != 0:
        return
    if shutil.which("dockerd") and not answers(DOCKER_ASK):
        say("starting dockerd, as no systemd runs here")
        _start_docker(home)
    if shutil.which("libvirtd") and shutil.which("virsh") and not answers(LIBVIRT_ASK):
        say("starting libvirtd, as no systemd runs here")
        _start_libvirt(home)


def stop(home: Home) -> None:
    """Stop the daemons that ``start`` started from this home, and no others."""
    for name in ("dockerd", "libvirtd", "virtlogd"):
        pid_file = home.engine / f"{name}.pid"
        if not pid_file.exists():
            continue
        pid = int(pid_file.read_text() or 0)
        if _is_process(pid, name):
            os.kill(pid, signal.SIGTERM)
            _wait(partial(_has_ended, pid, name), STOP_S)
        pid_file.unlink(missing_ok=True)


def is_systemd() -> bool:
    """sd_booted(3): the folder exists exactly where systemd is process 1."""
    return Path("/run/systemd/system").is_dir()


def answers(ask: Sequence[str]) -> bool:
    try:
        return subprocess.run(ask, capture_output=True, timeout=20).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def _start_docker(home: Home) -> None:
    for driver in STORAGE_DRIVERS:
        argv = ["dockerd", "--pidfile", str(home.engine / "dockerd.pid")]
        argv += ["--storage-driver", driver] if driver else []
        _spawn(home, "dockerd", argv)
        _wait(_docker_answers_or_ended, START_S)
        if answers(DOCKER_ASK):
            return
        stop(home)
    raise _would_not_start(home, "dockerd")


def _start_libvirt(home: Home) -> None:
    for name in ("virtlogd", "libvirtd"):
        if shutil.which(name) and not _is_running(name):
            _spawn(home, name, [name, "-p", str(home.engine / f"{name}.pid")])
    if not _wait(lambda: answers(LIBVIRT_ASK), START_S):
        raise _would_not_start(home, "libvirtd")


def _spawn(home: Home, name: str, argv: list[str]) -> None:
    """Leave it running in a session of its own; a shell in between disowns it."""
    home.engine.mkdir(parents=True, exist_ok=True)
    with (home.engine / f"{name}.log").open("ab") as log:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *argv],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    time.sleep(0.5)


def _would_not_start(home: Home, name: str) -> MachineError:
    return MachineError(
        f"{name} would not start.",
        safe="No machine was touched.",
        next=f"look why: tail {home.engine / name}.log",
    )


def _is_running(name: str) -> bool:
    return any(_is_process(int(path.name), name) for path in Path("/proc").glob("[0-9]*"))


def _docker_answers_or_ended() -> bool:
    return answers(DOCKER_ASK) or not _is_running("dockerd")


def _has_ended(pid: int, name: str) -> bool:
    return not _is_process(pid, name)


def _is_process(pid: int, name: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == name
    except OSError:
        return False


def _wait(done: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
