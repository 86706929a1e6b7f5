"""Chapter 06: PostgreSQL and Redis, each open to the one who needs it and shut to the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testinfra.host import Host

import hba_probes
import postgres_probes
import probes
import redis_probes
import web_probes
from postgres_probes import Caller
from redis_probes import PASSWORD_FILE, Server, Talk, Words
from stackwalk.verdict import NotStarted, Unmet

ROLE = DATABASE = "postcards"
RESTORED = "postcards_restored"
TABLE = "stamps"
COLUMNS = (  # of stamps.sql, as the server writes them
    "id integer NOT NULL",
    "country text NOT NULL",
    "motif text NOT NULL",
    "face text NOT NULL",
    "issued date NOT NULL",
    "note text",
)
PROMISES = ("PRIMARY KEY (id)", "CHECK ((issued >= '1840-05-01'::date))")
ROWS = 9  # in stamps.csv
LETTERS = "日本"  # in its last row
PGPASS = postgres_probes.PGPASS
DUMP = "/home/deployer/backups/postcards.dump"
DOOR = "host=127.0.0.1 port=5432"
LONG = 16  # characters of a password that nobody guesses
MIB = 1024 * 1024
LEAST, MOST = 32 * MIB, 256 * MIB
COMES_BACK = (
    "always",
    "on-failure",
    "on-abnormal",
    "on-abort",
)  # after SIGKILL: systemd.service(5)
REDIS = ("redis-server", "valkey-server")

# Each in a form that does nothing where it is allowed: see redis_talk.py.
DANGEROUS: dict[Words, str] = {
    ("FLUSHALL", "WRONG"): "FLUSHALL",
    ("FLUSHDB", "WRONG"): "FLUSHDB",
    ("KEYS", "stackwalk:never"): "KEYS",
    ("CONFIG", "GET", "maxmemory"): "CONFIG",
    ("SHUTDOWN", "WRONG"): "SHUTDOWN",
    ("DEBUG", "HELP"): "DEBUG",
    ("REPLICAOF", "nobody", "nowhere"): "REPLICAOF",
    ("ACL", "SETUSER", "stackwalk-never", "+nosuchcommand"): "ACL SETUSER",
    ("EVAL", "return 1", "0"): "EVAL",
}
NEEDED: tuple[Words, ...] = (
    ("PING",),
    ("INFO", "server"),
    ("CLIENT", "SETNAME", "stackwalk"),
    ("GET", "postcards:stackwalk:never"),
    ("SET", "postcards:stackwalk:never", "x", "XX"),
    ("INCRBY", "postcards:stackwalk:never", "no-number"),
    ("DEL", "postcards:stackwalk:never"),
    ("EXPIRE", "rq:stackwalk:never", "60"),
    ("HGETALL", "rq:stackwalk:never"),
    ("HDEL", "rq:stackwalk:never", "x"),
    ("LRANGE", "rq:stackwalk:never", "0", "-1"),
    ("LPUSHX", "rq:stackwalk:never", "x"),
    ("LMOVE", "rq:stackwalk:never", "rq:stackwalk:nor", "LEFT", "RIGHT"),
    ("SMEMBERS", "rq:stackwalk:never"),
    ("SREM", "rq:stackwalk:never", "x"),
    ("ZRANGE", "rq:stackwalk:never", "0", "-1"),
    ("ZADD", "rq:stackwalk:never", "XX", "1", "x"),
    ("WATCH", "rq:stackwalk:never"),
    ("MULTI",),
    ("EXISTS", "rq:stackwalk:never"),
    ("EXEC",),
    ("PUBLISH", "rq:pubsub:stackwalk", "x"),
    ("SUBSCRIBE", "rq:pubsub:stackwalk"),
)


@dataclass(frozen=True)
class Cause:
    """What is not yet so, the key of the nudge that fits, what was found and where to look."""

    what: str
    saw: str
    found: str = ""
    look: str = ""


# -- PostgreSQL: who ----------------------------------------------------------------------------


def test_database_role(web: Host) -> str:
    """Accepts any role of that name that logs in by password and may do nothing beyond it."""
    _require_postgres(web)
    role = postgres_probes.find_role(web, ROLE)
    if role is None:
        raise Unmet(
            f"PostgreSQL knows no role {ROLE}",
            expected=f"a role {ROLE} that can log in",
            found="no such role",
            look="web: sudo -u postgres psql -c '\\du'",
            saw="no_role",
        )
    if too_much := [*role["rights"], *(f"member of {name}" for name in role["member_of"])]:
        is_superuser = "SUPERUSER" in too_much
        raise Unmet(
            f"the role {ROLE} may do more than the app needs",
            expected="no attribute but LOGIN, and member of no other role",
            found=", ".join(too_much),
            look="web: sudo -u postgres psql -c '\\du'",
            saw="superuser" if is_superuser else "too_much",
        )
    _require_secret(web, PGPASS, what="the password file of deployer")
    if role["kept_as"].startswith("md5"):
        raise Unmet(
            f"the server keeps the password of {ROLE} as an MD5 sum",
            expected="it is kept as SCRAM-SHA-256",
            found="pg_authid: md5…",
            look="web: sudo -u postgres psql -c 'SHOW password_encryption'",
            saw="md5",
        )
    is_made = postgres_probes.find_database(web, DATABASE) is not None
    _require_login(web, DATABASE, look_in=DATABASE if is_made else "postgres")
    _require_line_for_all(web)
    _require_unspilled(
        web,
        "sed -n 's/^[^:]*:[^:]*:[^:]*:postcards://p' /home/deployer/.pgpass",
        whose=f"the password of {ROLE}",
    )
    return f"{ROLE} logs in with the password in {PGPASS}, and has no right beyond that"


def _require_postgres(web: Host) -> None:
    """The server runs, and its administrator still gets in over the socket."""
    look = "web: pg_lsclusters; sudo journalctl -u postgresql@17-main -n 20"
    if not probes.is_installed(web, "pg_lsclusters"):
        raise NotStarted(
            "PostgreSQL is not installed yet",
            expected="PostgreSQL 17 on web",
            found="no program pg_lsclusters",
            look="web: apt-cache policy postgresql",
        )
    reply = postgres_probes.ask(web, "SELECT 1")
    if not reply.said:
        return
    if postgres_probes.is_away(reply):
        log = web.run("tail -n 30 /var/log/postgresql/postgresql-17-main.log").stdout.splitlines()
        fatal = [line for line in log if "FATAL" in line or "pg_hba.conf" in line]
        raise Unmet(
            "PostgreSQL is installed and does not run",
            expected="it answers at its socket",
            found=fatal[-1].partition("] ")[2] if fatal else reply.said,
            look=look,
            saw="not_running",
        )
    raise Unmet(
        "the administrator postgres does not get in over the socket any more",
        expected="the account postgres is let in as the role postgres, by its name (peer)",
        found=reply.said,
        look="web: sudo cat /etc/postgresql/17/main/pg_hba.conf",
        saw="shut_out",
    )


def _require_login(web: Host, database: str, *, look_in: str) -> None:
    """The role gets past the door to a database, be it there or not, by SCRAM."""
    told = postgres_probes.log_in(
        web, f"{DOOR} user={ROLE} dbname={database} require_auth=scram-sha-256"
    )
    if told == "let in":
        return
    cause = _why_no_login(told)
    raise Unmet(
        cause.what,
        expected=f"deployer comes in at 127.0.0.1 as {ROLE}, to the database {database}, with the "
        f"password in {PGPASS}",
        found=told,
        look=f"web: psql -h 127.0.0.1 -U {ROLE} -d {look_in} -c '\\conninfo'",
        saw=cause.saw,
    )


def _require_line_for_all(web: Host) -> None:
    """The rules may keep the role from another database; its password has to fit there too."""
    told = postgres_probes.log_in(web, f"{DOOR} user={ROLE} dbname={RESTORED}")
    if "no password supplied" in told:
        raise Unmet(
            f"the line in {PGPASS} is good for one database, and there will be more",
            expected=f"127.0.0.1:5432:*:{ROLE}:…",
            found=f"for {RESTORED}: {told}",
            look=f"web: cut -d: -f1-4 {PGPASS}",
            saw="one_database",
        )


def _why_no_login(told: str) -> Cause:
    if "requirement" in told:
        if "did not complete" in told:
            return Cause(
                f"the server lets {ROLE} in without asking for its password", saw="trusted"
            )
        return Cause("the server asks for the password in a form that can be stolen", saw="md5")
    if "no password supplied" in told:
        return Cause(f"{PGPASS} has no line for {ROLE} at 127.0.0.1", saw="no_line")
    if "password authentication failed" in told:
        return Cause(
            "the password in the file is not the one the server knows", saw="other_password"
        )
    if "not permitted to log in" in told:
        return Cause(f"the role {ROLE} may not log in", saw="no_login")
    if "refused" in told:
        return Cause("PostgreSQL does not listen at 127.0.0.1", saw="not_there")
    return Cause(f"the rules do not let {ROLE} in at 127.0.0.1", saw="not_let_in")


def _require_secret(web: Host, path: str, *, what: str) -> None:
    """A file with a password of some length, which nobody but its owner can read."""
    file = probes.find_path(web, path)
    if file is None:
        raise Unmet(
            f"{what} does not exist",
            expected=f"{path}, of deployer, mode 0600",
            found="no such file",
            look=f"web: ls -l {path}",
            saw="no_file",
        )
    if file.mode & 0o077 or file.owner not in ("deployer", "root"):
        raise Unmet(
            f"{what} can be read by others",
            expected=f"{path}: deployer:deployer 0600",
            found=str(file),
            look=f"web: ls -l {path}",
            saw="file_open",
        )
    text = probes.read_text(web, path) or ""
    secret = postgres_probes.read_pgpass(text, role=ROLE) if path == PGPASS else text.strip()
    if 0 < len(secret) < LONG:
        raise Unmet(
            f"the password in {path} is short enough to be guessed",
            expected=f"{LONG} characters or more, made by a program",
            found=f"{len(secret)} characters",
            look="web: openssl rand -hex 24",
            saw="short",
        )


def _require_unspilled(web: Host, show: str, *, whose: str) -> None:
    """The secret that ``show`` prints is in no history, and in no file that all may read."""
    if path := _find_spill(web, show):
        raise Unmet(
            f"{whose} stands in {'a log' if path in LOOK else 'another file'} too",
            expected="it stands where the app reads it, and in no history, no log and no open file",
            found=path,
            look=LOOK.get(path, f"web: sudo ls -l {path}"),
            saw="logged" if path in LOOK else "spilled",
        )


def _find_spill(web: Host, show: str) -> str:
    """The first place with the secret in it; the secret itself is in no argument of a program."""
    kept = ".bash_history .psql_history .rediscli_history .python_history"
    files = " ".join(f"{home}/{name}" for home in HOMES for name in kept.split())
    found = web.run(
        f"{show} | grep -lsF -f - {files}; cd /; "
        f"{show} | runuser -u nobody -- grep -rlsFI -D skip -f - /etc /srv /home /opt /var/www /tmp"
    )
    return str(found.stdout).partition("\n")[0] or _find_logged(web, show)


def _find_logged(web: Host, show: str) -> str:
    """Where a log keeps the secret: sudo's has each command line, PostgreSQL's what failed."""
    logs = {
        SUDO_LOG: "journalctl -q -o cat -t sudo",
        SERVER_LOG: f"zcat -f {SERVER_LOG}",
    }
    for place, read in logs.items():
        script = f"grep -qsF -f <({show} | grep .) <({read} 2>/dev/null)"
        if web.run("bash -c %s", script).rc == 0:
            return place
    return ""


SUDO_LOG = "the journal, in a line of sudo's"
SERVER_LOG = "/var/log/postgresql/*"
LOOK = {
    SUDO_LOG: "web: sudo journalctl -t sudo",
    SERVER_LOG: "web: sudo grep -n STATEMENT /var/log/postgresql/postgresql-17-main.log",
}
HOMES = ("/root", "/home/*", "/var/lib/postgresql")


# -- PostgreSQL: what ---------------------------------------------------------------------------


def test_database_of_its_own(web: Host) -> str:
    """Accepts any database of that name in UTF-8 whose owner is the role and which is shut."""
    _require_postgres(web)
    database = postgres_probes.find_database(web, DATABASE)
    if database is None:
        raise Unmet(
            f"there is no database {DATABASE}",
            expected=f"a database {DATABASE}, owned by {ROLE}",
            found="no such database",
            look="web: sudo -u postgres psql -l",
            saw="no_database",
        )
    cause = _why_not_its_own(database)
    if cause:
        raise Unmet(
            cause.what,
            expected=f"owner {ROLE}, encoding UTF8, and no CONNECT for everybody",
            found=cause.found,
            look="web: sudo -u postgres psql -l",
            saw=cause.saw,
        )
    if postgres_probes.public_may_create(web, DATABASE):
        raise Unmet(
            "any role could make tables in the schema public",
            expected="CREATE in the schema public is the owner's",
            found="PUBLIC has CREATE",
            look=f"web: sudo -u postgres psql -d {DATABASE} -c '\\dn+'",
            saw="schema_open",
        )
    _require_table(web)
    return f"{DATABASE} belongs to {ROLE}, nobody else may connect, and {TABLE} has its rows"


def _why_not_its_own(database: Mapping[str, Any]) -> Cause | None:
    if database["owner"] != ROLE:
        what = f"the database {DATABASE} belongs to {database['owner']}"
        return Cause(what, saw="other_owner", found=f"owner {database['owner']}")
    if database["encoding"] != "UTF8":
        what = f"the database {DATABASE} does not know what a letter is"
        return Cause(what, saw="encoding", found=f"encoding {database['encoding']}")
    if database["for_all"]:
        what = f"every role of this server may connect to {DATABASE}"
        return Cause(what, saw="for_all", found="PUBLIC has CONNECT")
    return None


def _require_table(web: Host) -> None:
    table = postgres_probes.find_table(web, TABLE, DATABASE)
    look = f"web: psql -h 127.0.0.1 -U {ROLE} -c 'SELECT * FROM {TABLE}'"
    if table is None:
        raise Unmet(
            f"{DATABASE} has no table {TABLE} yet",
            expected=f"the table of stamps.sql in the schema public of {DATABASE}",
            found="no such table",
            look=f"web: psql -h 127.0.0.1 -U {ROLE} -c '\\d'",
            saw="no_table",
        )
    if table["owner"] != ROLE:
        raise Unmet(
            f"the table {TABLE} belongs to {table['owner']}, so the app could not change it",
            expected=f"owner {ROLE}",
            found=f"owner {table['owner']}",
            look=f"web: psql -h 127.0.0.1 -U {ROLE} -c '\\d'",
            saw="other_table_owner",
        )
    for part, wanted in (("columns", COLUMNS), ("rules", PROMISES)):
        if missing := [line for line in wanted if line not in table[part]]:
            raise Unmet(
                f"the table {TABLE} does not promise what stamps.sql promises",
                expected=missing[0],
                found="; ".join(table[part]) or f"no {part}",
                look=f"web: psql -h 127.0.0.1 -U {ROLE} -c '\\d {TABLE}'",
                saw="promises",
            )
    rows = postgres_probes.table_rows(web, TABLE, DATABASE)
    if len(rows) < ROWS:
        raise Unmet(
            f"the table {TABLE} has not all rows of stamps.csv",
            expected=f"{ROWS} rows",
            found=f"{len(rows)} rows",
            look=look,
            saw="rows_missing",
        )
    if not any(LETTERS in row for row in rows):
        raise Unmet(
            "letters were changed on the way into the table",
            expected=f"a row with {LETTERS}",
            found=rows[-1],
            look=look,
            saw="letters",
        )


# -- PostgreSQL: where --------------------------------------------------------------------------

SOCKET = "host=/run/postgresql"


def test_database_doors(web: Host) -> str:
    """Who gets in is tried, from an account without rights; who calls from elsewhere, is read.

    Accepts any rules by which the role comes in by SCRAM at 127.0.0.1, to its databases, and
    nobody else by the network at all.
    """
    _require_postgres(web)
    _require_no_fault(web)
    if strangers := web_probes.open_addresses(web, 5432):
        raise Unmet(
            "PostgreSQL listens to the network, and the firewall is the only lock",
            expected="it listens at 127.0.0.1, and ::1, and nowhere else",
            found=f"it listens at {' '.join(strangers)} port 5432",
            look="web: sudo ss -ltnp 'sport = :5432'",
            saw="open_to_all",
        )
    _require_read(web)
    _require_narrow(web)
    for database in (DATABASE, RESTORED):
        _require_login(web, database, look_in=database)
    _require_shut(web)
    return f"by 127.0.0.1 only {ROLE} gets in, by SCRAM, and only to its databases"


def _require_no_fault(web: Host) -> None:
    if faults := postgres_probes.file_faults(web):
        raise Unmet(
            "PostgreSQL still runs, and could not start from its files as they are now",
            expected="it can read every line",
            found=faults[0],
            look="web: sudo -u postgres psql -c 'SELECT * FROM pg_hba_file_rules'",
            saw="broken_rules",
        )


def _require_narrow(web: Host) -> None:
    """No line of the file is for a caller by TCP other than the role, from here."""
    for rule in hba_probes.list_rules(web):
        if cause := _why_wide(rule):
            raise Unmet(
                cause.what,
                expected=f"one role by TCP: {ROLE}, from 127.0.0.1/32, to its databases, by "
                "scram-sha-256",
                found=str(rule),
                look="web: sudo -u postgres psql -c 'SELECT * FROM pg_hba_file_rules'",
                saw=cause.saw,
            )


def _why_wide(rule: hba_probes.Rule) -> Cause | None:
    if rule.method == "reject":
        return None
    if rule.method == "trust":
        return Cause("a rule asks for no password", saw="trusted")
    if rule.roles != {ROLE}:
        roles = ", ".join(sorted(rule.roles))
        what = f"by the network the role {roles} may try passwords, too"
        return Cause(what.replace("the role all", "every role"), saw="others_asked")
    if not rule.is_local:
        return Cause(f"{ROLE} may come in from another machine", saw="other_address")
    if not rule.databases <= {DATABASE, RESTORED, "sameuser", "samerole"}:
        return Cause(
            f"the rules let {ROLE} try databases that are not its own", saw="other_database"
        )
    if rule.method in ("md5", "password"):
        return Cause(f"a rule asks for the password by the method {rule.method}", saw="md5")
    return None


def _require_shut(web: Host) -> None:
    callers = [
        Caller(f"{SOCKET} user=postgres dbname=postgres"),
        Caller(f"{SOCKET} user=postgres dbname=postgres", who="deployer"),
        Caller(f"{SOCKET} user={ROLE} dbname={DATABASE}"),
        Caller(f"{DOOR} user={ROLE} dbname={DATABASE}"),
        Caller(f"host=::1 port=5432 user={ROLE} dbname={DATABASE}"),
        Caller(f"{DOOR} user=postgres dbname=postgres"),
        Caller(f"{DOOR} user=nobody_of_ours dbname={DATABASE}"),
        Caller(f"{DOOR} user={ROLE} dbname=postgres"),
        Caller(f"{DOOR} user=postgres dbname=postgres replication=true"),
    ]
    for caller, told in zip(callers, postgres_probes.try_doors(web, callers), strict=True):
        if _is_turned_away(caller, told):
            continue
        if not (SOCKET in caller.words and hba_probes.may_let_in_unasked(web)):
            # Every line for callers by TCP was read above, and none of them is for this one.
            raise _unread(f"{caller.words}: {told}, and no line of the files says so")
        who = "anybody on this machine" if caller.who == "nobody" else f"the account {caller.who}"
        raise Unmet(
            f"{who} becomes the role {caller.role}, and no password is asked",
            expected="on the socket everybody comes in by their own name or not at all",
            found=f"{caller.words}: {told}",
            look="web: sudo -u postgres psql -c 'SELECT * FROM pg_hba_file_rules'",
            saw="trusted",
        )


def _is_turned_away(caller: Caller, told: str) -> bool:
    """On the socket a password may be asked; by TCP only of the role, for its own database."""
    is_own = caller.role == ROLE and f"dbname={DATABASE}" in caller.words
    is_asked = "password" in told and SOCKET not in caller.words and not is_own
    return told != "let in" and not is_asked


def _require_read(web: Host) -> None:
    if unread := postgres_probes.unread_files(web):
        raise _unread(f"changed since: {' '.join(unread)}")
    if waiting := postgres_probes.waits_for_restart(web):
        raise Unmet(
            "a setting was changed that only a restart brings into force",
            expected="what runs is what stands in the files",
            found="; ".join(waiting),
            look="web: sudo -u postgres psql -c 'SELECT * FROM pg_settings WHERE pending_restart'",
            saw="not_restarted",
        )


def _unread(found: str) -> Unmet:
    return Unmet(
        "PostgreSQL has not read its files since they were changed",
        expected="what runs is what stands in the files",
        found=found,
        look="web: sudo -u postgres psql -c 'SELECT pg_conf_load_time()'",
        saw="not_reloaded",
    )


# -- a dump that is worth something -------------------------------------------------------------


def test_dump_restored(web: Host) -> str:
    """Accepts any form of dump that pg_restore reads; what counts is the rows in three places."""
    _require_postgres(web)
    file = probes.find_path(web, DUMP)
    if file is None:
        raise Unmet(
            "there is no dump yet",
            expected=f"{DUMP}, readable by deployer alone",
            found="no such file",
            look=f"web: ls -l {DUMP.rpartition('/')[0]}",
            saw="no_dump",
        )
    if probes.may(web, "nobody", "r", DUMP):
        raise Unmet(
            "every account of this machine can read the dump, and everything in it",
            expected=f"{DUMP}: mode 0600, or a folder that only deployer may enter",
            found=str(file),
            look=f"web: namei -l {DUMP}",
            saw="dump_open",
        )
    _require_full(web)
    _require_restored(web)
    rows = _require_same_rows(web)
    return f"{rows} rows of {TABLE}: the same in {DATABASE}, in the dump and in {RESTORED}"


def _require_full(web: Host) -> None:
    entries = postgres_probes.dump_entries(web, DUMP)
    look = f"web: ls -l {DUMP}; pg_restore -l {DUMP}"
    expected = f"a dump in a form of pg_restore's, with the table {TABLE} and its rows"
    if entries.said:
        size = web.run("stat -c %%s %s", DUMP).stdout.strip()
        raise Unmet(
            "the dump is an empty file" if size == "0" else "pg_restore cannot read the dump",
            expected=expected,
            found=f"{size} bytes; {entries.said}",
            look=look,
            saw="empty_dump" if size == "0" else "other_form",
        )
    if f"TABLE DATA public {TABLE} " not in entries.text:
        has_table = f"TABLE public {TABLE} " in entries.text
        raise Unmet(
            "the dump has the tables and not their rows"
            if has_table
            else f"the dump knows nothing of the table {TABLE}",
            expected=expected,
            found=f"{len([r for r in entries.rows() if r and r[0] != ';'])} entries, "
            + ("none of them rows" if has_table else f"none of them {TABLE}"),
            look=look,
            saw="no_rows" if has_table else "other_dump",
        )


def _require_restored(web: Host) -> None:
    database = postgres_probes.find_database(web, RESTORED)
    table = postgres_probes.find_table(web, TABLE, RESTORED) if database else None
    if database is None or table is None:
        raise Unmet(
            "the dump was never restored",
            expected=f"a database {RESTORED} with what the dump holds",
            found=f"no table {TABLE} in {RESTORED}" if database else "no such database",
            look=f"web: sudo -u postgres psql -d {RESTORED} -c '\\d'",
            saw="not_restored",
        )
    owners = {str(database["owner"]), str(table["owner"])}
    if owners != {ROLE}:
        raise Unmet(
            f"what was restored belongs to {' and '.join(sorted(owners - {ROLE}))}",
            expected=f"the database and its tables belong to {ROLE}, as before",
            found=f"{RESTORED}: {database['owner']}; {TABLE}: {table['owner']}",
            look=f"web: sudo -u postgres psql -d {RESTORED} -c '\\d'",
            saw="other_owner",
        )
    if database["for_all"]:
        raise Unmet(
            f"every role of this server may connect to {RESTORED}, where all rows are",
            expected="no CONNECT for everybody, as in the database that was dumped",
            found="PUBLIC has CONNECT",
            look="web: sudo -u postgres psql -l",
            saw="for_all",
        )
    live = postgres_probes.find_table(web, TABLE, DATABASE) or {"columns": [], "rules": []}
    for part in ("columns", "rules"):
        if lost := [line for line in live[part] if line not in table[part]]:
            raise Unmet(
                f"the restored table is not the one that was dumped: its {part} differ",
                expected=f"{lost[0]}",
                found="; ".join(table[part]) or "none",
                look=f"web: psql -h 127.0.0.1 -U {ROLE} -d {RESTORED} -c '\\d {TABLE}'",
                saw="lost",
            )


def _require_same_rows(web: Host) -> int:
    live = postgres_probes.table_rows(web, TABLE, DATABASE)
    dumped = postgres_probes.dump_rows(web, DUMP, TABLE)
    restored = postgres_probes.table_rows(web, TABLE, RESTORED)
    if dumped is None:  # rows as statements: what came of them is compared, as whole as the other
        dumped = restored
    if restored != dumped:
        raise Unmet(
            f"{RESTORED} does not hold the rows that are in the dump",
            expected=f"{len(dumped)} rows, each as in the dump",
            found=_differ(dumped, restored),
            look=f"web: psql -h 127.0.0.1 -U {ROLE} -d {RESTORED} -c 'SELECT * FROM {TABLE}'",
            saw="other_rows",
        )
    if dumped != live:
        raise Unmet(
            f"the dump is of another moment than the table {TABLE} as it is now",
            expected=f"{len(live)} rows, each as in {DATABASE}",
            found=_differ(live, dumped),
            look=f"web: ls -l {DUMP}; psql -h 127.0.0.1 -U {ROLE} -c 'SELECT * FROM {TABLE}'",
            saw="old_dump",
        )
    return len(live)


def _differ(wanted: list[str], found: list[str]) -> str:
    missing = [row for row in wanted if row not in found]
    more = [row for row in found if row not in wanted]
    first = f"not there: {missing[0]}" if missing else f"too much: {more[0] if more else ''}"
    return f"{len(found)} rows; {first}"


# -- Redis --------------------------------------------------------------------------------------


def test_redis_password(web: Host) -> str:
    """Accepts requirepass, a rule for the default user, or a list of users; now and after."""
    now, then, _ = _require_redis(web)
    if strangers := web_probes.open_addresses(web, 6379):
        raise Unmet(
            "Redis listens to the network, and the firewall is the only lock",
            expected="it listens at 127.0.0.1, and ::1, and nowhere else",
            found=f"it listens at {' '.join(strangers)} port 6379",
            look="web: sudo ss -ltnp 'sport = :6379'",
            saw="open_to_all",
        )
    if now.is_open:
        raise Unmet(
            "every account of this machine can use Redis, and no password is asked",
            expected="who says no password is told NOAUTH",
            found=f"PING is answered with {now.bare}",
            look="web: redis-cli ping",
            saw="no_password" if then.is_open else "not_restarted",
        )
    _require_secret(web, PASSWORD_FILE, what="the file with the password for Redis")
    if not now.is_opened:
        raise Unmet(
            "the password in the file does not open Redis",
            expected=f"Redis takes the one line of {PASSWORD_FILE}",
            found=now.admitted.lstrip("-"),
            look="web: REDISCLI_AUTH=$(cat ~/.redis-password) redis-cli ping",
            saw="wrong_password",
        )
    _require_kept(then)
    _require_unspilled(web, f"grep . {PASSWORD_FILE}", whose="the password for Redis")
    return "who has the password is let in, everybody else is not; the same after a restart"


def _require_redis(web: Host, questions: tuple[Words, ...] = ()) -> tuple[Server, Server, Talk]:
    """The server that runs, the one that a restart would give, and all that was said."""
    if not any(probes.is_installed(web, name) for name in REDIS):
        raise NotStarted(
            "Redis is not installed yet",
            expected="Redis on web",
            found="no program redis-server",
            look="web: apt-cache policy redis-server",
        )
    talk = redis_probes.talk(web, questions)
    if talk.now is None:
        raise Unmet(
            "Redis is installed and does not run",
            expected="it answers at 127.0.0.1 port 6379",
            found=talk.complaint or "nothing listens there; from its files it would start",
            look="web: systemctl status redis-server; sudo tail /var/log/redis/redis-server.log",
            saw="not_running",
        )
    if talk.then is None:
        raise Unmet(
            "Redis still runs, and could not start from its files as they are now",
            expected="a second server starts from the same files",
            found=talk.complaint,
            look="web: sudo tail /var/log/redis/redis-server.log",
            saw="broken_config",
        )
    return talk.now, talk.then, talk


def _require_kept(then: Server) -> None:
    """What the next restart gives is what is asked for now."""
    if then.is_open or not then.is_opened:
        raise Unmet(
            "the password is gone after the next restart"
            if then.is_open
            else "after the next restart the password would be another one",
            expected="what runs is what stands in the files",
            found="a server started from the same files "
            + ("asks for none" if then.is_open else f"says {then.admitted.lstrip('-')}"),
            look="web: sudo grep -rE '^(requirepass|user|include|aclfile)' /etc/redis/",
            saw="not_kept",
        )


def test_redis_commands(web: Host) -> str:
    """Accepts rules or other names for commands; each is tried in a form that does no harm."""
    now, then, talk = _require_redis(web, (*DANGEROUS, *NEEDED))
    _require_needed(now)
    for words, name in DANGEROUS.items():
        if not redis_probes.is_refused(now.told[words]):
            # EVAL is in no list of dangerous commands, so it is left when only that list went.
            is_script = name == "EVAL"
            is_ready = redis_probes.is_refused(then.told[words])
            raise Unmet(
                f"who has the app's password may say {name}",
                expected=f"{', '.join(DANGEROUS.values())} are refused",
                found=f"{name} was not refused"
                + ("; a server started from the files as they are would refuse it" * is_ready),
                look="web: sudo grep -rE '^(user|rename-command|aclfile|include)' /etc/redis/",
                saw="not_restarted" if is_ready else "scripts_left" if is_script else "dangerous",
            )
    _require_no_others(talk)
    _require_rules_kept(then)
    return f"{', '.join(DANGEROUS.values())} are refused, and all that the app needs is not"


def _require_needed(now: Server) -> None:
    refused = [words for words in NEEDED if redis_probes.is_refused(now.told[words])]
    if refused:
        is_channel = refused[0][0] in ("PUBLISH", "SUBSCRIBE")
        raise Unmet(
            "the app could not listen to its channels"
            if is_channel
            else f"the app needs {refused[0][0]}, and is refused it",
            expected="strings, hashes, lists, sets, transactions, channels, INFO, CLIENT SETNAME "
            "for names that begin with rq: and postcards:",
            found=now.told[refused[0]].lstrip("-"),
            look="web: sudo tail /var/log/redis/redis-server.log; sudo grep -r '^user' /etc/redis/",
            saw="channels" if is_channel else "too_little",
        )


def _require_no_others(talk: Talk) -> None:
    for name, told in talk.others.items():
        free = [DANGEROUS[words] for words in DANGEROUS if not redis_probes.is_refused(told[words])]
        if free:
            raise Unmet(
                f"there is a user {name} without a password, who may say {free[0]}",
                expected="no way around the rules of the app's own user",
                found=f"AUTH {name} with any password is taken; {', '.join(free)} are allowed",
                look="web: sudo grep -r '^user' /etc/redis/",
                saw="another_user",
            )


def _require_rules_kept(then: Server) -> None:
    for words, name in DANGEROUS.items():
        if not redis_probes.is_refused(then.told[words]):
            raise Unmet(
                f"after the next restart {name} would be allowed again",
                expected="what runs is what stands in the files",
                found=f"a server started from the same files does not refuse {name}",
                look="web: sudo grep -rE '^(user|rename-command|aclfile|include)' /etc/redis/",
                saw="not_kept",
            )


def test_redis_memory(web: Host) -> str:
    """Accepts a limit between 32 and 256 MiB and a policy that evicts nothing without a date."""
    now, then, _ = _require_redis(web)
    look = "web: REDISCLI_AUTH=$(cat ~/.redis-password) redis-cli info memory | grep maxmemory"
    limit, policy = int(now.info.get("maxmemory", 0)), now.info.get("maxmemory_policy", "unknown")
    if not now.info:
        raise Unmet(
            "Redis does not tell the app how much memory it may take",
            expected="INFO is answered to who has the password",
            found="INFO was refused",
            look=look,
            saw="no_info",
        )
    later = (int(then.info.get("maxmemory", 0)), then.info.get("maxmemory_policy", "unknown"))
    if not LEAST <= limit <= MOST:
        is_ready = LEAST <= later[0] <= MOST
        raise Unmet(
            _say_limit(limit),
            expected="maxmemory from 32 to 256 MiB",
            found=f"maxmemory {limit} bytes",
            look=look,
            saw="not_restarted" if is_ready else "other_limit" if limit else "no_limit",
        )
    if not policy.startswith(("noeviction", "volatile-")):
        raise Unmet(
            "when Redis is full it throws jobs away that nobody has done",
            expected="maxmemory-policy noeviction, or one that takes keys with a date only",
            found=f"maxmemory-policy {policy}",
            look=look,
            saw="evicts",
        )
    if later != (limit, policy):
        raise Unmet(
            "the limit is gone after the next restart"
            if not later[0]
            else "after the next restart the limit would be another one",
            expected=f"maxmemory {limit}, {policy}, as now",
            found=f"a server started from the same files has maxmemory {later[0]}, {later[1]}",
            look="web: sudo grep -rE '^(maxmemory|include)' /etc/redis/",
            saw="not_kept",
        )
    return f"at most {limit // MIB} MiB, {policy}"


def _say_limit(limit: int) -> str:
    if not limit:
        return "Redis may take all the memory of the machine"
    size = "little" if limit < LEAST else "much"
    return f"Redis may take {limit / MIB:.3g} MiB, which is too {size}"


# -- both ---------------------------------------------------------------------------------------


def test_databases_return(web: Host) -> str:
    """Accepts any unit that boot starts and that systemd starts again after a kill."""
    units = []
    for name, port in (("PostgreSQL", 5432), ("Redis", 6379)):
        listener = web_probes.find_listener(web, port)
        if listener is None:
            raise NotStarted(
                f"{name} does not run",
                expected=f"{name} at port {port}",
                found=f"nothing listens at port {port}",
                look="web: sudo ss -ltnp",
            )
        if not listener.unit:
            raise Unmet(
                f"{name} runs, and systemd knows nothing of it",
                expected="a service of systemd's",
                found=f"{listener.program}, process {listener.pids[0]}, of no service",
                look=f"web: ps -fp {listener.pids[0]}",
                saw="no_service",
            )
        _require_returns(web, name, listener.unit)
        units.append(listener.unit)
    return f"{' and '.join(units)} start at boot, and again when they are killed"


def _require_returns(web: Host, name: str, unit: str) -> None:
    # At each boot a generator binds the clusters that start by themselves to postgresql.service.
    above = "postgresql.service"
    is_bound = above in probes.unit_property(web, unit, "WantedBy").split()
    state = probes.unit_property(web, above if is_bound else unit, "UnitFileState")
    if not state.startswith("enabled"):
        raise Unmet(
            f"{name} runs now and would be gone after a reboot",
            expected=f"{unit} is started at boot",
            found=f"{state or 'unknown'}",
            look="web: systemctl is-enabled postgresql redis-server; "
            "cat /etc/postgresql/17/main/start.conf",
            saw="not_enabled",
        )
    restart = probes.unit_property(web, unit, "Restart")
    if restart not in COMES_BACK:
        is_unread = probes.unit_property(web, unit, "NeedDaemonReload") == "yes"
        raise Unmet(
            f"when {name} is killed, nobody starts it again",
            expected="Restart=on-failure, or another that brings it back after a kill",
            found=f"Restart={restart}" + ("; files of the unit are newer" if is_unread else ""),
            look=f"web: systemctl show -p Restart {unit}; systemctl cat {unit}",
            saw="unit_not_read" if is_unread else "no_restart",
        )
