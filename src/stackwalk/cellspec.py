"""The first line of a typed cell: where it runs, or which file it writes. Pure."""

import re
import shlex
from dataclasses import dataclass
from difflib import get_close_matches

from stackwalk.course import Place
from stackwalk.errors import UsageError

LAPTOP = "laptop"
NAME = re.compile(r"[a-z_][a-z0-9_-]*\Z")
MODE = re.compile(r"0?[0-7]{3,4}\Z")
ON_FORM = "%%on web as deployer in ~   or   %%on laptop"
HAZARD_FORM = "%%on web as root in ~ undo='ufw disable' within=60"
WRITE_FORM = "%%write web as root /etc/motd   or   %%write laptop notes.txt"


@dataclass(frozen=True)
class OnCell:
    """``%%on web as deployer in /etc limit=300``; ``directory`` is None without ``in``.

    ``undo='ufw disable' within=60`` makes it a hazard cell: the command takes its change back.
    """

    place: Place
    directory: str | None = None
    limit_s: int | None = None
    undo: str = ""
    within_s: int | None = None


@dataclass(frozen=True)
class WriteCell:
    """``%%write web as root /etc/motd mode=0644``; ``mode`` is None where the line has none."""

    place: Place
    path: str
    mode: str | None = None


def parse_first_line(line: str) -> OnCell | WriteCell | None:
    """What a cell's first line asks for; None for a line that is neither ``%%on`` nor ``%%write``.

    Raises:
        UsageError: the line begins as one of ours and then does not fit.
    """
    magic, _, rest = line.strip().partition(" ")
    if magic == "%%on":
        return parse_on(rest)
    if magic == "%%write":
        return parse_write(rest)
    return None


def parse_on(rest: str) -> OnCell:
    """The words after ``%%on``."""
    words, options = _split(rest, known=("limit", "undo", "within"), form=ON_FORM)
    place = _take_place(words, ON_FORM)
    directory = None
    if words and words[0] == "in":
        if len(words) < 2:
            raise UsageError("`in` is not followed by a directory.", next=f"write: {ON_FORM}")
        directory = words[1]
        del words[:2]
    if words:
        raise UsageError(f"`{words[0]}` does not fit in this line.", next=f"write: {ON_FORM}")
    limit_s, within_s = (_seconds(options, name) for name in ("limit", "within"))
    undo = options.get("undo", "").strip()
    if "undo" in options and (not undo or place.machine == LAPTOP):
        said = "is empty" if not undo else "needs a machine, and this is the laptop"
        raise UsageError(f"`undo` {said}.", next=f"write: {HAZARD_FORM}")
    if within_s is not None and not undo:
        raise UsageError(
            "`within` without `undo`: nothing would be taken back.", next=f"write: {HAZARD_FORM}"
        )
    return OnCell(place, directory, limit_s, undo, within_s)


def parse_write(rest: str) -> WriteCell:
    """The words after ``%%write``."""
    words, options = _split(rest, known=("mode",), form=WRITE_FORM)
    place = _take_place(words, WRITE_FORM)
    if len(words) != 1:
        said = f"{len(words)} paths" if words else "no path"
        raise UsageError(f"This line names {said}; one is needed.", next=f"write: {WRITE_FORM}")
    if words[0].endswith("/"):
        raise UsageError(
            f"`{words[0]}` is a directory; name the file.", next=f"write: {WRITE_FORM}"
        )
    mode = options.get("mode")
    if mode is not None and not MODE.match(mode):
        raise UsageError(f"`mode={mode}` is not a mode.", next="write it as in mode=0644")
    return WriteCell(place, words[0], mode)


def _split(rest: str, *, known: tuple[str, ...], form: str) -> tuple[list[str], dict[str, str]]:
    """The words of a line, and its ``name=value`` options taken out of them."""
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"This line has an open quote: {rest}", next=f"write: {form}") from error
    named = [word for word in words if word.partition("=")[0] in known and "=" in word]
    options = {name: value for name, _, value in (word.partition("=") for word in named)}
    return [word for word in words if word not in named], options


def _take_place(words: list[str], form: str) -> Place:
    """Removes ``laptop`` or ``web as deployer`` from the front of the words."""
    if not words:
        raise UsageError("This line does not say where.", next=f"write: {form}")
    machine = words.pop(0)
    if machine == LAPTOP:
        if words[:1] == ["as"]:
            raise UsageError("The laptop has one user: you; leave `as` out.", next=f"write: {form}")
        return Place(LAPTOP)
    if not NAME.match(machine):
        raise UsageError(f"`{machine}` is not the name of a machine.", next=f"write: {form}")
    if machine != LAPTOP and get_close_matches(machine, [LAPTOP], cutoff=0.7):
        raise UsageError(f"There is no machine called {machine}.", next=f"did you mean {LAPTOP}?")
    if words[:1] != ["as"] or len(words) < 2:
        raise UsageError(
            f"This line does not say as whom on {machine}.",
            next=f"add, such as: {machine} as vagrant",
        )
    user = words[1]
    if not NAME.match(user):
        raise UsageError(f"`{user}` is not the name of a user.", next=f"write: {form}")
    del words[:2]
    return Place(machine, user)


def _seconds(options: dict[str, str], name: str) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise UsageError(
            f"`{name}={value}` is not a number of seconds.", next=f"write it as in {name}=300"
        )
    return int(value)
