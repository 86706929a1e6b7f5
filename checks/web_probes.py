"""Look-ups for web and name servers that say "missing" instead of raising. They read only."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from testinfra.host import Host

import probes

CLOCK_TICKS = 100  # per second, in /proc/PID/stat: fixed for every Linux program (proc(5))
GIVE_UP_S = 5  # a server on the same computer answers at once, an emulated one within a second
COURSE_NETWORK = ip_network("192.168.56.0/21")  # every slot has a /24 of it
SITES = "/srv /var/www /home /opt /usr/share/nginx /usr/share/caddy"  # where a root may lie


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``status`` 0 and curl's own words in ``said`` where none came."""

    status: int
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: str = ""
    said: str = ""

    def header(self, name: str) -> str:
        """A header's values as one line; empty where it is not there."""
        return ", ".join(self.headers.get(name, ()))

    def __str__(self) -> str:
        if not self.status:
            return f"no answer: {self.said}"
        start = " ".join(re.sub(r"<[^>]*>", " ", self.body).split())[:80]
        return f'{self.status} with "{start}"' if start else f"{self.status} with nothing in it"


@dataclass(frozen=True)
class Listener:
    """The program at a port: its name, its processes, and the systemd unit they belong to."""

    program: str
    pids: tuple[str, ...]
    unit: str


# -- HTTP ---------------------------------------------------------------------------------------


def ask(
    host: Host,
    path: str = "/",
    *,
    name: str = "app.test",
    port: int = 80,
    takes_gzip: bool = False,
) -> Answer:
    """What the server at a port of ``host`` answers to a request for ``http://NAME/PATH``.

    The name is in the request and needs no resolver. An empty name asks as HTTP/1.0 did, without
    any. Redirects are not followed. A compressed body is unpacked.
    """
    options = "-sS -i --path-as-is --noproxy '*' --max-time %s --connect-to %s"
    options += " --compressed" if takes_gzip else " -H 'Accept-Encoding: identity'"
    options += "" if name else " -0 -H 'Host:'"
    asked = host.run(
        f"curl {options} -- %s",
        str(GIVE_UP_S),
        f"::127.0.0.1:{port}",
        f"http://{name or '127.0.0.1'}{path}",
    )
    return read_answer(asked.stdout) if asked.stdout else Answer(0, said=asked.stderr.strip())


def read_answer(text: str) -> Answer:
    """An answer as ``curl -i`` prints it: status line, headers, an empty line, the body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    match = re.match(r"HTTP/\S+ (\d{3})", first)
    headers: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = (*headers.get(name.lower(), ()), value.strip())
    return Answer(int(match[1]) if match else 0, headers, body, "" if match else first)


def http_port(laptop: Host) -> int:
    """The port of the laptop that leads to port 80 of ``web``; 0 where there is none."""
    stackwalk = Path(sys.executable).with_name("stackwalk")
    shown = laptop.run("%s machine status web --json", str(stackwalk)).stdout
    ports = json.loads(shown).get("ports", {}) if shown.startswith("{") else {}
    return int(ports.get("http", 0))


# -- the server's processes ---------------------------------------------------------------------


def find_listener(host: Host, port: int) -> Listener | None:
    """Who listens at a TCP port from any address; none where nobody does."""
    shown = host.run("ss -Hltnp %s", f"sport = :{port}").stdout
    holders = re.findall(r'\("([^"]+)",pid=(\d+)', shown)
    if not holders:
        return None
    pids = tuple(sorted({pid for _, pid in holders}, key=int))
    unit = host.run("ps -o unit= -p %s", pids[0]).stdout.strip()
    return Listener(holders[0][0], pids, unit if unit.endswith(".service") else "")


def open_addresses(host: Host, port: int) -> list[str]:
    """The addresses at which something listens at a port, by UDP or TCP, loopback left out."""
    found = []
    for line in host.run("ss -Hlntu %s", f"sport = :{port}").stdout.splitlines():
        address = line.split()[4].rpartition(":")[0].partition("%")[0].strip("[]")
        if not address.startswith("127.") and address != "::1":
            found.append(address)
    return sorted(set(found))


# -- its configuration --------------------------------------------------------------------------

TESTS = {
    "nginx": "nginx -t -q",
    "apache2": "apache2ctl -t",
    "caddy": "caddy adapt --config /etc/caddy/Caddyfile",
}


def config_complaint(host: Host, program: str) -> str:
    """What a web server says of its own files; empty when it would start with them."""
    if program not in TESTS or not probes.is_installed(host, program):
        return ""
    tested = host.run(TESTS[program])
    return first_complaint(tested.stderr or tested.stdout) if tested.rc != 0 else ""


def first_complaint(text: str) -> str:
    """The line that names file and place, without the time and the process that stand before it."""
    lines = [line for line in text.splitlines() if line.strip()]
    named = [line for line in lines if re.search(r"\[emerg\]|Syntax error|^Error", line)]
    line = (named or lines or ["it refuses its files, and says no more"])[0]
    return re.sub(r"^.*\[emerg\] (\d+#\d+: )?", "", line).strip()


def unread_changes(host: Host, listener: Listener) -> list[str]:
    """Configuration files that changed after the running server last read them.

    nginx and Apache answer a reload with new processes, so the newest one is as old as what the
    server knows. Caddy keeps its process and tells what it runs with.
    """
    if listener.program == "caddy":
        return _caddy_changes(host)
    files = _config_files(host, listener.program)
    read_at = _newest_start(host, listener.pids)
    if not files or not read_at:
        return []
    # Both the file and, where it is a link, the link: switching a site on is a change too.
    stat = f"-c '%%.Y %%n' {_slots(files)}"
    shown = host.run(f"stat {stat}; stat -L {stat}", *files, *files).stdout
    changed = [line.split(" ", 1) for line in shown.splitlines()]
    return sorted({file for at, file in changed if float(at.replace(",", ".")) > read_at})


def _slots(words: Sequence[str]) -> str:
    return " ".join("%s" for _ in words)


def _config_files(host: Host, program: str) -> list[str]:
    if program == "nginx":
        return re.findall(r"^# configuration file (.+):$", host.run("nginx -T").stdout, re.M)
    if program == "apache2":
        shown = host.run("apache2ctl -t -D DUMP_INCLUDES").stdout
        return re.findall(r"^\s*\(\S+\) (/\S+)$", shown, re.M)
    return []


def _newest_start(host: Host, pids: Sequence[str]) -> float:
    """When the youngest of the processes began, in seconds since 1970; 0 where none is left."""
    files = [f"/proc/{pid}/stat" for pid in pids]
    command = f"date +%%s.%%N; cat /proc/uptime {_slots(files)}"
    shown = host.run(command, *files).stdout.splitlines()
    now, uptime = float(shown[0]), float(shown[1].split()[0])
    # The second field, the name in brackets, may hold blanks; the start is the 22nd (proc(5)).
    ticks = [int(line.rpartition(")")[2].split()[19]) for line in shown[2:]]
    return now - uptime + max(ticks) / CLOCK_TICKS if ticks else 0.0


def _caddy_changes(host: Host) -> list[str]:
    file = "/etc/caddy/Caddyfile"
    wanted = host.run("caddy adapt --config %s", file).stdout
    running = host.run(
        "curl -sS --max-time %s http://localhost:2019/config/", str(GIVE_UP_S)
    ).stdout
    if not wanted or not running:
        return []
    return [] if json.loads(wanted) == json.loads(running) else [file]


# -- its files ----------------------------------------------------------------------------------


def find_pages(host: Host, name: str, mark: str) -> list[str]:
    """Files of this name with these words in them, where sites usually lie."""
    found = host.run(f"grep -rlsiF --include=%s -e %s {SITES}", name, mark)
    return str(found.stdout).split("\n")[:-1]


def server_account(host: Host, listener: Listener) -> str:
    """As whom the server reads files: the owner of its processes that is not root."""
    # With the children: a reload a moment ago has replaced the workers, the master is the same.
    pids = ",".join(listener.pids)
    shown = host.run("ps -o user:32= -p %s --ppid %s", pids, pids).stdout.split()
    return next((user for user in shown if user != "root"), "root")


def writable_below(host: Host, user: str, folder: str) -> str:
    """The first path in a folder that an account could write to; empty where there is none."""
    found = host.run("runuser -u %s -- find %s ! -type l -writable -print -quit", user, folder)
    return str(found.stdout).strip()


# -- names --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """One line of an answer: ``www.app.test. 300 IN CNAME app.test.``"""

    name: str
    ttl: int
    kind: str
    value: str


@dataclass(frozen=True)
class Reply:
    """What a name server said: ``status`` such as ``NOERROR``; empty where it said nothing."""

    status: str
    is_authoritative: bool = False
    records: tuple[Record, ...] = ()

    def values(self, kind: str) -> list[str]:
        return [record.value for record in self.records if record.kind == kind]


def look_up(host: Host, name: str, kind: str) -> Reply:
    """What the name server on the machine's own loopback says about a name.

    While it still reads a zone that it was given a moment ago it says SERVFAIL, so that is asked
    again for three seconds.
    """
    ask = "dig @127.0.0.1 +noall +comments +answer +norecurse +time=2 +tries=2 %s %s"
    again = (
        f"for try in 1 2 3 4 5 6; do said=$({ask}); "
        'case $said in *SERVFAIL*) sleep 0.5 ;; *) break ;; esac; done; echo "$said"'
    )
    return read_reply(host.run(again, name, kind).stdout)


def read_reply(text: str) -> Reply:
    """A reply as ``dig +comments +answer`` prints it."""
    status = re.search(r"status: (\w+)", text)
    flags = re.search(r"flags: ([\w ]*)", text)
    lines = re.findall(r"^(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(.+)$", text, re.M)
    return Reply(
        status[1] if status else "",
        "aa" in (flags[1].split() if flags else []),
        tuple(Record(name, int(ttl), kind, value) for name, ttl, kind, value in lines),
    )


def in_course_network(addresses: Sequence[str]) -> list[str]:
    """Those that ``stackwalk machine status`` shows; a provider's own are left out."""
    return [a for a in addresses if ":" not in a and ip_address(a) in COURSE_NETWORK]
