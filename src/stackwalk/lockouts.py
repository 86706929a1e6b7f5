"""Ways to be locked out of a machine, as data: how each is made, found, told and mended."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stackwalk.fields import Complaints, Fields
from stackwalk.problems import AuthorError, Problem
from stackwalk.shelltext import syntax_error

SCRIPTS = ("inflict", "look", "mend")
SENTENCES = ("says", "does")
KEYS = ("title", *SENTENCES, *SCRIPTS, "can")
SHARED = "shared.sh"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Lockout:
    """One cause of a shut machine; the scripts run on it as root, through the back door.

    Args:
        title: what is so, without a full stop: ``The firewall lets no ssh in``.
        says: what happened, one sentence for the learner.
        inflict: makes it so, for the tests and for a demonstration.
        look: changes nothing, prints one line of evidence and ends with 0 when this is a cause.
        does: what the mend will do, told before it is asked for: ``makes the line a comment.``
        mend: the smallest change that lets ssh in; prints what it ``kept`` and ``changed``.
        can: what the machine must be capable of, such as ``own_kernel``.
    """

    name: str
    title: str
    says: str
    inflict: str
    look: str
    does: str
    mend: str
    can: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lockouts:
    """All of them, and the functions their scripts share."""

    every: tuple[Lockout, ...]
    shared: str

    def named(self, name: str) -> Lockout:
        return next(lockout for lockout in self.every if lockout.name == name)


def load_lockouts(folder: Path) -> Lockouts:
    """The lock-outs in a folder, in the order of their names.

    Raises:
        AuthorError: with every problem of the files.
    """
    lockouts, problems = read_lockouts(folder, folder.parents[1])
    if problems:
        raise AuthorError(problems)
    return lockouts


def read_lockouts(folder: Path, root: Path) -> tuple[Lockouts, list[Problem]]:
    """The lock-outs as far as they can be read, and all that does not fit; paths from ``root``."""
    problems: list[Problem] = []
    every = []
    for path in sorted(folder.glob("*")):
        shown = path.relative_to(root)
        if path.suffix == ".yaml" and NAME.fullmatch(path.stem):
            every.append(_read(path, Complaints(shown, problems)))
        elif path.name != SHARED:
            fix = "call it `what-happened.yaml`, or remove it"
            problems.append(Problem(shown, 1, "not a lock-out", fix))
    shared = folder / SHARED
    if every and not shared.exists():
        problems.append(Problem(shared.relative_to(root), 1, "it is missing", "write it"))
    text = shared.read_text(encoding="utf-8") if shared.exists() else ""
    return Lockouts(tuple(every), text), problems


def _read(path: Path, complaints: Complaints) -> Lockout:
    yaml = complaints.read_yaml(path.read_text(encoding="utf-8"), line=1)
    fields = Fields(yaml, complaints)
    fields.only(KEYS, "a key of a lock-out")
    texts = {key: _text(fields, key) for key in KEYS if key != "can"}
    complaints.found += _odd(fields, complaints.path, texts)
    return Lockout(path.stem, **texts, can=fields.texts("can"))


def _text(fields: Fields, key: str) -> str:
    value = fields.yaml.fields.get(key)
    if isinstance(value, str) and value.strip():
        return value.rstrip("\n")
    if not fields.yaml.problems:
        line = fields.yaml.lines.get(key, 1)
        fields.complaints.add(line, f"`{key}` is missing", f"add `{key}: …`")
    return ""


def _odd(fields: Fields, path: Path, texts: dict[str, str]) -> Iterator[Problem]:
    lines = fields.yaml.lines
    if texts["title"].endswith("."):
        yield Problem(path, lines["title"], "`title` ends with a full stop", "leave it out")
    for key in SENTENCES:
        if texts[key] and (not texts[key].endswith(".") or ". " in texts[key]):
            fix = "end it with a full stop"
            yield Problem(path, lines[key], f"`{key}` is not one sentence", fix)
    for key in SCRIPTS:
        if said := syntax_error(texts[key]):
            yield Problem(path, lines[key], f"`{key}` is not sh: {said}", "try it with `sh -n`")
