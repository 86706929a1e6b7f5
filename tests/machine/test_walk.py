"""The course itself, executed from a blank machine: the prose is the test."""

import os
from pathlib import Path

import pytest

from stackwalk.home import Home, find_clone
from stackwalk.load import load_course
from stackwalk.walk import WalkOptions, walk_course

pytestmark = pytest.mark.machine


def test_walk_of_all_chapters_is_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Blank, by hand, reboot, every mistake, by script; on a machine of its own."""
    course = load_course(find_clone())
    with capsys.disabled():
        report = walk_course(find_clone(), Home(tmp_path / "walk"), WalkOptions(), say=print)
        print(report.text)

    assert report.faults == []
    assert [outcome.chapter.name for outcome in report.outcomes] == [
        chapter.name for chapter in course.chapters
    ]
    for outcome in report.outcomes:
        assert outcome.solutions + len(outcome.impossible) == len(outcome.chapter.tasks)
        assert outcome.mistakes == len(outcome.chapter.mistakes)
        assert outcome.cells > 0
    if os.environ.get("STACKWALK_PROVIDER", "docker") == "docker":
        assert [outcome.impossible for outcome in report.outcomes] == [[], []]
