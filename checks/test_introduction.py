"""Chapter 01: what was learned about the server, and the first file that moved to it."""

import re

from testinfra.host import Host

from stackwalk.verdict import CheckBroken, NotStarted, Unmet

HOME = "/home/vagrant"
READ_LIMIT = 65536  # bytes; every file here is a few lines

# What a hop may be called. Where two begin at the same letter, the earlier entry is meant.
NAMES = {
    "WSGI": r"u?wsgi|gunicorn|app(lication)?[ -]server",
    "framework": r"framework|flask|django|app(lication)?\b|python code",
    "client": r"client|browser|curl",
    "internet": r"internet|network|dns",
    "server": r"server|machine|\bhost\b",
}
HOPS = ("client", "internet", "server", "WSGI", "framework")
HOP = re.compile("|".join(f"(?P<{hop}>{names})" for hop, names in NAMES.items()), re.IGNORECASE)

GROUPS = {
    "code": {"app.py", "models.py"},
    "database": {"tally.sqlite3"},
    "assets": {"tally.css", "logo.svg", "receipt-0412.jpg"},
    "only copy": {"tally.sqlite3", "receipt-0412.jpg"},
}
EVERY_FILE = GROUPS["code"] | GROUPS["database"] | GROUPS["assets"]
HEADING = re.compile(
    r"^[\W_]*(code|database|data|assets?|only[ _-]?cop(?:y|ies))\b(?![./])",
    re.IGNORECASE | re.MULTILINE,
)
LOOPBACK = re.compile(r"^.*(\b127\.\d+\.\d+\.\d+|\[::1\]|\blocalhost\b).*$", re.MULTILINE)
LAPTOP_PORT = re.compile(r"\b2[2-9]\d\d\b")  # forwarded to ssh: 2222, or the next free one
OUTSIDE = re.compile(
    r"^LISTEN\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+)\s.*?\"(?P<who>[^\"]+)\""
)


def test_machine_named(web: Host, laptop: Host) -> str:
    """Accepts any text that holds the system's PRETTY_NAME and the host name of the real machine.

    Rejects the laptop's facts, and a file that lies on the laptop or in root's home.
    """
    system, name = _facts(web)
    expected = f"web: {HOME}/where-am-i.txt with PRETTY_NAME and host name of web itself"
    text = _read(web, f"{HOME}/where-am-i.txt")
    if text is None:
        raise _not_on_web(web, laptop, expected)
    look = "web: cat /home/vagrant/where-am-i.txt"
    found = text.strip() or "an empty file"
    if _squeeze(system) not in _squeeze(text):
        raise Unmet(
            "where-am-i.txt does not name this server's system",
            expected=expected,
            found=found,
            look=look,
            saw="other_system",
        )
    if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE):
        raise Unmet(
            "where-am-i.txt does not hold this server's host name",
            expected=expected,
            found=found,
            look=look,
            saw="other_name",
        )
    return f"{system}, called {name}"


def test_hops_in_order(laptop: Host) -> str:
    """Accepts lines, numbers, arrows, commas, usual synonyms, and further hops such as nginx.

    Rejects a missing hop and any other order of the five.
    """
    wanted = list(HOPS)
    expected = "the five hops, each once, in the order in which a request passes them"
    text = _read(laptop, "request-path.txt")
    if text is None:
        raise NotStarted(
            "request-path.txt is not in the laptop's working folder yet",
            expected=expected,
            found="no such file",
            look="laptop: ls",
        )
    order = _hops(text)
    look = "laptop: cat request-path.txt"
    if missing := [hop for hop in wanted if hop not in order]:
        is_machine = missing == ["server"]
        raise Unmet(
            f"request-path.txt leaves out a hop: {len(order)} of the five are there",
            expected=expected,
            found=" → ".join(order) or "no hop that I know",
            look=look,
            saw="missing_server" if is_machine else "missing_hop",
        )
    if order != wanted:
        raise Unmet(
            "request-path.txt names the five hops in another order",
            expected=expected,
            found=" → ".join(order),
            look=look,
            saw="other_order",
        )
    return " → ".join(order)


def test_three_things_sorted(laptop: Host) -> str:
    """Accepts any order, case, separators and extra words; paths with or without their folder.

    Rejects a file in the wrong group or in two, and an `only copy` line that lists what Git has.
    """
    text = _read(laptop, "what-moves.txt")
    expected = "four lines: code, database, assets, only copy"
    look = "laptop: cat what-moves.txt"
    if text is None:
        raise NotStarted(
            "what-moves.txt is not in the laptop's working folder yet",
            expected=expected,
            found="no such file",
            look="laptop: ls",
        )
    groups = _groups(text)
    if missing := [group for group in GROUPS if group not in groups]:
        raise Unmet(
            f"what-moves.txt has no line for: {', '.join(missing)}",
            expected=expected,
            found=", ".join(groups) or "no such line",
            look=look,
            saw="missing_line",
        )
    for group in ("code", "database", "assets"):
        if groups[group] != GROUPS[group]:
            odd = sorted(groups[group] ^ GROUPS[group])[0]
            is_upload = odd.startswith("receipt")
            raise Unmet(
                f"{odd} is not where it belongs",
                expected="each of the six files in one of the three groups",
                found=f"{group}: {', '.join(sorted(groups[group])) or 'nothing'}",
                look=look,
                saw="upload_elsewhere" if is_upload else "other_group",
            )
    if groups["only copy"] != GROUPS["only copy"]:
        is_too_much = bool(groups["only copy"] - GROUPS["only copy"])
        raise Unmet(
            "the line `only copy` does not hold what exists nowhere else",
            expected="what no repository and no colleague could give back",
            found=f"only copy: {', '.join(sorted(groups['only copy'])) or 'nothing'}",
            look=look,
            saw="git_has_it" if is_too_much else "lost_for_good",
        )
    return "two files of code, one database, three assets; two exist only once"


def test_listening_known(web: Host) -> str:
    """Accepts any line with the ssh daemon's name and its port, pasted from `ss` or written.

    Rejects the laptop's forwarded port, half of the pair, and what only the server itself reaches.
    """
    port = _ssh_port(web)
    expected = "program and port of what answers from outside"
    look = "web: cat /home/vagrant/listening.txt"
    text = _read(web, f"{HOME}/listening.txt")
    if text is None:
        raise NotStarted(
            "listening.txt is not in vagrant's home on web yet",
            expected=f"web: {HOME}/listening.txt with {expected}",
            found="no such file",
            look="web: ls -l /home/vagrant",
        )
    found = text.strip() or "an empty file"
    if inside := LOOPBACK.search(text):
        raise Unmet(
            "listening.txt lists something that cannot be reached from outside",
            expected=expected,
            found=inside.group().strip(),
            look=look,
            saw="loopback_too",
        )
    named = [line for line in text.splitlines() if re.search(r"\b(open)?sshd?\b", line, re.I)]
    on_two_lines = bool(named) and set(re.findall(r"\d+", text)) == {str(port)}
    if not on_two_lines and not any(_holds_number(line, port) for line in named):
        is_laptops = LAPTOP_PORT.search(text) is not None and not _holds_number(text, port)
        raise Unmet(
            "listening.txt holds a port of the laptop, not of the server"
            if is_laptops
            else "listening.txt does not hold program and port side by side",
            expected=expected,
            found=found,
            look=look,
            saw="laptop_port" if is_laptops else "half_of_it",
        )
    return f"sshd on port {port}"


def test_code_carried(web: Host, laptop: Host) -> str:
    """Accepts the laptop's text with other line endings or trailing blanks; any way of copying.

    Rejects a copy that was cut short, that was edited on the server, or that lies elsewhere.
    """
    here = _read(laptop, "tally/app.py")
    if here is None:
        raise NotStarted(
            "tally/app.py is not on the laptop yet",
            expected="the app that the first cells of the chapter write",
            found="no tally/app.py in the working folder",
            look="laptop: ls tally",
        )
    there = _read(web, f"{HOME}/tally/app.py")
    mine = [line.rstrip() for line in here.strip().splitlines()]
    expected = f"web: {HOME}/tally/app.py, the same {len(mine)} lines as on the laptop"
    if there is None:
        raise _not_carried(web, expected)
    theirs = [line.rstrip() for line in there.strip().splitlines()]
    if theirs == mine:
        return f"{len(mine)} lines, the same on both machines"
    cut_short = theirs == mine[: len(theirs)] or _last_line_cut(theirs, mine)
    raise Unmet(
        "the app on web is cut short" if cut_short else "the app on web is not the laptop's",
        expected=expected,
        found=_first_difference(theirs, mine),
        look="web: cat -n /home/vagrant/tally/app.py",
        saw="cut_short" if cut_short else "edited_there",
    )


def _not_on_web(web: Host, laptop: Host, expected: str) -> Unmet:
    """Where the file is instead, or that it was not begun."""
    if _read(laptop, "where-am-i.txt") is not None:
        return Unmet(
            "where-am-i.txt is on the laptop, not on web",
            expected=expected,
            found="where-am-i.txt in the laptop's working folder",
            look="both: hostname",
            saw="written_on_laptop",
        )
    if _read(web, "/root/where-am-i.txt") is not None:
        return Unmet(
            "where-am-i.txt is in root's home, not in vagrant's",
            expected=expected,
            found="/root/where-am-i.txt",
            look="web: whoami; pwd",
            saw="in_roots_home",
        )
    return NotStarted(
        "where-am-i.txt is not in vagrant's home on web yet",
        expected=expected,
        found="no such file",
        look="web: ls -l /home/vagrant",
    )


def _not_carried(web: Host, expected: str) -> Unmet:
    """Where the app lies instead, or that nothing was carried yet."""
    if _read(web, f"{HOME}/app.py") is not None:
        return Unmet(
            "app.py is on web, but not in the folder tally",
            expected=expected,
            found=f"{HOME}/app.py",
            look="web: ls -l /home/vagrant /home/vagrant/tally",
            saw="other_folder",
        )
    return NotStarted(
        "the app is not on web yet",
        expected=expected,
        found=f"no {HOME}/tally/app.py",
        look="web: ls -l /home/vagrant",
    )


def _read(host: Host, path: str) -> str | None:
    """The text of a file, its first ``READ_LIMIT`` bytes; None where there is no such file."""
    looked = host.run("test -f %s && head -c %s %s", path, str(READ_LIMIT), path)
    return str(looked.stdout) if looked.rc == 0 else None


def _facts(web: Host) -> tuple[str, str]:
    """The machine's PRETTY_NAME and its short host name, such as ``web``."""
    system = web.run('. /etc/os-release && echo "$PRETTY_NAME"').stdout.strip()
    name = web.run("hostname").stdout.strip().partition(".")[0]
    if not system or not name:
        raise CheckBroken("/etc/os-release or the host name could not be read")
    return system, name


def _ssh_port(web: Host) -> int:
    """The port that sshd holds on an address other machines can reach.

    A line of ``ss -H -tlnp``: ``LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=71,fd=6))``.
    Where systemd holds the socket for ssh, it stands there in sshd's place.
    """
    listed = web.run("ss -H -tlnp").stdout.splitlines()
    held = [match for line in listed if (match := OUTSIDE.match(line))]
    ports = {
        match["who"]: int(match["port"])
        for match in held
        if not match["address"].startswith(("127.", "[::1]"))
    }
    port = ports.get("sshd") or ports.get("systemd")
    if port is None:
        raise CheckBroken("`ss -tlnp` on web shows no sshd")
    return port


def _hops(text: str) -> list[str]:
    """The hops in the order of their first mention; of each line or arrow's piece the first."""
    pieces = [piece for piece in re.split(r"\n|[-=]+>|→|[>,;|]", text) if HOP.search(piece)]
    if len(pieces) == 1:
        found = [match.lastgroup for match in HOP.finditer(pieces[0])]
    else:
        found = [match.lastgroup for piece in pieces if (match := HOP.search(piece))]
    return list(dict.fromkeys(hop for hop in found if hop))


def _groups(text: str) -> dict[str, set[str]]:
    """What stands after each heading up to the next one: ``code: app.py, models.py``."""
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    groups: dict[str, set[str]] = {}
    for heading, end in zip(headings, ends, strict=True):
        below = text[heading.end() : end].lower()
        files = {
            name for name in EVERY_FILE if re.search(rf"(?<![\w.-]){re.escape(name)}\b", below)
        }
        groups.setdefault(_group(heading[1]), set()).update(files)
    return groups


def _group(word: str) -> str:
    starts = {"c": "code", "d": "database", "a": "assets", "o": "only copy"}
    return starts[word[0].lower()]


def _holds_number(text: str, number: int) -> bool:
    return re.search(rf"(?<!\d){number}(?!\d)", text) is not None


def _last_line_cut(theirs: list[str], mine: list[str]) -> bool:
    """Whether the copy ends in the middle of a line of the original."""
    last = len(theirs) - 1
    return last < len(mine) and theirs[:last] == mine[:last] and mine[last].startswith(theirs[last])


def _first_difference(theirs: list[str], mine: list[str]) -> str:
    for number, (there, here) in enumerate(zip(theirs, mine, strict=False), start=1):
        if there != here:
            return f"line {number}: on web {there.strip()!r}, on the laptop {here.strip()!r}"
    return f"{len(theirs)} lines on web, {len(mine)} on the laptop"


def _squeeze(text: str) -> str:
    return " ".join(text.lower().split())
