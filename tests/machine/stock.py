"""The same checks by plain pytest with stock testinfra and our ssh configuration, to compare."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from stackwalk.commands.desk import machine_can
from stackwalk.course import Chapter, Course, Task
from stackwalk.home import Home, find_clone
from stackwalk.vantage import Vantages

Said = dict[str, dict[str, str]]  # task id -> status, what, look, saw
FIELDS = ("status", "what", "look", "saw")
LIMIT_S = 600


def assert_same_verdicts(home: Home, course: Course, chapters: Sequence[Chapter]) -> Said:
    """Looks twice with ours, as only the second look asks ahead, and once with plain pytest."""
    can = machine_can(home)
    tasks = [task for chapter in chapters for task in chapter.tasks if set(task.can) <= can]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACKWALK_HOME", str(home.root))
        first, second = ask_ours(home, course, tasks), ask_ours(home, course, tasks)
        stock = ask_stock(home, chapters, [task.id for task in tasks])

    differences = [
        f"{task}: {which} look says {said.get(task)}, plain pytest {stock.get(task)}"
        for which, said in (("first", first), ("second", second))
        for task in {*said, *stock}
        if said.get(task) != stock.get(task)
    ]
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)
    return stock


def ask_ours(home: Home, course: Course, tasks: Sequence[Task]) -> Said:
    """Every check, whatever it needs, as plain pytest does it."""
    with Vantages(home) as hosts:
        verdicts = hosts.look(course, tasks, can=machine_can(home), heed_needs=False, report=print)
    return {each.task: comparable(each.to_dict()) for each in verdicts}


def ask_stock(home: Home, chapters: Sequence[Chapter], tasks: Iterable[str]) -> Said:
    """``pytest checks --ssh-config=…`` as anyone would type it, with none of our settings."""
    files = [f"checks/test_{chapter.slug.replace('-', '_')}.py" for chapter in chapters]
    names = [
        f"{file}::test_{task.id}"
        for file, chapter in zip(files, chapters, strict=True)
        for task in chapter.tasks
        if task.id in set(tasks)
    ]
    options = ["-q", "-p", "no:cacheprovider", "-p", "tell", "-c", os.devnull]
    options += ["--rootdir", "checks", f"--ssh-config={home.ssh_config}"]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told.json")
        env = {"PYTHONPATH": str(Path(__file__).parent), "STACKWALK_TELL": str(told)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *names],
            cwd=find_clone(),
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert told.exists(), done.stdout + done.stderr
        said: Said = json.loads(told.read_text())
    return {task: comparable(fields) for task, fields in said.items()}


def comparable(said: dict[str, str]) -> dict[str, str]:
    """What must be the same; of a check that broke, only that it did."""
    if said["status"] == "unknown":
        return {"status": "unknown"}
    return {name: said[name] for name in FIELDS if said.get(name)}
