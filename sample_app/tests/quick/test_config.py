"""Settings: what is taken, and what the app refuses to start with."""

import logging

import pytest
from click.testing import CliRunner
from flask.cli import FlaskGroup

from postcards import ConfigError, create_app
from postcards.config import load_settings

GOOD = {
    "SECRET_KEY": "5f2c9a7d1e8b4036a9c7e15d2b8f4a60",
    "DATABASE_URL": "postgresql://postcards:Vq7rTz2mKc@127.0.0.1/postcards",
    "REDIS_URL": "redis://:Lw93xQpB@127.0.0.1:6379/0",
    "MEDIA_FOLDER": "/srv/postcards/media",
}


def test_production_is_what_nobody_chose_and_wants_everything_said():
    with pytest.raises(ConfigError) as caught:
        load_settings({})

    assert caught.value.problems == [
        "SECRET_KEY is not set",
        "DATABASE_URL is not set",
        "REDIS_URL is not set",
        "MEDIA_FOLDER is not set",
    ]
    assert "Postcards does not start with these settings:\n  - SECRET" in str(caught.value)


def test_good_settings_are_taken_and_the_installed_driver_is_named():
    settings = load_settings(GOOD | {"TRUSTED_HOSTS": "app.test, app.localhost"})

    assert settings.environment == "production"
    assert settings.database_url == "postgresql+psycopg://postcards:Vq7rTz2mKc@127.0.0.1/postcards"
    assert settings.trusted_hosts == ("app.test", "app.localhost")
    assert "Vq7rTz2mKc" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        pytest.param({"SECRET_KEY": "changeme"}, "SECRET_KEY is one that everybody", id="known"),
        pytest.param(
            {"SECRET_KEY": "change-me-change-me-change-me-change-me"},
            "SECRET_KEY is one that everybody",
            id="known-and-long",
        ),
        pytest.param({"SECRET_KEY": "k7Gq"}, "SECRET_KEY is too easy", id="short"),
        pytest.param({"SECRET_KEY": "ab" * 20}, "SECRET_KEY is too easy", id="monotonous"),
        pytest.param(
            {"DATABASE_URL": "postgresql://postcards:postcards@127.0.0.1/postcards"},
            "the password in DATABASE_URL is one that everybody knows",
            id="database-password",
        ),
        pytest.param(
            {"REDIS_URL": "redis://:foobared@127.0.0.1:6379/0"},
            "the password in REDIS_URL is one that everybody knows",
            id="redis-password",
        ),
        pytest.param({"MEDIA_FOLDER": "media"}, "MEDIA_FOLDER must be an absolute", id="relative"),
        pytest.param({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is on", id="debug"),
        pytest.param({"TRUSTED_PROXIES": "yes"}, "TRUSTED_PROXIES must be a whole", id="number"),
        pytest.param({"MAX_UPLOAD_MIB": "65"}, "MAX_UPLOAD_MIB must be a whole", id="too-much"),
        pytest.param({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of", id="level"),
        pytest.param({"POSTCARDS_ENVIRONMENT": "prod"}, "must be one of: production", id="name"),
    ],
)
def test_start_is_refused_with_the_reason_and_without_the_secret(changed, problem):
    with pytest.raises(ConfigError) as caught:
        load_settings(GOOD | changed)

    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem) or problem in caught.value.problems[0]
    secrets = [value for name, value in changed.items() if name.endswith(("KEY", "URL"))]
    assert not any(secret in str(caught.value) for secret in secrets)


@pytest.mark.parametrize(
    ("name", "url"), [("DATABASE_URL", "nonsense"), ("REDIS_URL", "http://127.0.0.1/")]
)
def test_url_of_another_kind_is_refused(environ, name, url):
    with pytest.raises(ConfigError, match=f"{name} is not a"):
        create_app(environ | {name: url})


def test_command_line_shows_the_problems_and_no_traceback():
    group = FlaskGroup(create_app=lambda: create_app({}), load_dotenv=False)

    result = CliRunner().invoke(group, ["outbox", "list"])

    assert result.exit_code == 1
    assert result.output.startswith("Error: Postcards does not start with these settings:")


def test_development_needs_no_settings_and_makes_its_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.config, "dictConfig", lambda config: None)

    create_app({"POSTCARDS_ENVIRONMENT": "development"})

    assert (tmp_path / "instance/media").is_dir()
