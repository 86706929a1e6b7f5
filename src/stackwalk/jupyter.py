"""The notebook face: magics that parse, call a verb, and show what it returns."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackwalk.cellspec import OnCell, parse_on, parse_write
from stackwalk.cellview import Head, bundle, display, failed, guarded, print_piece
from stackwalk.course import Place
from stackwalk.errors import StackwalkError, UsageError
from stackwalk.home import find_home
from stackwalk.machine.remote import slowness
from stackwalk.session import LIMIT_S, open_session, run_cell

SWITCHED_OFF = "The switch is off again, since nothing was run."
STACKWALK_LIMIT_S = 1800  # `%stackwalk machine up` makes a whole machine


def load_ipython_extension(shell: Any) -> None:
    """Registers the magics; ``%load_ext stackwalk`` calls it. Any: IPython is not typed."""
    for name, cell_magic in (("on", on), ("write", write)):
        shell.register_magic_function(guarded(cell_magic), "cell", name)
    for line_magic in (check, hint, status, next_, skip, solution, keep, drill, stackwalk):
        shell.register_magic_function(guarded(line_magic), "line", line_magic.__name__.rstrip("_"))


def on(line: str, cell: str = "") -> None:
    """``%%on web as deployer in ~``: the lines below run there, in one kept shell."""
    from stackwalk import panel
    from stackwalk.between import log_cell

    spec = parse_on(line)
    session = open_session(find_home(), spec.place)
    head = Head(spec.place)
    with _on_trial(spec):
        result = run_cell(
            session,
            cell,
            directory=spec.directory,
            limit_s=(spec.limit_s or LIMIT_S) * slowness(find_home()),  # the laptop waits for web
            show=print_piece,
            begin=head.show,
        )
    head.finish(result)
    log_cell(find_home(), str(spec.place), cell, result.exit_status)
    if result.exit_status:
        text = f"exit {result.exit_status}"
        display(text, panel.render_exit(text), frame=True)


@contextmanager
def _on_trial(spec: OnCell) -> Iterator[None]:
    """For a hazard cell the dead man's switch; nothing run, nothing to take back."""
    from stackwalk import hazard, panel

    if not spec.undo:
        yield
        return
    armed = hazard.arm(find_home(), spec)
    display(armed.sentence, panel.render_text("Dead man's switch", armed.sentence), frame=True)
    try:
        yield
    except StackwalkError:
        if not armed.is_renewed:  # one armed before guards a change that was made
            hazard.cancel(find_home(), armed.machine)
            display(SWITCHED_OFF, panel.render_text("Dead man's switch", SWITCHED_OFF), frame=True)
        raise


def write(line: str, cell: str = "") -> None:
    """``%%write web as root /etc/motd``: the lines below become that file."""
    from stackwalk import panel
    from stackwalk.between import log_cell
    from stackwalk.filecell import diff_lines, write_file

    spec = parse_write(line)
    written = write_file(find_home(), spec, cell if cell.endswith("\n") else f"{cell}\n")
    changes = diff_lines(written)
    log_cell(find_home(), str(spec.place), f"wrote {spec.path}", 0)
    where = f"{spec.place.machine} · {spec.place.user or 'you'} · {spec.path}"
    done = "new file" if written.before is None else "changed" if changes else "is so already"
    kept = [f"the old text is kept: {written.kept}"] if written.kept else []
    facts = {"place": str(spec.place), "directory": spec.path, "exit_status": 0, "ended": "done"}
    display(
        "\n".join([f"{where}: {done}", *changes, *kept]),
        panel.render_diff(f"{where}: {done}", changes, written.kept),
        facts=facts,
    )


def check(line: str) -> None:
    """``%check [chapter|task]``: looks at the machine."""
    from stackwalk import commands, panel, show

    target = _one_word(line, "%check deployer_exists")
    waiting = display("Looking…", panel.render_text("Check", "Looking…"))
    try:
        result = commands.check(find_home(), target)
    except StackwalkError as error:
        waiting.update(
            bundle(f"? {error}", panel.render_error(str(error)), failed(error)), raw=True
        )
        return
    facts = {
        "verb": "check",
        "exit_code": result.exit_code,
        "verdicts": [verdict.to_dict() for verdict in result.verdicts],
    }
    text = show.render_check(result)
    waiting.update(bundle(text, panel.render_check(result), facts), raw=True)


def hint(line: str) -> None:
    """``%hint [task] [rung]``: the next of four hints."""
    from stackwalk import commands, panel, show

    words = shlex.split(line)
    rung = int(words.pop()) if words and words[-1].isdigit() else None
    result = commands.hint(find_home(), _one_word(" ".join(words), "%hint task"), rung=rung)
    display(show.render_hint(result), panel.render_hint(result))


def status(line: str) -> None:
    """``%status [quick]``: what is met, open and locked, and what turned red since."""
    from stackwalk import commands, panel, showstack

    word = _one_word(line, "%status quick")
    if word not in (None, "quick", "--quick"):
        raise UsageError(f"`{word}` does not fit here.", next="%status   or   %status quick")
    result = commands.status(find_home(), quick=word is not None)
    text = showstack.render_status(result)
    display(text, panel.render_status(result, text))


def next_(line: str) -> None:
    """``%next``: the one thing to do now."""
    from stackwalk import commands, panel, show

    result = commands.up_next(find_home())
    display(show.render_next(result), panel.render_next(result))


def skip(line: str) -> None:
    """``%skip [task]``: pass a task by; it stays on the list."""
    from stackwalk import commands, panel, show

    result = commands.skip(find_home(), _one_word(line, "%skip task"))
    display(show.render_next(result), panel.render_next(result))


def solution(line: str) -> None:
    """``%solution [task]``: one way to do it, once met or after its last hint."""
    from stackwalk import commands, panel, show

    result = commands.solution(find_home(), _one_word(line, "%solution task"))
    display(show.render_solution(result), panel.render_solution(result))


def drill(line: str) -> None:
    """``%drill [chapter|mistake|check|give-up]``: something is broken; find it and mend it."""
    from stackwalk import panel, showdrill
    from stackwalk.commands import drill as drills

    result = drills.run(find_home(), _one_word(line, "%drill check"), say=print)
    text = showdrill.render_drill(result)
    for verb in ("drill", "hint"):
        text = text.replace(f"stackwalk {verb}", f"%{verb}")
    display(text, panel.render_text("Drill", text), facts={"exit_code": result.exit_code})


def keep(line: str) -> None:
    """``%keep [machine]``: confirms a hazard cell's change, from a new ssh session."""
    from stackwalk import hazard, panel

    kept = hazard.keep(find_home(), _one_word(line, "%keep") or "web")
    facts = {"exit_status": kept.exit_code, "ended": "done"}
    glyph = "✘" if kept.exit_code else "✔"
    text = f"{glyph} {kept.sentence}"
    display(text, panel.render_text("Keep", text), facts=facts)


def stackwalk(line: str) -> None:
    """``%stackwalk machine status``: the command line, from a cell."""
    home = find_home()
    result = run_cell(
        open_session(home, Place("laptop")),
        f"stackwalk {line}",
        limit_s=STACKWALK_LIMIT_S,
        show=print_piece,
    )
    if result.exit_status:
        print(f"exit {result.exit_status}")


def _one_word(line: str, form: str) -> str | None:
    words = line.split()
    if len(words) > 1:
        raise UsageError(f"One name is needed here, not {len(words)}.", next=form)
    return words[0] if words else None
