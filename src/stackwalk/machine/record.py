"""What vagrant said when a machine came up, kept so that nobody has to ask it again."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from stackwalk.errors import MachineError, UsageError
from stackwalk.home import Home

VAGRANT_FOLDER = Path(__file__).resolve().parents[3] / "vagrant"
SSH_PORT = 2222  # of the first machine; vagrant takes another when it is taken
MOST_PATIENCE = 20
SLOTS = range(8)  # VirtualBox allows host-only networks in 192.168.56.0/21


@dataclass(frozen=True)
class Record:
    """One machine of one home.

    ``complete`` is false from the start of the first ``up`` to its end: whatever exists then is a
    leftover of a stopped ``up`` and holds nothing of the learner's. ``on`` is what we last did.
    ``rewinding`` is the snapshot a restore has begun with and not ended.
    """

    name: str
    provider: str
    slot: int
    complete: bool = False
    on: bool = False
    emulated: bool = False
    ssh_host: str = "127.0.0.1"
    ssh_port: int = 0
    user: str = "vagrant"
    identity_file: str = ""
    rewinding: str = ""

    @property
    def address(self) -> str:
        return f"192.168.{56 + self.slot}.{_table()[self.name]['address']}"

    @property
    def door(self) -> str:
        """Where a person's ssh knocks: the forwarded port's host, else the stable address."""
        return self.ssh_host if self.ssh_host == "127.0.0.1" else self.address

    @property
    def ports(self) -> dict[str, int]:
        """The laptop's ports by name: ``{"http": 8080, "https": 8443}``."""
        return {
            name: laptop + 100 * self.slot
            for name, (laptop, _) in _table()[self.name]["ports"].items()
        }

    @property
    def forwards(self) -> list[tuple[int, int]]:
        """Pairs of a port on the laptop and the machine's port behind it."""
        inside = (pair[1] for pair in _table()[self.name]["ports"].values())
        return list(zip(self.ports.values(), inside, strict=True))


def load_record(home: Home, name: str) -> Record | None:
    """The machine's record; None where there was never one.

    Raises:
        MachineError: the file is there and cannot be read.
    """
    path = _path(home, name)
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise MachineError(
            f"The record of {name} in {path} cannot be read: {error}.",
            safe="The machine itself was not touched; only our note about it is damaged.",
            next=f"stackwalk machine destroy {name}, then stackwalk machine up {name}",
        ) from error


def save_record(home: Home, record: Record) -> None:
    write_atomically(_path(home, record.name), json.dumps(asdict(record), indent=2) + "\n")


def forget_record(home: Home, name: str) -> None:
    for path in (_path(home, name), snapshots_file(home, name), kept_key(home, name)):
        path.unlink(missing_ok=True)


def load_records(home: Home) -> list[Record]:
    """All complete machines of this home."""
    records = (load_record(home, name) for name in machine_names())
    return [record for record in records if record and record.complete]


def machine_names() -> tuple[str, ...]:
    return tuple(_table())


def require_known(name: str) -> None:
    if name not in _table():
        raise UsageError(
            f"There is no machine called {name}.", next=f"one of: {', '.join(machine_names())}"
        )


def home_tag(home: Home) -> str:
    """Tells the machines of two homes apart in docker and libvirt: eight hex digits."""
    return hashlib.sha256(str(home.root).encode()).hexdigest()[:8]


def full_name(home: Home, name: str) -> str:
    """What the providers call a machine; the Vagrantfile says the same."""
    return f"stackwalk-{home_tag(home)}-{name}"


def chosen_slot() -> int:
    """``STACKWALK_SLOT``: 0, or 1 to 7 for a home beside the first (its own network and ports)."""
    text = os.environ.get("STACKWALK_SLOT", "0")
    if not text.isdigit() or int(text) not in SLOTS:
        raise UsageError(f"STACKWALK_SLOT is {text!r}.", next="a number from 0 to 7")
    return int(text)


def chosen_patience() -> int:
    """``STACKWALK_PATIENCE``: how many times as long a machine gets on a busy computer."""
    text = os.environ.get("STACKWALK_PATIENCE", "1")
    if not text.isdigit() or not 1 <= int(text) <= MOST_PATIENCE:
        raise UsageError(
            f"STACKWALK_PATIENCE is {text!r}.", next=f"a number from 1 to {MOST_PATIENCE}"
        )
    return int(text)


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """One command at a time starts, stops or removes machines of a home."""
    from filelock import FileLock, Timeout

    home.vagrant.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.vagrant / "lock", timeout=1):
            yield
    except Timeout as error:
        raise MachineError(
            "Another stackwalk command is starting or stopping a machine.",
            safe="This command changed nothing.",
            next="wait until it is done, then type the command again",
        ) from error


def write_atomically(path: Path, content: str | bytes) -> None:
    """Readers see the old content or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    os.replace(temporary, path)


def kept_key(home: Home, name: str) -> Path:
    """Our copy of the engine's key: Vagrant forgets its own with a machine that was replaced."""
    return home.vagrant / f"{name}.key"


def snapshots_file(home: Home, name: str) -> Path:
    """When each of a machine's snapshots was taken, and by whom."""
    return home.vagrant / f"{name}.snapshots.json"


def is_kept(home: Home, name: str, label: str) -> bool:
    """Whether we took this snapshot and did not remove it; asks no provider, which is slow."""
    try:
        noted = json.loads(snapshots_file(home, name).read_text())
        return label in [each["label"] for each in noted]
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _path(home: Home, name: str) -> Path:
    return home.vagrant / f"{name}.json"


def _table() -> Mapping[str, Mapping[str, dict[str, list[int]]]]:
    table: Mapping[str, Mapping[str, dict[str, list[int]]]] = json.loads(
        (VAGRANT_FOLDER / "machines.json").read_text()
    )
    return table
