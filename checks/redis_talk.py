"""Talks to Redis as the app does, and to the Redis that a restart would give. Runs on the machine.

Every question is of a form that changes nothing even where it is allowed: a word too many, a key
that does not exist, a value that is no number. Permission is asked before any of this is looked at.

The second server is the same program, as the same account, with the same configuration file, at
a socket in a folder of its own, without data; it lives for the talk. What it refuses is what is
refused after the next restart, and where it does not start, the real one would not either.

usage: redis_talk.py PASSWORD_FILE QUESTIONS   (a JSON list of lists of words)
Prints one JSON object; an error is a text with a minus before it, as Redis sends it.
"""

import contextlib
import glob
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PORT = 6379
POLL_S = 0.05
GIVE_UP_S = 8.0  # an emulated machine starts a server within three
CONFIG = "/etc/redis/redis.conf"
SERVERS = ("redis-server", "valkey-server")


class Talk:
    """One connection, in the language of Redis (RESP2)."""

    def __init__(self, call: socket.socket) -> None:
        self._lines = call.makefile("rwb")

    def ask(self, *words: str) -> object:
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            data = word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._lines.write(b"".join(parts))
        self._lines.flush()
        return self._read()

    def _read(self) -> object:
        line = self._lines.readline().rstrip(b"\r\n").decode(errors="replace")
        kind, rest = line[:1], line[1:]
        if kind == ":":
            return int(rest)
        if kind == "$":
            return self._bulk(int(rest))
        if kind == "*":
            return None if rest == "-1" else [self._read() for _ in range(int(rest))]
        return rest if kind == "+" else line or "-hung up"

    def _bulk(self, length: int) -> str | None:
        if length < 0:
            return None
        return self._lines.read(length + 2)[:-2].decode(errors="replace")


@contextlib.contextmanager
def connect(path: str = "") -> Iterator[Talk]:
    """To the port, or to a socket in the file system."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as call:
        call.settimeout(GIVE_UP_S)
        call.connect(path or ("127.0.0.1", PORT))
        yield Talk(call)


def interview(password: str, questions: list[list[str]], path: str = "") -> dict[str, object]:
    """What a server says to somebody without a password, and to somebody with it."""
    with connect(path) as talk:
        bare = talk.ask("PING")
    with connect(path) as talk:
        admitted = talk.ask("AUTH", password) if password else bare
        info = talk.ask("INFO")
        told = [talk.ask(*words) for words in questions]
    return {"bare": bare, "admitted": admitted, "info": info, "told": told}


# -- the server's process and files -------------------------------------------------------------


def find_process() -> tuple[str, str] | None:
    """The program that runs, and its account; none where none does."""
    for exe in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            # In Debian all of its programs are one file, which goes by the name it is called by.
            program = re.sub(r"-check-rdb$", "-server", os.readlink(exe))
            if program.endswith(SERVERS):
                return program, pwd.getpwuid(exe.parent.stat().st_uid).pw_name
    return None


def config_path(info: object) -> str:
    """The file that the running server was started with, as far as it says so."""
    found = re.search(r"^config_file:(.*?)\r?$", str(info), re.M)
    return found[1] if found else CONFIG


def config_files(path: str) -> Iterator[str]:
    """The file, what it includes, and its list of users."""
    with contextlib.suppress(OSError):
        text = Path(path).read_text(errors="replace")
        yield path
        for pattern in re.findall(r"^\s*(?:include|aclfile)\s+[\"']?([^\"'\s]+)", text, re.M):
            for name in sorted(glob.glob(pattern)):
                yield from config_files(name)


def open_users(path: str) -> list[str]:
    """Names of users that anybody may take: ``user NAME on nopass …``."""
    names = []
    for name in config_files(path):
        for line in Path(name).read_text(errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["user"] and {"on", "nopass"} <= set(words[2:]):
                names.append(words[1])
    return names


def try_users(names: list[str], questions: list[list[str]]) -> dict[str, list[object]]:
    told = {}
    for name in names:
        with connect() as talk:
            if not str(talk.ask("AUTH", name, "stackwalk")).startswith("-"):
                told[name] = [talk.ask(*words) for words in questions]
    return told


# -- the server that a restart would give -------------------------------------------------------


@contextlib.contextmanager
def shadow(program: str, account: str, path: str) -> Iterator[tuple[str, str]]:
    """Its socket, or nothing and its last words where it did not start."""
    user = pwd.getpwnam(account)
    folder = tempfile.mkdtemp(prefix="redis-talk-")
    os.chown(folder, user.pw_uid, user.pw_gid)
    door = f"{folder}/s"
    options = {"port": "0", "unixsocket": door, "dir": folder, "pidfile": f"{folder}/pid"}
    options |= {"save": "", "appendonly": "no", "daemonize": "no", "supervised": "no"}
    options |= {"logfile": ""}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    who = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    command = [*who, program, *([path] if path else []), *words]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            until = time.monotonic() + GIVE_UP_S
            while not is_up(door) and server.poll() is None and time.monotonic() < until:
                time.sleep(POLL_S)
            if is_up(door):
                yield door, ""
            else:
                log.seek(0)
                yield "", last_words(log.read().decode(errors="replace"))
        finally:
            server.terminate()
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)


def is_up(door: str) -> bool:
    with contextlib.suppress(OSError), connect(door):
        return True
    return False


def last_words(text: str) -> str:
    """The lines with which it went, without time and process: ``FATAL CONFIG FILE ERROR …``."""
    lines = [re.sub(r"^\d+:\w .*? [#*.-] ", "", line) for line in text.splitlines()]
    fatal = [n for n, line in enumerate(lines) if re.search(r"FATAL|Error|Can't", line)]
    return " ".join(lines[fatal[0] :] if fatal else lines[-1:])


def main(password_file: str, asked: str) -> None:
    questions: list[list[str]] = json.loads(asked)
    try:
        password = Path(password_file).read_text().strip()
    except OSError:
        password = ""
    result: dict[str, object] = {"now": None, "open_users": {}}
    path = CONFIG
    with contextlib.suppress(OSError):
        now = interview(password, questions)
        result["now"] = now
        path = config_path(now["info"])
        result["open_users"] = try_users(open_users(path), questions)
    program, account = find_process() or (shutil.which("redis-server") or SERVERS[1], "redis")
    with shadow(program, account, path) as (door, complaint):
        result["then"] = interview(password, questions, door) if door else None
        result["complaint"] = complaint
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
