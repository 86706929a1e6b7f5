"""Static files and pictures, for where no web server in front gives them out itself."""

import re

from flask import Blueprint, Response, abort, send_file, send_from_directory

from ..assets import assets
from ..media import media

blueprint = Blueprint("files", __name__)
PICTURE_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{30}(-[0-9]{3})?\.jpg")
YEAR_S = 365 * 24 * 3600
DAY_S = 24 * 3600


@blueprint.get("/static/<name>")
def static(name: str) -> Response:
    source = assets().source_of(name)
    if source is None:
        abort(404)
    response = send_file(source, max_age=YEAR_S)
    response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    return response


@blueprint.get("/media/<path:name>")
def picture(name: str) -> Response:
    """One picture; a day in caches, so that one taken away is gone from them tomorrow."""
    if not PICTURE_NAME.fullmatch(name):
        abort(404)
    response = send_from_directory(media().folder, name, mimetype="image/jpeg", max_age=DAY_S)
    response.headers["Cache-Control"] = f"public, max-age={DAY_S}"
    return response
