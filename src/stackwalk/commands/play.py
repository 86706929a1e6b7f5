"""``play``: the chapters by script. Ansible runs inside the machine, so any laptop can."""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

from stackwalk import machine
from stackwalk.commands.desk import find_chapter, find_task
from stackwalk.course import Chapter, Course
from stackwalk.errors import MachineError, StackwalkError, UsageError
from stackwalk.home import Home, find_clone
from stackwalk.laptop import laptop_environment
from stackwalk.load import load_course
from stackwalk.rolefile import read_role_file

FOLDER = "/root/.stackwalk-play"  # on the machine; gone when the play ends
INSTALL = (
    "command -v ansible-playbook >/dev/null || "
    "{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive "
    "apt-get -qq install --no-install-recommends ansible-core >/dev/null; }"
)
APT_IS_BUSY = re.compile(r"^E: .*(/var/lib/dpkg/lock|/var/lib/apt/lists|/var/cache/apt/archives)")
# A C locale makes Ansible refuse to start; colour codes have no place in a notebook.
RUN = (
    f"cd {FOLDER} && LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=False "
    "ANSIBLE_INVENTORY_UNPARSED_WARNING=False ANSIBLE_ROLES_PATH=roles "
    "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 "
    "ansible-playbook -i localhost, -c local -e @given.json play.yml"
)


def play(
    home: Home,
    names: Sequence[str],
    *,
    name: str,
    say: Callable[[str], None],
    ask: Callable[[str], str | None],
    out: Callable[[str], None],
) -> int:
    """Runs the roles of chapters, in order, on a machine; prints what Ansible prints.

    Args:
        names: chapters as ``02``, ``servers`` or ``02-servers``.
        ask: gives a secret for a question, or none where nobody can be asked.
    Returns:
        0, or Ansible's own exit status.
    Raises:
        UsageError: an unknown chapter, a missing file or secret.
        MachineError: the machine could not be reached, or Ansible could not be installed there.
    """
    course = load_course(find_clone())
    chapters = [_chapter(course, each) for each in names]
    given = read_laptop(home, chapters) | ask_secrets(chapters, ask)
    say("Handing the roles to the machine; Ansible is installed there if it is missing.")
    return run_roles(home, chapters, given, name=name, out=out)


def run_roles(
    home: Home,
    chapters: Sequence[Chapter],
    given: Mapping[str, str],
    *,
    name: str,
    out: Callable[[str], None],
) -> int:
    """Runs the roles on the machine; 0, or Ansible's own exit status."""
    archive = _archive(chapters, given)
    unpack = f"rm -rf {FOLDER} && mkdir -m 700 {FOLDER} && tar -xf - -C {FOLDER}"
    _remote(home, name, unpack, given=archive)
    try:
        _remote(home, name, INSTALL)
        return _stream(home, name, RUN, out)
    finally:
        _remote(home, name, f"rm -rf {FOLDER}")


def _chapter(course: Course, name: str) -> Chapter:
    chapter = find_chapter(course, name)
    if chapter is None:
        find_task(course, name)  # says what is near to it
        raise UsageError(f"{name} is a task; play takes chapters.", next="stackwalk play 02")
    return chapter


def read_laptop(home: Home, chapters: Sequence[Chapter]) -> dict[str, str]:
    """All that the roles want of the working folder, by variable."""
    outputs = {
        variable: _output(home, chapter, script)
        for chapter in chapters
        for variable, script in read_role_file(chapter).outputs.items()
    }
    return read_files(home, chapters) | outputs


def read_files(home: Home, chapters: Sequence[Chapter]) -> dict[str, str]:
    """The files of the working folder that the roles want, by variable."""
    return {
        variable: _file(home.laptop / path)
        for chapter in chapters
        for variable, path in read_role_file(chapter).files.items()
    }


def ask_secrets(chapters: Sequence[Chapter], ask: Callable[[str], str | None]) -> dict[str, str]:
    """The secrets the roles want, each asked for once."""
    wanted = [secret for chapter in chapters for secret in read_role_file(chapter).secrets]
    return {secret: _secret(secret, ask) for secret in dict.fromkeys(wanted)}


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        raise UsageError(
            f"The script needs {path.name} from your working folder, and {path} is not there.",
            safe="Nothing was changed on the machine.",
            next="make it as the chapter says, then play again",
        ) from None


def _output(home: Home, chapter: Chapter, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=home.laptop,
        env=laptop_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise UsageError(
            f"The script of chapter {chapter.number} asked your working folder for something, and "
            f"this failed: {script.strip()}: {said[-1] if said else f'exit {done.returncode}'}",
            safe="Nothing was changed on the machine.",
            next=f"do what chapter {chapter.number} asks for on the laptop, then play again",
        )
    return done.stdout


def _secret(name: str, ask: Callable[[str], str | None]) -> str:
    variable = f"STACKWALK_{name.upper()}"
    value = os.environ.get(variable) or _ask_twice(name.removesuffix("_password"), ask)
    if not value:
        raise UsageError(
            f"The script needs {name}, and there is no terminal to ask in.",
            safe="Nothing was changed on the machine.",
            next=f"run it in the terminal, or set {variable} there first",
        )
    return value


def _ask_twice(whose: str, ask: Callable[[str], str | None]) -> str | None:
    """A new password, typed unseen: a slip of the finger would lock its owner out of sudo."""
    question = f"Password for {whose}"
    given = ask(question)
    if given and ask(f"{question}, once more") != given:
        raise UsageError(
            "The two passwords differ.",
            safe="Nothing was changed on the machine.",
            next="the same command again",
        )
    return given


def _archive(chapters: Sequence[Chapter], given: Mapping[str, str]) -> bytes:
    """A tar of the roles, the play and what was given, owned by root, secrets unreadable."""
    play = [
        {
            "hosts": "localhost",
            "gather_facts": True,
            "roles": [chapter.slug for chapter in chapters],
        }
    ]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for chapter in chapters:
            tar.add(chapter.folder / "role", arcname=f"roles/{chapter.slug}")
        _add(tar, "play.yml", yaml.safe_dump(play))
        _add(tar, "given.json", json.dumps(dict(given)))
    return packed.getvalue()


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), 0o600
    tar.addfile(info, io.BytesIO(text.encode()))


def _argv(home: Home, name: str, command: str) -> list[str]:
    return [*machine.ssh_command(home, name), f"sudo -n sh -c '{command}'"]


def _remote(home: Home, name: str, command: str, *, given: bytes = b"") -> None:
    done = subprocess.run(_argv(home, name, command), input=given, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if any(APT_IS_BUSY.search(line) for line in said):
            raise MachineError(
                f"Something is still installing on {name}: an earlier run that was interrupted, "
                "most likely.",
                safe="Nothing of the chapter was changed. It ends by itself in a minute or two.",
                next="wait for it, then the same command again",
            )
        raise MachineError(
            f"{name} could not be prepared for the script: {said[-1] if said else 'no answer'}.",
            safe="Nothing of the chapter was changed.",
            next=f"stackwalk rescue {name}",
        )


def _stream(home: Home, name: str, command: str, out: Callable[[str], None]) -> int:
    with subprocess.Popen(
        _argv(home, name, command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            out(line.rstrip("\n"))
    if running.returncode == 255:
        raise StackwalkError(
            f"The connection to {name} was lost in the middle of the script.",
            safe="The roles can be run again; they change only what is not yet so.",
            next=f"stackwalk rescue {name}",
        )
    return running.returncode
