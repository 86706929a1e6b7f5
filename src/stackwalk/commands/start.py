"""``start``: everything from a fresh clone to an open lab; quick and harmless when run again."""

from collections.abc import Callable

import click

from stackwalk import doctor, machine, store
from stackwalk.commands.desk import current_chapter, open_desk
from stackwalk.commands.look import place_books, remember_opened
from stackwalk.home import Home


def start(
    home: Home, *, yes: bool, check_only: bool, browser: bool, say: Callable[[str], None]
) -> int:
    """Prepares this computer, brings ``web`` up, places the notebooks and opens the lab.

    Returns:
        0 when the lab was closed again or only checking was asked for.
    Raises:
        StackwalkError: something is missing that could not be installed, or the machine failed.
    """
    doctor.prepare(home, yes=yes, check_only=check_only, say=say, ask=_ask)
    desk = open_desk(home)
    if desk.note:
        say(desk.note)
    if check_only:
        say("Everything is in place. Without --check-only the machine comes up and the lab opens.")
        return 0
    home.laptop.mkdir(parents=True, exist_ok=True)
    loaded = store.change(home, lambda now: remember_opened(desk.course, now))
    for note in place_books(home, desk.course, loaded.progress):
        say(note)
    say(machine.up(home, "web", say=say).sentence)
    from stackwalk.lab import start_lab  # Jupyter takes a second to import

    chapter = current_chapter(desk)
    return start_lab(home, chapter=chapter.name, open_browser=browser, say=say)


def _ask(question: str) -> bool:
    return click.confirm(question, default=True, err=True)
