"""``stackwalk machine …`` and ``stackwalk play``: the machine's part of the command line."""

import dataclasses
import json
import subprocess
import sys

import click

from stackwalk import machine as machines
from stackwalk.cli_rewind import console, reset, restore, snapshot_, snapshots
from stackwalk.errors import UsageError
from stackwalk.home import find_home

name_argument = click.argument("name", default="web")


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.group()
def machine() -> None:
    """Your server: up, halt, destroy, status, ssh, snapshots, and the ways back."""


for command in (snapshot_, snapshots, restore, reset, console):
    machine.add_command(command)


@machine.command()
@name_argument
def up(name: str) -> None:
    """Make or start the machine."""
    click.echo(machines.up(find_home(), name, say=_say).sentence)


@machine.command()
@name_argument
def halt(name: str) -> None:
    """Switch it off; everything on it stays."""
    click.echo(machines.halt(find_home(), name, say=_say).sentence)


@machine.command()
@name_argument
def reboot(name: str) -> None:
    """Restart it, and wait until it answers."""
    click.echo(machines.reboot(find_home(), name, say=_say).sentence)


@machine.command()
@name_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(name: str, yes: bool) -> None:
    """Delete the machine with everything on it; your progress and files stay."""
    from stackwalk.machine import snapshot

    if not yes:
        kept = ", ".join(each.label for each in snapshot.load(find_home(), name))
        also = f", and its snapshots: {kept}" if kept else ""
        _say(
            f"This deletes {name} and everything on it{also}. "
            "Your progress, notebooks and keys stay."
        )
        if not sys.stdin.isatty():
            raise UsageError(
                f"Deleting {name} wants a yes, and there is no terminal to ask in.",
                safe="Nothing was deleted.",
                next=f"stackwalk machine destroy {name} --yes",
            )
        if not click.confirm(f"Delete {name}?", err=True):
            _say("Nothing was deleted.")
            sys.exit(1)
    machines.destroy(find_home(), name, say=_say)
    click.echo(f"{name} is gone. A new one: stackwalk machine up {name}")


@machine.command()
@name_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(name: str, as_json: bool) -> None:
    """How the machine is, and where it answers."""
    result = machines.status(find_home(), name)
    click.echo(json.dumps(dataclasses.asdict(result)) if as_json else _describe(result))


def _describe(status: machines.MachineStatus) -> str:
    lines = [status.sentence]
    if status.state == "running":
        lines += [
            f"  address    {status.address} (the machine's own, on its private network)",
            f"  ssh        {status.ssh_host} port {status.ssh_port}",
            *(f"  {what:<10} 127.0.0.1 port {port}" for what, port in status.ports.items()),
        ]
    return "\n".join(lines)


@machine.command(context_settings={"ignore_unknown_options": True})  # `ls -l` is the machine's
@name_argument
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, command: tuple[str, ...]) -> None:
    """Open a shell on it as the management account (or run one command)."""
    argv = machines.ssh_command(find_home(), name, tty=not command)
    sys.exit(subprocess.run([*argv, *command], check=False).returncode)


@click.command()
@click.argument("chapters", nargs=-1, required=True)
@click.option("--machine", "name", default="web")
def play(chapters: tuple[str, ...], name: str) -> None:
    """Do chapters by script: their Ansible roles, run inside the machine."""
    from stackwalk.commands.play import play as run

    sys.exit(run(find_home(), chapters, name=name, say=_say, ask=ask, out=click.echo))


def ask(question: str) -> str | None:
    """A secret typed unseen; none where no terminal is."""
    return str(click.prompt(question, hide_input=True, err=True)) if sys.stdin.isatty() else None
