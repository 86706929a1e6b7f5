"""Tries pushes on the machine and throws away what they did; runs there, as root.

The machine's disk becomes the lower layer of an overlay whose upper one is in memory. Everything
is in namespaces of this process (mounts, network, processes): a hook may write where it likes,
restart what it likes and leave behind what it likes; nothing of it reaches the machine, and
nothing stays. What the hooks are given is what a real push by deployer gives them.

usage: push_trial.py TRIAL…     the names are those in TRIALS
Prints one JSON object: what became of each.
"""

import ctypes
import hashlib
import json
import os
import pwd
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

USER = "deployer"
BARE = Path("/srv/git/postcards.git")
CODE = Path("/srv/postcards/code")
CLONE = Path("/tmp/push-trial")  # on the overlay, as everything is
LAYERS = Path("/mnt")  # in Debian on every machine; what is mounted there is ours alone
LIMIT_S = 60  # one push; hooks that wait for somebody are given up
CREATED, MOVED_IN, IS_FOLDER = 0x100, 0x80, 0x40000000  # sys/inotify.h
COMMITTER = "trial <trial@localhost> 1700000000 +0000"  # always the same commits
Seen = dict[str, object]


def on_an_overlay(act: Callable[[], Seen]) -> Seen:
    """Runs ``act`` in a child that sees the machine's disk and cannot change it."""
    # Any Python from 3.12 on has unshare; the machine's is 3.13.
    os.unshare(os.CLONE_NEWNS | os.CLONE_NEWNET | os.CLONE_NEWPID)  # type: ignore[attr-defined]
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter_overlay()
            become_deployer()
            seen = act()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other side has to hear it
            seen = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(there, "w") as out:
            json.dump(seen, out)
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as answer:
        told: Seen = json.load(answer)
    os.waitpid(child, 0)
    return told


def enter_overlay() -> None:
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(LAYERS))
    for name in ("upper", "work", "root"):
        (LAYERS / name).mkdir()
    layers = f"lowerdir=/,upperdir={LAYERS}/upper,workdir={LAYERS}/work"
    run("mount", "-t", "overlay", "-o", layers, "overlay", f"{LAYERS}/root")
    run("mount", "--rbind", "/dev", f"{LAYERS}/root/dev")
    run("mount", "-t", "proc", "proc", f"{LAYERS}/root/proc")
    os.chroot(LAYERS / "root")
    os.chdir("/")
    os.umask(0o022)


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words[:3])}: {done.stderr.strip()}")
    return done.stdout.strip()


# -- as deployer --------------------------------------------------------------------------------


def become_deployer() -> None:
    """What a login gives; from here on nobody is root, and nobody is asked anything."""
    account = pwd.getpwnam(USER)
    os.initgroups(USER, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.clear()
    os.environ |= {"HOME": account.pw_dir, "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
    os.environ |= {"USER": USER, "LOGNAME": USER, "GIT_TERMINAL_PROMPT": "0"}


def git(*words: str, given: str | None = None) -> str:
    """A command in the clone.

    Raises:
        RuntimeError: it failed; a push, which may, is done by ``push``.
    """
    done = subprocess.run(
        ["git", *words], input=given, capture_output=True, text=True, cwd=CLONE, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {words[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def start() -> None:
    """A clone as a laptop has one, with a branch or a tag for everything that will be pushed."""
    CLONE.mkdir()
    git("clone", "-q", "--no-hardlinks", str(BARE), ".")
    tree = git("rev-parse", "origin/main^{tree}")
    git("fast-import", "--quiet", given="".join(history(tree)))


def history(tree: str) -> list[str]:
    """The language of git-fast-import(1); each piece begins at a state that is named before."""
    broken, main = "def broken(:\n", "refs/remotes/origin/main^0"
    shadows = dict.fromkeys(("compileall.py", "py_compile.py", "ast.py"), "raise SystemExit(0)\n")
    new = {"trial-new.txt": "new\n", "README.md": "changed\n"}
    return [
        commit("broken", main, {"postcards/health.py": broken}),
        commit("deep", main, {"postcards/views/trial.py": broken}),
        commit("factory", main, {"postcards/__init__.py": "# create_app went\nmake_app = None\n"}),
        commit("shadow", main, {**shadows, "postcards/views/trial.py": broken}),
        commit("good", main, {"trial.txt": "good\n"}),
        commit("better", "refs/heads/good", {"trial.txt": "better\n"}),
        commit("worse", "refs/heads/good", {"postcards/views/trial.py": broken}),
        commit("next", "refs/heads/better", new, "D requirements-test.txt\n"),
        commit("anew", "", {}, f'M 040000 {tree} ""\n'),
        tag("v99.1", "broken"),
        tag("v99.2", "worse"),
        tag("v99.3", "next"),
    ]


def commit(branch: str, start: str, files: dict[str, str], more: str = "") -> str:
    begin = f"commit refs/heads/{branch}\ncommitter {COMMITTER}\n{data('Trial')}"
    begin += f"from {start}\n" if start else ""
    return begin + "".join(f"M 100644 inline {p}\n{data(t)}" for p, t in files.items()) + more


def tag(name: str, branch: str) -> str:
    return f"tag {name}\nfrom refs/heads/{branch}\ntagger {COMMITTER}\n{data('Trial')}"


def data(text: str) -> str:
    return f"data {len(text)}\n{text}\n"


def push(look: str, *refs: str) -> Seen:
    """What one push did to the ref ``look`` and to the running code, and what the pusher read."""
    code, street = fingerprint(), watch(CODE.parent)
    done = subprocess.run(
        ["git", "push", "--porcelain", "origin", *refs],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=CLONE,
        timeout=LIMIT_S,
        check=False,
    )
    # A line for each ref: `!\trefs/heads/good:refs/heads/main\t[rejected] (…)` (git-push(1)).
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    flags = [row[0] for row in rows if len(row) == 3 and row[1].rpartition(":")[2] == look]
    return {
        "taken": bool(flags) and flags[0] in (" ", "+", "-", "*"),
        "said": f"{done.stderr}\n{done.stdout}".strip()[-2000:],
        "code_kept": fingerprint() == code,
        "arrived_whole": arrived_whole(street, CODE.name),
    }


def watch(folder: Path) -> int:
    """Begins to note what gets a name in the folder; -1 where it is not there (inotify(7))."""
    libc = ctypes.CDLL(None)
    street: int = libc.inotify_init1(os.O_NONBLOCK)
    seen = libc.inotify_add_watch(street, os.fsencode(folder), CREATED | MOVED_IN)
    return street if seen >= 0 else -1


def arrived_whole(street: int, name: str) -> bool:
    """Whether the name came last to something complete: a folder by its new name, or a link."""
    whole = False
    try:
        events = os.read(street, 1 << 20)
    except OSError:  # nothing happened, or there is no folder
        return False
    while events:
        _, mask, _, length = struct.unpack_from("iIII", events)
        if events[16 : 16 + length].rstrip(b"\0") == os.fsencode(name):
            whole = bool(mask & MOVED_IN) or not mask & IS_FOLDER
        events = events[16 + length :]
    os.close(street)
    return whole


def fingerprint() -> str:
    """One word for all files of the code and what is in them."""
    whole = hashlib.sha256()
    for path in sorted(CODE.resolve().rglob("*")):
        if path.is_file() and os.access(path, os.R_OK):
            whole.update(f"{path}\0".encode() + path.read_bytes())
    return whole.hexdigest()


# -- the trials ---------------------------------------------------------------------------------

MAIN = "refs/heads/main"
# What is looked at afterwards, then what is pushed. In this order: what is taken moves main on.
TRIALS = {
    "broken": (MAIN, "broken:refs/heads/main"),
    "deep": (MAIN, "deep:refs/heads/main"),  # two folders down, in a file that is new
    "factory": (MAIN, "factory:refs/heads/main"),  # compiles, and cannot start
    "shadow": (MAIN, "shadow:refs/heads/main"),  # broken, with modules in place of Python's own
    "tagged": ("refs/tags/v99.1", "v99.1"),  # broken, and on no branch
    "second": ("refs/tags/v99.2", "good:refs/heads/main", "v99.2"),  # the first of them is good
    "rewrite": (MAIN, "+anew:refs/heads/main"),
    "moved": ("refs/tags/RELEASE", "+good:refs/tags/RELEASE"),
    "deleted": ("refs/tags/RELEASE", ":refs/tags/RELEASE"),
    "good": (MAIN, "better:refs/heads/main"),
    "side": ("refs/heads/trial-side", "good:refs/heads/trial-side"),
    "side_rewrite": ("refs/heads/trial-side", "+anew:refs/heads/trial-side"),
    "side_removed": ("refs/heads/trial-side", ":refs/heads/trial-side"),
    "release": ("refs/tags/v99.3", "v99.3"),  # one file more, one fewer, one changed
}


def seen_of_release() -> Seen:
    readme = CODE / "README.md"
    return {
        "named": read(CODE / "RELEASE").strip()[:100],
        "new": (CODE / "trial-new.txt").exists(),
        "old": (CODE / "requirements-test.txt").exists(),
        "changed": read(readme) == "changed\n",
        "open": CODE.exists() and all(map(is_open, (CODE.resolve(), *CODE.resolve().rglob("*")))),
    }


def is_open(path: Path) -> bool:
    """Whether everybody may read it, and enter it where it is a folder."""
    needed = 0o005 if path.is_dir() else 0o004
    return path.is_symlink() or path.stat().st_mode & needed == needed


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def main(*names: str) -> None:
    def act() -> Seen:
        start()
        release = git("tag", "--list", "v[0-9]*", "--merged", "origin/main").split("\n")[0]
        seen: Seen = {}
        for name, words in TRIALS.items():
            if name in names:
                seen[name] = push(*(word.replace("RELEASE", release or "v1.0") for word in words))
        return seen | {"after": seen_of_release()}

    print(json.dumps(on_an_overlay(act)))


if __name__ == "__main__":
    main(*sys.argv[1:])
