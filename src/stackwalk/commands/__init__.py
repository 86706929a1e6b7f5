"""The verbs of Stackwalk: each returns a record and prints nothing; two faces show them.

A verb is imported when it is first used: nobody waits for another one's libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackwalk.commands.keep import check
    from stackwalk.commands.ladder import (
        HintResult,
        SolutionResult,
        hint,
        set_mode,
        skip,
        solution,
        up_next,
    )
    from stackwalk.commands.look import CheckResult
    from stackwalk.commands.stack import StatusResult, status

_HOMES = {"check": "keep", "CheckResult": "look", "status": "stack", "StatusResult": "stack"}

__all__ = [
    "CheckResult",
    "HintResult",
    "SolutionResult",
    "StatusResult",
    "check",
    "hint",
    "set_mode",
    "skip",
    "solution",
    "status",
    "up_next",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'ladder')}"), name)
