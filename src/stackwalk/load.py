"""A folder of chapters becomes a Course; what does not fit is collected with file and line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stackwalk.blocks import ChapterText, TaskBlock, read_chapter_text, read_place
from stackwalk.course import Chapter, Course, Hints, Mistake, Place, Step, Task
from stackwalk.problems import AuthorError, Problem
from stackwalk.yamltext import YamlText, read_yaml

FOLDER = re.compile(r"(\d\d)-([a-z0-9]+(?:-[a-z0-9]+)*)")
FRONT = ("title", "ends_with", "minutes", "layer")
TEXTS = ("title", "say", "where", "what", "show", "debrief")
TASK = (*TEXTS, "needs", "can", "nudges", "solution", "was")
MISTAKE = ("task", "symptom", "inflict", "message", "nudge", "also_red", "mend")


def load_course(root: Path) -> Course:
    """The course below ``root``.

    Raises:
        AuthorError: with every problem that keeps it from being loaded.
    """
    course, problems = read_course(root)
    if problems:
        raise AuthorError(problems)
    return course


def read_course(root: Path) -> tuple[Course, list[Problem]]:
    """The course as far as it can be read, and all that does not fit."""
    problems: list[Problem] = []
    chapters = []
    for folder in sorted(path for path in (root / "chapters").glob("*") if path.is_dir()):
        match = FOLDER.fullmatch(folder.name)
        shown = folder.relative_to(root)
        if match is None:
            problems.append(Problem(shown, 1, "not a chapter's name", "call it `03-some-words`"))
        elif not (folder / "chapter.md").exists():
            problems.append(Problem(shown, 1, "no `chapter.md`", "write it, or remove the folder"))
        else:
            chapters.append(_Reader(root, folder, problems).chapter(match[1], match[2]))
    problems += _twice(root, chapters)
    if not chapters and not problems:
        what = "there are no chapters here"
        problems.append(Problem(Path("chapters"), 1, what, "run it in a clone of the course"))
    return Course(tuple(chapters), root), problems


@dataclass
class _Reader:
    """Reads one chapter's folder, adding what does not fit to ``problems``."""

    root: Path
    folder: Path
    problems: list[Problem]
    _path: Path = field(init=False)

    def __post_init__(self) -> None:
        self._path = (self.folder / "chapter.md").relative_to(self.root)

    def chapter(self, number: str, slug: str) -> Chapter:
        text = read_chapter_text(self.folder / "chapter.md", shown_as=self._path)
        self.problems += text.problems
        front = self._front(text)
        return Chapter(
            number=number,
            slug=slug,
            title=front["title"],
            ends_with=front["ends_with"],
            minutes=int(front["minutes"]) if front["minutes"].isdigit() else 0,
            layer=front["layer"],
            tasks=tuple(self._task(b) for b in text.blocks if isinstance(b, TaskBlock)),
            mistakes=tuple(self._mistakes()),
            folder=self.folder,
        )

    def _front(self, text: ChapterText) -> dict[str, str]:
        self._unknown(text.front, FRONT, "a key of the front matter", self._path)
        return {key: self._text(text.front, key, self._path, 1) for key in FRONT}

    def _task(self, block: TaskBlock) -> Task:
        yaml, path, line = block.yaml, self._path, block.line
        if not yaml.problems:
            self._unknown(yaml, TASK, "a key of a task", path)
        texts = {key: self._text(yaml, key, path, line) for key in TEXTS}
        nudges = self._table(yaml, "nudges", path, line)
        if nudges and "otherwise" not in nudges:
            at = yaml.lines["nudges"]
            self._add(path, at, "`nudges` has no `otherwise`", "add the nudge that always fits")
        return Task(
            id=block.id,
            title=texts["title"],
            say=texts["say"],
            needs=self._words(yaml, "needs", path),
            can=self._words(yaml, "can", path),
            hints=Hints(nudges, texts["where"], texts["what"], texts["show"]),
            solution=self._steps(yaml, "solution", path, line),
            debrief=texts["debrief"],
            line=line,
        )

    def _mistakes(self) -> Iterator[Mistake]:
        for folder in sorted((self.folder / "mistakes").glob("*")):
            path = (folder / "mistake.yaml").relative_to(self.root)
            if not (self.root / path).exists():
                self._add(path, 1, "it is missing", "write it, or remove the folder")
                continue
            text = (self.root / path).read_text(encoding="utf-8")
            yield self._mistake(folder.name, read_yaml(text, path=path), path)

    def _mistake(self, name: str, yaml: YamlText, path: Path) -> Mistake:
        self.problems += yaml.problems
        self._unknown(yaml, MISTAKE, "a key of a mistake", path)
        return Mistake(
            name=name,
            task=self._text(yaml, "task", path, 1),
            symptom=self._text(yaml, "symptom", path, 1),
            inflict=self._steps(yaml, "inflict", path, 1),
            message=self._text(yaml, "message", path, 1),
            nudge=self._text(yaml, "nudge", path, 1),
            also_red=self._words(yaml, "also_red", path),
            mend=self._steps(yaml, "mend", path, 1),
            path=self.root / path,
        )

    def _add(self, path: Path, line: int, what: str, fix: str) -> None:
        self.problems.append(Problem(path, line, what, fix))

    def _unknown(self, yaml: YamlText, known: tuple[str, ...], kind: str, path: Path) -> None:
        for key, line in yaml.lines.items():
            if key not in known:
                names = ", ".join(f"`{name}`" for name in known)
                self._add(path, line, f"`{key}` is not {kind}", f"use {names}")

    def _text(self, yaml: YamlText, key: str, path: Path, line: int) -> str:
        value = yaml.fields.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if not yaml.problems:
            self._add(path, yaml.lines.get(key, line), f"`{key}` is missing", f"add `{key}: …`")
        return ""

    def _words(self, yaml: YamlText, key: str, path: Path) -> tuple[str, ...]:
        value = yaml.fields.get(key) or []
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return tuple(str(word) for word in value)
        self._add(path, yaml.lines[key], f"`{key}` is not a list", f"write `{key}: [one, two]`")
        return ()

    def _table(self, yaml: YamlText, key: str, path: Path, line: int) -> dict[str, str]:
        value = yaml.fields.get(key)
        if isinstance(value, Mapping) and all(isinstance(v, str) and v for v in value.values()):
            return {str(k): str(v).strip() for k, v in value.items()}
        if not yaml.problems:
            at = yaml.lines.get(key, line)
            self._add(path, at, f"`{key}` is missing or not a table", f"write `{key}:` and lines")
        return {}

    def _steps(self, yaml: YamlText, key: str, path: Path, line: int) -> tuple[Step, ...]:
        value = yaml.fields.get(key)
        at = yaml.lines.get(key, line)
        if not isinstance(value, list) or not value:
            if not yaml.problems:
                self._add(path, at, f"`{key}` has no steps", "write `- at: …` and `type: |`")
            return ()
        steps = (self._step(step, key, path, at) for step in value)
        return tuple(step for step in steps if step is not None)

    def _step(self, step: object, key: str, path: Path, line: int) -> Step | None:
        if not isinstance(step, Mapping) or not {"at", "type"} <= set(step) <= {
            "at",
            "type",
            "answers",
        }:
            self._add(path, line, f"a step of `{key}` does not fit", "give it `at` and `type`")
            return None
        place: Place | None = read_place(
            str(step["at"]), path=path, line=line, problems=self.problems
        )
        answers = step.get("answers") or {}
        if place is None or not isinstance(answers, Mapping):
            return None
        return Step(place, str(step["type"]).rstrip("\n"), {str(k): str(v) for k, v in answers.items()})


def _twice(root: Path, chapters: list[Chapter]) -> Iterator[Problem]:
    first: dict[str, Chapter] = {}
    for chapter in chapters:
        for task in chapter.tasks:
            if task.id in first:
                where = first[task.id].name
                what = f"task id `{task.id}` stands in {where} already"
                yield Problem(chapter.source.relative_to(root), task.line, what, "choose another")
            first.setdefault(task.id, chapter)
