"""Postcards: visitors leave a card with a name, a few words and a picture."""

import logging.config
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from werkzeug.middleware.proxy_fix import ProxyFix

from . import commands, errors, health, views
from .assets import init_assets
from .cache import connect_redis, init_cache
from .config import ConfigError, Settings, load_settings
from .jobs import init_queue
from .logs import init_request_log, logging_config
from .media import Media
from .models import db
from .security import init_security

MIGRATIONS = Path(__file__).parent / "migrations"
FORM_FIELDS_MAX_BYTES = 64 * 1024  # the words of a card; its picture is not kept in memory
FORM_PARTS_MAX = 20


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The app for this environment, by default the process's own.

    Raises:
        ConfigError: the settings do not allow a start.
    """
    settings = load_settings(os.environ if environ is None else environ)
    if settings.environment != "testing":
        logging.config.dictConfig(logging_config(settings.log_level))
    app = Flask(__name__, static_folder=None)
    app.config.from_mapping(_flask_settings(settings))
    _prepare_folders(settings)
    _init_database(app, settings)
    _init_redis(app, settings)
    app.extensions["postcards.media"] = Media(settings.media_folder)
    init_assets(app, settings.static_folder)
    init_security(app)
    init_request_log(app, behind_proxy=settings.trusted_proxies > 0)
    errors.init_errors(app)
    views.init_views(app)
    app.register_blueprint(health.blueprint)
    commands.init_commands(app)
    _init_proxy(app, settings)
    return app


def _flask_settings(settings: Settings) -> dict[str, Any]:
    """Any: Flask's configuration holds what it likes."""
    return {
        "SECRET_KEY": settings.secret_key,
        "TESTING": settings.environment == "testing",
        "TRUSTED_HOSTS": list(settings.trusted_hosts) or None,
        "MAX_CONTENT_LENGTH": settings.max_upload_bytes + FORM_FIELDS_MAX_BYTES,
        "MAX_FORM_MEMORY_SIZE": FORM_FIELDS_MAX_BYTES,
        "MAX_FORM_PARTS": FORM_PARTS_MAX,
        "SESSION_COOKIE_NAME": "postcards",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a slow writer loses nothing
        "MAX_PICTURE_MEGAPIXELS": settings.max_picture_megapixels,
        "MAX_UPLOAD_MIB": settings.max_upload_mib,
        "CARDS_PER_PAGE": settings.cards_per_page,
        "REDIS_URL": settings.redis_url,
        "RELEASE": settings.release,
        "ENVIRONMENT": settings.environment,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(settings.database_url),
    }


def _engine_options(url: str) -> dict[str, Any]:
    """How long to wait for a database, and what its errors may not tell the log."""
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if url.startswith("postgresql"):
        options["pool_timeout"] = 5
        options["connect_args"] = {
            "connect_timeout": 3,
            "options": "-c statement_timeout=10000 -c lock_timeout=5000",
        }
    return options


def _prepare_folders(settings: Settings) -> None:
    """Development makes its own folders; in production a missing one is a mistake to be seen."""
    if settings.environment == "development":
        settings.media_folder.mkdir(parents=True, exist_ok=True)
        if settings.database_url.startswith("sqlite:///"):
            folder = Path(settings.database_url.removeprefix("sqlite:///")).parent
            folder.mkdir(parents=True, exist_ok=True)


def _init_database(app: Flask, settings: Settings) -> None:
    try:
        make_url(settings.database_url)
    except ArgumentError:
        raise ConfigError(["DATABASE_URL is not a database URL"]) from None
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    if settings.database_url.startswith("sqlite"):
        with app.app_context():
            event.listen(db.engine, "connect", _tune_sqlite)


def _tune_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """WAL lets readers and a writer go on together; SQLite checks foreign keys only when asked."""
    for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _init_redis(app: Flask, settings: Settings) -> None:
    try:
        client = connect_redis(settings.redis_url)
    except ValueError:
        raise ConfigError(["REDIS_URL is not a Redis URL"]) from None
    init_cache(app, client, seconds=settings.cache_seconds)
    init_queue(app, client)


def _init_proxy(app: Flask, settings: Settings) -> None:
    """Believe what so many proxies say of the visitor's address and scheme; by default, nobody."""
    count = settings.trusted_proxies
    if count:
        fixed = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = fixed  # type: ignore[method-assign]  # Flask's own documented way


__all__ = ["ConfigError", "create_app"]
