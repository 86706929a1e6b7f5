"""Look-ups for what keeps a system whole: packages, updates, bans, clock, swap, rights.

Only ``measure`` does more than read: it looks from an address that exists for seconds, see
``outside.py`` and decision 0010.
"""

import contextlib
import ipaddress
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testinfra.host import Host

import probes
from stackwalk.verdict import CheckBroken

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
OUTSIDE = Path(__file__).with_name("outside.py")
WAITS = 8  # times fifteen seconds: an emulated machine is ten times slower
# What journald looks up of a process after its line came in, and does not find when that has ended.
LOOKED_UP = re.compile(r"_(SYSTEMD_\w+|COMM|EXE|CMDLINE)=")

# Services whose programs map files that are no longer on the disk: the path of the cgroup names
# the service. Sessions of people are not asked: they end by themselves.
STALE = r"""
for maps in $(grep -lsE ' /(usr|lib|bin|sbin|opt)[^ ]* \(deleted\)$' /proc/[0-9]*/maps); do
    sed -n 's|.*/system[.]slice/\(.*/\)\{0,1\}\([^/]*[.]service\).*|\2|p' "${maps%maps}cgroup"
done | sort -u
"""


# -- what takes longer than a command may -------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """What a command printed, on both its ways out, and how it ended."""

    rc: int
    stdout: str


def run_beside(host: Host, command: str) -> Done:
    """Runs a shell command beside the connection and waits for it, up to two minutes.

    An emulated machine is ten times slower, and a single command has its limit.
    """
    line = shlex.quote(f"{command}; echo $? >&3")
    begun = host.run(
        f'o=$(mktemp); setsid sh -c {line} >"$o" 2>&1 3>"$o.rc" </dev/null & echo $! $o  # now'
    )
    pid, path = begun.stdout.split()
    try:
        for _ in range(WAITS):
            if host.run("timeout 15 tail --pid=%s -f /dev/null  # now", pid).rc == 0:
                break
        said = host.run("cat %s  # now", path).stdout
        status = host.run("cat %s  # now", f"{path}.rc").stdout.strip()
    finally:
        host.run("rm -f %s %s  # now", path, f"{path}.rc")
    return Done(int(status or 124), said)


# -- packages -----------------------------------------------------------------------------------


def waiting_upgrades(host: Host) -> list[str]:
    """Packages that are installed in an older version than the index offers, as apt would act."""
    ask = "LC_ALL=C apt-get -qq -s -o APT::Get::Upgrade-Allow-New=1 {} upgrade"
    in_memory = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="  # slower; no room needed
    shown = run_beside(host, f"{ask.format('')} || {ask.format(in_memory)}")
    if shown.rc != 0:
        raise CheckBroken(f"apt-get: {shown.stdout.strip()[-200:]}")
    return re.findall(r"^Inst (\S+) \[", shown.stdout, re.MULTILINE)


def held_packages(host: Host) -> list[str]:
    """Packages that somebody told apt to leave alone."""
    return str(host.run("apt-mark showhold").stdout).split()


def stale_services(host: Host) -> list[str]:
    """Services that run code which an upgrade has replaced on the disk."""
    return str(host.run("sh -c %s", STALE).stdout).split()


def index_age_days(host: Host) -> float:
    """How long ago apt last fetched lists of packages; infinite where it never did."""
    shown = host.run(
        "date +%s; ls /var/lib/apt/lists | grep -q _Packages && "
        "stat -c %Y /var/lib/apt/lists /var/lib/apt/lists/partial"
    )
    now, *times = [int(word) for word in shown.stdout.split()]
    return (now - max(times)) / 86400 if times else float("inf")


def unresolved_archive(host: Host) -> str:
    """The archive's name where the machine cannot turn it into an address; empty when it can.

    Through a proxy the machine needs no name of the archive's, and is not asked.
    """
    if apt_setting(host, "Acquire::http::Proxy"):
        return ""
    shown = host.run("apt-get indextargets --format %s", "$(REPO_URI)")
    sites = re.findall(r"^https?://([^/:]+)", shown.stdout, re.MULTILINE)
    for site in sorted(set(sites)):
        if host.run("timeout 8 getent ahosts %s", site).rc != 0:
            return str(site)
    return ""


def package_work(host: Host) -> str:
    """The process that holds dpkg's lock at this moment, number and name; empty when none does."""
    shown = host.run(
        "for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock; do "
        'awk -v i=":$(stat -c %i $lock)$" \'$2 == "POSIX" && $6 ~ i {print $5}\' /proc/locks; '
        "done | sort -u | xargs -r ps -o pid=,comm= -p"
    )
    return " ".join(str(shown.stdout).split())


def unreadable_setting(host: Host) -> str:
    """What apt says of a file of settings that it cannot read; empty when it reads them all."""
    shown = host.run("LC_ALL=C apt-config dump")
    return "" if shown.rc == 0 else str(shown.stderr).strip()


def apt_setting(host: Host, name: str) -> str:
    """A setting as all of apt's files amount to it; empty where it is not set."""
    shown = host.run('eval "$(apt-config shell value %s)"; echo "$value"', name).stdout
    return str(shown).strip()


def apt_periodic(host: Host, name: str) -> tuple[str, str]:
    """How often apt's own timer does a thing, and its main switch; both as they are written."""
    shown = host.run(
        'eval "$(apt-config shell every %s switch APT::Periodic::Enable)"; echo "$every/$switch"',
        f"APT::Periodic::{name}",
    )
    every, _, switch = str(shown.stdout).strip().partition("/")
    return every, switch or "1"


def apt_settings(host: Host, name: str) -> list[tuple[str, str]]:
    """All that is set below a name in apt's configuration: the full name in lower case, value."""
    shown = host.run("apt-config dump --no-empty --format %s %s", "%f %v%n", name).stdout
    lines = [line.partition(" ") for line in str(shown).splitlines()]
    return [(key.lower(), value.strip()) for key, _, value in lines if value.strip()]


def period_days(value: str) -> float | None:
    """A period of apt's (``1``, ``12h``, ``always``) in days; none where it means never."""
    if value == "always":
        return 0.0
    match = re.fullmatch(r"(\d+)([smhd]?)", value)
    if match is None or int(match[1]) == 0:
        return None
    return int(match[1]) / {"s": 86400, "m": 1440, "h": 24}.get(match[2], 1)


# -- units --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """What systemd says of a unit: ``active`` now, ``enabled`` at the next start."""

    name: str
    active: str
    enabled: str

    @property
    def is_active(self) -> bool:
        return self.active == "active"

    @property
    def is_masked(self) -> bool:
        return self.enabled.startswith("masked")

    @property
    def is_enabled(self) -> bool:
        return self.enabled in ("enabled", "static", "generated", "alias", "enabled-runtime")

    def __str__(self) -> str:
        return f"{self.name}: {self.active or 'unknown'}, {self.enabled or 'not installed'}"


def find_unit(host: Host, name: str) -> Unit:
    """A unit, also one that does not exist: then nothing about it is true."""
    shown = host.run("systemctl show -p ActiveState,UnitFileState --value %s", name)
    active, enabled = [*str(shown.stdout).split("\n"), "", ""][:2]
    return Unit(name, active, enabled)


def timers_that_run(host: Host, words: str) -> list[str]:
    """Active timers of one's own whose service runs a command that matches ``words``."""
    shown = host.run("systemctl list-timers --no-legend --plain --all")
    found = []
    for line in str(shown.stdout).splitlines():
        if len(names := re.findall(r"\S+\.(?:timer|service)", line)) != 2:
            continue
        timer, service = names
        does = probes.unit_property(host, service, "ExecStart")
        if re.search(words, does) and not timer.startswith("apt-daily"):
            found.append(timer)
    return [name for name in found if find_unit(host, name).is_enabled]


# -- from outside -------------------------------------------------------------------------------


def measure(web: Host, *words: str) -> dict[str, Any]:
    """What ``outside.py`` saw.

    Raises:
        CheckBroken: no answer in two minutes, or the machine has no second namespace to offer.
    """
    script = OUTSIDE.read_text(encoding="utf-8")
    said = run_beside(web, shlex.join(["python3", "-c", script, *words])).stdout
    try:
        seen: dict[str, Any] = json.loads(said)
    except ValueError:
        raise CheckBroken(f"no look from outside: {said[-200:]}") from None
    return seen


def count_failures(web: Host, address: str, matches: str = "") -> int:
    """Failed logins from an address in the journal, among the lines that ``matches`` picks.

    journald looks up the unit and the program of a line after it was sent. A process that has
    ended by then, as a refused sshd-session has, leaves lines without them.
    """
    words = shlex.join(shlex.split(matches))
    lines = web.run(
        f"journalctl -q -o cat --since=-5min {words} | grep -cE %s",
        f"^Invalid user .* from {re.escape(address)} ",
    )
    return int(str(lines.stdout).strip() or 0)


# -- fail2ban -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Jail:
    """One jail of fail2ban as its running server knows it."""

    name: str
    files: str
    matches: str
    max_retry: int
    ban_s: int
    spares: tuple[str, ...] = ()
    find_s: int = 600

    @property
    def reads_journal(self) -> bool:
        return bool(self.matches)

    @property
    def looks_up_late(self) -> bool:
        """Whether each of the alternatives (``+``) asks what a line of sshd's may lack."""
        ways = re.split(r"(?:^|\s)\+(?:\s|$)", self.matches)
        return self.reads_journal and all(LOOKED_UP.search(way) for way in ways)


def find_jail(host: Host) -> Jail | None:
    """The jail that watches sshd; none where no jail bears such a name."""
    shown = host.run("fail2ban-client status").stdout
    names = re.findall(r"[\w-]+", shown.partition("Jail list:")[2])
    name = next((n for n in names if "ssh" in n), None)
    if name is None:
        return None
    matches = _jail(host, name, "journalmatch").partition(":")[2]
    return Jail(
        name,
        files="" if matches else " ".join(re.findall(r"(/\S+)", _jail(host, name, "logpath"))),
        matches=" ".join(matches.split()),
        max_retry=int(_jail(host, name, "maxretry") or 0),
        ban_s=int(_jail(host, name, "bantime") or 0),
        spares=_spared(_jail(host, name, "ignoreip")),
        find_s=int(_jail(host, name, "findtime") or 0),
    )


def _spared(listed: str) -> tuple[str, ...]:
    """The list of ``ignoreip``; fail2ban writes ``0.0.0.0/0`` as if it were an address."""
    names = re.findall(r"^[|`]- (\S+)", listed, re.MULTILINE)
    return tuple(f"{name}/0" if name in ("0.0.0.0", "::") else name for name in names)


def spares_itself(host: Host, jail: Jail) -> bool:
    """Whether the machine's own addresses are never banned, by ``ignoreself`` or by the list."""
    listed = is_within("127.0.0.1", jail.spares)
    return listed or _jail(host, jail.name, "ignoreself").lower().endswith("true")


def picks_nothing(host: Host, matches: str) -> bool:
    """Whether the journal has no line at all that these words would pick."""
    return not host.run(f"journalctl -q -o cat -n 1 {shlex.join(shlex.split(matches))}").stdout


def ssh_callers(host: Host) -> list[str]:
    """The addresses from which somebody is logged in by ssh now, as sshd sees them."""
    shown = host.run("ss -Htn state established %s", "( sport = :22 )").stdout
    seen = re.findall(r"(?:::ffff:)?([0-9a-fA-F.:]+)\]?:\d+\s*$", shown, re.MULTILINE)
    return sorted(set(seen))


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is one of these, or in one; names among them are passed over."""
    ip = ipaddress.ip_address(address)
    for text in networks:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if ip.version == network.version and ip in network:
            return True
    return False


def not_covered(wanted: tuple[str, ...], networks: tuple[str, ...]) -> list[str]:
    """Those of the wanted networks that the others, taken together, do not hold whole."""
    v4, v6 = [], []
    for text in networks:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(text, strict=False)
            if isinstance(network, ipaddress.IPv4Network):
                v4.append(network)
            else:
                v6.append(network)
    held: list[Network] = [*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6)]
    return [text for text in wanted if not _is_held(ipaddress.ip_network(text), held)]


def _is_held(network: Network, held: list[Network]) -> bool:
    return any(network[0] in other and network[-1] in other for other in held)


def banned_by(host: Host, jail: str, address: str) -> bool:
    """Whether a jail holds an address."""
    return address in str(host.run("fail2ban-client get %s banip", jail).stdout).split()


def _jail(host: Host, name: str, what: str) -> str:
    return str(host.run("fail2ban-client get %s %s", name, what).stdout).strip()


# -- rights -------------------------------------------------------------------------------------


def fullest(host: Host, *paths: str) -> tuple[str, int]:
    """Of the file systems that hold these paths, the one with least room: path and free KiB."""
    free = []
    for path in paths:
        shown = host.run("df -k --output=avail %s", path).stdout.split()
        if len(shown) == 2:
            free.append((int(shown[1]), path))
    if not free:
        raise CheckBroken("df says nothing")
    least, path = min(free)
    return path, least
