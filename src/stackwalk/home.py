"""Where everything of the learner's lives: one folder outside the clone."""

import os
from dataclasses import dataclass
from pathlib import Path

CACHE = Path.home() / ".cache/stackwalk"  # what all homes of a user share


@dataclass(frozen=True)
class Home:
    """The folders below ``STACKWALK_HOME`` (default ``~/stackwalk``); nothing is made by asking."""

    root: Path

    @property
    def laptop(self) -> Path:
        """The working directory of every laptop cell and of the lab's terminal."""
        return self.root / "laptop"

    @property
    def notebooks(self) -> Path:
        """The learner's own copies of the chapters."""
        return self.root / "notebooks"

    @property
    def progress_file(self) -> Path:
        return self.root / "progress.json"

    @property
    def run_log(self) -> Path:
        return self.root / "runs.jsonl"

    @property
    def engine(self) -> Path:
        """Generated things: ssh configuration, host keys, vagrant's state, Jupyter's settings."""
        return self.root / ".engine"

    @property
    def ssh_config(self) -> Path:
        """The engine's way into every machine: ``web`` (kept connection) and ``web-fresh``."""
        return self.engine / "ssh_config"

    @property
    def vagrant(self) -> Path:
        """``VAGRANT_DOTFILE_PATH`` and the machines' record live here, not in the clone."""
        return self.engine / "vagrant"


def find_home() -> Home:
    """The learner's home as ``STACKWALK_HOME`` says, else ``~/stackwalk``."""
    return Home(Path(os.environ.get("STACKWALK_HOME") or Path.home() / "stackwalk").resolve())


def find_clone() -> Path:
    """The checkout of the course this package runs from: the folder that holds ``chapters``.

    ``STACKWALK_COURSE`` overrides it (the tests' small courses).
    """
    override = os.environ.get("STACKWALK_COURSE")
    return Path(override).resolve() if override else Path(__file__).resolve().parents[2]
