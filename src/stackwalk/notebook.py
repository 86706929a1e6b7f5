"""Makes a chapter's notebook: the same bytes for the same chapter, without outputs.

Each cell's metadata says, under ``stackwalk``, what the walk and the page need of it::

    {"kind": "command", "line": 41, "shows": ["trixie"], "exit": 0, "can": []}

Kinds: ``title``, ``setup``, ``prose``, ``map``, ``command``, ``terminal``, ``task``, ``check``,
``keep``.
"""

import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from stackwalk import stackmap, wording
from stackwalk.blocks import (
    Block,
    ChapterText,
    CommandCell,
    Prose,
    StackMap,
    TaskBlock,
    TerminalBlock,
)
from stackwalk.cells import Cell, code_cell, give_ids, markdown_cell
from stackwalk.cellspec import OnCell, parse_first_line
from stackwalk.chaptertext import read_chapter_text
from stackwalk.course import Chapter, Task
from stackwalk.errors import UsageError
from stackwalk.problems import AuthorError, Problem

if TYPE_CHECKING:
    from nbformat import NotebookNode

SETUP = "%load_ext stackwalk"
SETUP_TEXT = """\
Run the next cell first, each time you open this notebook or restart its kernel.
It teaches this notebook where commands belong: `%%on web …` types on your machine `web`, \
`%%on laptop` on this computer, and `%check` looks whether a task is met."""
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


def make_notebook(chapter: Chapter) -> "NotebookNode":
    """The notebook as JupyterLab shows it well: alerts as boxes, pictures inside the file."""
    from stackwalk.labtext import for_lab

    return for_lab(plain_notebook(chapter), chapter.folder)


def plain_notebook(chapter: Chapter) -> "NotebookNode":
    """The notebook with its prose as written; the page is made from this one."""
    import nbformat

    text = read_chapter_text(chapter.source)
    if text.problems:
        raise AuthorError(text.problems)
    cells = list(_cells(text, chapter))
    give_ids(cells, chapter.slug)
    metadata = {**METADATA, "stackwalk": {"chapter": chapter.name}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    made: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]  # typed in part
    return made


def notebook_text(notebook: "NotebookNode") -> str:
    """The file's content."""
    import nbformat

    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]  # nbformat is typed in part
    return str(text).rstrip("\n") + "\n"


def _cells(text: ChapterText, chapter: Chapter) -> Iterator[Cell]:
    tasks = {task.id: task for task in chapter.tasks}
    titles = {task.id: task.title for task in chapter.tasks}
    sources = iter(_code_sources(text))
    blocks = list(text.blocks)
    yield from _opening(blocks, chapter)
    for block in blocks:
        match block:
            case Prose():
                yield from _prose_cells(block)
            case CommandCell():
                source = with_options(next(sources), block)
                yield code_cell(source, **_command_metadata(block))
                yield from _keep_cell(source, block)
            case TerminalBlock():
                yield _terminal_cell(block)
            case TaskBlock():
                yield from _task_cells(tasks[block.id], titles, block.line)
            case StackMap():
                yield _map_cell(chapter.layer, block.line)


def _code_sources(text: ChapterText) -> list[str]:
    """The code cells as jupytext reads them, so that the file is the notebook it looks like."""
    import jupytext
    from jupytext.myst import MystMetadataParsingError

    whole = text.path.read_text(encoding="utf-8")
    ours = [block for block in text.blocks if isinstance(block, CommandCell)]
    try:
        notebook = jupytext.reads(whole, fmt={"extension": ".md", "format_name": "myst"})
    except (MystMetadataParsingError, ValueError) as error:  # ValueError: no such date
        fix = "write its options as `:name: value` lines, the value in quotes"
        raise AuthorError([Problem(text.path, 1, f"jupytext: {error}", fix)]) from error
    read = [str(cell.source).strip() for cell in notebook.cells if cell.cell_type == "code"]
    if read != [block.source.strip() for block in ours]:
        what = f"jupytext reads {len(read)} code cells here, other ones than our {len(ours)}"
        fix = "write each as a plain `{code-cell} ipython3` fence at the left margin"
        raise AuthorError([Problem(text.path, 1, what, fix)])
    return read


def _opening(blocks: list[Block], chapter: Chapter) -> Iterator[Cell]:
    """The title, with the prose up to the next heading, and the cell that loads us."""
    first = markdown_cell(f"# {chapter.title}", kind="title", line=1)
    rest: list[Cell] = []
    block = blocks[0] if blocks else None
    if isinstance(block, Prose) and block.text.startswith("# "):
        first, *rest = _prose_cells(block)
        del blocks[0]
    yield first
    yield markdown_cell(SETUP_TEXT, kind="setup", line=1)
    yield code_cell(SETUP, kind="setup", line=1)
    yield from rest


def _prose_cells(block: Prose) -> Iterator[Cell]:
    """One cell for each heading with what stands below it, so that the lab can fold them."""
    lines = block.text.split("\n")
    tokens = MarkdownIt("commonmark").parse(block.text)
    starts = [
        token.map[0]
        for token in tokens
        if token.type == "heading_open" and token.level == 0 and token.tag in ("h1", "h2", "h3")
        if token.map and not _is_in_details(lines[: token.map[0]])
    ]
    for start, end in pairwise(sorted({0, *starts, len(lines)})):
        source = "\n".join(lines[start:end]).strip()
        if source:
            yield markdown_cell(source, kind="prose", line=block.line + start)


def _is_in_details(lines: list[str]) -> bool:
    text = "\n".join(lines)
    return text.count("<details") > text.count("</details>")


def with_options(source: str, block: CommandCell) -> str:
    """The options the magic needs in the cell's own first line, where it reads them."""
    first, *rest = source.split("\n")
    options = block.options
    wanted = {"limit": options.limit_s, "undo": options.undo, "within": options.within_s}
    for name, value in wanted.items():
        if value and first.startswith("%%") and f" {name}=" not in first:
            first += f" {name}={shlex.quote(str(value))}"
    return "\n".join([first, *rest])


def _keep_cell(source: str, block: CommandCell) -> Iterator[Cell]:
    """After a hazard cell the one that confirms it, from a new session."""
    try:
        spec = parse_first_line(source.partition("\n")[0])
    except UsageError:
        return  # `author check` says it, with the line
    if isinstance(spec, OnCell) and spec.undo:
        name = spec.place.machine
        command = "%keep" if name == "web" else f"%keep {name}"
        can = list(block.options.can)
        yield code_cell(command, kind="keep", line=block.line, can=can)


def _command_metadata(block: CommandCell) -> dict[str, Any]:
    options = block.options
    found: dict[str, Any] = {
        "kind": "command",
        "line": block.line,
        "shows": list(options.shows),
        "exit": options.exit,
        "can": list(options.can),
    }
    return found if options.limit_s is None else {**found, "limit": options.limit_s}


def _terminal_cell(block: TerminalBlock) -> Cell:
    step = block.step
    fence = wording.fence_for(step.text)[1:]
    parts = [
        f"**{wording.terminal_title(step.place)}**",
        wording.entry(step.place),
        f"{fence}bash\n{step.text}\n{fence}",
        "\n".join(wording.answers_lines(step.answers)),
    ]
    return markdown_cell(
        "\n\n".join(part for part in parts if part),
        kind="terminal",
        line=block.line,
        place=str(step.place),
        type=step.text,
        answers=dict(step.answers),
        shows=list(block.shows),
    )


def _task_cells(task: Task, titles: dict[str, str], line: int) -> Iterator[Cell]:
    parts = [
        f"### Task · {task.title}",
        '<div class="alert alert-success">',
        task.say.strip(),
        wording.needs_line(task, titles),
        "</div>",
        "Work in the terminal beside the notebook, then run the cell below.\n"
        f"Hints, four of them, and at the end the solution: `%hint {task.id}`.",
    ]
    text = "\n\n".join(part for part in parts if part)
    yield markdown_cell(text, kind="task", line=line, task=task.id)
    yield code_cell(f"%check {task.id}", kind="check", line=line, task=task.id)


def _map_cell(layer: str, line: int) -> Cell:
    """The picture's name and its words; labtext puts the picture itself below them."""
    source = f"![{stackmap.alt_text(layer)}][{stackmap.MAP}]\n\n{stackmap.line_of_text(layer)}"
    return markdown_cell(source, kind="map", line=line, layer=layer)
