"""How a shell is opened at a place, and how a command is run beside it."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stackwalk.cellspec import LAPTOP
from stackwalk.course import Place
from stackwalk.errors import MachineError, StackwalkError, Unreachable
from stackwalk.home import Home
from stackwalk.laptop import cell_environment

SSH_FAILED = 255  # ssh(1): "exits with the exit status of the remote command or with 255"
NO_SUCH_USER = 67  # sysexits(3), EX_NOUSER: our own script below says so
BESIDE_LIMIT_S = 10


@dataclass(frozen=True)
class Way:
    """The command that opens a bash at a place, and what is expected there.

    Args:
        argv: opens a bash that reads its commands from stdin.
        ssh: prefix of a second command on the same machine; empty on the laptop.
        user: who the shell must be; empty for "whoever you are".
        base: where a relative ``in`` directory starts.
    """

    argv: tuple[str, ...]
    ssh: tuple[str, ...] = ()
    cwd: Path | None = None
    env: Mapping[str, str] | None = field(default=None, hash=False)
    user: str = ""
    base: str = "~"


def find_way(home: Home, place: Place) -> Way:
    """The way to a place.

    Raises:
        StackwalkError: there is no such machine, it is off, or the laptop has no bash.
    """
    return _laptop_way(home) if place.machine == LAPTOP else _machine_way(home, place)


def run_beside(way: Way, script: str) -> str:
    """Runs a few lines of sh beside the shell, as root on a machine; what it printed.

    Raises:
        Unreachable: the machine did not answer.
    """
    argv = ["sh", "-c", script]
    if way.ssh:
        argv = [*way.ssh, f"sudo -n sh -c {shlex.quote(script)}"]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BESIDE_LIMIT_S,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable("The machine does not answer.") from error
    if way.ssh and done.returncode == SSH_FAILED:
        raise Unreachable(f"The machine does not answer: {_last_line(done.stderr)}")
    return done.stdout


def explain(place: Place, exit_status: int, said: str) -> StackwalkError:
    """Why a shell did not open, from how its command ended and what that said."""
    safe = "Nothing was run."
    if exit_status == NO_SUCH_USER:
        return MachineError(
            f"{place.user} does not exist on {place.machine} yet.",
            safe=safe,
            next=f"make the user first (stackwalk next), or use %%on {place.machine} as vagrant",
        )
    if exit_status == SSH_FAILED:
        return Unreachable(
            f"{place.machine} cannot be reached: {_last_line(said) or 'ssh ended without a word'}",
            safe=safe,
            next=f"stackwalk rescue {place.machine}",
        )
    return MachineError(
        f"A session at {place} did not open: {_last_line(said) or f'exit {exit_status}'}",
        safe=safe,
        next="stackwalk machine status",
    )


def _laptop_way(home: Home) -> Way:
    if shutil.which("bash") is None:
        raise StackwalkError(
            "There is no bash on this computer, and laptop cells run in one.",
            safe="Nothing was run.",
            next="install bash, then run the cell again",
        )
    home.laptop.mkdir(parents=True, exist_ok=True)
    return Way(
        ("bash", "--noprofile", "--norc"),
        cwd=home.laptop,
        env=cell_environment(home),
        base=str(home.laptop),
    )


def _machine_way(home: Home, place: Place) -> Way:
    from stackwalk import machine  # asks vagrant's record; only when a machine is meant

    ssh = tuple(machine.ssh_command(home, place.machine))
    user = shlex.quote(place.user)
    script = (
        f"id -u {user} >/dev/null 2>&1 || exit {NO_SUCH_USER}; "
        f'if [ "$(id -un)" = {user} ]; then exec bash -l; fi; exec sudo -n -iu {user} bash'
    )
    return Way((*ssh, script), ssh=ssh, user=place.user)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
