"""A real machine under docker, in a home of its own beside the learner's, for a whole session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackwalk import machine
from stackwalk.home import Home
from stackwalk.machine import daemons
from stackwalk.machine.record import Record
from stackwalk.machine.room import is_free


@pytest.fixture(scope="session")
def empty_home() -> Iterator[Home]:
    """A home without machines, in a short folder: a socket's path may have 104 bytes."""
    settings = {"STACKWALK_PROVIDER": "docker", "STACKWALK_SLOT": str(find_slot())}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        root = Path(tempfile.mkdtemp(prefix="sw-"))
        patch.setenv("STACKWALK_HOME", str(root))
        home = Home(root)
        daemons.start(home, say=print)
        yield home
        for name in machine.machine_names():
            machine.destroy(home, name, say=print)
        daemons.stop(home)
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def up_home(empty_home: Home) -> Home:
    """The session's home; the machine may be in any state a test left it in."""
    machine.up(empty_home, say=print)
    return empty_home


@pytest.fixture
def machine_home(up_home: Home) -> Home:
    """The session's home with ``web`` running, whatever the test before did to it."""
    machine.up(up_home, say=print)
    return up_home


@pytest.fixture
def free_slot() -> int:
    return find_slot()


@pytest.fixture
def blank_home(empty_home: Home) -> Home:
    """The session's home with a ``web`` nobody touched yet; about ten seconds."""
    make_blank(empty_home)
    return empty_home


def make_blank(home: Home) -> None:
    machine.destroy(home, say=print)
    machine.up(home, say=print)


def find_slot() -> int:
    """The last place for a home that nobody uses; slot 0 stays the learner's."""
    for slot in range(7, 0, -1):
        if all(is_free(port) for port in Record("web", "docker", slot).ports.values()):
            return slot
    raise RuntimeError("all slots from 1 to 7 are in use: destroy a machine first")
