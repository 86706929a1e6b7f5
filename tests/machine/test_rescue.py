"""Every lock-out on a real machine: shut for real, its line named, mended, the work still there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackwalk import machine
from stackwalk.commands.rescue import RescueResult, rescue
from stackwalk.errors import MachineError, Unreachable
from stackwalk.home import Home
from stackwalk.lockouts import load_lockouts
from stackwalk.machine import shut
from stackwalk.machine.backdoor import run_inside
from stackwalk.machine.record import load_record
from stackwalk.showrescue import render_rescue

pytestmark = pytest.mark.machine

NEEDED = "ufw nftables fail2ban"
PREPARE = f"""
apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install {NEEDED} >/dev/null
systemctl --quiet disable --now fail2ban
id -u deployer >/dev/null 2>&1 || useradd --create-home --shell /bin/bash deployer
install -d -m 700 -o deployer -g deployer /home/deployer/.ssh
cat >/home/deployer/.ssh/authorized_keys
chown deployer: /home/deployer/.ssh/authorized_keys
chmod 600 /home/deployer/.ssh/authorized_keys
mkdir -p /srv/shop && echo 'my work' >/srv/shop/marker
"""
# What an earlier lock-out left that would hide the next one; the mends themselves keep it.
BETWEEN = """
rm -f /etc/ssh/sshd_config.d/20-* /etc/sudoers.d/zz* /etc/systemd/system/ssh.socket.d/port.conf*
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant
systemctl --quiet is-active ssh.socket || exit 0
systemctl --quiet disable --now ssh.socket
pkill -f '^sshd: .*listener'
systemctl daemon-reload
systemctl --quiet enable ssh.service
systemctl restart ssh.service
"""
CONFIG = "/etc/ssh/sshd_config.d"
# The name, the file and the line the rescue must name (0: it differs), and what must stand there.
LOCKOUTS = [
    ("account-ended", "/etc/shadow", 0, "vagrant: field 8, its last day"),
    ("banned-by-fail2ban", "/var/log/fail2ban.log", 0, "[sshd] Ban 172."),
    ("disk-full", "/var/log/shop/access.log", None, "the largest file on /var/log/shop"),
    ("forced-command", f"{CONFIG}/20-forced.conf", 2, "ForceCommand /bin/false"),
    ("host-keys-unusable", "/etc/ssh/ssh_host_ecdsa_key", None, "its mode is 644"),
    ("key-gone", "/home/vagrant/.ssh/authorized_keys", 1, "# ssh-"),
    ("keys-looked-for-elsewhere", f"{CONFIG}/20-keys.conf", 2, "AuthorizedKeysFile /etc/ssh/keys"),
    ("keys-open-to-others", "/home/vagrant", None, "its mode is 777"),
    ("nftables-without-ssh", "/etc/nftables.conf", 4, "policy drop"),
    ("nologin-file", "/etc/nologin", 1, "Maintenance tonight"),
    ("not-among-allowed", f"{CONFIG}/20-who.conf", 2, "AllowUsers deployer"),
    ("pam-line-broken", "/etc/pam.d/sshd", 0, "account required pam_scurity.so"),
    ("shell-leaves-at-once", "/home/vagrant/.bashrc", 2, "exit 0"),
    ("shell-missing", "/etc/passwd", 0, "/usr/bin/fish"),
    ("ssh-not-started", "/etc/systemd/system/ssh.service", None, "masked"),
    ("ssh-socket-on-another-port", "/etc/systemd/system/ssh.socket.d/port.conf", 3, "=2222"),
    ("sshd-does-not-parse", f"{CONFIG}/20-mine.conf", 2, "PermitRootLogn no"),
    ("sshd-lost-patience", "", None, "penalty: failed authentication"),
    ("sshd-on-another-address", f"{CONFIG}/20-address.conf", 1, "ListenAddress 127.0.0.1"),
    ("sshd-on-another-port", f"{CONFIG}/20-port.conf", 1, "Port 2222"),
    ("sudo-asks", "/etc/sudoers.d/zz-everybody", 1, "ALL ALL=(ALL) ALL"),
    ("sudo-does-not-parse", "/etc/sudoers.d/vagrant", 2, "vagrant ALL=(ALL NOPASSWD: ALL"),
    ("ufw-without-ssh", "/etc/default/ufw", 0, 'DEFAULT_INPUT_POLICY="DROP"'),
]


def inside(home: Home, script: str, *, given: str = "") -> str:
    answer = run_inside(home, "web", script, stdin=given.encode(), limit_s=180)
    return answer.stdout.decode().strip()


def make_shut(home: Home, name: str) -> None:
    shut.inflict(home, "web", load_lockouts(shut.FOLDER).named(name))


def mend_all(home: Home) -> RescueResult:
    return rescue(home, "web", may_mend=lambda finding: True, say=print)


def prepare(up_home: Home) -> None:
    """A machine where ``deployer`` logs in with a key of the laptop, and some work lies."""
    keys = up_home.laptop / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    if not (keys / "deployer").exists():
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "deployer")]
        subprocess.run(argv, check=True)
    machine.up(up_home, say=print)
    inside(up_home, PREPARE, given=(keys / "deployer.pub").read_text())
    record = load_record(up_home, "web")
    assert record is not None
    trusted = "".join(f"web {key}\n" for key in machine.host_keys(up_home).keys)
    (up_home.laptop / "known_hosts").write_text(trusted)
    (up_home.laptop / "ssh_config").write_text(
        f"Host web\n  HostName {record.ssh_host}\n  Port {record.ssh_port}\n  User deployer\n"
        "  IdentityFile keys/deployer\n  IdentitiesOnly yes\n  HostKeyAlias web\n"
        "  UserKnownHostsFile known_hosts\n"
    )


@pytest.fixture(scope="module")
def learner_home(up_home: Home) -> Home:
    prepare(up_home)
    return up_home


@pytest.fixture
def open_home(learner_home: Home) -> Iterator[Home]:
    inside(learner_home, BETWEEN)
    yield learner_home
    if any(not way.works for way in shut.try_ways(learner_home, "web", ("vagrant",))):
        machine.destroy(learner_home, say=print)  # a failed test must not fail the next ones
        prepare(learner_home)


@pytest.mark.parametrize(
    ("name", "file", "line", "text"), [pytest.param(*case, id=case[0]) for case in LOCKOUTS]
)
def test_a_lockout_is_named_and_mended_and_the_work_is_kept(
    open_home: Home, name: str, file: str, line: int | None, text: str
) -> None:
    make_shut(open_home, name)
    assert is_hurt(open_home, name)

    result = mend_all(open_home)

    first = result.found[0]
    shown = render_rescue(result)
    assert (first.name, first.file) == (name, file)
    assert bool(first.line) if line == 0 else first.line == line
    assert text in first.evidence
    assert text in " ".join(shown.split()) or text in shown
    assert [(way.user, way.works) for way in result.after] == [
        ("vagrant", True),
        ("deployer", True),
    ]
    assert result.exit_code == 0, shown
    assert not is_hurt(open_home, name)
    assert inside(open_home, "cat /srv/shop/marker") == "my work"


def is_hurt(home: Home, name: str) -> bool:
    """A new login fails, or its sudo; a full disk is seen by writing."""
    if name == "disk-full":
        return inside(home, "echo more >/var/log/shop/next || echo full") == "full"
    return not all(way.works for way in shut.try_ways(home, "web", ("vagrant",)))


def test_every_lockout_is_tested_here() -> None:
    known = {lockout.name for lockout in load_lockouts(shut.FOLDER).every}

    assert {case[0] for case in LOCKOUTS} == known


def test_nothing_is_found_on_a_machine_that_is_open(open_home: Home) -> None:
    result = mend_all(open_home)

    assert render_rescue(result).endswith("Nothing is shut: web lets in who should come in.")
    assert result.exit_code == 0


def test_several_causes_at_once_are_mended_one_after_the_other(open_home: Home) -> None:
    for name in ("not-among-allowed", "sshd-on-another-port", "sshd-does-not-parse"):
        make_shut(open_home, name)

    result = mend_all(open_home)

    names = {finding.name for finding in result.found}
    assert {"not-among-allowed", "sshd-on-another-port", "sshd-does-not-parse"} <= names
    assert result.exit_code == 0


def test_the_changed_file_lies_beside_itself_as_it_was(open_home: Home) -> None:
    make_shut(open_home, "sshd-does-not-parse")

    mend_all(open_home)

    assert inside(open_home, f"cat {CONFIG}/20-mine.conf.before-rescue") == (
        "# My server\nPermitRootLogn no"
    )
    assert inside(open_home, f"cat {CONFIG}/20-mine.conf") == (
        "# My server\n# stackwalk rescue: PermitRootLogn no"
    )


def test_looking_changes_nothing_and_up_says_at_once_who_shut_it(open_home: Home) -> None:
    make_shut(open_home, "not-among-allowed")
    make_shut(open_home, "ssh-not-started")

    with pytest.raises(MachineError, match="its ssh was shut from inside") as caught:
        machine.up(open_home, say=print)
    looked = stackwalk("rescue", "--look", "--json")
    after = stackwalk("rescue", "--yes")

    assert isinstance(caught.value, Unreachable)
    assert caught.value.next.startswith("stackwalk rescue web")
    found = json.loads(looked.stdout)
    assert looked.returncode == 1
    assert {each["name"] for each in found["left"]} == {"not-among-allowed", "ssh-not-started"}
    assert found["mended"] == []
    assert after.returncode == 0, after.stdout + after.stderr
    assert "web is open again" in after.stdout


def stackwalk(*words: str) -> "subprocess.CompletedProcess[str]":
    argv = [str(Path(sys.executable).parent / "stackwalk"), *words]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
