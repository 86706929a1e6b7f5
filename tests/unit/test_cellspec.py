"""The first line of a typed cell."""

import pytest

from stackwalk.cellspec import OnCell, WriteCell, parse_first_line
from stackwalk.course import Place
from stackwalk.errors import UsageError


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("%%on laptop", OnCell(Place("laptop")), id="laptop"),
        pytest.param("%%on laptop in keys", OnCell(Place("laptop"), "keys"), id="laptop-directory"),
        pytest.param("%%on web as deployer", OnCell(Place("web", "deployer")), id="user"),
        pytest.param(
            "%%on web as deployer in ~ limit=300",
            OnCell(Place("web", "deployer"), "~", 300),
            id="directory-and-limit",
        ),
        pytest.param(
            "%%on web as root limit=5 in '/srv/my site'",
            OnCell(Place("web", "root"), "/srv/my site", 5),
            id="limit-first-quoted-directory",
        ),
        pytest.param("  %%on  laptop  ", OnCell(Place("laptop")), id="spaces"),
        pytest.param(
            "%%on web as root in ~ undo='ufw --force disable' within=60",
            OnCell(Place("web", "root"), "~", None, "ufw --force disable", 60),
            id="hazard",
        ),
        pytest.param(
            "%%write web as root /etc/motd",
            WriteCell(Place("web", "root"), "/etc/motd"),
            id="write",
        ),
        pytest.param(
            "%%write web as root /etc/motd mode=0600",
            WriteCell(Place("web", "root"), "/etc/motd", "0600"),
            id="write-mode",
        ),
        pytest.param(
            "%%write laptop 'my notes.txt'",
            WriteCell(Place("laptop"), "my notes.txt"),
            id="write-laptop",
        ),
        pytest.param("%%bash", None, id="another-magic"),
        pytest.param("%%onward", None, id="longer-name"),
        pytest.param("%check deployer_exists", None, id="line-magic"),
        pytest.param("print('%%on laptop')", None, id="python"),
        pytest.param("", None, id="empty"),
    ],
)
def test_first_line_that_fits_is_read(line, expected):
    assert parse_first_line(line) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("%%on", "does not say where", id="on-nothing"),
        pytest.param("%%on web", "does not say as whom on web", id="no-user"),
        pytest.param("%%on web as", "does not say as whom on web", id="as-nobody"),
        pytest.param("%%on laptop as root", "The laptop has one user", id="laptop-user"),
        pytest.param("%%on web as deployer in", "not followed by a directory", id="in-nothing"),
        pytest.param("%%on web as deployer ~", "`~` does not fit", id="directory-without-in"),
        pytest.param("%%on web as deployer limit=soon", "not a number of seconds", id="limit-word"),
        pytest.param("%%on web as deployer limit=0", "not a number of seconds", id="limit-zero"),
        pytest.param("%%on web as deployer limit=²", "not a number of seconds", id="limit-digit"),
        pytest.param("%%on laptop undo=ls", "`undo` needs a machine", id="undo-laptop"),
        pytest.param("%%on web as root undo=", "`undo` is empty", id="undo-empty"),
        pytest.param("%%on web as root within=9", "nothing would be taken back", id="within-alone"),
        pytest.param("%%on -oProxyCommand=x as root", "not the name of a machine", id="ssh-option"),
        pytest.param("%%on web as '-s'", "not the name of a user", id="sudo-option"),
        pytest.param("%%on web as 'a b'", "not the name of a user", id="user-with-space"),
        pytest.param("%%on web as deployer in 'x", "open quote", id="open-quote"),
        pytest.param("%%write web as root", "names no path", id="write-no-path"),
        pytest.param("%%write laptop a b", "names 2 paths", id="write-two-paths"),
        pytest.param("%%write laptop a/", "is a directory", id="write-directory"),
        pytest.param("%%write laptop a mode=rw", "is not a mode", id="write-mode"),
    ],
)
def test_first_line_that_does_not_fit_is_refused_with_its_reason(line, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_first_line(line)

    assert caught.value.next


def test_misspelt_laptop_is_named():
    with pytest.raises(UsageError, match="no machine called lapop") as error:
        parse_first_line("%%on lapop")

    assert error.value.next == "did you mean laptop?"
