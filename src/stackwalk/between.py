"""What was run between two moments: cells, and sudo on the machine; secrets are masked."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from stackwalk import store
from stackwalk.errors import MachineError
from stackwalk.home import Home

TEXT_LIMIT = 300  # characters of a cell that the run log keeps
LINES_LIMIT = 400  # of the machine's journal
LIMIT_S = 8
HIDDEN = "…"
# What a person calls a secret, where a value follows: `--token x`, `PASSWORD=x`, `user:x@host`.
NAMED = r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|private[-_]?key|credentials?)"
VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s'\";|&]+)"
MASKS = (
    (re.compile(rf"(?i)([\w-]*{NAMED}[\w-]*\s*[=:]\s*){VALUE}"), rf"\g<1>{HIDDEN}"),
    (re.compile(rf"(?i)(--?[\w-]*{NAMED}[\w-]*\s+){VALUE}"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+(@)"), rf"\g<1>{HIDDEN}\g<2>"),
    (re.compile(r"(?im)((?:htpasswd|openssl passwd|mkpasswd|wg genkey)\b).*"), rf"\g<1> {HIDDEN}"),
    (re.compile(r"(?i)(authorization:\s*\w+\s+)[^\s'\"]+"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"\b[A-Za-z0-9+_]{40,}={0,2}"), HIDDEN),
)
PAIR = re.compile(r"(\b[a-z_][\w-]*:)[^\s'\"|<]+")  # `name:password`, which chpasswd reads
SUDO = re.compile(
    r"^\s*(?P<user>\S+) : (?:.*; )?TTY=(?P<tty>\S+) ;.*? COMMAND=(?P<command>.*)$", re.S
)
# Asked by the name that sudo gives itself: journald looks up the sender's own (`_COMM`) later, and
# of a process that has ended by then it knows none. Another program's name rules a line out.
JOURNAL = (
    "journalctl --no-pager -q -o json --output-fields=MESSAGE,_COMM SYSLOG_IDENTIFIER=sudo "
    f"--since=@$(( $(date +%s) - SECONDS )) | tail -n {LINES_LIMIT}; date +%s"
)


@dataclass(frozen=True)
class Ran:
    """Something that was run; ``at`` is UTC by the laptop's clock, ``exit_status`` -1 unknown."""

    at: str
    where: str
    text: str
    exit_status: int = -1


def log_cell(home: Home, place: str, text: str, exit_status: int) -> None:
    """A line of the run log for a cell; bounded, and without secrets."""
    kept = mask(text.strip())[:TEXT_LIMIT]
    record = {"verb": "cell", "place": place, "text": kept, "exit": exit_status}
    store.log_run(home, record)


def list_between(home: Home, since: str) -> tuple[Ran, ...]:
    """What was run after ``since``, oldest first; without the machine, only the cells.

    Commands typed in a shell that is root's already (``sudo -i``) leave no line, and the engine's
    own way in, which has no terminal, is left out.
    """
    cells = [
        Ran(run["at"], str(run.get("place", "")), str(run.get("text", "")), int(run["exit"]))
        for run in store.runs(home)
        if run.get("verb") == "cell" and str(run["at"]) >= since and isinstance(run["exit"], int)
    ]
    return tuple(sorted([*cells, *_typed(home, since)], key=lambda ran: ran.at))


def mask(text: str) -> str:
    """The text with what looks like a secret replaced; rather too much than too little."""
    for pattern, to in MASKS:
        text = pattern.sub(to, text)
    return PAIR.sub(rf"\g<1>{HIDDEN}", text) if "chpasswd" in text else text


def _typed(home: Home, since: str) -> list[Ran]:
    """Commands with sudo from a terminal, as the machine's journal has them."""
    now = datetime.now(UTC)
    from stackwalk.connect import run_once

    seconds = max(1, int((now - datetime.fromisoformat(since)).total_seconds()) + 1)
    command = JOURNAL.replace("SECONDS", str(seconds))
    try:
        said = run_once(home, "web", command, limit_s=LIMIT_S).stdout
    except MachineError:
        return []
    *lines, clock = said.strip().splitlines() or [""]
    ahead = int(clock) - now.timestamp() if clock.isdigit() else 0.0
    return [ran for line in lines if (ran := _read(line, ahead)) is not None]


def _read(line: str, ahead: float) -> Ran | None:
    """One line of the journal; none for a session's begin and end, and for our own.

    The message is such as ``deployer : TTY=pts/0 ; PWD=/etc ; USER=root ; COMMAND=/usr/bin/id``.
    """
    try:
        entry = json.loads(line)
        found = SUDO.match(entry["MESSAGE"])
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6 - ahead
        is_sudo = entry.get("_COMM", "sudo") == "sudo"
    except (ValueError, KeyError, TypeError):
        return None
    if found is None or not is_sudo or not found["tty"].startswith("pts/"):
        return None
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Ran(stamp, f"web as {found['user']}", f"sudo {mask(found['command'])[:TEXT_LIMIT]}")
