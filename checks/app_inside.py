"""Looks at an app from inside the machine; sent there as text and run by the Python in question.

usage: app_inside.py environment FOLDER          which Python this is, and whose scripts are there
       app_inside.py packages                    what is installed, and what was changed since
       app_inside.py leaks SETTINGS REPOSITORY   where the secrets of a file can be found
       app_inside.py schema CODE SETTINGS        the database that the settings lead to
       app_inside.py static CODE SETTINGS        the collected files
       app_inside.py answers CODE SETTINGS NAME… what the app says, asked under these names
Prints one JSON object; no value of a secret is in it. Nothing is written.
"""

import base64
import glob
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy import Connection

Found = dict[str, Any]  # Any: JSON
NOBODY = 65534
LARGEST = 1 << 20  # bytes; a file above that is no note of a secret
SHORTEST = 12  # characters; a shorter word, such as `postcards`, stands in many places by chance
REQUIRED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "MEDIA_FOLDER")
# Where people leave files; the environment is large, and nobody writes notes there.
PLACES = ("/etc", "/srv", "/home", "/opt", "/root", "/tmp", "/usr/local", "/var/backups")
PLACES_OF_SERVICES = ("/var/lib/postcards", "/var/tmp", "/var/www")
LEFT_OUT = "/srv/postcards/venv"


# -- the environment ----------------------------------------------------------------------------


def environment(folder: str) -> Found:
    """Which Python this is; ``strays`` are scripts beside it that would start another one."""
    strays = []
    for script in sorted(Path(folder, "bin").iterdir()):
        if script.is_symlink() or not script.is_file():
            continue
        with script.open("rb") as file:
            first = file.readline(200).decode(errors="replace").strip()
        is_python = first.startswith("#!") and "python" in first
        if is_python and not first[2:].strip().startswith(f"{folder}/bin/"):
            strays.append(f"{script.name} starts {first[2:]}")
    return {
        "prefix": sys.prefix,
        "base": sys.base_prefix,
        "version": platform.python_version(),
        "strays": strays,
    }


def packages() -> Found:
    """Names with versions; files that are not as they were installed; what came by no index."""
    paths = sysconfig.get_paths()
    found: dict[str, str] = {}
    changed: list[str] = []
    direct: list[str] = []
    for dist in distributions(path=sorted({paths["purelib"], paths["platlib"]})):
        name = dist.metadata["Name"]
        found[name] = dist.version
        if dist.read_text("direct_url.json"):
            direct.append(name)
        changed += _changed_files(dist)
    return {"packages": found, "changed": changed, "direct": direct}


def _changed_files(dist: Distribution) -> list[str]:
    """A RECORD has the hash of each file of a package; scripts in ``bin`` are left out."""
    files = [file for file in dist.files or [] if file.hash and file.parts[0] != ".."]
    return [str(file) for file in files if not _is_whole(file)]


def _is_whole(file: PackagePath) -> bool:
    if file.hash is None:
        return True
    try:
        content = Path(str(file.locate())).read_bytes()
    except OSError:
        return False
    digest = hashlib.new(file.hash.mode, content).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == file.hash.value


# -- secrets ------------------------------------------------------------------------------------


def leaks(settings: str, repository: str) -> Found:
    """Where the secrets can be found: begins as root, who may read them, and goes on as nobody."""
    secrets = find_secrets(Path(settings).read_text(encoding="utf-8", errors="replace"))
    if not secrets:
        return {"history": [], "git": [], "log": [], "open": [], "ps": []}
    pattern = re.compile(b"|".join(re.escape(secret.encode()) for secret in sorted(secrets)))
    histories = glob.glob("/root/.*_history") + glob.glob("/home/*/.*_history")
    found: Found = {
        "history": [path for path in histories if _holds(path, pattern)],
        "git": _in_repository(repository, pattern),
        "log": _in_sudos_log(pattern),
    }
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    found["open"] = _open_files(pattern, leave_out={LEFT_OUT, repository})
    found["ps"] = _command_lines(pattern)
    return found


def find_secrets(text: str) -> set[str]:
    """The key, and the passwords in URLs, as they stand there and as they are meant."""
    secrets = set()
    for line in text.splitlines():
        name, _, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip().strip("\"'")
        if name.strip() == "SECRET_KEY":
            secrets.add(value)
        elif "://" in value:
            try:
                password = urlsplit(value).password or ""
            except ValueError:
                continue
            secrets |= {password, unquote(password)}
    return {secret for secret in secrets if len(secret) >= SHORTEST}


def _holds(path: str, pattern: re.Pattern[bytes]) -> bool:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return False
        return bool(pattern.search(Path(path).read_bytes()))
    except OSError:
        return False


def _in_repository(repository: str, pattern: re.Pattern[bytes]) -> list[str]:
    """Also what no branch leads to any more: it can still be fetched by who knows its name."""
    if not os.path.isdir(repository):
        return []
    git = ["git", "-c", "safe.directory=*", f"--git-dir={repository}"]
    every = [*git, "cat-file", "--batch", "--batch-all-objects"]
    objects = subprocess.run(every, capture_output=True, check=False).stdout
    return [repository] if pattern.search(objects) else []


def _in_sudos_log(pattern: re.Pattern[bytes]) -> list[str]:
    """sudo notes each command line, after the shell has put in what stood behind a dollar sign."""
    read = ["journalctl", "-q", "-o", "cat", "-t", "sudo"]
    log = subprocess.run(read, capture_output=True, check=False).stdout
    return ["the journal, in a line of sudo's"] if pattern.search(log) else []


def _open_files(pattern: re.Pattern[bytes], *, leave_out: set[str]) -> list[str]:
    found = []
    for top in (*PLACES, *PLACES_OF_SERVICES):
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in leave_out]
            paths = [os.path.join(folder, name) for name in files]
            found += [path for path in paths if _holds(path, pattern)]
    return found


def _command_lines(pattern: re.Pattern[bytes]) -> list[str]:
    """Programs with a secret among their words: ``4711 python3``."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = Path(path).read_bytes()
        except OSError:  # it has ended
            continue
        if pattern.search(words):
            program = words.split(b"\0")[0].decode(errors="replace")
            found.append(f"{path.split('/')[2]} {program}")
    return found


# -- the app ------------------------------------------------------------------------------------


class NoApp(Exception):
    """The app could not be built; what is to be told about it."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found


def build_app(code: str, path: str) -> "tuple[Flask, dict[str, str]]":
    """The app as a process of its own would build it: from these settings and nothing else."""
    sys.path.insert(0, code)
    os.chdir(code)
    from dotenv import dotenv_values

    given = {name: value or "" for name, value in dotenv_values(path).items()}
    os.environ.clear()
    os.environ.update(given)
    from postcards import ConfigError, create_app

    if (kind := given.get("POSTCARDS_ENVIRONMENT", "production")) != "production":
        raise NoApp({"lenient": kind})
    try:
        return create_app(given), given
    except ConfigError as error:
        raise NoApp({"problems": error.problems}) from None


def schema(code: str, path: str) -> Found:
    """Where the settings lead, what the tables lack; ``error`` is in the database's words."""
    app, _ = build_app(code, path)
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import SQLAlchemyError

    from postcards.models import db

    folder = app.extensions["migrate"].directory
    with app.app_context():
        found: Found = {
            "head": ScriptDirectory(folder).get_current_head(),
            "kind": db.engine.dialect.name,
        }
        try:
            with db.engine.connect() as connection:
                return found | _tables(connection)
        except SQLAlchemyError as error:
            return found | {"error": str(getattr(error, "orig", None) or error)}


def _tables(connection: "Connection") -> Found:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import text

    from postcards.models import db

    found: Found = {}
    if connection.dialect.name == "postgresql":
        ask = "select current_user, current_database()"
        found["user"], found["database"] = connection.execute(text(ask)).one()
        ask = "select tablename, tableowner from pg_tables where schemaname = 'public'"
        found["owners"] = {row[0]: row[1] for row in connection.execute(text(ask))}
    # A table that the app knows nothing of is somebody else's, and no fault.
    context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
    found["revision"] = context.get_current_revision()
    found["differs"] = [str(change)[:120] for change in compare_metadata(context, db.metadata)]
    return found


def _is_ours(what: object, name: str | None, kind: str, reflected: bool, model: object) -> bool:
    return not (kind == "table" and reflected and model is None)


def static(code: str, path: str) -> Found:
    """Which collected files are missing, and which do not hold what their name promises."""
    app, _ = build_app(code, path)
    from postcards.assets import assets

    with app.app_context():
        folder, names = assets().target, list(assets().names.values())
        missing = [name for name in names if folder and not (folder / name).is_file()]
        there = [name for name in names if folder and name not in missing]
        torn = [name for name in there if folder and not _is_promised(folder / name)]
    return {"folder": str(folder or ""), "names": names, "missing": missing, "torn": torn}


def _is_promised(file: Path) -> bool:
    """``postcards.0f3a12b4c5d6.css`` begins its hash with the middle part."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest().startswith(file.name.split(".")[-2])
    except OSError:
        return False


def answers(code: str, path: str, *names: str) -> Found:
    """Whether it is ready, whom it answers, and which settings it would start without."""
    app, given = build_app(code, path)
    from postcards import ConfigError, create_app

    optional = []
    for name in REQUIRED:
        try:
            create_app({key: value for key, value in given.items() if key != name})
            optional.append(name)
        except ConfigError:
            continue
    client = app.test_client()
    ready = client.get("/ready", headers={"Host": names[0]})
    return {
        "status": ready.status_code,
        "ready": ready.get_json(silent=True) or {},
        "hosts": {n: client.get("/health", headers={"Host": n}).status_code for n in names},
        "optional": optional,
        "media": given["MEDIA_FOLDER"],
        "proxies": given.get("TRUSTED_PROXIES", "0"),
    }


LOOKS = {look.__name__: look for look in (environment, packages, leaks, schema, static, answers)}

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    try:
        told = LOOKS[sys.argv[1]](*sys.argv[2:])
    except NoApp as problem:
        told = problem.found
    print(json.dumps(told))
