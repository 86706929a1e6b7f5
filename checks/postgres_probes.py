"""Look-ups for PostgreSQL that say "missing" instead of raising. They read only.

What a server holds is asked as its administrator, over the socket; whom it lets in is tried, from
an account without rights or secrets.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testinfra.host import Host

GIVE_UP_S = 5  # an emulated machine answers a login within two seconds
PGPASS = "/home/deployer/.pgpass"
# The programs themselves: Debian's wrappers, which pick a version, cost more than the question.
SET_OUT = "cd /; export LC_ALL=C PATH=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH; "
GROUPS = {"nobody": "nogroup"}


@dataclass(frozen=True)
class Reply:
    """What psql printed, and what it complained of; ``said`` is empty where all was well."""

    text: str
    said: str = ""

    def rows(self) -> list[str]:
        return self.text.splitlines()


@dataclass(frozen=True)
class Caller:
    """Somebody who tries to get in: ``words`` as libpq reads them, ``user=… dbname=…``."""

    words: str
    who: str = "nobody"  # the account on the machine

    @property
    def role(self) -> str:
        return dict(word.split("=", 1) for word in self.words.split())["user"]


def is_away(reply: Reply) -> bool:
    """Whether nobody listens at all."""
    return bool(re.search(r"Connection refused|No such file or directory", reply.said))


def ask(host: Host, sql: str, database: str = "postgres") -> Reply:
    """One statement, as the administrator ``postgres`` comes in: over the socket, by name."""
    psql = f"{SET_OUT}{_as('postgres')} psql -XAtqw -v ON_ERROR_STOP=1"
    asked = host.run(f"{psql} -d %s -c %s", database, sql)
    return Reply(str(asked.stdout), "" if asked.rc == 0 else first_fault(asked.stderr))


def _as(account: str) -> str:
    """Before a command that is run as an account; no session is opened, so none is logged."""
    return f"setpriv --reuid={account} --regid={GROUPS.get(account, account)} --init-groups"


def ask_json(host: Host, sql: str, database: str = "postgres") -> Mapping[str, Any] | None:
    """The one object that a statement builds; none where there is no such row."""
    text = ask(host, sql, database).text.strip()
    found: Mapping[str, Any] | None = json.loads(text) if text else None
    return found


def first_fault(text: str) -> str:
    """The words that matter of a failed connection or statement, without what stands before them.

    ``psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf …``
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^.*\bfailed: (?=\S)", "", re.sub(r"^psql: error: ", "", line))
    return re.sub(r"^(FATAL|ERROR): +", "", line).strip()


# -- who is let in ------------------------------------------------------------------------------


def try_doors(host: Host, callers: Sequence[Caller]) -> list[str]:
    """What each caller was told, without a password; ``let in`` where it was let in.

    Who is told that a database does not exist, or is not for them, is past the door.
    """
    script = SET_OUT + "\n".join(_attempt(caller) for caller in callers)
    told = host.run("sh -c %s", script).stdout.split("\n---\n")
    return [read_attempt(text) for text in told[: len(callers)]]


def log_in(host: Host, words: str) -> str:
    """As the role, with ``.pgpass`` of deployer; what was told, or ``let in``."""
    return try_doors(host, [Caller(words, who="deployer")])[0]


def read_attempt(text: str) -> str:
    """One attempt's output: ``1``, or a complaint."""
    past_the_door = r'permission denied for database|(database|role) "[^"]*" does not exist'
    if text.strip() == "1" or re.search(past_the_door, text):
        return "let in"
    return first_fault(_without_warnings(text))


def _without_warnings(text: str) -> str:
    """psql warns of an open ``.pgpass`` and goes on without it; the fault comes after."""
    lines = text.splitlines()
    warned = [line for line in lines if line.startswith("WARNING: password file")]
    return "\n".join(warned or lines)


def _attempt(caller: Caller) -> str:
    words = f"{caller.words} connect_timeout={GIVE_UP_S}"
    home = "HOME=/home/deployer" if caller.who == "deployer" else "HOME=/nonexistent"
    psql = ["env", home, "psql", "-XAtqw", words, "-c", "select 1"]
    return f"{_as(caller.who)} {shlex.join(psql)} </dev/null 2>&1; echo ---"


# -- the role and its database ------------------------------------------------------------------

ROLE = """
SELECT json_build_object(
  'can_log_in', rolcanlogin,
  'kept_as', split_part(coalesce(rolpassword, ''), '$', 1),
  'rights', array_remove(ARRAY[
    CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL),
  'member_of', ARRAY(SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = r.oid))
FROM pg_authid r WHERE rolname = '{role}'"""

DATABASE = """
SELECT json_build_object(
  'owner', pg_get_userbyid(datdba),
  'encoding', pg_encoding_to_char(encoding),
  'for_all', has_database_privilege('public', oid, 'CONNECT'))
FROM pg_database WHERE datname = '{name}'"""

TABLE = """
SELECT json_build_object(
  'owner', pg_get_userbyid(c.relowner),
  'columns', ARRAY(
    SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum),
  'rules', ARRAY(
    SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid ORDER BY 1))
FROM pg_class c WHERE c.oid = to_regclass('public.{name}')"""


def find_role(host: Host, role: str) -> Mapping[str, Any] | None:
    """``can_log_in``, ``kept_as`` (how the password is kept), ``rights`` and ``member_of``."""
    return ask_json(host, ROLE.format(role=role))


def find_database(host: Host, name: str) -> Mapping[str, Any] | None:
    """``owner``, ``encoding``, and ``for_all``: whether every role may connect."""
    return ask_json(host, DATABASE.format(name=name))


def public_may_create(host: Host, database: str) -> bool:
    """Whether every role may make tables in the schema ``public``."""
    sql = "SELECT has_schema_privilege('public', 'public', 'CREATE')"
    return ask(host, sql, database).text.strip() == "t"


def find_table(host: Host, name: str, database: str) -> Mapping[str, Any] | None:
    """``owner``, ``columns`` and ``rules`` of a table in the schema ``public``."""
    return ask_json(host, TABLE.format(name=name), database)


def table_rows(host: Host, name: str, database: str) -> list[str]:
    """All rows of a table in the text form of COPY, sorted."""
    return sorted(ask(host, f"COPY public.{name} TO STDOUT", database).rows())


# -- a dump -------------------------------------------------------------------------------------


def dump_entries(host: Host, path: str) -> Reply:
    """The table of contents of a dump, one line an entry; ``said`` where it is none."""
    shown = host.run(f"{SET_OUT}pg_restore -l %s", path)
    return Reply(str(shown.stdout), "" if shown.rc == 0 else _of_restore(shown.stderr))


def dump_rows(host: Host, path: str, table: str) -> list[str] | None:
    """A table's rows as a dump holds them, in the text form of COPY, sorted.

    None where the dump holds them in another form, ``pg_dump --inserts``.
    """
    return read_copy(host.run(f"{SET_OUT}pg_restore -a -t %s -f - %s", table, path).stdout)


def read_copy(text: str) -> list[str] | None:
    """The lines between ``COPY … FROM stdin;`` and ``\\.``, sorted; none without a COPY."""
    found = re.search(r"^COPY .* FROM stdin;\n(.*?)^\\\.$", text, re.M | re.S)
    return sorted(found[1].splitlines()) if found else None


def _of_restore(text: str) -> str:
    return re.sub(r"^pg_restore: (error: )?", "", text.strip().splitlines()[0]) if text else ""


# -- its files ----------------------------------------------------------------------------------

FILES = """
SELECT extract(epoch FROM pg_conf_load_time())::text
UNION ALL SELECT current_setting('config_file')
UNION ALL SELECT current_setting('hba_file')
UNION ALL SELECT DISTINCT sourcefile FROM pg_file_settings
UNION ALL SELECT DISTINCT file_name FROM pg_hba_file_rules"""

FAULTS = """
SELECT file_name || ' line ' || line_number || ': ' || error FROM pg_hba_file_rules
WHERE error IS NOT NULL
UNION ALL
SELECT sourcefile || ' line ' || sourceline || ': ' || error FROM pg_file_settings
WHERE error IS NOT NULL AND error <> 'setting could not be applied'"""

# The server calls a setting pending too when the line that changed it is gone again.
WAITING = """
SELECT name || ' is ' || setting || ', and would be ' || later
FROM (SELECT name, setting, coalesce(
        (SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name
         ORDER BY seqno DESC LIMIT 1),
        boot_val) AS later
      FROM pg_settings s WHERE pending_restart) AS waiting
WHERE setting <> later ORDER BY name <> 'listen_addresses'"""


def file_faults(host: Host) -> list[str]:
    """What the server could not read in its files as they are now: ``FILE line 7: …``."""
    return ask(host, FAULTS).rows()


def waits_for_restart(host: Host) -> list[str]:
    """Settings that wait: ``listen_addresses is localhost, and would be *``."""
    return ask(host, WAITING).rows()


def unread_files(host: Host) -> list[str]:
    """Files of the server's that changed after it last read them."""
    loaded_at, *files = ask(host, FILES).rows()
    names = sorted(set(files))
    shown = host.run(f"stat -L -c '%%.Y %%n' {' '.join('%s' for _ in names)}", *names).stdout
    changed = [line.split(" ", 1) for line in shown.splitlines()]
    return [name for at, name in changed if float(at.replace(",", ".")) > float(loaded_at)]


# -- secrets ------------------------------------------------------------------------------------


def read_pgpass(text: str, *, role: str) -> str:
    """The password for a role at 127.0.0.1 in the lines of a ``.pgpass``; empty without one.

    ``host:port:database:role:password``, where a backslash stands before a colon that is meant.
    """
    for line in text.splitlines():
        fields = re.split(r"(?<!\\):", line, maxsplit=4)
        if len(fields) == 5 and fields[0] in ("127.0.0.1", "*") and fields[3] in (role, "*"):
            return re.sub(r"\\(.)", r"\1", fields[4])
    return ""
