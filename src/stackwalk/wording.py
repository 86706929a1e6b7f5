"""How a place, a terminal block and a task are worded, in the notebook and on the page alike."""

from collections.abc import Mapping

from stackwalk.cellspec import LAPTOP, OnCell, WriteCell, parse_first_line
from stackwalk.course import Place, Task

WITHIN_S = 60  # seconds a hazard cell's change stays without being confirmed
LAPTOP_FOLDER = "~/stackwalk/laptop"
PASSWORD = "{password}"


def where(place: Place, directory: str | None = None) -> str:
    """``web · deployer · ~``; a machine's shell without a directory is where the last cell was."""
    if place.machine == LAPTOP:
        return f"laptop · you · {directory or LAPTOP_FOLDER}"
    return " · ".join(part for part in (place.machine, place.user, directory or "") if part)


def title_of(source: str) -> str:
    """The title of a command cell, from its first line."""
    match parse_first_line(source.partition("\n")[0]):
        case OnCell(place=place, directory=directory):
            return where(place, directory)
        case WriteCell(place=place, path=path):
            return f"{where(place)} · {path}" if place.user else where(place, _in_folder(path))
    return "notebook"


def _in_folder(path: str) -> str:
    return path if path.startswith(("/", "~")) else f"{LAPTOP_FOLDER}/{path}"


def body_of(source: str) -> str:
    """What is typed or written: a command cell without its first line."""
    first, _, rest = source.partition("\n")
    return rest if first.startswith("%%") else source


def hazard_line(source: str) -> str:
    """What takes a hazard cell's change back, and when; empty for any other cell."""
    spec = parse_first_line(source.partition("\n")[0])
    if not isinstance(spec, OnCell) or not spec.undo:
        return ""
    return (
        f"A dead man's switch is armed first: {spec.place.machine} runs `{spec.undo}` by itself "
        f"after {spec.within_s or WITHIN_S} seconds, unless a new ssh session confirms the change."
    )


def terminal_title(place: Place) -> str:
    return "Terminal · " + where(place, "~" if place.user else None)


def entry(place: Place) -> str:
    """How the learner gets to a place, as a sentence that ends before the lines to type."""
    if place.machine == LAPTOP:
        return "Type this in the terminal beside the notebook:"
    login = f"ssh -F ssh_config -l {place.user} {place.machine}"
    if place.user == "vagrant":
        login = f"stackwalk machine ssh {place.machine}"
    return (
        f"In the terminal beside the notebook, log in with `{login}` "
        "(unless you are already logged in), then type:"
    )


def answers_lines(answers: Mapping[str, str]) -> list[str]:
    """One list item for each question the machine will ask."""
    return [f"- When it asks `{asked}`, {_answer(typed)}" for asked, typed in answers.items()]


def _answer(typed: str) -> str:
    if typed == PASSWORD:
        return "type the password you chose for `deployer`; nothing shows while you type."
    return f"type `{typed}`." if typed else "press Enter."


def needs_line(task: Task, titles: Mapping[str, str]) -> str:
    """Which tasks come first, by their titles."""
    named = ", ".join(f"*{titles.get(need, need)}*" for need in task.needs)
    return f"It builds on: {named}." if named else ""


def fence_for(text: str) -> str:
    """A fence longer than any run of backticks in the text, so that the text cannot close it."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return "`" * max(4, longest + 1)
