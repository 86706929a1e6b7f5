"""What ``play`` asks, and what it says when the machine is busy."""

import subprocess

import pytest

from stackwalk import machine
from stackwalk.commands import play
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
