"""What sshd's files mean and what a login says: look-ups for every chapter that touches ssh."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from testinfra.host import Host

from probes import Account, Path, PublicKey, decode_base64, group_members, read_public_keys

NOT_255 = "|| false"  # sshd ends with 255, which stock testinfra takes for a lost connection
OUTSIDE = "203.0.113.7"  # RFC 5737: stands for an address anywhere on the internet
INSIDE = ("192.168.56.1", "172.17.0.1", "127.0.0.1")  # where a laptop may seem to come from


@dataclass(frozen=True)
class Login:
    """What one attempt to log in said: ``said`` is the client's own account (``ssh -v``)."""

    rc: int
    out: str
    said: str

    @property
    def offered(self) -> tuple[str, ...]:
        """The ways in that the running daemon offered before anything was tried."""
        match = re.search(r"Authentications that can continue: (\S+)", self.said)
        return tuple(match[1].split(",")) if match else ()

    @property
    def reason(self) -> str:
        """The last line of the client that is no debugging."""
        lines = [line for line in self.said.splitlines() if line and not DEBUG.match(line)]
        return lines[-1] if lines else ""


DEBUG = re.compile(r"debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second")


# -- sshd ---------------------------------------------------------------------------------------

Settings = Mapping[str, tuple[str, ...]]


def listens(host: Host) -> bool:
    """Whether sshd, or systemd in its place (``ssh.socket``), waits for new connections."""
    listening = host.run("ss -Hltnp").stdout
    return bool(re.search(r'"sshd"|:22\s.*"systemd"', listening))


def sshd_complaint(host: Host) -> str:
    """What ``sshd -t`` says of its files; empty when it would start with them.

    ``/run/sshd`` is made with each start, so a stopped sshd misses it: no fault of the files.
    """
    tested = host.run(f"/usr/sbin/sshd -t {NOT_255}")
    said = str(tested.stderr or tested.stdout).strip()
    return "" if tested.rc == 0 or said.startswith("Missing privilege separation") else said


def sshd_settings(host: Host, *, user: str, addr: str) -> Settings:
    """What sshd's files mean for a login as ``user`` from ``addr``, ``Match`` blocks included.

    Empty when sshd cannot read its files. Names are in lower case, as ``sshd -T`` prints them.
    """
    shown = host.run(f"/usr/sbin/sshd -T -C user=%s,host=laptop,addr=%s {NOT_255}", user, addr)
    return _settings(shown.stdout) if shown.rc == 0 else {}


def first_word(settings: Settings, name: str) -> str:
    """The first word of a setting; empty where it is not there."""
    return (settings.get(name) or ("",))[0].split(" ")[0]


def unread_changes(host: Host, settings: Settings) -> list[str]:
    """Files of sshd's configuration that changed after the daemon last read them.

    sshd removes its pid file and writes it again whenever it re-reads its files, on SIGHUP too,
    so the pid file is as old as what the daemon knows (sshd(8); seen with OpenSSH 10.0).
    No pid file, as with a daemon per connection: nothing can be unread.
    """
    found = host.run(
        "find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -newer %s",
        first_word(settings, "pidfile") or "/run/sshd.pid",
    )
    return str(found.stdout).split() if found.rc == 0 else []


def files_that_say(host: Host, setting: str, value: str) -> list[str]:
    """Files with a line such as ``PermitRootLogin no``; to word a verdict, never to decide one."""
    found = host.run(
        "grep -liE %s /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf",
        rf"^[[:space:]]*{setting}[[:space:]=]+{value}\b",
    )
    return str(found.stdout).split()


def shuts_out(settings: Settings, user: str) -> bool:
    """Whether ``DenyUsers`` or ``AllowUsers`` keeps this user away from every address."""
    denied = _names(settings, "denyusers")
    allowed = _names(settings, "allowusers")
    if any("@" not in each and fnmatchcase(user, each) for each in denied):
        return True
    return bool(allowed) and not any(fnmatchcase(user, each.split("@")[0]) for each in allowed)


def lets_password_in(settings: Settings) -> bool:
    """Whether a password without a key would be enough."""
    asks = {first_word(settings, "passwordauthentication"), first_word(settings, _KEYBOARD)}
    if "yes" not in asks:
        return False
    ways = _names(settings, "authenticationmethods")
    return ways in ([], ["any"]) or any("publickey" not in way for way in ways)


def lets_key_in(settings: Settings, user: str) -> bool:
    """Whether this user may come in with a key and nothing more."""
    ways = _names(settings, "authenticationmethods") or ["any"]
    allowed = first_word(settings, "pubkeyauthentication") != "no"
    return allowed and bool({"any", "publickey"} & set(ways)) and not shuts_out(settings, user)


def describe(settings: Settings, *names: str) -> str:
    """The settings of these names that are there, as ``sshd -T`` prints them."""
    return ", ".join(f"{name} {' '.join(settings[name])}" for name in names if name in settings)


_KEYBOARD = "kbdinteractiveauthentication"


def keys_files(settings: Settings, account: Account) -> list[str]:
    """Where sshd looks for the public keys of an account, as absolute paths."""
    words = _names(settings, "authorizedkeysfile")
    tokens = {"%h": account.home, "%u": account.name, "%U": str(account.uid), "%%": "%"}
    paths = [re.sub(r"%.", lambda m: tokens.get(m[0], m[0]), word) for word in words]
    return [path if path.startswith("/") else f"{account.home}/{path}" for path in paths]


def is_open_to_others(host: Host, path: Path, user: str) -> bool:
    """Whether ``StrictModes`` refuses the path because somebody else may write to it.

    Debian's sshd lets a group write when it is the user's own: same name, nobody else in it.
    """
    if path.mode & 0o002:
        return True
    if not path.mode & 0o020:
        return False
    members = group_members(host, path.group) or []
    return path.group != user or any(each != user for each in members)


# -- the laptop ---------------------------------------------------------------------------------

# Never asks, never waits, never rides on a connection that is kept, forwards nothing.
QUIETLY = (
    "-n -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 "
    "-o ControlMaster=no -o ControlPath=none -o ClearAllForwardings=yes -o RemoteCommand=none "
    "-o PreferredAuthentications=publickey"
)


def client_settings(laptop: Host, name: str) -> Settings:
    """What the learner's ``ssh_config`` means for ``ssh NAME``; empty when ssh cannot read it."""
    shown = laptop.run("ssh -G -F ssh_config %s", name)
    return _settings(shown.stdout) if shown.rc == 0 else {}


def log_in(laptop: Host, name: str) -> Login:
    """One login with the learner's configuration, which asks the machine who came in.

    A login that works costs nothing. One that fails counts: sshd refuses an address for a while
    after about three of them (``PerSourcePenalties``, OpenSSH 9.8 and newer), and the course's
    own way in comes from the same address. So look for the known causes before trying.
    """
    tried = laptop.run(f"LC_ALL=C ssh -v -F ssh_config {QUIETLY} %s id -un", name)
    return Login(tried.rc, tried.stdout.strip(), tried.stderr)


def is_locked(laptop: Host, key: str) -> bool:
    """Whether a private key wants a passphrase."""
    return bool(laptop.run("LC_ALL=C ssh-keygen -y -P '' -f %s", key).rc != 0)


def agent_keys(laptop: Host) -> list[PublicKey]:
    """The keys a running agent holds; none without an agent."""
    return list(read_public_keys(laptop.run("ssh-add -L").stdout))


def private_key_holds(text: str, key: PublicKey) -> bool:
    """Whether a private key file is the other half of a public key.

    OpenSSH's own format has the public half in the clear, also behind a passphrase
    (PROTOCOL.key). Of the older PEM formats nothing is known: they pass.
    """
    match = re.search(r"BEGIN OPENSSH PRIVATE KEY-+(.*?)-+END", text, re.DOTALL)
    return match is None or key.blob in decode_base64(match[1])


def _settings(text: str) -> Settings:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name.lower(), []).append(value.strip())
    return {name: tuple(values) for name, values in found.items()}


def _names(settings: Settings, name: str) -> list[str]:
    return [word for line in settings.get(name, ()) for word in line.split()]
