"""The status as plain text: the machine, what turned red since it was met, every chapter."""

from __future__ import annotations  # the records are shown, never made here

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stackwalk import stackmap
from stackwalk.course import Chapter, Task
from stackwalk.progress import opens_after

if TYPE_CHECKING:
    from stackwalk.between import Ran
    from stackwalk.commands.stack import Red, StatusResult


WIDTH = 96
RAN_SHOWN = 12


def render_status(result: StatusResult) -> str:
    """Every chapter and task with its mark, and how the machine is."""
    lines = [f"machine   {result.machine}", f"mode      {result.progress.mode}"]
    if result.not_seen:
        lines.append(f"seen      nothing now: {result.not_seen}. What follows is remembered.")
    if result.red:
        lines += [f"stack     {stackmap.line_of_red(result.red_layers)}", "", *render_red(result)]
    lines.append("")
    for chapter in result.course.chapters:
        lines += _chapter_lines(chapter, result)
    return "\n".join([*lines, *result.notes])


def render_red(result: StatusResult) -> list[str]:
    """What turned red, root causes only, and what was run since it was last green."""
    lines = ["Met once, and not met now (nothing is locked again):"]
    if result.progress.drill:  # what the check saw would give the drill away
        return [*lines, *(f"✘ {red.verdict.task:<22} {red.title}" for red in result.red)]
    for red in result.red:
        lines += _red_lines(red)
    lines += [
        "",
        "Run since it was last green (secrets masked; what a root shell did is not seen):",
    ]
    shown = result.ran[-RAN_SHOWN:]
    lines += [f"  … {len(result.ran) - len(shown)} more before"] * (len(result.ran) > len(shown))
    lines += [_ran_line(ran) for ran in shown]
    return lines if shown else [*lines, "  no cell, and no command with sudo"]


def _red_lines(red: Red) -> list[str]:
    verdict = red.verdict
    waiting = f"  waiting for it   {', '.join(red.waiting)}"
    return [
        f"✘ {verdict.task:<22} {verdict.what}",
        f"    expected   {verdict.expected}",
        f"    found      {verdict.found}",
        f"    look at    {verdict.look}",
        f"    last green {_moment(red.last_green_at)}, {_ago(red.last_green_at)} ago",
        *([f"  {waiting}"] if red.waiting else []),
    ]


def _ran_line(ran: Ran) -> str:
    text = " ; ".join(line.strip() for line in ran.text.splitlines() if line.strip())
    end = f"  (exit {ran.exit_status})" if ran.exit_status > 0 else ""
    head = f"  {ran.at[11:16]}  {ran.where:<16} "
    return f"{head}{textwrap.shorten(text, WIDTH - len(head), placeholder=' …')}{end}"


def _moment(at: str) -> str:
    """``2026-11-21 09:30 UTC``."""
    return f"{at[:10]} {at[11:16]} UTC"


def _ago(at: str) -> str:
    minutes = int((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _chapter_lines(chapter: Chapter, result: StatusResult) -> list[str]:
    met = sum(1 for task in chapter.tasks if result.progress.of(task.id).met_at)
    title, count = f"{chapter.number} {chapter.title}", f"{met} of {len(chapter.tasks)} met"
    if red := sum(1 for each in result.red if each.chapter == chapter):
        count = f"{count}, {red} red now"
    lines = [f"{title}{' ' * max(2, WIDTH - len(title) - len(count))}{count}"]
    if chapter not in result.open_chapters:
        left = opens_after(result.course, result.progress, chapter)
        return [*lines, f"  locked (read it freely); opens after {left[0].id}", ""]
    return [*lines, *(f"  {_mark(task, result)}" for task in chapter.tasks), ""]


def _mark(task: Task, result: StatusResult) -> str:
    record = result.progress.of(task.id)
    waits = {other: red.verdict.task for red in result.red for other in red.waiting}
    if record.is_red:
        return f"✘ {task.id:<22} {task.title} (met on {record.met_at[:10]}, not met now)"
    if record.met_at and task.id in waits:
        return f"… {task.id:<22} {task.title} (met on {record.met_at[:10]}, waits)"
    if record.met_at:
        return f"✔ {task.id:<22} {task.title}"
    if record.is_impossible:
        return f"⊘ {task.id:<22} {task.title} (not possible here)"
    if record.skipped_at:
        return f"↷ {task.id:<22} {task.title} (skipped: come back)"
    return f"○ {task.id:<22} {task.title}"
