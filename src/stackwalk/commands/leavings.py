"""What earlier chapters left in the working folder: the learner's is kept, the rest is made."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from stackwalk import machine
from stackwalk.course import Chapter
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.laptop import laptop_environment
from stackwalk.rolefile import Leaving, read_role_file

LIMIT_S = 60


def make_missing(home: Home, chapter: Chapter, *, say: Callable[[str], None]) -> None:
    """Makes the files that a chapter leaves and that are not there; touches no other.

    Raises:
        StackwalkError: a file could not be made.
    """
    home.laptop.mkdir(parents=True, exist_ok=True)
    for leaving in read_role_file(chapter).leavings:
        if leaving.file and not (home.laptop / leaving.file).exists():
            _make(home, chapter, leaving)
            say(f"made laptop/{leaving.file}, as chapter {chapter.number} does")


def make_known(home: Home, chapter: Chapter, *, say: Callable[[str], None]) -> None:
    """Lets the learner's own ssh know the machines that are new since; says what it changed."""
    for leaving in read_role_file(chapter).leavings:
        if leaving.host_key:
            _make_known(home, leaving.host_key, say)


def can_make(chapters: Sequence[Chapter]) -> set[str]:
    """The files of the working folder that the chapters can make."""
    return {each.file for chapter in chapters for each in read_role_file(chapter).leavings}


def _make(home: Home, chapter: Chapter, leaving: Leaving) -> None:
    done = _run(home, "bash", "-euc", leaving.script)
    if done.returncode != 0 or not (home.laptop / leaving.file).exists():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise StackwalkError(
            f"{leaving.file}, which chapter {chapter.number} leaves in your working folder, could "
            f"not be made: {said[-1] if said else 'it is not there'}",
            safe="Nothing of yours was overwritten.",
            next=f"make it in {home.laptop} as the chapter says, then type the command again",
        )


def _make_known(home: Home, name: str, say: Callable[[str], None]) -> None:
    """The file and the name in it are those that the learner's ``ssh_config`` leads to."""
    settings = _client_settings(home, name)
    alias = settings.get("hostkeyalias") or f"[{settings.get('hostname')}]:{settings.get('port')}"
    file = home.laptop / Path(settings.get("userknownhostsfile", "").split(" ")[0]).expanduser()
    if not file.resolve().is_relative_to(home.laptop.resolve()) or file == home.laptop:
        say(f"your ssh_config keeps host keys outside the working folder: {file} was left alone")
        return
    found = machine.host_keys(home, name)
    known = _known(home, alias, file)
    if known and known <= set(found.keys):
        return
    _replace(home, alias, file, found.keys)
    change = "replaced by" if known else "made with"
    source = "read past ssh" if found.past_ssh else "as they were at first sight over the network"
    say(f"{name} has new host keys: the entry {alias} in {file.name} was {change} them, {source}")
    _compare_port(home, name, settings, say)


def _compare_port(
    home: Home, name: str, settings: dict[str, str], say: Callable[[str], None]
) -> None:
    now = machine.status(home, name)
    goes_to = settings.get("hostname"), settings.get("port")
    if goes_to != (now.ssh_host, str(now.ssh_port)):
        say(
            f"your ssh_config goes to {goes_to[0]} port {goes_to[1]}, and {name} answers on "
            f"{now.ssh_host} port {now.ssh_port}: put that into it"
        )


def _replace(home: Home, alias: str, file: Path, keys: Sequence[str]) -> None:
    if file.exists():
        _run(home, "ssh-keygen", "-R", alias, "-f", str(file))  # finds hashed names too
    with file.open("a", encoding="utf-8") as text:
        text.writelines(f"{alias} {key}\n" for key in keys)


def _known(home: Home, alias: str, file: Path) -> set[str]:
    """The keys (``ssh-ed25519 AAAA…``) that stand under a name."""
    listed = _run(home, "ssh-keygen", "-F", alias, "-f", str(file)).stdout.splitlines()
    return {" ".join(line.split()[1:3]) for line in listed if line and not line.startswith("#")}


def _client_settings(home: Home, name: str) -> dict[str, str]:
    """What the learner's ssh understood; the first value of each setting."""
    done = _run(home, "ssh", "-G", "-F", "ssh_config", name)
    if done.returncode != 0:
        raise StackwalkError(
            f"ssh cannot read your ssh_config: {done.stderr.strip().splitlines()[0]}",
            safe="It was not changed.",
            next=f"mend the line it names, in {home.laptop}, then type the command again",
        )
    pairs = [line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]
    return {key: value for key, value in reversed(pairs)}


def _run(home: Home, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words,
        cwd=home.laptop,
        env=laptop_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
