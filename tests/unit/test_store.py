"""Nothing that was earned is lost: power cuts, two kernels, unreadable files, full disks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from stackwalk import store
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.progress import Progress, with_hint, with_skip, with_verdicts
from stackwalk.verdict import Status, Verdict


def meet(home: Home, *tasks: str) -> None:
    """Meets tasks as a check does: into the file and into the log."""
    verdicts = [Verdict(task, Status.MET) for task in tasks]
    store.change(home, lambda now: with_verdicts(now, verdicts, store.now()))
    store.log_run(home, {"verb": "check", "met": list(tasks)})


def met(home: Home) -> set[str]:
    return {task for task, row in store.load(home).progress.tasks.items() if row.met_at}


def test_nothing_yet_is_an_empty_progress(home: Home) -> None:
    assert store.load(home) == store.Loaded(Progress())
    assert not home.root.exists()


def test_what_was_met_is_there_again(home: Home) -> None:
    meet(home, "a")

    assert met(home) == {"a"}
    assert json.loads(home.progress_file.read_text())["format"] == 1


@pytest.mark.parametrize("kept", [0, 1, 40, -1])
def test_file_cut_at_any_byte_is_put_together_again(home: Home, kept: int) -> None:
    meet(home, "a")
    meet(home, "b")
    whole = home.progress_file.read_bytes()
    home.progress_file.write_bytes(whole[:kept] if kept >= 0 else whole[:-3])

    loaded = store.load(home)

    assert {task for task, row in loaded.progress.tasks.items() if row.met_at} == {"a", "b"}
    assert loaded.note.startswith("Your progress file could not be read. It was put together again")


def test_unreadable_file_is_kept_aside_when_the_next_one_is_written(home: Home) -> None:
    meet(home, "a")
    home.progress_file.write_text("not json")

    meet(home, "b")

    assert met(home) == {"a", "b"}
    (aside,) = home.root.glob("progress.json.unreadable-*")
    assert aside.read_text() == "not json"


def test_cut_between_writing_and_renaming_leaves_the_old_file(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(home, "a")

    def power_cut(source: Path, target: Path) -> Path:
        raise OSError("power cut")

    monkeypatch.setattr(Path, "replace", power_cut)
    with pytest.raises(StackwalkError):
        meet(home, "b")
    monkeypatch.undo()

    assert met(home) == {"a"}


def test_file_of_a_newer_edition_is_not_touched(home: Home) -> None:
    home.root.mkdir()
    home.progress_file.write_text('{"format": 99, "tasks": {}}')

    with pytest.raises(StackwalkError, match="newer edition") as error:
        meet(home, "a")

    assert error.value.next == "git pull && ./start"
    assert home.progress_file.read_text() == '{"format": 99, "tasks": {}}'


def test_folder_that_cannot_be_written_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    meet(home, "a")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StackwalkError, match="No space left on device") as error:
        meet(home, "b")

    assert error.value.safe == "What you earned before is still in progress.json."
    assert met(home) == {"a"}


def test_lock_that_stays_taken_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_WAIT_S", 0.05)
    home.root.mkdir()

    with (
        FileLock(home.root / "progress.json.lock"),
        pytest.raises(StackwalkError, match="has held your progress file"),
    ):
        store.change(home, lambda now: now)


def test_two_kernels_at_once_lose_nothing(home: Home) -> None:
    """Real processes, each adding ten tasks of its own."""
    script = (
        "import sys; from stackwalk import store; from stackwalk.home import find_home\n"
        "from stackwalk.progress import with_skip\n"
        "for n in range(10):\n"
        "    store.change(find_home(), lambda p: with_skip(p, f'{sys.argv[1]}{n}', 'now'))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, name]) for name in "ab"]

    assert [process.wait() for process in running] == [0, 0]
    assert len(store.load(home).progress.tasks) == 20


def test_killed_in_the_middle_of_a_write_loses_nothing(home: Home) -> None:
    """A process that is killed while it writes again and again; what stands is whole."""
    meet(home, "a")
    script = (
        "from stackwalk import store; from stackwalk.home import find_home\n"
        "from stackwalk.progress import with_skip\n"
        "print('ready', flush=True)\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    store.change(find_home(), lambda p: with_skip(p, f's{n}', 'now'))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while len(store.load(home).progress.tasks) < 5:
            pass
        process.kill()

    loaded = store.load(home)
    assert loaded.note == ""
    assert loaded.progress.of("a").met_at


def test_log_is_bounded_and_never_drops_the_proof_of_a_task(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOG_LINES", 5)
    meet(home, "early")
    for _ in range(30):
        store.log_run(home, {"verb": "check", "met": []})

    assert len(store.runs(home)) <= 11
    home.progress_file.unlink()
    home.root.joinpath("progress.json.previous").write_text("gone too")
    assert met(home) == {"early"}


def test_cut_line_in_the_log_is_passed_over(home: Home) -> None:
    meet(home, "a")
    with home.run_log.open("a") as log:
        log.write('{"at": "2026-')

    assert [run["met"] for run in store.runs(home)] == [["a"]]


def test_hint_and_skip_are_kept(home: Home) -> None:
    store.change(home, lambda now: with_hint(with_skip(now, "b", "t"), "b"))

    record = store.load(home).progress.of("b")
    assert (record.skipped_at, record.hints) == ("t", 1)
