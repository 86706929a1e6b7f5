"""``restore`` and ``reset``: back to how the machine was, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass

from stackwalk.commands.catchup import Plan, look_at, plan_catch_up
from stackwalk.commands.desk import current_chapter, find_chapter, open_desk
from stackwalk.course import Chapter, Task
from stackwalk.home import Home
from stackwalk.machine import snapshot
from stackwalk.machine.snapshot import Snapshot
from stackwalk.verdict import Verdict

NAME = "web"


@dataclass(frozen=True)
class RestorePlan:
    """A snapshot, and the tasks that were met since on the machine it would replace."""

    name: str
    snapshot: Snapshot
    met_since: tuple[Task, ...]
    earlier: tuple[Chapter, ...] = ()  # what the machine shall meet afterwards; none: not looked at


@dataclass(frozen=True)
class Restored:
    """What was done; ``missing`` are tasks of earlier chapters that are not met nevertheless."""

    plan: RestorePlan
    missing: tuple[Verdict, ...] = ()


def plan_restore(home: Home, name: str, label: str) -> RestorePlan:
    """What a restore would do; the newest snapshot without a label. Changes nothing.

    Raises:
        UsageError: there is no such snapshot.
    """
    found = snapshot.find(home, name, label)
    desk = open_desk(home)
    since = [t for t in desk.course.tasks if desk.progress.of(t.id).met_at > found.taken_at]
    return RestorePlan(name, found, tuple(since))


def plan_reset(home: Home, name: str = "") -> RestorePlan | Plan:
    """The way back to the start of a chapter; without a name, of the one the learner is in.

    The snapshot taken as the chapter before was finished, where there is one; else a catch-up.
    """
    desk = open_desk(home)
    chapter = find_chapter(desk.course, name) if name else current_chapter(desk)
    if chapter is None:
        return plan_catch_up(home, name)  # says what is wrong with it
    earlier = desk.course.chapters[: desk.course.chapters.index(chapter)]
    labels = {each.label for each in snapshot.load(home, NAME) if each.automatic}
    if not earlier or earlier[-1].name not in labels:
        return plan_catch_up(home, chapter.name)
    plan = plan_restore(home, NAME, earlier[-1].name)
    return RestorePlan(plan.name, plan.snapshot, plan.met_since, earlier)


def restore(home: Home, plan: RestorePlan, *, say: Callable[[str], None]) -> Restored:
    """Puts the machine back, and after a reset looks whether earlier chapters are met."""
    snapshot.restore(home, plan.name, plan.snapshot.label, say=say)
    if not plan.earlier:
        return Restored(plan)
    return Restored(plan, look_at(home, open_desk(home).course, plan.earlier))
