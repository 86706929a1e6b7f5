"""Arrows between modules point one way: faces, verbs, engine, text, records."""

import ast
from pathlib import Path

import stackwalk

SOURCE = Path(stackwalk.__file__).parent
# From the bottom up; a module may import its own row and the rows above it in this list.
ROWS = (
    {"errors", "verdict", "course", "home", "problems"},
    {
        "cellspec",
        "yamltext",
        "fields",
        "blocks",
        "wording",
        "stackmap",
        "normal",
        "dialect",
        "drillbook",
        "cells",
        "deadman",
        "shelltext",
    },
    {
        "chaptertext",
        "load",
        "progress",
        "notebook",
        "page",
        "capture",
        "laptop",
        "labtext",
        "outcome",
        "rolefile",
        "lockouts",
    },
    {
        "store",
        "machine",
        "wire",
        "connect",
        "asked",
        "shelf",
        "vantage",
        "stock",
        "runner",
        "build",
        "workbook",
        "scaffold",
    },
    {
        "way",
        "shell",
        "screen",
        "ending",
        "opening",
        "session",
        "hazard",
        "between",
        "doctor",
        "login",
        "authoring",
        "lab",
        "labconfig",
    },
    {"commands", "inflict", "recorder"},
    {"show", "showdrill", "showstack", "showrewind", "showrescue", "panel", "chapterwalk", "walk"},
    {"cli", "cli_machine", "cli_author", "cli_rewind", "jupyter", "cellview", "filecell"},
)


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it: ``stackwalk.store`` as ``store``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "stackwalk":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stackwalk."):
            found.add((node.module or "").split(".")[1])
    return found - {"__version__"}


def test_no_arrow_goes_up() -> None:
    rank = {name: number for number, row in enumerate(ROWS) for name in row}
    upward = []
    for path in SOURCE.rglob("*.py"):
        module = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if module == "__init__":
            continue
        upward += [f"{module} -> {name}" for name in imports(path) if rank[name] > rank[module]]

    assert upward == []


def test_nothing_outside_the_machine_knows_vagrant() -> None:
    """``machine`` and the doctor may; elsewhere only the account of that name is mentioned."""
    names = {
        path.name
        for path in SOURCE.rglob("*.py")
        if "import vagrant" in path.read_text() or "vagrant ssh-config" in path.read_text()
    }

    assert {name for name in names if not (SOURCE / "machine" / name).exists()} == set()
