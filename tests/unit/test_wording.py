"""How places and blocks are worded."""

import pytest

from stackwalk.course import Place
from stackwalk.wording import answers_lines, body_of, entry, fence_for, terminal_title, title_of


@pytest.mark.parametrize(
    ("line", "title"),
    [
        pytest.param("%%on web as deployer in ~", "web · deployer · ~", id="machine"),
        pytest.param("%%on web as deployer", "web · deployer", id="where-the-last-cell-was"),
        pytest.param("%%on laptop", "laptop · you · ~/stackwalk/laptop", id="laptop"),
        pytest.param("%%on laptop in /tmp", "laptop · you · /tmp", id="laptop-directory"),
        pytest.param("%%write web as root /etc/motd", "web · root · /etc/motd", id="write"),
        pytest.param(
            "%%write laptop a/b.py", "laptop · you · ~/stackwalk/laptop/a/b.py", id="write-laptop"
        ),
        pytest.param("%%write laptop ~/x", "laptop · you · ~/x", id="write-laptop-home"),
        pytest.param("print()", "notebook", id="python"),
    ],
)
def test_title_says_machine_user_and_directory(line, title):
    assert title_of(f"{line}\nls") == title


def test_body_is_what_is_typed():
    assert body_of("%%on laptop\nls\npwd") == "ls\npwd"
    assert body_of("print()\n1") == "print()\n1"


@pytest.mark.parametrize(
    ("place", "title", "way"),
    [
        pytest.param(
            Place("laptop"),
            "Terminal · laptop · you · ~/stackwalk/laptop",
            "Type this",
            id="laptop",
        ),
        pytest.param(
            Place("web", "vagrant"),
            "Terminal · web · vagrant · ~",
            "`stackwalk machine ssh web`",
            id="management-account",
        ),
        pytest.param(
            Place("web", "deployer"),
            "Terminal · web · deployer · ~",
            "`ssh -F ssh_config -l deployer web`",
            id="another-account",
        ),
    ],
)
def test_terminal_says_where_and_how_to_get_there(place, title, way):
    assert terminal_title(place) == title
    assert way in entry(place)


def test_answers_are_told_and_the_password_is_not():
    lines = answers_lines({"go on?": "yes", "password:": "{password}", "name": ""})

    assert lines == [
        "- When it asks `go on?`, type `yes`.",
        "- When it asks `password:`, type the password you chose for `deployer`; "
        "nothing shows while you type.",
        "- When it asks `name`, press Enter.",
    ]


def test_fence_is_longer_than_any_in_the_text():
    assert fence_for("ls") == "````"
    assert fence_for("a ````` b") == "``````"
