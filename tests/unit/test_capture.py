"""Captures are kept as written, and only what differs at each run is taken out of them."""

import json

import pytest
from nbformat import from_dict

from stackwalk.capture import (
    Captures,
    CellCapture,
    read_captures,
    source_sha,
    stale_cells,
    write_captures,
)
from stackwalk.normal import names_normalised, normalise
from stackwalk.problems import AuthorError


def cell(cell_id, source, kind="command"):
    about = {"stackwalk": {"kind": kind}}
    return {"id": cell_id, "cell_type": "code", "source": source, "metadata": about}


def test_captures_that_are_written_are_read_back(tmp_path):
    captures = Captures(
        {"date": "2026-11-21", "debian": "13.1"},
        {"b": CellCapture("s", "é\n", 1, "web · vagrant · ~"), "a": CellCapture("t", "")},
    )

    write_captures(tmp_path / "captures.json", captures)

    assert read_captures(tmp_path / "captures.json") == captures


def test_captures_in_another_order_are_the_same_bytes(tmp_path):
    one, two = CellCapture("s", "1"), CellCapture("t", "2")

    write_captures(tmp_path / "1", Captures({"a": "1", "b": "2"}, {"x": one, "y": two}))
    write_captures(tmp_path / "2", Captures({"b": "2", "a": "1"}, {"y": two, "x": one}))

    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_captures_of_a_chapter_never_walked_are_empty(tmp_path):
    assert read_captures(tmp_path / "captures.json") == Captures()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "cannot be read", id="not-json"),
        pytest.param("[]", "cannot be read", id="a-list"),
        pytest.param("{}", "cannot be read: 'format'", id="no-format"),
        pytest.param(json.dumps({"format": 2}), "this edition reads 1", id="later-format"),
        pytest.param(
            json.dumps({"format": 1, "recorded": {}, "cells": {"a": {"output": ""}}}),
            "unexpected keyword",
            id="unknown-key",
        ),
    ],
)
def test_captures_that_cannot_be_read_are_reported_with_their_file(tmp_path, text, message):
    path = tmp_path / "captures.json"
    path.write_text(text)

    with pytest.raises(AuthorError, match=message) as caught:
        read_captures(path)

    assert caught.value.problems[0].path == path


def test_cells_without_capture_or_with_another_source_are_stale():
    notebook = from_dict(
        {
            "cells": [
                cell("kept", "%%on laptop\nls"),
                cell("changed", "%%on laptop\npwd"),
                cell("new", "%%on laptop\nid"),
                cell("prose", "text", kind="prose"),
            ]
        }
    )
    cells = {
        "kept": CellCapture(source_sha("%%on laptop\nls"), ""),
        "changed": CellCapture(source_sha("%%on laptop\npwd -P"), ""),
    }

    assert stale_cells(notebook, Captures({}, cells)) == ["changed", "new"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\x1b[1;32mok\x1b[0m", "ok", id="colours"),
        pytest.param("10%\r50%\rdone\r\n", "done", id="overwritten"),
        pytest.param("2026-11-21T05:57:19.123456+00:00", "2026-01-01T12:00:00+00:00", id="iso"),
        pytest.param("backup-2026-11-21.tar", "backup-2026-01-01.tar", id="day"),
        pytest.param("Sat Nov 21 05:57:19 UTC 2027", "Thu Jan  1 12:00:00 UTC 2026", id="date"),
        pytest.param(
            "-rw-r--r-- 1 root root 5 Nov  2 05:57 motd",
            "-rw-r--r-- 1 root root 5 Jan  1 12:00 motd",
            id="ls",
        ),
        pytest.param(
            "Active: active (running) since Sat 2026-11-21 05:57:19 UTC; 1h 4min ago",
            "Active: active (running) since Thu 2026-01-01 12:00:00 UTC; 1min ago",
            id="systemctl",
        ),
        pytest.param("Main PID: 4711 (sshd)", "Main PID: 1000 (sshd)", id="main-pid"),
        pytest.param("sshd[71]: Accepted", "sshd[1000]: Accepted", id="journal"),
        pytest.param('users:(("sshd",pid=7,fd=3))', 'users:(("sshd",pid=1000,fd=3))', id="ss"),
        pytest.param("from 10.0.2.2 port 51234", "from 10.0.2.2 port 50000", id="port"),
        pytest.param("real\t0m1.234s", "real\t0m0.100s", id="time"),
        pytest.param(
            "Get:1 http://deb.debian.org x [5 kB]\nFetched 5 kB in 0s (9 kB/s)\nSetting up ufw",
            "Setting up ufw",
            id="apt",
        ),
        pytest.param(
            "Linux web 6.1.0-9-amd64 #1 SMP PREEMPT Debian x86_64",
            "Linux web 6.12.0 #1 SMP x86_64 GNU/Linux",
            id="kernel",
        ),
        pytest.param("/tmp/tmp.aB12cd34/x", "/tmp/tmp.XXXXXXXXXX/x", id="temporary"),
        pytest.param("     Memory: 3.4M (peak: 5M)", "     Memory: …", id="memory"),
    ],
)
def test_value_that_differs_at_each_run_is_normalised(text, expected):
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("256 SHA256:" + "aB3+/" * 8 + "abc web (ED25519)", id="fingerprint"),
        pytest.param("uid=1000(deployer) gid=1000(deployer) groups=1000(deployer)", id="id"),
        pytest.param("listening on 0.0.0.0:22 and 127.0.0.1:8000", id="ports"),
        pytest.param("permitrootlogin no", id="sshd"),
        pytest.param("-rw-r--r-- 1 root root 220", id="mode-and-size"),
        pytest.param("Debian GNU/Linux 13 (trixie)", id="release"),
        pytest.param("OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1 1 Jul 2025", id="versions"),
    ],
)
def test_value_that_teaches_is_left_alone(text):
    assert normalise(text) == text


def test_names_of_the_walk_are_shown_as_the_learners():
    assert normalise("/tmp/w/laptop", names={"/tmp/w": "~/stackwalk"}) == "~/stackwalk/laptop"


def test_list_of_what_is_normalised_names_each_once():
    names = names_normalised()

    assert len(names) == len(set(names))
    assert "dates and times" in names
