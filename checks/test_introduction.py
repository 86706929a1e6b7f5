"""Chapter 01: what was learned about the server, and the first file that moved to it."""

import re

from testinfra.host import Host

from stackwalk.verdict import CheckBroken, NotStarted, Unmet

HOME = "/home/vagrant"
READ_LIMIT = 65536  # bytes; every file here is a few lines

# What a hop may be called. Where two begin at the same letter, the earlier entry is meant.
# A web server is a program on the machine and none of the five: it is known to be told apart.
# A helper, such as the database, is asked by the framework: it may only follow there.
NAMES = {
    "web": r"nginx|apache|caddy|web[ -]?server",
    "client": r"client|browser|curl|\bphone|\bmobile|\bapp on (a|the|my) phone|visitor|\buser",
    "WSGI": r"u?wsgi|gunicorn|app(lication)?[ -]server",
    "framework": r"framework|flask|django|app(lication)?\b|python (code|function)"
    r"|\b(my|your)( own)? (code|function|python)|\bview\b",
    "internet": r"internet|network|\bnet\b|\bdns\b",
    "server": r"server|machine|\bhost\b",
    "helper": r"database|\bdb\b|sqlite|postgres|\bcache\b|redis|\bqueue\b",
}
HOPS = ("client", "internet", "server", "WSGI", "framework")
HOP = re.compile("|".join(f"(?P<{hop}>{names})" for hop, names in NAMES.items()), re.IGNORECASE)
REMARK = re.compile(r"\([^()]*\)")
HEADLINE = re.compile(r"^\s*#|:\s*$")
BETWEEN = re.compile(r"[-=]+>|→|[>,;|]")

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
DOOR = re.compile(
    r"^LISTEN\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+)\s(?:.*?\"(?P<who>[^\"]+)\")?"
)
INSIDE = ("127.", "[::1]", "[::ffff:127.")
PASTED = re.compile(r"^\s*LISTEN\b|\bpid=")  # a line of ss, full of other numbers
PORT_BEHIND_COLON = re.compile(r":(\d{1,5})(?![\w:\]]|\.\d)")
PORT = re.compile(r"(?<![\w.=-])(\d{1,5})(?![\w:\]=-]|\.\d)")
NUMBERED = re.compile(r"^\s*\d+[.)]\s")


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
    its_name = rf"(?<![\w.-]){re.escape(name)}(?![\w-])"
    if re.fullmatch(rf"{its_name}[\w.-]*", text.strip(), re.IGNORECASE):
        raise Unmet(
            "where-am-i.txt holds the host name and no system's name",
            expected=expected,
            found=found,
            look=look,
            saw="overwritten",
        )
    if _squeeze(system) not in _squeeze(text):
        raise Unmet(
            "where-am-i.txt does not name this server's system",
            expected=expected,
            found=found,
            look=look,
            saw="other_system",
        )
    if not re.search(its_name, text, re.IGNORECASE):
        raise Unmet(
            "where-am-i.txt does not hold this server's host name",
            expected=expected,
            found=found,
            look=look,
            saw="other_name",
        )
    return f"{system}, called {name}"


def test_hops_in_order(laptop: Host) -> str:
    """Accepts numbers, remarks, usual synonyms, headings, and lines of nginx or the database.

    Rejects a missing hop, several on a line, a web server in the server's place, another order,
    and a line that names nothing on the road.
    """
    wanted = list(HOPS)
    expected = "the five hops, one on each line, in the order in which a request passes them"
    text = _read(laptop, "request-path.txt")
    if text is None:
        raise NotStarted(
            "request-path.txt is not in the laptop's working folder yet",
            expected=expected,
            found="no such file",
            look="laptop: ls",
        )
    order, unknown = _hops(text)
    look = "laptop: cat request-path.txt"
    if missing := [hop for hop in wanted if hop not in order]:
        found = " → ".join(order) or "no hop that I know"
        if unknown:
            found += f"; not recognised: {', '.join(unknown)}"
        if _several_on_a_line(text):
            raise Unmet(
                "request-path.txt has more than one hop on a line",
                expected=expected,
                found=text.strip(),
                look=look,
                saw="one_line",
            )
        is_machine = missing == ["server"]
        if is_machine and "web" in [_hop(line) for line in text.splitlines()]:
            raise Unmet(
                "request-path.txt has a web server where the server belongs",
                expected=expected,
                found=found,
                look=look,
                saw="web_server",
            )
        raise Unmet(
            f"request-path.txt leaves out a hop: {len(order)} of the five are there",
            expected=expected,
            found=found,
            look=look,
            saw="missing_server" if is_machine else "missing_hop",
        )
    if unknown:
        raise Unmet(
            "request-path.txt has a line that is no hop",
            expected=expected,
            found=", ".join(unknown),
            look=look,
            saw="no_hop",
        )
    if order != wanted or _asks_early(text):
        raise Unmet(
            "request-path.txt names the five hops in another order",
            expected=expected,
            found=" → ".join(order if order != wanted else _all_hops(text)),
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
    strange = _strange_files(text)
    for group in ("code", "database", "assets"):
        if groups[group] != GROUPS[group]:
            odd = sorted(groups[group] ^ GROUPS[group])[0]
            is_upload = odd.startswith("receipt")
            found = f"{group}: {', '.join(sorted(groups[group])) or 'nothing'}{strange}"
            if not any(odd in groups[other] for other in ("code", "database", "assets")):
                raise Unmet(
                    f"{odd} is in none of the first three lines",
                    expected="each of the six files in one of the three groups",
                    found=found,
                    look=look,
                    saw="left_out",
                )
            raise Unmet(
                f"{odd} is not where it belongs",
                expected="each of the six files in one of the three groups",
                found=found,
                look=look,
                saw="upload_elsewhere" if is_upload else "other_group",
            )
    if groups["only copy"] != GROUPS["only copy"]:
        is_too_much = bool(groups["only copy"] - GROUPS["only copy"])
        raise Unmet(
            "the line `only copy` does not hold what exists nowhere else",
            expected="what no repository and no colleague could give back",
            found=f"only copy: {', '.join(sorted(groups['only copy'])) or 'nothing'}{strange}",
            look=look,
            saw="git_has_it" if is_too_much else "lost_for_good",
        )
    return "two files of code, one database, three assets; two exist only once"


def test_listening_known(web: Host) -> str:
    """Accepts any line with the ssh daemon's name and its port, pasted from `ss` or written.

    Rejects half of the pair, the client's name, the laptop's port, and any further port that
    cannot be reached from outside; doors that later chapters open may be listed or not.
    """
    doors = _doors(web)
    port, holder = _ssh_door(doors)
    expected = "program and port of what answers from outside, on one line"
    look = "web: cat /home/vagrant/listening.txt"
    text = _read(web, f"{HOME}/listening.txt")
    if text is None:
        raise NotStarted(
            "listening.txt is not in vagrant's home on web yet",
            expected=f"web: {HOME}/listening.txt with {expected}",
            found="no such file",
            look="web: ls -l /home/vagrant",
        )
    if inside := LOOPBACK.search(text):
        raise Unmet(
            "listening.txt lists something that cannot be reached from outside",
            expected=expected,
            found=inside.group().strip(),
            look=look,
            saw="loopback_too",
        )
    outside = {door for door, address, _ in doors if not address.startswith(INSIDE)}
    indoors = {door for door, _, _ in doors} - outside
    for line in text.splitlines():
        closed = [number for number in _ports(line) if number not in outside]
        if closed and closed[0] not in indoors:
            is_laptops = LAPTOP_PORT.fullmatch(str(closed[0])) is not None
            raise Unmet(
                "listening.txt holds a port of the laptop, not of the server"
                if is_laptops
                else f"listening.txt lists {closed[0]}, and at that port nothing listens",
                expected=expected,
                found=line.strip(),
                look=look,
                saw="laptop_port" if is_laptops else "nobody_there",
            )
        if closed:
            raise Unmet(
                "listening.txt lists something that cannot be reached from outside",
                expected=expected,
                found=line.strip(),
                look=look,
                saw="loopback_too",
            )
    lines = [line for line in text.splitlines() if port in _ports(line)]
    daemon = re.compile(rf"\b(sshd|openssh|{re.escape(holder)})\b", re.IGNORECASE)
    if any(daemon.search(line) for line in lines):
        return f"{holder} on port {port}"
    clients = [line for line in lines if re.search(r"\bssh\b", line, re.IGNORECASE)]
    raise Unmet(
        "listening.txt names the client, not the program that listens"
        if clients
        else "listening.txt does not hold program and port side by side",
        expected=expected,
        found=clients[0].strip() if clients else _by_line(text) or "an empty file",
        look=look,
        saw="names_client" if clients else "half_of_it",
    )


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
    mine = _lines(here.strip())
    count = len(here.splitlines())
    expected = f"web: {HOME}/tally/app.py, the same {count} lines as on the laptop"
    if there is None:
        raise _not_carried(web, expected)
    theirs = _lines(there.strip())
    if theirs == mine:
        return f"{count} lines, the same on both machines"
    cut_short = theirs == mine[: len(theirs)] or _last_line_cut(theirs, mine)
    raise Unmet(
        "the app on web is cut short" if cut_short else "the app on web is not the laptop's",
        expected=expected,
        found=_first_difference(_lines(there), _lines(here)),
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


def _doors(web: Host) -> list[tuple[int, str, str]]:
    """Port, address and program of every listening socket.

    A line of ``ss -H -tlnp``: ``LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=71,fd=6))``.
    """
    listed = web.run("ss -H -tlnp").stdout.splitlines()
    held = [match for line in listed if (match := DOOR.match(line))]
    return [(int(match["port"]), match["address"], match["who"] or "") for match in held]


def _by_line(text: str) -> str:
    """A text of few lines on one line, so that nobody takes two lines for one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return "".join(lines)
    return ", ".join(f'line {number} "{line}"' for number, line in enumerate(lines, start=1))


def _ssh_door(doors: list[tuple[int, str, str]]) -> tuple[int, str]:
    """The port for ssh that other machines can reach, and who holds it: sshd, or systemd for it."""
    ports = {who: port for port, address, who in doors if not address.startswith(INSIDE)}
    for holder in ("sshd", "systemd"):
        if holder in ports:
            return ports[holder], holder
    raise Unmet(
        "nothing of ssh listens on web now, and that is the first thing on the list",
        expected="sshd, or systemd in its place, listens for other machines",
        found=f"{len(doors)} ports that listen, none of them ssh's",
        look="web: systemctl status ssh",
    )


def _ports(line: str) -> list[int]:
    """The ports a line names: of a pasted line what stands behind an address, else any number."""
    behind_colon = PORT_BEHIND_COLON.findall(line)
    bare = [] if PASTED.search(line) else PORT.findall(NUMBERED.sub("", line))
    return [int(number) for number in dict.fromkeys([*behind_colon, *bare])]


def _hop(line: str) -> str | None:
    """The hop a line names first, outside of remarks in parentheses where there is one."""
    match = HOP.search(REMARK.sub(" ", line)) or HOP.search(line)
    return match.lastgroup if match else None


def _hops(text: str) -> tuple[list[str], list[str]]:
    """The hops in the order of their first mention, and the lines that name none."""
    order: list[str] = []
    unknown: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        hop = _hop(line)
        if hop in HOPS and hop not in order:
            order.append(hop)
        elif hop is None and re.search(r"\w", line) and not HEADLINE.search(line):
            unknown.append(f'line {number} "{line.strip()}"')
    return order, unknown


def _all_hops(text: str) -> list[str]:
    """What each line names, those included that are none of the five."""
    return [hop for line in text.splitlines() if (hop := _hop(line))]


def _asks_early(text: str) -> bool:
    """Whether a helper, such as the database, stands before the framework that asks it."""
    hops = _all_hops(text)
    return "helper" in hops[: hops.index("framework")]


def _several_on_a_line(text: str) -> bool:
    """Whether arrows or commas part hops on one line, or the only line holds three of them."""
    lines = [REMARK.sub(" ", line) for line in text.splitlines() if _hop(line)]
    if len(lines) == 1 and len({match.lastgroup for match in HOP.finditer(lines[0])}) > 2:
        return True
    return any(len({_hop(piece) for piece in BETWEEN.split(line)} - {None}) > 1 for line in lines)


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


def _strange_files(text: str) -> str:
    """What looks like a file and is none of the six, as an addition to what was found."""
    written = re.findall(r"[^\s,]*\*[^\s,]*|[\w-]+(?:\.[\w-]+)+", text.lower())
    strange = [name for name in dict.fromkeys(written) if name not in EVERY_FILE]
    return f"; not one of the six: {', '.join(strange)}" if strange else ""


def _group(word: str) -> str:
    starts = {"c": "code", "d": "database", "a": "assets", "o": "only copy"}
    return starts[word[0].lower()]


def _last_line_cut(theirs: list[str], mine: list[str]) -> bool:
    """Whether the copy ends in the middle of a line of the original."""
    last = len(theirs) - 1
    return last < len(mine) and theirs[:last] == mine[:last] and mine[last].startswith(theirs[last])


def _lines(text: str) -> list[str]:
    """The lines as ``cat -n`` counts them, without what nobody sees at their ends."""
    return [line.rstrip() for line in text.splitlines()]


def _first_difference(theirs: list[str], mine: list[str]) -> str:
    for number, (there, here) in enumerate(zip(theirs, mine, strict=False), start=1):
        if there.split() != here.split():
            return (
                f"line {number}: on web {there.strip() or 'nothing'}"
                f" | on the laptop {here.strip() or 'nothing'}"
            )
        if there != here:
            return f"line {number}: the same words, with other blanks: {there.strip()}"
    return f"the two differ in length, in lines: {len(theirs)} on web, {len(mine)} on the laptop"


def _squeeze(text: str) -> str:
    return " ".join(text.lower().split())
