"""Looks at the machine from an address that is not its own; runs on the machine, as root.

A network namespace with one end of a virtual cable is a second computer for everything that a
firewall or sshd can see. It belongs to this process and is gone with it: no file is written, no
rule is touched, and the address is taken at random from a block that is kept for measurements
(198.18.0.0/15, RFC 2544), so that what is counted against it concerns nobody.

usage: outside.py knock PORT…          which TCP ports answer; a free one is held open meanwhile
       outside.py guess ATTEMPTS       logins that fail, until the address is shut out
Prints one JSON object.
"""

import contextlib
import errno
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

KNOCK_S = 1.5  # one SYN and its first repetition after a second: this cable loses nothing
BAN_S = 5.0  # from the last failure to the ban: a log is read about once a second
RULE_S = 20.0  # from the ban to the rule in the firewall: ten times slower when emulated
POLL_S = 0.7  # each look is a login that never comes, and sshd counts those
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "ConnectTimeout=8",
    "IdentitiesOnly=yes",
    "IdentityFile=none",
)
SSH = ["ssh", "-F", "none", *(f"-o{option}" for option in OPTIONS)]
FREEBIND = {socket.IPPROTO_IP: 15, socket.IPPROTO_IPV6: 78}  # linux/in.h, linux/in6.h
AT_ONCE = 5  # sshd takes ten that have not logged in yet (MaxStartups)


class Street:
    """The two ends of the cable: ``near`` is the machine, ``far`` is the stranger."""

    def __init__(self) -> None:
        first, second = os.urandom(2)
        net, host = f"198.{18 + first % 2}.{second}", first & 0xFC
        self.near, self.far = f"{net}.{host + 1}", f"{net}.{host + 2}"
        self.near6, self.far6 = (f"fd00:198:{first:x}:{second:x}::{end}" for end in (1, 2))
        self.name = f"sw{os.getpid()}"
        self.has_v6 = False

    def lay(self, pid: int) -> None:
        """One end here, the other in the namespace of the process ``pid``."""
        ip("link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        ip("addr", "add", f"{self.near}/30", "dev", self.name)
        ip("link", "set", self.name, "up")
        with contextlib.suppress(subprocess.CalledProcessError):  # a machine without IPv6
            ip("-6", "addr", "add", f"{self.near6}/126", "dev", self.name, "nodad")
            self.has_v6 = True

    def arrive(self) -> None:
        """The far end, from within its namespace."""
        ip("addr", "add", f"{self.far}/30", "dev", "eth0")
        ip("link", "set", "lo", "up")
        ip("link", "set", "eth0", "up")
        if self.has_v6:
            ip("-6", "addr", "add", f"{self.far6}/126", "dev", "eth0", "nodad")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def from_outside(
    street: Street,
    act: Callable[[], dict[str, object]],
    here: Callable[[], dict[str, object]] = dict,
) -> None:
    """Forks; the child steps out, and ``act`` is done there; then ``here`` is done on this side."""
    asked, told = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.unshare(os.CLONE_NEWNET)  # type: ignore[attr-defined]  # Python 3.12, as on the machine
        os.write(asked[1], b".")
        street.has_v6 = os.read(told[0], 1) == b"6"
        street.arrive()
        with os.fdopen(asked[1], "w") as back:
            back.write(json.dumps(act()) + "\n")
        os.read(told[0], 1)
        os._exit(0)
    os.close(asked[1])
    os.read(asked[0], 1)
    try:
        street.lay(child)
        os.write(told[1], b"6" if street.has_v6 else b"4")
        with os.fdopen(asked[0]) as back:
            there = json.loads(back.readline())
        print(json.dumps({**there, **here()}), flush=True)
        os.write(told[1], b".")
        os.waitpid(child, 0)
    finally:
        subprocess.run(["ip", "link", "del", street.name], check=False, capture_output=True)


@contextlib.contextmanager
def held_open(street: Street, ports: list[int]) -> Iterator[None]:
    """Something listens on each port, at the near end only; where a program does, that one.

    The near end has an address that nobody else uses, so no program that runs notices.
    """
    with contextlib.ExitStack() as kept:
        for port in ports:
            for family, level, address in (
                (socket.AF_INET, socket.IPPROTO_IP, street.near),
                (socket.AF_INET6, socket.IPPROTO_IPV6, street.near6),
            ):
                with contextlib.suppress(OSError):
                    door = kept.enter_context(socket.socket(family))
                    door.setsockopt(level, FREEBIND[level], 1)  # the address is not there yet
                    door.bind((address, port))
                    door.listen()
        yield


def knock(addresses: list[str], ports: list[int]) -> dict[str, str]:
    """``{"198.18.4.1 22": "open"}``; the other answers are ``refused`` and ``silent``."""
    answers, waiting = {}, {}
    for address in addresses:
        for port in ports:
            call = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            call.setblocking(False)
            call.connect_ex((address, port))
            waiting[call.fileno()] = call
            answers[f"{'v6' if ':' in address else 'v4'} {port}"] = call
    said = dict.fromkeys(answers, "silent")
    names = {call.fileno(): name for name, call in answers.items()}
    poll = select.poll()
    for number in waiting:
        poll.register(number, select.POLLOUT)
    until = time.monotonic() + KNOCK_S
    while names and (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            fault = waiting[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            said[names.pop(number)] = "open" if fault == 0 else "refused"
            poll.unregister(number)
    return said


def is_answered(address: str) -> bool:
    """Whether a stranger's answer comes in: at port 443, where nobody is, it is a plain no."""
    with socket.socket() as call:
        call.settimeout(KNOCK_S)
        return call.connect_ex((address, 443)) in (0, errno.ECONNREFUSED)


def guess(street: Street, attempts: int) -> dict[str, object]:
    """Fails to log in as people who do not exist; then waits until the port is shut."""

    def is_shut() -> bool:
        return not is_open(street.near)

    began, tried, shut = time.monotonic(), 0, is_shut()
    while tried < attempts and not shut:
        batch = min(AT_ONCE, attempts - tried)
        tries = [
            subprocess.Popen(
                [*SSH, f"nobody{tried + each}@{street.near}", "true"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for each in range(batch)
        ]
        for each in tries:
            each.wait()
        tried += batch
        shut = wait_for(is_shut)
    if not shut and is_listed(street.far):
        shut = wait_for(is_shut, limit_s=RULE_S)
    return {
        "address": street.far,
        "attempts": tried,
        "shut": shut,
        "seconds": round(time.monotonic() - began, 1),
        "open_again": shut and unban(street),
    }


def fail2ban(*words: str) -> str:
    """What its client prints; nothing where it is not there, or fails."""
    try:
        done = subprocess.run(["fail2ban-client", *words], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def is_listed(address: str) -> bool:
    """Whether fail2ban has banned it, in whatever jail; its rule comes a moment after that."""
    return repr(address) in fail2ban("banned")


def unban(street: Street) -> bool | None:
    """Takes the ban back where fail2ban made it, and sees whether the port opens again."""
    if fail2ban("unban", street.far) in ("", "0"):
        return None  # somebody else's ban
    return wait_for(lambda: is_open(street.near))


def is_open(address: str) -> bool:
    """Whether sshd greets: one that is out of patience takes the call and hangs up."""
    with socket.socket() as call:
        call.settimeout(1.5)
        return call.connect_ex((address, 22)) not in (
            errno.ECONNREFUSED,
            errno.EHOSTUNREACH,
            errno.ENETUNREACH,
            errno.EAGAIN,
            errno.ETIMEDOUT,
        )


def wait_for(condition: Callable[[], bool], *, limit_s: float = BAN_S) -> bool:
    until = time.monotonic() + limit_s
    while not (so := condition()) and time.monotonic() < until:
        time.sleep(POLL_S)
    return so


def main(verb: str, *words: str) -> None:
    street = Street()
    if verb == "guess":
        from_outside(street, lambda: guess(street, int(words[0])))
        return
    ports = [int(word) for word in words]
    with held_open(street, ports):
        from_outside(
            street,
            lambda: {**knock([street.near] + ([street.near6] if street.has_v6 else []), ports)},
            lambda: {"web is answered": is_answered(street.far)},
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
