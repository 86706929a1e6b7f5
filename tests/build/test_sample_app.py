"""The sample app's lock is the course's lock, and the app knows nothing of the course."""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.build

CLONE = Path(__file__).parents[2]
APP = CLONE / "sample_app"


@pytest.mark.parametrize(
    ("name", "group"), [("requirements.txt", ""), ("requirements-test.txt", "--group test ")]
)
def test_requirements_are_what_the_lock_says(name, group):
    command = (
        "uv export --frozen --quiet --package postcards --no-default-groups "
        f"--no-emit-workspace {group}-o sample_app/{name}"
    )
    to_stdout = command.partition(" -o ")[0].split()

    exported = subprocess.run(
        to_stdout, cwd=CLONE, capture_output=True, text=True, check=True
    ).stdout

    def requirements(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("#")]

    written = (APP / name).read_text()
    assert requirements(written) == requirements(exported), f"run: {command}"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_every_requirement_has_a_version_and_hashes_and_no_host(name):
    text = (APP / name).read_text()

    pinned = re.findall(r"^\S+==\S+ .*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 20
    assert "://" not in text


def test_app_knows_nothing_of_the_course():
    told = [
        path.relative_to(CLONE)
        for path in APP.rglob("*")
        if path.suffix in {".py", ".md", ".html", ".toml", ".js", ".css"}
        and re.search(r"stackwalk|\bcourse\b|\blearner|vagrant", path.read_text(), re.IGNORECASE)
        and "instance" not in path.parts
    ]
    assert told == []
