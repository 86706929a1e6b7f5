"""``sample-app``: a copy of the app that the later chapters put online."""

import shutil
from pathlib import Path

from stackwalk.errors import UsageError

# What running it, or its tests, leaves in the clone: no part of the app.
LEFTOVERS = shutil.ignore_patterns("__pycache__", ".*_cache", ".venv", "instance", ".env")


def copy_sample_app(clone: Path, folder: Path) -> int:
    """Copies the app; returns how many files it has.

    Raises:
        UsageError: the folder is there already, or the clone has no app.
    """
    source = clone / "sample_app"
    if not source.is_dir():
        raise UsageError(f"There is no sample app in {clone}.", next="git pull, in the clone")
    if folder.exists():
        raise UsageError(
            f"{folder} is there already, and may be your own work.",
            safe="It was not touched.",
            next="another name, or move that folder away first",
        )
    shutil.copytree(source, folder, ignore=LEFTOVERS)
    return sum(path.is_file() for path in folder.rglob("*"))
