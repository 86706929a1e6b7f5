"""The app on SQLite, with a Redis that is only pretended."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from werkzeug.test import TestResponse

import postcards
from postcards.models import db


@pytest.fixture
def server() -> fakeredis.FakeServer:
    """``server.connected = False`` takes this Redis away."""
    return fakeredis.FakeServer()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that all migrations were run on, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "postcards.db"
    settings = {"DATABASE_URL": f"sqlite:///{path}", "MEDIA_FOLDER": "/nowhere"}
    app = postcards.create_app({"POSTCARDS_ENVIRONMENT": "testing"} | settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()
    return path


@pytest.fixture
def environ(tmp_path: Path, migrated: Path) -> dict[str, str]:
    (tmp_path / "media").mkdir()
    shutil.copy(migrated, tmp_path)
    return {
        "POSTCARDS_ENVIRONMENT": "testing",
        "DATABASE_URL": f"sqlite:///{tmp_path}/postcards.db",
        "MEDIA_FOLDER": str(tmp_path / "media"),
        "CARDS_PER_PAGE": "3",
        "MAX_UPLOAD_MIB": "1",
        "MAX_PICTURE_MEGAPIXELS": "4",
    }


@pytest.fixture
def app(environ, server, monkeypatch) -> Iterator[Flask]:
    """An app with its tables. ``environ`` may be changed by a fixture or a test before it."""

    def connect(url: str, *, patient: bool = False) -> fakeredis.FakeRedis:
        return fakeredis.FakeRedis(server=server)

    monkeypatch.setattr(postcards, "connect_redis", connect)
    monkeypatch.setattr(postcards.commands, "connect_redis", connect)
    app = postcards.create_app(environ)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


class Visitor(FlaskClient):
    """Every request in a context of its own, as on a server, though the test holds one open."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            answer = super().open(*args, **kwargs)
        db.session.rollback()  # the test sees what the request wrote
        return answer


@pytest.fixture
def client(app) -> Visitor:
    return Visitor(app, TestResponse)
