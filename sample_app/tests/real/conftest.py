"""The app as it runs on a server: gunicorn, a worker, PostgreSQL and Redis, all private."""

import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from redis import Redis
from servers import LIMIT_S, Postgres, RedisServer, free_socket, kill_all, wait_for

APP = Path(__file__).parents[2]


class Stack:
    """One site: its database, its folders, its processes."""

    def __init__(
        self, postgres: Postgres, redis: RedisServer, folder: Path, *, template: str = "template1"
    ) -> None:
        self.postgres, self.redis, self.folder = postgres, redis, folder
        self.database = f"site_{uuid4().hex[:8]}"
        postgres.admin(f"CREATE DATABASE {self.database} OWNER postcards TEMPLATE {template}")
        self.media = folder / "media"
        self.media.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "FLASK_APP": "postcards",
            "SECRET_KEY": uuid4().hex,
            "DATABASE_URL": postgres.url(self.database),
            "REDIS_URL": redis.url,
            "MEDIA_FOLDER": str(self.media),
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.socket = free_socket()
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def flask(self, *words: str) -> str:
        """A command of the app, which must go well; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            env=self.environ,
            cwd=APP,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_app(self, workers: int = 2) -> "subprocess.Popen[bytes]":
        bind = f"fd://{self.socket.fileno()}"
        command = ["gunicorn", "--bind", bind, "--workers", str(workers), "postcards:create_app()"]
        return self._start("app", command, pass_fds=[self.socket.fileno()])

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return self._start("worker", ["flask", "worker"])

    def _start(
        self, name: str, command: list[str], pass_fds: list[int] | None = None
    ) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environ,
                cwd=APP,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds or [],
                process_group=0,
            )
        self.processes.append(process)
        return process

    def log(self, name: str) -> list[str]:
        return (self.folder / f"{name}.log").read_text().splitlines()

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> "Answer":
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=LIMIT_S)
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())

    def leave_card(self, picture: bytes | None = None, *, once: str | None = None) -> "Answer":
        """Open the form and send it, as a browser does."""
        form = self.ask("/new")
        fields = dict(re.findall(r'name="(csrf_token|once)"[^>]*value="([^"]*)"', form.text))
        fields |= {"name": "Ada", "text": "Words"} | ({"once": once} if once else {})
        part = 'Content-Disposition: form-data; name="{}"'
        parts = [f"{part.format(name)}\r\n\r\n{value}".encode() for name, value in fields.items()]
        if picture is not None:
            head = f'{part.format("picture")}; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
            parts.append(head.encode() + picture)
        body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
        cookie = form.headers["Set-Cookie"].partition(";")[0]
        about = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": cookie}
        return self.ask("/new", "POST", body, about)

    def select(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.environ["DATABASE_URL"]) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def states(self) -> list[object]:
        return [state for (state,) in self.select("SELECT state FROM pictures ORDER BY id")]

    def let_time_pass(self) -> None:
        """Every errand's lease or pause is over."""
        self.select("UPDATE errands SET due_at = due_at - interval '1 hour'")

    def stop(self) -> None:
        for process in self.processes:
            kill_all(process)
        self.socket.close()
        if not self.redis.answers():
            self.redis.start()
        with Redis.from_url(self.redis.url) as client:
            client.flushall()
        if not self.postgres.answers():
            self.postgres.start()
        self.postgres.admin(f"DROP DATABASE {self.database} WITH (FORCE)")


class Answer:
    """What the app answered, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode(errors="replace")
        response.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def migrated(postgres, redis, tmp_path_factory) -> Iterator[str]:
    """A database that all migrations were run on, to be copied."""
    stack = Stack(postgres, redis, tmp_path_factory.mktemp("migrated"))
    stack.flask("db", "upgrade")
    yield stack.database
    stack.stop()


@pytest.fixture
def stack(postgres, redis, migrated) -> Iterator[Stack]:
    """A site with its tables and nothing running yet."""
    folder = Path(tempfile.mkdtemp(prefix="pc-site-"))
    stack = Stack(postgres, redis, folder, template=migrated)
    yield stack
    stack.stop()
    shutil.rmtree(folder)


@pytest.fixture
def site(stack) -> Stack:
    """A site that answers; its worker is not started."""
    stack.start_app()
    wait_for(lambda: stack.ask("/ready").status == 200, "the app is not ready")
    return stack
