"""What ``play`` asks, and what it says when the machine is busy."""

import subprocess
from pathlib import Path

import pytest

from stackwalk import machine
from stackwalk.commands import play
from stackwalk.course import Chapter
from stackwalk.errors import MachineError, UsageError
from stackwalk.home import Home


def ask(*typed: str):
    answers = iter(typed)
    return lambda question: next(answers)


def test_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STACKWALK_DEPLOYER_PASSWORD", raising=False)
    asked: list[str] = []

    assert play._secret("deployer_password", lambda q: asked.append(q) or "word") == "word"
    assert asked == ["Password for deployer", "Password for deployer, once more"]
    with pytest.raises(UsageError, match="The two passwords differ"):
        play._secret("deployer_password", ask("word", "wrod"))


@pytest.mark.parametrize(
    "said",
    [
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)\n"
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another "
        "process using it?",
        "E: Unable to lock directory /var/lib/apt/lists/",
    ],
)
def test_apt_that_is_busy_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(machine, "ssh_command", lambda *_, **__: ["ssh"])
    failed = subprocess.CompletedProcess([], 100, b"", said.encode())
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)

    with pytest.raises(MachineError, match="still installing on web") as caught:
        play._remote(home, "web", play.INSTALL)

    assert "the same command again" in str(caught.value)


def chapter_with(root: Path, role: str) -> Chapter:
    folder = root / "chapters/01-one/role"
    folder.mkdir(parents=True)
    (folder / "stackwalk.yml").write_text(role)
    return Chapter("01", "one", "One", "", 1, "server", (), (), folder.parent)


def test_role_is_given_what_a_line_of_bash_prints_in_the_working_folder(
    home: Home, tmp_path: Path
) -> None:
    home.laptop.mkdir(parents=True)
    (home.laptop / "n.txt").write_text("kept\n")
    one = chapter_with(tmp_path, "files: {text: n.txt}\noutputs: {upper: tr a-z A-Z <n.txt}\n")

    assert play.read_laptop(home, [one]) == {"text": "kept", "upper": "KEPT\n"}


def test_line_of_bash_that_fails_stops_before_the_machine(home: Home, tmp_path: Path) -> None:
    home.laptop.mkdir(parents=True)
    one = chapter_with(tmp_path, "outputs: {all: 'cat absent.txt | base64'}\n")

    with pytest.raises(UsageError, match="asked your working folder for something") as caught:
        play.read_laptop(home, [one])

    assert "Nothing was changed on the machine." in str(caught.value)
