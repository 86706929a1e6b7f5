"""``check``, and a snapshot of each chapter that is finished by it."""

from dataclasses import replace

from stackwalk.commands import look
from stackwalk.commands.desk import machine_can
from stackwalk.commands.look import CheckResult
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.machine.record import is_kept

NAME = "web"
MIB = 2**20


def check(home: Home, target: str | None = None) -> CheckResult:
    """Looks (see ``look.check``), and keeps the machine as it is when a chapter is finished."""
    result = look.check(home, target)
    note = keep_finished(home, result)
    return replace(result, notes=(*result.notes, note)) if note else result


def keep_finished(home: Home, result: CheckResult) -> str:
    """Takes the chapter's snapshot if the whole chapter is met on this machine and it has none.

    Returns:
        What there is to say of it; empty when there was nothing to do. A snapshot that fails is
        said and changes nothing about the check.
    """
    chapter = result.chapter
    try:
        if not _is_due(home, result):
            return ""
        from stackwalk.machine import snapshot

        taken = snapshot.take(home, NAME, chapter.name, automatic=True)
    except (StackwalkError, OSError) as error:
        return f"no snapshot was taken ({str(error).splitlines()[0]}); your check stands as it is."
    return (
        f"Chapter {chapter.number} is finished: {NAME} as it is now is kept as the snapshot "
        f"{taken.label} ({taken.size_bytes // MIB} MiB)."
    )


def _is_due(home: Home, result: CheckResult) -> bool:
    """Progress says it first, as that is quick; then the machine itself has to."""
    seen, chapter = {each.task: each.status for each in result.verdicts}, result.chapter
    if result.exit_code != 0 or is_kept(home, NAME, chapter.name):
        return False
    can = machine_can(home)
    rest = [task for task in chapter.tasks if task.id not in seen and set(task.can) <= can]
    if not all(result.progress.of(task.id).met_at for task in rest):
        return False
    from stackwalk.commands.catchup import look_at

    return not rest or not look_at(home, result.course, [chapter])
