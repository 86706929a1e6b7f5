"""What a cell's command prints on its way to the reader: decoded, bounded, read for questions."""

import codecs
import re
from collections.abc import Callable

SHOWN_LIMIT = 2_000_000  # characters of one cell; more makes a notebook too heavy to open
TAIL = 4000
NOTE = "stackwalk: "
# What programs say when they wanted to ask and had no terminal for it.
ASKED = re.compile(
    "|".join(
        (
            r"sudo: a terminal is required",
            r"sudo: a password is required",
            r"sudo: no tty present",
            r"Host key verification failed",
            r"Permission denied, please try again",
            r"can't open /dev/tty|cannot open /dev/tty|No such device or address: '?/dev/tty",
            r"\[[Yy]/[Nn]\] ?Abort\.",
            r"Do you want to continue\?",
            r"EOFError",
            r"EOF when reading a line",
            r"must be run from a terminal",
            r"([Ii]nput|stdin|input device) is not (from )?a (terminal|tty|TTY)",
            r"Inappropriate ioctl for device",
            r"Error opening terminal",
            r"Authentication token manipulation error",
            r"could not read (Username|Password)",
            r"read_passphrase",
            r"Error reading input, exiting",
            r"Overwrite \(y/n\)\?",
        )
    )
)
# ssh saw another host key than the one it knows: it asks nothing, in a terminal neither.
REFUSED = "IDENTIFICATION HAS CHANGED"
# A line that opens a shell in the shell: with nothing to read it ends at once, and the next line
# runs where the reader does not expect it.
INNER = re.compile(
    r"^\s*(sudo\s+(-i|-s|su\b[^|;&]*|-iu?\s+\w+)|su(\s+-l?)?(\s+\w+)?|bash|sh|ssh(\s+-\S+(\s+\S+)?)*"
    r"\s+[\w.@-]+|python3?|nano\b.*|vim?\b.*|top|htop|less\s.*)\s*$",
    re.MULTILINE,
)


class Screen:
    """Passes output on as it comes and remembers its end."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._shown = 0
        self._tail = ""

    def write(self, data: bytes) -> None:
        """Bytes a command printed; what is beyond ``SHOWN_LIMIT`` is read and not shown."""
        text = self._decoder.decode(data)
        self._tail = (self._tail + text)[-TAIL:]
        room = SHOWN_LIMIT - self._shown
        self._shown += len(text)
        if room > 0 and text:
            self._show(text[:room])
            if len(text) > room:
                self.note(f"the output beyond {SHOWN_LIMIT:,} characters is not shown.")

    def note(self, text: str) -> None:
        """A line of ours, on a line of its own."""
        begin = "" if not self._tail or self._tail.endswith("\n") else "\n"
        self._tail = "\n"
        self._show(f"{begin}{NOTE}{text}\n")

    def wanted_to_ask(self) -> bool:
        """Whether the last lines are those of a program that had a question."""
        return ASKED.search(self._tail) is not None and REFUSED not in self._tail


def opens_inner_shell(text: str) -> str:
    """The first line of a cell that would wait for a person at a keyboard; empty for none."""
    match = INNER.search(text)
    return match.group(0).strip() if match else ""
