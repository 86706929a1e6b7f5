"""``stackwalk author …``: for those who write chapters."""

import sys
from typing import TYPE_CHECKING

import click

from stackwalk.errors import StackwalkError
from stackwalk.home import find_clone, find_home

if TYPE_CHECKING:
    from stackwalk.chapterwalk import Proofs


@click.group()
def author() -> None:
    """Write chapters, and show what can go wrong: new, check, build, walk, show."""


@author.command("check")
def check_() -> None:
    """Read every chapter as strictly as a compiler."""
    from stackwalk.authoring import find_problems

    problems = find_problems(find_clone())
    for problem in problems:
        click.echo(str(problem))
    click.echo(f"{len(problems)} problems" if problems else "no problems", err=True)
    sys.exit(1 if problems else 0)


@author.command()
@click.argument("number")
@click.argument("slug")
def new(number: str, slug: str) -> None:
    """Make chapter NUMBER SLUG from the skeleton."""
    from stackwalk.scaffold import new_chapter

    for path in new_chapter(find_clone(), number, slug):
        click.echo(path)


@author.command()
@click.option("--check", is_flag=True, help="Compare only; say which command to run.")
@click.option("--strict", is_flag=True, help="Captures that are missing or stale are problems.")
@click.option("--site", is_flag=True, help="Also make the pages and build the site.")
def build(check: bool, strict: bool, site: bool) -> None:
    """Make the notebooks (and with --site the pages) from the chapters."""
    from stackwalk import build as builder
    from stackwalk.load import load_course

    course = load_course(find_clone())
    problems = builder.build_notebooks(course, check=check)
    if site and not problems:
        problems = builder.build_site(course, strict=strict)
    for problem in problems:
        click.echo(str(problem))
    sys.exit(1 if problems else 0)


@author.command("show")
@click.argument("mistake")
@click.option("--keep", is_flag=True, help="Leave it broken; --mend takes it back later.")
@click.option("--mend", "only_mend", is_flag=True, help="Only take it back.")
def show_(mistake: str, keep: bool, only_mend: bool) -> None:
    """Make a mistake before a class: the symptom, the verdict, the first hint; then mend it."""
    from stackwalk import showdrill
    from stackwalk.commands import showing

    home = find_home()
    if not only_mend:
        click.echo(showdrill.render_shown(showing.make_mistake(home, mistake)))
    if keep:
        click.echo(f"\nIt stays so. To take it back: stackwalk author show {mistake} --mend")
        return
    try:
        if not only_mend and sys.stdin.isatty():
            click.prompt("\nEnter mends it", default="", show_default=False, prompt_suffix=" ")
    finally:  # Ctrl-C, too, leaves a whole machine
        task = showing.mend_mistake(home, mistake)
    click.echo(f"✔ mended: {task.id} is met again")


@author.command()
@click.argument("chapters", nargs=-1)
@click.option("--record", is_flag=True, help="Keep the outputs as captures beside the chapters.")
@click.option("--keep", is_flag=True, help="Leave the machine for a look afterwards.")
@click.option(
    "--proofs",
    type=click.Choice(["all", "capable", "none"]),
    default="all",
    help="Which mistakes and other ways: all; those only a capable machine can prove; none.",
)
@click.option("--caught-up", is_flag=True, help="Bring earlier chapters by their roles.")
@click.option(
    "--by-role", is_flag=True, help="Bring these by their roles, too, and run only their proofs."
)
def walk(
    chapters: tuple[str, ...],
    record: bool,
    keep: bool,
    proofs: "Proofs",
    caught_up: bool,
    by_role: bool,
) -> None:
    """Execute the chapters from a blank machine, as a learner would, in STACKWALK_HOME.

    The machine of STACKWALK_HOME is destroyed first: give the walk a home of its own.
    """
    from stackwalk.walk import WalkOptions, walk_course

    home = find_home()
    if home.progress_file.exists() and not (home.root / ".walk").exists():
        raise StackwalkError(
            f"{home.root} holds somebody's progress, and the walk begins by destroying machines.",
            safe="Nothing was touched.",
            next="STACKWALK_HOME=/tmp/walk stackwalk author walk",
        )
    report = walk_course(
        find_clone(),
        home,
        WalkOptions(
            chapters,
            record=record,
            keep=keep,
            proofs=proofs,
            caught_up=caught_up,
            by_role=by_role,
        ),
        say=lambda text: click.echo(text),
    )
    click.echo(report.text)
    sys.exit(0 if report.is_green else 1)
