"""The course as it was read the last time, as long as no file of it has changed since.

Reading Markdown and YAML takes longer than a learner waits for a verdict. The key is the name,
size and time of every file that is read, and of the engine's own: what does not fit is read anew.
"""

import contextlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

from stackwalk.course import Course
from stackwalk.home import Home

Key = tuple[str, list[tuple[str, int, int]]]
READ_IN = ("mistakes", "ways")  # besides chapter.md, what a chapter's folder holds to be read
UNREADABLE = (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError)


def take_course(home: Home, root: Path) -> Course:
    """The course below ``root``.

    Raises:
        AuthorError: with every problem that keeps it from being loaded.
    """
    key, file = _key(root), home.engine / "course.pickle"
    try:
        kept_key, course = pickle.loads(file.read_bytes())
    except (*UNREADABLE, TypeError, IndexError):
        kept_key = None
    if kept_key != key:
        from stackwalk.load import load_course
        from stackwalk.machine.record import write_atomically

        course = load_course(root)
        with contextlib.suppress(OSError):  # a full disk makes the next look slower, no more
            write_atomically(file, pickle.dumps((key, course)))
    assert isinstance(course, Course)
    return course


def _key(root: Path) -> Key:
    return str(root), sorted((*_files(root / "chapters"), *_listed(Path(__file__).parent)))


def _files(chapters: Path) -> Iterator[tuple[str, int, int]]:
    for name, size, changed in _listed(chapters):
        yield name, size, changed
        yield from _listed(Path(name))
        for folder in READ_IN:
            for each in _listed(Path(name, folder)):
                yield each
                yield from _listed(Path(each[0]))


def _listed(folder: Path) -> Iterator[tuple[str, int, int]]:
    if folder.is_dir():
        for entry in os.scandir(folder):
            found = entry.stat()
            # A folder's own time changes with every file that is written beside it.
            changed = 0 if entry.is_dir() else found.st_mtime_ns
            yield entry.path, 0 if entry.is_dir() else found.st_size, changed
