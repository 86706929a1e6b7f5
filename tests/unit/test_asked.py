"""What was asked the last time: kept, merged, and worth nothing where it cannot be read."""

import pytest

from stackwalk.asked import MOST, load_asked, merge_asked, save_asked
from stackwalk.home import Home

NOBODY: frozenset[str] = frozenset()


def test_lists_are_kept(home: Home) -> None:
    save_asked(home, "web", {"one": ["id -un", "date"]})

    assert load_asked(home, "web") == {"one": ["id -un", "date"]}


@pytest.mark.parametrize("text", ["", "[]", '{"one": 3}', "\xff"])
def test_lists_that_cannot_be_read_are_no_lists(home: Home, text: str) -> None:
    home.engine.mkdir(parents=True)
    (home.engine / "asked-web.json").write_text(text, encoding="latin-1")

    assert load_asked(home, "web") == {}


def test_a_met_check_keeps_what_it_asked_and_no_more() -> None:
    merged = merge_asked({"one": ["old", "both"]}, {"one": ["both", "new"]}, frozenset({"one"}))

    assert merged == {"one": ["both", "new"]}


def test_a_check_that_stopped_on_its_way_keeps_what_comes_behind() -> None:
    merged = merge_asked({"one": ["first", "behind"], "two": ["x"]}, {"one": ["first"]}, NOBODY)

    assert merged == {"one": ["first", "behind"], "two": ["x"]}


def test_from_a_command_with_an_effect_on_nothing_is_kept() -> None:
    merged = merge_asked({}, {"one": ["before", "knock  # now", "who knocked"]}, frozenset({"one"}))

    assert merged == {"one": ["before"]}


def test_what_is_long_or_much_is_not_kept() -> None:
    asked = ["x" * 5000, *(f"echo {number}" for number in range(100))]

    merged = merge_asked({}, {"one": asked}, NOBODY)

    assert merged["one"] == [f"echo {number}" for number in range(MOST)]
