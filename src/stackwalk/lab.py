"""Opens JupyterLab for a learner, once for a home, and ends it without a trace."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from stackwalk import labconfig, machine
from stackwalk.errors import StackwalkError
from stackwalk.home import Home

START_LIMIT_S = 90  # a cold disk and a loaded machine; warm it takes two or three
STOP_LIMIT_S = 20
ANSWER_LIMIT_S = 5
PAUSE_S = 0.1
LOG_TAIL = 5
Say = Callable[[str], None]


@dataclass(frozen=True)
class Lab:
    """A running server, from the file it writes about itself."""

    pid: int
    url: str  # http://127.0.0.1:8888/
    token: str

    @property
    def address(self) -> str:
        """What to open in a browser; holds the token."""
        return f"{self.url}lab/workspaces/{labconfig.WORKSPACE}?token={self.token}"


def start_lab(home: Home, *, chapter: str, open_browser: bool, say: Say) -> int:
    """Opens the lab at a chapter and stays until it is closed; Ctrl-C closes it.

    Args:
        chapter: such as ``01-introduction``; its notebook is at the left.
    Returns:
        0, also when the lab of this home was open already.
    Raises:
        StackwalkError: the server did not come up.
    """
    running = find_lab(home)
    if running is not None:
        say("The lab is open already.")
        _show_address(running, open_browser=open_browser, say=say)
        return 0
    home.laptop.mkdir(parents=True, exist_ok=True)
    home.notebooks.mkdir(parents=True, exist_ok=True)
    labconfig.write_config(home, chapter=chapter, token=secrets.token_hex(24))
    with _signals_as_interrupt():
        server = _launch(home)
        try:
            lab = _wait_until_up(home, server)
            _show_address(lab, open_browser=open_browser, say=say)
            say("Ctrl-C here closes it; your notebooks are saved as you work.")
            server.wait()
            say("The lab is closed.")
        except KeyboardInterrupt:
            say("Closing the lab…")
            stop_server(server)
            say("The lab is closed." + _about_machine(home))
        finally:
            stop_server(server)
    return 0


def _about_machine(home: Home) -> str:
    if machine.status(home, "web").state != "running":
        return ""
    return " Your machine runs on: stackwalk machine halt switches it off."


def find_lab(home: Home) -> Lab | None:
    """The running lab of this home; what a killed server left behind is removed."""
    for path in sorted((labconfig.folder(home) / "runtime").glob("jpserver-*.json")):
        lab = _read(path)
        if lab is not None and _answers(lab):
            return lab
        if lab is None or not _is_alive(lab.pid):
            path.unlink(missing_ok=True)
    return None


def stop_server(server: "subprocess.Popen[bytes]") -> None:
    """Ends a server with its kernels and terminals; by force only when it does not end."""
    if server.poll() is not None:
        return
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_LIMIT_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _launch(home: Home) -> "subprocess.Popen[bytes]":
    log = _log_file(home)
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterlab"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=home.root,
            env=labconfig.lab_environment(home),
            start_new_session=True,  # Ctrl-C is for us; the server would ask "Shut down (y/[n])?"
        )


def _wait_until_up(home: Home, server: "subprocess.Popen[bytes]") -> Lab:
    path = labconfig.folder(home) / "runtime" / f"jpserver-{server.pid}.json"
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and server.poll() is None:
        lab = _read(path)
        if lab is not None and _answers(lab):
            return lab
        time.sleep(PAUSE_S)
    how = "ended at once" if server.poll() is not None else f"was silent for {START_LIMIT_S} s"
    last = _log_file(home).read_text(errors="replace").strip().splitlines()[-LOG_TAIL:]
    raise StackwalkError(
        "\n".join([f"JupyterLab did not come up; it {how}:", *(f"    {line}" for line in last)]),
        safe="Your notebooks and your machine are as they were.",
        next=f"read {_log_file(home)}, then start again",
    )


def _show_address(lab: Lab, *, open_browser: bool, say: Say) -> None:
    opened = open_browser and _has_display() and webbrowser.open(lab.address)
    say("The lab is open in your browser; its address:" if opened else "Open this in a browser:")
    say(f"\n    {lab.address}\n")


def _has_display() -> bool:
    """Without one, Python would open a text browser in this very terminal."""
    if sys.platform == "darwin":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))


def _read(path: Path) -> Lab | None:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        return Lab(int(info["pid"]), str(info["url"]), str(info["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _answers(lab: Lab) -> bool:
    """Whether a server is there and is this one: it knows the token."""
    request = urllib.request.Request(
        f"{lab.url}api/status", headers={"Authorization": f"token {lab.token}"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by way of a proxy
    try:
        with direct.open(request, timeout=ANSWER_LIMIT_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _log_file(home: Home) -> Path:
    return labconfig.folder(home) / "lab.log"


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """A closed terminal or a ``kill`` ends the lab as Ctrl-C does, with nothing left over."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
