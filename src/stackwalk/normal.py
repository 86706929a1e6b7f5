"""Takes out of an output what differs at each run, and nothing else; the page prints the list.

Each value is replaced by one of the same shape, so that columns stay columns and the text reads
as it did.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DAYS = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_=>])")


@dataclass(frozen=True)
class Rule:
    """``what`` names the values for the page's list; the rest is as in ``re.sub``."""

    what: str
    pattern: re.Pattern[str]
    replacement: str


def _rules(what: str, *pairs: tuple[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(what, re.compile(pattern, re.MULTILINE), to) for pattern, to in pairs)


HIGH_PORT = r"(?:3[3-9]|[45]\d|6[0-5])\d{3}\b"  # what the kernel gives to outgoing connections
CLOCK = r"\d\d:\d\d:\d\d"

RULES = (
    *_rules(
        "progress of apt",
        (r"^(?:Get|Hit|Ign):\d+ .*\n|^Fetched .*\n|^\(Reading database .*\n", ""),
    ),
    *_rules(
        "dates and times",
        (rf"\b{DAYS} \d{{4}}-\d\d-\d\d {CLOCK}", "Thu 2026-01-01 12:00:00"),
        (rf"\b20\d\d-\d\d-\d\d([T ]){CLOCK}(?:[.,]\d+)?", r"2026-01-01\g<1>12:00:00"),
        (r"\b20\d\d-\d\d-\d\d\b(?! 12:00:00|T12:00:00)", "2026-01-01"),
        (rf"\b{DAYS} {MONTHS} [ \d]\d {CLOCK}", "Thu Jan  1 12:00:00"),
        (r"(12:00:00 [A-Z]{3,4}) 20\d\d\b", r"\g<1> 2026"),
        (rf"\b{DAYS} [ \d]\d {MONTHS} 20\d\d {CLOCK}(?: [AP]M)?", "Thu 01 Jan 2026 12:00:00"),
        (rf"\b{DAYS}, \d\d {MONTHS} 20\d\d {CLOCK}", "Thu, 01 Jan 2026 12:00:00"),
        (rf"\b{MONTHS} [ \d]\d {CLOCK}", "Jan  1 12:00:00"),
        (rf"\b{MONTHS} [ \d]\d \d\d:\d\d\b(?!:)", "Jan  1 12:00"),
        (rf"\b{MONTHS} [ \d]\d  20\d\d\b", "Jan  1  2026"),
        (rf"\b\d\d/{MONTHS}/20\d\d[: ]{CLOCK}", "01/Jan/2026:12:00:00"),
    ),
    *_rules(
        "process numbers",
        (r"(\bpid[= :]+)\d+", r"\g<1>1000"),
        (r"(\bPID: )\d+", r"\g<1>1000"),
        (r"(\b[a-z][\w.-]*)\[\d+\]:", r"\g<1>[1000]:"),
        (r"^(\[\d+\]) \d+$", r"\g<1> 1000"),
    ),
    *_rules(
        "ports of outgoing connections",
        (rf"(\bport ){HIGH_PORT}", r"\g<1>50000"),
        (rf"(\d\.\d+:|\]:){HIGH_PORT}", r"\g<1>50000"),
    ),
    *_rules(
        "durations",
        (r"\b\d+\.\d+ ?(ms|s|sec|seconds)\b", r"0.1 \g<1>"),
        (r"\b\d+m\d+\.\d+s\b", "0m0.100s"),
        (r"; (?:\d+(?:s|min|h|ms) ?)+ago", "; 1min ago"),
        (r"\bup (?:\d+ (?:minutes?|hours?|days?)(?:, )?)+", "up 1 minute"),
    ),
    *_rules(
        "memory and processor time of a unit",
        (r"^( *(?:Memory|CPU|Tasks): ).*", r"\g<1>…"),
    ),
    *_rules(
        "the kernel's release, which in a container is the laptop's",
        (r"^(Linux \w+) \S+ #\d.*", r"\g<1> 6.12.0 #1 SMP x86_64 GNU/Linux"),
    ),
    *_rules(
        "temporary paths",
        (r"/tmp/(?:tmp[.\w-]+|ansible[.\w-]+|ssh-[.\w-]+)", "/tmp/tmp.XXXXXXXXXX"),
    ),
)


def names_normalised() -> tuple[str, ...]:
    """What the rules replace, each named once, in order."""
    return (*dict.fromkeys(rule.what for rule in RULES), "the laptop's user, name and folder")


def normalise(text: str, *, names: Mapping[str, str] | None = None) -> str:
    """The output with the values of RULES replaced, and without colours.

    Args:
        names: further texts to replace, such as the walk's own folder by ``~/stackwalk``.
    """
    text = strip_screen(text)
    for found, shown in (names or {}).items():
        text = text.replace(found, shown)
    for rule in RULES:
        text = rule.pattern.sub(rule.replacement, text)
    return text


def strip_screen(text: str) -> str:
    """The text as it stands on the screen at the end: no escapes, no overwritten beginnings."""
    lines = ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines).strip("\n")
