"""Snapshots: the machine as it was, kept on this computer; the course takes some by itself."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from stackwalk.errors import UsageError
from stackwalk.home import Home
from stackwalk.machine import room, tool
from stackwalk.machine.choose import provider_named
from stackwalk.machine.making import rewind, settle
from stackwalk.machine.record import (
    Record,
    load_record,
    locked,
    require_known,
    snapshots_file,
    write_atomically,
)
from stackwalk.machine.remote import require_made, require_up

KEPT = 3  # automatic ones; the oldest goes when another is taken
LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}\Z")  # what docker takes for a tag, and a bit less


@dataclass(frozen=True)
class Snapshot:
    """One of a machine's snapshots; ``size_bytes`` is what it costs on this computer's disk."""

    label: str
    taken_at: str  # UTC, such as 2026-11-21T08:30:00Z; empty where our note of it was damaged
    automatic: bool
    size_bytes: int = 0


def take(home: Home, name: str = "web", label: str = "", *, automatic: bool = False) -> Snapshot:
    """Keeps the machine as it is now; it goes on running.

    An automatic one replaces an older automatic one of the same label, and the oldest beyond
    ``KEPT`` are removed.

    Raises:
        UsageError: the label does not fit or is taken.
        MachineError: the machine is off, or the provider could not.
    """
    record = require_up(home, name)
    label = label or datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    _require_label(label)
    with locked(home):
        there = load(home, name)
        same = next((each for each in there if each.label == label), None)
        if same is not None and not (automatic and same.automatic):
            raise UsageError(
                f"{name} has a snapshot {label} already, of {same.taken_at}.",
                safe="Nothing was changed.",
                next=f"choose another label, or: stackwalk machine snapshot --remove {label}",
            )
        room.check_disk(home)
        provider = provider_named(record.provider)
        if same is not None:
            provider.remove_snapshot(home, record, label)
        provider.take_snapshot(home, record, label)
        taken = Snapshot(label, _now(), automatic)
        _save(home, name, [each for each in there if each.label != label] + [taken])
        _remove_oldest(home, record)
    return next((each for each in load(home, name) if each.label == label), taken)


def load(home: Home, name: str = "web") -> list[Snapshot]:
    """What can be restored, oldest first: what we took and the provider still has."""
    require_known(name)
    record = load_record(home, name)
    if record is None or not record.complete or not snapshots_file(home, name).exists():
        return []
    sizes = provider_named(record.provider).snapshot_sizes(home, record)
    try:
        noted = [Snapshot(**each) for each in json.loads(snapshots_file(home, name).read_text())]
    except (ValueError, TypeError):  # our note is damaged; they are still there, as somebody's own
        noted = [Snapshot(label, "", automatic=False) for label in sizes]
    return [replace(each, size_bytes=sizes[each.label]) for each in noted if each.label in sizes]


def find(home: Home, name: str = "web", label: str = "") -> Snapshot:
    """The snapshot with this label, the newest without.

    Raises:
        UsageError: there is none; says which there are.
    """
    there = load(home, name)
    found = [each for each in there if each.label == (label or each.label)]
    if found:
        return found[-1]
    labels = ", ".join(each.label for each in there)
    raise UsageError(
        f"{name} has no snapshot {label}." if label else f"{name} has no snapshot yet.",
        safe="Nothing was changed.",
        next=f"one of: {labels}" if labels else "stackwalk machine snapshot takes one",
    )


def restore(
    home: Home, name: str = "web", label: str = "", *, say: Callable[[str], None]
) -> Snapshot:
    """Puts the machine back to how it was, and waits until it is ready; asks nothing.

    Needs no ssh: a machine that shut everybody out is restored like any other.

    Raises:
        UsageError: no such snapshot.
        MachineError: it could not be restored; ``machine up`` goes on with a stopped restore.
    """
    found = find(home, name, label)
    with locked(home):
        record = require_made(home, name)
        tool.stop_orphans(home, say)
        say(f"restoring {name} to {found.label}")
        rewind(home, replace(record, rewinding=found.label), say)
    settle(home, name, say)
    return found


def remove(home: Home, name: str, label: str) -> Snapshot:
    """Gives a snapshot's disk space back; the machine stays as it is."""
    found = find(home, name, label)
    with locked(home):
        _drop(home, require_made(home, name), [found])
    return found


def _remove_oldest(home: Home, record: Record) -> None:
    automatic = [each for each in load(home, record.name) if each.automatic]
    _drop(home, record, automatic[:-KEPT])


def _drop(home: Home, record: Record, snapshots: Sequence[Snapshot]) -> None:
    for snapshot in snapshots:
        provider_named(record.provider).remove_snapshot(home, record, snapshot.label)
    gone = {snapshot.label for snapshot in snapshots}
    left = [each for each in load(home, record.name) if each.label not in gone]
    _save(home, record.name, left)


def _require_label(label: str) -> None:
    if not LABEL.match(label):
        raise UsageError(
            f"{label!r} cannot be the label of a snapshot.",
            safe="Nothing was changed.",
            next="up to 40 small letters, digits, dots and dashes, such as: before-nginx",
        )


def _save(home: Home, name: str, snapshots: Sequence[Snapshot]) -> None:
    rows = [asdict(replace(each, size_bytes=0)) for each in snapshots]
    write_atomically(snapshots_file(home, name), json.dumps(rows, indent=1) + "\n")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
