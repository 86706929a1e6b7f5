"""A real machine under docker, in a home of its own beside the learner's, for a whole session."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from places import claim_slot
from walking import Piece, Walks

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
    daemon_home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # they end with us
    if wanted:
        daemons.start(daemon_home, say=print)
    walks = Walks(wanted)
    try:
        yield walks.pieces
    finally:
        walks.stop()
        daemons.stop(daemon_home)
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(daemon_home.root)


@pytest.fixture(scope="session")
def empty_home() -> Iterator[Home]:
    """A home without machines."""
    with fresh_home({"STACKWALK_PROVIDER": "docker"}) as home:
        yield home


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
def vm_home() -> Iterator[Home]:
    """A home of its own under libvirt."""
    driver = os.environ.get("STACKWALK_LIBVIRT_DRIVER", "qemu")
    settings = {"STACKWALK_PROVIDER": "libvirt", "STACKWALK_LIBVIRT_DRIVER": driver}
    with fresh_home(settings) as home:
        yield home


@contextmanager
def fresh_home(settings: Mapping[str, str]) -> Iterator[Home]:
    """A home in a short folder, as a socket's path may have 104 bytes; nothing of it stays."""
    home = Home(Path(tempfile.mkdtemp(prefix="sw-")))
    daemons.start(home, say=print)
    with claim_slot(home) as slot, pytest.MonkeyPatch.context() as patch:
        place = {"STACKWALK_HOME": str(home.root), "STACKWALK_SLOT": str(slot)}
        for name, value in {**settings, **place}.items():
            patch.setenv(name, value)
        yield home
        for name in machine.machine_names():
            machine.destroy(home, name, say=print)
    daemons.stop(home)
    shutil.rmtree(home.root)


@pytest.fixture
def blank_home(empty_home: Home) -> Home:
    """The session's home with a ``web`` nobody touched yet; about ten seconds."""
    machine.destroy(empty_home, say=print)
    machine.up(empty_home, say=print)
    return empty_home


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
