"""Settings from the environment, and the refusal to start on bad ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

ENVIRONMENTS = ("production", "development", "testing")
SECRET_MIN_LENGTH = 32
# What manuals, examples and other people's repositories use, and attackers therefore try first.
DEFAULT_SECRETS = frozenset(
    {"admin", "change-me", "change_me", "changeme", "default", "dev", "development", "example"}
    | {"foobared", "guest", "letmein", "me", "password", "postcards", "postgres", "redis"}
    | {"root", "secret", "test"}
)
MIB = 1024 * 1024


class ConfigError(click.ClickException):
    """The environment does not allow a start; names every problem at once."""

    def __init__(self, problems: list[str]) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"Postcards does not start with these settings:{lines}")
        self.problems = problems

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the app lets the environment decide. Sizes are in the unit the name ends with."""

    environment: str = "production"
    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    media_folder: Path
    static_folder: Path | None = None
    """Where ``flask assets`` put the files with hashed names; None serves them from the package."""
    trusted_proxies: int = 0
    trusted_hosts: tuple[str, ...] = ()
    max_upload_mib: int = 8
    max_picture_megapixels: int = 24
    cards_per_page: int = 12
    cache_seconds: int = 60
    log_level: str = "INFO"
    release: str = "unknown"

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mib * MIB


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings for this environment.

    Raises:
        ConfigError: anything missing, malformed or known to everybody, all of it in one list.
    """
    reader = _Reader(environ)
    environment = reader.choice("POSTCARDS_ENVIRONMENT", ENVIRONMENTS, "production")
    strict = environment == "production"
    here = Path.cwd() / "instance"
    settings = Settings(
        environment=environment,
        secret_key=reader.text("SECRET_KEY", None if strict else "development"),
        database_url=_with_driver(
            reader.text("DATABASE_URL", None if strict else f"sqlite:///{here}/postcards.db")
        ),
        redis_url=reader.text("REDIS_URL", None if strict else "redis://127.0.0.1:6379/0"),
        media_folder=Path(reader.text("MEDIA_FOLDER", None if strict else str(here / "media"))),
        static_folder=Path(folder) if (folder := reader.text("STATIC_FOLDER", "")) else None,
        trusted_proxies=reader.number("TRUSTED_PROXIES", 0, least=0, most=5),
        trusted_hosts=tuple(reader.text("TRUSTED_HOSTS", "").replace(",", " ").split()),
        max_upload_mib=reader.number("MAX_UPLOAD_MIB", 8, least=1, most=64),
        max_picture_megapixels=reader.number("MAX_PICTURE_MEGAPIXELS", 24, least=1, most=200),
        cards_per_page=reader.number("CARDS_PER_PAGE", 12, least=1, most=100),
        cache_seconds=reader.number("CACHE_SECONDS", 60, least=0, most=86400),
        log_level=reader.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        release=reader.text("RELEASE", "unknown"),
    )
    problems = reader.problems + (_secret_problems(settings, environ) if strict else [])
    if problems:
        raise ConfigError(problems)
    return settings


class _Reader:
    """Reads variables and keeps a list of what was wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str | None) -> str:
        value = self.environ.get(name, "").strip()
        if not value and default is None:
            self.problems.append(f"{name} is not set")
        return value or default or ""

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            self.problems.append(f"{name} must be a whole number from {least} to {most}")
            return default
        return int(value)

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            self.problems.append(f"{name} must be one of: {', '.join(choices)}")
            return default
        return value


def _with_driver(url: str) -> str:
    """The same URL, naming the driver that is installed: ``postgres://`` is what others write."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg{separator}{rest}"
    return url


def _secret_problems(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What production refuses. Names variables, never shows their values."""
    problems = []
    key = settings.secret_key
    if key and _is_default(key):
        problems.append("SECRET_KEY is one that everybody knows; make one: openssl rand -hex 32")
    elif key and (len(key) < SECRET_MIN_LENGTH or len(set(key)) < SECRET_MIN_LENGTH // 4):
        problems.append(
            f"SECRET_KEY is too easy to guess: {SECRET_MIN_LENGTH} random characters at least; "
            "make one: openssl rand -hex 32"
        )
    for name, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        password = _password(url)
        if password and _is_default(password):
            problems.append(f"the password in {name} is one that everybody knows")
    if settings.media_folder.parts and not settings.media_folder.is_absolute():
        problems.append("MEDIA_FOLDER must be an absolute path")
    if environ.get("FLASK_DEBUG", "0").lower() not in ("", "0", "false", "no"):
        problems.append("FLASK_DEBUG is on: it lets any visitor run code on the server")
    return problems


def _is_default(secret: str) -> bool:
    """Also ``changeme123`` and ``change-me-please-change-me``: a known word and its company."""
    words = secret.lower().rstrip("0123456789!.")
    return words in DEFAULT_SECRETS or words.startswith(("change-me", "change_me", "changeme"))


def _password(url: str) -> str | None:
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None
