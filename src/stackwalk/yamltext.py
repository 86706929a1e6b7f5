"""YAML as authors write it: every value stays the text that was typed, every key knows its line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stackwalk.problems import Problem

# Makes only text. The one in C is ten times as fast, and every `stackwalk check` reads the course.
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the stubs do not know the first


@dataclass(frozen=True)
class YamlText:
    """One mapping. Scalars are text (``yes`` stays ``yes``, ``0644`` stays ``0644``).

    ``lines`` maps each top-level key to its line in the file.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_yaml(text: str, *, path: Path, line: int = 1) -> YamlText:
    """The mapping in ``text``, whose first line is line ``line`` of the file ``path``."""
    if not text.strip():
        return YamlText()
    try:
        loader = LOADER(text)
        node = loader.get_single_node()
        fields = loader.construct_document(node) if node else {}
    except yaml.MarkedYAMLError as error:
        return YamlText(problems=(_syntax_problem(error, path, line),))
    except yaml.YAMLError as error:
        return YamlText(problems=(Problem(path, line, f"not YAML: {error}", "write it as YAML"),))
    if node is None:  # nothing but comments
        return YamlText()
    if not isinstance(node, yaml.MappingNode):
        what = "there is no `key: value` here"
        return YamlText(problems=(Problem(path, line, what, "write `key: value` lines"),))
    lines = {str(key.value): line + key.start_mark.line for key, _ in node.value}
    twice = tuple(
        Problem(path, line + key.start_mark.line, f"`{key.value}` stands twice", "keep one of them")
        for key in _repeated_keys(node)
    )
    return YamlText(fields, lines, twice)


def _syntax_problem(error: yaml.MarkedYAMLError, path: Path, line: int) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "it cannot be read"
    at = line + (mark.line if mark else 0)
    fix = (
        "put a value with `: `, `{`, `[`, `#`, `*`, `%` or quotes in quotes, or under `|`, indented"
    )
    return Problem(path, at, f"not YAML: {said}", fix)


def _repeated_keys(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield key
            seen.add(str(key.value))
            yield from _repeated_keys(value)
