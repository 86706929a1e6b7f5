"""What a check says: the only module of ours that checks may import; standard library only."""

from dataclasses import asdict, dataclass
from enum import StrEnum

TRIM = 200  # characters of what was found that a person still reads


class Status(StrEnum):
    """The six outcomes. Only ``met`` opens anything; ``unknown`` never takes anything away."""

    MET = "met"
    UNMET = "unmet"
    WAITING = "waiting"
    NOT_STARTED = "not started"
    NOT_POSSIBLE = "not possible here"
    UNKNOWN = "unknown"


class Unmet(Exception):
    """Raised by a check for a state that is not yet as asked.

    Args:
        what: what is not yet so, as a short claim: ``sshd still lets root in``.
        expected: the state asked for.
        found: what the machine said, verbatim; trimmed when shown.
        look: a place and a command: ``web: sudo sshd -T | grep permitrootlogin``.
        saw: the key of the first hint this observation calls for (``nudges`` in the chapter).
    """

    status = Status.UNMET

    def __init__(
        self, what: str, *, expected: str, found: str, look: str, saw: str = "otherwise"
    ) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.found = found
        self.look = look
        self.saw = saw


class NotStarted(Unmet):
    """Raised when the first thing looked for does not exist yet: no error, just not begun."""

    status = Status.NOT_STARTED


class CheckBroken(Exception):
    """The check itself could not read what it needs; our trouble, never the learner's."""


@dataclass(frozen=True)
class Verdict:
    """What was seen of one task at one moment."""

    task: str
    status: Status
    what: str = ""
    expected: str = ""
    found: str = ""
    look: str = ""
    saw: str = ""
    waits_for: str = ""

    def to_dict(self) -> dict[str, str]:
        """The record as ``--json`` and the run log hold it."""
        return {key: str(value) for key, value in asdict(self).items() if value != ""}


def trim(text: str) -> str:
    """One line of at most ``TRIM`` characters, so that a verdict stays a few lines."""
    line = " ".join(text.split())
    return line if len(line) <= TRIM else line[: TRIM - 1] + "…"
