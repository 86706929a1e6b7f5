"""A rescue as plain text: who comes in, what did it, what was mended, what is left to do."""

import textwrap

from stackwalk.commands.rescue import RescueResult
from stackwalk.machine.shut import Finding, Mended, Way
from stackwalk.show import WIDTH


def render_rescue(result: RescueResult) -> str:
    """The outcome; the findings were shown when they were asked about, and stand here again."""
    lines = _ways(result.before)
    for finding in result.found:
        done = [line for each in result.mended if each.finding == finding for line in _mended(each)]
        lines += ["", *render_finding(finding, is_open=not done).split("\n"), *done]
    if result.mended:
        lines += ["", "new logins:", *_ways(result.after)]
    return "\n".join([*lines, "", *_end(result)])


def render_finding(finding: Finding, *, is_open: bool = True) -> str:
    """The cause, in words, and the line that did it; of an open one, what mending it would do."""
    where = finding.file + (f", line {finding.line}" if finding.line else "")
    did_it = f"{where}\n{finding.text}" if finding.file else finding.evidence
    fold = textwrap.TextWrapper(WIDTH, initial_indent="    ", subsequent_indent="    ")
    lines = [f"✘ {finding.title}", *fold.wrap(" ".join(finding.says.split()))]
    first, *more = did_it.split("\n")
    lines += [f"    did it     {first}", *(f"               {line}" for line in more)]
    plan = textwrap.TextWrapper(WIDTH, initial_indent="    mending    ", subsequent_indent=" " * 15)
    lines += plan.wrap(" ".join(finding.does.split())) if is_open else []
    return "\n".join(lines)


def _ways(ways: tuple[Way, ...]) -> list[str]:
    return [
        f"✔ {way.user:<10} comes in"
        if way.works
        else f"✘ {way.user:<10} does not come in: {way.why}"
        for way in ways
    ]


def _mended(mended: Mended) -> list[str]:
    head = "mended     " if mended.done else "not mended "
    lines = mended.lines or ("nothing had to be changed any more",)
    return [f"    {head if not at else ' ' * len(head)}{line}" for at, line in enumerate(lines)]


def _end(result: RescueResult) -> list[str]:
    name = result.machine
    if not result.found and not result.is_shut:
        return [f"Nothing is shut: {name} lets in who should come in."]
    if result.left and not result.mended:
        return [
            "Nothing was changed on the machine or in your progress.",
            f"  next       stackwalk rescue {name}   (asks before each; --yes mends all)",
        ]
    if not result.is_shut and not result.left:
        return [
            f"{name} is open again, and nothing of your work on it was removed.",
            "Files that were changed lie beside themselves as they were: *.before-rescue",
        ]
    if not result.is_shut:
        return [f"{name} is open; what is marked as not mended above is left."]
    if result.after[0].works:
        return [*_log(result), *_own_side(result)]
    return [*_log(result), *_last_resorts(name)]


def _log(result: RescueResult) -> list[str]:
    if not result.log:
        return []
    return ["the last that ssh wrote on the machine:", *(f"    {line}" for line in result.log), ""]


def _own_side(result: RescueResult) -> list[str]:
    """The course comes in and the learner does not: what is left is rarely on the machine."""
    user = next(way.user for way in result.after if not way.works)
    return [
        f"{result.machine} lets the course in and {user} not; on it nothing is wrong.",
        "  look at    your own side: ssh_config, the key and known_hosts in your working folder",
        f"  next       there: ssh -v -F ssh_config {result.machine}   (it tells every step)",
    ]


def _last_resorts(name: str) -> list[str]:
    """From what keeps most to what keeps least."""
    return [
        f"{name} is still shut, for a reason this command does not know.",
        "  safe       your progress, notebooks and keys are on this computer, not on the machine",
        f"  next       stackwalk machine console {name}   look for yourself, as root, without ssh",
        "             stackwalk machine restore       back to the newest snapshot",
        "             stackwalk machine reset         back to the start of your chapter; without a",
        "             snapshot a new machine, and the chapters before it done by script",
    ]
