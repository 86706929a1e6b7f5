"""Catching up without a machine: what is asked, what is kept, what is said."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from stackwalk import machine, store
from stackwalk.authoring import find_problems
from stackwalk.cli import main
from stackwalk.commands import catchup, leavings
from stackwalk.commands.leavings import make_known, make_missing
from stackwalk.course import Chapter
from stackwalk.errors import StackwalkError
from stackwalk.home import Home
from stackwalk.load import load_course
from stackwalk.machine import HostKeys, MachineStatus
from stackwalk.problems import AuthorError
from stackwalk.rolefile import Leaving, read_role_file
from stackwalk.scaffold import new_chapter
from stackwalk.verdict import Status, Verdict

NEW, OLD = "ssh-ed25519 AAAAnew", "ssh-ed25519 AAAAold"
ROLE = "chapters/01-one/role/stackwalk.yml"


@pytest.fixture
def root(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of two chapters and no machine that could be touched."""
    for number, slug in (("01", "one"), ("02", "two")):
        new_chapter(tmp_path / "course", number, slug)
    monkeypatch.setenv("STACKWALK_COURSE", str(tmp_path / "course"))
    monkeypatch.setattr(machine, "destroy", lambda *_, **__: pytest.fail("it was destroyed"))
    monkeypatch.setattr(machine, "up", lambda *_, **__: pytest.fail("it was made"))
    home.laptop.mkdir(parents=True)
    return tmp_path / "course"


@pytest.fixture
def no_machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Machines that come and go, roles that are played: what was asked for, in order."""
    done: list[str] = []

    def play(home: Home, chapters: list[Chapter], given: object, **_: object) -> int:
        done.append(f"play {chapters[0].name}")
        return 0

    monkeypatch.setattr(machine, "destroy", lambda *_, **__: done.append("destroy"))
    monkeypatch.setattr(machine, "up", lambda *_, **__: done.append("up"))
    monkeypatch.setattr(catchup, "run_roles", play)
    monkeypatch.setattr(catchup, "look_at", lambda *_: ())
    return done


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def chapter(root: Path, role: str) -> Chapter:
    (root / ROLE).write_text(role)
    return load_course(root).chapters[0]


@pytest.mark.usefixtures("root")
def test_without_a_terminal_nothing_is_lost_and_the_way_is_said() -> None:
    result = run("catch-up", "02")

    assert result.exit_code == 2
    assert "brings it to the start of chapter 02, Two" in result.stderr
    assert "lost       everything on web, and its snapshots" in result.stderr
    assert "skipped    1 task before it that you have not met" in result.stderr
    assert "stackwalk catch-up 02 --yes" in result.stderr


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("one_begun", "one_begun is a task; catch-up takes a chapter.", id="task"),
        pytest.param("07", "no task or chapter called '07'", id="unknown"),
    ],
)
def test_what_is_no_chapter_is_refused(name: str, said: str) -> None:
    assert said in run("catch-up", name, "--yes").stderr


def test_earlier_tasks_are_skipped_never_met_and_the_chapter_opens(
    home: Home, no_machine: list[str]
) -> None:
    result = run("catch-up", "02", "--yes")

    assert result.exit_code == 0, result.stderr
    assert no_machine == ["destroy", "up", "play 01-one"]
    assert "web is at the start of chapter 02, Two: blank machine 0 s, 01-one 0 s." in result.stdout
    record = store.load(home).progress.of("one_begun")
    assert (record.met_at, bool(record.skipped_at)) == ("", True)
    assert "next: two_begun" in run("next").stdout


def test_the_number_after_the_last_chapter_is_the_end_of_the_course(no_machine: list[str]) -> None:
    result = run("catch-up", "03", "--yes")

    assert "web is at the end of the course" in result.stdout
    assert no_machine[2:] == ["play 01-one", "play 02-two"]


@pytest.mark.usefixtures("no_machine")
def test_what_is_not_met_nevertheless_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    red = Verdict("one_begun", Status.UNMET, "it is empty", look="web: cat /etc/one.txt")
    monkeypatch.setattr(catchup, "look_at", lambda *_: (red,))

    result = run("catch-up", "02", "--yes")

    assert result.exit_code == 1
    assert "✘ one_begun              it is empty" in result.stdout
    assert "What is yours, such as your keys, was not changed" in result.stdout


@pytest.mark.usefixtures("no_machine")
def test_a_role_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, out: object, **__: object) -> int:
        out("fatal: no such package")  # type: ignore[operator]  # the test's own callback
        return 2

    monkeypatch.setattr(catchup, "run_roles", fail)

    result = run("catch-up", "02", "--yes")

    assert result.exit_code == 3
    assert "The role of chapter 01 failed. Ansible's words:\nfatal: no such pack" in result.stderr
    assert "stackwalk play 01, or the catch-up again" in result.stderr


def test_a_secret_is_asked_for_before_anything_is_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWALK_DEPLOYER_PASSWORD", raising=False)
    chapter(root, "secrets: [deployer_password]\n")

    assert "STACKWALK_DEPLOYER_PASSWORD" in run("catch-up", "02", "--yes").stderr


def test_a_file_that_nothing_makes_is_asked_for_before_anything_is_lost(root: Path) -> None:
    chapter(root, "files: {note: note.txt}\n")

    assert "The script needs note.txt" in run("catch-up", "02", "--yes").stderr


def test_what_lacks_is_made_and_what_is_there_is_kept(root: Path, home: Home) -> None:
    one = chapter(root, "laptop: [{file: a, make: echo a >a}, {file: b, make: echo b >b}]\n")
    (home.laptop / "a").write_text("mine")
    said: list[str] = []

    make_missing(home, one, say=said.append)

    assert (home.laptop / "a").read_text() == "mine"
    assert (home.laptop / "b").read_text() == "b\n"
    assert said == ["made laptop/b, as chapter 01 does"]


def test_what_cannot_be_made_is_said(root: Path, home: Home) -> None:
    one = chapter(root, "laptop: [{file: a, make: echo no luck >&2; false}]\n")

    with pytest.raises(StackwalkError, match=r"a, which chapter 01 leaves .* no luck"):
        make_missing(home, one, say=print)


def test_files_come_from_cells_tasks_and_lines_of_bash(root: Path) -> None:
    text = (root / "chapters/01-one/chapter.md").read_text()
    cells = "".join(
        f"```{{code-cell}} ipython3\n%%write laptop n.txt\n{word}\n```\n\n"
        for word in ("1", "it's")
    )
    text = text.replace("## Your turn", f"{cells}## Your turn")
    (root / "chapters/01-one/chapter.md").write_text(text)

    found = read_role_file(chapter(root, "laptop: [{file: n.txt}, {host_key: web}]\n")).leavings

    assert found == (
        Leaving("n.txt", "mkdir -p .\nprintf %s 'it'\"'\"'s\n' >n.txt"),
        Leaving(host_key="web"),
    )


@pytest.mark.parametrize(
    ("role", "said"),
    [
        pytest.param("laptop: [{file: a}]", "nothing in the chapter makes `a`", id="no way"),
        pytest.param("laptop: [{file: a, task: x}]", "nothing in the chapter makes", id="no task"),
        pytest.param("laptop: [{make: a}]", "an entry of `laptop` does not fit", id="no file"),
        pytest.param("laptop: keys", "an entry of `laptop` does not fit", id="no list"),
        pytest.param("lapdog: [a]", "`lapdog` is not a key of role/stackwalk.yml", id="odd key"),
    ],
)
def test_an_author_hears_what_does_not_fit(root: Path, role: str, said: str) -> None:
    one = chapter(root, role)

    assert any(said in str(problem) for problem in find_problems(root))
    with pytest.raises(AuthorError):
        read_role_file(one)


@pytest.fixture
def known(root: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A learner whose ssh_config knows an older machine; ``tell()`` gives what was said."""
    one = chapter(root, "laptop: [{host_key: web}]\n")
    file = home.laptop / "known_hosts"
    file.write_text(f"other {OLD}\nweb {OLD}\n")
    answers = {"userknownhostsfile": "known_hosts", "hostkeyalias": "web"}
    answers |= {"hostname": "127.0.0.1", "port": "2222"}
    up = MachineStatus("web", "running", "docker", "192.168.56.10", 2222, "", {}, "127.0.0.1")
    monkeypatch.setattr(leavings, "_client_settings", lambda *_: answers)
    monkeypatch.setattr(machine, "host_keys", lambda *_: HostKeys((NEW,), past_ssh=True))
    monkeypatch.setattr(machine, "status", lambda *_: up)

    def tell() -> list[str]:
        said: list[str] = []
        make_known(home, one, say=said.append)
        return said

    return SimpleNamespace(file=file, answers=answers, tell=tell)


def test_new_host_keys_replace_the_old_ones_and_no_others(known: SimpleNamespace) -> None:
    assert known.tell() == [
        "web has new host keys: the entry web in known_hosts was replaced by them, read past ssh"
    ]
    assert known.file.read_text() == f"other {OLD}\nweb {NEW}\n"


def test_known_host_keys_stay_as_they_are(known: SimpleNamespace) -> None:
    known.tell()

    assert known.tell() == []
    assert known.file.read_text().count(NEW) == 1


def test_host_keys_outside_the_working_folder_are_left_alone(
    known: SimpleNamespace, tmp_path: Path
) -> None:
    theirs = tmp_path / "known_hosts"
    known.answers["userknownhostsfile"] = str(theirs)

    assert "was left alone" in known.tell()[0]
    assert not theirs.exists()


def test_a_port_that_moved_is_said(known: SimpleNamespace) -> None:
    known.answers["port"] = "2200"

    assert "your ssh_config goes to 127.0.0.1 port 2200, and web answers on" in known.tell()[1]


def test_a_configuration_ssh_cannot_read_is_said(root: Path, home: Home) -> None:
    one = chapter(root, "laptop: [{host_key: web}]\n")
    (home.laptop / "ssh_config").write_text("Nonsense yes\n")

    with pytest.raises(StackwalkError, match=r"ssh cannot read your ssh_config: .*: nonsense"):
        make_known(home, one, say=print)
