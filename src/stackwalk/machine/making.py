"""How a machine comes to be: made or started by vagrant, its way in learned, waited for."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine import forward, guest, room, shut, sshconfig, tool
from stackwalk.machine.choose import Provider, choose_provider, is_emulated, provider_named
from stackwalk.machine.record import (
    Record,
    chosen_slot,
    forget_record,
    kept_key,
    load_record,
    save_record,
)
from stackwalk.machine.remote import require_up

Say = Callable[[str], None]


def start(home: Home, name: str, say: Say) -> None:
    """Makes the machine or starts it; call it with the home locked."""
    tool.find_vagrant()
    provider = choose_provider(home, say)
    provider.check()
    room.check_disk(home)
    tool.stop_orphans(home, say)
    record = load_record(home, name) or _new_record(home, name, provider)
    if not record.complete:
        record = _clear_leftovers(home, record, provider, say)
    if not provider.is_running(home, name):
        room.check_ports(record)
    elif record.complete and record.on:
        shut.require_open(home, name)  # vagrant would wait for its ssh in vain
    save_record(home, record)
    if record.rewinding:
        say(f"an earlier restore of {record.rewinding} was stopped half way; going on with it")
        rewind(home, record, say)
        return
    if not provider.exists(home, name):
        kept_key(home, name).unlink(missing_ok=True)  # a new machine does not know it
    say(f"starting {name} with {record.provider}")
    provider.prepare(home, record, say)
    sshconfig.close_connection(home, name)
    _run_vagrant(home, record, say)


def rewind(home: Home, record: Record, say: Say) -> None:
    """Puts the snapshot ``record.rewinding`` in the machine's place; with the home locked.

    What is there is gone from the first moment on: a stopped rewind is gone on with by ``up``.
    """
    save_record(home, record)
    forward.close_ports(home, record.name)
    sshconfig.close_connection(home, record.name)
    made_from = provider_named(record.provider).restore_snapshot(home, record, record.rewinding)
    _run_vagrant(home, record, say, made_from=made_from)


def _run_vagrant(
    home: Home, record: Record, say: Say, *, made_from: Mapping[str, str] | None = None
) -> None:
    """``vagrant up``, and what it says of the way in, kept; the machine is complete from here on.

    Args:
        made_from: what the Vagrantfile must know to make it from a snapshot.
    """
    try:
        tool.run_up(home, record, say, made_from or {})
    except MachineError:
        _explain(home, record)
        raise
    found = tool.ask_ssh_settings(home, record)
    if not record.complete and "insecure" in found["IdentityFile"]:  # the key that everybody has
        raise MachineError(
            f"Vagrant was stopped before it gave {record.name} a key of its own.",
            safe="Nothing of yours was on it yet.",
            next=f"stackwalk machine up {record.name} removes it and makes it anew",
        )
    record = replace(
        record,
        complete=True,
        on=True,
        rewinding="",
        ssh_host=found["HostName"],
        ssh_port=int(found["Port"]),
        user=found["User"],
        identity_file=found["IdentityFile"].strip('"'),
    )
    save_record(home, record)
    sshconfig.write_ssh_config(home)


def _explain(home: Home, record: Record) -> None:
    """Vagrant gave up waiting for ssh; a machine that runs can be asked from inside why."""
    if record.complete and provider_named(record.provider).is_running(home, record.name):
        save_record(home, replace(record, on=True))
        shut.require_open(home, record.name)


def settle(home: Home, name: str, say: Say) -> None:
    """Waits until the machine that was started is ready, and gives it what it needs from us."""
    record = require_up(home, name)
    _learn_host_keys(home, record)
    guest.wait_for_boot(home, record)
    forward.open_ports(home, record)
    for unit in guest.read_failed_units(home, record):
        say(f"on {name} the unit {unit} failed; the machine runs without it")
    guest.install_certificates(home, record, say)


def remove(home: Home, record: Record, provider: Provider) -> None:
    """Removes the machine, its disk, its snapshots and what we know of it."""
    if provider.exists(home, record.name):
        tool.run_destroy(home, record)
    provider.remove(home, record.name)
    forget_record(home, record.name)
    sshconfig.write_host_keys(home, record.name, [])
    sshconfig.write_ssh_config(home)


def _new_record(home: Home, name: str, provider: Provider) -> Record:
    """For a machine never made; one that exists without a record may hold a learner's work."""
    if provider.exists(home, name):
        raise MachineError(
            f"There is a machine {name} of this home and our record of it is gone.",
            safe="The machine was left as it is.",
            next=f"stackwalk machine destroy {name} removes it for good; then up makes a new one",
        )
    return Record(name, provider.NAME, chosen_slot(), emulated=is_emulated(home, provider))


def _clear_leftovers(home: Home, record: Record, provider: Provider, say: Say) -> Record:
    """A first ``up`` that was stopped left something half made, with nothing of the learner's."""
    if provider.exists(home, record.name):
        say("an earlier start was stopped half way; removing what it left")
        remove(home, record, provider_named(record.provider))
    return replace(record, slot=chosen_slot())


def _learn_host_keys(home: Home, record: Record) -> None:
    """Read past ssh where the provider can, at every ``up``; else trusted once, at first sight."""
    keys = provider_named(record.provider).read_host_keys(home, record.name)
    if not keys and not sshconfig.host_keys(home, record.name):
        keys = tool.scan_host_keys(record)
    if keys:
        sshconfig.write_host_keys(home, record.name, keys)
