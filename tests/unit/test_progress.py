"""What is open, what is never taken away."""

from dataclasses import replace

import pytest

from stackwalk.course import Course
from stackwalk.progress import (
    Progress,
    TaskRecord,
    from_dict,
    is_open,
    merge,
    next_task,
    opens_after,
    to_dict,
    with_hint,
    with_old_names,
    with_opened,
    with_skip,
    with_verdicts,
)
from stackwalk.verdict import Status, Verdict

T1, T2 = "2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z"


def test_next_chapter_is_locked_until_all_tasks_are_settled(course: Course) -> None:
    half = with_verdicts(Progress(), [Verdict("first_done", Status.MET)], T1)

    assert not is_open(course, half, course.chapters[1])
    assert [task.id for task in opens_after(course, half, course.chapters[1])] == ["second_done"]
    whole = with_skip(half, "second_done", T1)
    assert is_open(course, whole, course.chapters[1])


def test_what_this_machine_cannot_do_holds_nothing_up(course: Course) -> None:
    """Counted, never met; on a machine that can, it is asked for again, and nothing locks."""
    seen = [Verdict("first_done", Status.MET), Verdict("second_done", Status.NOT_POSSIBLE)]
    after = with_verdicts(Progress(), seen, T1)

    assert is_open(course, after, course.chapters[1])
    assert next_task(course, after) == course.chapters[1].tasks[0]
    done = with_verdicts(after, [Verdict("third_done", Status.MET)], T1)
    assert next_task(course, done) is None
    assert after.of("second_done").met_at == ""
    able = with_verdicts(done, [Verdict("second_done", Status.UNMET)], T2)
    assert next_task(course, able) == course.chapters[0].tasks[1]


def test_free_mode_opens_everything(course: Course) -> None:
    assert is_open(course, Progress(mode="free"), course.chapters[1])


def test_opened_chapter_stays_open_when_an_earlier_task_is_added(course: Course) -> None:
    progress = with_opened(Progress(), ["two"], T1)

    assert is_open(course, progress, course.chapters[1])


def test_met_is_kept_when_it_turns_red(course: Course) -> None:
    met = with_verdicts(Progress(), [Verdict("first_done", Status.MET)], T1)

    red = with_verdicts(met, [Verdict("first_done", Status.UNMET, saw="empty")], T2)

    assert red.of("first_done") == TaskRecord(met_at=T1, green_at=T1, last="unmet", saw="empty")


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.WAITING, Status.NOT_POSSIBLE])
def test_what_could_not_be_seen_changes_nothing(status: Status) -> None:
    met = with_verdicts(Progress(), [Verdict("first_done", Status.MET)], T1)

    after = with_verdicts(met, [Verdict("first_done", status)], T2)

    assert after == met


def test_skip_of_a_met_task_changes_nothing() -> None:
    met = with_verdicts(Progress(), [Verdict("first_done", Status.MET)], T1)

    assert with_skip(met, "first_done", T2) is met


def test_skipped_tasks_come_back_at_the_end(course: Course) -> None:
    progress = with_skip(Progress(), "first_done", T1)
    assert next_task(course, progress) == course.chapters[0].tasks[1]

    done = with_verdicts(
        progress, [Verdict("second_done", Status.MET), Verdict("third_done", Status.MET)], T1
    )

    assert next_task(course, done) == course.chapters[0].tasks[0]


def test_what_turned_red_is_next_when_nothing_is_open(course: Course) -> None:
    ids = [task.id for task in course.tasks]
    done = with_verdicts(Progress(), [Verdict(each, Status.MET) for each in ids], T1)

    red = with_verdicts(done, [Verdict(ids[0], Status.UNMET)], T2)

    assert next_task(course, red) == course.chapters[0].tasks[0]


def test_hints_stop_at_four() -> None:
    progress = Progress()
    for _ in range(6):
        progress = with_hint(progress, "first_done")

    assert progress.of("first_done").hints == 4


def test_renamed_task_keeps_its_record(course: Course) -> None:
    renamed = replace(course.chapters[0].tasks[0], was=("old_name",))
    chapter = replace(course.chapters[0], tasks=(renamed, course.chapters[0].tasks[1]))
    progress = Progress(tasks={"old_name": TaskRecord(met_at=T1)})

    after = with_old_names(progress, replace(course, chapters=(chapter,)))

    assert after.of("first_done").met_at == T1
    assert "old_name" not in after.tasks


def test_merge_keeps_what_either_earned() -> None:
    ours = Progress(tasks={"a": TaskRecord(met_at=T2, green_at=T2)})
    theirs = Progress(tasks={"a": TaskRecord(met_at=T1), "b": TaskRecord(hints=3)})

    merged = merge(ours, theirs)

    assert merged.of("a").met_at == T1
    assert merged.of("a").green_at == T2
    assert merged.of("b").hints == 3


def test_file_content_survives_the_round_trip() -> None:
    progress = Progress("free", {"a": TaskRecord(met_at=T1, hints=2)}, {"one": T1})

    assert from_dict(to_dict(progress)) == progress


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([], id="a list"),
        pytest.param({"tasks": {}}, id="no format"),
        pytest.param({"format": 1, "tasks": []}, id="tasks are a list"),
        pytest.param({"format": 99, "tasks": {}}, id="a newer format"),
    ],
)
def test_what_is_no_progress_file_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="it"):
        from_dict(data)  # type: ignore[arg-type]


def test_unknown_fields_of_a_record_are_passed_over() -> None:
    progress = from_dict({"format": 1, "tasks": {"a": {"met_at": T1, "badge": "gold"}}})

    assert progress.of("a").met_at == T1
