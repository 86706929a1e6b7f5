"""What the look-ups of chapter 03 make of fail2ban's settings and of ss."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("system_probes")


class Says:
    """A machine that answers every command with one text."""

    def __init__(self, text: str, rc: int = 0) -> None:
        self.answer = SimpleNamespace(stdout=text, stderr="", rc=rc)

    def run(self, *_: str) -> SimpleNamespace:
        return self.answer


@pytest.mark.parametrize(
    ("matches", "late"),
    [
        ("_SYSTEMD_UNIT=ssh.service + _COMM=sshd", True),
        ("_COMM=sshd-session", True),
        ("_UID=0 SYSLOG_IDENTIFIER=sshd-session", False),
        ("_SYSTEMD_UNIT=ssh.service + SYSLOG_IDENTIFIER=sshd-session", False),
        ("", False),
    ],
)
def test_match_is_late_when_no_alternative_is_in_the_line_from_the_start(
    probes: ModuleType, matches: str, late: bool
) -> None:
    assert probes.Jail("sshd", "", matches, 4, 600).looks_up_late is late


def test_callers_are_the_far_ends_of_ssh(probes: ModuleType) -> None:
    web = Says(
        "0 0 172.17.0.4:22 172.17.0.1:51234\n"
        "0 0 [::ffff:192.168.62.10]:22 [::ffff:192.168.62.1]:40000 \n"
        "0 0 172.17.0.4:22 172.17.0.1:51236\n"
    )

    assert probes.ssh_callers(web) == ["172.17.0.1", "192.168.62.1"]


def test_address_is_within_networks_and_names_are_passed_over(probes: ModuleType) -> None:
    networks = ("::1", "office.example", "172.16.0.0/12")

    assert probes.is_within("172.17.0.1", networks)
    assert not probes.is_within("192.168.62.1", networks)


def test_network_is_covered_by_others_taken_together(probes: ModuleType) -> None:
    halves = ("0.0.0.0/1", "128.0.0.0/1", "office.example")

    assert probes.not_covered(("172.16.0.0/12", "10.0.2.2"), halves) == []
    assert probes.not_covered(("172.16.0.0/12", "10.0.2.2"), ("172.17.0.0/16", "10.0.2.0/24")) == [
        "172.16.0.0/12"
    ]


def test_everybody_on_the_list_of_spared_is_read_as_such(probes: ModuleType) -> None:
    """fail2ban 1.1 lists ``0.0.0.0/0`` as ``0.0.0.0``."""
    listed = "These IP addresses/networks are ignored:\n|- 0.0.0.0\n|- ::\n`- 10.0.2.2\n"

    assert probes._spared(listed) == ("0.0.0.0/0", "::/0", "10.0.2.2")


@pytest.mark.parametrize(
    ("value", "days"),
    [("always", 0), ("1", 1), ("12h", 0.5), ("2880m", 2), ("", None), ("0", None), ("yes", None)],
)
def test_period_of_apt_in_days(probes: ModuleType, value: str, days: float | None) -> None:
    assert probes.period_days(value) == days


def test_lists_of_apt_are_told_by_their_full_names(probes: ModuleType) -> None:
    web = Says("Unattended-Upgrade::Package-Blacklist:: .*\nUnattended-Upgrade::Mail \n")

    assert probes.apt_settings(web, "Unattended-Upgrade") == [
        ("unattended-upgrade::package-blacklist::", ".*")
    ]
