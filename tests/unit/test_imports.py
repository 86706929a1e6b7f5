"""What somebody waits for before the first word comes: counted in modules, not in seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from stackwalk.home import Home

HEAVY = {
    *("IPython", "asyncio", "fabric", "filelock", "jupytext", "markdown_it", "nbclient"),
    *("nbconvert", "nbformat", "paramiko", "pytest", "testinfra", "vagrant", "yaml"),
}
SCRIPT = """
import sys
from stackwalk.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    print(*sys.modules, file=sys.stderr)
    raise
"""
MOST = 60  # of our own modules; 110 would be all


def modules_after(*words: str) -> set[str]:
    """All that was imported to run a command line."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["status"], ["next"]], ids=" ".join)
def test_no_heavy_library_stands_in_the_way(
    home: Home, root: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("STACKWALK_COURSE", str(root))
    modules_after("status")  # the course is read for the first time

    seen = modules_after(*words)

    assert HEAVY & seen == set()
    assert len([name for name in seen if name.startswith("stackwalk")]) < MOST


def test_help_reads_no_course(home: Home) -> None:
    modules_after("--help")

    assert not home.root.exists()
