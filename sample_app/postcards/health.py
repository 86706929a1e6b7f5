"""Is the process alive, and may it be sent visitors? Two questions, two addresses."""

import os

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from .assets import assets
from .cache import cache
from .media import media
from .models import db

blueprint = Blueprint("health", __name__)
OK = "ok"
NO_STORE = {"Cache-Control": "no-store"}


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    """200 as long as the process answers; looks at nothing else, so a restart can only help."""
    return {"status": "alive", "release": current_app.config["RELEASE"]}, 200, NO_STORE


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """503 when a visitor could not be served. Without Redis cards are still taken: ``degraded``."""
    needed = {
        "database": _database(),
        "migrations": _migrations(),
        "media": _media(),
        "static": _static(),
    }
    found = {**needed, "redis": cache().is_away() or OK}
    is_ready = all(value == OK for value in needed.values())
    status = "not ready" if not is_ready else "ready" if found["redis"] == OK else "degraded"
    body = {"status": status, "release": current_app.config["RELEASE"], "checks": found}
    return body, 200 if is_ready else 503, NO_STORE


def _database() -> str:
    try:
        with db.engine.connect():
            return OK
    except SQLAlchemyError as error:
        current_app.logger.error("database_away", extra={"error": str(error)})
        return type(error).__name__


def _migrations() -> str:
    """Code and tables belong together; a forgotten migration shows up here, not to a visitor."""
    folder = current_app.extensions["migrate"].directory
    wanted = ScriptDirectory(folder).get_current_head()
    try:
        with db.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return "unknown"
    return OK if found == wanted else f"at {found or 'none'}, code wants {wanted}"


def _media() -> str:
    folder = media().folder
    if not folder.is_dir():
        return "folder is missing"
    return OK if os.access(folder, os.W_OK | os.X_OK) else "folder cannot be written"


def _static() -> str:
    missing = assets().missing()
    return OK if not missing else f"{len(missing)} files not collected"
