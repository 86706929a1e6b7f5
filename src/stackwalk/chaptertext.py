"""Splits a ``chapter.md`` into its blocks.

The fences are found with markdown-it, so that a fence in a list, in a quotation or in another
fence is taken for what it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from stackwalk.blocks import (
    Block,
    CellOptions,
    ChapterText,
    CommandCell,
    Prose,
    StackMap,
    TaskBlock,
    TerminalBlock,
)
from stackwalk.course import Step
from stackwalk.fields import Complaints, Fields, read_place
from stackwalk.problems import Problem
from stackwalk.yamltext import YamlText, read_yaml

DIRECTIVE = re.compile(r"\{([^}]*)\}\s*(.*)")
OPTION = re.compile(r":[a-z_]+:")
TASK_ID = re.compile(r"[a-z][a-z0-9_]{0,21}")  # 22: the column of every list
LANGUAGE = "ipython3"
CELL_OPTIONS = ("shows", "exit", "can", "limit", "undo", "within")
TERMINAL_KEYS = ("type", "answers", "shows")


def read_chapter_text(path: Path, *, shown_as: Path | None = None) -> ChapterText:
    """The blocks of a file; problems name it as ``shown_as`` (a path below the course's root)."""
    return split_chapter(path.read_text(encoding="utf-8"), path=shown_as or path)


def split_chapter(text: str, *, path: Path) -> ChapterText:
    """The blocks of ``text``, which stands in the file ``path``."""
    front = read_front_matter(text, path=path)
    complaints = Complaints(path, list(front.problems))
    length = front_matter_length(text)
    lines = [""] * length + text.splitlines()[length:]
    tokens = _parse("\n".join(lines))
    blocks = tuple(_blocks(tokens, lines, complaints))
    _complain_of_open_details(blocks, complaints)
    return ChapterText(path, front, blocks, tuple(complaints.found))


def read_front_matter(text: str, *, path: Path) -> YamlText:
    """The ``key: value`` lines between the two ``---`` at the top of the file."""
    length = front_matter_length(text)
    if length == 0:
        fix = "begin the file with `---`, the keys `title`, `ends_with`, `minutes`, `layer`, `---`"
        return YamlText(problems=(Problem(path, 1, "there is no front matter", fix),))
    return read_yaml("\n".join(text.splitlines()[1 : length - 1]), path=path, line=2)


def front_matter_length(text: str) -> int:
    """How many lines the front matter takes, both ``---`` counted; 0 for none."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return 0
    ends = (number for number, line in enumerate(lines[1:], start=2) if line.rstrip() == "---")
    return next(ends, 0)


def _parse(text: str) -> list[Token]:
    """The block structure; what stands inside a paragraph is not looked at, which is faster."""
    return MarkdownIt("commonmark").disable("inline").parse(text)


def _blocks(tokens: list[Token], lines: list[str], complaints: Complaints) -> Iterator[Block]:
    """Prose from the end of one directive to the start of the next, and the directives."""
    start = 0
    for token in tokens:
        match = DIRECTIVE.match(token.info.strip()) if token.type == "fence" else None
        if match is None or not _is_at_margin(token, complaints):
            continue
        begin, end = token.map or (0, 0)
        _complain_of_open_fence(token, lines[end - 1], complaints)
        yield from _prose(lines, start, begin)
        start = end
        block = _directive(match[1].strip(), match[2].strip(), token, complaints)
        if block is not None:
            yield block
    yield from _prose(lines, start, len(lines))


def _prose(lines: list[str], start: int, end: int) -> Iterator[Prose]:
    while start < end and not lines[start].strip():
        start += 1
    text = "\n".join(lines[start:end]).rstrip()
    if text:
        yield Prose(text, start + 1)


def _is_at_margin(token: Token, complaints: Complaints) -> bool:
    if token.level > 0:
        what = f"`{token.info.strip()}` stands inside a list or a quotation"
        complaints.add(_line(token), what, "move it to the left margin")
    return token.level == 0


def _complain_of_open_fence(token: Token, last_line: str, complaints: Complaints) -> None:
    """CommonMark lets a fence run to the end of the file; an author never means that."""
    if not re.fullmatch(rf"\s*{re.escape(token.markup)}[`~]*\s*", last_line):
        what = f"the block `{token.info.strip()}` is never closed"
        complaints.add(_line(token), what, f"add a line `{token.markup}` at its end")


def _line(token: Token) -> int:
    return (token.map or (0, 0))[0] + 1


def _directive(name: str, words: str, token: Token, complaints: Complaints) -> Block | None:
    line = _line(token)
    match name:
        case "code-cell":
            return _command_cell(words, token.content, line, complaints)
        case "terminal":
            return _terminal(words, token.content, line, complaints)
        case "task":
            return _task(words, token.content, line, complaints)
        case "stack-map":
            return StackMap(line)
    fix = "use one of `{code-cell} ipython3`, `{terminal}`, `{task}`, `{stack-map}`"
    complaints.add(line, f"`{{{name}}}` is not a block of ours", fix)
    return None


def _command_cell(
    language: str, content: str, line: int, complaints: Complaints
) -> CommandCell | None:
    if language != LANGUAGE:
        complaints.add(line, f"a code cell in `{language}`", f"write `{{code-cell}} {LANGUAGE}`")
    lines = content.rstrip("\n").split("\n")
    count = next((n for n, text in enumerate(lines) if not OPTION.match(text)), len(lines))
    options = "\n".join(text[1:].replace(":", ": ", 1) for text in lines[:count])
    yaml = complaints.read_yaml(options, line=line + 1)
    while count < len(lines) and not lines[count].strip():
        count += 1
    source = "\n".join(lines[count:]).rstrip()
    if not source:
        complaints.add(line, "an empty code cell", "write `%%on …` and a command")
        return None
    return CommandCell(source, _cell_options(Fields(yaml, complaints)), line, line + 1 + count)


def _cell_options(fields: Fields) -> CellOptions:
    fields.only(CELL_OPTIONS, "an option of a code cell")
    return CellOptions(
        shows=fields.texts("shows"),
        exit=fields.number("exit") or 0,
        can=fields.texts("can"),
        limit_s=fields.number("limit"),
        undo=" && ".join(fields.texts("undo")),
        within_s=fields.number("within"),
    )


def _terminal(words: str, content: str, line: int, complaints: Complaints) -> TerminalBlock | None:
    yaml = complaints.read_yaml(content, line=line + 1)
    place = read_place(words, line=line, complaints=complaints)
    if yaml.problems or place is None:
        return None
    fields = Fields(yaml, complaints)
    fields.only(TERMINAL_KEYS, "a key of a terminal block")
    text = yaml.fields.get("type")
    if not isinstance(text, str) or not text.strip():
        complaints.add(line, "nothing is typed here", "add `type: |` and the lines below it")
        return None
    step = Step(place, text.rstrip(), fields.pairs("answers"))
    return TerminalBlock(step, fields.texts("shows"), line)


def _task(words: str, content: str, line: int, complaints: Complaints) -> TaskBlock | None:
    if not TASK_ID.fullmatch(words):
        fix = "write `{task} some_id`: lower case, digits, underscores; at most 22 characters"
        complaints.add(line, f"`{words}` is not a task id", fix)
        return None
    return TaskBlock(words, content, complaints.read_yaml(content, line=line + 1), line)


def _complain_of_open_details(blocks: tuple[Block, ...], complaints: Complaints) -> None:
    """A fold cannot reach over a cell: each is a piece of its own in the notebook."""
    for block in blocks:
        if not isinstance(block, Prose) or "<details" not in block.text:
            continue
        tokens = _parse(block.text)
        html = "".join(token.content for token in tokens if token.type == "html_block")
        if html.count("<details") != html.count("</details>"):
            what = "a `<details>` is not closed before the next cell, terminal, task or map"
            complaints.add(block.line, what, "close it with `</details>`, and open it anew")
