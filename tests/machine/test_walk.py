"""The course itself, executed from a blank machine: the prose is the test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackwalk import machine
from stackwalk.home import Home, find_clone
from stackwalk.load import load_course
from stackwalk.walk import Report, WalkOptions, walk_course


@pytest.fixture
def walk_home(tmp_path: Path, free_slot: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home beside the learner's, with ports and a network of its own."""
    monkeypatch.setenv("STACKWALK_SLOT", str(free_slot))
    home = Home(tmp_path / "walk")
    yield home
    machine.destroy(home, "web", say=print)


def walk(home: Home, capsys: pytest.CaptureFixture[str]) -> Report:
    """Walks every chapter, prints what it ran, and leaves the machine for a look."""
    with capsys.disabled():
        print()
        return walk_course(find_clone(), home, WalkOptions(keep=True), say=print)


def assert_walked_whole(report: Report) -> None:
    """Every chapter, task and mistake was run; what the machine cannot do is counted."""
    chapters = load_course(find_clone()).chapters

    assert report.faults == []
    assert [outcome.chapter.name for outcome in report.outcomes] == [c.name for c in chapters]
    for outcome in report.outcomes:
        assert outcome.cells > 0
        assert outcome.solutions + len(outcome.impossible) == len(outcome.chapter.tasks)
        assert outcome.mistakes == len(outcome.chapter.mistakes)


@pytest.mark.machine
def test_walk_is_green_on_a_container(
    walk_home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the same checks as plain pytest, with stock pytest-testinfra and our ssh file."""
    monkeypatch.setenv("STACKWALK_PROVIDER", "docker")

    report = walk(walk_home, capsys)

    assert_walked_whole(report)
    assert [outcome.impossible for outcome in report.outcomes] == [[] for _ in report.outcomes]
    plain = run_plain_pytest(walk_home)
    assert plain.returncode == 0, plain.stdout
    tasks = list(load_course(find_clone()).tasks)
    assert f"{len(tasks)} passed" in plain.stdout


def run_plain_pytest(home: Home) -> subprocess.CompletedProcess[str]:
    """``pytest checks --ssh-config=…`` as anyone would type it, with none of our settings."""
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "checks"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "checks", f"--ssh-config={home.ssh_config}"],
        cwd=find_clone(),
        env={**os.environ, "STACKWALK_HOME": str(home.root)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.vm
def test_walk_is_green_on_a_virtual_machine(
    walk_home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel of its own under libvirt; emulated where nothing accelerates it."""
    monkeypatch.setenv("STACKWALK_PROVIDER", "libvirt")

    assert_walked_whole(walk(walk_home, capsys))
