"""The learner's machines: started and stopped by vagrant, reached by ssh, told in plain words.

What starts and stops them is imported where it is used, and so are the providers: a look at one
that runs needs none of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine import sshconfig
from stackwalk.machine.record import (
    Record,
    chosen_slot,
    load_record,
    locked,
    machine_names,
    require_known,
    save_record,
)
from stackwalk.machine.remote import probe_ssh, require_up, run_remote

__all__ = [
    "HostKeys",
    "MachineStatus",
    "capabilities",
    "destroy",
    "halt",
    "host_keys",
    "machine_names",
    "reboot",
    "ssh_command",
    "status",
    "up",
]

Say = Callable[[str], None]
PROBE_S = 3.0  # a machine that answers does so at once; only a dead one takes this long
PROBE_EMULATED_S = 15.0


@dataclass(frozen=True)
class MachineStatus:
    """How a machine is right now; ``sentence`` says it in a learner's words.

    ``ssh_host`` and ``ssh_port`` are where its sshd answers this computer: a forwarded port on
    127.0.0.1, or port 22 of the machine's own address where the laptop can route to it.
    """

    name: str
    state: Literal["running", "off", "absent", "unreachable"]
    provider: str
    address: str
    ssh_port: int | None
    sentence: str
    ports: dict[str, int] = field(default_factory=dict)
    ssh_host: str = ""


@dataclass(frozen=True)
class HostKeys:
    """A machine's public host keys (``ssh-ed25519 AAAA…``) and whether ssh was not asked."""

    keys: tuple[str, ...]
    past_ssh: bool


def up(home: Home, name: str = "web", *, say: Say) -> MachineStatus:
    """Make the machine or start it, and wait until it is ready; harmless when it runs.

    Raises:
        MachineError: with what stands in the way; a stopped ``up`` is mended by the next one.
    """
    from stackwalk.machine import shut
    from stackwalk.machine.making import settle, start

    require_known(name)
    now = status(home, name)
    if now.state != "running":
        with locked(home):
            start(home, name, say)
    else:
        shut.require_login(home, name)
    settle(home, name, say)
    return status(home, name)


def halt(home: Home, name: str = "web", *, say: Say) -> MachineStatus:
    """Switch the machine off as its power button would; its disk stays."""
    from stackwalk.machine import forward, tool

    require_known(name)
    record = load_record(home, name)
    if record is not None and record.complete:
        with locked(home):
            forward.close_ports(home, name)
            sshconfig.close_connection(home, name)
            tool.stop_orphans(home, say)
            tool.run_halt(home, record)
            save_record(home, replace(record, on=False))
    return status(home, name)


def destroy(home: Home, name: str = "web", *, say: Say) -> None:
    """Remove the machine, its disk, and what a stopped ``up`` left; asks nothing."""
    from stackwalk.machine import forward, tool
    from stackwalk.machine.choose import provider_named
    from stackwalk.machine.making import remove

    require_known(name)
    with locked(home):
        record = _load_or_guess(home, name, say)
        provider = provider_named(record.provider)
        provider.check()
        tool.stop_orphans(home, say)
        forward.close_ports(home, name)
        sshconfig.close_connection(home, name)
        remove(home, record, provider)


def status(home: Home, name: str = "web") -> MachineStatus:
    """What our record and one look at the ssh port say; calls no vagrant, takes under 0.3 s."""
    require_known(name)
    record = load_record(home, name)
    if record is None or not record.complete:
        return MachineStatus(
            name, "absent", "", "", None, f"{name} was not made yet: stackwalk machine up {name}"
        )
    state = _look(home, record)
    return MachineStatus(
        name,
        state,
        record.provider,
        record.address,
        record.ssh_port,
        _say_state(record, state),
        record.ports,
        record.door,
    )


def reboot(home: Home, name: str = "web", *, say: Say) -> MachineStatus:
    """Restart the machine from inside (``systemctl reboot``) and wait for its next boot."""
    from stackwalk.machine import forward, guest

    require_known(name)
    record = require_up(home, name)
    say(f"restarting {name} from inside")
    forward.close_ports(home, name)
    guest.restart(home, record)
    forward.open_ports(home, record)
    return status(home, name)


def capabilities(home: Home, name: str = "web") -> frozenset[str]:
    """What this machine can, of ``own_kernel own_clock own_swap hosts_by_rename``."""
    from stackwalk.machine.choose import provider_named

    require_known(name)
    record = load_record(home, name)
    return provider_named(record.provider).CAN if record else frozenset()


def host_keys(home: Home, name: str = "web") -> HostKeys:
    """Who the machine says it is: asked past ssh where the provider can, else what we trust."""
    from stackwalk.machine.choose import provider_named

    record = require_up(home, name)
    keys = provider_named(record.provider).read_host_keys(home, name)
    return HostKeys(tuple(keys or sshconfig.host_keys(home, name)), bool(keys))


def ssh_command(home: Home, name: str = "web", *, tty: bool = False) -> list[str]:
    """The words before a remote command: ``ssh -F … web``; ``tty`` for a session to type in."""
    require_up(home, name)
    sshconfig.ensure_sockets(home)
    return ["ssh", "-F", str(home.ssh_config), *(["-t"] if tty else []), name]


def _load_or_guess(home: Home, name: str, say: Say) -> Record:
    """A record that is gone or damaged must not keep a machine from being removed."""
    from stackwalk.machine.choose import choose_provider

    try:
        record = load_record(home, name)
    except MachineError:
        record = None
    return record or Record(name, choose_provider(home, say).NAME, chosen_slot())


def _look(home: Home, record: Record) -> Literal["running", "off", "unreachable"]:
    """Log in, and only when that fails look at the bare port.

    sshd 9.8 and newer punishes connections that never log in (PerSourcePenalties): looking at the
    port every time would shut the laptop out of its own machine.
    """
    if not record.on:
        return "off"
    limit_s = PROBE_EMULATED_S if record.emulated else PROBE_S
    try:
        run_remote(home, record.name, "true", limit_s=PROBE_S)
    except MachineError:
        answers = probe_ssh(record.ssh_host, record.ssh_port, limit_s=limit_s)
        return "running" if answers == "ssh" else "off" if answers == "refused" else "unreachable"
    return "running"


def _say_state(record: Record, state: str) -> str:
    name = record.name
    if state == "off":
        return f"{name} is off, its disk is kept: stackwalk machine up {name} starts it"
    at = f"{record.door} port {record.ssh_port}"
    if state == "unreachable":
        return (
            f"{name} should be running and its ssh does not answer on {at}: stackwalk rescue {name}"
        )
    ports = "".join(f", {what} on {port}" for what, port in record.ports.items())
    return f"{name} is running at {record.address}: ssh on {at}{ports}"
