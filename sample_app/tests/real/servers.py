"""Private, throw-away PostgreSQL and Redis: no port, an unprivileged user, nothing left behind."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError

LIMIT_S = 60
MISSING = "{} is not installed; on Debian: apt-get install postgresql redis-tools chromium"
PASSWORD = "k2Vq9sXw"


def wait_for(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, f"waited {LIMIT_S} s: {what}"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # it has ended
        return []


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """With its children: a worker's own child, which does the job, leaves the process group."""
    everybody = [process.pid, *children(process.pid)]
    for pid in everybody:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(LIMIT_S)


def unprivileged() -> str | None:
    """Whom the servers run as where we are root, whom PostgreSQL refuses; None: as we are."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """A process in a folder of its own below /tmp, whose path is short enough for a socket."""

    def __init__(self) -> None:
        self.user = unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="pc-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str | Path], **options: object) -> "subprocess.Popen[bytes]":
        """Start a process as the user, in the folder, its words in ``log``."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(  # type: ignore[call-overload]
                command, cwd=self.folder, stdout=log, stderr=log, user=self.user, **options
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(LIMIT_S)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)

    def log(self) -> str:
        return (self.folder / "log").read_text()


class Postgres(Server):
    """A cluster with a role ``postcards`` that owns its databases and may do nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.programs = self._find()
        initdb = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        made = self.run([self.programs / "initdb", "--pgdata=data", "--locale=C", *initdb])
        assert made.wait(LIMIT_S) == 0, self.log()
        self.start()
        self.admin(f"CREATE ROLE postcards LOGIN PASSWORD '{PASSWORD}'")

    @staticmethod
    def _find() -> Path:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
        if not found and (program := shutil.which("initdb")):
            found = [Path(program).parent]
        assert found, MISSING.format("PostgreSQL")
        return found[-1]

    def start(self) -> None:
        quiet = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}"]
        self.process = self.run([self.programs / "postgres", "-D", "data", *quiet])
        wait_for(self.answers, "PostgreSQL does not answer")

    def answers(self) -> bool:
        try:
            self.admin("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def admin(self, statement: str) -> None:
        about = f"host={self.folder} user=postgres dbname=postgres"
        with psycopg.connect(about, autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str) -> str:
        return f"postgresql://postcards:{PASSWORD}@/{database}?host={self.folder}"

    def kill(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, with recovery at the next start; its children go with it."""
        super().kill(number)


class RedisServer(Server):
    """Redis with a password, which writes nothing down: what is killed is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.socket = self.folder / "redis.sock"
        self.start()

    @property
    def url(self) -> str:
        return f"unix://:{PASSWORD}@{self.socket}"

    def start(self) -> None:
        # One program under several names; redis-tools brings it without a service.
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        assert program, MISSING.format("Redis")
        settings = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "777"]
        settings += ["--requirepass", PASSWORD, "--save", "", "--dir", str(self.folder)]
        self.process = self.run(["redis-server", *settings], executable=program)
        wait_for(self.answers, "Redis does not answer")

    def answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False


def free_socket() -> socket.socket:
    """A listening socket on the loopback, at a port that nobody else has."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    listening.set_inheritable(True)
    return listening
