"""Ours and plain pytest with stock testinfra come to the same verdicts, word for word."""

import shutil

import pytest
from stock import assert_same_verdicts

from stackwalk.home import Home, find_clone
from stackwalk.load import load_course
from stackwalk.verdict import Status


@pytest.mark.machine
def test_a_blank_machine_is_seen_the_same_way(blank_home: Home) -> None:
    course = load_course(find_clone())
    shutil.rmtree(blank_home.laptop, ignore_errors=True)  # another test may have worked there
    blank_home.laptop.mkdir(parents=True)

    said = assert_same_verdicts(blank_home, course, course.chapters)

    assert Status.MET not in {fields["status"] for fields in said.values()}
