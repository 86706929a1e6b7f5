"""``rescue``: a machine that lets nobody in is looked at from inside, and mended on request."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stackwalk.home import Home
from stackwalk.machine import forward
from stackwalk.machine.backdoor import NoBackDoor
from stackwalk.machine.remote import require_up
from stackwalk.machine.shut import (
    Finding,
    Inside,
    Mended,
    Way,
    learn_host_keys,
    look_inside,
    mend,
    try_ways,
)

MOST = 12  # causes looked at in one rescue; a mend that does not hold must not go on for ever


@dataclass(frozen=True)
class RescueResult:
    """Who came in before, what was found and mended, and who comes in now."""

    machine: str
    before: tuple[Way, ...]
    found: tuple[Finding, ...]
    mended: tuple[Mended, ...]
    after: tuple[Way, ...]
    left: tuple[Finding, ...] = ()  # seen at the last look
    log: tuple[str, ...] = ()  # the last lines of ssh's own log

    @property
    def is_shut(self) -> bool:
        return any(not way.works for way in self.after)

    @property
    def is_helpless(self) -> bool:
        """Not even the engine comes in, though everything known was tried."""
        return not self.after[0].works and len(self.mended) == len(self.found)

    @property
    def exit_code(self) -> int:
        """0 nothing is wrong any more, 1 something found is left, 3 shut and nobody knows why."""
        if self.left:
            return 1
        return 3 if self.is_shut else 0


def rescue(
    home: Home,
    name: str = "web",
    *,
    may_mend: Callable[[Finding], bool],
    say: Callable[[str], None],
) -> RescueResult:
    """Finds what shuts people out of a running machine; mends what ``may_mend`` says yes to.

    Raises:
        NotUp: the machine is off or was never made.
        NoBackDoor: ssh is shut, and there is no other way in.
    """
    require_up(home, name)
    say(f"Looking at {name} from inside, past its ssh.")
    try:
        inside = look_inside(home, name)
    except NoBackDoor:
        ways = try_ways(home, name, ())
        if not all(way.works for way in ways):
            raise
        return RescueResult(name, ways, (), (), ways)
    before = after = _try(home, name, inside, say)
    found: list[Finding] = []
    mended: list[Mended] = []
    while len(found) < MOST:
        done = len(mended)
        inside = _mend_found(home, name, inside, found, mended, may_mend)
        if len(mended) == done:
            break
        say("Trying new logins.")
        after = _try(home, name, inside, say)
        if all(way.works for way in after):
            break
        inside = look_inside(home, name)  # a login that failed just now may show one more cause
    return RescueResult(
        name, before, tuple(found), tuple(mended), after, inside.findings, inside.log
    )


def _mend_found(
    home: Home,
    name: str,
    inside: Inside,
    found: list[Finding],
    mended: list[Mended],
    may_mend: Callable[[Finding], bool],
) -> Inside:
    """Each cause not met before, on to ``found`` and ``mended``; what is seen after it."""
    while finding := next((each for each in inside.findings if each not in found), None):
        found.append(finding)
        if may_mend(finding):
            done = mend(home, name, finding)
            # What is mended may bare the next cause, or have been what another one came from.
            inside = look_inside(home, name)
            mended.append(replace(done, done=finding not in inside.findings))
        if len(found) == MOST:
            break
    return inside


def _try(home: Home, name: str, inside: Inside, say: Callable[[str], None]) -> tuple[Way, ...]:
    if learn_host_keys(home, name, inside):
        say(f"{name} has other host keys than at the last up; seen from inside, so they are right.")
    ways = try_ways(home, name, inside.users)
    if ways[0].works:
        forward.open_ports(home, require_up(home, name))
    return ways
