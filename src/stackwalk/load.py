"""A folder of chapters becomes a Course; what does not fit is collected with file and line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stackwalk.blocks import TaskBlock
from stackwalk.chaptertext import read_chapter_text
from stackwalk.course import Chapter, Course, Hints, Mistake, OtherWay, Step, Task
from stackwalk.fields import Complaints, Fields, read_place
from stackwalk.problems import AuthorError, Problem

FOLDER = re.compile(r"(\d\d)-([a-z0-9]+(?:-[a-z0-9]+)*)")
FRONT = ("title", "ends_with", "minutes", "layer")
TASK = (
    *("title", "needs", "can", "was", "say"),
    *("nudges", "where", "what", "show", "solution", "debrief"),
)
MISTAKE = ("task", "symptom", "inflict", "message", "nudge", "also_red", "mend", "debrief")
WAY = ("title", "tasks", "do", "undo")
STEP_MUST = {"at", "type"}
STEP_MAY = {*STEP_MUST, "answers"}


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


@dataclass(frozen=True)
class _Reader:
    """Reads one chapter's folder; what does not fit goes to ``problems``."""

    root: Path
    folder: Path
    problems: list[Problem]

    def chapter(self, number: str, slug: str) -> Chapter:
        path = self._shown("chapter.md")
        text = read_chapter_text(self.folder / "chapter.md", shown_as=path)
        self.problems.extend(text.problems)
        front = _Record(text.front, self._complaints(path), 1)
        front.only(FRONT, "a key of the front matter")
        return Chapter(
            number=number,
            slug=slug,
            title=front.text("title"),
            ends_with=front.text("ends_with"),
            minutes=front.count("minutes"),
            layer=front.text("layer"),
            tasks=tuple(self._task(b, path) for b in text.blocks if isinstance(b, TaskBlock)),
            mistakes=tuple(self._mistakes()),
            folder=self.folder,
            ways=tuple(self._ways()),
        )

    def _task(self, block: TaskBlock, path: Path) -> Task:
        record = _Record(block.yaml, self._complaints(path), block.line)
        record.only(TASK, "a key of a task")
        nudges = {key: text.strip() for key, text in record.pairs("nudges").items()}
        if "otherwise" not in nudges:
            record.complain("nudges", "`nudges` has no `otherwise`", "add the one that always fits")
        return Task(
            id=block.id,
            title=record.text("title"),
            say=record.text("say"),
            needs=record.texts("needs"),
            can=record.texts("can"),
            hints=Hints(nudges, record.text("where"), record.text("what"), record.text("show")),
            solution=record.steps("solution"),
            debrief=record.text("debrief"),
            line=block.line,
            was=record.texts("was"),
        )

    def _mistakes(self) -> Iterator[Mistake]:
        for name, path, record in self._files("mistakes", "mistake.yaml"):
            yield self._mistake(name, path, record)

    def _ways(self) -> Iterator[OtherWay]:
        for name, path, record in self._files("ways", "way.yaml"):
            yield self._way(name, path, record)

    def _files(self, kind: str, file: str) -> Iterator[tuple[str, Path, "_Record"]]:
        """Each folder of a kind: its name, its file as shown, and what stands in it."""
        for folder in sorted((self.folder / kind).glob("*")):
            path = self._shown(f"{kind}/{folder.name}/{file}")
            if (folder / file).exists():
                complaints = self._complaints(path)
                yaml = complaints.read_yaml((folder / file).read_text(encoding="utf-8"), line=1)
                yield folder.name, path, _Record(yaml, complaints, 1)
            else:
                self.problems.append(Problem(path, 1, "it is missing", "write it"))

    def _way(self, name: str, path: Path, record: "_Record") -> OtherWay:
        record.only(WAY, "a key of an other way")
        if not record.texts("tasks"):
            record.complain("tasks", "`tasks` is missing", "name the tasks it does another way")
        return OtherWay(
            name=name,
            title=record.text("title"),
            tasks=record.texts("tasks"),
            do=record.steps("do"),
            undo=record.steps("undo"),
            path=self.root / path,
        )

    def _mistake(self, name: str, path: Path, record: "_Record") -> Mistake:
        record.only(MISTAKE, "a key of a mistake")
        return Mistake(
            name=name,
            task=record.text("task"),
            symptom=record.text("symptom"),
            inflict=record.steps("inflict"),
            message=record.text("message"),
            nudge=record.text("nudge"),
            also_red=record.texts("also_red"),
            mend=record.steps("mend"),
            path=self.root / path,
            debrief=" ".join(record.texts("debrief")),
        )

    def _shown(self, name: str) -> Path:
        return (self.folder / name).relative_to(self.root)

    def _complaints(self, path: Path) -> Complaints:
        return Complaints(path, self.problems)


@dataclass(frozen=True)
class _Record(Fields):
    """The fields of a front matter, a task or a mistake, which begins on ``line``."""

    line: int

    def complain(self, key: str, what: str, fix: str) -> None:
        if not self.yaml.problems:  # one complaint about YAML that cannot be read is enough
            self.complaints.add(self.yaml.lines.get(key, self.line), what, fix)

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.yaml.fields.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.complain(key, f"`{key}` is missing", f"add `{key}: …`")
        return ""

    def count(self, key: str) -> int:
        """A whole number that must be there."""
        return (self.number(key) or 0) if self.text(key) else 0

    def steps(self, key: str) -> tuple[Step, ...]:
        """A list of things typed somewhere, at least one."""
        value = self.yaml.fields.get(key)
        if not isinstance(value, list) or not value:
            self.complain(key, f"`{key}` has no steps", "write `- at: laptop` and `type: |`")
            return ()
        return tuple(step for each in value if (step := self._step(each, key)) is not None)

    def _step(self, value: object, key: str) -> Step | None:
        if not isinstance(value, Mapping) or not STEP_MUST <= set(value) <= STEP_MAY:
            self.complain(key, f"a step of `{key}` does not fit", "give it `at` and `type`")
            return None
        line = self.yaml.lines[key]
        place = read_place(str(value["at"]), line=line, complaints=self.complaints)
        answers = value.get("answers") or {}
        if place is None or not isinstance(answers, Mapping):
            return None
        asked = {str(question): str(answer) for question, answer in answers.items()}
        return Step(place, str(value["type"]).rstrip("\n"), asked)


def _twice(root: Path, chapters: list[Chapter]) -> Iterator[Problem]:
    first: dict[str, Chapter] = {}
    for chapter in chapters:
        for task in chapter.tasks:
            if task.id in first:
                where = first[task.id].name
                what = f"task id `{task.id}` stands in {where} already"
                yield Problem(chapter.source.relative_to(root), task.line, what, "choose another")
            first.setdefault(task.id, chapter)
