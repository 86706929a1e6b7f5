"""A rescue with a machine that is made up: what is asked, what is tried, what is said."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import CliRunner

from stackwalk import machine
from stackwalk.cli import main
from stackwalk.commands import rescue as verb
from stackwalk.commands.rescue import RescueResult, rescue
from stackwalk.errors import MachineError, NotUp, Unreachable
from stackwalk.home import Home
from stackwalk.lockouts import Lockout
from stackwalk.machine import docker, making, shut
from stackwalk.machine.backdoor import NoBackDoor
from stackwalk.machine.record import Record, load_record, save_record
from stackwalk.machine.remote import Answer
from stackwalk.machine.shut import Finding, Inside, Mended, Way, read_finding
from stackwalk.showrescue import render_rescue

WEB = Record("web", "docker", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")
PORT = Finding(
    "other-port",
    "sshd listens elsewhere",
    "It listens on another port.",
    "adds Port 22 beside it.",
    "/etc/ssh/sshd_config:3: Port 2222",
    "/etc/ssh/sshd_config",
    3,
    "Port 2222",
)
BAN = Finding("ban", "The laptop is banned", "One counted.", "lets it go.", "fail2ban holds it")
CLOSED = Way("vagrant", works=False, why="ssh to web refused on 127.0.0.1 port 2222")
OPEN = Way("vagrant", works=True)
Play = Callable[..., list[str]]


@pytest.fixture
def play(home: Home, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A machine whose causes go away one by one, each by its own mend."""
    save_record(home, WEB)
    mended: list[str] = []

    def make(*findings: Finding, heals: bool = True, door: MachineError | None = None) -> list[str]:
        def look(_: Home, name: str) -> Inside:
            if door is not None:
                raise door
            left = [each for each in findings if not heals or each.name not in mended]
            return Inside(("vagrant",), tuple(left), (), ("sshd: a last line",))

        def mend(_: Home, name: str, finding: Finding) -> Mended:
            mended.append(finding.name)
            return Mended(finding, done=True, lines=(f"changed for {finding.name}",))

        def ways(*_: object) -> tuple[Way, ...]:
            left = {each.name for each in findings} - (set(mended) if heals else set())
            return (CLOSED,) if left or door is not None else (OPEN,)

        monkeypatch.setattr(verb, "look_inside", look)
        monkeypatch.setattr(verb, "mend", mend)
        monkeypatch.setattr(verb, "try_ways", ways)
        monkeypatch.setattr(verb.forward, "open_ports", lambda *_: None)
        return mended

    return make


def run(home: Home, *, yes: bool = True) -> RescueResult:
    return rescue(home, "web", may_mend=lambda finding: yes, say=lambda text: None)


def test_nothing_found_and_everybody_comes_in(home: Home, play: Play) -> None:
    play()

    result = run(home)

    assert result.exit_code == 0
    assert render_rescue(result) == (
        "✔ vagrant    comes in\n\nNothing is shut: web lets in who should come in."
    )


def test_causes_are_mended_one_after_the_other(home: Home, play: Play) -> None:
    mended = play(PORT, BAN)

    result = run(home)

    assert mended == ["other-port", "ban"]
    assert (result.exit_code, result.left, result.after) == (0, (), (OPEN,))


def test_a_cause_that_only_the_new_login_shows_is_mended_too(
    home: Home, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = play(PORT, BAN)
    inside, tried = verb.look_inside, list[str]()

    def look(home: Home, name: str) -> Inside:
        seen = inside(home, name)
        shown = [each for each in seen.findings if each != BAN or "after a mend" in tried]
        return replace(seen, findings=tuple(shown))

    def ways(*_: object) -> tuple[Way, ...]:
        tried.append("after a mend" if mended else "before")
        return (CLOSED,) if "ban" not in mended else (OPEN,)

    monkeypatch.setattr(verb, "look_inside", look)
    monkeypatch.setattr(verb, "try_ways", ways)

    result = run(home)

    assert mended == ["other-port", "ban"]
    assert tried == ["before", "after a mend", "after a mend"]
    assert result.exit_code == 0


def test_what_did_it_stands_there_with_file_line_and_text(home: Home, play: Play) -> None:
    play(PORT)

    text = render_rescue(run(home))

    assert (
        text
        == """\
✘ vagrant    does not come in: ssh to web refused on 127.0.0.1 port 2222

✘ sshd listens elsewhere
    It listens on another port.
    did it     /etc/ssh/sshd_config, line 3
               Port 2222
    mended     changed for other-port

new logins:
✔ vagrant    comes in

web is open again, and nothing of your work on it was removed.
Files that were changed lie beside themselves as they were: *.before-rescue"""
    )


def test_only_looking_mends_nothing(home: Home, play: Play) -> None:
    mended = play(PORT, BAN)

    result = run(home, yes=False)

    assert (mended, result.exit_code) == ([], 1)
    assert [finding.name for finding in result.left] == ["other-port", "ban"]
    assert "    did it     fail2ban holds it\n    mending    lets it go.\n" in render_rescue(result)
    assert render_rescue(result).endswith(
        "Nothing was changed on the machine or in your progress.\n"
        "  next       stackwalk rescue web   (asks before each; --yes mends all)"
    )


def test_a_mend_that_does_not_hold_is_said_and_ends(home: Home, play: Play) -> None:
    mended = play(PORT, heals=False)

    result = run(home)

    assert (mended, result.exit_code) == (["other-port"], 1)
    assert "    not mended changed for other-port" in render_rescue(result)


def test_shut_for_an_unknown_reason_shows_the_log_and_the_last_resorts(
    home: Home, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play()
    monkeypatch.setattr(verb, "try_ways", lambda *_: (CLOSED,))

    result = run(home)
    text = render_rescue(result)

    assert result.exit_code == 3
    assert "the last that ssh wrote on the machine:\n    sshd: a last line" in text
    assert "web is still shut, for a reason this command does not know." in text
    for command in ("machine console web", "machine restore", "machine reset"):
        assert f"stackwalk {command}" in text


def test_only_one_who_said_yes_to_all_is_helpless(home: Home, play: Play) -> None:
    play(PORT, heals=False)

    assert run(home).is_helpless
    assert not run(home, yes=False).is_helpless


def test_only_the_learner_kept_out_points_to_the_laptop(
    home: Home, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play()
    stranger = Way("deployer", works=False, why="Host key verification failed.")
    monkeypatch.setattr(verb, "try_ways", lambda *_: (OPEN, stranger))

    result = run(home)
    text = render_rescue(result)

    assert (result.exit_code, result.is_helpless) == (3, False)
    assert "✘ deployer   does not come in: Host key verification failed." in text
    assert "web lets the course in and deployer not" in text
    assert "ssh -v -F ssh_config web" in text


def test_open_with_something_left_says_so(home: Home) -> None:
    result = RescueResult(
        "web", (OPEN,), (PORT,), (Mended(PORT, done=False, lines=()),), (OPEN,), (PORT,)
    )

    assert result.exit_code == 1
    assert render_rescue(result).endswith(
        "web is open; what is marked as not mended above is left."
    )


def test_no_back_door_is_told_only_where_ssh_is_shut(
    home: Home, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(door=NoBackDoor("There is no way into web past ssh."))

    with pytest.raises(NoBackDoor):
        run(home)

    monkeypatch.setattr(verb, "try_ways", lambda *_: (OPEN,))
    assert run(home).exit_code == 0


def test_a_machine_that_is_off_says_how_to_start_it(home: Home) -> None:
    save_record(home, replace(WEB, on=False))

    with pytest.raises(NotUp) as caught:
        run(home)

    assert caught.value.next == "stackwalk machine up web"


@pytest.mark.parametrize(
    ("said", "file", "line", "text"),
    [
        pytest.param("/etc/passwd:3: a:b\nmore", "/etc/passwd", 3, "a:b", id="line"),
        pytest.param("/etc/nologin: it exists", "/etc/nologin", None, "it exists", id="file"),
        pytest.param("fail2ban holds 10.0.0.1", "", None, "", id="words"),
    ],
)
def test_evidence_is_read_as_file_line_and_text(
    said: str, file: str, line: int | None, text: str
) -> None:
    lockout = Lockout("name", "Title", "Says.", "true", "true", "mends it.", "true")

    found = read_finding(lockout, said)

    assert (found.file, found.line, found.text) == (file, line, text)
    assert found.evidence == said.split("\n")[0]


def test_the_answers_of_all_looks_are_told_apart(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_record(home, WEB)
    said = (
        "\x1e=users\nvagrant\ndeployer\n\x1f0\x1e=host keys\nssh-ed25519 A root@web\n\x1f0"
        "\x1e=log\nlast\n\x1f0\x1enologin-file\n/etc/nologin:1: Tonight\n\x1f0"
        "\x1eshell-missing\n\x1f1\x1edisk-full\nhalf a word\x1f1"
    )
    monkeypatch.setattr(shut, "run_inside", lambda *_, **__: Answer(0, said.encode(), b""))

    found = shut.look_inside(home, "web")

    assert found.users == ("vagrant", "deployer")
    assert [finding.name for finding in found.findings] == ["nologin-file"]
    assert found.log == ("last",)
    assert shut.learn_host_keys(home, "web", found)
    assert not shut.learn_host_keys(home, "web", found)


def test_up_of_a_machine_shut_from_inside_is_told_who_shut_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Inside(("vagrant",), (PORT,), (), ())
    monkeypatch.setattr(shut, "look_inside", lambda *_: inside)

    with pytest.raises(Unreachable) as caught:
        shut.require_open(home, "web")

    assert caught.value.happened == (
        "web runs, and its ssh was shut from inside: sshd listens elsewhere."
    )
    assert caught.value.next.startswith("stackwalk rescue web shows the line that did it")


def test_up_is_not_deceived_by_a_connection_from_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Inside(("vagrant",), (PORT,), (), ())
    monkeypatch.setattr(shut, "look_inside", lambda *_: inside)

    def refuse_new(*_: object, fresh: bool = False, **__: object) -> Answer:
        if fresh:
            raise Unreachable("ssh to web refused on 127.0.0.1 port 2222")
        return Answer(0, b"", b"")

    save_record(home, WEB)
    monkeypatch.setattr(machine, "run_remote", refuse_new)
    monkeypatch.setattr(shut, "run_remote", refuse_new)

    assert machine.status(home).state == "running"
    with pytest.raises(Unreachable, match="its ssh was shut from inside"):
        machine.up(home, say=print)


def test_what_vagrant_waited_for_in_vain_is_told_from_inside(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was halted with its ssh shut: it runs again, and vagrant gives up."""
    save_record(home, replace(WEB, on=False))
    inside = Inside(("vagrant",), (PORT,), (), ())
    monkeypatch.setattr(shut, "look_inside", lambda *_: inside)
    monkeypatch.setattr(docker, "is_running", lambda *_: True)
    monkeypatch.setattr(making.tool, "run_up", lambda *_: fail("Vagrant could not start web"))

    with pytest.raises(Unreachable, match="its ssh was shut from inside"):
        making._run_vagrant(home, replace(WEB, on=False), print)

    record = load_record(home, "web")
    assert record is not None and record.on


def fail(what: str) -> None:
    raise MachineError(what)


def test_up_goes_on_where_nothing_can_be_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_door(*_: object) -> Inside:
        raise NoBackDoor("There is no way into web past ssh.")

    monkeypatch.setattr(shut, "look_inside", no_door)

    shut.require_open(home, "web")


def test_the_command_prints_one_object_and_ends_with_its_code(home: Home, play: Play) -> None:
    play(PORT)

    done = CliRunner().invoke(main, ["rescue", "--look", "--json"])

    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["found"][0]["line"] == 3
    assert found["mended"] == []


def test_without_a_terminal_the_command_only_looks(home: Home, play: Play) -> None:
    mended = play(PORT)

    done = CliRunner().invoke(main, ["rescue"])

    assert (done.exit_code, mended) == (1, [])
    assert "--yes mends all" in done.stdout
