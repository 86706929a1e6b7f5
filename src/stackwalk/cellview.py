"""What a typed cell shows in the notebook: its head, its outputs, our errors as text."""

import sys
from collections.abc import Callable
from typing import Any

from stackwalk.course import Place
from stackwalk.errors import StackwalkError
from stackwalk.session import CellResult

FACTS = "application/vnd.stackwalk+json"  # what a cell reports of itself, for the walk
FRAME = {"stackwalk": "frame"}  # metadata of what stands round an output and is none of it
STOPPED = "Stopped. Nothing you earned is lost."


class Head:
    """The line above a cell's output; afterwards it carries how the cell went."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._handle: Any = None  # IPython's DisplayHandle, not typed
        self._text = ""

    def show(self, directory: str) -> None:
        from stackwalk import panel

        self._text = f"{self._place.machine} · {self._place.user or 'you'} · {directory}"
        self._handle = display(self._text, panel.render_head(self._text), frame=True)

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
        shown = bundle(self._text, panel.render_head(self._text), facts)
        self._handle.update(shown, raw=True, metadata=FRAME)


def display(
    text: str, html: str, *, facts: dict[str, Any] | None = None, frame: bool = False
) -> Any:
    from IPython.display import display as show

    sys.stdout.flush()
    return show(  # type: ignore[no-untyped-call]  # IPython is typed in part
        bundle(text, html, facts), raw=True, metadata=FRAME if frame else {}, display_id=True
    )


def bundle(text: str, html: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"text/plain": text, "text/html": html} | ({FACTS: facts} if facts else {})


def failed(error: StackwalkError) -> dict[str, Any]:
    return {"exit_status": error.exit_code, "exit_code": error.exit_code, "ended": "refused"}


def print_piece(piece: str) -> None:
    sys.stdout.write(piece)


def guarded(magic: Callable[..., None]) -> Callable[..., None]:
    """Our own errors and Ctrl-C as text: a traceback in front of a learner is a bug."""
    from functools import wraps

    from IPython.core.magic import no_var_expand

    @wraps(magic)
    def show_errors(*arguments: str) -> None:
        from stackwalk import panel

        try:
            magic(*arguments)
        except StackwalkError as error:
            display(f"? {error}", panel.render_error(str(error)), facts=failed(error))
        except KeyboardInterrupt:
            display(STOPPED, panel.render_error(STOPPED), facts={"exit_status": 130})

    guarded: Callable[..., None] = no_var_expand(show_errors)
    return guarded
