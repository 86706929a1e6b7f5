"""What Redis remembers for the front page: a count and a rendered list. The page works without."""

import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

VISITS = "postcards:visits"
EDITION = "postcards:edition"  # counts the changes; a page of an older one is looked up no more

PATIENCE_S = 0.5  # a visitor waits no longer for a Redis that does not answer
PAUSE_S = 3.0  # and after that nobody waits at all, for this long

T = TypeVar("T")


class Cache:
    """Redis, for things that may be lost. Every answer may be None: then do without."""

    def __init__(self, client: Redis, *, seconds: int) -> None:
        self.client = client
        self.seconds = seconds
        self._away_until = 0.0

    def count_visit(self) -> int | None:
        return self._ask(lambda: int(self.client.incr(VISITS)))

    def edition(self) -> str | None:
        """Ask before the database is read: a page is filed under what was true before it."""
        if not self.seconds:
            return None
        return self._ask(lambda: _text(self.client.get(EDITION)) or "0")

    def page(self, edition: str | None, name: str) -> str | None:
        if edition is None:
            return None
        return self._ask(lambda: _text(self.client.get(self._key(edition, name))))

    def keep_page(self, edition: str | None, name: str, html: str) -> None:
        if edition is not None:
            self._ask(lambda: self.client.set(self._key(edition, name), html, ex=self.seconds))

    def forget_pages(self) -> None:
        """After the commit of any change that the front page shows."""
        self._ask(lambda: self.client.incr(EDITION))

    def is_away(self) -> str | None:
        """None when Redis answers, else what it or the network said."""
        try:
            self.client.ping()
        except RedisError as error:
            return type(error).__name__
        return None

    def _ask(self, question: Callable[[], T]) -> T | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            return question()
        except RedisError as error:
            self._away_until = time.monotonic() + PAUSE_S
            current_app.logger.warning("redis_away", extra={"error": type(error).__name__})
            return None

    def _key(self, edition: str, name: str) -> str:
        return f"postcards:page:{current_app.config['RELEASE']}:{edition}:{name}"


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def connect_redis(url: str, *, patient: bool = False) -> Redis:
    """A client that gives up soon, or a patient one for a worker, which waits for jobs.

    The library's own default is to try again for several seconds, which a page cannot afford.
    """
    if patient:
        return Redis.from_url(url, socket_connect_timeout=5, health_check_interval=30)
    return Redis.from_url(
        url,
        socket_connect_timeout=PATIENCE_S,
        socket_timeout=PATIENCE_S,
        retry=Retry(NoBackoff(), 1),  # one more, for a connection that Redis closed while idle
    )


def init_cache(app: Flask, client: Redis, *, seconds: int) -> None:
    app.extensions["postcards.cache"] = Cache(client, seconds=seconds)


def cache() -> Cache:
    found = current_app.extensions["postcards.cache"]
    assert isinstance(found, Cache)
    return found
