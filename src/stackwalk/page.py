"""A chapter and its captures become a Markdown page, through nbconvert with our own template."""

from collections.abc import Iterator
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from stackwalk import stackmap, wording
from stackwalk.capture import Captures, CellCapture, is_recorded
from stackwalk.cellspec import WriteCell, parse_first_line
from stackwalk.course import Chapter, Step, Task
from stackwalk.dialect import for_site
from stackwalk.labtext import link_images, local_images
from stackwalk.normal import names_normalised, strip_screen
from stackwalk.notebook import plain_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = {
    ".conf": "ini",
    ".ini": "ini",
    ".json": "json",
    ".md": "markdown",
    ".py": "python",
    ".service": "ini",
    ".sh": "bash",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
RUNGS = ("a nudge", "where to look", "what to change", "show me")
Facts = dict[str, Any]  # what the template reads of one cell, under ``cell.metadata.page``


def render_page(chapter: Chapter, captures: Captures) -> str:
    """The page's Markdown; a cell without a fresh capture says that it is not recorded yet."""
    from nbconvert import MarkdownExporter
    from nbformat import from_dict as typed_in_part

    from_dict: Any = typed_in_part
    notebook = plain_notebook(chapter)
    tasks = {task.id: task for task in chapter.tasks}
    titles = {task.id: task.title for task in chapter.tasks}
    for cell in notebook.cells:
        capture = captures.fresh(cell)
        cell.metadata["page"] = _facts(cell, capture, chapter, tasks, titles)
        if cell.cell_type == "code" and capture and capture.outputs.strip():
            text = strip_screen(capture.outputs)
            cell.outputs = from_dict([{"output_type": "stream", "name": "stdout", "text": text}])
    make: Any = MarkdownExporter  # typed in part, as well
    exporter = make(template_name="page", extra_template_basedirs=[str(TEMPLATES)])
    exporter.register_filter("fenced", fenced)
    text, _ = exporter.from_notebook_node(notebook, resources={"page": _head(chapter, captures)})
    return str(text).strip() + "\n"


def page_images(chapter: Chapter) -> dict[str, Path]:
    """The pictures the page shows: where they go, seen from the page, and where they are."""
    text = chapter.source.read_text(encoding="utf-8")
    found = local_images(text, chapter.folder)
    return {f"{chapter.name}/{source}": path for source, path in found.items()}


def fenced(text: str, header: str) -> str:
    """A code block that its own text cannot close."""
    fence = wording.fence_for(text)
    return f"{fence}{header}\n{text}\n{fence}"


def _head(chapter: Chapter, captures: Captures) -> Facts:
    return {
        "title": f"{chapter.number} · {chapter.title}",
        "ends_with": chapter.ends_with,
        "minutes": chapter.minutes,
        "recorded": captures.recorded,
        "normalised": names_normalised(),
    }


def _facts(
    cell: "NotebookNode",
    capture: CellCapture | None,
    chapter: Chapter,
    tasks: dict[str, Task],
    titles: dict[str, str],
) -> Facts:
    about = cell.metadata.stackwalk
    facts: Facts = {"kind": about.kind, "is_missing": is_recorded(cell) and capture is None}
    match about.kind:
        case "title" | "prose":
            return {**facts, **_prose(cell.source, chapter)}
        case "map":
            svg, line = stackmap.render_svg(chapter.layer), stackmap.line_of_text(chapter.layer)
            return {**facts, "svg": svg, "line": escape(line)}
        case "command":
            return {**facts, **_command(cell.source, about.exit, capture)}
        case "terminal":
            return {**facts, **_terminal(about, capture)}
        case "task":
            return {**facts, **_task(tasks[about.task], titles)}
        case "check":
            return {**facts, "command": f"stackwalk check {about.task}", "title": "Check it"}
        case "keep":
            command = cell.source.replace("%keep", "stackwalk keep")
            return {**facts, "command": command, "title": "Keep it, from a new session"}
    return facts


def _prose(source: str, chapter: Chapter) -> Facts:
    """The text; a first-level heading apart from the rest, for the line about time between."""
    images = {name: f"{chapter.name}/{name}" for name in local_images(source, chapter.folder)}
    text = for_site(link_images(source, images))
    heading, _, rest = text.partition("\n") if text.startswith("# ") else ("", "", text)
    return {"heading": heading, "text": rest.strip()}


def _command(source: str, promised_exit: int, capture: CellCapture | None) -> Facts:
    first = parse_first_line(source.partition("\n")[0])
    is_write = isinstance(first, WriteCell)
    language = "bash"
    if isinstance(first, WriteCell):
        language = LANGUAGES.get(PurePosixPath(first.path).suffix, "text")
    title = wording.title_of(source)
    if capture is not None and capture.place and not is_write:
        title = capture.place
    return {
        "title": title.replace('"', "'"),
        "hazard": wording.hazard_line(source),
        "body": wording.body_of(source),
        "language": language,
        "output_language": "diff" if is_write else "text",
        "exit": capture.exit if capture else promised_exit,
    }


def _terminal(about: Any, capture: CellCapture | None) -> Facts:  # Any: a cell's metadata
    from stackwalk.fields import Complaints, read_place

    place = read_place(about.place, line=about.line, complaints=Complaints(Path(), []))
    assert place is not None, "the notebook holds only places that were read before"
    return {
        "title": wording.terminal_title(place),
        "entry": wording.entry(place).replace("beside the notebook", "on your computer"),
        "body": about.type,
        "answers": wording.answers_lines(about.answers),
        "screen": strip_screen(capture.outputs) if capture else "",
    }


def _task(task: Task, titles: dict[str, str]) -> Facts:
    return {
        "id": task.id,
        "title": task.title,
        "say": for_site(task.say.strip()),
        "needs": wording.needs_line(task, titles),
        "hints": list(_hints(task)),
        "solution": [_solution_step(step) for step in task.solution],
        "debrief": for_site(task.debrief.strip()),
    }


def _hints(task: Task) -> Iterator[Facts]:
    """The four rungs; below the first one, folded again, all that a check may choose from."""
    hints = task.hints
    closer = [for_site(text.strip()) for key, text in hints.nudges.items() if key != "otherwise"]
    rungs = (hints.otherwise, hints.where, hints.what, hints.show)
    for number, (title, text) in enumerate(zip(RUNGS, rungs, strict=True), start=1):
        facts: Facts = {"title": f"Hint {number} of 4: {title}", "text": for_site(text.strip())}
        yield {**facts, "closer": closer if number == 1 else []}


def _solution_step(step: Step) -> Facts:
    return {
        "title": wording.terminal_title(step.place).replace('"', "'"),
        "body": step.text.strip(),
        "answers": wording.answers_lines(step.answers),
    }
