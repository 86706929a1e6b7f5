"""A mistake is proven only when the right check turns red for the right reason."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from samples import make_task

from stackwalk.course import Course, Mistake, OtherWay, Place, Step, Task
from stackwalk.home import Home
from stackwalk.inflict import prove_mistake, prove_way
from stackwalk.verdict import Status, Verdict

LAPTOP = Place("laptop")
TASKS = [make_task("first_done"), make_task("second_done", needs=("first_done",))]
RIGHT = Verdict("first_done", Status.UNMET, what="it is empty now", saw="empty")
WAITS = Verdict("second_done", Status.WAITING, waits_for="first_done")


def mistake(
    *, inflict: str = "true", mend: str = "true", also_red: tuple[str, ...] = ()
) -> Mistake:
    return Mistake(
        "emptied",
        "first_done",
        "nothing there",
        (Step(LAPTOP, inflict),),
        "is empty",
        "empty",
        also_red,
        (Step(LAPTOP, mend),),
        Path(),
    )


def prove(home: Home, course: Course, wrong: Mistake, *rounds: Sequence[Verdict]) -> list[str]:
    """Judges with verdicts given for the broken and for the mended machine."""
    home.laptop.mkdir(parents=True, exist_ok=True)
    looks = iter(rounds)

    def look(tasks: Sequence[Task]) -> list[Verdict]:
        return list(next(looks, [Verdict(task.id, Status.MET) for task in tasks]))

    return prove_mistake(course, wrong, TASKS, look, home)


def test_right_reason_is_accepted(home: Home, course: Course) -> None:
    wrong = mistake(inflict="touch broken", mend="rm broken")

    assert prove(home, course, wrong, [RIGHT, WAITS]) == []
    assert not (home.laptop / "broken").exists()


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        pytest.param(
            [Verdict("first_done", Status.MET), WAITS], "is met, not unmet", id="stays green"
        ),
        pytest.param(
            [Verdict("first_done", Status.UNKNOWN, what="lost"), WAITS], "is unknown", id="unknown"
        ),
        pytest.param(
            [Verdict("first_done", Status.UNMET, what="odd", saw="empty"), WAITS],
            "says 'odd', promised 'is empty'",
            id="other message",
        ),
        pytest.param(
            [Verdict("first_done", Status.UNMET, what="it is empty", saw="otherwise"), WAITS],
            "chooses nudge 'otherwise', promised 'empty'",
            id="other hint",
        ),
        pytest.param(
            [RIGHT, Verdict("second_done", Status.UNMET, what="also")],
            "unrelated second_done is unmet",
            id="another turns red",
        ),
    ],
)
def test_anything_else_is_a_fault(
    home: Home, course: Course, verdicts: list[Verdict], said: str
) -> None:
    (fault,) = prove(home, course, mistake(), verdicts)

    assert said in fault


def test_other_red_that_is_announced_is_accepted(home: Home, course: Course) -> None:
    red = Verdict("second_done", Status.UNMET, what="also")

    assert prove(home, course, mistake(also_red=("second_done",)), [RIGHT, red]) == []


def test_mend_that_does_not_mend_is_a_fault(home: Home, course: Course) -> None:
    assert prove(home, course, mistake(), [RIGHT, WAITS], [RIGHT, WAITS]) == [
        "emptied: not mended: first_done is unmet: it is empty now",
        "emptied: not mended: second_done is waiting: first_done",
    ]


def test_step_that_fails_is_a_fault(home: Home, course: Course) -> None:
    (fault,) = prove(home, course, mistake(inflict="echo no; exit 3"))

    assert "exit 3 at laptop" in fault


def take(home: Home, *rounds: Sequence[Verdict], do: str = "true", undo: str = "true") -> list[str]:
    """Takes a way with verdicts given for the machine there and back."""
    home.laptop.mkdir(parents=True, exist_ok=True)
    looks = iter(rounds)

    def look(tasks: Sequence[Task]) -> list[Verdict]:
        return list(next(looks, [Verdict(task.id, Status.MET) for task in tasks]))

    there, back = (Step(LAPTOP, do),), (Step(LAPTOP, undo),)
    return prove_way(
        OtherWay("round-about", "Round about", ("first_done",), there, back, Path()),
        TASKS,
        look,
        home,
    )


def test_way_that_every_check_accepts_is_proven_there_and_back(home: Home) -> None:
    assert take(home, do="touch other", undo="rm other") == []
    assert not (home.laptop / "other").exists()


def test_way_that_a_check_refuses_is_a_fault_and_is_undone(home: Home) -> None:
    (fault, _) = take(home, [RIGHT, WAITS], do="touch other", undo="rm other")

    assert fault == "refused: first_done is unmet: it is empty now; found nothing"
    assert not (home.laptop / "other").exists()


def test_way_that_leads_not_back_is_a_fault(home: Home) -> None:
    met = [Verdict(task.id, Status.MET) for task in TASKS]

    assert take(home, met, [RIGHT]) == [
        "not undone: first_done is unmet: it is empty now; found nothing"
    ]


def test_way_whose_step_fails_is_a_fault_and_is_undone(home: Home) -> None:
    (fault,) = take(home, do="touch other; exit 3", undo="rm other")

    assert fault.startswith("do: exit 3 at laptop")
    assert not (home.laptop / "other").exists()
