"""Look-ups for an app that is about to run: its account, environment, settings and tables.

What only Python can tell is asked by ``app_inside.py``, which runs on the machine.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testinfra.host import Host

HOME = "/srv/postcards"
CODE = f"{HOME}/code"
VENV = f"{HOME}/venv"
SETTINGS = "/etc/postcards/postcards.env"
REPOSITORY = "/srv/git/postcards.git"
SYSTEM_PYTHON = "/usr/bin/python3"

INSIDE = Path(__file__).with_name("app_inside.py")


@dataclass(frozen=True)
class Told:
    """What a program printed (``found``), or, where it could not, its last line of complaint."""

    found: Mapping[str, Any]  # Any: JSON
    complaint: str = ""


@dataclass(frozen=True)
class Pin:
    """One package of a lock file."""

    version: str
    is_hashed: bool
    is_conditional: bool  # for some systems only


def look_inside(host: Host, look: str, *words: str, user: str, python: str) -> Told:
    """What ``app_inside.py`` tells, run as a user with no environment but a search path."""
    program = INSIDE.read_text(encoding="utf-8")
    line = "cd / && runuser -u %s -- env -i PATH=/usr/bin:/bin LANG=C.UTF-8 %s -I -B -c %s %s"
    asked = host.run(line + " %s" * len(words), user, python, program, look, *words)
    return read_told(asked.rc, str(asked.stdout), str(asked.stderr))


def read_told(rc: int, stdout: str, stderr: str) -> Told:
    """The last line printed is the answer; of a complaint, too, the last line is the gist."""
    try:
        found = json.loads(stdout.strip().splitlines()[-1]) if rc == 0 else None
    except (IndexError, ValueError):
        found = None
    if isinstance(found, dict):
        return Told(found)
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    return Told({}, lines[-1] if lines else f"exit status {rc}, and not a word")


# -- the account --------------------------------------------------------------------------------


def groups_of(host: Host, user: str) -> list[str]:
    """The groups a new login of an existing account would have, its own first."""
    return str(host.run("id -Gn %s", user).stdout).split()


def first_writable(host: Host, user: str, *tops: str) -> str:
    """The first file or folder below ``tops`` that a user may change; empty where there is none."""
    return _first(host, f"runuser -u {user} -- find", tops, r"! -type l -writable")


def first_foreign(host: Host, owner: str, *tops: str) -> str:
    """The first path below ``tops`` that belongs to another; empty where there is none."""
    return _first(host, "find", tops, rf"! -user {owner}")


def first_unwritable(host: Host, user: str, *tops: str) -> str:
    """The first folder below ``tops`` that a user could not change; empty where there is none."""
    return _first(host, f"runuser -u {user} -- find", tops, r"-type d ! -writable")


def _first(host: Host, find: str, tops: tuple[str, ...], test: str) -> str:
    places = " ".join(["%s"] * len(tops))
    found = host.run(f"cd / && {find} {places} {test} -print -quit 2>/dev/null", *tops)
    return str(found.stdout).strip()


# -- the lock -----------------------------------------------------------------------------------


def normal_name(name: str) -> str:
    """``Flask_WTF`` and ``flask-wtf`` are one package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, Pin]:
    """The packages of a ``requirements.txt``; one that names no exact version has an empty one."""
    pins = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = line.partition(" #")[0].strip()
        match = re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;]+))?", words)
        if match:
            hashed = "--hash=sha256:" in words
            pins[normal_name(match[1])] = Pin(match[2] or "", hashed, ";" in words)
    return pins


def packages_elsewhere(host: Host, names: set[str]) -> list[str]:
    """Packages of these names that pip put beside Debian's Python, or into somebody's home."""
    found = host.run(
        "find /usr/local/lib/python3*/dist-packages /root/.local/lib /home/*/.local/lib"
        " /var/lib/postcards/.local/lib -maxdepth 4 -name '*.dist-info' 2>/dev/null"
    ).stdout.split()
    return [path for path in found if _package_of(path) in names]


def _package_of(path: str) -> str:
    """``…/dist-packages/flask_wtf-1.3.0.dist-info`` → ``flask-wtf``"""
    return normal_name(path.rpartition("/")[2].partition("-")[0])


# -- the settings -------------------------------------------------------------------------------

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLAIN = re.compile(r"""(?!.*(\s\#|\$\{))[^\s'"\\](?:[^'"\\]*[^\s'"\\])?|""")
QUOTED = re.compile(r"""'[^'\\]*'|"(?!.*\$\{)[^"\\]*\"""")


@dataclass(frozen=True)
class Slip:
    """A line that two readers take differently: its number and the nature of it, no value."""

    line: int
    name: str
    kind: str  # "export", "line end", "spaces", "shape"


def read_settings(text: str) -> dict[str, str]:
    """The settings as ``flask --env-file`` reads them, for a file without slips."""
    found = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and NAME.fullmatch(name):
            whole = QUOTED.fullmatch(value)
            found[name] = value[1:-1] if whole else value
    return found


def find_slip(text: str) -> Slip | None:
    """The first line that ``flask --env-file`` and systemd's ``EnvironmentFile=`` read differently.

    systemd knows no ``export``, expands no ``${…}`` and cuts off no remark; the other does.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        bare = name.strip().removeprefix("export ").strip()
        if line.endswith("\r"):
            return Slip(number, bare, "line end")
        if name.lstrip().startswith("export "):
            return Slip(number, bare, "export")
        if not separator or name.strip() != name or value.strip() != value:
            return Slip(number, bare, "spaces" if separator else "shape")
        if not NAME.fullmatch(name) or not (PLAIN.fullmatch(value) or QUOTED.fullmatch(value)):
            return Slip(number, bare, "shape")
    return None
