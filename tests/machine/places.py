"""Places for the tests' machines: ports and a network, for one holder at a time on a computer.

What a killed ``./test`` leaves stays: containers, networks, folders. Whoever is given its place
next removes it first, so that a killed run costs the next one nothing.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from stackwalk import machine
from stackwalk.home import CACHE, Home
from stackwalk.machine.record import Record
from stackwalk.machine.room import is_free

CLAIMS = CACHE / "test-slots"
SLOTS = range(7, 0, -1)  # 0 stays the learner's
FOR_WALKS = SLOTS[2:]  # the others stay for the tests beside them


@contextmanager
def claim_slot(
    home: Home, slots: Sequence[int] = SLOTS, *, again: Callable[[], bool] = lambda: False
) -> Iterator[int]:
    """A slot that nobody uses, for the machines of ``home``; the daemons must run.

    Args:
        again: asked when all are in use; pauses, and says whether to look once more.
    Raises:
        RuntimeError: all are in use.
    """
    CLAIMS.mkdir(parents=True, exist_ok=True)
    while True:
        for slot in slots:
            with _held(slot) as is_ours:
                if is_ours and _is_usable(slot):
                    holder = _holder(slot)
                    holder.write_text(str(home.root))
                    yield slot
                    holder.unlink()
                    return
        if not again():
            raise RuntimeError(f"the slots {[*slots]} are all in use: destroy a machine first")


@contextmanager
def _held(slot: int) -> Iterator[bool]:
    """Whether the slot's lock could be had; a process that dies lets go of it."""
    lock = FileLock(CLAIMS / f"{slot}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _is_usable(slot: int) -> bool:
    """The network of a home whose machine is off is still there, and its ports are free."""
    _sweep(_holder(slot))
    addresses = subprocess.run(["ip", "-o", "-4", "address"], capture_output=True, text=True).stdout
    return f" 192.168.{56 + slot}." not in addresses and all(
        is_free(port) for port in Record("web", "docker", slot).ports.values()
    )


def _sweep(holder: Path) -> None:
    """The lock was free and its last holder did not put away: it was killed."""
    if not holder.exists():
        return
    left = Home(Path(holder.read_text()))
    print(f"removing what a killed test run left: {left.root}")
    for name in machine.machine_names():
        machine.destroy(left, name, say=print)
    shutil.rmtree(left.root, ignore_errors=True)
    holder.unlink()


def _holder(slot: int) -> Path:
    return CLAIMS / f"{slot}.home"
