"""One command on a machine over ssh: a time limit, an empty stdin, and faults told apart."""

import re
import shlex
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from stackwalk.errors import MachineError, NotUp, RemoteTimeout, Unreachable
from stackwalk.home import Home
from stackwalk.machine.record import Record, chosen_patience, load_record, require_known
from stackwalk.machine.sshconfig import ensure_sockets

MARK = "stackwalk-rc:"  # written last by every remote command; without it ssh itself failed
LIMIT_S = 20.0  # of one command of a check
GRACE_S = 5.0  # what the way there and back may take on top of a command's own limit
EMULATED = 8  # an emulated machine runs Python 8 to 10 times slower; limits are for real ones
KILL_AFTER_S = 2  # between timeout's TERM and its KILL
TIMED_OUT = (124, 137)  # timeout(1): stopped by TERM, by KILL

Sight = Literal["ssh", "refused", "closed", "silent"]


class ShutOut(Unreachable):
    """sshd answers and keeps the engine out, or is not the one we know: waiting is in vain."""


@dataclass(frozen=True)
class Answer:
    """What a command on the machine gave back; a remote 255 is a 255 here."""

    rc: int
    stdout: bytes
    stderr: bytes


def run_remote(
    home: Home,
    name: str,
    command: str,
    *,
    user: str = "",
    fresh: bool = False,
    limit_s: float = LIMIT_S,
    stdin: bytes = b"",
) -> Answer:
    """Run a shell command on a machine, as the engine's account or through ``sudo -n``.

    ``limit_s`` is for a machine at full speed; an emulated one gets ``EMULATED`` times as long.

    Raises:
        NotUp: the machine is off or was never made.
        Unreachable: ssh did not get there, or the connection ended in the middle.
        RemoteTimeout: the command was still running after ``limit_s`` seconds.
    """
    record = require_up(home, name)
    ensure_sockets(home)
    limit_s *= stretch(record)
    entry = f"{name}-fresh" if fresh else name
    argv = ["ssh", "-F", str(home.ssh_config), "-T", entry, wrap(command, user, limit_s)]
    began = time.monotonic()
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, timeout=limit_s + GRACE_S * stretch(record)
        )
    except subprocess.TimeoutExpired as error:
        raise too_long(name, command, limit_s) from error
    answer = _read_answer(record, done)
    if answer.rc in TIMED_OUT and time.monotonic() - began >= limit_s:
        raise too_long(name, command, limit_s)
    return answer


def slowness(home: Home, name: str = "web") -> int:
    """By how much a limit that is meant for a real machine is stretched for this one."""
    with suppress(MachineError):  # a damaged record is told where the machine itself is needed
        if record := load_record(home, name):
            return stretch(record)
    return chosen_patience()


def stretch(record: Record) -> int:
    """``EMULATED`` for a machine that is, else 1; times the patience that was asked for."""
    return (EMULATED if record.emulated else 1) * chosen_patience()


def require_up(home: Home, name: str) -> Record:
    """The machine's record, if it was made and not halted; asks nobody."""
    record = require_made(home, name)
    if not record.on:
        raise NotUp(
            f"The machine {name} is off.",
            safe="Everything on its disk is as you left it.",
            next=f"stackwalk machine up {name}",
        )
    return record


def require_made(home: Home, name: str) -> Record:
    """The machine's record, if it was made, on or off; asks nobody."""
    require_known(name)
    record = load_record(home, name)
    if record is None or not record.complete:
        raise NotUp(f"The machine {name} was not made yet.", next=f"stackwalk machine up {name}")
    return record


def wrap(command: str, user: str, limit_s: float) -> str:
    """The line sent to the machine: limited, as the user, its status said last on stderr."""
    limited = f"timeout -k {KILL_AFTER_S} {limit_s:g} /bin/sh -c {shlex.quote(command)}"
    as_user = f"sudo -n -u {shlex.quote(user)} -- {limited}" if user else limited
    return say_status(as_user)


def say_status(line: str) -> str:
    """The same line, saying last on stderr how it ended: without that, ssh itself failed."""
    return f"{line}; printf '{MARK}%d' $? >&2"


def probe_ssh(host: str, port: int, *, limit_s: float) -> Sight:
    """What answers there: an ssh banner, a refusal, a hang-up, or nothing within ``limit_s``."""
    try:
        with socket.create_connection((host, port), timeout=limit_s) as connection:
            connection.settimeout(limit_s)
            return "ssh" if connection.recv(4) == b"SSH-" else "closed"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "closed"
    except OSError:  # timed out, no route
        return "silent"


def unreachable(
    record: Record, reason: str, *, kind: type[Unreachable] = Unreachable
) -> Unreachable:
    return kind(
        f"ssh to {record.name} {reason}",
        safe="Nothing was changed on the machine or in your progress.",
        next=f"after failed logins wait half a minute; else stackwalk rescue {record.name}: "
        "it comes in without ssh, says what shut it, and offers to mend that",
    )


def read_marked(stdout: bytes, stderr: bytes) -> Answer | None:
    """What a wrapped command gave back; None when the way there failed before it could end."""
    before, mark, rest = stderr.rpartition(MARK.encode())
    found = re.match(rb"\d+", rest)
    if mark and found:
        return Answer(int(found.group()), stdout, before + rest[found.end() :])
    return None


def _read_answer(record: Record, done: "subprocess.CompletedProcess[bytes]") -> Answer:
    answer = read_marked(done.stdout, done.stderr)
    if answer is None:
        raise explain(record, done.stderr.decode(errors="replace"))
    return answer


def explain(record: Record, said: str) -> MachineError:
    """ssh's own words for a failed way, as ours."""
    at = f"{record.ssh_host} port {record.ssh_port}"
    if "Permission denied" in said:
        return unreachable(record, f"lets the engine's account in no more on {at}", kind=ShutOut)
    if "verification failed" in said or "IDENTIFICATION HAS CHANGED" in said:
        said = "shows another host key than at the last up"
        return unreachable(record, f"{said}, on {at}", kind=ShutOut)
    if re.search(r"timed out|not responding|No route", said):
        return unreachable(record, f"does not answer on {at}")
    if re.search(r"refused|kex_exchange|Connection (closed|reset) by", said):
        return unreachable(record, f"refused on {at}")
    if not said.strip():  # OpenSSH 10 does not say at LogLevel ERROR that a connection was closed
        return unreachable(record, f"hung up without a word on {at}")
    words = " ".join(said.split())[:200]
    return unreachable(record, f"ended in the middle of a command on {at}: {words}")


def too_long(name: str, command: str, limit_s: float) -> RemoteTimeout:
    shown = " ".join(command.split())
    return RemoteTimeout(
        f"A command on {name} was not done after {limit_s:g} s and was stopped: {shown[:120]}",
        safe="Nothing was marked wrong.",
        next="type it again; if it stays so, look what the machine is busy with: top",
    )
