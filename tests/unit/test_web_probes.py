"""What the look-ups of chapter 04 make of the texts that curl and dig print."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("web_probes")


def test_answer_with_two_headers_of_one_name_keeps_both(probes: ModuleType) -> None:
    text = (
        "HTTP/1.1 404 Not Found\r\nVary: Accept\r\nvary: Origin\r\n\r\n<h1>Not  here</h1>\n\nmore"
    )

    answer = probes.read_answer(text)

    assert (answer.status, answer.header("vary")) == (404, "Accept, Origin")
    assert answer.body.endswith("\n\nmore")
    assert str(answer) == '404 with "Not here more"'


def test_answer_that_is_no_http_has_no_status(probes: ModuleType) -> None:
    assert probes.read_answer("SSH-2.0-OpenSSH_10.0\n").status == 0


def test_reply_with_an_alias_gives_both_records(probes: ModuleType) -> None:
    text = (
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n"
        ";; flags: qr aa; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1\n"
        "www.app.test.\t300\tIN\tCNAME\tapp.test.\n"
        "app.test.\t\t300\tIN\tA\t192.0.2.10\n"
    )

    reply = probes.read_reply(text)

    assert (reply.status, reply.is_authoritative) == ("NOERROR", True)
    assert (reply.values("CNAME"), reply.values("A")) == (["app.test."], ["192.0.2.10"])


def test_reply_of_nobody_is_empty(probes: ModuleType) -> None:
    reply = probes.read_reply(";; communications error to 127.0.0.1#53: connection refused\n")

    assert (reply.status, reply.records) == ("", ())


def test_only_the_address_that_status_shows_is_in_the_course_network(probes: ModuleType) -> None:
    addresses = ["172.17.0.6", "192.168.61.10", "192.168.121.7", "fd00::6"]

    assert probes.in_course_network(addresses) == ["192.168.61.10"]


@pytest.mark.parametrize(
    "said",
    [
        'nginx: [emerg] unknown directive "root_" in /etc/nginx/sites-enabled/app:5\n'
        "nginx: configuration file /etc/nginx/nginx.conf test failed\n",
        "2026/11/21 10:55:11 [warn] 77#77: something else\n"
        '2026/11/21 10:55:11 [emerg] 77#77: unknown directive "root_" in '
        "/etc/nginx/sites-enabled/app:5\n",
    ],
)
def test_complaint_is_the_line_that_names_the_place(probes: ModuleType, said: str) -> None:
    assert probes.first_complaint(said) == (
        'unknown directive "root_" in /etc/nginx/sites-enabled/app:5'
    )


def test_complaint_without_words_is_still_one(probes: ModuleType) -> None:
    assert probes.first_complaint("\n")
