"""The way into a machine past its ssh: the provider's own, as root, for when ssh is shut."""

import base64
import binascii
import json
import shlex
import subprocess
import time
from typing import Any

from stackwalk.errors import MachineError, NotUp, Unreachable
from stackwalk.home import Home
from stackwalk.machine.record import Record, full_name
from stackwalk.machine.remote import (
    GRACE_S,
    KILL_AFTER_S,
    TIMED_OUT,
    Answer,
    read_marked,
    require_up,
    stretch,
    too_long,
    wrap,
)

AGENT_S = 10  # how long the guest agent may take to say anything at all
POLL_S = 0.1  # the agent cannot tell us when a command ends, so it is asked
VIRSH = ("virsh", "--connect", "qemu:///system")


class NoBackDoor(MachineError):
    """The machine runs, and there is no way in but ssh."""


def run_inside(
    home: Home, name: str, script: str, *, limit_s: float = 20, stdin: bytes = b""
) -> Answer:
    """Run a few lines of sh as root on a machine without its ssh.

    ``limit_s`` is for a machine at full speed; an emulated one gets ``EMULATED`` times as long.

    Raises:
        NotUp: the machine is off or was never made.
        NoBackDoor: the provider has no other way in, or it does not answer.
        RemoteTimeout: the script was still running after ``limit_s`` seconds.
    """
    record = require_up(home, name)
    limit_s *= stretch(record)
    if record.provider == "docker":
        return _by_docker(home, record, script, limit_s, stdin)
    if record.provider == "libvirt":
        return _by_agent(home, record, script, limit_s, stdin)
    # VBoxManage guestcontrol wants guest additions and a password; our box has neither on purpose.
    raise _no_door(record, f"{record.provider} has no other way into it")


def _by_docker(home: Home, record: Record, script: str, limit_s: float, stdin: bytes) -> Answer:
    argv = ["docker", "exec", "-i", "-e", "LC_ALL=C.UTF-8", full_name(home, record.name)]
    argv += ["/bin/sh", "-c", wrap(script, "", limit_s)]
    began = time.monotonic()
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=limit_s + GRACE_S)
    except FileNotFoundError as error:
        raise _no_door(record, "docker is not installed any more") from error
    except subprocess.TimeoutExpired as error:
        raise too_long(record.name, script, limit_s) from error
    answer = read_marked(done.stdout, done.stderr)
    if answer is None:
        raise _docker_fault(record, done.stderr.decode(errors="replace"))
    return _in_time(record, script, limit_s, answer, began)


def _docker_fault(record: Record, said: str) -> MachineError:
    if "is not running" in said or "No such container" in said:
        return NotUp(
            f"The machine {record.name} does not run.",
            safe="Everything on its disk is as you left it.",
            next=f"stackwalk machine up {record.name}",
        )
    if "is paused" in said:
        return Unreachable(
            f"The machine {record.name} is paused.",
            safe="Everything in it waits as it was.",
            next=f"stackwalk machine up {record.name} wakes it",
        )
    return _no_door(record, f"docker said: {' '.join(said.split())[:200] or 'nothing'}")


def _by_agent(home: Home, record: Record, script: str, limit_s: float, stdin: bytes) -> Answer:
    """The guest agent starts the script and is asked for its end; it has no limit of its own."""
    began = time.monotonic()
    limited = f"LC_ALL=C.UTF-8 timeout -k {KILL_AFTER_S} {limit_s:g} /bin/sh -c"
    order: dict[str, Any] = {
        "path": "/bin/sh",
        "arg": ["-c", f"{limited} {shlex.quote(script)}"],
        "capture-output": True,
        "input-data": base64.b64encode(stdin).decode(),
    }
    started = _ask_agent(home, record, "guest-exec", order)
    while True:
        now = _ask_agent(home, record, "guest-exec-status", {"pid": started["pid"]})
        if now["exited"]:
            break
        if time.monotonic() - began > limit_s + GRACE_S:
            raise too_long(record.name, script, limit_s)
        time.sleep(POLL_S)
    status = now.get("exitcode", 128 + now.get("signal", 0))
    answer = Answer(status, _decoded(now, "out-data"), _decoded(now, "err-data"))
    return _in_time(record, script, limit_s, answer, began)


def _ask_agent(home: Home, record: Record, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """One question to qemu-ga, such as ``{"execute": "guest-exec-status", …}``."""
    question = json.dumps({"execute": what, "arguments": arguments})
    limit_s = AGENT_S * stretch(record)
    argv = [*VIRSH, "qemu-agent-command", full_name(home, record.name)]
    argv += [question, "--timeout", f"{limit_s:d}"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        answer: dict[str, Any] = json.loads(done.stdout)["return"]
    except FileNotFoundError as error:
        raise _no_door(record, "virsh is not installed any more") from error
    except (ValueError, KeyError) as error:
        raise _agent_fault(record, done.stderr) from error
    return answer


def _agent_fault(record: Record, said: str) -> MachineError:
    if "is not running" in said or "failed to get domain" in said:
        return NotUp(
            f"The machine {record.name} does not run.",
            safe="Everything on its disk is as you left it.",
            next=f"stackwalk machine up {record.name}",
        )
    if "not configured" in said:
        return _no_door(record, "it was made without a guest agent, by an older edition")
    if "not connected" in said or "timeout" in said or "not responding" in said:
        return _no_door(record, "its guest agent does not answer; was qemu-guest-agent removed")
    return _no_door(record, f"libvirt said: {' '.join(said.split())[:200] or 'nothing'}")


def _decoded(answer: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(answer.get(key, ""))
    except binascii.Error:
        return b""


def _in_time(record: Record, script: str, limit_s: float, answer: Answer, began: float) -> Answer:
    if answer.rc in TIMED_OUT and time.monotonic() - began >= limit_s:
        raise too_long(record.name, script, limit_s)
    return answer


def _no_door(record: Record, why: str) -> NoBackDoor:
    return NoBackDoor(
        f"There is no way into {record.name} past ssh: {why}.",
        safe="Nothing was changed on the machine or in your progress.",
        next=f"stackwalk machine restore, back to the newest snapshot; without one, stackwalk "
        f"machine destroy {record.name} and up: its disk is lost, your progress is not",
    )
