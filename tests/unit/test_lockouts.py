"""Lock-outs as data: what is in the files is read strictly, and told with file and line."""

from pathlib import Path

import pytest

from stackwalk.authoring import find_problems
from stackwalk.lockouts import load_lockouts, read_lockouts
from stackwalk.machine.record import VAGRANT_FOLDER
from stackwalk.problems import AuthorError

GOOD = """\
title: The door is shut
says: Somebody shut it.
inflict: "true"
look: |
  echo /etc/door:3: shut
does: opens the door again.
mend: "true"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "vagrant" / "lockouts"
    path.mkdir(parents=True)
    (path / "shared.sh").write_text("door() { :; }\n")
    return path


def problems(folder: Path) -> list[str]:
    return [str(problem) for problem in read_lockouts(folder, folder.parents[1])[1]]


def test_a_lockout_is_read(folder: Path) -> None:
    (folder / "door-shut.yaml").write_text(GOOD)

    found = load_lockouts(folder)

    assert found.named("door-shut").title == "The door is shut"
    assert found.named("door-shut").look == "echo /etc/door:3: shut"
    assert found.shared == "door() { :; }\n"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        pytest.param("says:", "say:", "2: `say` is not a key of a lock-out; use `title`", id="key"),
        pytest.param(GOOD[-13:], "", "1: `mend` is missing; add `mend: …`", id="missing"),
        pytest.param("shut\nsays", "shut.\nsays", "1: `title` ends with a full stop", id="title"),
        pytest.param("shut it.", "shut. It.", "2: `says` is not one sentence", id="says"),
        pytest.param("again.", "again", "6: `does` is not one sentence", id="does"),
        pytest.param("3: shut", "3: (shut", "4: `look` is not sh: ", id="syntax"),
        pytest.param("title:", "title: :", "1: not YAML: ", id="yaml"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(
    folder: Path, before: str, after: str, problem: str
) -> None:
    (folder / "door-shut.yaml").write_text(GOOD.replace(before, after))

    found = problems(folder)

    assert any(each.startswith(f"vagrant/lockouts/door-shut.yaml:{problem}") for each in found)
    with pytest.raises(AuthorError):
        load_lockouts(folder)


def test_another_file_is_no_lockout(folder: Path) -> None:
    (folder / "Door.yaml").write_text(GOOD)

    assert problems(folder) == [
        "vagrant/lockouts/Door.yaml:1: not a lock-out; call it `what-happened.yaml`, or remove it"
    ]


def test_the_shared_functions_must_be_there(folder: Path) -> None:
    (folder / "shared.sh").unlink()
    (folder / "door-shut.yaml").write_text(GOOD)

    assert problems(folder) == ["vagrant/lockouts/shared.sh:1: it is missing; write it"]


def test_author_check_reads_the_lockouts_too(folder: Path) -> None:
    (folder / "door-shut.yaml").write_text(GOOD.replace("says:", "say:"))

    found = [str(problem) for problem in find_problems(folder.parents[1])]

    assert any("vagrant/lockouts/door-shut.yaml:2: `say`" in each for each in found)


def test_the_courses_own_are_sound_and_many() -> None:
    lockouts, found = read_lockouts(VAGRANT_FOLDER / "lockouts", VAGRANT_FOLDER.parent)

    assert found == []
    assert len(lockouts.every) >= 12


def test_no_look_changes_a_file_or_a_service() -> None:
    """What a look may not type; what it means to type, a person has read."""
    changing = (
        "sed -i",
        "systemctl restart",
        "systemctl start",
        "chmod ",
        "chown ",
        "rm ",
        "keep ",
    )
    looks = {each.name: each.look for each in load_lockouts(VAGRANT_FOLDER / "lockouts").every}

    assert [name for name, look in looks.items() if any(word in look for word in changing)] == []
