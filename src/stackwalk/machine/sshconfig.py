"""The engine's way into every machine: one generated ssh configuration, two entries a machine."""

import os
import subprocess
from pathlib import Path

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.record import Record, home_tag, load_records, write_atomically

# A dead machine is noticed after INTERVAL * (COUNT + 1) seconds: a kept connection to a paused
# machine hangs for ever without these, and they work only when the connection's master has them.
ALIVE_INTERVAL_S = 1
ALIVE_COUNT = 2
ALIVE_EMULATED_S = 10  # where the processor is emulated, a busy sshd is silent for seconds
CONNECT_S = 3
CONNECT_EMULATED_S = 30  # there the handshake alone takes seconds


def write_ssh_config(home: Home) -> None:
    """Write ``home.ssh_config`` for all machines and make the folder of its sockets."""
    folder = control_folder(home)
    _make_private(folder)
    write_atomically(
        home.ssh_config,
        "# Written by stackwalk at every `machine up`; changes here are lost.\n"
        + "".join(_entries(home, record, folder) for record in load_records(home)),
    )


def ensure_sockets(home: Home) -> None:
    """``/tmp`` and the runtime folder are emptied at times; ssh would then refuse to connect."""
    if not control_folder(home).is_dir():
        write_ssh_config(home)


def write_host_keys(home: Home, name: str, keys: list[str]) -> None:
    """Trust exactly these keys (``ssh-ed25519 AAAA…``) for one machine; none: forget it."""
    kept = [line for line in _known(home) if not line.startswith(f"{name} ")]
    lines = kept + [f"{name} {key}" for key in keys]
    write_atomically(known_hosts(home), "".join(f"{line}\n" for line in lines))


def host_keys(home: Home, name: str) -> list[str]:
    """The keys trusted for a machine; none before its first ``up`` ended."""
    return [line.partition(" ")[2] for line in _known(home) if line.startswith(f"{name} ")]


def close_connection(home: Home, name: str) -> None:
    """End the kept connection, if any: after a reboot or a halt it would only hang."""
    if home.ssh_config.exists():
        subprocess.run(
            ["ssh", "-F", str(home.ssh_config), "-O", "exit", name],
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )


def known_hosts(home: Home) -> Path:
    return home.engine / "known_hosts"


def control_folder(home: Home) -> Path:
    """Short, because a unix socket's path may have about 104 bytes."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"stackwalk-{home_tag(home)}"


def _known(home: Home) -> list[str]:
    return known_hosts(home).read_text().splitlines() if known_hosts(home).exists() else []


def _entries(home: Home, record: Record, folder: Path) -> str:
    kept = f"""\
  ControlMaster auto
  ControlPath {folder}/%n
  ControlPersist 300
"""
    fresh = """\
  ControlMaster no
  ControlPath none
"""
    common = _common(home, record)
    return (
        f"\nHost {record.name}\n{common}{kept}"
        f"\n# The same without a kept connection: what a new login sees.\n"
        f"Host {record.name}-fresh\n{common}{fresh}"
    )


def _common(home: Home, record: Record) -> str:
    connect_s = CONNECT_EMULATED_S if record.emulated else CONNECT_S
    alive_s = ALIVE_EMULATED_S if record.emulated else ALIVE_INTERVAL_S
    return f"""\
  HostName {record.ssh_host}
  Port {record.ssh_port}
  User {record.user}
  IdentityFile "{record.identity_file}"
  IdentitiesOnly yes
  IdentityAgent none
  HostKeyAlias {record.name}
  UserKnownHostsFile "{known_hosts(home)}"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout {connect_s}
  ServerAliveInterval {alive_s}
  ServerAliveCountMax {ALIVE_COUNT}
  LogLevel ERROR
"""


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise MachineError(
            f"{folder} is not a private folder of this account, and the way into the machine "
            "would run through it.",
            safe="Nothing was changed.",
            next=f"look who made it: ls -ld {folder}",
        )
