"""Ends a running cell's command where it runs, and leaves earlier background jobs alone."""

import os
import signal as signals
import time
from collections.abc import Collection

from stackwalk.errors import Unreachable
from stackwalk.way import Way, run_beside

LIST = "ps -A -o pid=,ppid=,pgid=,stat="
GRACE_S = 3.0  # what a command that tidies up on Ctrl-C (apt, a Python program) gets for it
PAUSE_S = 0.1


def end_command(way: Way, shell_pid: int, spared: Collection[int], *, signal: str = "INT") -> bool:
    """Ends a shell and what it runs: by a signal first, and by force after ``GRACE_S``.

    Args:
        spared: background jobs of earlier cells; they and their children go on.
        signal: ``INT`` is what Ctrl-C sends, ``HUP`` what closing a terminal sends.
    Returns:
        False when the machine did not answer, so that the command may still run there.
    """
    try:
        found = victims(run_beside(way, LIST), shell_pid, spared)
        others = found - {shell_pid}
        run_beside(way, f"{_kill('KILL', {shell_pid})}{_kill(signal, others)}")
        until = time.monotonic() + GRACE_S
        while left := _alive(run_beside(way, LIST), others):
            if time.monotonic() > until:
                run_beside(way, _kill("KILL", left))
                break
            time.sleep(PAUSE_S)
    except Unreachable:
        return False
    return True


def hang_up(group: int, *, only_look: bool = False) -> bool:
    """Tells a process group that its terminal is closed; whether it had any process left."""
    try:
        os.killpg(group, 0 if only_look else signals.SIGHUP)
    except ProcessLookupError:
        return False
    return True


def victims(processes: str, shell_pid: int, spared: Collection[int]) -> set[int]:
    """Whom Ctrl-C would have reached: the shell's group and its descendants.

    Args:
        processes: lines of ``pid ppid pgid stat``, such as ``  123   1  123 Ss``.
    """
    table = _read(processes)
    groups = {pid: group for pid, (_, group) in table.items()}
    if shell_pid not in groups:
        return set()
    parents = {pid: parent for pid, (parent, _) in table.items()}
    kept = _with_descendants(set(spared), parents)
    group = {pid for pid in groups if groups[pid] == groups[shell_pid]}
    return (group | _with_descendants({shell_pid}, parents)) - kept


def _read(processes: str) -> dict[int, tuple[int, int]]:
    """Parent and group of each process; the dead that nobody has collected yet are left out."""
    rows = [line.split() for line in processes.splitlines()]
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows if not row[3].startswith("Z")}


def _with_descendants(roots: set[int], parents: dict[int, int]) -> set[int]:
    found, new = set(roots), set(roots)
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _alive(processes: str, pids: set[int]) -> set[int]:
    return pids & set(_read(processes))


def _kill(signal: str, pids: Collection[int]) -> str:
    if not pids:
        return ""
    return f"kill -{signal} {' '.join(map(str, sorted(pids)))} 2>/dev/null; "
