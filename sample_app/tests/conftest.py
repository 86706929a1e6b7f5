"""What every test of the app may use: pictures, good and bad, and the words of a form."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

WORDS = {"name": "Ada", "text": "The sea is colder than it looks."}


def picture_bytes(
    size: tuple[int, int] = (900, 600), kind: str = "JPEG", *, mode: str = "RGB", **options: Any
) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new(mode, size, "red")
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask's commands mark the process they run in, and whoever comes after must not see it."""
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "false")


@pytest.fixture
def picture() -> Callable[..., bytes]:
    return picture_bytes


@pytest.fixture
def post(client) -> Callable[..., TestResponse]:
    """Open the form and send it, as a browser: ``post(picture=("a.jpg", data), name="Bo")``."""

    def send(picture: tuple[str, bytes] | None = None, **fields: str) -> TestResponse:
        page = client.get("/new").text
        hidden = dict(re.findall(r'name="(csrf_token|once)"[^>]*value="([^"]*)"', page))
        data: dict[str, Any] = {**WORDS, **hidden, **fields}
        if picture:
            data["picture"] = (io.BytesIO(picture[1]), picture[0])
        return client.post("/new", data=data)

    return send
