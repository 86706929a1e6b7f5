"""Back to how the machine was: ``machine snapshot``, ``restore``, ``reset``, and ``catch-up``."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING

import click

from stackwalk import showrewind as show
from stackwalk.errors import UsageError
from stackwalk.home import find_home

if TYPE_CHECKING:
    from stackwalk.commands.catchup import Plan
    from stackwalk.commands.rewind import RestorePlan

name_option = click.option("--machine", "name", default="web", help="Which machine.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command("snapshot")
@click.argument("label", default="")
@click.option("--remove", is_flag=True, help="Remove the snapshot LABEL instead.")
@name_option
def snapshot_(label: str, remove: bool, name: str) -> None:
    """Keep the machine as it is now, under LABEL; it goes on running."""
    from stackwalk.machine import snapshot

    if remove:
        _require_label(label)
        gone = snapshot.remove(find_home(), name, label)
        click.echo(f"the snapshot {gone.label} of {name} is gone ({show.size(gone)})")
        return
    taken = snapshot.take(find_home(), name, label)
    click.echo(f"{name} is kept as {taken.label} ({show.size(taken)})")


@click.command("snapshots")
@name_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshots(name: str, as_json: bool) -> None:
    """The snapshots there are, and what they cost on the disk."""
    from stackwalk.machine import snapshot

    there = snapshot.load(find_home(), name)
    rows = {"snapshots": [dataclasses.asdict(each) for each in there]}
    click.echo(json.dumps(rows) if as_json else show.render_snapshots(name, there))


@click.command()
@click.argument("label", default="")
@name_option
@yes_option
def restore(label: str, name: str, yes: bool) -> None:
    """Put the machine back to the snapshot LABEL, or to the newest; asks first."""
    from stackwalk.commands import rewind

    plan = rewind.plan_restore(find_home(), name, label)
    _restore(plan, command=f"stackwalk machine restore {plan.snapshot.label}", yes=yes)


def offer_newest(name: str) -> None:
    """Where nothing else helped: ask whether to go back to the newest snapshot, if there is one."""
    from stackwalk.commands import rewind
    from stackwalk.machine import snapshot

    if snapshot.load(find_home(), name):
        plan = rewind.plan_restore(find_home(), name, "")
        _restore(plan, command="stackwalk machine restore", yes=False)


@click.command()
@click.argument("chapter", default="")
@yes_option
def reset(chapter: str, yes: bool) -> None:
    """Back to the start of CHAPTER, or of the one you are in; asks first."""
    from stackwalk.commands import rewind

    plan = rewind.plan_reset(find_home(), chapter)
    command = f"stackwalk machine reset {chapter}".strip()
    if isinstance(plan, rewind.RestorePlan):
        _restore(plan, command=command, yes=yes)
    else:
        _catch_up(plan, command=command, yes=yes)


@click.command("catch-up")
@click.argument("chapter")
@yes_option
def catch_up(chapter: str, yes: bool) -> None:
    """Bring a blank machine to the start of CHAPTER, by the roles of those before it."""
    from stackwalk.commands.catchup import plan_catch_up

    plan = plan_catch_up(find_home(), chapter)
    _catch_up(plan, command=f"stackwalk catch-up {chapter}", yes=yes)


@click.command()
@click.argument("name", default="web")
def console(name: str) -> None:
    """A root shell on the machine that needs no ssh, for when ssh lets nobody in."""
    from stackwalk.machine.console import open_console

    if not sys.stdin.isatty():
        raise UsageError(
            "A console needs a terminal, and there is none here.",
            next=f"in the terminal beside the notebook: stackwalk machine console {name}",
        )
    sys.exit(open_console(find_home(), name, begin=lambda: _say(show.CONSOLE)))


def _restore(plan: "RestorePlan", *, command: str, yes: bool) -> None:
    from stackwalk.commands import rewind

    question = f"Put {plan.name} back to {plan.snapshot.label}?"
    _require_yes(show.render_restore_plan(plan), question=question, command=command, yes=yes)
    done = rewind.restore(find_home(), plan, say=_say)
    click.echo(show.render_restored(done))
    sys.exit(1 if done.missing else 0)


def _catch_up(plan: "Plan", *, command: str, yes: bool) -> None:
    from stackwalk.cli_machine import ask
    from stackwalk.commands import catchup

    question = f"Bring web to {plan.where}?"
    _require_yes(show.render_catch_up_plan(plan), question=question, command=command, yes=yes)
    done = catchup.catch_up(plan, say=_say, ask=ask)
    click.echo(show.render_caught_up(done))
    sys.exit(1 if done.missing else 0)


def _require_label(label: str) -> None:
    if not label:
        raise UsageError("Which snapshot?", next="stackwalk machine snapshots lists them")


def _require_yes(lost: str, *, question: str, command: str, yes: bool) -> None:
    """Says what is lost and goes on after a yes only."""
    _say(lost)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "This wants a yes, and there is no terminal to ask in.",
            safe="Nothing was changed.",
            next=f"{command} --yes",
        )
    if not click.confirm(question, err=True):
        _say("Nothing was changed.")
        sys.exit(1)
