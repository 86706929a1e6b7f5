"""Which provider gives this home its machines: said, kept, tried, or the last resort."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from stackwalk.errors import MachineError, UsageError
from stackwalk.home import Home
from stackwalk.machine import docker, libvirt, virtualbox
from stackwalk.machine.record import Record, load_record, machine_names, write_atomically

KVM = "/dev/kvm"
PROBE_S = 15  # an accelerated kernel reaches its panic in about two seconds


class Provider(Protocol):
    """What one file per provider offers."""

    NAME: str
    CAN: frozenset[str]
    RISK: str

    def check(self) -> None: ...
    def prepare(self, home: Home, record: Record, say: Callable[[str], None]) -> None: ...
    def exists(self, home: Home, name: str) -> bool: ...
    def is_running(self, home: Home, name: str) -> bool: ...
    def remove(self, home: Home, name: str) -> None: ...
    def read_host_keys(self, home: Home, name: str) -> list[str]: ...
    def take_snapshot(self, home: Home, record: Record, label: str) -> None: ...
    def restore_snapshot(self, home: Home, record: Record, label: str) -> Mapping[str, str]: ...
    def remove_snapshot(self, home: Home, record: Record, label: str) -> None: ...
    def snapshot_sizes(self, home: Home, record: Record) -> dict[str, int]: ...


PROVIDERS: dict[str, ModuleType] = {
    "docker": docker,
    "libvirt": libvirt,
    "virtualbox": virtualbox,
}


def provider_named(name: str) -> Provider:
    if name not in PROVIDERS:
        raise UsageError(f"STACKWALK_PROVIDER is {name!r}.", next=f"one of: {', '.join(PROVIDERS)}")
    return cast(Provider, PROVIDERS[name])


def choose_provider(home: Home, say: Callable[[str], None]) -> Provider:
    """``STACKWALK_PROVIDER``, else this home's, else a VM that really boots, else docker."""
    said = os.environ.get("STACKWALK_PROVIDER")
    if said:
        return provider_named(said)
    for name in machine_names():
        record = load_record(home, name)
        if record is not None:
            return provider_named(record.provider)
    if shutil.which("virsh") and boots_accelerated(home):
        return provider_named("libvirt")
    if platform.system() in ("Darwin", "Windows") and virtualbox.find_program():
        return provider_named("virtualbox")
    if shutil.which("docker") is None:
        raise MachineError(
            "This computer has neither an accelerated libvirt nor docker to run a machine in.",
            safe="Nothing was changed.",
            next="./start installs one on Debian and Ubuntu; docs/machine.md says what else works",
        )
    say(docker.RISK)
    return provider_named("docker")


def is_emulated(home: Home, provider: Provider) -> bool:
    """``STACKWALK_LIBVIRT_DRIVER=qemu`` forces it; a container is never emulated."""
    if provider.NAME != "libvirt":
        return False
    said = os.environ.get("STACKWALK_LIBVIRT_DRIVER")
    return said == "qemu" if said else not boots_accelerated(home)


def boots_accelerated(home: Home) -> bool:
    """Whether a kernel really boots under KVM here; tried once and kept.

    ``/dev/kvm`` proves nothing: there are hosts where it opens and a kernel hangs after the BIOS.
    """
    kept = home.engine / "kvm"
    if not kept.exists():
        if _find_qemu() is None:
            return False  # nothing was tried, so nothing is kept
        write_atomically(kept, "boots" if _try_boot() else "does not boot")
    return kept.read_text() == "boots"


def likely_provider(home: Home) -> str:
    """Whose tools are worth installing: said, kept, a VM where KVM may be used, else docker."""
    said = os.environ.get("STACKWALK_PROVIDER")
    if said:
        return provider_named(said).NAME
    for name in machine_names():
        record = load_record(home, name)
        if record is not None:
            return record.provider
    may_boot = not (home.engine / "kvm").exists() or boots_accelerated(home)
    return "libvirt" if may_boot and os.access(KVM, os.R_OK | os.W_OK) else "docker"


def _try_boot() -> bool:
    """Boot the laptop's own kernel without a disk: it must get as far as missing its root."""
    qemu, kernel = _find_qemu(), _find_kernel()
    if qemu is None or kernel is None or not os.access(KVM, os.R_OK | os.W_OK):
        return False
    argv = [qemu, "-accel", "kvm", "-cpu", "host", "-m", "512", "-nographic", "-no-reboot"]
    argv += ["-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=PROBE_S)
    except subprocess.TimeoutExpired:
        return False
    return b"Kernel panic" in done.stdout


def _find_qemu() -> str | None:
    return shutil.which("qemu-system-x86_64") or shutil.which("kvm")


def _find_kernel() -> Path | None:
    kernels = sorted(Path("/boot").glob("vmlinuz-*"), reverse=True)
    return next((kernel for kernel in kernels if os.access(kernel, os.R_OK)), None)
