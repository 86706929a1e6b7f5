"""The notebook face: magics that parse, call a verb, and show what it returns."""

import shlex
import sys
from collections.abc import Callable
from typing import Any

from stackwalk.cellspec import parse_on, parse_write
from stackwalk.course import Place
from stackwalk.errors import StackwalkError, UsageError
from stackwalk.home import find_home
from stackwalk.session import LIMIT_S, CellResult, open_session, run_cell

FACTS = "application/vnd.stackwalk+json"  # what a cell reports of itself, for the walk
STOPPED = "Stopped. Nothing you earned is lost."
STACKWALK_LIMIT_S = 1800  # `%stackwalk machine up` makes a whole machine


def load_ipython_extension(shell: Any) -> None:
    """Registers the magics; ``%load_ext stackwalk`` calls it. Any: IPython is not typed."""
    for name, cell_magic in (("on", on), ("write", write)):
        shell.register_magic_function(_guarded(cell_magic), "cell", name)
    for line_magic in (check, hint, status, next_, skip, solution, stackwalk):
        shell.register_magic_function(_guarded(line_magic), "line", line_magic.__name__.rstrip("_"))


def on(line: str, cell: str = "") -> None:
    """``%%on web as deployer in ~``: the lines below run there, in one kept shell."""
    from stackwalk import panel

    spec = parse_on(line)
    session = open_session(find_home(), spec.place)
    head = _Head(spec.place)
    result = run_cell(
        session,
        cell,
        directory=spec.directory,
        limit_s=spec.limit_s or LIMIT_S,
        show=_print,
        begin=head.show,
    )
    head.finish(result)
    if result.exit_status:
        text = f"exit {result.exit_status}"
        _display(text, panel.render_exit(text), frame=True)


def write(line: str, cell: str = "") -> None:
    """``%%write web as root /etc/motd``: the lines below become that file."""
    from stackwalk import panel
    from stackwalk.filecell import diff_lines, write_file

    spec = parse_write(line)
    written = write_file(find_home(), spec, cell if cell.endswith("\n") else f"{cell}\n")
    changes = diff_lines(written)
    where = f"{spec.place.machine} · {spec.place.user or 'you'} · {spec.path}"
    done = "new file" if written.before is None else "changed" if changes else "is so already"
    kept = [f"the old text is kept: {written.kept}"] if written.kept else []
    facts = {"place": str(spec.place), "directory": spec.path, "exit_status": 0, "ended": "done"}
    _display(
        "\n".join([f"{where}: {done}", *changes, *kept]),
        panel.render_diff(f"{where}: {done}", changes, written.kept),
        facts=facts,
    )


def check(line: str) -> None:
    """``%check [chapter|task]``: looks at the machine."""
    from stackwalk import commands, panel, show

    target = _one_word(line, "%check deployer_exists")
    waiting = _display("Looking…", panel.render_text("Check", "Looking…"))
    try:
        result = commands.check(find_home(), target)
    except StackwalkError as error:
        waiting.update(
            _bundle(f"? {error}", panel.render_error(str(error)), _failed(error)), raw=True
        )
        return
    facts = {
        "verb": "check",
        "exit_code": result.exit_code,
        "verdicts": [verdict.to_dict() for verdict in result.verdicts],
    }
    text = show.render_check(result)
    waiting.update(_bundle(text, panel.render_check(result), facts), raw=True)


def hint(line: str) -> None:
    """``%hint [task] [rung]``: the next of four hints."""
    from stackwalk import commands, panel, show

    words = shlex.split(line)
    rung = int(words.pop()) if words and words[-1].isdigit() else None
    result = commands.hint(find_home(), _one_word(" ".join(words), "%hint task"), rung=rung)
    _display(show.render_hint(result), panel.render_hint(result))


def status(line: str) -> None:
    """``%status``: what is met, open, skipped and locked."""
    from stackwalk import commands, panel, show

    text = show.render_status(commands.status(find_home()))
    _display(text, panel.render_text("Status", text))


def next_(line: str) -> None:
    """``%next``: the one thing to do now."""
    from stackwalk import commands, panel, show

    result = commands.up_next(find_home())
    _display(show.render_next(result), panel.render_next(result))


def skip(line: str) -> None:
    """``%skip [task]``: pass a task by; it stays on the list."""
    from stackwalk import commands, panel, show

    result = commands.skip(find_home(), _one_word(line, "%skip task"))
    _display(show.render_next(result), panel.render_next(result))


def solution(line: str) -> None:
    """``%solution [task]``: one way to do it, once met or after its last hint."""
    from stackwalk import commands, panel, show

    result = commands.solution(find_home(), _one_word(line, "%solution task"))
    _display(show.render_solution(result), panel.render_solution(result))


def stackwalk(line: str) -> None:
    """``%stackwalk machine status``: the command line, from a cell."""
    home = find_home()
    result = run_cell(
        open_session(home, Place("laptop")),
        f"stackwalk {line}",
        limit_s=STACKWALK_LIMIT_S,
        show=_print,
    )
    if result.exit_status:
        print(f"exit {result.exit_status}")


class _Head:
    """The line above a cell's output; afterwards it carries how the cell went."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._handle: Any = None  # IPython's DisplayHandle, not typed
        self._text = ""

    def show(self, directory: str) -> None:
        from stackwalk import panel

        self._text = f"{self._place.machine} · {self._place.user or 'you'} · {directory}"
        self._handle = _display(self._text, panel.render_head(self._text), frame=True)

    def finish(self, result: CellResult) -> None:
        from stackwalk import panel

        facts = {
            "place": str(self._place),
            "directory": result.directory_before,
            "directory_after": result.directory_after,
            "exit_status": result.exit_status,
            "ended": result.ended,
            "seconds": round(result.seconds, 3),
        }
        if self._handle is None:  # stopped before it began
            self.show(result.directory_before)
        bundle = _bundle(self._text, panel.render_head(self._text), facts)
        self._handle.update(bundle, raw=True, metadata=FRAME)


FRAME = {"stackwalk": "frame"}  # metadata of what stands round an output and is none of it


def _display(
    text: str, html: str, *, facts: dict[str, Any] | None = None, frame: bool = False
) -> Any:
    from IPython.display import display

    sys.stdout.flush()
    return display(  # type: ignore[no-untyped-call]  # IPython is typed in part
        _bundle(text, html, facts), raw=True, metadata=FRAME if frame else {}, display_id=True
    )


def _bundle(text: str, html: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"text/plain": text, "text/html": html} | ({FACTS: facts} if facts else {})


def _failed(error: StackwalkError) -> dict[str, Any]:
    return {"exit_status": error.exit_code, "exit_code": error.exit_code, "ended": "refused"}


def _print(piece: str) -> None:
    sys.stdout.write(piece)


def _one_word(line: str, form: str) -> str | None:
    words = line.split()
    if len(words) > 1:
        raise UsageError(f"One name is needed here, not {len(words)}.", next=form)
    return words[0] if words else None


def _guarded(magic: Callable[..., None]) -> Callable[..., None]:
    """Our own errors and Ctrl-C as text: a traceback in front of a learner is a bug."""
    from functools import wraps

    from IPython.core.magic import no_var_expand

    @wraps(magic)
    def show_errors(*arguments: str) -> None:
        from stackwalk import panel

        try:
            magic(*arguments)
        except StackwalkError as error:
            _display(f"? {error}", panel.render_error(str(error)), facts=_failed(error))
        except KeyboardInterrupt:
            _display(STOPPED, panel.render_error(STOPPED), facts={"exit_status": 130})

    guarded: Callable[..., None] = no_var_expand(show_errors)
    return guarded
