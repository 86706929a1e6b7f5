"""The course itself, executed from a blank machine: the prose is the test."""

from collections.abc import Sequence

import pytest
from stock import assert_same_verdicts
from walking import PIECES, Piece, Walks

from stackwalk.home import Home, find_clone
from stackwalk.load import load_course
from stackwalk.machine import docker, libvirt
from stackwalk.verdict import Status
from stackwalk.walk import Report, WalkOptions, walk_course


def assert_walked_whole(
    report: Report, numbers: Sequence[str], *, can: frozenset[str], proofs: str = "all"
) -> None:
    """Every chapter and task was run, and the mistakes; what the machine cannot do is counted."""
    course = load_course(find_clone())
    needs = {task.id: set(task.can) for task in course.tasks}

    def is_run(*tasks: str) -> bool:
        wanted = set().union(*(needs[task] for task in tasks))
        return wanted <= can and (proofs == "all" or bool(wanted))

    assert report.faults == []
    assert [outcome.chapter.number for outcome in report.outcomes] == list(numbers)
    for outcome in report.outcomes:
        chapter = outcome.chapter
        assert outcome.cells > 0
        assert outcome.solutions == sum(set(task.can) <= can for task in chapter.tasks)
        assert outcome.mistakes == sum(is_run(each.task) for each in chapter.mistakes)
        assert outcome.ways == sum(is_run(*each.tasks) for each in chapter.ways)


def test_the_pieces_are_the_whole_course() -> None:
    chapters = [chapter.number for chapter in load_course(find_clone()).chapters]

    assert [number for piece in PIECES.values() for number in piece] == chapters


def test_a_piece_that_begins_late_has_the_environment_of_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tests beside it set a course and a home for themselves."""
    monkeypatch.setattr(Piece, "run", lambda self, *, keep: None)
    walks = Walks([next(iter(PIECES))])
    monkeypatch.setenv("STACKWALK_COURSE", "/nowhere")

    (piece,) = walks.pieces.values()
    walks.stop()

    assert "STACKWALK_COURSE" not in piece.environment


@pytest.mark.machine
@pytest.mark.parametrize("piece", PIECES)
def test_walk_is_green_on_a_container(
    pieces: dict[str, Piece], piece: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print()
        report = pieces[piece].report(print)

    assert_walked_whole(report, PIECES[piece], can=docker.CAN)


@pytest.mark.machine
@pytest.mark.parametrize("piece", [list(PIECES)[-1]])
def test_the_checks_are_green_as_plain_pytest_too(pieces: dict[str, Piece], piece: str) -> None:
    """With stock pytest-testinfra and our ssh file, where the whole course was walked."""
    pieces[piece].report(print)
    course = load_course(find_clone())

    said = assert_same_verdicts(pieces[piece].home, course, course.chapters)

    assert {fields["status"] for fields in said.values()} == {Status.MET}


@pytest.mark.vm
def test_what_a_container_cannot_prove_is_proven_on_a_virtual_machine(
    vm_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tasks that need a clock or swap of their own: after a reboot, and under each mistake."""
    course = load_course(find_clone())
    chapters = [c for c in course.chapters if any(task.can for task in c.tasks)]
    numbers = tuple(chapter.number for chapter in chapters)
    options = WalkOptions(numbers, keep=True, proofs="capable", by_role=True)

    report = _walk_aloud(vm_home, options, capsys)

    assert report.faults == []
    assert numbers
    assert all(outcome.mistakes and outcome.ways for outcome in report.outcomes)
    assert not any(outcome.impossible for outcome in report.outcomes)


@pytest.mark.vm
@pytest.mark.parametrize("piece", PIECES)
def test_walk_is_green_on_a_virtual_machine(
    vm_home: Home, piece: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kernel of its own under libvirt; emulated where nothing accelerates it.

    Of mistakes and other ways those that a container cannot prove: emulated, all of them would
    take hours. ``author walk`` with STACKWALK_PROVIDER=libvirt proves them all.
    """
    options = WalkOptions(PIECES[piece], keep=True, proofs="capable", caught_up=True)

    report = _walk_aloud(vm_home, options, capsys)

    assert_walked_whole(report, PIECES[piece], can=libvirt.CAN, proofs="capable")


def _walk_aloud(home: Home, options: WalkOptions, capsys: pytest.CaptureFixture[str]) -> Report:
    """What takes hours says all the while how far it is."""
    with capsys.disabled():
        print()
        return walk_course(find_clone(), home, options, say=print)
