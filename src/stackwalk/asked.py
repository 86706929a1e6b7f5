"""What each check asked a machine the last time, so that the next look can ask it all at once.

A list that is missing or old costs time and changes no verdict: what was asked ahead and is not
wanted is dropped, and what is wanted and was not asked ahead is asked then.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import takewhile

from stackwalk.home import Home
from stackwalk.machine.errand import is_now
from stackwalk.machine.record import write_atomically

Asked = dict[str, list[str]]  # task id -> commands, as they were run
MOST = 60  # commands kept for a check; a check that asks more is asked the rest as it goes
MOST_CHARACTERS = 2000  # of one command: longer ones carry data


def load_asked(home: Home, machine: str) -> Asked:
    """The lists of one machine; empty where there are none that can be read."""
    try:
        found = json.loads((home.engine / f"asked-{machine}.json").read_text(encoding="utf-8"))
        return {str(task): [str(each) for each in commands] for task, commands in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def save_asked(home: Home, machine: str, asked: Asked) -> None:
    write_atomically(home.engine / f"asked-{machine}.json", json.dumps(asked, indent=0))


def merge_asked(before: Asked, now: Mapping[str, Sequence[str]], met: frozenset[str]) -> Asked:
    """The lists after a look.

    A check that is met has asked all it ever asks; one that is not has stopped on its way, and
    what it asked behind that is kept. What follows a command with an effect may show that effect.
    """
    merged = dict(before)
    for task, commands in now.items():
        quiet = takewhile(lambda command: not is_now(command), commands)
        wanted = [each for each in quiet if len(each) <= MOST_CHARACTERS]
        rest = [] if task in met else before.get(task, [])
        merged[task] = list(dict.fromkeys([*wanted, *rest]))[:MOST]
    return merged
