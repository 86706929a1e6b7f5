"""The verbs of Stackwalk: each returns a record and prints nothing; two faces show them."""

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
