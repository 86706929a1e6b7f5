"""Rewrites prose for JupyterLab, which shows no GitHub alerts and finds no picture beside it."""

import base64
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from markdown_it import MarkdownIt

from stackwalk.stackmap import MAP, render_svg

if TYPE_CHECKING:
    from nbformat import NotebookNode

ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
QUOTE_MARK = re.compile(r" {0,3}> ?")
BOXES = {
    "NOTE": "info",
    "TIP": "success",
    "IMPORTANT": "info",
    "WARNING": "warning",
    "CAUTION": "danger",
}


def for_lab(notebook: "NotebookNode", folder: Path) -> "NotebookNode":
    """Changes the notebook's prose in place; ``folder`` is the chapter's, for its pictures."""
    for cell in notebook.cells:
        if cell.metadata.stackwalk.kind == "map":
            cell.source += f"\n\n[{MAP}]: {picture_address(cell.metadata.stackwalk.layer)}"
        if cell.metadata.stackwalk.kind not in ("prose", "task"):
            continue
        cell.source = rewrite_alerts(cell.source)
        found = local_images(cell.source, folder)
        if found:
            targets = {source: f"attachment:{_key(path)}" for source, path in found.items()}
            cell.source = link_images(cell.source, targets)
            cell.attachments = {_key(path): _attachment(path) for path in found.values()}
    return notebook


def picture_address(layer: str) -> str:
    """The map inside its own address: JupyterLab shows no SVG that is an attachment."""
    picture = base64.b64encode(render_svg(layer).encode()).decode()
    return f"data:image/svg+xml;base64,{picture}"


def rewrite_alerts(text: str) -> str:
    """``> [!NOTE]`` quotations become boxes that the lab colours, their Markdown kept."""
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").parse(text)
    quotations = [t.map for t in tokens if t.type == "blockquote_open" and t.level == 0 and t.map]
    for begin, end in reversed(quotations):
        inner = [QUOTE_MARK.sub("", line, count=1) for line in lines[begin:end]]
        match = ALERT.match(inner[0])
        if match:
            after = [""] if end < len(lines) and lines[end].strip() else []
            lines[begin:end] = [*_box(match[1], [inner[0][match.end() :], *inner[1:]]), *after]
    return "\n".join(lines)


def _box(kind: str, inner: list[str]) -> list[str]:
    body = "\n".join(inner).strip("\n").split("\n")
    opening = f'<div class="alert alert-{BOXES[kind]}">'
    return [opening, "", f"**{kind.capitalize()}**", "", *body, "", "</div>"]


def local_images(text: str, folder: Path) -> dict[str, Path]:
    """The pictures the text shows that are files of the chapter: as written, and their path."""
    inline = (child for token in MarkdownIt("commonmark").parse(text)
              for child in token.children or ())  # fmt: skip
    sources = [str(child.attrGet("src")) for child in inline if child.type == "image"]
    paths = {source: folder / unquote(source) for source in sources if ":" not in source}
    return {source: path for source, path in paths.items() if path.is_file()}


def link_images(text: str, targets: dict[str, str]) -> str:
    """The text with the pictures' links changed."""
    for source, target in targets.items():
        text = text.replace(f"]({source}", f"]({target}")
    return text


def _key(path: Path) -> str:
    """A name that needs no escapes."""
    return re.sub(r"[^\w.]", "-", path.name)


def _attachment(path: Path) -> dict[str, str]:
    kind = mimetypes.guess_type(path.name)[0] or "image/png"
    return {kind: base64.b64encode(path.read_bytes()).decode()}
