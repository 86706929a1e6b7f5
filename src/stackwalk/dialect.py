"""Rewrites GitHub's Markdown where the site's renderer reads it differently: its lists.

Python-Markdown wants a blank line before a list and four columns for what belongs to an item;
authors write what GitHub and the lab accept.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

MARKER = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])(?:\s+|$)")
INDENT = 4  # columns Python-Markdown counts as one level


@dataclass(frozen=True)
class _Item:
    """A list item: its first line, the line after it, and the column its content begins in."""

    begin: int
    end: int
    column: int


def for_site(text: str) -> str:
    """The same text, its lists as Python-Markdown reads them."""
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    items = [
        _Item(token.map[0], token.map[1], _content_column(lines[token.map[0]]))
        for token in tokens
        if token.type == "list_item_open" and token.map
    ]
    rewritten = [_indented(line, number, items) for number, line in enumerate(lines)]
    starts = {token.map[0] for token in tokens if token.type.endswith("list_open")
              if token.level == 0 and token.map}  # fmt: skip
    return "\n".join(_with_blank_lines(rewritten, starts))


def _content_column(line: str) -> int:
    match = MARKER.match(line)
    return len(match[0]) if match else 0


def _indented(line: str, number: int, items: list[_Item]) -> str:
    """A line moved to four columns for each item it belongs to, its own marker not counted."""
    around = [item for item in items if item.begin < number < item.end]
    if not around or not line.strip():
        return line
    column = max(item.column for item in around)
    if line[:column].strip():  # a lazy continuation stands further left, and may
        return line
    return " " * INDENT * len(around) + line[column:]


def _with_blank_lines(lines: list[str], starts: set[int]) -> list[str]:
    out = lines[:1]
    for number, (before, line) in enumerate(pairwise(lines), start=1):
        if number in starts and before.strip():
            out.append("")
        out.append(line)
    return out
