"""Which mistakes a drill may choose from: of chapters that are met, and not the last ones again."""

from collections.abc import Sequence

from stackwalk.commands.desk import Desk, find_chapter, find_task, machine_can
from stackwalk.course import Mistake
from stackwalk.drillbook import find_mistake, mistake_id
from stackwalk.errors import UsageError


def choices(desk: Desk, wanted: str | None) -> Sequence[Mistake]:
    possible = possible_mistakes(desk)
    if wanted is None:
        if not possible:
            raise UsageError(
                "A drill breaks what you have built: no chapter is met to its end yet.",
                safe="Nothing was touched.",
                next="stackwalk next",
            )
        return _fresh(desk, possible)
    mistake, chapter = find_mistake(desk.course, wanted), find_chapter(desk.course, wanted)
    if mistake is None and chapter is None:
        find_task(desk.course, wanted)  # raises, naming what is near
        raise UsageError(
            f"{wanted} is a task; a drill is a mistake, or a chapter to choose one from.",
            next="stackwalk drill --list",
        )
    asked = [mistake] if mistake else list(chapter.mistakes) if chapter else []
    chosen = [each for each in asked if each in possible]
    if not chosen:
        home_of = chapter or desk.course.chapter_of(asked[0].task)
        raise UsageError(
            f"A drill of chapter {home_of.number} comes after its tasks are met.",
            safe="Nothing was touched.",
            next="stackwalk next",
        )
    return _fresh(desk, chosen)


def possible_mistakes(desk: Desk) -> list[Mistake]:
    """The mistakes of the chapters of which every task is met, or cannot be met here."""
    can = machine_can(desk.home)
    possible = []
    for chapter in desk.course.chapters:
        tasks = {task.id: task for task in chapter.tasks if set(task.can) <= can}
        if tasks and all(desk.progress.of(task_id).met_at for task_id in tasks):
            possible += [mistake for mistake in chapter.mistakes if mistake.task in tasks]
    return possible


def _fresh(desk: Desk, mistakes: Sequence[Mistake]) -> Sequence[Mistake]:
    """Those that were not drilled lately; of all, the half that is longest ago."""
    lately = [over.mistake for over in desk.progress.drilled][-(len(mistakes) // 2) :]
    last = set(lately) if len(mistakes) > 1 else set()
    return [each for each in mistakes if mistake_id(desk.course, each) not in last] or mistakes
