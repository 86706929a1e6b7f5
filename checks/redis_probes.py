"""What Redis says to the app, now and after a restart, told apart for the checks. Reads only."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testinfra.host import Host

from stackwalk.verdict import CheckBroken

TALK = Path(__file__).with_name("redis_talk.py")
PASSWORD_FILE = "/home/deployer/.redis-password"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """One server's answers: to a bare PING, to the password, to INFO, and to each question."""

    bare: str
    admitted: str
    told: Mapping[Words, str]
    info: Mapping[str, str]

    @property
    def is_open(self) -> bool:
        """Whether it answers somebody who has said no password."""
        return self.bare == "PONG"

    @property
    def is_opened(self) -> bool:
        """Whether the password was taken."""
        return not self.admitted.startswith("-")


@dataclass(frozen=True)
class Talk:
    """The server that runs (``now``), the one that a restart would give (``then``).

    ``complaint`` holds the last words of the second where it did not start, ``others`` what users
    are told who need no password.
    """

    now: Server | None
    then: Server | None
    complaint: str = ""
    others: Mapping[str, Mapping[Words, str]] = field(default_factory=dict)


def talk(host: Host, questions: Sequence[Words] = ()) -> Talk:
    """Asks both servers; nothing in them is changed, see ``redis_talk.py``.

    Raises:
        CheckBroken: the script itself came to no end.
    """
    script = TALK.read_text(encoding="utf-8")
    words = ["python3", "-c", script, PASSWORD_FILE, json.dumps([list(q) for q in questions])]
    # The second server lives for the talk only, and what it says must not be older than the look.
    said = host.run(f"{shlex.join(words)}  # now")
    try:
        return read_talk(said.stdout, questions)
    except ValueError:
        raise CheckBroken(f"no talk with Redis: {said.stderr[-200:]}") from None


def read_talk(text: str, questions: Sequence[Words]) -> Talk:
    """The JSON object that ``redis_talk.py`` prints."""
    seen = json.loads(text)
    others = {
        name: dict(zip(questions, map(str, told), strict=True))
        for name, told in seen["open_users"].items()
    }
    now, then = (_server(seen[when], questions) for when in ("now", "then"))
    return Talk(now, then, seen["complaint"], others)


def _server(seen: Mapping[str, object] | None, questions: Sequence[Words]) -> Server | None:
    if seen is None:
        return None
    told = seen["told"]
    assert isinstance(told, list)
    info = dict(re.findall(r"^(\w+):(.*?)\r?$", str(seen["info"]), re.M))
    answers = dict(zip(questions, map(str, told), strict=True))
    return Server(str(seen["bare"]), str(seen["admitted"]), answers, info)


def is_refused(answer: str) -> bool:
    """Whether a command was kept from the caller: by a rule, by its name, or switched off."""
    return answer.startswith(("-NOPERM", "-ERR unknown command", "-ERR DEBUG command not allowed"))
