"""Logs as JSON, one object a line, each with the id of the request it belongs to."""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
GOOD_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# What logging itself puts into a record; everything else came in by `extra=`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"time": "2026-11-21T12:00:00.123Z", "level": "info", "event": "request", ...}``"""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {  # Any: what callers want logged
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "request_id": _request_id.get(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def logging_config(level: str) -> dict[str, Any]:
    """For ``logging.config.dictConfig``, and for gunicorn, whose lines are plain otherwise."""
    plain = {"level": level, "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "postcards.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": plain,
            "gunicorn.access": {"level": "WARNING"},  # each visit is one line of ours already
            # Which worker took what is ours to say; RQ says it twice more.
            "rq": {"level": "WARNING"},
            "alembic.runtime.plugins": {"level": "WARNING"},
        },
    }


def request_id() -> str | None:
    return _request_id.get()


@contextmanager
def use_request_id(value: str | None) -> Iterator[None]:
    """Log under the id of the request that asked for this work."""
    reset = _request_id.set(value)
    try:
        yield
    finally:
        _request_id.reset(reset)


def init_request_log(app: Flask, *, behind_proxy: bool) -> None:
    """One line a request, and its id in the answer. A proxy's id is taken over, a visitor's not."""

    @app.before_request
    def begin() -> None:
        offered = request.headers.get(HEADER, "") if behind_proxy else ""
        _request_id.set(offered if GOOD_ID.fullmatch(offered) else uuid4().hex)
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = _request_id.get() or ""
        started = g.get("started")
        about = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "ms": round((time.perf_counter() - started) * 1000, 1) if started else None,
            "client": request.remote_addr or None,
            "scheme": request.scheme,
        }
        # A probe asks every few seconds; its lines are only worth reading when it failed.
        is_probe = request.path in ("/health", "/ready") and response.status_code == 200
        app.logger.log(logging.DEBUG if is_probe else logging.INFO, "request", extra=about)
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        _request_id.set(None)


def _utc(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
