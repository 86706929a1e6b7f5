"""What whoever runs the app relies on: health, logs, cache, static files, proxies, migrations."""

import io
import json
import logging
from pathlib import Path

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

import postcards
from postcards.assets import assets
from postcards.cache import cache
from postcards.logs import JsonFormatter, request_id, use_request_id
from postcards.models import Card, Picture, db


@pytest.fixture
def lines(app):
    """What the app logs from here on, each line parsed."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter())
    app.logger.addHandler(handler)
    app.logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    app.logger.removeHandler(handler)


@pytest.fixture
def proxied(environ):
    """Before ``app``: one proxy is trusted."""
    environ["TRUSTED_PROXIES"] = "1"


# Health


def test_healthy_app_says_so(client):
    assert client.get("/health").json == {"status": "alive", "release": "unknown"}
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.json["status"] == "ready"
    assert set(answer.json["checks"].values()) == {"ok"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_redis_the_app_is_degraded_and_still_takes_visitors(server, client):
    server.connected = False

    answer = client.get("/ready")

    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["checks"]["redis"] == "ConnectionError"


def test_forgotten_migration_makes_the_app_not_ready(client, app):
    downgrade(revision="0002")

    answer = client.get("/ready")

    assert answer.status_code == 503
    assert answer.json["checks"]["migrations"] == "at 0002, code wants 0003"
    assert client.get("/health").status_code == 200


def test_database_that_is_away_makes_the_app_not_ready(client, environ, lines):
    db.session.remove()
    db.engine.dispose()
    for path in Path(environ["MEDIA_FOLDER"]).parent.glob("postcards.db*"):
        path.unlink()
    (Path(environ["MEDIA_FOLDER"]).parent / "postcards.db").mkdir()

    answer = client.get("/ready")

    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "OperationalError"
    assert answer.json["checks"]["migrations"] == "unknown"
    assert "database_away" in [line["event"] for line in lines()]


def test_missing_media_folder_makes_the_app_not_ready(client, environ):
    Path(environ["MEDIA_FOLDER"]).rmdir()

    assert client.get("/ready").json["checks"]["media"] == "folder is missing"


def test_static_files_that_were_not_collected_make_the_app_not_ready(environ, tmp_path, request):
    environ["STATIC_FOLDER"] = str(tmp_path / "static")
    client = request.getfixturevalue("client")
    app = client.application

    before = client.get("/ready").json["checks"]["static"]
    said = app.test_cli_runner().invoke(args=["assets"]).stdout
    again = app.test_cli_runner().invoke(args=["assets"]).stdout

    assert before == "3 files not collected"
    assert said == "3 written, 0 were there.\n"
    assert again == "0 written, 3 were there.\n"
    assert client.get("/ready").json["checks"]["static"] == "ok"
    assert sorted(path.name for path in (tmp_path / "static").iterdir()) == sorted(
        assets().names.values()
    )


def test_collecting_without_a_folder_says_what_is_missing(app):
    result = app.test_cli_runner().invoke(args=["assets"])

    assert result.exit_code == 2
    assert "STATIC_FOLDER is not set" in result.output


# Static files


def test_static_files_have_the_hash_of_their_content_in_their_name(client):
    (hashed,) = [name for name in assets().names.values() if name.endswith(".css")]

    answer = client.get(f"/static/{hashed}")

    assert len(hashed.split(".")[1]) == 12
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert f'href="/static/{hashed}"' in client.get("/").text
    assert client.get("/static/postcards.css").status_code == 404
    answer.close()


# Logs


def test_request_is_one_line_of_json_with_the_id_of_the_answer(client, lines):
    answer = client.get("/new?secret=1", headers={"X-Request-ID": "chosen-by-visitor"})

    (line,) = lines()
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/new", 200)
    assert line["request_id"] == answer.headers["X-Request-ID"] != "chosen-by-visitor"
    assert line["time"].endswith("Z")


def test_error_of_ours_is_logged_with_its_traceback_and_shown_without(environ, request):
    environ["POSTCARDS_ENVIRONMENT"] = "testing"
    client = request.getfixturevalue("client")
    app = client.application
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions["postcards.cache"] = None  # a fault that nobody thought of
    lines = request.getfixturevalue("lines")

    answer = client.get("/")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "AssertionError" not in answer.text
    (fault,) = [line for line in lines() if "exception" in line]
    assert "AssertionError" in fault["exception"]
    assert fault["request_id"] in answer.text


def test_probes_are_logged_only_when_they_fail(client, lines, environ):
    client.get("/health")
    client.get("/ready")
    assert lines() == []

    Path(environ["MEDIA_FOLDER"]).rmdir()
    client.get("/ready")
    assert [line["path"] for line in lines()] == ["/ready"]


def test_worker_logs_under_the_id_of_the_request(app):
    with use_request_id("abc-123-def"):
        assert request_id() == "abc-123-def"
    assert request_id() is None


# Proxies


def test_address_scheme_and_id_of_a_visitor_cannot_be_forged(client, lines):
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}

    client.get("/", headers=forged | {"X-Request-ID": "forged-forged"})

    (line,) = lines()
    assert (line["client"], line["scheme"]) == ("127.0.0.1", "http")
    assert line["request_id"] != "forged-forged"


def test_trusted_proxy_is_believed_and_only_the_last_one(proxied, client, lines):
    said = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7", "X-Forwarded-Proto": "https"}

    answer = client.get("/new", headers=said | {"X-Request-ID": "from-the-proxy"})

    (line,) = lines()
    assert (line["client"], line["scheme"]) == ("192.0.2.7", "https")
    assert line["request_id"] == answer.headers["X-Request-ID"] == "from-the-proxy"
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("offered", ["short", "with space inside it", "x" * 65, 'a"b\\c{}d'])
def test_odd_request_id_is_not_taken_over(proxied, client, offered):
    answer = client.get("/health", headers={"X-Request-ID": offered})

    assert len(answer.headers["X-Request-ID"]) == 32


def test_unknown_host_is_refused_where_hosts_are_named(environ, request):
    environ["TRUSTED_HOSTS"] = "app.test .example.org"
    client = request.getfixturevalue("client")

    assert client.get("/", headers={"Host": "app.test:8080"}).status_code == 200
    assert client.get("/", headers={"Host": "www.example.org"}).status_code == 200
    assert client.get("/", headers={"Host": "evil.test"}).status_code == 400


# The cached front page


def test_front_page_is_counted_and_its_list_cached_until_a_card_comes(client, post):
    first, second = client.get("/"), client.get("/")
    post(text="Something new")
    third = client.get("/")

    kept = [answer.headers["X-Postcards-Cache"] for answer in (first, second, third)]
    assert kept == ["miss", "hit", "miss"]
    assert "looked at 1 time." in first.text
    assert "looked at 3 times." in third.text
    assert "Something new" in third.text


def test_older_pages_are_not_cached(client):
    assert client.get("/?before=5").headers["X-Postcards-Cache"] == "off"


def test_front_page_works_without_redis_and_asks_it_only_now_and_then(server, client, lines):
    server.connected = False

    answers = [client.get("/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "looked at" not in answers[0].text
    assert answers[0].headers["X-Postcards-Cache"] == "off"
    assert [line["event"] for line in lines()].count("redis_away") == 1


def test_cached_front_page_is_shown_while_the_database_is_away(client, post):
    post(text="Still to be read")
    client.get("/")
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE cards RENAME TO gone")

    assert "Still to be read" in client.get("/").text


def test_cache_can_be_turned_off(environ, request):
    environ["CACHE_SECONDS"] = "0"
    client = request.getfixturevalue("client")

    assert client.get("/").headers["X-Postcards-Cache"] == "off"
    assert cache().edition() is None


# Migrations


def test_migrations_lead_to_the_models_and_back(app):
    def tables() -> set[str]:
        return set(inspect(db.engine).get_table_names())

    result = app.test_cli_runner().invoke(args=["db", "check"])
    downgrade(revision="base")
    empty = tables()
    upgrade()

    assert result.exit_code == 0, result.output
    assert empty == {"alembic_version"}
    assert tables() == {"alembic_version", "cards", "pictures", "errands"}


def test_migrations_back_and_forth_keep_every_card_and_picture(app, post, picture):
    post(picture=("a.jpg", picture()), alt="Red and blue")
    db.session.remove()

    downgrade(revision="0001")
    upgrade()

    assert db.session.scalar(db.select(Card)).name == "Ada"
    assert db.session.scalar(db.select(Picture)).alt == ""


def test_migrations_are_part_of_the_package():
    assert (Path(postcards.__file__).parent / "migrations/versions/0001_cards.py").is_file()
