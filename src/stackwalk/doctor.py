"""What this computer still needs before a machine can run on it, and how to get it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stackwalk.errors import MachineError, StackwalkError
from stackwalk.home import Home
from stackwalk.machine import daemons, room, status, tool
from stackwalk.machine.choose import boots_accelerated, choose_provider, likely_provider
from stackwalk.machine.record import Record, chosen_slot

NEEDED_MIB = 1536  # the machine's 1024, the lab's 300, and air
# Debian's package for each tool: dockerd calls iptables, mmdebstrap as a plain user newuidmap.
TOOLS = {"ssh": "openssh-client", "vagrant": "vagrant", "mmdebstrap": "mmdebstrap"}
DOCKER_TOOLS = {"dockerd": "docker.io", "iptables": "iptables", "newuidmap": "uidmap"}
LIBVIRT_TOOLS = {
    "virsh": "libvirt-clients",
    "libvirtd": "libvirt-daemon-system",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "dnsmasq": "dnsmasq-base",
    "extlinux": "extlinux",
    "sfdisk": "fdisk",
}
LIBVIRT_FILES = {
    "/usr/lib/EXTLINUX/mbr.bin": "syslinux-common",
    "/usr/share/vagrant-plugins/plugins.d/vagrant-libvirt.json": "vagrant-libvirt",
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so": (
        "libvirt-daemon-driver-qemu"
    ),
}


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way: ``what`` it is, and the line that mends it."""

    what: str
    fix: str


def prepare(
    home: Home,
    *,
    yes: bool,
    check_only: bool,
    say: Callable[[str], None],
    ask: Callable[[str], bool],
) -> None:
    """Install what is missing (asking first), start daemons no systemd starts, name the rest.

    Args:
        yes: install without asking; so does a missing terminal, which nobody could answer at.
        check_only: only look and say; nothing is installed or started.
    Raises:
        StackwalkError: packages are missing and were not installed, or `check_only` met a problem.
    """
    if not check_only:
        _complete(home, yes=yes, say=say, ask=ask)
        if likely_provider(home) == "libvirt" and not boots_accelerated(home):
            _complete(home, yes=yes, say=say, ask=ask)  # it was tried, so now docker is likely
        daemons.start(home, say=say)
    found = problems(home)
    for problem in found:
        say(f"! {problem.what}\n  fix    {problem.fix}")
    if check_only and found:
        raise StackwalkError(
            f"This computer is not ready yet: {len(found)} problem{'s' * (len(found) > 1)}.",
            safe="Nothing was installed, started or changed.",
            next="./start without --check-only installs what it can",
        )


def _complete(
    home: Home, *, yes: bool, say: Callable[[str], None], ask: Callable[[str], bool]
) -> None:
    packages = missing_packages(likely_provider(home))
    if packages:
        _offer(packages, yes=yes or not sys.stdin.isatty(), say=say, ask=ask)


def missing_packages(provider: str) -> tuple[str, ...]:
    """The Debian packages to install for a provider; none where apt is not."""
    if shutil.which("apt-get") is None:
        return ()
    wants_libvirt = provider == "libvirt"
    tools = TOOLS | (LIBVIRT_TOOLS if wants_libvirt else DOCKER_TOOLS)
    missing = [package for tool, package in tools.items() if not _has(tool)]
    if not wants_libvirt and not _has("docker"):
        missing += _docker_client()
    if wants_libvirt:
        missing += [package for file, package in LIBVIRT_FILES.items() if not Path(file).exists()]
    return tuple(dict.fromkeys(missing))


def problems(home: Home) -> list[Problem]:
    """Everything that would stop ``machine up``, each with its fix; looks only."""
    missing = missing_packages(likely_provider(home))
    found = [Problem(f"{name} is not installed", install_line((name,))) for name in missing]
    looks = [room.check_disk, _look_at_ports]
    for look in looks if missing else [_look_at_tools, _look_at_provider, *looks]:
        try:
            look(home)
        except MachineError as error:
            found.append(Problem(error.happened, error.next))
    free_mib = available_mib()
    if free_mib is not None and free_mib < NEEDED_MIB and status(home).state != "running":
        found.append(
            Problem(f"{free_mib} MiB of memory are free; {NEEDED_MIB} are needed", "close programs")
        )
    return found


def install_line(packages: tuple[str, ...]) -> str:
    """What a person would type: ``sudo apt-get install --no-install-recommends vagrant``."""
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return " ".join([*sudo, "apt-get", "install", "--no-install-recommends", *packages])


def available_mib() -> int | None:
    """Memory programs can still get, from /proc/meminfo; None where there is no such file."""
    try:
        match = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(match[1]) // 1024 if match else None


def _offer(
    packages: tuple[str, ...], *, yes: bool, say: Callable[[str], None], ask: Callable[[str], bool]
) -> None:
    line = install_line(packages)
    say(f"missing: {', '.join(packages)}\n  install with: {line}")
    if not yes and not ask("Install them now?"):
        raise StackwalkError(
            "The packages were not installed.", safe="Nothing was changed.", next=line
        )
    _install(line, say)


def _install(line: str, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    say("installing; this takes a minute or two")
    words = line.replace("apt-get install", "apt-get install --yes --quiet").split()
    update = [*words[: words.index("apt-get") + 1], "update", "--quiet"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for argv in (update, words):
        done = subprocess.run(
            argv, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).splitlines()
            said = [line.strip() for line in lines if re.search(r"rror|^E:", line)][:3]
            raise StackwalkError(
                f"{' '.join(argv[:3])} failed: {' '.join(said)[:300]}",
                safe="Nothing of the course was changed.",
                next=f"run it yourself and look: {line}",
            )
    say(f"installed in {time.monotonic() - began:.0f} s")


def _look_at_tools(home: Home) -> None:
    tool.find_vagrant()


def _look_at_provider(home: Home) -> None:
    choose_provider(home, lambda _: None).check()


def _look_at_ports(home: Home) -> None:
    if status(home).state in ("absent", "off"):
        room.check_ports(Record("web", "", chosen_slot()))


def _docker_client() -> list[str]:
    """Debian 13 packs the client by itself; where there is no such package, docker.io has it."""
    known = subprocess.run(["apt-cache", "show", "docker-cli"], capture_output=True).returncode == 0
    return ["docker-cli"] if known else ["docker.io"]


def _has(tool: str) -> bool:
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
