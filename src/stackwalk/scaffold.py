"""``author new``: the skeleton of a chapter, which ``author check`` accepts as it is."""

import re
from pathlib import Path
from string import Template

from stackwalk.errors import UsageError

TEMPLATES = Path(__file__).parent / "templates" / "chapter"


def new_chapter(root: Path, number: str, slug: str) -> list[Path]:
    """Writes a chapter with one task, its check, a mistake and a role; returns the files.

    Raises:
        UsageError: the number or the slug does not fit, or the chapter is there already.
    """
    _require_free(root, number, slug)
    module, word = slug.replace("-", "_"), f"{slug.replace('-', '_')}_begun"
    values = {"number": number, "slug": slug, "task": word, "title": _title(slug)}
    folder = root / "chapters" / f"{number}-{slug}"
    targets = {
        "chapter.md": folder / "chapter.md",
        "mistake.yaml": folder / "mistakes" / f"{slug}-empty" / "mistake.yaml",
        "main.yml": folder / "role" / "tasks" / "main.yml",
        "checks.py": root / "checks" / f"test_{module}.py",
    }
    for name, path in targets.items():
        text = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(values), encoding="utf-8")
    return list(targets.values())


def _require_free(root: Path, number: str, slug: str) -> None:
    if not re.fullmatch(r"\d\d", number):
        raise UsageError(f"{number!r} is not a number of two digits.", next=f"author new 03 {slug}")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise UsageError(
            f"{slug!r} is not a slug: lower case words with hyphens.",
            next=f"author new {number} operating-systems",
        )
    taken = [*(root / "chapters").glob(f"{number}-*"), *(root / "chapters").glob(f"??-{slug}")]
    if taken:
        raise UsageError(
            f"{taken[0].name} is there already.", safe="Nothing was written.", next="choose another"
        )


def _title(slug: str) -> str:
    return slug.replace("-", " ").capitalize()
