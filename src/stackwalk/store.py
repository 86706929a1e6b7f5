"""The progress file and the run log: atomic, locked, put together again when unreadable."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackwalk import progress as state
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.progress import Progress, TaskRecord

LOG_LINES = 500  # the log keeps between this many and twice as many runs
LOCK_WAIT_S = 10


@dataclass(frozen=True)
class Loaded:
    """Progress as read; ``note`` tells the learner what had to be mended, else empty."""

    progress: Progress
    note: str = ""


def now() -> str:
    """This moment in UTC, such as ``2026-11-21T08:30:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load(home: Home) -> Loaded:
    """The learner's progress; from the copy before and the run log when the file is unreadable.

    Raises:
        StackwalkError: the file was written by a newer edition, or cannot be opened.
    """
    try:
        return Loaded(_read(home.progress_file))
    except FileNotFoundError:
        return _recovered(home) if _previous(home).exists() else Loaded(Progress())
    except _Newer as newer:
        raise StackwalkError(
            f"Your progress file was written by a newer edition of the course: {newer}.",
            safe="It was not touched.",
            next="git pull && ./start",
        ) from None
    except ValueError:
        return _recovered(home)
    except OSError as problem:
        raise _unusable(home, problem) from None


def change(home: Home, edit: Callable[[Progress], Progress]) -> Loaded:
    """Reads, edits and writes under a lock, so that two kernels lose nothing of each other's.

    Args:
        edit: from the progress as it is on the disk now to the one to be kept.
    Raises:
        StackwalkError: the folder cannot be written, the disk is full, or the lock stays taken.
    """
    from filelock import FileLock, Timeout  # only who writes waits for its import

    try:
        home.root.mkdir(parents=True, exist_ok=True)
        with FileLock(_beside(home, ".lock"), timeout=LOCK_WAIT_S):
            loaded = load(home)
            edited = edit(loaded.progress)
            if loaded.note:
                _put_aside(home)
            if edited != loaded.progress or loaded.note:
                _write(home, edited)
            return Loaded(edited, loaded.note)
    except Timeout:
        raise StackwalkError(
            f"Another stackwalk has held your progress file for {LOCK_WAIT_S} seconds.",
            safe="Nothing was changed.",
            next="close the other terminal or notebook, then check again",
        ) from None
    except OSError as problem:
        raise _unusable(home, problem) from None


def log_run(home: Home, record: Mapping[str, Any]) -> None:
    """Adds a line to the run log; it is bounded, and a full disk does not stop a verdict."""
    from filelock import FileLock, Timeout

    line = json.dumps({"at": now(), **record}, ensure_ascii=False)
    try:
        with FileLock(_beside(home, ".lock"), timeout=LOCK_WAIT_S):
            with home.run_log.open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            _bound(home.run_log)
    except (OSError, Timeout):
        return


def runs(home: Home) -> list[dict[str, Any]]:
    """The logged runs, oldest first; lines cut off by a power failure are passed over."""
    try:
        lines = home.run_log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [record for line in lines if (record := _parse(line)) is not None]


class _Newer(ValueError):
    """A file of a format to come; it must not be overwritten."""


def _read(path: Path) -> Progress:
    data = json.loads(path.read_text(encoding="utf-8"))
    written = data.get("format") if isinstance(data, dict) else None
    if isinstance(written, int) and written > state.FORMAT:
        raise _Newer(f"format {written}, this edition reads {state.FORMAT}")
    return state.from_dict(data)


def _write(home: Home, progress: Progress) -> None:
    """New file, flushed to the disk, then renamed over: at any byte one whole file stands."""
    text = json.dumps(state.to_dict(progress), indent=1, ensure_ascii=False) + "\n"
    fresh = _beside(home, ".new")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    if home.progress_file.exists():
        _keep_previous(home)
    fresh.replace(home.progress_file)
    _flush_folder(home.root)


def _keep_previous(home: Home) -> None:
    """The last readable file stays beside as ``progress.json.previous``."""
    try:
        _read(home.progress_file)
    except ValueError:
        return
    link = _beside(home, ".link")
    link.unlink(missing_ok=True)
    try:
        os.link(home.progress_file, link)
    except OSError:  # a file system without hard links
        link.write_bytes(home.progress_file.read_bytes())
    link.replace(_previous(home))


def _recovered(home: Home) -> Loaded:
    """What the copy before and the run log still tell."""
    found = from_runs(runs(home))
    with suppress(OSError, ValueError):
        found = state.merge(_read(_previous(home)), found)
    met = sum(1 for record in found.tasks.values() if record.met_at)
    return Loaded(
        found,
        "Your progress file could not be read. It was put together again from its copy and the "
        f"run log ({met} met), and the unreadable file is kept as progress.json.unreadable-….",
    )


def _put_aside(home: Home) -> None:
    if home.progress_file.exists():
        stamp = now().replace(":", "")
        home.progress_file.replace(_beside(home, f".unreadable-{stamp}"))


def from_runs(log: list[dict[str, Any]]) -> Progress:
    """The progress that the run log alone proves."""
    tasks: dict[str, TaskRecord] = {}
    for run in log:
        for task_id in run.get("met", []):
            first = tasks.get(task_id, TaskRecord()).met_at or str(run["at"])
            tasks[task_id] = TaskRecord(met_at=first, green_at=str(run["at"]), last="met")
        for task_id in run.get("skipped", []):
            if task_id not in tasks:
                tasks[task_id] = TaskRecord(skipped_at=str(run["at"]))
    return Progress(tasks=tasks)


def _bound(path: Path) -> None:
    """Drops old runs, but never the first one that proves a task."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    if len(lines) <= 2 * LOG_LINES:
        return
    proven: set[str] = set()
    proofs = []
    for line in lines[:-LOG_LINES]:
        settles = {*(_parse(line) or {}).get("met", []), *(_parse(line) or {}).get("skipped", [])}
        if settles - proven:
            proven |= settles
            proofs.append(line)
    kept = path.with_suffix(".new")
    kept.write_text("".join(proofs + lines[-LOG_LINES:]), encoding="utf-8")
    kept.replace(path)


def _parse(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "at" in record else None


def _unusable(home: Home, problem: OSError) -> StackwalkError:
    return StackwalkError(
        f"Your progress could not be written to {home.root}: {problem.strerror or problem}.",
        safe="What you earned before is still in progress.json.",
        next="make room or mend the folder's rights, then check again",
    )


def _beside(home: Home, ending: str) -> Path:
    return home.root / f"{home.progress_file.name}{ending}"


def _previous(home: Home) -> Path:
    return _beside(home, ".previous")


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself durable; Windows cannot open a folder and needs it not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
