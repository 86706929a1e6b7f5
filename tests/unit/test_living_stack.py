"""The living stack: what turned red, since when, and what was run in between."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from test_drill import CHECK

from stackwalk import between, connect, machine, store
from stackwalk.between import log_cell, mask
from stackwalk.cli import main
from stackwalk.errors import Unreachable
from stackwalk.home import Home
from stackwalk.scaffold import new_chapter

RUNNING = machine.MachineStatus("web", "running", "docker", "192.168.56.10", 2222, "web is running")
OFF = machine.MachineStatus("web", "off", "docker", "", None, "web is off, its disk is kept")
SUDO = "deployer : TTY=pts/0 ; PWD=/home/deployer ; USER=root ; COMMAND=/usr/bin/{}"
OURS = "vagrant : PWD=/home/vagrant ; USER=root ; COMMAND=/usr/bin/timeout -k 2 20 /bin/sh -c id"
NOW = 4_000_000_000  # later than any moment of this test, by the machine's clock


@pytest.fixture
def note(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One chapter, met, by a note on the laptop; no machine anywhere."""
    root = tmp_path / "course"
    new_chapter(root, "01", "one")
    (root / "checks" / "test_one.py").write_text(CHECK)
    monkeypatch.setenv("STACKWALK_COURSE", str(root))
    monkeypatch.setattr(machine, "status", lambda home, name="web": RUNNING)
    home.laptop.mkdir(parents=True)
    note = home.laptop / "note.txt"
    note.write_text("right\n")
    run("check")
    return note


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Messages of sudo on the machine, all of this moment."""
    messages: list[str] = []

    class Said:
        @property
        def stdout(self) -> str:
            rows = [{"MESSAGE": m, "__REALTIME_TIMESTAMP": f"{NOW}000000"} for m in messages]
            return "\n".join([*map(json.dumps, rows), "-- no json --", str(NOW)])

    monkeypatch.setattr(connect, "run_once", lambda *_, **__: Said())
    return messages


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("note", "journal")
def test_green_stack_shows_no_red() -> None:
    result = run("status")

    assert result.exit_code == 0
    assert "✔ one_begun" in result.stdout
    assert "not met now" not in result.stdout


@pytest.mark.usefixtures("journal")
def test_what_turned_red_is_shown_with_when_it_was_green_and_what_was_run(
    note: Path, home: Home
) -> None:
    log_cell(home, "web as root", "echo wrong > note.txt\n", 3)
    note.write_text("wrong\n")
    green_at = store.load(home).progress.of("one_begun").green_at

    result = run("status")

    assert "stack     client → internet → server ✘ red" in result.stdout
    assert "✘ one_begun              the note is wrong" in result.stdout
    assert f"last green {green_at[:10]} {green_at[11:16]} UTC, 0 min ago" in result.stdout
    assert "web as root      echo wrong > note.txt  (exit 3)" in result.stdout
    assert "0 min ago" in run("status").stdout  # seen red does not move it


def test_commands_with_sudo_are_shown_and_our_own_are_not(note: Path, journal: list[str]) -> None:
    journal += [SUDO.format("rm note.txt"), OURS, "session opened for user root"]
    note.unlink()

    result = run("status")

    assert "✘ one_begun              no note" in result.stdout
    assert "web as deployer  sudo /usr/bin/rm note.txt" in result.stdout
    assert "timeout" not in result.stdout


@pytest.mark.usefixtures("journal")
def test_nothing_run_is_said(note: Path) -> None:
    note.unlink()

    assert "no cell, and no command with sudo" in run("status").stdout


def test_machine_that_is_off_shows_what_is_remembered(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "status", lambda home, name="web": OFF)
    note.unlink()

    result = run("status")

    assert result.exit_code == 0
    assert "nothing now: the machine does not answer. What follows is remembered." in result.stdout
    assert "✔ one_begun" in result.stdout


@pytest.mark.usefixtures("journal")
def test_quick_looks_at_nothing(note: Path) -> None:
    note.unlink()

    assert "✔ one_begun" in run("status", "--quick").stdout
    assert "✘ one_begun" in run("status").stdout
    assert "✘ one_begun" in run("status", "--quick").stdout


@pytest.mark.usefixtures("journal")
def test_json_holds_what_is_red_and_what_was_run(note: Path, home: Home) -> None:
    log_cell(home, "laptop", "rm note.txt", 0)
    note.unlink()

    shown = json.loads(run("status", "--json").stdout)

    assert shown["red"][0]["verdict"]["task"] == "one_begun"
    assert shown["red"][0]["last_green_at"].startswith("20")
    assert shown["ran"][0]["text"] == "rm note.txt"


def test_machine_that_cannot_be_asked_leaves_the_cells(
    note: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise Unreachable("ssh to web refused.")

    monkeypatch.setattr(connect, "run_once", lost)
    log_cell(home, "laptop", "rm note.txt", 0)
    note.unlink()

    assert "laptop           rm note.txt" in run("status").stdout


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param("echo 'deployer:hunter2' | chpasswd", "hunter2", id="chpasswd"),
        pytest.param("DB_PASSWORD=hunter2 ./run", "hunter2", id="variable"),
        pytest.param('export API_KEY="hunter 2"', "hunter", id="quoted"),
        pytest.param("mysql --password hunter2", "hunter2", id="option"),
        pytest.param("curl https://ada:hunter2@host/", "hunter2", id="address"),
        pytest.param("curl -H 'Authorization: Bearer hunter2'", "hunter2", id="header"),
        pytest.param("openssl passwd -6 hunter2", "hunter2", id="hash"),
        pytest.param(f"echo {'ab12' * 12} | base64 -d", "ab12" * 12, id="long"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in mask(text)
    assert "…" in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "sudo passwd -S deployer",
        "echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/10-stackwalk.conf",
        "chown deployer:deployer /home/deployer",
        "ls /usr/lib/systemd/system/multi-user.target.wants",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_cell_is_kept_short(home: Home) -> None:
    log_cell(home, "laptop", "echo long; " * 1000, 0)

    (kept,) = store.runs(home)
    assert len(kept["text"]) == between.TEXT_LIMIT
