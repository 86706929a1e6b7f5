"""The rules at PostgreSQL's door for callers by TCP, as its files say them now. Reads only."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testinfra.host import Host

import postgres_probes

RULES = """
SELECT json_build_object('rules', coalesce(json_agg(r ORDER BY rule_number), '[]'))
FROM pg_hba_file_rules r WHERE error IS NULL AND type LIKE 'host%'"""

# Besides trust, an option may bring a map in, by which one name becomes another.
UNASKED = """
SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust' OR options IS NOT NULL"""


@dataclass(frozen=True)
class Rule:
    """One ``host…`` line: its place, whom it is about, and what it asks of them."""

    place: str  # ``pg_hba.conf line 4``
    kind: str  # ``host``, ``hostssl``, …
    databases: frozenset[str]
    roles: frozenset[str]
    address: str  # ``127.0.0.1/32``, ``all``, ``samehost``, or a name
    method: str

    def __str__(self) -> str:
        who = f"{','.join(sorted(self.databases))} {','.join(sorted(self.roles))}"
        return f"{self.place}: {self.kind} {who} {self.address} {self.method}"

    @property
    def is_local(self) -> bool:
        """Whether only callers of this very machine fit."""
        if "/" not in self.address:
            return self.address in ("localhost", "samehost")
        return is_within(self.address, "127.0.0.0/8") or is_within(self.address, "::1/128")

    def covers(self, other: "Rule") -> bool:
        """Whether each caller whom the other line is about fits this line too."""
        databases = other.databases <= self.databases or (
            "all" in self.databases and "replication" not in other.databases
        )
        roles = "all" in self.roles or other.roles <= self.roles
        return (
            databases
            and roles
            and self.kind in ("host", other.kind)
            and is_within(other.address, self.address)
        )


def list_rules(host: Host) -> list[Rule]:
    """The lines for callers by TCP of the files as they are now, without those never reached."""
    return read_rules((postgres_probes.ask_json(host, RULES) or {"rules": []})["rules"])


def may_let_in_unasked(host: Host) -> bool:
    """Whether a line of the files as they are now could let somebody in under another name."""
    return postgres_probes.ask(host, UNASKED).text.strip() not in ("", "0")


def read_rules(rows: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Rows of ``pg_hba_file_rules``; a line is left out where one above it fits all its callers."""
    reached: list[Rule] = []
    for row in rows:
        rule = Rule(
            f"{row['file_name'].rpartition('/')[2]} line {row['line_number']}",
            row["type"],
            frozenset(row["database"]),
            frozenset(row["user_name"]),
            _address(row["address"], row["netmask"]),
            row["auth_method"],
        )
        if not any(earlier.covers(rule) for earlier in reached):
            reached.append(rule)
    return reached


def _address(address: str, netmask: str | None) -> str:
    """``127.0.0.1`` and ``255.255.255.255`` as ``127.0.0.1/32``; a word stays a word."""
    if netmask is None:
        return address
    return f"{address}/{int(ipaddress.ip_address(netmask)).bit_count()}"


def is_within(address: str, wider: str) -> bool:
    """Whether all callers of an address belong to another; of two words only the same do."""
    if wider in ("all", address):
        return True
    if "/" not in address or "/" not in wider:
        return False
    inner, outer = (ipaddress.ip_network(text, strict=False) for text in (address, wider))
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
