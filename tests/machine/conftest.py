"""A real machine under docker, in a home of its own beside the learner's, for a whole session."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from walking import Piece, free_slots

from stackwalk import machine
from stackwalk.commands import look
from stackwalk.connect import run_once
from stackwalk.home import Home
from stackwalk.machine import daemons


@pytest.fixture(scope="session", autouse=True)
def pieces(request: pytest.FixtureRequest) -> Iterator[dict[str, Piece]]:
    """The walks on containers that this session asks for, begun with its first machine test."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [call.params["piece"] for call in calls if call and "piece" in call.params]
    wanted = list(dict.fromkeys(asked))
    under_way: dict[str, Piece] = {}
    daemon_home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # they end with us
    try:
        if wanted:
            daemons.start(daemon_home, say=print)
        for name, slot in zip(wanted, free_slots(), strict=False):
            under_way[name] = Piece(name, slot)
        yield under_way
    finally:
        for piece in under_way.values():
            piece.stop()
        daemons.stop(daemon_home)
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(daemon_home.root)


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
def vm_home(free_slot: int) -> Iterator[Home]:
    """A home of its own under libvirt; a shorter root than tmp_path, for the sockets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACKWALK_PROVIDER", "libvirt")
        patch.setenv("STACKWALK_LIBVIRT_DRIVER", os.environ.get("STACKWALK_LIBVIRT_DRIVER", "qemu"))
        patch.setenv("STACKWALK_SLOT", str(free_slot))
        home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
        daemons.start(home, say=print)
        yield home
        machine.destroy(home, say=print)
        daemons.stop(home)
        shutil.rmtree(home.root)


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
    return free_slots()[-1]


@pytest.fixture
def met_home(machine_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The machine with the small course of ``tests/data`` met on it, and that remembered."""
    monkeypatch.setenv("STACKWALK_COURSE", str(Path(__file__).parents[1] / "data" / "course"))
    for file in machine_home.root.glob("progress.json*"):  # a copy would bring the last test's back
        file.unlink()
    machine_home.run_log.unlink(missing_ok=True)
    run_once(machine_home, "web", "echo 'Hello there' >/etc/greeting; chmod 644 /etc/greeting")
    assert look.check(machine_home).exit_code == 0
    return machine_home
