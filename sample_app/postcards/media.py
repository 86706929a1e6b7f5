"""The folder of uploaded pictures: names nobody can guess, files that are whole or not there."""

import os
from pathlib import Path

from flask import current_app, url_for

from .pictures import THUMBNAIL_EDGES


class Media:
    """Pictures below one folder: ``ab/abcdef….jpg``, beside it thumbnails: ``abcdef…-480.jpg``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, token: str, edge: int | None = None) -> Path:
        return self.folder / name_of(token, edge)

    def write(self, data: bytes, token: str, edge: int | None = None) -> None:
        """Put a file in its place in one step, on the disk when this returns.

        Raises:
            OSError: disk full, or a folder that cannot be written.
        """
        target = self.path(token, edge)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def read(self, token: str) -> bytes:
        return self.path(token).read_bytes()

    def remove(self, token: str) -> None:
        """Take a picture and its thumbnails away; what is not there is no error."""
        for edge in (None, *THUMBNAIL_EDGES):
            self.path(token, edge).unlink(missing_ok=True)

    def tokens(self) -> dict[str, float]:
        """Every stored picture, with the time of its youngest file (seconds since 1970)."""
        found: dict[str, float] = {}
        for path in self.folder.glob("*/*.jpg"):
            token = path.stem.partition("-")[0]
            found[token] = max(found.get(token, 0.0), path.stat().st_mtime)
        return found


def name_of(token: str, edge: int | None = None) -> str:
    suffix = f"-{edge}" if edge else ""
    return f"{token[:2]}/{token}{suffix}.jpg"


def media() -> Media:
    """This app's folder."""
    found = current_app.extensions["postcards.media"]
    assert isinstance(found, Media)
    return found


def media_url(token: str, edge: int | None = None) -> str:
    return url_for("files.picture", name=name_of(token, edge))


def _sync_folder(folder: Path) -> None:
    """The name, too, survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
