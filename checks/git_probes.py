"""Look-ups in repositories, on the machine and on the laptop. They read and never change.

Only ``try_pushes`` does more: on a copy of the machine that is thrown away, see ``push_trial.py``.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testinfra.host import Host

from probes import PublicKey, read_public_keys
from stackwalk.verdict import CheckBroken
from system_probes import run_beside

TRIAL = Path(__file__).with_name("push_trial.py")
# Root may look into deployer's repository: no hook and no program of its configuration is run.
AS_ROOT = "git -c safe.directory='*' -c core.fsmonitor=false"
PRIVATE = r"^-----BEGIN [A-Z ]*PRIVATE KEY-----"

# What a release says of itself and what lies on the disk, a line for each difference.
COMPARE = r"""
import hashlib, os, subprocess, sys
bare, tag, code = sys.argv[1:]
git = ["git", "-c", "safe.directory=*", "--git-dir", bare]
listed = subprocess.run([*git, "ls-tree", "-rz", tag], capture_output=True, check=True).stdout
wanted = {}
for entry in listed.decode().split("\0")[:-1]:
    facts, path = entry.split("\t", 1)
    wanted[path] = facts.split()[2]
found = {}
for folder, folders, files in os.walk(code):
    folders[:] = [name for name in folders if name != "__pycache__"]
    for name in files:
        path = os.path.join(folder, name)
        text = os.readlink(path).encode() if os.path.islink(path) else open(path, "rb").read()
        blob = hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest()
        found[os.path.relpath(path, code)] = blob
found.pop("RELEASE", None)
for path in sorted(wanted):
    if found.get(path) != wanted[path]:
        print("changed" if path in found else "missing", path)
for path in sorted(found.keys() - wanted.keys()):
    print("extra", path)
"""

FIND_KEYS = r"""
import re, subprocess, sys
words = ["cat-file", "--batch-all-objects", "--unordered", "--batch"]
git = ["git", "-c", "safe.directory=*", "--git-dir", sys.argv[1], *words]
with subprocess.Popen(git, stdout=subprocess.PIPE) as every:
    while head := every.stdout.readline().split():
        text = every.stdout.read(int(head[2]) + 1)
        key = re.search(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----", text, re.MULTILINE)
        if head[1] == b"blob" and key:
            print(head[0].decode())
sys.exit(every.returncode)
"""


@dataclass(frozen=True)
class Differences:
    """Paths in which the disk and a tag differ."""

    changed: tuple[str, ...]  # missing ones among them
    extra: tuple[str, ...]


def read_differences(text: str) -> Differences:
    """Lines such as ``changed postcards/health.py``, ``missing README.md``, ``extra .git/HEAD``."""
    rows = [line.partition(" ")[::2] for line in text.splitlines() if " " in line]
    changed = tuple(path for kind, path in rows if kind in ("changed", "missing"))
    return Differences(changed, tuple(path for kind, path in rows if kind == "extra"))


def compare(web: Host, bare: str, tag: str, code: str) -> Differences:
    """What lies in ``code`` and what the tag holds; ``RELEASE`` and bytecode are left out.

    Raises:
        CheckBroken: the tag could not be read.
    """
    done = web.run("python3 -c %s %s %s %s", COMPARE, bare, tag, code)
    if done.rc != 0:
        raise CheckBroken(f"{tag} could not be compared: {done.stderr.strip()[-200:]}")
    return read_differences(done.stdout)


def git(host: Host, folder: str, words: str, *values: str) -> str | None:
    """What a git command prints in a repository, bare or not; none where it fails."""
    done = host.run(f"LC_ALL=C {AS_ROOT} -C %s {words}", folder, *values)
    return str(done.stdout).strip() if done.rc == 0 else None


def refs(host: Host, folder: str, *patterns: str) -> dict[str, str]:
    """``{"refs/heads/main": "3f2a…"}``: each ref, and the commit it leads to."""
    form = "%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    listed = git(host, folder, f"for-each-ref --format=%s {shlex.join(patterns)}", form) or ""
    pairs = [line.split(" ") for line in listed.splitlines()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def tracked(host: Host, folder: str, ref: str) -> list[str]:
    """The paths of all files in one state."""
    return (git(host, folder, "ls-tree -r --name-only -z %s", ref) or "").split("\0")[:-1]


def ignored_code(host: Host, folder: str, below: str) -> list[str]:
    """Files of an app that lie on the disk and that a pattern keeps out of the repository."""
    words = "ls-files --others --ignored --exclude-standard -z -- %s"
    listed = (git(host, folder, words, below) or "").split("\0")[:-1]
    return [path for path in listed if path.endswith((".py", ".html", ".css", ".js", ".svg"))]


def ignored_in_a_clone(host: Host, folder: str, paths: Sequence[str]) -> list[str]:
    """The paths that a clone of ``main`` leaves alone; lists of this computer alone do not count.

    Raises:
        CheckBroken: it could not be cloned.
    """
    done = host.run(
        "scratch=$(mktemp -d) && trap 'rm -rf \"$scratch\"' EXIT && "
        'git -c core.hooksPath=/dev/null clone -q --template= -b main %s "$scratch/clone" && '
        '{ git -C "$scratch/clone" -c core.excludesFile=/dev/null check-ignore --no-index '
        f"{shlex.join(paths)} || [ $? -eq 1 ]; }}  # now",
        folder,
    )
    if done.rc != 0:
        raise CheckBroken(f"{folder} could not be cloned: {done.stderr.strip()[-200:]}")
    return str(done.stdout).splitlines()


def ever_tracked(host: Host, folder: str) -> set[str]:
    """The paths of all files in any commit that a branch or a tag leads to."""
    words = "log --branches --tags --format= --name-only -z --no-renames --root -m"
    return set((git(host, folder, words) or "").replace("\n", "").split("\0")) - {""}


def has_commit(host: Host, folder: str, commit: str) -> bool:
    return git(host, folder, "cat-file -e %s", f"{commit}^{{commit}}") is not None


def private_keys(web: Host, folder: str) -> list[str]:
    """The numbers of all objects that hold a private key, whether a name leads to them or not."""
    done = web.run("python3 -c %s %s", FIND_KEYS, folder)
    if done.rc != 0:
        raise CheckBroken(f"{folder} could not be searched: {done.stderr.strip()[-200:]}")
    return str(done.stdout).split()


def commits_with_private_key(host: Host, folder: str) -> list[str]:
    """The commits, of branches and tags, with which a private key came or went; newest first."""
    words = "log --branches --tags --root -m --text --format=%%h -G %s"
    return (git(host, folder, words, PRIVATE) or "").split()


def untracked_private_keys(host: Host, folder: str) -> list[str]:
    """Files with a private key that git knows nothing of and would take."""
    listed = (git(host, folder, "ls-files -z --others --exclude-standard") or "").split("\0")[:-1]
    if not listed:
        return []
    paths = shlex.join(f"{folder}/{path}" for path in listed)
    found = host.run(f"grep -lE -e %s {paths.replace('%', '%%')}", PRIVATE).stdout.splitlines()
    return [path.removeprefix(f"{folder}/") for path in found]


def reaching(host: Host, folder: str, blobs: list[str], *patterns: str) -> dict[str, bool]:
    """The refs whose history holds one of the blobs; true where their newest state does."""
    found = {}
    for ref in refs(host, folder, *patterns):
        objects = git(host, folder, "rev-list --objects --no-object-names %s", ref) or ""
        if set(blobs) & set(objects.split()):
            newest = git(host, folder, "ls-tree -r %s", ref) or ""
            found[ref] = any(blob in newest for blob in blobs)
    return found


def leaked_key(laptop: Host) -> PublicKey | None:
    """The key of which Ann's mail tells; none for who never got the mail."""
    text = laptop.run("cat -- mail-from-ann.txt").stdout
    return next(read_public_keys(text), None)


def try_pushes(web: Host, *names: str) -> dict[str, dict[str, Any]]:
    """What became of each push of ``push_trial.py``.

    Raises:
        CheckBroken: the copy of the machine could not be made, or a push could not be prepared.
    """
    script = TRIAL.read_text(encoding="utf-8")
    said = run_beside(web, shlex.join(["python3", "-c", script, *names])).stdout
    try:
        seen: dict[str, Any] = json.loads(said)
    except ValueError:
        raise CheckBroken(f"no push was tried: {said[-300:]}") from None
    if "error" in seen:
        raise CheckBroken(f"a push could not be tried: {seen['error']}")
    return seen


def told(said: str) -> str:
    """What a hook told the pusher, without ``remote:``; else why git refused; else nothing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    from_hook = [line.removeprefix("remote:").strip() for line in lines if line[:7] == "remote:"]
    rejected = [line for line in lines if re.match(r"! |error: |fatal: ", line)]
    return "; ".join([each for each in from_hook if each][-3:] or rejected[:2])
