"""The sample course becomes notebooks and a site, for real."""

import re
import shutil
from pathlib import Path

import pytest

from stackwalk.build import build_notebooks, build_site, find_stale, site_nav
from stackwalk.capture import Captures, CellCapture, captures_file, source_sha, write_captures
from stackwalk.load import load_course
from stackwalk.notebook import plain_notebook

pytestmark = pytest.mark.build

CLONE = Path(__file__).parents[2]
SAMPLE = CLONE / "tests/data/course"
RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"'
OUTPUTS = {  # a piece of the cell, and what the machine might have said
    "PRETTY_NAME": RELEASE,
    "%%write": "--- /etc/motd\n+++ /etc/motd\n@@ -0,0 +1 @@\n+Welcome.",
    "/etc/shadow": "\x1b[31mhead: cannot open '/etc/shadow': Permission denied\x1b[0m",
    "printf": "a\n````\n\n\nb <script>",
    "ssh -F": "you@laptop:~$ ssh -F ssh_config web\ndeployer@web:~$ whoami\ndeployer",
    "%check": "✔ met",
    "stackwalk play": "ok",
}


def copied(folder):
    """A copy of the sample course, with this site's own pages and settings."""
    shutil.copytree(SAMPLE, folder / "course")
    drop = shutil.ignore_patterns("chapters")
    shutil.copytree(CLONE / "docs", folder / "course/docs", ignore=drop)
    shutil.copy(CLONE / "mkdocs.yml", folder / "course")
    return load_course(folder / "course")


@pytest.fixture
def course(tmp_path):
    return copied(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sample course with all its captures, and the site made from it; for reading only."""
    course = copied(tmp_path_factory.mktemp("built"))
    record(course)
    assert build_site(course, strict=True) == []
    return course


def record(course):
    """Captures for every cell of the sample, as the walk would write them."""
    chapter = course.chapters[0]
    cells = {}
    for cell in plain_notebook(chapter).cells:
        said = next((said for piece, said in OUTPUTS.items() if piece in cell.source), "")
        exit_status = 1 if "/etc/shadow" in cell.source else 0
        cells[cell.id] = CellCapture(source_sha(cell.source), said, exit_status)
    recorded = {"date": "2026-11-21", "provider": "docker", "debian": "13.1"}
    write_captures(captures_file(chapter), Captures(recorded, cells))


def page_of(course):
    return (course.root / "site/chapters/01-sample/index.html").read_text(encoding="utf-8")


def text_of(html):
    """The words of a page, as a reader sees them."""
    plain = re.sub(r"<[^>]*>", "", html)
    for entity, character in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'")):
        plain = plain.replace(entity, character)
    return plain


def test_page_shows_the_recorded_outputs_and_folds_hints_and_solutions(built):
    html = page_of(built)
    text = text_of(html)

    assert RELEASE in text
    assert "web · vagrant · ~" in text
    assert "exit status 1" in text
    assert "head: cannot open '/etc/shadow': Permission denied\n" in text
    assert "a\n````\n\n\nb <script>" in text
    assert html.count('<details class="sw-hint">') == 8
    assert html.count('<details class="sw-solution">') == 2
    assert '<div class="admonition note">' in html
    assert "recorded on a real machine on 2026-11-21, Debian 13.1, provider docker" in text
    assert "not recorded yet" not in text
    assert "\x1b" not in html


def test_page_without_captures_says_so_and_strict_reports_each_cell(course):
    problems = build_site(course, strict=True)

    assert "chapter.md:36: the output of the cell `sample-" in str(problems[0])
    assert "stackwalk author walk --record" in problems[0].fix
    assert build_site(course, strict=False) == []
    assert len(problems) == page_of(course).count("Output not recorded yet.") == 9


def test_cell_changed_after_the_recording_is_stale(course):
    record(course)
    source = course.chapters[0].source
    source.write_text(source.read_text().replace("head -1 /etc/shadow", "head -2 /etc/shadow"))

    assert [problem.line for problem in find_stale(course)] == [61]


def test_site_asks_nothing_of_anybody_else(built):
    asked = [
        f"{path.name}: {url}"
        for path in (built.root / "site").rglob("*.html")
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", path.read_text())
        for url in re.findall(r"(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+", tag)
    ]
    styles = [path.read_text() for path in (built.root / "site").rglob("*.css")]
    assert asked == []
    assert not any(re.search(r"url\([\"']?https?:|@import", style) for style in styles)


def test_every_page_is_in_the_order_of_the_site(course):
    nav = site_nav(course)

    assert nav[:2] == ["index.md", {"Chapters": [{"01 · Sample": "chapters/01-sample.md"}]}]
    assert "glossary.md" in nav
    authors = next(entry for entry in nav if "Authors" in entry)
    assert authors["Authors"][:2] == ["authors/index.md", "authors/chapter-format.md"]


def test_broken_link_of_a_page_is_a_problem(course):
    (course.root / "docs/odd.md").write_text("# Odd\n\n[gone](gone.md)\n")

    problems = build_site(course, strict=False)

    assert any("gone.md" in problem.what for problem in problems)


def test_notebooks_are_written_once_and_then_current(course):
    assert build_notebooks(course, check=False) == []

    path = course.root / "notebooks/01-sample.ipynb"
    first = path.read_bytes()
    assert build_notebooks(course, check=True) == []
    build_notebooks(course, check=False)
    assert path.read_bytes() == first


def test_notebook_that_is_not_current_is_reported_with_the_command_to_run(course):
    problems = build_notebooks(course, check=True)

    assert str(problems[0]) == (
        "notebooks/01-sample.ipynb:1: it is not what `chapters/01-sample/chapter.md` gives; "
        "run `stackwalk author build`"
    )
    assert not (course.root / "notebooks").exists()


def test_notebook_of_no_chapter_is_reported(course):
    build_notebooks(course, check=False)
    (course.root / "notebooks/09-gone.ipynb").write_text("{}")

    (problem,) = build_notebooks(course, check=True)

    assert str(problem) == (
        "notebooks/09-gone.ipynb:1: no chapter makes this file; "
        "remove it: `git rm notebooks/09-gone.ipynb`"
    )
