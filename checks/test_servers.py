"""Chapter 02: one way in, and it is yours."""

import os.path
from dataclasses import dataclass

from testinfra.host import Host

import probes
import ssh_probes
from stackwalk.verdict import CheckBroken, NotStarted, Unmet

KEY = "keys/deployer"
USER = "deployer"
KNOWN = "known_hosts"
ALIAS = "web"  # the name in known_hosts: the chapter takes old entries out by it
WEAK_BITS = 3072  # RSA below this is not for new keys (NIST SP 800-57 part 1, 2020)


def test_key_pair_made(laptop: Host) -> str:
    """Accepts ed25519, ecdsa, security keys, RSA from 3072 bits; no passphrase, or an agent."""
    private = probes.find_path(laptop, KEY)
    public = probes.read_text(laptop, f"{KEY}.pub")
    if private is None and public is None:
        raise NotStarted(
            "there is no key pair yet",
            expected=f"two files in your working folder: {KEY} and {KEY}.pub",
            found="neither of them",
            look="laptop: ls -l keys",
        )
    if private is None or public is None:
        raise Unmet(
            "one half of the key pair is missing",
            expected=f"both {KEY} and {KEY}.pub",
            found=f"only {KEY}.pub" if private is None else f"only {KEY}",
            look="laptop: ls -l keys",
            saw="half_missing",
        )
    if private.mode & 0o077:
        raise Unmet(
            "others on your laptop may read the private key, so ssh ignores it",
            expected="a mode that gives group and others nothing, such as 0600",
            found=f"{KEY} has mode {private.mode:04o}",
            look=f"laptop: ls -l {KEY}",
            saw="key_readable",
        )
    return _judge_pair(laptop, probes.read_text(laptop, KEY) or "", public)


def _judge_pair(laptop: Host, private: str, public: str) -> str:
    """The two halves are keys, of a kind one would make today, and belong together."""
    key = next(probes.read_public_keys(public), None)
    if key is None or "PRIVATE KEY" not in private:
        odd = f"{KEY}.pub" if key is None else KEY
        raise Unmet(
            "one of the two files is not a key",
            expected=f"{KEY} begins with a line BEGIN … PRIVATE KEY, {KEY}.pub with the key's type",
            found=f"{odd} is something else",
            look=f"laptop: ssh-keygen -l -f {odd}",
            saw="not_a_key",
        )
    shown = laptop.run("ssh-keygen -l -f %s", f"{KEY}.pub").stdout.strip()
    bits = shown.split(" ")[0]
    if "dss" in key.kind or ("rsa" in key.kind and bits.isdigit() and int(bits) < WEAK_BITS):
        raise Unmet(
            "the key is of a kind that is no longer made",
            expected=f"ed25519, ecdsa, a security key, or RSA with at least {WEAK_BITS} bits",
            found=shown,
            look=f"laptop: ssh-keygen -l -f {KEY}.pub",
            saw="weak_key",
        )
    if not ssh_probes.private_key_holds(private, key):
        raise Unmet(
            "the two files are halves of different pairs",
            expected=f"{KEY}.pub is the public half of {KEY}",
            found=f"{KEY}.pub is {key.fingerprint}, and {KEY} does not hold it",
            look="laptop: ls -l keys",
            saw="not_a_pair",
        )
    if key not in ssh_probes.agent_keys(laptop) and ssh_probes.is_locked(laptop, KEY):
        raise _locked(KEY)
    return shown or key.fingerprint


def _locked(file: str) -> Unmet:
    """A key that no cell and no check could use."""
    return Unmet(
        "the key waits for its passphrase, and no agent holds it",
        expected="a key without passphrase, or one that ssh-add -l lists where you check from",
        found=f"{file} wants a passphrase",
        look=f"laptop: ssh-keygen -p -f {file}; ssh-add -l",
        saw="key_locked",
    )


def test_deployer_exists(web: Host) -> str:
    """Accepts any way of making the account; rejects one that nobody can work in."""
    account = probes.find_account(web, USER)
    if account is None:
        raise NotStarted(
            "there is no account deployer on web",
            expected="an account for a person, with a home and a shell",
            found="no such user",
            look=f"web: getent passwd {USER}",
        )
    look = f"web: getent passwd {USER}"
    if account.uid < 1000:
        raise Unmet(
            "deployer is not an account for a person",
            expected="a user number of 1000 or more; 0 is root, below 1000 are services",
            found=f"uid {account.uid}",
            look=look,
            saw="not_a_person",
        )
    home = probes.find_path(web, account.home)
    if home is None or home.owner != USER:
        foreign = f"deployer's home belongs to {home.owner}" if home else ""
        raise Unmet(
            foreign or "deployer has no home of its own",
            expected=f"{account.home} exists and belongs to {USER}",
            found=str(home) if home else f"{account.home} does not exist",
            look=f"web: sudo ls -ld {account.home}",
            saw="no_home",
        )
    if not account.has_shell:
        raise Unmet(
            "deployer would be sent away at every login",
            expected="a login shell, such as /bin/bash",
            found=f"shell {account.shell}",
            look=look,
            saw="no_shell",
        )
    return f"uid {account.uid}, home {account.home}, shell {account.shell}"


def test_deployer_has_sudo(web: Host) -> str:
    """Accepts the group sudo or a rule of one's own; the password must exist and be asked for."""
    if probes.find_account(web, USER) is None:
        raise NotStarted(
            "there is no account deployer on web",
            expected="an account that may become root for one command at a time",
            found="no such user",
            look=f"web: getent passwd {USER}",
        )
    if wrong := probes.sudo_slip(web):
        raise Unmet(
            "sudo cannot read its own rules",
            expected="visudo -c names no line that is wrong",
            found=wrong,
            look="web: sudo visudo -c",
            saw="broken_rules",
        )
    sudo = probes.find_sudo(web, USER)
    if not sudo.everything and (left := probes.sudo_leaves_out(web)):
        raise Unmet(
            "sudo leaves out a file of rules, because somebody else could have written it",
            expected="files in /etc/sudoers.d that belong to root and that only root can write to",
            found=left,
            look="web: sudo ls -l /etc/sudoers.d",
            saw="rules_left_out",
        )
    if not sudo.everything:
        raise Unmet(
            "deployer may not do everything with sudo",
            expected="(ALL : ALL) ALL in the list of what deployer may run",
            found=sudo.rules or "no rule fits deployer",
            look=f"web: sudo -l -U {USER}; id {USER}",
            saw="only_some" if sudo.rules else "no_rule",
        )
    if not sudo.asks:
        raise Unmet(
            "sudo asks deployer for no password",
            expected="a password between a stolen key and root",
            found=sudo.rules,
            look=f"web: sudo -l -U {USER}",
            saw="nopasswd",
        )
    state = probes.password_state(web, USER)
    if state != "P":
        raise Unmet(
            "deployer has no password that sudo could ask for",
            expected=f"the second word of passwd -S {USER} is P: a usable password",
            found=f"it is {state}: {'none at all' if state == 'NP' else 'locked'}",
            look=f"web: sudo passwd -S {USER}",
            saw="no_password",
        )
    return "everything, after a password"


def test_host_key_known(web: Host, laptop: Host) -> str:
    """Accepts only the machine's own key, known as web, in the working folder's known_hosts."""
    settings = _client(laptop)
    if _accepts_unseen(settings):
        strict = ssh_probes.first_word(settings, "stricthostkeychecking")
        raise Unmet(
            "your ssh would accept any machine that claims to be web",
            expected="StrictHostKeyChecking left as it is: ask",
            found=f"stricthostkeychecking {strict}",
            look="laptop: ssh -G -F ssh_config web | grep -i hostkeychecking",
            saw="not_strict",
        )
    name, entries = _known_keys(laptop, settings)
    lookup = f"ssh-keygen -l -F '{name}' -f known_hosts"
    look = f"laptop: {lookup}"
    if name != ALIAS:
        known = "is known" if entries else "would be known"
        raise Unmet(
            f"the machine {known} as {name}, not as {ALIAS}",
            expected=f"HostKeyAlias {ALIAS}, in the entry for web of your ssh_config",
            found=f"ssh looks for its key under {name}",
            look="laptop: ssh -G -F ssh_config web | grep -E 'hostkeyalias|hostname|^port'",
            saw="other_name",
        )
    if not entries:
        port = ssh_probes.first_word(settings, "port")
        raise Unmet(
            "your laptop does not know the machine's host key yet",
            expected=f"an entry for {name} in a known_hosts file",
            found=f"none in {' '.join(_known_hosts(settings))}; ssh_config goes to port {port}",
            look=f"laptop: stackwalk machine status web; {lookup}",
            saw="unknown_host",
        )
    mine = _host_keys(web)
    matching = [key for key in entries if key in mine]
    if not matching:
        raise Unmet(
            "the host key your laptop knows is not the one of this machine",
            expected=f"one of {', '.join(sorted(key.fingerprint for key in mine))}",
            found=", ".join(key.fingerprint for key in entries),
            look=look,
            saw="other_machine",
        )
    if not _lists_here(laptop, settings, name, matching):
        raise Unmet(
            "the host key is known, and not in the known_hosts of your working folder",
            expected="UserKnownHostsFile known_hosts, and the machine's key in that file",
            found=f"userknownhostsfile {' '.join(_known_hosts(settings))}",
            look="laptop: ssh -G -F ssh_config web | grep userknownhostsfile; ls",
            saw="kept_elsewhere",
        )
    return f"{name} is known by {matching[0].fingerprint}"


def _lists_here(
    laptop: Host, settings: ssh_probes.Settings, name: str, keys: list[probes.PublicKey]
) -> bool:
    """Whether ssh is sent to the working folder's own list, and one of the keys stands in it."""
    folder = laptop.run("pwd").stdout.strip()
    own = os.path.realpath(os.path.join(folder, KNOWN))
    files = [os.path.join(folder, os.path.expanduser(each)) for each in _known_hosts(settings)]
    listed = laptop.run("ssh-keygen -F %s -f %s", name, KNOWN).stdout
    is_led_there = own in [os.path.realpath(file) for file in files]
    return is_led_there and bool(set(keys) & set(probes.read_public_keys(listed)))


def _client(laptop: Host) -> ssh_probes.Settings:
    """The learner's client configuration, as ssh understands it."""
    if probes.find_path(laptop, "ssh_config") is None:
        raise NotStarted(
            "there is no client configuration yet",
            expected="a file ssh_config in your working folder, with an entry for web",
            found="no such file",
            look="laptop: ls",
        )
    settings = ssh_probes.client_settings(laptop, "web")
    if not settings:
        raise Unmet(
            "ssh cannot read your ssh_config",
            expected="ssh -G lists what it understood",
            found=laptop.run("ssh -G -F ssh_config web").stderr.strip(),
            look="laptop: ssh -G -F ssh_config web",
            saw="unreadable_config",
        )
    if ssh_probes.first_word(settings, "hostname") == "web":
        raise Unmet(
            "your ssh_config does not say where web is",
            expected="Host web, and below it HostName and Port as stackwalk machine status says",
            found="hostname web: ssh would look for a machine of that name on the network",
            look="laptop: ssh -G -F ssh_config web | head -4",
            saw="no_address",
        )
    return settings


def _accepts_unseen(settings: ssh_probes.Settings) -> bool:
    """Whether a changed key would pass; with ``accept-new`` it would not."""
    said = ssh_probes.first_word(settings, "stricthostkeychecking")
    nowhere = set(_known_hosts(settings)) <= {"/dev/null", "none"}
    return said in ("no", "off", "false") or nowhere


def _known_hosts(settings: ssh_probes.Settings) -> list[str]:
    return [word for line in settings.get("userknownhostsfile", ()) for word in line.split()]


def _known_keys(laptop: Host, settings: ssh_probes.Settings) -> tuple[str, list[probes.PublicKey]]:
    """The name that ssh looks up, and the keys it finds under it."""
    port, host = (
        ssh_probes.first_word(settings, "port"),
        ssh_probes.first_word(settings, "hostname"),
    )
    name = ssh_probes.first_word(settings, "hostkeyalias") or (
        host if port == "22" else f"[{host}]:{port}"
    )
    shared = [word for line in settings.get("globalknownhostsfile", ()) for word in line.split()]
    found = ""
    for file in _known_hosts(settings) + shared:
        found += laptop.run("ssh-keygen -F %s -f %s", name, os.path.expanduser(file)).stdout
    return name, list(probes.read_public_keys(found))


def _host_keys(web: Host) -> set[probes.PublicKey]:
    """The keys sshd on the machine can prove itself with."""
    keys = set(probes.read_public_keys(web.run("cat /etc/ssh/ssh_host_*_key.pub").stdout))
    if not keys:
        raise CheckBroken("the machine has no public host keys in /etc/ssh")
    return keys


def test_deployer_logs_in(web: Host, laptop: Host) -> str:
    """Accepts any configuration with which `ssh -F ssh_config web` ends up as deployer by key.

    Looks for each known cause first and tries only then: failed logins are punished by sshd.
    """
    settings = _client(laptop)
    user = ssh_probes.first_word(settings, "user")
    if user != USER:
        raise Unmet(
            "ssh web would not log in as deployer",
            expected="User deployer, in the entry for web of your ssh_config",
            found=f"user {user}",
            look="laptop: ssh -G -F ssh_config web | grep ^user",
            saw="other_user",
        )
    account = probes.find_account(web, USER)
    if account is None:
        raise NotStarted(
            "there is no account deployer on web",
            expected="an account to log in to",
            found="no such user",
            look=f"web: getent passwd {USER}",
        )
    offered = _keys_on_offer(laptop, settings)
    _require_authorized(web, account, offered)
    return _try(web, laptop)


def _keys_on_offer(laptop: Host, settings: ssh_probes.Settings) -> list[probes.PublicKey]:
    """The keys that ssh will offer and can prove: files it may open, and the agent's."""
    files = [os.path.expanduser(file) for file in settings.get("identityfile", ())]
    present = [file for file in files if probes.find_path(laptop, file) is not None]
    agent = ssh_probes.agent_keys(laptop)
    if not present and not agent:
        raise Unmet(
            "ssh has no key to offer",
            expected=f"IdentityFile names a key that exists, such as {KEY}",
            found="identityfile " + " ".join(files[:3]),
            look="laptop: ssh -G -F ssh_config web | grep identityfile",
            saw="key_not_offered",
        )
    keys = []
    for file in present:
        text = probes.read_text(laptop, file if file.endswith(".pub") else f"{file}.pub") or ""
        key = next(probes.read_public_keys(text), None)
        if key is None or key in agent or not ssh_probes.is_locked(laptop, file):
            keys += [key] if key else []
            continue
        raise _locked(file)
    return keys + [key for key in agent if key not in keys]


def _require_authorized(
    web: Host, account: probes.Account, offered: list[probes.PublicKey]
) -> None:
    """sshd would find one of the keys, and would heed the file it stands in."""
    settings = ssh_probes.sshd_settings(web, user=USER, addr=ssh_probes.INSIDE[0])
    if settings and not ssh_probes.lets_key_in(settings, USER):
        raise Unmet(
            "sshd's own rules keep deployer out",
            expected="a key is enough, and AllowUsers or DenyUsers let deployer pass",
            found=ssh_probes.describe(
                settings, "pubkeyauthentication", "authenticationmethods", "allowusers", "denyusers"
            ),
            look="web: sudo sshd -T | grep -E 'pubkeyauth|authenticationmethods|users'",
            saw="not_allowed",
        )
    paths = ssh_probes.keys_files(settings, account) or [f"{account.home}/.ssh/authorized_keys"]
    texts = {path: text for path in paths if (text := probes.read_text(web, path)) is not None}
    look = f"web: sudo ls -la {account.home}/.ssh"
    if not texts:
        raise Unmet(
            "deployer has no list of keys on web",
            expected=f"your public key in {paths[0]}",
            found="no such file",
            look=look,
            saw="no_keys_file",
        )
    for path, text in texts.items():
        if "PRIVATE KEY" in text:
            raise Unmet(
                "a private key stands in the list of keys on web, where only public ones belong",
                expected=f"one line, the one in {KEY}.pub",
                found=f"{path} holds a private key",
                look=f"web: sudo grep -n PRIVATE {path}",
                saw="private_key_there",
            )
    for path, text in texts.items():
        if set(offered) & set(probes.read_public_keys(text)):
            _require_modes(web, account, path, first=settings)
            return
    listed = [key.fingerprint for text in texts.values() for key in probes.read_public_keys(text)]
    raise Unmet(
        "the list of keys on web does not hold yours",
        expected=" or ".join(key.fingerprint for key in offered) or "your public key, on one line",
        found=", ".join(listed) or "no line that is a whole key",
        look=f"web: sudo ssh-keygen -l -f {next(iter(texts))}",
        saw="key_not_there",
    )


def _require_modes(
    web: Host, account: probes.Account, file: str, *, first: ssh_probes.Settings
) -> None:
    """Only deployer and root could have written the list, and deployer's login can read it."""
    look = f"web: sudo ls -la {account.home}/.ssh; sudo journalctl -u ssh -n 5"
    folders = [os.path.dirname(file), account.home]
    for path in [file, *(each for each in folders if file.startswith(account.home + "/"))]:
        facts = probes.find_path(web, path)
        if facts is None or ssh_probes.first_word(first, "strictmodes") == "no":
            continue
        what = {file: "authorized_keys", account.home: "deployer's home"}.get(path, path)
        if facts.owner not in (USER, "root"):
            raise Unmet(
                f"{what} does not belong to deployer",
                expected=f"{path} belongs to {USER}",
                found=str(facts),
                look=look,
                saw="wrong_owner",
            )
        if ssh_probes.is_open_to_others(web, facts, USER):
            raise Unmet(
                f"{what} can be written by others, so sshd does not heed the keys",
                expected=f"only {USER} can write to {path}",
                found=str(facts),
                look=look,
                saw="home_too_open" if path == account.home else "keys_too_open",
            )
    if web.run("runuser -u %s -- test -r %s", USER, file).rc != 0:
        raise Unmet(
            "deployer may not read its own authorized_keys",
            expected=f"{file} belongs to {USER}, as does the folder it is in",
            found=str(probes.find_path(web, file)),
            look=look,
            saw="wrong_owner",
        )


def _try(web: Host, laptop: Host) -> str:
    """The login itself."""
    login = ssh_probes.log_in(laptop, "web")
    if login.rc == 0 and login.out == USER:
        return "ssh -F ssh_config web answers: deployer"
    look = "laptop: ssh -v -F ssh_config web"
    refused = "Not allowed at this time" in login.said or "kex_exchange" in login.said
    if (refused or "Connection refused" in login.said) and not ssh_probes.listens(web):
        raise Unmet(
            "sshd does not run on web, so nobody new gets in",
            expected="sshd listens for new logins",
            found=ssh_probes.sshd_complaint(web) or "nothing of ssh listens",
            look="web: sudo sshd -t; systemctl status ssh",
            saw="sshd_down",
        )
    if refused:
        raise Unmet(
            "sshd answers your address with nothing for some seconds",
            expected="a login",
            found=login.reason,
            look="web: sudo sshd -T | grep persourcepenalties",
            saw="refused_for_a_while",
        )
    if "Authenticated to" in login.said:
        raise Unmet(
            "the key opens the door, and the session ends or is somebody else's",
            expected=f"id -un says {USER}",
            found=login.out or login.reason or f"exit status {login.rc}",
            look=look,
            saw="odd_session",
        )
    if "Connection established" not in login.said:
        raise Unmet(
            "nothing answers where your ssh_config points to",
            expected="the address and the port of web, as stackwalk machine status web says",
            found=login.reason,
            look="laptop: stackwalk machine status web; ssh -G -F ssh_config web | grep ^port",
            saw="no_answer",
        )
    log = web.run("journalctl -u ssh -n 6 -o cat").stdout.splitlines()
    told = [line for line in log if USER in line and "session" not in line]
    raise Unmet(
        "ssh does not get in as deployer with the key",
        expected=f"id -un says {USER}",
        found=told[-1] if told else login.reason,
        look="web: sudo journalctl -u ssh -n 10",
    )


@dataclass(frozen=True)
class Cause:
    """Why a door is open, in words, and the hint that it calls for."""

    what: str
    saw: str


def test_root_login_off(web: Host) -> str:
    """Accepts PermitRootLogin no, or DenyUsers and AllowUsers without root, from any file.

    Rejects what a Match block takes back, and files that the running daemon has not read.
    """
    everywhere = _for_everybody(web, users=["root"])
    permits = {"no" if ssh_probes.shuts_out(s, "root") else _permit(s) for s in everywhere.values()}
    if permits != {"no"}:
        cause = _why_root(web, permits)
        raise Unmet(
            cause.what,
            expected="sshd -T says: permitrootlogin no",
            found=f"permitrootlogin {' and '.join(sorted(permits))}",
            look="web: sudo sshd -T | grep permitrootlogin; sudo grep -ri permitroot /etc/ssh",
            saw=cause.saw,
        )
    _require_read(web, next(iter(everywhere.values())))
    return "permitrootlogin no, from everywhere"


def _why_root(web: Host, permits: set[str]) -> Cause:
    if "no" in permits:
        return Cause("sshd lets root in from some addresses", saw="match_block")
    if ssh_probes.files_that_say(web, "PermitRootLogin", "no"):
        what = "one file closes the door for root, and another file wins"
        return Cause(what, saw="overridden")
    what = "sshd still has a way in for root"
    if permits == {"without-password"}:
        return Cause(what, saw="still_prohibit_password")
    return Cause(what, saw="still_open")


def _permit(settings: ssh_probes.Settings) -> str:
    return ssh_probes.first_word(settings, "permitrootlogin")


def _for_everybody(web: Host, users: list[str]) -> dict[tuple[str, str], ssh_probes.Settings]:
    """sshd's settings for each user from each kind of address."""
    if complaint := ssh_probes.sshd_complaint(web):
        raise Unmet(
            "sshd cannot read its own files and would not start with them",
            expected="sshd -t says nothing",
            found=complaint,
            look="web: sudo sshd -t",
            saw="broken_config",
        )
    addresses = (ssh_probes.OUTSIDE, *ssh_probes.INSIDE)
    return {
        (user, addr): ssh_probes.sshd_settings(web, user=user, addr=addr)
        for user in users
        for addr in addresses
    }


def _require_read(web: Host, settings: ssh_probes.Settings) -> None:
    unread = ssh_probes.unread_changes(web, settings)
    if unread:
        raise Unmet(
            "the file is right, and the running sshd has not read it yet",
            expected="sshd read its files after their last change",
            found=f"changed since: {' '.join(unread)}",
            look="web: sudo journalctl -u ssh -n 5",
            saw="not_reloaded",
        )


def test_passwords_off(web: Host, laptop: Host) -> str:
    """Accepts any setting that leaves no password enough for anybody, from any address.

    sshd -T speaks of the files; what a login is offered speaks of the daemon that runs.
    """
    people = [account.name for account in probes.list_accounts(web)]
    everywhere = _for_everybody(web, users=sorted({"root", *people}))
    weak = {case: each for case, each in everywhere.items() if ssh_probes.lets_password_in(each)}
    if weak:
        _say_which(web, weak, is_everywhere=len(weak) == len(everywhere))
    login = ssh_probes.log_in(laptop, "web")
    asked = {"password", "keyboard-interactive"} & set(login.offered)
    if asked:
        raise Unmet(
            "the files are right, and the running sshd still offers passwords",
            expected="a new connection is offered: publickey",
            found=f"a new connection is offered: {','.join(login.offered)}",
            look="laptop: ssh -v -F ssh_config web true 2>&1 | grep continue",
            saw="not_reloaded",
        )
    if not login.offered:
        raise Unmet(
            "your ssh_config does not reach sshd, so what it offers cannot be seen",
            expected="a new connection is offered: publickey",
            found=login.reason or "there is no ssh_config",
            look="laptop: ssh -v -F ssh_config web true",
        )
    _require_read(web, next(iter(everywhere.values())))
    return f"a new connection is offered: {','.join(login.offered)}"


def _say_which(
    web: Host, weak: dict[tuple[str, str], ssh_probes.Settings], *, is_everywhere: bool
) -> None:
    (user, addr), settings = next(iter(weak.items()))
    password = ssh_probes.first_word(settings, "passwordauthentication")
    keyboard = ssh_probes.first_word(settings, "kbdinteractiveauthentication")
    if not is_everywhere:
        cause = Cause(f"sshd lets a password in for {user} from {addr}", saw="match_block")
    elif password == "no":
        what = "sshd still asks for passwords by another name"
        cause = Cause(what, saw="keyboard_interactive")
    elif ssh_probes.files_that_say(web, "PasswordAuthentication", "no"):
        cause = Cause("one file turns passwords off, and another file wins", saw="overridden")
    else:
        cause = Cause("sshd still lets a password in", saw="still_on")
    raise Unmet(
        cause.what,
        expected="passwordauthentication no and kbdinteractiveauthentication no",
        found=f"passwordauthentication {password}, kbdinteractiveauthentication {keyboard}",
        look=f"web: sudo sshd -T -C user={user},host=laptop,addr={addr} | grep -E 'password|kbd'",
        saw=cause.saw,
    )
