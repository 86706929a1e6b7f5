"""What somebody waits for before the first word comes: counted in modules, not in seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from stackwalk.home import Home

HEAVY = {
    *("IPython", "asyncio", "fabric", "filelock", "jupytext", "markdown_it", "nbclient"),
    *("jsonschema", "nbconvert", "nbformat", "paramiko", "pytest", "testinfra", "vagrant", "yaml"),
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


def modules_after(*words: str) -> set[str]:
    """All that was imported to run a command line."""
    return said_by(SCRIPT, *words)


def said_by(script: str, *words: str) -> set[str]:
    argv = [sys.executable, "-c", script, *words]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True).stderr.split())


@pytest.mark.parametrize(("verb", "most"), [("--help", 20), ("status", 30), ("next", 35)])
def test_no_heavy_library_stands_in_the_way(
    home: Home, root: Path, monkeypatch: pytest.MonkeyPatch, verb: str, most: int
) -> None:
    monkeypatch.setenv("STACKWALK_COURSE", str(root))
    modules_after("status")  # the course is read for the first time

    seen = modules_after(verb)

    assert HEAVY & seen == set()
    assert len([name for name in seen if name.startswith("stackwalk")]) < most  # of over 100


def test_help_reads_no_course(home: Home) -> None:
    modules_after("--help")

    assert not home.root.exists()


def test_notebooks_and_the_lab_make_no_parsers_of_addresses() -> None:
    seen = said_by("import sys, nbformat; print(*sys.modules, file=sys.stderr)")

    assert "jsonschema" in seen
    assert "rfc3987_syntax" not in seen  # see pyproject.toml
