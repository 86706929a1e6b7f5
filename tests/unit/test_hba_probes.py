"""Which callers by TCP the lines of ``pg_hba.conf`` are for, read from the top."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("hba_probes")


@pytest.fixture
def checks(probes: ModuleType, load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("test_databases")


def row(line: str, number: int = 1) -> dict[str, object]:
    """A row of ``pg_hba_file_rules`` from ``host DATABASES ROLES ADDRESS [NETMASK] METHOD``."""
    kind, databases, roles, address, *netmask, method = line.split()
    return {
        "file_name": "/etc/postgresql/17/main/pg_hba.conf",
        "line_number": number,
        "type": kind,
        "database": databases.split(","),
        "user_name": roles.split(","),
        "address": address,
        "netmask": netmask[0] if netmask else None,
        "auth_method": method,
    }


def reached(probes: ModuleType, *lines: str) -> list[str]:
    rules = probes.read_rules([row(line, number) for number, line in enumerate(lines, start=1)])
    return [str(rule) for rule in rules]


def test_rule_is_told_by_its_place_and_its_words(probes: ModuleType) -> None:
    assert reached(probes, "host b,a postcards 127.0.0.1 255.255.255.255 scram-sha-256") == [
        "pg_hba.conf line 1: host a,b postcards 127.0.0.1/32 scram-sha-256"
    ]


@pytest.mark.parametrize(
    ("above", "below", "count"),
    [
        pytest.param("host all all all reject", "host all ann ::1 ffff:: md5", 1, id="all"),
        pytest.param("host all all all reject", "host replication all all md5", 2, id="a copy"),
        pytest.param(
            "host all all 10.0.0.0 255.0.0.0 md5",
            "host a b 10.1.2.3 255.255.255.255 md5",
            1,
            id="net",
        ),
        pytest.param(
            "host all all 10.1.2.3 255.255.255.255 md5",
            "host a b 10.0.0.0 255.0.0.0 md5",
            2,
            id="wider",
        ),
        pytest.param(
            "host all all 10.0.0.0 255.0.0.0 md5",
            "host all all ::1 ffff:: md5",
            2,
            id="other family",
        ),
        pytest.param("host all ann all reject", "host all all all md5", 2, id="one role of all"),
        pytest.param("hostssl all all all reject", "host all all all md5", 2, id="with TLS only"),
        pytest.param("host all all samehost reject", "host all all samenet md5", 2, id="words"),
    ],
)
def test_rule_is_left_out_where_one_above_it_fits_all_its_callers(
    probes: ModuleType, above: str, below: str, count: int
) -> None:
    assert len(reached(probes, above, below)) == count


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "host postcards,postcards_restored postcards 127.0.0.1 255.255.255.255 scram-sha-256",
            id="ours",
        ),
        pytest.param("hostssl sameuser postcards samehost scram-sha-256", id="other words for it"),
        pytest.param(
            "host postcards postcards ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff scram-sha-256",
            id="v6",
        ),
        pytest.param("host all all all reject", id="a no"),
    ],
)
def test_rule_for_the_role_from_here_is_narrow(
    probes: ModuleType, checks: ModuleType, line: str
) -> None:
    (rule,) = probes.read_rules([row(line)])

    assert checks._why_wide(rule) is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        pytest.param("host all all samehost trust", "a rule asks for no password", id="trust"),
        pytest.param(
            "host all all samehost md5",
            "by the network every role may try passwords, too",
            id="all",
        ),
        pytest.param(
            "host all ann samehost md5",
            "by the network the role ann may try passwords, too",
            id="ann",
        ),
        pytest.param(
            "host postcards postcards samenet md5",
            "postcards may come in from another machine",
            id="net",
        ),
        pytest.param(
            "host postcards postcards 127.0.0.0 254.0.0.0 md5",
            "postcards may come in from another machine",
            id="wide",
        ),
        pytest.param(
            "host all postcards samehost md5",
            "the rules let postcards try databases that are not its own",
            id="databases",
        ),
        pytest.param(
            "host postcards postcards samehost md5",
            "a rule asks for the password by the method md5",
            id="md5",
        ),
    ],
)
def test_rule_for_more_than_that_is_wide(
    probes: ModuleType, checks: ModuleType, line: str, what: str
) -> None:
    (rule,) = probes.read_rules([row(line)])

    assert checks._why_wide(rule).what == what
