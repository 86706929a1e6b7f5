"""Drills on a laptop-only course: begun, looked at, mended, given up, and told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stackwalk import machine, store
from stackwalk.cli import main
from stackwalk.commands import breaking
from stackwalk.home import Home
from stackwalk.scaffold import new_chapter

RUNNING = machine.MachineStatus("web", "running", "docker", "192.168.56.10", 2222, "web is running")
CHECK = """
from stackwalk.verdict import NotStarted, Unmet

def test_one_begun(laptop):
    looked = laptop.run("cat note.txt")
    if looked.rc:
        raise NotStarted("no note", expected="a note", found="no such file", look="laptop: ls")
    if "right" not in looked.stdout:
        raise Unmet("the note is wrong", expected="right", found=looked.stdout,
                    look="laptop: cat note.txt", saw="empty")
    return "a note"
"""
MISTAKE = """
task: one_begun
symptom: The note tells lies.
inflict: [{at: laptop, type: "%s"}]
message: the note is wrong
nudge: empty
mend: [{at: laptop, type: "echo right > note.txt"}]
debrief: Notes tell lies when two people write them.
"""


@pytest.fixture
def chapter(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One chapter whose task is met, with one mistake."""
    root = tmp_path / "course"
    new_chapter(root, "01", "one")
    monkeypatch.setenv("STACKWALK_COURSE", str(root))
    (root / "checks" / "test_one.py").write_text(CHECK)
    chapter = root / "chapters" / "01-one"
    for old in (chapter / "mistakes").iterdir():
        old.rename(tmp_path / old.name)
    add_mistake(chapter, "lying-note", "echo wrong > note.txt")
    home.laptop.mkdir(parents=True)
    (home.laptop / "note.txt").write_text("right\n")
    run("check")
    return chapter


def add_mistake(chapter: Path, name: str, inflict: str) -> None:
    folder = chapter / "mistakes" / name
    folder.mkdir(parents=True)
    (folder / "mistake.yaml").write_text(MISTAKE % inflict)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("chapter")
def test_drill_tells_the_symptom_and_not_the_cause(home: Home) -> None:
    result = run("drill")

    assert result.exit_code == 0
    assert "“The note tells lies.”" in result.stdout
    assert "lying-note" not in result.output
    assert "the note is wrong" not in result.output
    assert (home.laptop / "note.txt").read_text() == "wrong\n"


@pytest.mark.usefixtures("chapter")
def test_check_says_what_is_red_and_not_why() -> None:
    run("drill")

    result = run("drill", "check")

    assert result.exit_code == 1
    assert "✘ one_begun" in result.stdout
    assert "the note is wrong" not in result.stdout


@pytest.mark.usefixtures("chapter")
def test_check_tells_a_cause_that_came_up_since(home: Home) -> None:
    run("drill")
    (home.laptop / "note.txt").unlink()

    result = run("drill", "check")

    assert "newly seen:    no note" in result.stdout


@pytest.mark.usefixtures("chapter")
def test_status_shows_what_is_red_without_giving_the_drill_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("drill")
    monkeypatch.setattr(machine, "status", lambda home, name="web": RUNNING)

    result = run("status")

    assert "✘ one_begun" in result.stdout
    assert "the note is wrong" not in result.stdout
    assert "A drill is running: stackwalk drill check" in result.stdout


def test_drill_that_cannot_be_looked_at_goes_on(chapter: Path) -> None:
    run("drill")
    (chapter.parents[1] / "checks" / "test_one.py").write_text("def test_one_begun(laptop): 1 / 0")

    result = run("drill", "check")

    assert result.exit_code == 3
    assert "I could not look at everything; the drill goes on." in result.stdout


@pytest.mark.usefixtures("chapter")
def test_mended_drill_is_told_whole_and_is_over(home: Home) -> None:
    run("drill")
    run("hint")
    (home.laptop / "note.txt").write_text("right\n")

    result = run("drill", "check")

    assert result.exit_code == 0
    assert "✔ mended after" in result.stdout
    assert "with 1 hint" in result.stdout
    assert "the note is wrong  (one_begun)" in result.stdout
    assert "laptop: echo wrong > note.txt" in result.stdout
    assert "Notes tell lies when two people write them." in result.stdout
    assert "No drill is running." in run("drill", "check").stderr
    (over,) = store.load(home).progress.drilled
    assert (over.mistake, over.ending, over.hints) == ("one/lying-note", "mended", 1)


@pytest.mark.usefixtures("chapter")
def test_hints_of_a_drill_begin_at_the_first_rung_and_count_for_themselves(home: Home) -> None:
    run("hint", "one_begun")
    run("hint", "one_begun")
    run("drill")

    result = run("hint")

    assert "hint 1 of 4 for one_begun" in result.stdout
    assert store.load(home).progress.of("one_begun").hints == 2


@pytest.mark.usefixtures("chapter")
def test_giving_up_mends_and_tells_how(home: Home) -> None:
    run("drill")

    result = run("drill", "give-up")

    assert result.exit_code == 0
    assert "· given up after" in result.stdout
    assert "what mends it  laptop: echo right > note.txt" in result.stdout
    assert (home.laptop / "note.txt").read_text() == "right\n"


def test_giving_up_says_what_it_could_not_mend(chapter: Path) -> None:
    run("drill")
    mistake = chapter / "mistakes" / "lying-note" / "mistake.yaml"
    mistake.write_text(mistake.read_text().replace("echo right", "echo odd"))

    result = run("drill", "give-up")

    assert result.exit_code == 3
    assert "was taken back, and this is still not met: one_begun" in result.stderr
    assert run("drill", "check").exit_code == 1


@pytest.mark.usefixtures("chapter")
def test_second_drill_is_told_of_the_first() -> None:
    run("drill")

    result = run("drill")

    assert result.exit_code == 1
    assert "A drill is running already, since 20" in result.stdout
    assert "“The note tells lies.”" in result.stdout


@pytest.mark.usefixtures("chapter")
def test_drill_refuses_a_machine_that_is_not_green(home: Home) -> None:
    (home.laptop / "note.txt").write_text("wrong\n")

    result = run("drill")

    assert result.exit_code == 1
    assert "this is not met now: one_begun" in result.stderr
    assert "Nothing was touched." in result.stderr


@pytest.mark.usefixtures("chapter")
def test_drill_waits_for_a_chapter_that_is_met(home: Home) -> None:
    home.progress_file.unlink()
    (home.root / "progress.json.previous").unlink(missing_ok=True)

    assert "no chapter is met to its end yet" in run("drill").stderr
    assert "A drill of chapter 01 comes after its tasks are met" in run("drill", "01").stderr


@pytest.mark.usefixtures("chapter")
def test_drill_that_is_no_mistake_is_named() -> None:
    result = run("drill", "one_begun")

    assert result.exit_code == 2
    assert "one_begun is a task; a drill is a mistake, or a chapter" in result.stderr


def test_mistake_that_does_not_take_is_passed_over(chapter: Path, home: Home) -> None:
    add_mistake(chapter, "no-such-thing", "false")

    result = run("drill", "no-such-thing")

    assert result.exit_code == 3
    assert "your way of doing the task is another one" in result.stderr
    assert store.load(home).progress.drill is None


def test_last_ones_are_not_drilled_again(chapter: Path, home: Home) -> None:
    add_mistake(chapter, "empty-note", ": > note.txt")
    names = []
    for _ in range(4):
        run("drill")
        run("drill", "give-up")
        names.append(store.load(home).progress.drilled[-1].mistake)

    assert names[0] != names[1]
    assert names[:2] == names[2:]


@pytest.mark.usefixtures("chapter")
def test_json_gives_nothing_away_before_the_end() -> None:
    began = json.loads(run("drill", "--json").stdout)
    red = json.loads(run("drill", "check", "--json").stdout)
    over = json.loads(run("drill", "give-up", "--json").stdout)

    assert (began["stage"], red["stage"], over["stage"]) == ("began", "red", "given up")
    assert red["red"] == ["one_begun"]
    assert "mistake" not in began | red
    assert over["what"] == "the note is wrong"


@pytest.mark.usefixtures("chapter")
def test_list_names_only_what_was_drilled() -> None:
    before = run("drill", "--list").stdout
    run("drill")
    run("drill", "give-up")

    assert "01  ·  The note tells lies." in before
    assert "✔ lying-note (given up)" in run("drill", "--list").stdout


@pytest.mark.usefixtures("chapter")
def test_drill_that_was_killed_before_it_broke_anything_ends_without_a_debrief(home: Home) -> None:
    run("drill")
    drill = store.load(home).progress.drill
    assert drill is not None
    text = home.progress_file.read_text()
    home.progress_file.write_text(text.replace('"what": "the note is wrong"', '"what": ""'))
    (home.laptop / "note.txt").write_text("right\n")

    assert "stopped before anything was broken" in run("drill", "check").stdout


def test_mistake_that_a_new_edition_dropped_ends_the_drill(chapter: Path) -> None:
    run("drill")
    (chapter / "mistakes" / "lying-note").rename(chapter / "mistakes" / "other")

    result = run("drill", "check")

    assert "whose mistake this edition does not hold: one/lying-note" in result.stderr
    assert "No drill is running." in run("drill", "check").stderr


@pytest.mark.usefixtures("chapter")
def test_machine_that_is_gone_ends_the_drill_and_the_laptop_is_mended(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "machine_id", lambda home: "a1b2")
    run("drill")

    result = run("drill", "check")

    assert result.exit_code == 0
    assert "over: the machine was made anew" in result.stdout
    assert (home.laptop / "note.txt").read_text() == "right\n"


@pytest.mark.usefixtures("chapter")
def test_author_show_makes_tells_and_mends(home: Home) -> None:
    before = store.load(home).progress

    result = run("author", "show", "lying-note")

    assert result.exit_code == 0
    assert "A user reports: “The note tells lies.”" in result.stdout
    assert "✘ one_begun              the note is wrong" in result.stdout
    assert "The first hint:" in result.stdout
    assert "✔ mended: one_begun is met again" in result.stdout
    assert store.load(home).progress == before


@pytest.mark.usefixtures("chapter")
def test_author_show_keeps_and_takes_back(home: Home) -> None:
    run("author", "show", "lying-note", "--keep")
    assert (home.laptop / "note.txt").read_text() == "wrong\n"

    again = run("author", "show", "lying-note")
    mended = run("author", "show", "lying-note", "--mend")

    assert "breaks one_begun, which is not met on this machine" in again.stderr
    assert mended.exit_code == 0
    assert (home.laptop / "note.txt").read_text() == "right\n"


@pytest.mark.usefixtures("chapter")
def test_author_show_names_what_is_near() -> None:
    assert "Near to it: lying-note" in run("author", "show", "lying").stderr
