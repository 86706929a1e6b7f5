"""What was looked at is looked at again by stock testinfra, and a difference is told."""

import pytest

from stackwalk.course import Course
from stackwalk.stock import TURNS, compare, in_turn
from stackwalk.verdict import Status, Verdict

CHECKS = """
from stackwalk.verdict import Unmet

def test_first_done(web):
    raise Unmet(web, expected="", found="", look="web: ls", saw="empty")

def test_second_done(web):
    raise AssertionError("nobody asks")
"""


@pytest.mark.parametrize(
    ("stock_says", "told"),
    [
        pytest.param("it is empty", [], id="the same"),
        pytest.param(
            "it is full",
            [
                "first_done: stock testinfra says unmet: it is full (empty; web: ls), "
                "ours said unmet: it is empty (empty; web: ls)"
            ],
            id="another",
        ),
    ],
)
def test_a_difference_is_told(course: Course, stock_says: str, told: list[str]) -> None:
    (course.root / "checks").mkdir(parents=True)
    (course.root / "checks" / "test_one.py").write_text(CHECKS)
    (course.root / "checks" / "test_two.py").write_text("def test_third_done(web): return 'so'")
    ours = [
        Verdict("first_done", Status.UNMET, what="it is empty", saw="empty", look="web: ls"),
        Verdict("second_done", Status.WAITING, waits_for="first_done"),
        Verdict("third_done", Status.MET),
    ]

    assert compare(course, ours, lambda _: stock_says, can=frozenset()) == told


def test_what_is_red_is_compared_each_time_and_all_the_rest_by_turns() -> None:
    met = [Verdict(f"met_{n}", Status.MET) for n in range(2 * TURNS + 3)]
    red = Verdict("red_one", Status.UNMET, what="so")

    turns = [in_turn([*met[:5], red, *met[5:]], turn) for turn in range(TURNS)]

    assert all(red in turn for turn in turns)
    assert all(len(turn) <= 1 + 3 for turn in turns)
    assert {verdict.task for turn in turns for verdict in turn} == {
        verdict.task for verdict in [*met, red]
    }
