"""Static files under names that change with their content, so that they may be kept for ever."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, current_app, url_for

SOURCE = Path(__file__).parent / "static"
HASH_LENGTH = 12


class Assets:
    """``postcards.css`` ↔ ``postcards.0f3a….css``. The name follows from the content alone, so the
    app and whoever serves the folder agree without a list between them."""

    def __init__(self, source: Path, target: Path | None) -> None:
        self.target = target
        self._hashed = {path.name: hashed_name(path) for path in sorted(source.iterdir())}
        self._plain = {hashed: source / name for name, hashed in self._hashed.items()}

    @property
    def names(self) -> Mapping[str, str]:
        return self._hashed

    def url(self, name: str) -> str:
        return url_for("files.static", name=self._hashed[name])

    def source_of(self, hashed: str) -> Path | None:
        return self._plain.get(hashed)

    def collect(self) -> list[Path]:
        """Write what is missing; older files stay, for pages that were opened before.

        Raises:
            OSError: the folder cannot be written.
        """
        assert self.target is not None, "no folder to collect to"
        self.target.mkdir(parents=True, exist_ok=True)
        written = []
        for name in self.missing():
            draft = self.target / f".{name}"
            draft.write_bytes(self._plain[name].read_bytes())
            draft.replace(self.target / name)
            written.append(self.target / name)
        return written

    def missing(self) -> list[str]:
        """Hashed names that the folder should have and has not."""
        if self.target is None:
            return []
        return [name for name in self._plain if not (self.target / name).is_file()]


def hashed_name(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LENGTH]
    return f"{path.stem}.{digest}{path.suffix}"


def init_assets(app: Flask, target: Path | None) -> None:
    found = Assets(SOURCE, target)
    app.extensions["postcards.assets"] = found
    app.jinja_env.globals["asset"] = found.url


def assets() -> Assets:
    found = current_app.extensions["postcards.assets"]
    assert isinstance(found, Assets)
    return found
