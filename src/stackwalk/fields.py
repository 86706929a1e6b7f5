"""Reads the keys of a YAML mapping as what they should be, and writes down what does not fit."""

from dataclasses import dataclass
from pathlib import Path

from stackwalk.cellspec import OnCell, parse_on
from stackwalk.course import Place
from stackwalk.errors import UsageError
from stackwalk.problems import Problem
from stackwalk.yamltext import YamlText, read_yaml


@dataclass
class Complaints:
    """The problems of one file, as they are found."""

    path: Path
    found: list[Problem]

    def add(self, line: int, what: str, fix: str) -> None:
        self.found.append(Problem(self.path, line, what, fix))

    def read_yaml(self, text: str, *, line: int) -> YamlText:
        """The mapping in ``text``; its problems are written down."""
        yaml = read_yaml(text, path=self.path, line=line)
        self.found += yaml.problems
        return yaml


@dataclass(frozen=True)
class Fields:
    """The keys of one mapping, asked for by type; a value that does not fit reads as missing."""

    yaml: YamlText
    complaints: Complaints

    def only(self, known: tuple[str, ...], kind: str) -> None:
        """Complains of every key that is not one of ``known``."""
        for key, line in self.yaml.lines.items():
            if key not in known:
                fix = "use " + ", ".join(f"`{name}`" for name in known)
                self.complaints.add(line, f"`{key}` is not {kind}", fix)

    def texts(self, key: str) -> tuple[str, ...]:
        """A text, or a list of texts; ``()`` where the key is missing."""
        value = self.yaml.fields.get(key, [])
        values = value if isinstance(value, list) else [value]
        texts = tuple(text.strip() for text in values if isinstance(text, str))
        if len(texts) < len(values) or not all(texts):
            what = f"`{key}` is not a text or a list of texts"
            self.complaints.add(self.yaml.lines[key], what, 'quote it: "…"')
            return ()
        return texts

    def number(self, key: str) -> int | None:
        """A whole number that is not negative; None where the key is missing."""
        value = self.yaml.fields.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        if value is not None:
            line = self.yaml.lines[key]
            self.complaints.add(line, f"`{key}` is not a number", "write it in digits")
        return None

    def pairs(self, key: str) -> dict[str, str]:
        """A mapping of text to text, such as ``answers`` or ``nudges``."""
        value = self.yaml.fields.get(key, {})
        if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
            return {str(name): text for name, text in value.items()}
        fix = 'write lines of `"key": "text"` below it, indented'
        self.complaints.add(self.yaml.lines[key], f"`{key}` does not hold pairs of texts", fix)
        return {}


def read_place(text: str, *, line: int, complaints: Complaints) -> Place | None:
    """``laptop`` or ``web as deployer``; None, and a complaint, for a place that does not fit."""
    try:
        cell = parse_on(text)
    except UsageError as error:
        complaints.add(line, error.happened.rstrip("."), error.next)
        return None
    if cell != OnCell(cell.place):
        fix = "write `laptop` or `web as deployer`, and change the directory in what is typed"
        complaints.add(line, f"`{text}` says more than a place", fix)
        return None
    return cell.place
