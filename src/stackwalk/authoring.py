"""``author check``: what a chapter promises is there, nothing is left over, nothing leaks."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stackwalk.blocks import CommandCell, Prose, TaskBlock, TerminalBlock
from stackwalk.cellspec import OnCell, parse_first_line
from stackwalk.chaptertext import read_chapter_text
from stackwalk.course import Chapter, Course, Task
from stackwalk.errors import UsageError
from stackwalk.load import read_course
from stackwalk.lockouts import read_lockouts
from stackwalk.notebook import with_options
from stackwalk.problems import Problem
from stackwalk.rolefile import find_problems as find_role_problems
from stackwalk.shelltext import syntax_error

SECTIONS = (
    "Why this layer",
    "The map",
    "By hand",
    "Your turn",
    "Break it and fix it",
    "By script",
    "Debrief",
)
VANTAGES = {"web", "web_fresh", "laptop"}
KNOWN = {"chapter.md", "mistakes", "role", "files", "img", "captures.json", "ways"}
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
TOO_SMOOTH = re.compile(r"\b(simply|obviously|trivial)\b", re.IGNORECASE)


def find_problems(root: Path) -> list[Problem]:
    """Every problem of the course below ``root``, in the order of the files."""
    course, problems = read_course(root)
    for chapter in course.chapters:
        problems += _chapter(course, chapter)
    problems += _orphan_checks(course)
    problems += read_lockouts(root / "vagrant" / "lockouts", root)[1]
    return sorted(problems)


def _chapter(course: Course, chapter: Chapter) -> Iterator[Problem]:
    path = chapter.source.relative_to(course.root)
    blocks = read_chapter_text(chapter.source, shown_as=path).blocks
    yield from _sections(path, [b for b in blocks if isinstance(b, Prose)])
    yield from _by_script(path, blocks)
    for block in blocks:
        if isinstance(block, CommandCell):
            yield from _cell(path, block)
    for task in chapter.tasks:
        yield from _needs(course, chapter, path, task)
        yield from _leaks(path, task)
    yield from _checks(course, chapter, path)
    yield from _mistakes(course, chapter, path)
    yield from _ways(course, chapter)
    yield from _leftovers(course, chapter, path)
    yield from find_role_problems(chapter, course.root)


def _sections(path: Path, prose: Iterable[Prose]) -> Iterator[Problem]:
    found = []
    for block in prose:
        for number, line in enumerate(_outside_fences(block.text), start=block.line):
            if match := HEADING.match(line):
                found.append((match[1].strip(), number))
            if match := TOO_SMOOTH.search(line):
                yield Problem(path, number, f"“{match[1]}” promises", "say why, or leave it out")
    titles = tuple(title for title, _ in found)
    if titles != SECTIONS:
        odd = next((line for title, line in found if title not in SECTIONS), 1)
        fix = f"use, in order: {', '.join(SECTIONS)}"
        yield Problem(path, odd, "the sections are not those of a chapter", fix)


def _outside_fences(text: str) -> Iterator[str]:
    """The lines, those within fences blanked."""
    inside = False
    for line in text.split("\n"):
        fence = line.lstrip().startswith(("```", "~~~"))
        yield "" if inside or fence else line
        inside ^= fence


def _by_script(path: Path, blocks: Iterable[object]) -> Iterator[Problem]:
    """Tasks come before the script; the script is played twice, the second time unchanged."""
    scripted, plays, unchanged, line = False, 0, False, 1
    for block in blocks:
        if isinstance(block, Prose) and re.search(r"^## By script$", block.text, re.MULTILINE):
            scripted, line = True, block.line
        if isinstance(block, TaskBlock) and scripted:
            what = f"task `{block.id}` stands after By script"
            yield Problem(path, block.line, what, "move it up")
        if scripted and isinstance(block, (CommandCell, TerminalBlock)):
            text = block.source if isinstance(block, CommandCell) else block.step.text
            shows = block.options.shows if isinstance(block, CommandCell) else block.shows
            plays += text.count("stackwalk play")
            unchanged |= any("changed=0" in shown for shown in shows)
    if plays < 2 or not unchanged:
        fix = "run `stackwalk play` twice, the second with `:shows: changed=0`"
        yield Problem(path, line, "By script does not prove a second run unchanged", fix)


def _cell(path: Path, cell: CommandCell) -> Iterator[Problem]:
    first = cell.source.split("\n", 1)[0]
    if first.startswith("%") and not first.startswith("%%"):
        return
    if cell.options.undo and not first.startswith("%%on "):
        yield Problem(path, cell.source_line, "`:undo:` on a cell that is no `%%on`", "remove it")
        return
    try:
        spec = parse_first_line(with_options(first, cell))
    except UsageError as error:
        yield Problem(path, cell.source_line, error.happened.rstrip("."), error.next)
        return
    if spec is None:
        fix = "begin it with `%%on web as vagrant in ~` or `%%write …`"
        yield Problem(path, cell.source_line, "the cell does not say where it runs", fix)
    elif isinstance(spec, OnCell) and spec.place.machine != "laptop" and spec.directory is None:
        yield Problem(path, cell.source_line, "the cell does not say its directory", "add `in ~`")
    body = cell.source.partition("\n")[2]
    if isinstance(spec, OnCell) and (said := syntax_error(body, "bash")):
        what = f"bash cannot read it: {said}"
        yield Problem(path, cell.source_line, what, "try it with `bash -n`")


def _needs(course: Course, chapter: Chapter, path: Path, task: Task) -> Iterator[Problem]:
    order = [each.id for each in course.tasks]
    for need in task.needs:
        if need not in order:
            what = f"`{task.id}` needs `{need}`, which is no task"
            yield Problem(path, task.line, what, "mend it")
        elif order.index(need) >= order.index(task.id):
            what = f"`{task.id}` needs the later `{need}`"
            yield Problem(path, task.line, what, "turn it round")


def _leaks(path: Path, task: Task) -> Iterator[Problem]:
    """No line of the solution stands in what is read before it."""
    read = "\n".join([task.say, *task.hints.nudges.values(), task.hints.where, task.hints.what])
    for step in task.solution:
        for command in step.text.split("\n"):
            if len(command.strip()) > 8 and command.strip() in read:
                what = f"`{task.id}` gives its solution away: {command.strip()}"
                yield Problem(path, task.line, what, "keep it for `show` and `solution`")


def _checks(course: Course, chapter: Chapter, path: Path) -> Iterator[Problem]:
    file = course.root / "checks" / f"test_{chapter.slug.replace('-', '_')}.py"
    shown = file.relative_to(course.root)
    if not file.exists():
        yield Problem(shown, 1, f"chapter {chapter.name} has no checks", "write test_<task id>")
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    ids = {task.id for task in chapter.tasks}
    for task in chapter.tasks:
        test = tests.get(f"test_{task.id}")
        if test is None:
            yield Problem(path, task.line, f"`{task.id}` has no check", f"write it in {shown}")
        elif odd := {arg.arg for arg in test.args.args} - VANTAGES:
            yield Problem(shown, test.lineno, f"no vantage {odd}", f"use {sorted(VANTAGES)}")
    for name, node in tests.items():
        if name.startswith("test_") and name.removeprefix("test_") not in ids:
            yield Problem(shown, node.lineno, f"`{name}` checks no task", "remove or rename it")
    yield from _nudges(chapter, path, shown, tree, tests)
    yield from _asserts(shown, tree)


def _nudges(
    chapter: Chapter, path: Path, shown: Path, tree: ast.Module, tests: dict[str, ast.FunctionDef]
) -> Iterator[Problem]:
    said = _saw(tree)
    for task in chapter.tasks:
        test = tests.get(f"test_{task.id}")
        for key, line in (_saw(test) if test else {}).items():
            if key not in task.hints.nudges:
                yield Problem(shown, line, f"`{task.id}` has no nudge `{key}`", f"add it in {path}")
        for key in set(task.hints.nudges) - {"otherwise"} - set(said):
            what = f"nobody sees `{key}` of `{task.id}`"
            yield Problem(path, task.line, what, f"remove the nudge, or say it in {shown}")


def _saw(tree: ast.AST) -> dict[str, int]:
    """Every text that is given as ``saw=``, with its line (either branch of a condition too)."""
    keys = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "saw":
            for value in ast.walk(node.value):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    keys[value.value] = value.lineno
    return keys


def _asserts(shown: Path, tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield Problem(shown, node.lineno, "a bare `assert`", "raise `Unmet` with words")


def _mistakes(course: Course, chapter: Chapter, path: Path) -> Iterator[Problem]:
    tasks = {task.id: task for task in chapter.tasks}
    every = {task.id for task in course.tasks}
    for mistake in chapter.mistakes:
        shown = mistake.path.relative_to(course.root)
        if mistake.name in ("check", "give-up"):
            yield Problem(shown, 1, f"`stackwalk drill {mistake.name}` is a verb", "rename it")
        task = tasks.get(mistake.task)
        if task is None:
            yield Problem(shown, 1, f"`{mistake.task}` is no task of the chapter", "mend `task`")
        elif mistake.nudge not in task.hints.nudges:
            yield Problem(shown, 1, f"`{mistake.task}` has no nudge `{mistake.nudge}`", "mend it")
        for other in set(mistake.also_red) - every:
            yield Problem(shown, 1, f"`{other}` in `also_red` is no task", "mend it")
    for task in chapter.tasks:
        if not any(mistake.task == task.id for mistake in chapter.mistakes):
            yield Problem(path, task.line, f"no mistake turns `{task.id}` red", "add one")


def _ways(course: Course, chapter: Chapter) -> Iterator[Problem]:
    ids = {task.id for task in chapter.tasks}
    for way in chapter.ways:
        shown = way.path.relative_to(course.root)
        for other in sorted(set(way.tasks) - ids):
            yield Problem(shown, 1, f"`{other}` is no task of the chapter", "mend `tasks`")
        if way.do and way.do == way.undo:
            yield Problem(shown, 1, "`do` and `undo` are the same", "make `undo` lead back")
        if any(step.answers for step in (*way.do, *way.undo)):
            fix = "write steps that ask nothing: they run without a terminal"
            yield Problem(shown, 1, "`answers` in a step of a way", fix)


def _leftovers(course: Course, chapter: Chapter, path: Path) -> Iterator[Problem]:
    text = chapter.source.read_text(encoding="utf-8")
    for entry in sorted(chapter.folder.iterdir()):
        if entry.name not in KNOWN:
            yield Problem(
                entry.relative_to(course.root), 1, "not a part of a chapter", "remove or move it"
            )
    for folder in ("files", "img"):
        for entry in sorted((chapter.folder / folder).glob("*")):
            if entry.name not in text and "__pycache__" not in entry.name:
                shown = entry.relative_to(course.root)
                yield Problem(shown, 1, "the chapter never mentions it", "use it or remove it")
    if not (chapter.folder / "role" / "tasks" / "main.yml").exists():
        yield Problem(path, 1, "the chapter has no role", "write role/tasks/main.yml")


def _orphan_checks(course: Course) -> Iterator[Problem]:
    slugs = {chapter.slug.replace("-", "_") for chapter in course.chapters}
    for file in sorted((course.root / "checks").glob("test_*.py")):
        if file.stem.removeprefix("test_") not in slugs:
            yield Problem(file.relative_to(course.root), 1, "no chapter has this name", "remove it")
