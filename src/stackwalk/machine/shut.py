"""Why a machine lets nobody in: looked at from inside through the back door, and mended there."""

import re
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from stackwalk.errors import MachineError, Unreachable
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.lockouts import Lockout, Lockouts, load_lockouts
from stackwalk.machine.backdoor import run_inside
from stackwalk.machine.record import VAGRANT_FOLDER, Record
from stackwalk.machine.remote import require_up, run_remote, stretch
from stackwalk.machine.sshconfig import host_keys, write_host_keys

FOLDER = VAGRANT_FOLDER / "lockouts"
LEARNER = "deployer"  # whom chapter 02 makes, with the key keys/deployer
LOOK_S = 60
MEND_S = 180  # one of them installs a package
LOGIN_S = 20
BEGIN, END = "\x1e", "\x1f"  # around what one look says; no text has them
EVIDENCE = 300  # characters of it
PLACE = re.compile(r"(/[^:]+):(?:(\d+):)? ?(.*)")


@dataclass(frozen=True)
class Finding:
    """A cause that was found; ``file``, ``line`` and ``text`` where a file did it."""

    name: str
    title: str
    says: str
    does: str  # what its mend will do
    evidence: str
    file: str = ""
    line: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Inside:
    """What was seen from inside."""

    users: tuple[str, ...]  # whose way in counts
    findings: tuple[Finding, ...]
    host_keys: tuple[str, ...]
    log: tuple[str, ...]  # the last lines of ssh's own log


@dataclass(frozen=True)
class Way:
    """One way in, tried with a new login."""

    user: str
    works: bool
    why: str = ""


@dataclass(frozen=True)
class Mended:
    """What a mend did, in its own lines: ``kept …``, ``changed …``."""

    finding: Finding
    done: bool
    lines: tuple[str, ...]


def look_inside(home: Home, name: str) -> Inside:
    """Run every look on a machine that may be shut; changes nothing there.

    Raises:
        NotUp, NoBackDoor, RemoteTimeout: as the back door says.
    """
    lockouts = load_lockouts(FOLDER)
    script = _prelude(home, require_up(home, name), lockouts) + _look_script(lockouts)
    answer = run_inside(home, name, "sh", stdin=script.encode(), limit_s=LOOK_S)
    said = _read_parts(answer.stdout.decode(errors="replace"))
    findings = tuple(
        read_finding(lockouts.named(key), text)
        for key, (status, text) in said.items()
        if not key.startswith("=") and status == 0 and text.strip()
    )
    users, keys, log = (tuple(said.get(key, (0, ""))[1].splitlines()) for key in _FACTS)
    return Inside(users, findings, keys, log)


def read_finding(lockout: Lockout, said: str) -> Finding:
    """What a look printed: ``/etc/passwd:22: text``, ``/etc/nologin: text``, or plain words."""
    evidence = said.strip().splitlines()[0].strip()[:EVIDENCE]
    plain = Finding(lockout.name, lockout.title, lockout.says, lockout.does, evidence)
    match = PLACE.fullmatch(evidence)
    if match is None:
        return plain
    file, line, text = match.groups()
    return replace(plain, file=file, line=int(line) if line else None, text=text)


def mend(home: Home, name: str, finding: Finding) -> Mended:
    """Run the mend of one finding on the machine."""
    lockouts = load_lockouts(FOLDER)
    script = _prelude(home, require_up(home, name), lockouts) + _guard(
        lockouts.named(finding.name).mend
    )
    answer = run_inside(home, name, "sh", stdin=script.encode(), limit_s=MEND_S)
    lines = answer.stdout.decode(errors="replace").splitlines()
    if answer.rc != 0:
        lines += answer.stderr.decode(errors="replace").strip().splitlines()[-3:]
    return Mended(finding, answer.rc == 0, tuple(dict.fromkeys(line for line in lines if line)))


def inflict(home: Home, name: str, lockout: Lockout) -> None:
    """Make a lock-out real, for a test or a demonstration.

    Raises:
        MachineError: the script could not be run to its end.
    """
    lockouts = load_lockouts(FOLDER)
    script = _prelude(home, require_up(home, name), lockouts) + _guard(lockout.inflict)
    answer = run_inside(home, name, "sh", stdin=script.encode(), limit_s=MEND_S)
    if answer.rc not in (0, 1):
        said = answer.stderr.decode(errors="replace").strip()[-300:]
        raise MachineError(f"{lockout.name} could not be made on {name}: {said}")


def require_open(home: Home, name: str) -> None:
    """Raise what shuts ssh on a running machine; nothing where no cause is seen, or no way in.

    Raises:
        Unreachable: with the first cause found.
    """
    try:
        findings = look_inside(home, name).findings
    except MachineError:
        return
    if findings:
        raise Unreachable(
            f"{name} runs, and its ssh was shut from inside: {findings[0].title}.",
            safe="Nothing was changed; everything on the machine is as you left it.",
            next=f"stackwalk rescue {name} shows the line that did it, and offers to mend it",
        )


def require_login(home: Home, name: str) -> None:
    """``require_open`` where a new login fails; a kept connection hides that."""
    try:
        run_remote(home, name, "true", fresh=True)
    except Unreachable:
        require_open(home, name)


def learn_host_keys(home: Home, name: str, inside: Inside) -> bool:
    """Trust the keys seen from inside; whether they differ from those known."""
    keys = [" ".join(key.split()[:2]) for key in inside.host_keys]
    if not keys or set(keys) == set(host_keys(home, name)):
        return False
    write_host_keys(home, name, keys)
    return True


def try_ways(home: Home, name: str, users: tuple[str, ...]) -> tuple[Way, ...]:
    """A new login of the engine, and of the learner where there is one."""
    record = require_up(home, name)
    ways = [_try_engine(home, record)]
    if LEARNER in users and (home.laptop / "ssh_config").exists():
        ways.append(_try_learner(home, record))
    return tuple(ways)


def _try_engine(home: Home, record: Record) -> Way:
    try:
        answer = run_remote(home, record.name, "sudo -n true", fresh=True, limit_s=LOGIN_S)
    except MachineError as error:
        return Way(record.user, works=False, why=error.happened)
    said = answer.stderr.decode(errors="replace").strip().splitlines()
    return Way(record.user, answer.rc == 0, "" if answer.rc == 0 else (said or ["no answer"])[-1])


def _try_learner(home: Home, record: Record) -> Way:
    """As the learner types it, in the laptop's folder; no question can be answered here."""
    limit_s = LOGIN_S * stretch(record)
    argv = ["ssh", "-F", "ssh_config", "-o", "BatchMode=yes", "-o", "ControlMaster=no"]
    argv += ["-o", "ControlPath=none", "-o", f"ConnectTimeout={limit_s // 4}"]
    argv += ["-l", LEARNER, record.name, "true"]
    try:
        done = subprocess.run(
            argv,
            cwd=home.laptop,
            env=laptop_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return Way(LEARNER, works=False, why=f"ssh did not answer within {limit_s} s")
    said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
    return Way(LEARNER, done.returncode == 0, "" if done.returncode == 0 else said[-1])


def _prelude(home: Home, record: Record, lockouts: Lockouts) -> str:
    settings = {
        "ENGINE": record.user,
        "ENGINE_KEY": _public_key(Path(record.identity_file)),
        "LEARNER": LEARNER,
        "LEARNER_KEY": _read(home.laptop / "keys" / f"{LEARNER}.pub"),
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join([*lines, lockouts.shared, ""])


_FACTS = {
    "=users": "users",
    "=host keys": "cat /etc/ssh/ssh_host_*_key.pub",
    "=log": "journalctl --unit=ssh --lines=8 --output=cat --no-pager",
}


def _look_script(lockouts: Lockouts) -> str:
    looks = _FACTS | {lockout.name: lockout.look for lockout in lockouts.every}
    return "\n".join(
        f"printf '{BEGIN}%s\\n' '{key}'\n{_guard(look)} 2>/dev/null\nprintf '{END}%d' $?"
        for key, look in looks.items()
    )


def _guard(script: str) -> str:
    """In a shell of its own, so that its ``exit`` ends nothing else; stdin is our script's."""
    return f"(\n{script}\n) </dev/null"


def _read_parts(text: str) -> dict[str, tuple[int, str]]:
    """``BEGIN key NEWLINE text END status`` for each look: its status and its text."""
    parts = re.findall(f"{BEGIN}([^\n]*)\n([^{END}]*){END}(\\d+)", text)
    return {key: (int(status), said) for key, said, status in parts}


def _public_key(private: Path) -> str:
    argv = ["ssh-keygen", "-y", "-P", "", "-f", str(private)]
    return subprocess.run(argv, capture_output=True, text=True).stdout.strip()


def _read(path: Path) -> str:
    return path.read_text(errors="replace").strip() if path.exists() else ""
