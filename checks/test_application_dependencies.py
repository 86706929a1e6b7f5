"""Chapter 07: code, environment, database, assets: an account that runs them and owns little."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from testinfra.host import Host

import app_probes
import probes
import web_probes
from app_probes import CODE, REPOSITORY, SETTINGS, SYSTEM_PYTHON, VENV
from stackwalk.verdict import CheckBroken, NotStarted, Unmet

APP = "postcards"
DEPLOYER = "deployer"
PYTHON = f"{VENV}/bin/python"
HELD_BACK = ("pip", "setuptools", "wheel")  # what installs, and is no part of the lock
HOSTS = ("app.test", "www.app.test", "app.localhost:8080")
STRANGERS = ("stranger.test", "other.app.test")  # the second: no name but these, below them neither
NEEDED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "MEDIA_FOLDER", "STATIC_FOLDER")
KEY_LENGTH = 32  # characters; the app itself refuses a shorter one
AS_APP = f"web: cd {CODE} && sudo -u {APP} {VENV}/bin/flask --env-file {SETTINGS}"

Found = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Cause:
    """What is not yet so, and the key of the nudge that fits."""

    what: str
    saw: str


LEAKS = {
    "git": Cause("a secret of the settings is in the repository", saw="in_git"),
    "open": Cause("a secret of the settings lies where everybody may read it", saw="copy"),
    "ps": Cause("a secret of the settings stands on a command line, for all to see", saw="in_ps"),
    "history": Cause("a secret of the settings is in a shell's history", saw="in_history"),
    "log": Cause("a secret of the settings stands in a log", saw="logged"),
}


# -- the account --------------------------------------------------------------------------------


def test_app_account(web: Host) -> str:
    """Accepts any locked system account of that name; rejects one that may do more than run."""
    account = probes.find_account(web, APP)
    if account is None:
        raise NotStarted(
            f"there is no account {APP} yet",
            expected=f"getent passwd {APP} prints a line",
            found="no such account",
            look=f"web: getent passwd {APP}",
        )
    _require_no_login(web, account)
    _require_own_group(web)
    sudo = probes.find_sudo(web, APP)
    if sudo.rules:
        raise Unmet(
            f"{APP} may use sudo",
            expected=f"sudo has no rule for {APP}",
            found=sudo.rules,
            look=f"web: sudo -l -U {APP}",
            saw="may_use_sudo",
        )
    _require_code_safe(web)
    _require_home(web, account)
    return f"{APP}, uid {account.uid}: no login, no sudo, no group but its own"


def _require_no_login(web: Host, account: probes.Account) -> None:
    look = f"web: getent passwd {APP}; sudo passwd -S {APP}"
    if account.has_shell:
        raise Unmet(
            f"{APP} can log in",
            expected="a shell that lets nobody in: /usr/sbin/nologin",
            found=f"shell {account.shell}",
            look=look,
            saw="has_a_shell",
        )
    state = probes.password_state(web, APP)
    if state != "L":
        raise Unmet(
            f"{APP} has a password",
            expected=f"passwd -S {APP} says L: locked",
            found=f"{state or 'nothing'}",
            look=look,
            saw="has_a_password",
        )
    if not 0 < account.uid < 1000:
        raise Unmet(
            f"{APP} is an account for a person",
            expected="a system account: a uid from 1 to 999",
            found=f"uid {account.uid}",
            look=look,
            saw="person",
        )


def _require_own_group(web: Host) -> None:
    groups = app_probes.groups_of(web, APP)
    members = probes.group_members(web, APP) or []
    if groups != [APP] or members:
        raise Unmet(
            f"{APP} shares a group with others",
            expected=f"id {APP} names one group, {APP}, and nobody else is in it",
            found=f"id: {' '.join(groups)}; others in {APP}: {' '.join(members) or 'nobody'}",
            look=f"web: id {APP}; getent group {APP}",
            saw="wide_groups",
        )


def _require_code_safe(web: Host) -> None:
    for top in (CODE, REPOSITORY):
        path = app_probes.first_writable(web, APP, top)
        if path:
            raise Unmet(
                f"{APP} may change its own code",
                expected=f"nothing below {top} that {APP} may write to",
                found=f"{APP} may write to {path}",
                look=f"web: ls -ld {path}; id {APP}",
                saw="may_change_code",
            )


def _require_home(web: Host, account: probes.Account) -> None:
    home = probes.find_path(web, account.home)
    is_open = home is not None and home.mode & 0o022
    if home is None or is_open:
        raise Unmet(
            f"{APP} has a home that others may write to" if home else f"{APP} has no home",
            expected=f"{account.home}, which nobody but its owner may write to",
            found=str(home or f"no {account.home}"),
            look=f"web: ls -ld {account.home}",
            saw="odd_home",
        )


# -- the environment ----------------------------------------------------------------------------


def test_own_environment(web: Host) -> str:
    """Accepts venv, virtualenv and uv; rejects what the app could change or could not start."""
    if probes.find_path(web, VENV) is None:
        raise NotStarted(
            "the app has no environment yet",
            expected=f"a virtual environment in {VENV}",
            found="no such folder",
            look=f"web: ls -l {app_probes.HOME}",
        )
    config = probes.read_text(web, f"{VENV}/pyvenv.cfg")
    if config is None:
        raise Unmet(
            f"{VENV} is a folder, and no environment",
            expected=f"{VENV}/pyvenv.cfg and {PYTHON}",
            found="no pyvenv.cfg",
            look=f"web: ls -l {VENV}",
            saw="half_made",
        )
    told = app_probes.look_inside(web, "environment", VENV, user=APP, python=PYTHON)
    if told.complaint:
        raise Unmet(
            f"{APP} cannot start the environment's Python",
            expected=f"sudo -u {APP} {PYTHON} --version prints a version",
            found=told.complaint,
            look=f"web: sudo namei -l $(readlink -f {PYTHON})",
            saw="does_not_start",
        )
    _require_settled(told.found, config)
    _require_split(web)
    return f"Python {told.found['version']} in {VENV}, written by {DEPLOYER}, read by {APP}"


def _require_settled(found: Found, config: str) -> None:
    """It lies where it was made, and sees nothing but itself."""
    strays = [*found["strays"]]
    if found["prefix"] != VENV or strays:
        raise Unmet(
            "the environment was made in another place and carried here",
            expected=f"the programs in {VENV}/bin start {PYTHON}",
            found=strays[0] if strays else f"Python says that it lives in {found['prefix']}",
            look=f"web: head -n 1 {VENV}/bin/flask",
            saw="moved",
        )
    words = config.lower().replace(" ", "")
    if "include-system-site-packages=true" in words:
        raise Unmet(
            "the environment also takes what Debian's Python has",
            expected="include-system-site-packages = false",
            found="include-system-site-packages = true",
            look=f"web: cat {VENV}/pyvenv.cfg",
            saw="sees_the_system",
        )


def _require_split(web: Host) -> None:
    writable = app_probes.first_writable(web, APP, VENV)
    if writable:
        raise Unmet(
            f"{APP} may change the environment it runs from",
            expected=f"nothing below {VENV} that {APP} may write to",
            found=f"{APP} may write to {writable}",
            look=f"web: ls -ld {writable}",
            saw="app_may_write",
        )
    shut = app_probes.first_unwritable(web, DEPLOYER, VENV)
    if shut:
        raise Unmet(
            f"{DEPLOYER} cannot change the environment",
            expected=f"every folder below {VENV} is one that {DEPLOYER} may write to",
            found=f"not {shut}",
            look=f"web: ls -ld {shut}",
            saw="deployer_may_not",
        )


def test_lock_kept(web: Host) -> str:
    """Accepts pip and uv; rejects one package more, one less, another version, a changed file."""
    lock = app_probes.read_lock(probes.read_text(web, f"{CODE}/requirements.txt") or "")
    loose = [name for name, pin in lock.items() if not pin.version or not pin.is_hashed]
    if not lock or loose:
        raise Unmet(
            "the released code has no lock to keep",
            expected=f"{CODE}/requirements.txt names every package with a version and a hash",
            found=f"not so: {' '.join(loose[:3])}" if lock else "no packages in it",
            look=f"web: head {CODE}/requirements.txt",
            saw="no_lock",
        )
    told = app_probes.look_inside(web, "packages", user=APP, python=PYTHON)
    if told.complaint:
        raise Unmet(
            f"{APP} cannot read the list of packages",
            expected=f"{APP} may read everything below {VENV}",
            found=told.complaint,
            look=f"web: sudo -u {APP} {VENV}/bin/pip list",
            saw="unreadable",
        )
    there = {
        app_probes.normal_name(name): version for name, version in told.found["packages"].items()
    }
    if not set(there) - set(HELD_BACK):
        raise NotStarted(
            "nothing is installed in the environment yet",
            expected=f"the packages of {CODE}/requirements.txt",
            found="none of them",
            look=f"web: {VENV}/bin/pip list",
        )
    _require_lock(lock, there)
    _require_untouched(told.found)
    _require_nothing_elsewhere(web, set(lock))
    return f"{len(set(there) - set(HELD_BACK))} packages, each as the lock has it"


def _require_lock(lock: Mapping[str, app_probes.Pin], there: Mapping[str, str]) -> None:
    wrong = [n for n, v in there.items() if n in lock and v != lock[n].version]
    missing = [n for n, pin in lock.items() if n not in there and not pin.is_conditional]
    extra = sorted(set(there) - set(lock) - set(HELD_BACK))
    look = f"web: {VENV}/bin/pip freeze; grep == {CODE}/requirements.txt"
    if wrong:
        name = wrong[0]
        raise Unmet(
            f"{name} is not in the version that was tested",
            expected=f"{name}=={lock[name].version}, as the lock says",
            found=f"{name}=={there[name]}",
            look=look,
            saw="other_version",
        )
    if missing:
        raise Unmet(
            f"{missing[0]} is in the lock, and not in the environment",
            expected=f"all {len(lock)} packages of the lock",
            found=f"missing: {' '.join(missing)}",
            look=look,
            saw="missing",
        )
    if extra:
        raise Unmet(
            f"{extra[0]} is in the environment, and not in the lock",
            expected="the lock's packages and no others",
            found=f"not in the lock: {' '.join(extra)}",
            look=look,
            saw="not_in_the_lock",
        )


def _require_untouched(found: Found) -> None:
    if found["direct"]:
        raise Unmet(
            f"{found['direct'][0]} came from a folder or an address, past every index",
            expected="each package from an index, compared with its hash in the lock",
            found=f"direct_url.json beside: {' '.join(found['direct'])}",
            look=f"web: ls {VENV}/lib/python3*/site-packages/*.dist-info/direct_url.json",
            saw="past_the_index",
        )
    if found["changed"]:
        raise Unmet(
            "a file of a package was changed after it was installed",
            expected="every file as its package brought it",
            found=" ".join(found["changed"][:3]),
            look=f"web: ls -l {VENV}/lib/python3*/site-packages/{found['changed'][0]}",
            saw="edited",
        )


def _require_nothing_elsewhere(web: Host, names: set[str]) -> None:
    elsewhere = app_probes.packages_elsewhere(web, names)
    if elsewhere:
        raise Unmet(
            "a second copy of a package lies outside the environment",
            expected=f"what the app needs is in {VENV}, and nowhere else",
            found=elsewhere[0],
            look=f"web: ls -d {elsewhere[0]}",
            saw="installed_elsewhere",
        )


# -- the settings -------------------------------------------------------------------------------


def test_settings_kept(web: Host) -> str:
    """Accepts owner root or deployer; rejects any place where somebody else finds the secrets."""
    path = probes.find_path(web, SETTINGS)
    text = probes.read_text(web, SETTINGS)
    if path is None or text is None:
        raise NotStarted(
            "the app has no settings yet",
            expected=f"a file {SETTINGS}",
            found="no such file",
            look="web: sudo ls -l /etc/postcards",
        )
    _require_private(web, path)
    slip = app_probes.find_slip(text)
    if slip:
        _say_slip(slip)
    settings = app_probes.read_settings(text)
    missing = [name for name in NEEDED if not settings.get(name)]
    if missing:
        raise Unmet(
            f"the settings lack {missing[0]}",
            expected=f"a value for each of {' '.join(NEEDED)}",
            found=f"none for {' '.join(missing)}",
            look=f"web: sudo cut -d= -f1 {SETTINGS}",
            saw="missing",
        )
    _require_key(settings["SECRET_KEY"])
    _require_no_copies(web)
    return f"{len(settings)} settings in {path}, and their secrets in no place for others"


def _require_private(web: Host, path: probes.Path) -> None:
    look = f"web: sudo ls -ld /etc/postcards {SETTINGS}"
    readers = [u for u in ("nobody", "www-data") if probes.may(web, u, "r", SETTINGS)]
    if path.mode & 0o007 or readers:
        raise Unmet(
            "everybody on the machine may read the settings",
            expected=f"{SETTINGS} is for its owner and {APP} alone",
            found=str(path),
            look=look,
            saw="open",
        )
    if not probes.may(web, APP, "r", SETTINGS):
        raise Unmet(
            f"{APP} may not read its settings",
            expected=f"group {APP}, and a mode that lets it read",
            found=str(path),
            look=look,
            saw="app_may_not_read",
        )
    writable = app_probes.first_writable(web, APP, SETTINGS.rpartition("/")[0])
    if writable or path.owner == APP:
        raise Unmet(
            f"{APP} may change its own settings",
            expected=f"{SETTINGS} belongs to root, and {APP} reads it as a group",
            found=str(path) if path.owner == APP else f"{APP} may write to {writable}",
            look=look,
            saw="app_may_write",
        )


def _require_key(key: str) -> None:
    if len(key) < KEY_LENGTH or len(set(key)) < KEY_LENGTH // 4:
        raise Unmet(
            "the key that signs the sessions can be guessed",
            expected=f"SECRET_KEY: {KEY_LENGTH} characters by chance, or more",
            found=f"{len(key)} characters, {len(set(key))} of them different",
            look=f"web: sudo grep SECRET_KEY {SETTINGS}",
            saw="weak_key",
        )


def _say_slip(slip: app_probes.Slip) -> NoReturn:
    cause = {
        "export": Cause(f"{slip.name} is exported, which only a shell knows", saw="export"),
        "line end": Cause("the settings have the line ends of Windows", saw="line_ends"),
    }.get(slip.kind) or Cause(
        f"the line of {slip.name} means two things to two readers", saw="two_readings"
    )
    raise Unmet(
        cause.what,
        expected="each line is NAME=value, as flask --env-file and systemd both read it",
        found=f"line {slip.line}, {slip.name}: not plain ({slip.kind})",
        look=f"web: sudo cat -A {SETTINGS}",
        saw=cause.saw,
    )


def _require_no_copies(web: Host) -> None:
    told = app_probes.look_inside(
        web, "leaks", SETTINGS, REPOSITORY, user="root", python=SYSTEM_PYTHON
    )
    if told.complaint:
        raise CheckBroken(f"no look for copies: {told.complaint}")
    for place, cause in LEAKS.items():
        if told.found[place]:
            raise Unmet(
                cause.what,
                expected=f"the values of {SETTINGS} stand in that file and nowhere else",
                found=str(told.found[place][0]),
                look=_look_for(place, str(told.found[place][0])),
                saw=cause.saw,
            )
    dotenv = str(web.run("find %s -name .env 2>/dev/null", CODE).stdout).split()
    if dotenv:
        raise Unmet(
            "settings lie in the code's folder",
            expected=f"no .env below {CODE}: flask would read it, and a release takes it away",
            found=dotenv[0],
            look=f"web: ls -lA {CODE}",
            saw="dot_env",
        )


def _look_for(place: str, found: str) -> str:
    if place == "log":
        return "web: sudo journalctl -t sudo"
    if place == "git":
        return f"web: git --git-dir={found} log --all --stat"
    return f"web: ps -fp {found.split()[0]}" if place == "ps" else f"web: sudo ls -l {found}"


# -- the database -------------------------------------------------------------------------------


def test_schema_current(web: Host) -> str:
    """Accepts any connection of the role postcards; rejects tables that only claim to be there."""
    found = _look_at_app(web, "schema")
    if "error" in found:
        raise Unmet(
            "the database turns the app away",
            expected="DATABASE_URL leads to the database, as the role postcards",
            found=found["error"],
            look=f"{AS_APP} db current",
            saw="turned_away",
        )
    if found["kind"] != "postgresql" or found["database"] != APP or found["user"] != APP:
        raise Unmet(
            "the settings lead to another database, or to it as somebody else",
            expected=f"PostgreSQL, database {APP}, role {APP}",
            found=f"{found['kind']}, database {found.get('database')}, role {found.get('user')}",
            look=f"web: sudo cut -d: -f1,2 {SETTINGS} | grep DATABASE",
            saw="other_database",
        )
    _require_revision(found)
    foreign = {table: owner for table, owner in found["owners"].items() if owner != APP}
    if foreign:
        table, owner = next(iter(foreign.items()))
        raise Unmet(
            f"the table {table} belongs to {owner}",
            expected=f"every table of the database belongs to the role {APP}",
            found=", ".join(f"{t}: {o}" for t, o in foreign.items()),
            look=f"web: sudo -u postgres psql -d {APP} -c '\\dt'",
            saw="other_owner",
        )
    return f"revision {found['revision']}, {len(found['owners'])} tables of {APP}"


def _require_revision(found: Found) -> None:
    revision, head = found["revision"], found["head"]
    if revision is None:
        raise NotStarted(
            "no migration was applied to the database yet",
            expected=f"revision {head}",
            found="none",
            look=f"{AS_APP} db current",
        )
    if revision != head:
        raise Unmet(
            "the tables are not those that the code was written for",
            expected=f"revision {head}",
            found=f"revision {revision}",
            look=f"{AS_APP} db current",
            saw="behind",
        )
    if found["differs"]:
        raise Unmet(
            f"the database says revision {head}, and its tables are others",
            expected="tables, columns and rules as the code declares them",
            found=found["differs"][0],
            look=f"web: sudo -u postgres psql -d {APP} -c '\\d cards' -c '\\d pictures'",
            saw="only_stamped",
        )


def _look_at_app(web: Host, look: str, *words: str) -> Found:
    """What the app tells from inside, where it can be built from its settings."""
    told = app_probes.look_inside(web, look, CODE, SETTINGS, *words, user=APP, python=PYTHON)
    found = told.found
    wrong = told.complaint or "; ".join(found.get("problems", []))
    if "lenient" in found:
        raise Unmet(
            "the settings switch the app's own caution off",
            expected="no POSTCARDS_ENVIRONMENT, or production",
            found=f"POSTCARDS_ENVIRONMENT={found['lenient']}",
            look=f"web: sudo grep ENVIRONMENT {SETTINGS}",
            saw="lenient",
        )
    if wrong:
        raise Unmet(
            "the app does not start from these settings",
            expected=f"{APP} imports the app and builds it from {SETTINGS}",
            found=wrong,
            look=f"{AS_APP} routes",
            saw="does_not_start",
        )
    return found


# -- the assets ---------------------------------------------------------------------------------


def test_static_collected(web: Host) -> str:
    """Accepts any folder outside the code; rejects missing, torn, unreadable and open files."""
    found = _look_at_app(web, "static")
    folder = found["folder"]
    if probes.find_path(web, folder) is None:
        raise NotStarted(
            "the static files were not collected yet",
            expected=f"a folder {folder}",
            found="no such folder",
            look=f"web: ls -ld {folder}",
        )
    if f"{folder}/".startswith(f"{CODE}/"):
        raise Unmet(
            "the files are collected into the code, where the next release takes them away",
            expected=f"STATIC_FOLDER outside of {CODE}",
            found=folder,
            look=f"web: sudo grep STATIC {SETTINGS}",
            saw="in_the_code",
        )
    for key, what in (("missing", "is missing from"), ("torn", "is not whole in")):
        if found[key]:
            raise Unmet(
                f"{found[key][0]} {what} the collected files",
                expected=f"{len(found['names'])} files, each with what its name promises",
                found=f"{key}: {' '.join(found[key])}",
                look=f"web: ls -l {folder}",
                saw="missing" if key == "missing" else "torn",
            )
    return _require_served(web, folder, [f"{folder}/{name}" for name in found["names"]])


def _require_served(web: Host, folder: str, files: list[str]) -> str:
    listener = web_probes.find_listener(web, 80)
    server = web_probes.server_account(web, listener) if listener else "www-data"
    shut = [file for file in files if not probes.may(web, server, "r", file)]
    if shut:
        raise Unmet(
            f"the web server runs as {server} and may not read the collected files",
            expected=f"{server} may read everything in {folder}",
            found=f"not {shut[0]}",
            look=f"web: namei -l {shut[0]}",
            saw="unreadable",
        )
    for user in (server, "nobody"):
        if path := app_probes.first_writable(web, user, folder):
            raise Unmet(
                f"{user} may change what visitors get",
                expected=f"{folder} is written by {DEPLOYER} or {APP} alone",
                found=f"{user} may write to {path}",
                look=f"web: ls -ld {path}",
                saw="writable",
            )
    owners = {
        str(path and path.owner) for path in (probes.find_path(web, p) for p in [folder, *files])
    }
    if strange := sorted(owners - {DEPLOYER, APP}):
        raise Unmet(
            f"part of the collected files belongs to {strange[0]}",
            expected=f"{folder} is written by {DEPLOYER} or {APP} alone",
            found=f"owners: {' '.join(sorted(owners))}",
            look=f"web: ls -la {folder}",
            saw="writable",
        )
    return f"{len(files)} files in {folder}, for {server} to read"


# -- all of it ----------------------------------------------------------------------------------


def test_app_answers(web: Host) -> str:
    """Accepts what is ready, for three names; rejects an app that would start with less."""
    foreign = app_probes.first_foreign(web, DEPLOYER, CODE)
    if foreign:
        raise Unmet(
            "somebody else left files in the code",
            expected=f"everything below {CODE} belongs to {DEPLOYER}, who replaces it",
            found=foreign,
            look=f"web: ls -ld {foreign}",
            saw="foreign_files",
        )
    found = _look_at_app(web, "answers", *HOSTS, *STRANGERS)
    if found["optional"]:
        raise Unmet(
            f"the app would start without {found['optional'][0]}",
            expected="each of the four required settings is missed",
            found=f"not missed: {' '.join(found['optional'])}",
            look=f"web: ls -lA {CODE}",
            saw="would_start_anyway",
        )
    _require_ready(found)
    _require_names(found)
    _require_media(web, found["media"])
    return f"ready as {APP}, for {', '.join(name.partition(':')[0] for name in HOSTS)}"


def _require_ready(found: Found) -> None:
    checks = found["ready"].get("checks", {})
    wrong = {part: said for part, said in checks.items() if said != "ok"}
    if found["status"] == 400:
        wrong = {"names": f"{HOSTS[0]} is turned away"}
    if not wrong and found["status"] == 200:
        return
    part = next(iter(wrong), "ready")
    raise Unmet(
        f"the app starts, and its {part} are not as it needs them"
        if part in ("migrations", "names")
        else f"the app starts, and its {part} is not as it needs it",
        expected="GET /ready gives 200 and ready",
        found=f"{found['status']}; " + ", ".join(f"{p}: {said}" for p, said in wrong.items()),
        look=f"web: sudo ls -ld {found['media']}"
        if part == "media"
        else f"web: sudo cut -d= -f1 {SETTINGS}",
        saw="redis_away" if part == "redis" else "media" if part == "media" else "not_ready",
    )


def _require_names(found: Found) -> None:
    shut = [name for name in HOSTS if found["hosts"][name] != 200]
    open_to = [name for name in STRANGERS if found["hosts"][name] != 400]
    if shut or open_to:
        raise Unmet(
            f"the app does not answer to {shut[0]}"
            if shut
            else f"the app answers to a name that is not its own: {open_to[0]}",
            expected="200 for app.test, www.app.test and app.localhost, 400 for every other name",
            found=", ".join(f"{name}: {status}" for name, status in found["hosts"].items()),
            look=f"web: sudo grep TRUSTED {SETTINGS}",
            saw="other_names",
        )
    if found["proxies"] != "1":
        raise Unmet(
            "the app does not know how many proxies stand before it",
            expected="TRUSTED_PROXIES=1: the web server, and nobody else",
            found=f"TRUSTED_PROXIES={found['proxies']}",
            look=f"web: sudo grep TRUSTED {SETTINGS}",
            saw="other_proxies",
        )


def _way_to(folder: str) -> list[str]:
    """``/var``, ``/var/lib`` and so on: every folder that has to be entered, from the top."""
    parts = folder.strip("/").split("/")
    return ["/" + "/".join(parts[: n + 1]) for n in range(len(parts))]


def _require_media(web: Host, media: str) -> None:
    for user in ("nobody", "www-data", DEPLOYER):
        if probes.may(web, user, "w", media):
            raise Unmet(
                f"{user} may write where the visitors' pictures are kept",
                expected=f"{media} is written by {APP} alone",
                found=str(probes.find_path(web, media)),
                look=f"web: ls -ld {media}",
                saw="media_open",
            )
    shut = [each for each in _way_to(media) if not probes.may(web, "www-data", "x", each)]
    if shut:
        raise Unmet(
            "the web server has no way to the visitors' pictures",
            expected=f"www-data may enter {media}, and every folder on the way",
            found=str(probes.find_path(web, shut[0])),
            look=f"web: namei -l {media}",
            saw="media_shut",
        )
