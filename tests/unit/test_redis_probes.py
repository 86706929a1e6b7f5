"""What the look-ups of chapter 06 make of the answers of Redis; a server here is a few lines."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

QUESTIONS = [("FLUSHALL", "WRONG"), ("GET", "a")]


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("redis_probes")


@pytest.fixture
def talk(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("redis_talk")


def test_answers_of_both_servers_are_told_apart(probes: ModuleType) -> None:
    info = "# Memory\r\nmaxmemory:67108864\r\nmaxmemory_policy:noeviction\r\n"
    now = {"bare": "-NOAUTH x", "admitted": "OK", "info": info, "told": ["-NOPERM x", None]}
    then = {"bare": "PONG", "admitted": "-ERR no", "info": "-NOPERM", "told": ["OK", "b"]}
    seen = {"now": now, "then": then, "complaint": "", "open_users": {"ann": ["OK", None]}}

    read = probes.read_talk(json.dumps(seen), QUESTIONS)

    assert (read.now.is_open, read.now.is_opened) == (False, True)
    assert (read.then.is_open, read.then.is_opened) == (True, False)
    assert (read.now.info["maxmemory"], read.then.info) == ("67108864", {})
    assert read.now.told[QUESTIONS[0]] == "-NOPERM x"
    assert read.others["ann"][QUESTIONS[0]] == "OK"


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        pytest.param("-NOPERM User default has no permissions", True, id="by a rule"),
        pytest.param("-ERR unknown command 'FLUSHALL'", True, id="by its name"),
        pytest.param("-ERR DEBUG command not allowed. If", True, id="switched off"),
        pytest.param("-ERR syntax error", False, id="understood"),
        pytest.param("None", False, id="done"),
    ],
)
def test_refused_is_what_was_not_even_looked_at(
    probes: ModuleType, answer: str, refused: bool
) -> None:
    assert probes.is_refused(answer) is refused


def test_every_kind_of_answer_is_read(talk: ModuleType) -> None:
    near, far = socket.socketpair()
    answers = b"+PONG\r\n:3\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n+a\r\n:1\r\n*-1\r\n-ERR no\r\n"
    with near, far:
        threading.Thread(target=far.sendall, args=(answers,)).start()
        said = talk.Talk(near)

        assert said.ask("PING") == "PONG"
        assert [said.ask("GET", "ö") for _ in range(6)] == [
            3,
            "a\r\nbc",
            None,
            ["a", 1],
            None,
            "-ERR no",
        ]
        assert far.recv(100).startswith(b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xb6")


def test_users_without_a_password_are_found_in_every_file(talk: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("user ann on nopass ~* +@all\nuser bob off nopass\n")
    (tmp_path / "main.conf").write_text(
        f"# user carl on nopass\ninclude {tmp_path}/*ore.conf\nuser default on #00 +@all\n"
    )

    assert talk.open_users(str(tmp_path / "main.conf")) == ["ann"]


def test_last_words_are_those_of_the_fault(talk: ModuleType) -> None:
    log = (
        "2885:C 21 Nov 2026 16:38:43.041 * Redis is starting\n"
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.2) ***\nReading the file, at line 3\n"
        ">>> 'maxmemory 64 megabytes'\nwrong number of arguments\n"
    )

    said = talk.last_words(log)

    assert said.startswith("*** FATAL CONFIG FILE ERROR") and said.endswith("arguments")
