"""What chapter 01's checks make of the texts a learner may write."""

import pytest

import test_introduction as checks
from stackwalk.verdict import Unmet

ROAD = ["client", "internet", "server", "WSGI", "framework"]


class Laptop:
    """A laptop on which every file holds the text given."""

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, command: str, *_: str) -> "Laptop":
        return self

    @property
    def stdout(self) -> str:
        return self.text

    rc = 0


def judge(*lines: str) -> str:
    try:
        checks.test_hops_in_order(Laptop("\n".join(lines)))
    except Unmet as unmet:
        return unmet.saw
    return "met"


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        pytest.param(ROAD, "met", id="five"),
        pytest.param(["# The road", "", *ROAD], "met", id="headline"),
        pytest.param(["The road:", *ROAD], "met", id="headline-with-a-colon"),
        pytest.param([*ROAD[:3], "nginx", *ROAD[3:]], "met", id="web-server-between"),
        pytest.param([*ROAD, "database"], "met", id="helper-after-the-framework"),
        pytest.param([*ROAD[:4], "Flask, asks the database"], "met", id="helper-on-its-line"),
        pytest.param([*ROAD, "banana"], "no_hop", id="no-hop"),
        pytest.param(["client", "moon", *ROAD[1:]], "no_hop", id="no-hop-between"),
        pytest.param(["database -> client", *ROAD], "other_order", id="helper-first"),
        pytest.param(["client", "server", "internet", *ROAD[3:]], "other_order", id="swapped"),
    ],
)
def test_every_line_is_on_the_road(lines: list[str], seen: str) -> None:
    assert judge(*lines) == seen


def test_what_was_found_keeps_two_lines_apart() -> None:
    assert checks._by_line("sshd\n22\n") == 'line 1 "sshd", line 2 "22"'
    assert checks._by_line("sshd\n") == "sshd"


def test_pattern_in_place_of_names_is_told_back() -> None:
    assert checks._strange_files("assets: static/*, logo.svg") == "; not one of the six: static/*"
