"""The command line: what a learner reads, exit codes, one JSON object; fakes for the machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stackwalk import machine
from stackwalk.cli import main
from stackwalk.commands import look
from stackwalk.errors import Unreachable
from stackwalk.home import Home
from stackwalk.scaffold import new_chapter
from stackwalk.vantage import Vantages

RUNNING = machine.MachineStatus("web", "running", "docker", "192.168.56.10", 2222, "web is running")


class FakeFile:
    """A testinfra file with one text, or missing."""

    def __init__(self, text: str | None) -> None:
        self.exists = text is not None
        self.content_string = text


class FakeWeb:
    """A machine with the files given."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def file(self, path: str) -> FakeFile:
        return FakeFile(self._files.get(path))


@pytest.fixture
def files(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two chapters of one task each, and the files on the machine that meet them."""
    for number, slug in (("01", "one"), ("02", "two")):
        new_chapter(tmp_path / "course", number, slug)
    monkeypatch.setenv("STACKWALK_COURSE", str(tmp_path / "course"))
    files: dict[str, str] = {}
    monkeypatch.setattr(Vantages, "__call__", lambda self, vantage: FakeWeb(files))
    monkeypatch.setattr(look, "machine_can", lambda home: frozenset())
    monkeypatch.setattr(machine, "status", lambda home, name="web": RUNNING)
    return files


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("files")
def test_not_started_is_no_error_and_names_where_to_look() -> None:
    result = run("check")

    assert result.exit_code == 1
    assert "○ one_begun" in result.stdout
    assert "expected   a file /etc/one.txt with a word in it" in result.stdout
    assert "look at    web: ls -l /etc/one.txt" in result.stdout
    assert "hint 1 of 4: stackwalk hint one_begun" in result.stdout


def test_met_shows_what_was_found_and_opens_the_next_chapter(files: dict[str, str]) -> None:
    files["/etc/one.txt"] = "hello"

    result = run("check", "one_begun")

    assert result.exit_code == 0
    assert "✔ one_begun" in result.stdout
    assert "found      /etc/one.txt says 'hello'" in result.stdout
    assert "You borrowed root's rights for one command" in result.stdout
    assert "You borrowed" not in run("check", "one_begun").stdout
    assert "Chapter 02, Two, is open now" in result.stdout


@pytest.mark.usefixtures("files")
def test_locked_chapter_says_what_opens_it() -> None:
    result = run("check", "02")

    assert result.exit_code == 2
    assert "Chapter 02, Two, opens after: one_begun." in result.stderr
    assert run("mode", "free").exit_code == 0
    assert run("check", "02").exit_code == 1


@pytest.mark.usefixtures("files")
def test_what_this_machine_cannot_do_is_counted_and_opens_the_next(tmp_path: Path) -> None:
    chapter = tmp_path / "course" / "chapters" / "01-one" / "chapter.md"
    text = chapter.read_text().replace("{task} one_begun\n", "{task} one_begun\ncan: [own_clock]\n")
    chapter.write_text(text)

    result = run("check", "01")

    assert result.exit_code == 0
    assert "Chapter 02, Two, is open now" in result.stdout
    assert "⊘ one_begun              The server has" in run("status").stdout
    assert "next: two_begun" in run("next").stdout


def test_what_turned_red_keeps_the_next_chapter_open(files: dict[str, str]) -> None:
    files["/etc/one.txt"] = "hello"
    run("check", "01")
    files["/etc/one.txt"] = ""

    assert run("check", "01").exit_code == 1
    assert run("check", "02").exit_code == 1
    assert "not met now" in run("status").stdout


def test_first_hint_depends_on_what_was_seen(files: dict[str, str]) -> None:
    files["/etc/one.txt"] = " "
    run("check")

    result = run("hint")

    assert "hint 1 of 4 for one_begun: nudge" in result.stdout
    assert "Is anything in it?" in result.stdout


def test_hint_without_a_name_helps_with_what_turned_red(files: dict[str, str]) -> None:
    files["/etc/one.txt"] = "hello"
    run("check", "01")
    assert "for two_begun" in run("hint").stdout
    files["/etc/one.txt"] = " "
    run("check", "01")

    assert "hint 1 of 4 for one_begun: nudge" in run("hint").stdout
    files["/etc/one.txt"] = "hello"
    run("check", "01")
    assert "for two_begun" in run("hint").stdout


def test_new_fault_gets_its_own_nudge_and_costs_no_rung(files: dict[str, str]) -> None:
    run("check")
    assert "Is anything in it?" not in run("hint").stdout
    run("hint")
    files["/etc/one.txt"] = " "

    assert "hint 1 of 4: stackwalk hint one_begun" in run("check").stdout
    result = run("hint")

    assert "hint 1 of 4 for one_begun: nudge" in result.stdout
    assert "Is anything in it?" in result.stdout
    assert "hint 3 of 4: stackwalk hint one_begun" in run("check").stdout
    assert "hint 3 of 4" in run("hint").stdout


@pytest.mark.usefixtures("files")
def test_solution_comes_after_the_last_hint() -> None:
    early = run("solution")
    assert early.exit_code == 2
    assert "Hints cost nothing." in early.stderr
    for _ in range(4):
        assert run("hint").exit_code == 0

    result = run("solution")

    assert result.exit_code == 0
    assert 'echo "a note" | sudo tee /etc/one.txt' in result.stdout


@pytest.mark.usefixtures("files")
def test_hint_that_was_not_reached_is_refused() -> None:
    result = run("hint", "--rung", "3")

    assert result.exit_code == 2
    assert "one_begun has four hints, and you have taken 0 of them." in result.stderr


@pytest.mark.usefixtures("files")
def test_skip_opens_the_next_and_is_not_done() -> None:
    result = run("skip")

    assert "next: two_begun" in result.stdout
    assert "one_begun is skipped, not done" in result.stdout
    assert "stackwalk check one_begun takes it up again" in result.stdout
    assert "Chapter 02, Two, is open now" in result.stdout
    assert "skipped: come back" in run("status").stdout


@pytest.mark.usefixtures("files")
def test_unknown_task_names_the_nearest() -> None:
    result = run("check", "one_begum")

    assert result.exit_code == 2
    assert "no task or chapter called 'one_begum'. Near to it: one_begun" in result.stderr


@pytest.mark.usefixtures("files")
def test_beginning_of_an_id_is_near_enough_to_be_named() -> None:
    assert "Near to it: one_begun." in run("solution", "one_b").stderr


def test_dead_machine_takes_nothing_away(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files["/etc/one.txt"] = "hello"
    run("check")

    def dead(self: Vantages, vantage: str) -> Any:
        raise Unreachable("ssh to web refused on 127.0.0.1 port 2222", next="stackwalk machine up")

    monkeypatch.setattr(Vantages, "__call__", dead)

    result = run("check", "01")

    assert result.exit_code == 3
    assert "? one_begun" in result.stdout
    assert "0 met, could not look at 1 of 1" in result.stdout
    assert "Nothing was marked wrong, and nothing you earned was lost." in result.stdout
    assert "✔ one_begun" in run("status").stdout


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("verb", ["check", "hint", "status", "next", "skip"])
def test_json_is_one_object_on_stdout(verb: str) -> None:
    result = run(verb, "--json")

    assert isinstance(json.loads(result.stdout), dict)


def test_all_met_is_said(files: dict[str, str]) -> None:
    files |= {"/etc/one.txt": "hello", "/etc/two.txt": "hello"}
    run("check", "01")
    run("check", "02")

    assert "Every task of the course is met." in run("next").stdout
    assert "Every task is met." in run("hint").stderr


@pytest.mark.usefixtures("home")
def test_no_terminal_to_ask_in_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "destroy", pytest.fail)

    result = run("machine", "destroy", "web")

    assert result.exit_code == 2
    assert "stackwalk machine destroy web --yes" in result.stderr


@pytest.mark.usefixtures("files")
def test_play_refuses_what_it_cannot_play() -> None:
    assert "play takes chapters" in run("play", "one_begun").stderr
    assert "no task or chapter called '07'" in run("play", "07").stderr


def test_play_names_the_missing_file_and_secret(files: dict[str, str], tmp_path: Path) -> None:
    role = tmp_path / "course" / "chapters" / "01-one" / "role" / "stackwalk.yml"
    role.write_text("files: {key: keys/deployer.pub}\n")
    assert "The script needs deployer.pub from your working folder" in run("play", "01").stderr

    role.write_text("secrets: [deployer_password]\n")
    result = run("play", "01")

    assert result.exit_code == 2
    assert "STACKWALK_DEPLOYER_PASSWORD" in result.stderr


def test_options_of_a_command_on_the_machine_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ssh_command", lambda *_, **__: ["echo"])

    assert run("machine", "ssh", "web", "ls", "-l", "--all").exit_code == 0


def test_exit_codes_are_those_on_the_page() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "commands.md").read_text()
    section = page.split("## Exit codes")[1].split("## ")[0]

    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == ["0", "1", "2", "3", "130"]
    assert (
        "Exit codes: 0 met or done, 1 not met, 2 wrong usage, 3 could not tell."
        in run("--help").stdout
    )


def test_every_command_is_on_the_page() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "commands.md").read_text()

    assert [name for name in main.commands if f"`stackwalk {name}" not in page] == []
