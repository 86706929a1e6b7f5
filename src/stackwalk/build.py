"""Writes what is made from the chapters: the notebooks, the pages, the site."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stackwalk.capture import captures_file, read_captures, stale_cells
from stackwalk.course import Chapter, Course
from stackwalk.notebook import make_notebook, notebook_text, plain_notebook
from stackwalk.page import page_images, render_page
from stackwalk.problems import AuthorError, Problem

BUILD = "stackwalk author build"
RECORD = "stackwalk author walk --record"
SITE_LIMIT_S = 300
FIRST_PAGES = ("index.md",)  # before the chapters; every other page follows by its name


def build_notebooks(course: Course, *, check: bool) -> list[Problem]:
    """Writes ``notebooks/*.ipynb``, or with ``check`` says which are not what the chapters give."""
    folder = course.root / "notebooks"
    problems = list(_orphans(course, folder))
    for chapter in course.chapters:
        path = folder / f"{chapter.name}.ipynb"
        try:
            text = notebook_text(make_notebook(chapter))
        except AuthorError as error:
            problems += error.problems
            continue
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            what = f"it is not what `{chapter.source.relative_to(course.root)}` gives"
            problems.append(Problem(path.relative_to(course.root), 1, what, f"run `{BUILD}`"))
            continue
        folder.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return problems


def build_site(course: Course, *, strict: bool) -> list[Problem]:
    """Writes the chapters' pages and builds the site into ``site``.

    Args:
        strict: an output that is not recorded, or recorded from another source, is a problem
            and nothing is built; else the page says so.
    """
    problems = find_stale(course) if strict else []
    if problems:
        return problems
    write_pages(course)
    return _run_mkdocs(course)


def find_stale(course: Course) -> list[Problem]:
    """One problem for each cell whose output was never recorded, or from another source."""
    return [problem for chapter in course.chapters for problem in _stale(course, chapter)]


def write_pages(course: Course) -> None:
    """Makes ``docs/chapters`` anew: a page for each chapter, and the pictures it shows."""
    folder = course.root / "docs" / "chapters"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for chapter in course.chapters:
        text = render_page(chapter, read_captures(captures_file(chapter)))
        (folder / f"{chapter.name}.md").write_text(text, encoding="utf-8")
        for target, source in page_images(chapter).items():
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / target)


def site_nav(course: Course) -> list[Any]:  # Any: mkdocs nests text, mappings and lists
    """The order of the site: the home page, the chapters, then every other page by its path."""
    docs = course.root / "docs"
    chapters = [
        {f"{chapter.number} · {chapter.title}": f"chapters/{chapter.name}.md"}
        for chapter in course.chapters
    ]
    nav: list[Any] = [*FIRST_PAGES, {"Chapters": chapters}]
    nav += [path.name for path in sorted(docs.glob("*.md")) if path.name not in FIRST_PAGES]
    for folder in sorted(path for path in docs.iterdir() if path.is_dir()):
        pages = sorted(folder.rglob("*.md"), key=lambda path: (path.name != "index.md", path))
        if pages and folder.name != "chapters":
            paths = [path.relative_to(docs).as_posix() for path in pages]
            nav.append({folder.name.capitalize(): paths})
    return nav


def _orphans(course: Course, folder: Path) -> Iterator[Problem]:
    made = {f"{chapter.name}.ipynb" for chapter in course.chapters}
    for path in sorted(folder.glob("*")):
        if path.name not in made and not path.name.startswith("."):
            shown = path.relative_to(course.root)
            yield Problem(shown, 1, "no chapter makes this file", f"remove it: `git rm {shown}`")


def _stale(course: Course, chapter: Chapter) -> Iterator[Problem]:
    notebook = plain_notebook(chapter)
    lines = {cell["id"]: cell.metadata.stackwalk.line for cell in notebook.cells}
    for cell_id in stale_cells(notebook, read_captures(captures_file(chapter))):
        shown = chapter.source.relative_to(course.root)
        what = f"the output of the cell `{cell_id}` is not recorded, or from another source"
        yield Problem(shown, lines[cell_id], what, f"run `{RECORD}`")


def _run_mkdocs(course: Course) -> list[Problem]:
    """Strictly: a warning is a problem. The order of the pages is added to ``mkdocs.yml``."""
    config = {
        "INHERIT": str(course.root / "mkdocs.yml"),
        "docs_dir": str(course.root / "docs"),
        "site_dir": str(course.root / "site"),
        "nav": site_nav(course),
    }
    with tempfile.TemporaryDirectory(prefix="stackwalk-site-") as folder:
        path = Path(folder) / "mkdocs.yml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(path)]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
                capture_output=True,
                text=True,
                timeout=SITE_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            what = f"mkdocs did not finish within {SITE_LIMIT_S} seconds"
            return [Problem(Path("mkdocs.yml"), 1, what, "run it again; look at the disk")]
    return [] if done.returncode == 0 else list(_mkdocs_problems(done.stderr + done.stdout))


def _mkdocs_problems(said: str) -> Iterator[Problem]:
    site = Path("mkdocs.yml")
    if "No module named mkdocs" in said:
        yield Problem(site, 1, "mkdocs is not installed", "run `uv sync --group site`")
        return
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("WARNING", "ERROR"))] or lines[-3:]
    for line in told or ["mkdocs failed and said nothing"]:
        yield Problem(site, 1, line, "mend the page it names, or the chapter the page is made from")
