"""What ``%%write`` does: a file's old text is read and kept, then the new one takes its place."""

import base64
import difflib
import os
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stackwalk.cellspec import LAPTOP, WriteCell
from stackwalk.errors import MachineError, StackwalkError, Unreachable
from stackwalk.home import Home
from stackwalk.way import Way, explain, find_way

LIMIT_S = 30
NEW_MODE = "0644"
# Read by a bash at the place. Says one word, then the file in base64.
READ = """\
path={path}
case $path in '~/'*) path=$HOME/${{path#'~/'}};; /*) ;; *) path=$HOME/$path;; esac
if [ -d "$path" ]; then echo directory; exit 0; fi
if [ ! -d "$(dirname -- "$path")" ]; then echo nofolder; exit 0; fi
if [ ! -e "$path" ]; then echo missing; exit 0; fi
if [ ! -r "$path" ]; then echo unreadable; exit 0; fi
echo file; base64 -- "$path"
exit 0
"""
# A temporary file beside it, then a rename: readers see the old file or the new one.
WRITE = """\
path={path}
case $path in '~/'*) path=$HOME/${{path#'~/'}};; /*) ;; *) path=$HOME/$path;; esac
path=$(readlink -f -- "$path") || exit 1
new=$(mktemp -- "$(dirname -- "$path")/.stackwalk.XXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
base64 -d >"$new" <<'END_OF_FILE' || exit 1
{content}
END_OF_FILE
if [ -e "$path" ]; then
  chown --reference="$path" -- "$new" 2>/dev/null
  chmod --reference="$path" -- "$new" || exit 1
else
  chmod {new_mode} -- "$new" || exit 1
fi
mode={mode}
if [ -n "$mode" ]; then chmod "$mode" -- "$new" || exit 1; fi
mv -f -- "$new" "$path" || exit 1
exit 0
"""


@dataclass(frozen=True)
class Written:
    """A file that is now as the cell says; ``before`` is None for a new one."""

    before: bytes | None
    after: bytes
    kept: Path | None  # where the old text lies on the laptop


def write_file(home: Home, cell: WriteCell, text: str) -> Written:
    """Puts the lines of a cell into a file, at once and whole.

    Raises:
        StackwalkError: nothing was written, and why.
    """
    after = text.encode()
    way = find_way(home, cell.place)
    at = _AtLaptop(home, cell) if cell.place.machine == LAPTOP else _AtMachine(way, cell)
    before = at.read()
    if before == after and cell.mode is None:
        return Written(before, after, None)
    kept = None if before in (None, after) else _keep(home, cell, before or b"")
    at.write(after)
    return Written(before, after, kept)


def diff_lines(written: Written) -> list[str]:
    """What changed, as ``diff -u`` says it, without the head; empty when nothing did."""
    before = (written.before or b"").decode(errors="replace").splitlines()
    after = written.after.decode().splitlines()
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]


class _AtLaptop:
    def __init__(self, home: Home, cell: WriteCell) -> None:
        self._cell = cell
        self._path = (home.laptop / Path(cell.path).expanduser()).resolve()

    def read(self) -> bytes | None:
        if self._path.is_dir():
            raise _refused(self._cell, "directory")
        if not self._path.parent.is_dir():
            raise _refused(self._cell, "nofolder")
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except PermissionError:
            raise _refused(self._cell, "unreadable") from None

    def write(self, content: bytes) -> None:
        mode = self._path.stat().st_mode & 0o7777 if self._path.exists() else int(NEW_MODE, 8)
        wanted = int(self._cell.mode, 8) if self._cell.mode else mode
        temporary = ""
        try:
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".stackwalk.")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, wanted)
            os.replace(temporary, self._path)
        except OSError as problem:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise _failed(self._cell, problem.strerror or "no reason given") from problem


class _AtMachine:
    def __init__(self, way: Way, cell: WriteCell) -> None:
        self._way, self._cell = way, cell

    def read(self) -> bytes | None:
        said = self._run(READ.format(path=shlex.quote(self._cell.path)))
        kind, _, content = said.partition("\n")
        if kind == "file":
            return base64.b64decode(content)
        if kind == "missing":
            return None
        raise _refused(self._cell, kind)

    def write(self, content: bytes) -> None:
        script = WRITE.format(
            path=shlex.quote(self._cell.path),
            content=base64.encodebytes(content).decode(),
            mode=shlex.quote(self._cell.mode or ""),
            new_mode=NEW_MODE,
        )
        self._run(script)

    def _run(self, script: str) -> str:
        try:
            done = subprocess.run(
                self._way.argv,
                input=f"LC_ALL=C; {script}",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT_S,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(
                f"{self._cell.place} did not answer within {LIMIT_S} s.",
                safe="The file is the old one or the new one, never a half.",
                next=f"stackwalk rescue {self._cell.place.machine}",
            ) from error
        if done.returncode == 1:
            raise _failed(self._cell, done.stderr.strip().splitlines()[-1:] or "no reason given")
        if done.returncode != 0:
            raise explain(self._cell.place, done.returncode, done.stderr)
        return done.stdout


def _keep(home: Home, cell: WriteCell, content: bytes) -> Path:
    """The old text, on the laptop: beside the new file some programs would read it too."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    folder = home.root / "kept" / cell.place.machine / os.path.dirname(cell.path).strip("/~.")
    path = folder / f"{os.path.basename(cell.path)}.{now}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    except OSError as problem:
        raise _failed(cell, f"its old text cannot be kept: {problem.strerror}") from problem
    return path


def _refused(cell: WriteCell, kind: str) -> StackwalkError:
    reasons = {
        "directory": "is a directory; name the file in it",
        "nofolder": "lies in a directory that does not exist",
        "unreadable": f"cannot be read by {cell.place.user or 'you'}; its old text would be lost",
    }
    return MachineError(
        f"{cell.path} {reasons.get(kind, 'cannot be read')}.", safe="Nothing was written."
    )


def _failed(cell: WriteCell, reason: str | list[str]) -> StackwalkError:
    said = reason if isinstance(reason, str) else reason[0]
    return MachineError(
        f"{cell.path} could not be written at {cell.place}: {said}", safe="The file is as it was."
    )
