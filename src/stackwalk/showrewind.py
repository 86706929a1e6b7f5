"""Snapshots, restore, reset and catch-up as plain text: what is lost, what is kept."""

from __future__ import annotations  # the records are shown, never made here

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stackwalk.show import GLYPHS
from stackwalk.verdict import Verdict

if TYPE_CHECKING:
    from stackwalk.commands.catchup import CaughtUp, Plan
    from stackwalk.commands.rewind import Restored, RestorePlan
    from stackwalk.machine.snapshot import Snapshot


MIB = 2**20
CONSOLE = """\
You are root, and nothing asks twice. This way needs no ssh: it is what a provider's web console is.
exit ends it; on a virtual machine press Ctrl and ] after that."""


def size(snapshot: Snapshot) -> str:
    """``271 MiB``; not every provider can tell."""
    return f"{snapshot.size_bytes / MIB:.0f} MiB" if snapshot.size_bytes else "size unknown"


def render_snapshots(name: str, there: Sequence[Snapshot]) -> str:
    """One line for each, oldest first, and the sum."""
    if not there:
        return f"{name} has no snapshots. stackwalk machine snapshot takes one."
    lines = [
        f"{each.label:<24} {_when(each)}  {size(each):>12}  {'by itself' if each.automatic else ''}"
        for each in there
    ]
    total = sum(each.size_bytes for each in there) / MIB
    cost = f"together {total:.0f} MiB of this computer's disk" if total else "sizes unknown"
    return "\n".join(
        [
            *(line.rstrip() for line in lines),
            cost,
            "back to one: stackwalk machine restore LABEL     "
            "away with one: stackwalk machine snapshot --remove LABEL",
        ]
    )


def render_restore_plan(plan: RestorePlan) -> str:
    """What a restore does and what is lost by it."""
    lines = [
        f"This puts {plan.name} back to the snapshot {plan.snapshot.label}, "
        f"taken on {_when(plan.snapshot)}.",
        f"  lost       all that happened on {plan.name} since then",
        *(f"             {task.id}, met on {plan.name} since" for task in plan.met_since),
        "  kept       your progress, your notebooks, your working folder, the other snapshots",
    ]
    return "\n".join(lines)


def render_restored(done: Restored) -> str:
    """That it is done, and what earlier chapters miss nevertheless."""
    at = f"{done.plan.name} is as it was on {_when(done.plan.snapshot)}."
    return "\n".join([at, *_missing(done.missing), "next: stackwalk check"])


def render_catch_up_plan(plan: Plan) -> str:
    """What a catch-up does and what is lost by it."""
    played = ", ".join(chapter.number for chapter in plan.earlier) or "none"
    lines = [
        f"This makes a blank web and brings it to {plan.where}.",
        "  lost       everything on web, and its snapshots",
        "  kept       your progress, your notebooks, and your working folder",
        f"  by script  chapters {played}",
    ]
    if plan.skipped:
        count = f"{len(plan.skipped)} task{'s' if len(plan.skipped) > 1 else ''}"
        lines.append(f"  skipped    {count} before it that you have not met: to come back to")
    return "\n".join(lines)


def render_caught_up(done: CaughtUp) -> str:
    """How long it took, what is not met nevertheless, and where to go on."""
    took = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in done.seconds.items())
    head = f"web is at {done.plan.where}: {took}."
    return "\n".join([head, *_missing(done.missing), *done.notes, "next: stackwalk next"])


def _missing(verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for verdict in verdicts:
        said = verdict.what or f"waits for {verdict.waits_for}"
        lines += [f"{GLYPHS[verdict.status]} {verdict.task:<22} {said}"]
        lines += [f"    look at    {verdict.look}"] if verdict.look else []
    if verdicts:
        lines.append("What is yours, such as your keys, was not changed: mend these by hand.")
    return lines


def _when(snapshot: Snapshot) -> str:
    if not snapshot.taken_at:
        return "an unknown day"
    return snapshot.taken_at.replace("T", " ").replace("Z", " UTC")
