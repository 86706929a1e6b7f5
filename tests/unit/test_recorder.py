"""What the walk keeps of an output: what a reader would have seen, and nothing of the walk's."""

import getpass
import platform
from typing import Any

from nbformat import NotebookNode
from samples import make_chapter, make_task

from stackwalk.home import Home
from stackwalk.recorder import Recorder, shown_text

LAPTOP = {"place": "laptop", "directory": "~/stackwalk/laptop", "exit_status": 3}


def cell(kind: str = "command") -> Any:
    return {"id": "one-1", "source": "%%on laptop", "metadata": {"stackwalk": {"kind": kind}}}


def keep(home: Home, text: str, facts: dict[str, Any]) -> Any:
    recorder = Recorder(make_chapter("01", "one", make_task("first_done")), home)
    recorder.keep(cell(), text, facts)
    return recorder._cells["one-1"]


def test_place_and_exit_are_fields_not_lines(home: Home) -> None:
    kept = keep(home, "hello\n", LAPTOP)

    assert (kept.outputs, kept.exit) == ("hello", 3)
    assert kept.place == "laptop · you · ~/stackwalk/laptop"


def test_computer_and_user_of_the_walk_become_the_readers(home: Home) -> None:
    user = getpass.getuser()
    text = (
        f"{user}\n{platform.node()}\n-rw-r--r-- 1 {user} {user} 5 {home.root}/laptop\nno {user} in"
    )

    kept = keep(home, text, LAPTOP)

    assert kept.outputs.splitlines() == [
        "ada",
        "laptop",
        "-rw-r--r-- 1 ada ada 5 ~/stackwalk/laptop",
        f"no {user} in",
    ]


def test_user_on_the_server_is_left_alone(home: Home) -> None:
    kept = keep(home, "root", {"place": "web as root", "directory": "~", "exit_status": 0})

    assert (kept.outputs, kept.place) == ("root", "web · root · ~")


def test_prose_is_not_kept(home: Home) -> None:
    recorder = Recorder(make_chapter("01", "one", make_task("first_done")), home)

    recorder.keep(cell("prose"), "text", {})

    assert recorder._cells == {}


def test_streams_displays_and_errors_are_shown_as_text() -> None:
    frame = {"data": {"text/plain": "web · root · ~"}, "metadata": {"stackwalk": "frame"}}
    outputs = [
        NotebookNode(output_type="display_data", **frame),
        NotebookNode(output_type="stream", text="one\n"),
        NotebookNode(output_type="error", traceback=["two"]),
    ]
    shown = NotebookNode(outputs=outputs)

    assert shown_text(shown) == "web · root · ~\none\ntwo\n"
    assert shown_text(shown, framed=False) == "one\ntwo\n"
