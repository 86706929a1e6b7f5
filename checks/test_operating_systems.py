"""Chapter 03: a server that defends and updates itself."""

import re
from dataclasses import dataclass

from testinfra.host import Host

import probes
import system_probes
from stackwalk.verdict import CheckBroken, NotStarted, Unmet

NAME = "web"
ENVIRONMENT = "training"
PERSON = "deployer"
STRANGER = "nobody"  # an account that is in no group of ours
DAYS = {day: str(at) for at, day in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
INDEX_DAYS = 2.0  # a daily look that was missed once
ROOM_KIB = 50_000  # what a handful of security updates takes
PORTS = ("22", "80", "443")
UNASKED = "47123"  # a port that nobody has a reason to open
# Where programs of servers listen as they come: what is opened by habit, or left open, is here.
USUAL = (
    "21 23 25 53 81 110 111 139 143 389 445 465 587 631 873 993 995 1025 1080 1433 1521 1883 2049 "
    "2375 3128 3306 3389 4443 5001 5044 5432 5601 5672 5900 6379 6443 7946 8008 8080 8081 8443 "
    "8501 8787 8888 9001 9090 9092 9200 9418 11211 15672 25565 27017 50051"
)
# And one in each thousand, so that no range of a thousand ports is missed.
OTHERS = sorted({UNASKED, *USUAL.split(), *map(str, range(1000, 65536, 1000))}, key=int)
MOST_TRIES = 10
SHORTEST_S, LONGEST_BAN_S = 60, 86400
EVERYBODY = ("198.18.0.0/15",)  # the strangers of outside.py
FRIENDS = ("172.16.0.0/12", "192.168.0.0/16", "10.0.2.2")  # from where the laptop may come
SHARED = "/srv/team"
TEAM = "team"
SECRET = "/etc/tally/secret.env"
READERS = "tally"
CLOCK_S = 5.0  # what a look over ssh may take, twice
TIME_SERVER = "10.99.1.123"
TIME_SERVICES = ("systemd-timesyncd", "chrony", "chronyd", "ntpsec", "openntpd")
SWAP_KIB = 250_000
FIREWALLS = ("ufw", "nftables", "netfilter-persistent", "firewalld")


@dataclass(frozen=True)
class Cause:
    """Why it is not so, in words, and the hint that it calls for."""

    what: str
    saw: str


def test_packages_current(web: Host) -> str:
    """Accepts any way to upgrade and to restart, and any timer that looks daily.

    Rejects waiting or held upgrades, a broken package, services on old code, an index that ages.
    """
    _require_readable_settings(web)
    if site := system_probes.unresolved_archive(web):
        raise Unmet(
            "web cannot turn the archive's name into an address",
            expected=f"an address for {site}",
            found="no answer from the name servers in /etc/resolv.conf",
            look=f"web: cat /etc/resolv.conf; getent hosts {site}; sudo nft list ruleset",
            saw="no_names",
        )
    if torn := web.run("dpkg --audit  # now").stdout.strip():
        if at_work := system_probes.package_work(web):
            raise Unmet(
                "an installation is under way at this moment",
                expected="nobody installs while the check looks; dpkg --audit says nothing",
                found=at_work,
                look="web: ps -ef --forest | grep -E 'apt|dpkg'",
                saw="at_work",
            )
        raise Unmet(
            "a package is installed by half",
            expected="dpkg --audit says nothing",
            found=torn,
            look="web: sudo dpkg --audit",
            saw="half_installed",
        )
    age = system_probes.index_age_days(web)
    if age > INDEX_DAYS:
        raise Unmet(
            "the index is old, so nobody knows what is new",
            expected="an index fetched within the last two days",
            found="there is none" if age == float("inf") else f"{age:.0f} days old",
            look="web: ls -ld /var/lib/apt/lists; apt policy | head",
            saw="old_index",
        )
    _require_upgraded(web)
    return _require_daily_look(web)


def _require_readable_settings(web: Host) -> None:
    if said := system_probes.unreadable_setting(web):
        raise Unmet(
            "apt cannot read its settings, and so does nothing at all",
            expected="apt-config dump lists them without an error",
            found=said,
            look="web: apt-config dump APT::Periodic",
            saw="bad_setting",
        )


def _require_upgraded(web: Host) -> None:
    if held := system_probes.held_packages(web):
        raise Unmet(
            "a package is held back from every upgrade",
            expected="no package on hold",
            found=" ".join(held),
            look="web: apt-mark showhold",
            saw="held",
        )
    if waiting := system_probes.waiting_upgrades(web):
        raise Unmet(
            f"upgrades wait to be installed: {len(waiting)}",
            expected="nothing to upgrade",
            found=" ".join(waiting),
            look="web: apt list --upgradable",
            saw="upgrades_wait",
        )
    if stale := system_probes.stale_services(web):
        raise Unmet(
            "services still run the code from before the upgrade",
            expected="every service was started after its files were replaced",
            found=" ".join(stale),
            look="web: sudo grep -l 'usr.*(deleted)' /proc/[0-9]*/maps",
            saw="old_code",
        )


def _require_daily_look(web: Host) -> str:
    own = system_probes.timers_that_run(web, r"\bapt(-get)? .*update|unattended-upgrade")
    if own:
        return f"nothing to upgrade; {own[0]} keeps asking"
    period, switch = system_probes.apt_periodic(web, "Update-Package-Lists")
    timer = system_probes.find_unit(web, "apt-daily.timer")
    service = system_probes.find_unit(web, "apt-daily.service")
    days = system_probes.period_days(period)
    runs = timer.is_active and timer.is_enabled and not service.is_masked
    if days is None or switch == "0" or not runs:
        raise Unmet(
            "today all is current, and nothing will ask for news tomorrow",
            expected="the index is fetched daily, by apt's own timer or another one",
            found=f'APT::Periodic::Update-Package-Lists "{period or "not set"}", '
            f'APT::Periodic::Enable "{switch}"; {timer}; {service}',
            look="web: apt-config dump APT::Periodic; systemctl list-timers 'apt*'",
            saw="never_asks",
        )
    if days > 1:
        raise Unmet(
            "the archive is asked for news, and not each day",
            expected="a day from one look to the next, or less",
            found=f'APT::Periodic::Update-Package-Lists "{period}"',
            look="web: apt-config dump APT::Periodic",
            saw="seldom",
        )
    return "nothing to upgrade, no service on old code, a look at the archive each day"


def test_updates_unattended(web: Host) -> str:
    """Accepts apt's own timer with unattended-upgrades, or another timer that runs it.

    Rejects it installed and switched off, without the security archive, and without room.
    """
    if not probes.is_installed(web, "unattended-upgrade"):
        raise NotStarted(
            "nothing on web installs updates by itself",
            expected="a program that installs security updates without being asked",
            found="unattended-upgrades is not installed",
            look="web: apt policy unattended-upgrades",
        )
    _require_readable_settings(web)
    own = system_probes.timers_that_run(web, r"\bunattended-upgrades?\b")
    if not own:
        _require_periodic(web)
    settings = system_probes.apt_settings(web, "Unattended-Upgrade")
    origins = _below(settings, "origins-pattern", "allowed-origins")
    if not any(re.search(r"security", origin, re.IGNORECASE) for origin in origins):
        raise Unmet(
            "updates are installed by themselves, and those for security are not among them",
            expected="an origin for Debian's security archive",
            found="; ".join(origins) or "no origin at all",
            look="web: apt-config dump Unattended-Upgrade::Origins-Pattern",
            saw="no_security",
        )
    _require_nothing_left_out(settings)
    where, free = system_probes.fullest(web, "/", "/var/cache/apt", "/var/lib/dpkg", "/var/log")
    if free < ROOM_KIB:
        raise Unmet(
            "there is no room to download or unpack an update",
            expected=f"at least {ROOM_KIB // 1000} MB free where apt and dpkg write",
            found=f"{free} KiB free at {where}",
            look=f"web: df -h {where}",
            saw="disk_full",
        )
    return f"by {own[0] if own else 'apt-daily-upgrade.timer'}, from the security archive too"


def _require_periodic(web: Host) -> None:
    period, switch = system_probes.apt_periodic(web, "Unattended-Upgrade")
    days = system_probes.period_days(period)
    if days is None or switch == "0":
        raise Unmet(
            "unattended-upgrades is installed and switched off",
            expected='APT::Periodic::Unattended-Upgrade "1"',
            found=f'"{period or "not set"}", APT::Periodic::Enable "{switch}"',
            look="web: apt-config dump APT::Periodic",
            saw="switched_off",
        )
    if days > 1:
        raise Unmet(
            "updates are installed by themselves, and not each day",
            expected="a day from one time to the next, or less",
            found=f'APT::Periodic::Unattended-Upgrade "{period}"',
            look="web: apt-config dump APT::Periodic",
            saw="seldom",
        )
    timer = system_probes.find_unit(web, "apt-daily-upgrade.timer")
    if not (timer.is_active and timer.is_enabled):
        raise Unmet(
            "the settings say yes, and the timer that would act does not run",
            expected="apt-daily-upgrade.timer: active, enabled",
            found=str(timer),
            look="web: systemctl list-timers --all 'apt*'",
            saw="no_timer",
        )
    service = system_probes.find_unit(web, "apt-daily-upgrade.service")
    if service.is_masked:
        raise Unmet(
            "the timer runs, and what it would start is masked",
            expected="apt-daily-upgrade.service can be started",
            found=str(service),
            look="web: systemctl status apt-daily-upgrade.service",
            saw="masked",
        )


def _below(settings: list[tuple[str, str]], *names: str) -> list[str]:
    """The values of lists of unattended-upgrades, by the last part of their names."""
    heads = tuple(f"unattended-upgrade::{name}" for name in names)
    return [value for key, value in settings if key.rstrip(":") in heads]


def _require_nothing_left_out(settings: list[tuple[str, str]]) -> None:
    if spared := _below(settings, "package-blacklist"):
        raise Unmet(
            "updates are installed by themselves, and some packages are left out",
            expected="Unattended-Upgrade::Package-Blacklist is empty",
            found=" ".join(spared),
            look="web: apt-config dump Unattended-Upgrade::Package-Blacklist",
            saw="left_out",
        )
    days = _below(settings, "update-days")
    said = {DAYS.get(day[:3].lower(), day) for day in days}
    if days and not said >= set(DAYS.values()):
        raise Unmet(
            "updates are installed on some days of the week only",
            expected="every day of the week, or no list of days",
            found=f"Unattended-Upgrade::Update-Days {' '.join(days)}",
            look="web: apt-config dump Unattended-Upgrade::Update-Days",
            saw="seldom",
        )


def test_firewall_default_deny(web: Host) -> str:
    """Accepts any firewall: what a stranger can reach is measured, over IPv4 and IPv6.

    Rejects one that shuts out 22, 80, 443 or the answers to what web asks, lets another port in,
    or is gone after a restart.
    """
    seen = system_probes.measure(web, "knock", *PORTS, *OTHERS)
    is_answered = seen.pop("web is answered")
    shut = [port for port in PORTS if seen.get(f"v4 {port}") != "open"]
    opened = [name for name, said in seen.items() if said == "open"]
    opened = [name for name in opened if name.split()[1] not in PORTS]
    found = _say_seen(seen, opened)
    if opened and not shut:
        _say_too_open(web, opened, found)
    if shut:
        is_ssh_shut = seen.get("v4 22") != "open"
        raise Unmet(
            f"from outside, port {' and '.join(shut)} cannot be reached",
            expected="22, 80 and 443 are let in; what listens there is another matter",
            found=found,
            look="web: sudo ufw status verbose; sudo nft list ruleset",
            saw="no_ssh" if is_ssh_shut else "no_web",
        )
    if not is_answered:
        _require_questions_out(web)
        raise Unmet(
            "the firewall also keeps out the answers to web's own questions",
            expected="who is asked by web can answer: established connections are let in",
            found="web called a stranger's port 443, and no answer came through",
            look="web: sudo nft list ruleset; sudo ufw status verbose",
            saw="no_answers",
        )
    units = [system_probes.find_unit(web, name) for name in FIREWALLS]
    if not any(unit.is_enabled for unit in units) or _is_ufw_alone_and_off(web, units):
        raise Unmet(
            "the firewall is up, and nothing would bring it up after a restart",
            expected="one of the firewall's units is enabled, and so is the firewall itself",
            found="; ".join(str(unit) for unit in units if unit.enabled),
            look="web: systemctl is-enabled ufw nftables; cat /etc/ufw/ufw.conf",
            saw="not_at_boot",
        )
    unseen = "" if any(name.startswith("v6") for name in seen) else "; web has no IPv6 to look at"
    return f"from outside: {found}; web's own questions are answered{unseen}"


def _rules_with(web: Host, pattern: str) -> str:
    """The lines of the kernel's rules that a pattern (grep -E) fits; empty where none does."""
    return str(web.run("nft list ruleset | grep -E %s", pattern).stdout).strip()


def _require_questions_out(web: Host) -> None:
    """Called when no answer came: one that was never asked for is another fault."""
    if policy := _rules_with(web, "hook output.*policy drop"):
        raise Unmet(
            "web's own questions do not get out",
            expected="web may call others, to ask for a name or a package",
            found=f"no call of web's reached a stranger's port 443; {policy}",
            look="web: sudo ufw status verbose; sudo nft list chains",
            saw="no_questions",
        )


def _say_seen(seen: dict[str, str], opened: list[str]) -> str:
    """What was found at the doors that were asked for, at those that are open, and elsewhere."""
    named = [f"{name} {said}" for name, said in seen.items() if name.split()[1] in PORTS]
    named += [f"{name} open" for name in opened[:6]]
    if len(opened) > 6:
        named.append(f"{len(opened) - 6} more open")
    elsewhere = len(seen) - len(opened) - sum(name.split()[1] in PORTS for name in seen)
    return ", ".join(named) + (f"; {elsewhere} others closed" if elsewhere else "")


def _say_too_open(web: Host, opened: list[str], found: str) -> None:
    cause = _why_too_open(web, opened)
    ports = sorted({name.split()[1] for name in opened}, key=int)
    raise Unmet(
        cause.what,
        expected=f"from outside, port {ports[0]} is closed, although something listens on it",
        found=found,
        look="web: sudo ufw status verbose; sudo nft list ruleset",
        saw=cause.saw,
    )


def _why_too_open(web: Host, opened: list[str]) -> Cause:
    """Where all is open there is no rule for it; where some is, there is one."""
    some = sorted({name.split()[1] for name in opened}, key=int)
    more = f" and {len(some) - 1} more" if len(some) > 1 else ""
    a_rule = Cause(f"a rule lets in a port that nobody asked for: {some[0]}{more}", saw="too_wide")
    if len(some) < 0.9 * len(OTHERS):  # a program of web's own may have shut one
        return a_rule
    if all(name.startswith("v6") for name in opened):
        return Cause("over IPv6 every port is open", saw="v6_open")
    if _rules_with(web, "hook input.*policy drop"):
        return a_rule
    if web.run("ufw status | grep -q inactive").rc == 0:
        return Cause("the firewall is switched off", saw="switched_off")
    if not _rules_with(web, "hook input"):
        return Cause("no firewall stands between a stranger and any port", saw="otherwise")
    return Cause("what no rule speaks of is let in", saw="default_allow")


def _is_ufw_alone_and_off(web: Host, units: list[system_probes.Unit]) -> bool:
    """ufw's unit does nothing at boot where ufw.conf says no."""
    enabled = [unit.name for unit in units if unit.is_enabled]
    text = probes.read_text(web, "/etc/ufw/ufw.conf") or ""
    return enabled == ["ufw"] and not re.search(r"^ENABLED=yes", text, re.MULTILINE)


def test_guessers_banned(web: Host) -> str:
    """Accepts fail2ban and its like: a stranger really guesses, is shut out, and is let in again.

    Rejects one that would ban the laptop too, and one that counts by what a line may lack.
    The stranger has an address that nobody else has, and the ban is taken back at the end.
    """
    if not probes.is_installed(web, "fail2ban-client"):
        return _measure_others(web)
    if web.run("fail2ban-client ping").rc != 0:
        if _has_others(web):
            return _measure_others(web)
        raise Unmet(
            "fail2ban is installed and does not run",
            expected="fail2ban-client ping is answered",
            found=str(system_probes.find_unit(web, "fail2ban.service")),
            look="web: sudo systemctl status fail2ban; sudo journalctl -u fail2ban -n 20",
            saw="not_running",
        )
    jail = system_probes.find_jail(web)
    if jail is None:
        raise Unmet(
            "fail2ban runs and watches nothing of sshd's",
            expected="a jail for sshd",
            found="no such jail",
            look="web: sudo fail2ban-client status",
            saw="no_jail",
        )
    _require_sense(web, jail)
    callers = _require_friends_spared(web, jail)
    _require_whole_view(web, jail)
    tries = min(jail.max_retry, MOST_TRIES)
    seen = system_probes.measure(web, "guess", str(tries))
    if not seen["shut"]:
        _say_why_not(web, jail, seen)
    if not seen["attempts"]:
        raise Unmet(
            "a stranger does not even reach sshd, so nobody can be seen to be banned",
            expected="port 22 answers an address that has done nothing yet",
            found=f"{seen['address']} is shut out before it guesses",
            look="web: sudo nft list ruleset",
            saw="unreached",
        )
    if seen["open_again"] is False:
        raise Unmet(
            "a ban was taken back, and the door stayed shut",
            expected="after an unban the address reaches sshd again",
            found=f"{seen['address']} is still shut out",
            look="web: sudo nft list ruleset",
            saw="not_unbanned",
        )
    return (
        f"after {seen['attempts']} failures shut out, unbanned and let in again; "
        f"never banned: {', '.join(callers)}"
    )


def _require_sense(web: Host, jail: system_probes.Jail) -> None:
    unit = system_probes.find_unit(web, "fail2ban.service")
    if not unit.is_enabled:
        raise Unmet(
            "fail2ban runs today, and nothing starts it after a restart",
            expected="fail2ban.service: active, enabled",
            found=str(unit),
            look="web: systemctl is-enabled fail2ban",
            saw="not_at_boot",
        )
    if jail.ban_s <= 0:
        raise Unmet(
            "a ban would never end",
            expected="a ban of minutes or hours",
            found=f"bantime {jail.ban_s}",
            look=f"web: sudo fail2ban-client get {jail.name} bantime",
            saw="for_ever",
        )
    if not SHORTEST_S <= jail.ban_s <= LONGEST_BAN_S:
        is_short = jail.ban_s < SHORTEST_S
        raise Unmet(
            "a ban is over at once" if is_short else "a ban lasts for days",
            expected="a ban of a minute at least, and a day at most",
            found=f"bantime {jail.ban_s}, in seconds",
            look=f"web: sudo fail2ban-client get {jail.name} bantime",
            saw="too_short" if is_short else "too_long",
        )
    if jail.find_s < SHORTEST_S:
        raise Unmet(
            "the jail forgets a failure before the next one comes",
            expected="failures of a minute at least are counted together",
            found=f"findtime {jail.find_s}, in seconds",
            look=f"web: sudo fail2ban-client get {jail.name} findtime",
            saw="forgets",
        )
    if jail.max_retry > MOST_TRIES:
        raise Unmet(
            "the jail is too patient to ban anybody",
            expected=f"a ban after at most {MOST_TRIES} failures",
            found=f"maxretry {jail.max_retry}",
            look=f"web: sudo fail2ban-client get {jail.name} maxretry",
            saw="too_patient",
        )


def _require_friends_spared(web: Host, jail: system_probes.Jail) -> list[str]:
    """The check came in by ssh itself, so the address of the laptop is among the callers."""
    callers = [
        address
        for address in system_probes.ssh_callers(web)
        if system_probes.is_within(address, FRIENDS)
    ]
    if not callers:
        raise CheckBroken("nobody is logged in by ssh from an address of the course")
    look = f"web: sudo fail2ban-client get {jail.name} ignoreip"
    found = f"ignoreip: {' '.join(jail.spares) or 'empty'}"
    if not system_probes.not_covered(EVERYBODY, jail.spares):
        raise Unmet(
            "the guard ignores everybody, and so bans nobody",
            expected="a list of the addresses that are never banned, and strangers not on it",
            found=found,
            look=look,
            saw="spares_all",
        )
    for address in callers:
        if not system_probes.is_within(address, jail.spares):
            raise Unmet(
                "a few mistyped logins from your laptop would shut you out",
                expected=f"{address}, from which you reach web, is never banned",
                found=found,
                look=look,
                saw="friends_banned",
            )
    missing = system_probes.not_covered(FRIENDS, jail.spares)
    if not missing and not system_probes.spares_itself(web, jail):
        missing = ["the machine itself"]
    if missing:
        raise Unmet(
            "an address that must never be banned is not spared",
            expected=f"{', '.join(missing)}: never banned",
            found=found,
            look=look,
            saw="some_not_spared",
        )
    return callers


def _require_whole_view(web: Host, jail: system_probes.Jail) -> None:
    """How many lines lack their unit is chance; that they may lack it is not."""
    if not jail.looks_up_late or system_probes.picks_nothing(web, jail.matches):
        return
    raise Unmet(
        "fail2ban counts by what some of the lines lack",
        expected="a match by what a line has from the start, such as SYSLOG_IDENTIFIER",
        found=f"journalmatch {jail.matches}",
        look=f"web: sudo fail2ban-client get {jail.name} journalmatch",
        saw="late_match",
    )


def _measure_others(web: Host) -> str:
    """sshguard, crowdsec, a counting rule of the firewall: the effect is what counts."""
    if not _has_others(web):
        raise NotStarted(
            "nothing on web shuts out who keeps guessing",
            expected="an address that fails to log in several times is shut out for a while",
            found="fail2ban is not installed, nor anything like it",
            look="web: apt policy fail2ban",
        )
    seen = system_probes.measure(web, "guess", str(MOST_TRIES))
    if not seen["shut"]:
        raise Unmet(
            f"after {MOST_TRIES} failures the stranger may still knock",
            expected="the address is shut out",
            found=f"{seen['address']} still reaches sshd",
            look="web: sudo nft list ruleset",
        )
    return f"after {seen['attempts']} failures shut out"


def _has_others(web: Host) -> bool:
    counts = _rules_with(web, "(add|update) @")
    return bool(counts) or any(probes.is_installed(web, name) for name in ("sshguard", "crowdsec"))


def _say_why_not(web: Host, jail: system_probes.Jail, seen: dict[str, object]) -> None:
    """The stranger got away with it: which of the links is broken?"""
    address = str(seen["address"])
    look = f"web: sudo fail2ban-client status {jail.name}"
    if system_probes.banned_by(web, jail.name, address):
        web.run("fail2ban-client unban %s  # now", address)
        cause = Cause("fail2ban bans, and the banned one still gets through", saw="no_effect")
        found = f"{address} is on the list of the jail {jail.name}, and port 22 answers it"
        look = "web: sudo nft list ruleset; grep -r port /etc/fail2ban/jail.d"
    elif not jail.reads_journal:
        cause = Cause("fail2ban watches a file that sshd does not write to", saw="wrong_log")
        found = f"the jail {jail.name} reads {jail.files or 'nothing'}; sshd writes to the journal"
    elif (picked := system_probes.count_failures(web, address, jail.matches)) < jail.max_retry:
        cause = Cause("fail2ban reads the journal past the lines of sshd", saw="wrong_match")
        every = system_probes.count_failures(web, address)
        found = f"{jail.matches} picks {picked} of {every} failures from {address}"
    else:
        cause = Cause("fail2ban runs and banned nobody", saw="otherwise")
        found = f"{seen['attempts']} failures from {address}, and no ban"
    raise Unmet(
        cause.what,
        expected=f"after {jail.max_retry} failures the address cannot reach port 22",
        found=found,
        look=look,
        saw=cause.saw,
    )


def test_host_named(web: Host) -> str:
    """Accepts any way to name it: static and running name agree, it resolves, and is labelled."""
    running = web.run("hostname -s").stdout.strip()
    kept = (probes.read_text(web, "/etc/hostname") or "").strip().split(".")[0]
    if running != kept or kept != NAME:
        raise Unmet(
            "the name the machine goes by is not the one it keeps",
            expected=f"{NAME}, now and after a restart",
            found=f"now {running or 'nothing'}, in /etc/hostname {kept or 'nothing'}",
            look="web: hostname; cat /etc/hostname; hostnamectl",
            saw="two_names",
        )
    said = web.run("timeout 8 getent ahosts %s", NAME).stdout.split("\n")
    addresses = {line.split()[0] for line in said if line}
    own = {*probes.own_addresses(web), "::1"}
    strangers = {a for a in addresses - own if not a.startswith(("127.", "fe80:"))}
    if not addresses or strangers:
        raise Unmet(
            "the machine does not find itself by its own name",
            expected=f"{NAME} leads to an address of this machine",
            found=" ".join(sorted(addresses)) or "no address",
            look=f"web: getent ahosts {NAME}; cat /etc/hosts; hostname -I",
            saw="not_itself",
        )
    text = probes.read_text(web, "/etc/machine-info") or ""
    match = re.search(r"^DEPLOYMENT=['\"]?([\w-]*)", text, re.MULTILINE)
    if match is None or not match[1]:
        raise Unmet(
            "nothing on the machine says what it is for",
            expected=f"deployment: {ENVIRONMENT}",
            found="no deployment in /etc/machine-info",
            look="web: hostnamectl",
        )
    if match[1] != ENVIRONMENT:
        raise Unmet(
            f"the machine says that it is for {match[1]}, and not for {ENVIRONMENT}",
            expected=f"deployment: {ENVIRONMENT}",
            found=f"deployment: {match[1]}",
            look="web: hostnamectl",
            saw="spelling" if match[1].lower() == ENVIRONMENT else "other_purpose",
        )
    return f"{NAME}, {ENVIRONMENT}, and it knows itself"


def test_team_folder_shared(web: Host) -> str:
    """Accepts setgid or a default ACL, any owner; what members and strangers may do is measured."""
    members = probes.group_members(web, TEAM)
    folder = probes.find_path(web, SHARED)
    look = f"web: ls -ld {SHARED}; getent group {TEAM}; id {PERSON}"
    if folder is None or members is None:
        missing = SHARED if folder is None else f"the group {TEAM}"
        raise NotStarted(
            f"{missing} is not there yet",
            expected=f"a folder {SHARED} for the members of the group {TEAM}",
            found=f"no {missing.removeprefix('the ')}",
            look=look,
        )
    groups = web.run("id -nG %s", PERSON).stdout.split()
    if TEAM not in groups:
        raise Unmet(
            f"{PERSON} is not in the group {TEAM}",
            expected=f"{PERSON} among the members",
            found=", ".join(members) or "no members",
            look=look,
            saw="not_a_member",
        )
    if "sudo" not in groups and not probes.find_sudo(web, PERSON).everything:
        raise Unmet(
            f"{PERSON} is in {TEAM}, and no longer in sudo",
            expected=f"{PERSON} joins {TEAM} and stays in every other group",
            found=" ".join(groups),
            look=f"web: id {PERSON}",
            saw="thrown_out",
        )
    if any(probes.may(web, STRANGER, right, SHARED) for right in "rwx"):
        raise Unmet(
            "somebody who is not in the team can get at the folder",
            expected="nothing for others",
            found=str(folder),
            look=look,
            saw="open_to_all",
        )
    if not all(probes.may(web, PERSON, right, SHARED) for right in "rwx"):
        raise Unmet(
            "a member of the team cannot work in the folder",
            expected=f"{PERSON} may list it, enter it and put files there",
            found=str(folder),
            look=look,
            saw="closed_to_members",
        )
    acl = web.run("getfacl -cp %s", SHARED).stdout
    inherits = bool(folder.mode & 0o2000) and folder.group == TEAM
    if not inherits and not re.search(rf"^default:group:{TEAM}:rw", acl, re.MULTILINE):
        raise Unmet(
            "what is put into the folder does not come to belong to the team",
            expected=f"a new file in {SHARED} has the group {TEAM}, whoever makes it",
            found=str(folder),
            look=look,
            saw="not_inherited",
        )
    return str(folder)


def test_secret_kept(web: Host) -> str:
    """Accepts any mode by which root writes, the group reads and nobody else does either."""
    file = probes.find_path(web, SECRET)
    look = f"web: sudo ls -la {SECRET.rpartition('/')[0]}"
    if file is None:
        raise NotStarted(
            "there is no secret yet",
            expected=f"{SECRET} with a line SECRET_KEY=…",
            found="no such file",
            look=look,
        )
    value = re.search(r"^SECRET_KEY=(\S*)", probes.read_text(web, SECRET) or "", re.MULTILINE)
    if value is None or len(value[1].strip("'\"")) < 32:
        raise Unmet(
            "the file holds no secret that is long enough",
            expected="a line SECRET_KEY= with at least 32 characters by chance",
            found=f"{len(value[1])} characters" if value else "no such line",
            look=f"web: sudo wc -c {SECRET}",
            saw="too_short",
        )
    folder = SECRET.rpartition("/")[0]
    find = "runuser -u %s -- find %s -type f -readable"
    others = [who for who in (STRANGER, PERSON) if probes.may(web, who, "r", SECRET)]
    if others == [PERSON] and READERS in web.run("id -nG %s", PERSON).stdout.split():
        raise Unmet(
            f"{PERSON} can read the secret, as a member of the group {READERS}",
            expected=f"{READERS} has no members yet",
            found=f"{PERSON} is in {READERS}",
            look=f"web: id {PERSON}; getent group {READERS}",
            saw="is_member",
        )
    if others:
        raise Unmet(
            "somebody who should not can read the secret",
            expected=f"root and the group {READERS} read it, nobody else",
            found=f"{' and '.join(others)} can: {file}",
            look=look,
            saw="readable",
        )
    if copies := web.run(find, STRANGER, folder).stdout.split():
        raise Unmet(
            "beside the secret lies a copy that everybody can read",
            expected=f"nothing in {folder} that a stranger can read",
            found=" ".join(copies),
            look=look,
            saw="copy_left",
        )
    return _require_readers(web, file, look)


def _require_readers(web: Host, file: probes.Path, look: str) -> str:
    if probes.group_members(web, READERS) is None or not probes.may(
        web, STRANGER, "r", SECRET, group=READERS
    ):
        raise Unmet(
            "the group that needs the secret cannot read it",
            expected=f"members of {READERS} may enter the folder and read the file",
            found=str(file),
            look=f"{look}; ls -ld /etc/tally; getent group {READERS}",
            saw="unreadable",
        )
    if file.owner != "root" or file.mode & 0o020:
        raise Unmet(
            "who reads the secret could also change it",
            expected="root owns it and alone may write",
            found=str(file),
            look=look,
            saw="writable",
        )
    return str(file)


def test_clock_in_step(web: Host, laptop: Host) -> str:
    """Accepts timesyncd, chrony and the like, in step with the course's time server."""
    units = [system_probes.find_unit(web, f"{name}.service") for name in TIME_SERVICES]
    look = "web: timedatectl; systemctl status systemd-timesyncd chrony"
    if not any(unit.is_active for unit in units):
        raise Unmet(
            "nothing on web keeps the clock",
            expected="a time service runs",
            found="; ".join(str(unit) for unit in units if unit.enabled) or "none is installed",
            look=look,
            saw="no_service",
        )
    before, now, after = (float(h.run("date +%s.%N  # now").stdout) for h in (laptop, web, laptop))
    behind = now - (before + after) / 2
    if abs(behind) > CLOCK_S + (after - before) / 2:
        raise Unmet(
            "the clock is wrong",
            expected="the laptop's time, within some seconds",
            found=f"{abs(behind):.0f} s {'ahead' if behind > 0 else 'behind'}",
            look="web: date; timedatectl",
            saw="wrong_time",
        )
    asked = web.run(
        "timedatectl show-timesync -p ServerAddress --value; chronyc -n sources | grep '[*]'; "
        "ntpq -pn | grep '[*]'"
    ).stdout
    if TIME_SERVER not in asked:
        raise Unmet(
            "the clock does not follow the time server of this chapter",
            expected=f"the time comes from {TIME_SERVER}",
            found=asked or "from nobody",
            look="web: timedatectl timesync-status; chronyc sources",
            saw="other_server",
        )
    synced = web.run("timedatectl show -p NTPSynchronized --value").stdout.strip()
    if synced != "yes":
        raise Unmet(
            "the clock has not been set by the server yet",
            expected="System clock synchronized: yes",
            found=f"synchronized: {synced}",
            look=look,
            saw="not_in_step",
        )
    if not any(unit.is_active and unit.is_enabled for unit in units):
        raise Unmet(
            "the clock is kept today, and not after a restart",
            expected="the time service is enabled",
            found="; ".join(str(unit) for unit in units if unit.is_active),
            look=look,
            saw="not_at_boot",
        )
    return f"in step with {TIME_SERVER}"


def test_swap_ready(web: Host) -> str:
    """Accepts a file, a partition or zram, from fstab or a unit; 256 MB and still there later."""
    rows = [line.split() for line in web.run("tail -n +2 /proc/swaps").stdout.splitlines() if line]
    look = "web: swapon --show; cat /etc/fstab"
    if not rows:
        raise NotStarted(
            "web has no swap",
            expected="swap of 256 MB or more",
            found="swapon --show says nothing",
            look=look,
        )
    size = sum(int(row[2]) for row in rows)
    if size < SWAP_KIB:
        raise Unmet(
            "the swap is too small to help",
            expected="256 MB or more",
            found=f"{size // 1024} MiB",
            look=look,
            saw="too_small",
        )
    for row in rows:
        file = probes.find_path(web, row[0]) if row[1] == "file" else None
        if file is not None and file.mode & 0o077:
            raise Unmet(
                "everybody may read what is swapped out",
                expected="mode 0600",
                found=str(file),
                look=f"web: ls -l {file.path}",
                saw="readable",
            )
    if not _is_swap_kept(web, [row[0] for row in rows]):
        raise Unmet(
            "the swap is there until the next restart",
            expected="a line in /etc/fstab, or a unit",
            found=f"no line for {rows[0][0]}",
            look=look,
            saw="not_at_boot",
        )
    return f"{size // 1024} MiB in {rows[0][0]}"


def _is_swap_kept(web: Host, sources: list[str]) -> bool:
    """Whether fstab or a unit of systemd's brings one of them back."""
    lines = web.run("findmnt --fstab --evaluate --noheadings -t swap -o SOURCE").stdout.split()
    for source in sources:
        unit = web.run("systemd-escape --path --suffix=swap %s", source).stdout.strip()
        if not unit:
            raise CheckBroken(f"systemd-escape says nothing of {source}")
        made = probes.unit_property(web, unit, "FragmentPath")
        if source in lines or made.startswith(("/etc/", "/usr/lib/")) or "zram" in source:
            return True
    return False
