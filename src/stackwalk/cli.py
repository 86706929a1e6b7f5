"""The command line: parse, call a verb, show what it returns, exit with its code."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stackwalk import commands, show
from stackwalk.errors import StackwalkError
from stackwalk.home import find_clone, find_home

EXIT_CODES = "Exit codes: 0 met or done, 1 not met, 2 wrong usage, 3 could not tell."


class _Face(click.Group):
    """Shows our own errors as text; no traceback reaches a learner."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StackwalkError as error:
            click.echo(f"? {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("\nStopped. Nothing you earned is lost.", err=True)
            ctx.exit(130)


@click.group(cls=_Face, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stackwalk")
def main() -> None:
    """Learn how a Python web application is really put online."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a C locale has no ✔


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@main.command()
@click.argument("target", required=False)
@json_option
def check(target: str | None, as_json: bool) -> None:
    """Look at the machine: a task, a chapter, or the chapter you are in."""
    if sys.stderr.isatty():
        click.echo("Looking…", err=True)
    result = commands.check(find_home(), target)
    _show(result, show.render_check, as_json)
    sys.exit(result.exit_code)


@main.command()
@click.argument("task", required=False)
@click.option("--rung", type=int, help="Show a hint again: 1 to 4.")
@json_option
def hint(task: str | None, rung: int | None, as_json: bool) -> None:
    """The next of four hints; the first depends on what the last check saw."""
    _show(commands.hint(find_home(), task, rung=rung), show.render_hint, as_json)


@main.command()
@click.option("--quick", is_flag=True, help="Look at nothing; show what is remembered.")
@json_option
def status(quick: bool, as_json: bool) -> None:
    """What is met, open and locked, and what turned red since it was met."""
    from stackwalk.showstack import render_status

    if sys.stderr.isatty() and not quick:
        click.echo("Looking…", err=True)
    _show(commands.status(find_home(), quick=quick), render_status, as_json)


@main.command("next")
@json_option
def next_(as_json: bool) -> None:
    """The one thing to do now."""
    _show(commands.up_next(find_home()), show.render_next, as_json)


@main.command()
@click.argument("task", required=False)
@json_option
def skip(task: str | None, as_json: bool) -> None:
    """Pass a task by; it stays on the list to come back to."""
    _show(commands.skip(find_home(), task), show.render_next, as_json)


@main.command()
@click.argument("task", required=False)
@json_option
def solution(task: str | None, as_json: bool) -> None:
    """One way to do it; after the task is met or its last hint was taken."""
    _show(commands.solution(find_home(), task), show.render_solution, as_json)


@main.command()
@click.argument("machine", default="web")
@json_option
def keep(machine: str, as_json: bool) -> None:
    """Confirm a hazard cell's change, from a new ssh session."""
    from stackwalk import hazard

    kept = hazard.keep(find_home(), machine)
    _show(kept, lambda kept: str(kept.sentence), as_json)
    sys.exit(kept.exit_code)


@main.command()
@click.argument("what", required=False)
@click.option("--list", "only_list", is_flag=True, help="What a drill may choose from.")
@json_option
def drill(what: str | None, only_list: bool, as_json: bool) -> None:
    """Break your own server, to find out what it is and mend it.

    WHAT is nothing (any chapter that is met), a chapter, a mistake; or, while a drill runs,
    `check` (what is still red) or `give-up` (mends it, and tells).
    """
    from stackwalk import showdrill
    from stackwalk.commands import drill as drills

    home = find_home()
    if only_list:
        _show(
            {"drills": drills.list_drills(home)},
            lambda it: showdrill.render_list(it["drills"]),
            as_json,
        )
        return
    result = drills.run(home, what, say=say)
    _show(drills.told(result) if as_json else result, showdrill.render_drill, as_json)
    sys.exit(result.exit_code)


@main.command()
@click.argument("machine", default="web")
@click.option("--yes", is_flag=True, help="Mend what is found without asking.")
@click.option("--look", is_flag=True, help="Only look; change nothing.")
@json_option
def rescue(machine: str, yes: bool, look: bool, as_json: bool) -> None:
    """Locked out? Come in past ssh, see which line did it, mend it."""
    from stackwalk import showrescue
    from stackwalk.commands.rescue import rescue as run

    def ask(finding: Any) -> bool:  # Any: a Finding, imported only here
        if yes or look or not sys.stdin.isatty():
            return yes and not look
        say(f"\n{showrescue.render_finding(finding)}")
        return click.confirm("Mend it?", default=True, err=True)

    result = run(find_home(), machine, may_mend=ask, say=say)
    _show(result, showrescue.render_rescue, as_json)
    if result.is_helpless and sys.stdin.isatty() and not (look or as_json):
        from stackwalk.cli_rewind import offer_newest

        offer_newest(machine)
    sys.exit(result.exit_code)


@main.command()
@click.argument("mode", type=click.Choice(["guided", "free"]))
def mode(mode: str) -> None:
    """Guided: chapters open one after another. Free: all at once."""
    notes = commands.set_mode(find_home(), "free" if mode == "free" else "guided")
    says = "every chapter" if mode == "free" else "chapters one after another"
    click.echo("\n".join([f"mode: {mode}; {says}, in {find_home().notebooks}", *notes]))


@main.command("sample-app")
@click.argument("folder", type=click.Path(path_type=Path))
def sample_app(folder: Path) -> None:
    """Copy the course's sample app into a new FOLDER."""
    from stackwalk.commands.sampleapp import copy_sample_app

    copied = copy_sample_app(find_clone(), folder)
    click.echo(f"{copied} files of the sample app are in {folder}")


@main.command()
@click.option("--yes", is_flag=True, help="Install what is missing without asking.")
@click.option("--check-only", is_flag=True, help="Stop before the machine.")
@click.option("--no-browser", is_flag=True, help="Print the address of the lab.")
def start(yes: bool, check_only: bool, no_browser: bool) -> None:
    """Set up, bring the machine up, open the lab."""
    from stackwalk.commands.start import start as run

    sys.exit(run(find_home(), yes=yes, check_only=check_only, browser=not no_browser, say=say))


def say(text: str) -> None:
    """Talk goes to stderr, data to stdout."""
    click.echo(text, err=True)


def _show(result: Any, render: Callable[[Any], str], as_json: bool) -> None:
    text = json.dumps(_plain(result), indent=1, ensure_ascii=False) if as_json else render(result)
    click.echo(text)


def _plain(value: Any) -> Any:
    """A record as JSON can hold it; the course itself is not repeated in each answer."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in ("course", "folder", "mistakes", "path", "ways")
        }
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _add_groups() -> None:
    from stackwalk.cli_author import author
    from stackwalk.cli_machine import machine, play
    from stackwalk.cli_rewind import catch_up

    main.add_command(machine)
    main.add_command(catch_up)
    main.add_command(play)
    main.add_command(author)


_add_groups()
