"""Pages for when it does not go well: what happened, what is safe, what to do next."""

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, SecurityError

from .logs import request_id

WORDS = {
    400: ("This request was not understood", "Please go back and try once more."),
    404: ("No card here", "It was taken away, or the address has a slip in it."),
    405: ("Not this way", "This address does not take that kind of request."),
    413: ("Too large to post", "Nothing was kept. A smaller picture is welcome."),
    500: ("Something broke on our side", "It was noted. What you sent may not have been kept."),
    503: ("The card box is shut for a moment", "No card is lost. Please try again in a minute."),
}
DRAIN_MAX_BYTES = 64 * 1024 * 1024
RETRY_AFTER_S = 10


def init_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _show_http)
    app.register_error_handler(DBAPIError, _show_database)
    app.register_error_handler(PoolTimeout, _show_database)


def note_database(error: Exception) -> None:
    """What the database said goes to the log; the values of the statement do not."""
    current_app.logger.error("database_unusable", extra={"error": str(error)})


def _show_http(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if 300 <= code < 400:
        return error.get_response()
    if isinstance(error, SecurityError):
        # Asked by a name that is not ours: there are no addresses to put into a page.
        return "This server does not answer to that name.\n", 400, {"Content-Type": "text/plain"}
    if code == 413:
        _drain()
    return _page(code), code


def _show_database(error: Exception) -> ResponseReturnValue:
    note_database(error)
    return _page(503), 503, {"Retry-After": str(RETRY_AFTER_S)}


def _page(code: int) -> str:
    title, words = WORDS.get(code, WORDS[500] if code >= 500 else WORDS[400])
    if code == 413:
        words += f" {current_app.config['MAX_UPLOAD_MIB']} MB is the most we take."
    return render_template(
        "error.html", code=code, title=title, words=words, request_id=request_id()
    )


def _drain() -> None:
    """Read what a browser is still sending: it listens for our answer only afterwards."""
    length = min(request.content_length or 0, DRAIN_MAX_BYTES)
    stream = request.environ["wsgi.input"]
    while length > 0:
        piece = stream.read(min(length, 64 * 1024))
        if not piece:
            return
        length -= len(piece)
