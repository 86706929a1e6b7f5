"""Typing into a real login session: bash on this computer as the far side."""

import pytest

from stackwalk import login
from stackwalk.course import Place, Step
from stackwalk.home import Home
from stackwalk.login import TypingFailed, type_step

LAPTOP = Place("laptop")


def test_lines_are_typed_one_after_another_in_the_working_folder(home: Home) -> None:
    typed = type_step(home, Step(LAPTOP, "pwd\necho done >note"), secrets={})

    assert str(home.laptop) in typed.screen
    assert (home.laptop / "note").read_text() == "done\n"


def test_question_is_answered_and_the_secret_never_shown(home: Home) -> None:
    step = Step(
        LAPTOP, "read -sp 'Password: ' word; echo \"$word\" >word", {"Password:": "{password}"}
    )

    typed = type_step(home, step, secrets={"password": "s3cret"})

    assert (home.laptop / "word").read_text() == "s3cret\n"
    assert "s3cret" not in typed.screen


def test_secret_that_is_printed_is_masked(home: Home) -> None:
    typed = type_step(
        home,
        Step(LAPTOP, "read -p 'Name: ' name; echo hello $name", {"Name:": "{password}"}),
        secrets={"password": "s3cret"},
    )

    assert "hello {password}" in typed.screen


def test_shell_opened_by_a_line_is_followed_and_closed(home: Home) -> None:
    typed = type_step(home, Step(LAPTOP, "sh\necho inside $0\nexit\necho back"), secrets={})

    assert "inside sh" in typed.screen
    assert typed.screen.splitlines()[-2] == "back"


def test_here_document_is_typed_through(home: Home) -> None:
    type_step(home, Step(LAPTOP, "cat >text <<END\none\ntwo\nEND"), secrets={})

    assert (home.laptop / "text").read_text() == "one\ntwo\n"


def test_question_nobody_foresaw_is_said_with_the_screen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "LINE_LIMIT_S", 1)

    with pytest.raises(TypingFailed, match="no prompt came back within 1 s") as error:
        type_step(home, Step(LAPTOP, "read -p 'Really? ' answer"), secrets={})

    assert "Really?" in str(error.value)


def test_session_that_ends_early_is_said(home: Home) -> None:
    with pytest.raises(TypingFailed, match="the session ended"):
        type_step(home, Step(LAPTOP, "kill -9 $$\necho never"), secrets={})
