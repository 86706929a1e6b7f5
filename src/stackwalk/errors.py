"""Faults a learner or an author may meet: what happened, what is safe, what to type next."""


class StackwalkError(Exception):
    """An expected failure, worded for the person who reads it; the faces show it without traceback.

    Args:
        happened: one sentence, such as ``Port 2222 on this laptop is taken by another program.``
        safe: what was not touched, such as ``Your progress and your machine are as they were.``
        next: a command or an action, such as ``stackwalk machine status``.
    """

    exit_code = 3

    def __init__(self, happened: str, *, safe: str = "", next: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.safe = safe
        self.next = next

    def __str__(self) -> str:
        lines = [self.happened]
        if self.safe:
            lines.append(f"  safe       {self.safe}")
        if self.next:
            lines.append(f"  next       {self.next}")
        return "\n".join(lines)


class UsageError(StackwalkError):
    """The command was given something that does not exist or does not fit."""

    exit_code = 2


class MachineError(StackwalkError):
    """The machine could not be started, reached or asked; nothing the learner did is wrong."""


class NotUp(MachineError):
    """The machine is off or was never made."""


class Unreachable(MachineError):
    """The machine should be there and its ssh does not answer."""


class WentAway(Unreachable):
    """The machine was there, and then, in the middle of a look, it was not."""


class RemoteTimeout(MachineError):
    """A command on the machine did not finish within its time limit."""
