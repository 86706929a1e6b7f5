"""What the look-ups of chapter 07 make of locks, settings and the words of programs."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

KEY = "0123456789abcdef" * 4


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("app_probes")


@pytest.fixture
def inside(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("app_inside")


def test_lock_is_read_with_versions_hashes_and_conditions(probes: ModuleType) -> None:
    text = (
        "# made by a program\n"
        "alembic==1.20.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via x\n"
        "async-timeout==5.0.1 ; python_full_version < '3.11.3' \\\n    --hash=sha256:22\n"
        "psycopg[binary]==3.3.9 --hash=sha256:33\n"
    )

    lock = probes.read_lock(text)

    assert lock == {
        "alembic": probes.Pin("1.20.1", True, False),
        "async-timeout": probes.Pin("5.0.1", True, True),
        "psycopg": probes.Pin("3.3.9", True, False),
    }


def test_lock_without_hash_or_version_is_seen(probes: ModuleType) -> None:
    lock = probes.read_lock("Flask_WTF==1.3.0\nredis>=6\nrq\n")

    assert lock == {
        "flask-wtf": probes.Pin("1.3.0", False, False),
        "redis": probes.Pin("", False, False),
        "rq": probes.Pin("", False, False),
    }


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("# a remark", id="remark"),
        pytest.param("", id="empty"),
        pytest.param("NAME=value", id="plain"),
        pytest.param("NAME=", id="no value"),
        pytest.param('NAME="two words"', id="double quotes"),
        pytest.param("NAME='a#b'", id="single quotes"),
        pytest.param("NAME=two words", id="words"),
        pytest.param("NAME=postgresql://postcards:p%2Fw$x@127.0.0.1/postcards#a", id="url"),
    ],
)
def test_plain_line_is_no_slip(probes: ModuleType, line: str) -> None:
    assert probes.find_slip(f"{line}\n") is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        pytest.param("export NAME=value", "export", id="export"),
        pytest.param("NAME=value\r", "line end", id="windows"),
        pytest.param("NAME = value", "spaces", id="spaces around"),
        pytest.param("NAME=value ", "spaces", id="space behind"),
        pytest.param("NAME=1 # nginx", "shape", id="remark behind"),
        pytest.param("NAME=${HOME}/x", "shape", id="expansion"),
        pytest.param('NAME="${HOME}/x"', "shape", id="expansion in quotes"),
        pytest.param('NAME="value', "shape", id="open quote"),
        pytest.param('NAME=a"b"c', "shape", id="quotes inside"),
        pytest.param("NAME=a\\b", "shape", id="backslash"),
        pytest.param("NAME", "shape", id="no sign"),
        pytest.param("MY-NAME=value", "shape", id="odd name"),
    ],
)
def test_line_that_two_readers_take_differently_is_a_slip(
    probes: ModuleType, line: str, kind: str
) -> None:
    slip = probes.find_slip(f"FIRST=1\n{line}\n")

    assert (slip.line, slip.kind) == (2, kind)


def test_slip_tells_the_name_and_never_the_value(probes: ModuleType) -> None:
    slip = probes.find_slip(f"export SECRET_KEY={KEY}\n")

    assert slip.name == "SECRET_KEY"
    assert KEY not in repr(slip)


def test_settings_are_read_without_their_quotes(probes: ModuleType) -> None:
    text = "# one\nA=1\nB=\"two words\"\nC='x'\n"

    assert probes.read_settings(text) == {"A": "1", "B": "two words", "C": "x"}


@pytest.mark.parametrize(
    ("rc", "stdout", "stderr", "complaint"),
    [
        pytest.param(0, 'noise\n{"a": 1}\n', "a log line\n", "", id="answer"),
        pytest.param(1, "", "Traceback\n  File\nImportError: no\n", "ImportError: no", id="fault"),
        pytest.param(0, "no json\n", "", "exit status 0, and not a word", id="no answer"),
        pytest.param(126, "", "", "exit status 126, and not a word", id="silence"),
    ],
)
def test_told_is_an_answer_or_the_gist_of_a_complaint(
    probes: ModuleType, rc: int, stdout: str, stderr: str, complaint: str
) -> None:
    told = probes.read_told(rc, stdout, stderr)

    assert told == probes.Told({} if complaint else {"a": 1}, complaint)


def test_secrets_are_the_key_and_passwords_in_both_their_forms(inside: ModuleType) -> None:
    text = (
        f"SECRET_KEY='{KEY}'\n"
        "DATABASE_URL=postgresql://postcards:a%2Fb-and-more-of-it@127.0.0.1/postcards\n"
        "REDIS_URL=redis://:postcards@127.0.0.1:6379/0\n"
        "ODD_URL=http://[broken\n"
        "MEDIA_FOLDER=/var/lib/postcards/media\n"
    )

    assert inside.find_secrets(text) == {KEY, "a%2Fb-and-more-of-it", "a/b-and-more-of-it"}


def test_package_that_is_changed_after_it_was_installed_is_seen(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = tmp_path
    about = site / "greeting-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
    (site / "greeting.py").write_text("words = 'Dear visitor'\n")
    digest = "sha256=QYm7JgT_m9JcFw4Q6c0VQ1N2i3J4m5vZ1b6o7x8y9zA"  # of something else
    record = f"greeting.py,{digest},22\n../bin/tool,{digest},1\n"
    (about / "RECORD").write_text(record)
    paths = {"purelib": str(site), "platlib": str(site)}
    monkeypatch.setattr(inside.sysconfig, "get_paths", lambda: paths)

    found = inside.packages()

    assert found == {"packages": {"greeting": "1.0"}, "changed": ["greeting.py"], "direct": []}
