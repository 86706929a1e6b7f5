"""The packaged vagrant: found, its version known, called through python-vagrant."""

import logging
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from stackwalk.errors import MachineError
from stackwalk.home import CACHE, Home
from stackwalk.machine.libvirt import box_name
from stackwalk.machine.record import VAGRANT_FOLDER, Record, home_tag, kept_key

MINIMUM = (2, 3, 4)  # Debian 12's
PLACES = ("/opt/vagrant/bin", "/usr/local/bin", "/usr/bin", r"C:\Program Files\Vagrant\bin")
RUBY_SETTINGS = ("RUBYOPT", "RUBYLIB", "BUNDLE_", "GEM_", "RBENV_", "RVM_")
ORPHAN_S = 20  # how long vagrant may take to clean up after itself


def find_vagrant() -> Path:
    """The packaged vagrant, not one of a Ruby gem.

    Raises:
        MachineError: none found, or older than ``MINIMUM``.
    """
    found = shutil.which("vagrant") or shutil.which("vagrant", path=os.pathsep.join(PLACES))
    if found is None:
        raise MachineError(
            "Vagrant is not installed, and it is what starts the course's machine.",
            safe="Nothing was changed.",
            next="./start installs it on Debian and Ubuntu (sudo apt-get install vagrant); "
            "elsewhere: https://developer.hashicorp.com/vagrant/install",
        )
    version = vagrant_version(Path(found))
    if version < MINIMUM:
        raise MachineError(
            f"Vagrant at {found} is {_dotted(version)}; the course needs {_dotted(MINIMUM)}.",
            safe="Nothing was changed.",
            next="install a newer one: https://developer.hashicorp.com/vagrant/install",
        )
    return Path(found)


def vagrant_version(vagrant: Path) -> tuple[int, ...]:
    """``vagrant --version`` as numbers; it says ``Vagrant 2.3.4`` or ``Vagrant 2.3.8.dev``."""
    done = subprocess.run(
        [str(vagrant), "--version"], capture_output=True, text=True, env=clean_environment()
    )
    match = re.search(r"Vagrant (\d+)\.(\d+)\.(\d+)", done.stdout)
    if match is None:
        raise MachineError(
            f"{vagrant} --version answered {(done.stdout + done.stderr).strip()[:200]!r}.",
            safe="Nothing was changed.",
            next="reinstall Vagrant: https://developer.hashicorp.com/vagrant/install",
        )
    return tuple(int(part) for part in match.groups())


def clean_environment() -> dict[str, str]:
    """Our environment without a developer's Ruby settings, which break the packaged vagrant."""
    return {key: value for key, value in os.environ.items() if not key.startswith(RUBY_SETTINGS)}


def run_up(
    home: Home,
    record: Record,
    say: Callable[[str], None],
    made_from: Mapping[str, str] | None = None,
) -> None:
    """``vagrant up``; ``made_from`` is what the Vagrantfile must know of a snapshot."""
    box = _vagrant(home, record, made_from)
    _call(
        home,
        record,
        f"start {record.name}",
        lambda: _tell(home, box.up(vm_name=record.name, stream_output=True), say),
    )


def run_halt(home: Home, record: Record) -> None:
    box = _vagrant(home, record)
    _call(home, record, f"stop {record.name}", lambda: box.halt(vm_name=record.name))


def run_destroy(home: Home, record: Record) -> None:
    box = _vagrant(home, record)
    _call(home, record, f"remove {record.name}", lambda: box.destroy(vm_name=record.name))


def stop_orphans(home: Home, say: Callable[[str], None]) -> None:
    """End a vagrant that outlived the command that started it; call it with the home locked.

    Vagrant cleans up at the first SIGINT and leaves at the second.
    """
    for _ in range(2):
        orphans = _find_orphans(home)
        if not orphans:
            return
        say("an earlier command was killed and its vagrant still runs; ending it")
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + ORPHAN_S
        while _find_orphans(home) and time.monotonic() < deadline:
            time.sleep(0.3)


def ask_ssh_settings(home: Home, record: Record) -> dict[str, str]:
    """What ``vagrant ssh-config`` says: ``HostName``, ``Port``, ``User``, ``IdentityFile``."""
    box = _vagrant(home, record)
    answer: dict[str, str] = _call(
        home, record, f"tell the way into {record.name}", lambda: box.conf(vm_name=record.name)
    )
    return answer


def scan_host_keys(record: Record) -> list[str]:
    """The machine's public host keys at first sight, where there is no way but the network."""
    done = subprocess.run(
        ["ssh-keyscan", "-T", "20", "-p", str(record.ssh_port), record.ssh_host],
        capture_output=True,
        text=True,
    )
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    return [" ".join(words[1:3]) for words in lines if len(words) >= 3]


def _vagrant(home: Home, record: Record, made_from: Mapping[str, str] | None = None) -> Any:
    # Any: python-vagrant has no types. It warns through logging when vagrant is not on PATH,
    # which ours may rightly not be.
    logging.getLogger("vagrant").addHandler(logging.NullHandler())
    import vagrant

    home.vagrant.mkdir(parents=True, exist_ok=True)
    environment = clean_environment() | {
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_DOTFILE_PATH": str(_dotfile(home)),
        "VAGRANT_DEFAULT_PROVIDER": record.provider,
        "STACKWALK_TAG": home_tag(home),
        "STACKWALK_SLOT": str(record.slot),
        "STACKWALK_DOCKER_NETWORK": f"stackwalk-{home_tag(home)}",
        "STACKWALK_LIBVIRT_DRIVER": "qemu" if record.emulated else "kvm",
        "STACKWALK_BOX": box_name() if record.provider == "libvirt" else "",
        "STACKWALK_KEY": str(key) if (key := kept_key(home, record.name)).exists() else "",
        **(made_from or {}),
    }

    @contextmanager
    def log() -> Any:
        with _log(home).open("a") as file:
            yield file

    make: Any = vagrant.Vagrant
    box = make(root=str(VAGRANT_FOLDER), env=environment, out_cm=log, err_cm=log)
    box._vagrant_exe = str(find_vagrant())  # else it looks on PATH only
    return box


def _call(home: Home, record: Record, what: str, call: Callable[[], Any]) -> Any:
    """What vagrant answers; its own words become our error."""
    start = _log(home).stat().st_size if _log(home).exists() else 0
    try:
        with _turn(record):
            return call()
    except subprocess.CalledProcessError as error:
        said = _log(home).read_bytes()[start:].decode(errors="replace")
        raise _failed(home, what, said) from error


@contextmanager
def _turn(record: Record) -> Iterator[None]:
    """Vagrant's docker provider gives up where another vagrant makes a network at the moment."""
    if record.provider != "docker":
        yield
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "vagrant-docker.lock"):
        yield


def _find_orphans(home: Home) -> list[int]:
    """Processes ``… vagrant up web`` that carry this home's dotfile path in their environment."""
    ours = f"VAGRANT_DOTFILE_PATH={_dotfile(home)}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")[:2]
            if any(Path(word.decode()).name == "vagrant" for word in words) and (
                ours in (folder / "environ").read_bytes().split(b"\0")
            ):
                found.append(int(folder.name))
        except (OSError, UnicodeDecodeError):
            continue
    return found


def _failed(home: Home, what: str, said: str) -> MachineError:
    news = ("==>", "    ", "Bringing machine")  # what went well; the reason comes without these
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(news)]
    return MachineError(
        f"Vagrant could not {what}: {' '.join(lines)[:400] or 'it gave no reason'}",
        safe="Your notebooks and progress are as they were.",
        next=f"./start --check-only; all that Vagrant said is in {_log(home)}",
    )


def _tell(home: Home, lines: Iterable[str], say: Callable[[str], None]) -> None:
    """Pass on vagrant's headlines (``==> web: Starting container...``); all goes to its log."""
    for line in lines:
        with _log(home).open("a") as log:
            log.write(line)
        if line.startswith("==> ") and ":  -- " not in line:
            say(line.removeprefix("==> ").strip())


def _dotfile(home: Home) -> Path:
    return home.vagrant / "dotfile"


def _log(home: Home) -> Path:
    return home.vagrant / "vagrant.log"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
