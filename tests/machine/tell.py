"""A pytest plugin that writes down what each check of plain pytest said: ``-p tell``."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

SAID: dict[str, dict[str, str]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    task = item.name.removeprefix("test_")
    if call.excinfo is None:
        SAID.setdefault(task, {"status": "met"})
    else:
        error = call.excinfo.value
        SAID[task] = {
            "status": str(getattr(error, "status", "unknown")),
            "what": str(getattr(error, "what", "")),
            "look": str(getattr(error, "look", "")),
            "saw": str(getattr(error, "saw", "")),
        }
    return report


def pytest_sessionfinish() -> None:
    Path(os.environ["STACKWALK_TELL"]).write_text(json.dumps(SAID))
