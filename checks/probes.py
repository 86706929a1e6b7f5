"""Look-ups over testinfra that say "missing" instead of raising. They read and never change."""

import base64
import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from testinfra.host import Host

NO_SHELL = ("nologin", "false")


@dataclass(frozen=True)
class Account:
    """One line of the account database."""

    name: str
    uid: int
    home: str
    shell: str

    @property
    def has_shell(self) -> bool:
        return not self.shell.endswith(NO_SHELL)


@dataclass(frozen=True)
class Path:
    """Who owns a file or folder and who may do what with it; ``mode`` without the file type."""

    path: str
    owner: str
    group: str
    mode: int

    def __str__(self) -> str:
        return f"{self.path}: {self.owner}:{self.group} {self.mode:04o}"


@dataclass(frozen=True)
class PublicKey:
    """The two words of a public key that count: ``ssh-ed25519 AAAA…``."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it: ``SHA256:`` and 43 characters."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"


# -- any machine --------------------------------------------------------------------------------


def find_account(host: Host, name: str) -> Account | None:
    """The account called so; none where it does not exist."""
    found = host.run("getent passwd %s", name)
    return _account(found.stdout.strip()) if found.rc == 0 else None


def list_accounts(host: Host) -> list[Account]:
    """Everybody who could get a shell: root, and the people (uid 1000 to 59999)."""
    lines = host.run("getent passwd").stdout.splitlines()
    accounts = [_account(line) for line in lines if line.count(":") == 6]
    return [a for a in accounts if a.has_shell and (a.uid == 0 or 1000 <= a.uid < 60000)]


def find_path(host: Host, path: str) -> Path | None:
    """A file or folder; none where nothing is."""
    file = host.file(path)
    if not file.exists:
        return None
    return Path(path, str(file.user), str(file.group), int(file.mode) & 0o7777)


def read_text(host: Host, path: str) -> str | None:
    """What a file holds; none where it is missing or cannot be read."""
    found = host.run("cat -- %s", path)
    return str(found.stdout) if found.rc == 0 else None


def is_installed(host: Host, program: str) -> bool:
    return bool(host.run("command -v %s", program).rc == 0)


def unit_property(host: Host, unit: str, name: str) -> str:
    """A property of a unit, as ``systemctl show`` knows it; empty where there is none."""
    return str(host.run("systemctl show --value -p %s -- %s", name, unit).stdout).strip()


def own_addresses(host: Host) -> list[str]:
    """The machine's addresses, loopback left out."""
    return str(host.run("hostname -I").stdout).split()


def group_members(host: Host, name: str) -> list[str] | None:
    """The members that the group's own line lists; none where there is no such group."""
    found = host.run("getent group %s", name)
    if found.rc != 0:
        return None
    return [m for m in found.stdout.strip().rpartition(":")[2].split(",") if m]


def may(host: Host, user: str, right: str, path: str, *, group: str = "") -> bool:
    """Whether a user, with a new login's groups, may read ``r``, write ``w`` or enter ``x``."""
    who = ["-u", user, *(["-g", group] if group else [])]
    return bool(host.run(f"runuser {shlex.join(who)} -- test -{right} {shlex.quote(path)}").rc == 0)


def read_public_keys(text: str) -> Iterator[PublicKey]:
    """The keys in the lines of ``authorized_keys``, ``known_hosts`` or a ``.pub`` file."""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", "@revoked")):
            continue
        match = re.search(r"(?:^|\s)((?:ssh|sk-ssh|ecdsa|sk-ecdsa)-\S+)\s+(AAAA[\w+/]+=*)", line)
        if match and _is_whole(blob := decode_base64(match[2])):
            yield PublicKey(match[1], blob)


def _is_whole(blob: bytes) -> bool:
    """A key is a row of fields, each after its length in four bytes (RFC 4253, 6.6)."""
    at = 0
    while at + 4 <= len(blob):
        at += 4 + int.from_bytes(blob[at : at + 4], "big")
    return at == len(blob) > 0


def decode_base64(text: str) -> bytes:
    """The bytes; none of them where the text is broken."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return b""


# -- sudo ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sudo:
    """What ``sudo`` lets an account do: everything, something (``rules``), with a password?"""

    everything: bool
    asks: bool
    rules: str


def find_sudo(host: Host, user: str) -> Sudo:
    """The rights of an existing account, as ``sudo -ll -U`` lists them; the last rule wins."""
    listed = host.run("LC_ALL=C sudo -ll -U %s", user).stdout
    defaults, _, rest = listed.partition("may run the following commands")
    rules = rest.partition(":\n")[2]
    everything, asks = False, "!authenticate" not in defaults
    for rule in re.split(r"^Sudoers entry:", rules, flags=re.MULTILINE)[1:]:
        as_users = re.search(r"RunAsUsers: (.*)", rule)
        commands = rule.partition("Commands:")[2].split()
        if "ALL" not in commands or (as_users and "ALL" not in as_users[1].split(", ")):
            continue
        everything = True
        if match := re.search(r"Options: (.*)", rule):
            options = match[1].split(", ")
            asks = "!authenticate" not in options and (asks or "authenticate" in options)
    return Sudo(everything, asks, " ".join(rules.split()))


def sudo_slip(host: Host) -> str:
    """What sudo cannot read in its rules; empty when every line can be read.

    With ``-f`` visudo looks at the words only. Without, it also wants mode 0440 of every file,
    which sudo itself does not: a file with mode 0644 counts (seen with sudo 1.9.16).
    """
    tested = host.run("LC_ALL=C visudo -c -f /etc/sudoers")
    return str(tested.stderr or tested.stdout).strip() if tested.rc != 0 else ""


def sudo_leaves_out(host: Host) -> str:
    """Files of rules that sudo does not read: another's, or open for others to write; or none."""
    found = host.run(
        r"find /etc/sudoers.d -type f \( -perm /002 -o ! -uid 0 -o -perm /020 ! -gid 0 \) -ls"
    ).stdout
    rows = [line.split() for line in found.splitlines()]
    return "; ".join(f"{row[-1]}: {row[4]} {row[2]}" for row in rows if len(row) > 10)


def password_state(host: Host, user: str) -> str:
    """``P`` for a usable password, ``L`` for a locked one, ``NP`` for none at all (passwd(1))."""
    words = host.run("passwd -S %s", user).stdout.split()
    return words[1] if len(words) > 1 else ""


def _account(line: str) -> Account:
    name, _, uid, _, _, home, shell = line.split(":")
    return Account(name, int(uid), home, shell or "/bin/sh")
