"""What the look-ups of chapter 06 make of the texts that psql and pg_restore print."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("postgres_probes")


CALL = 'psql: error: connection to server at "127.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param("1\n", "let in", id="in"),
        pytest.param(
            f'{CALL}FATAL:  database "postcards" does not exist\n',
            "let in",
            id="in, at a database that is not there",
        ),
        pytest.param(
            f'{CALL}FATAL:  permission denied for database "postcards"\n',
            "let in",
            id="in, at another's database",
        ),
        pytest.param(
            f'{CALL}FATAL:  role "nobody_of_ours" does not exist\n', "let in", id="trusted"
        ),
        pytest.param(
            f"{CALL}fe_sendauth: no password supplied\n",
            "fe_sendauth: no password supplied",
            id="asked",
        ),
        pytest.param(
            f'{CALL}FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "a", SSL encryption\n'
            'connection to server at "127.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry\n',
            'no pg_hba.conf entry for host "127.0.0.1", user "a", SSL encryption',
            id="no rule",
        ),
        pytest.param(
            'WARNING: password file "/home/deployer/.pgpass" has group or world access\n'
            f"{CALL}fe_sendauth: no password supplied\n",
            'WARNING: password file "/home/deployer/.pgpass" has group or world access',
            id="open password file",
        ),
    ],
)
def test_attempt_is_read_as_in_or_as_the_words_that_matter(
    probes: ModuleType, said: str, told: str
) -> None:
    assert probes.read_attempt(said) == told


@pytest.mark.parametrize(
    ("text", "password"),
    [
        pytest.param("127.0.0.1:5432:*:postcards:abc\n", "abc", id="plain"),
        pytest.param("# mine\n*:*:*:*:abc\n", "abc", id="stars"),
        pytest.param(r"127.0.0.1:5432:*:postcards:a\:b\\c", r"a:b\c", id="with a colon in it"),
        pytest.param("127.0.0.1:5432:*:practice:abc\n", "", id="another role"),
        pytest.param("localhost:5432:*:postcards:abc\n", "", id="another name for the host"),
    ],
)
def test_password_is_that_of_the_first_line_that_fits(
    probes: ModuleType, text: str, password: str
) -> None:
    assert probes.read_pgpass(text, role="postcards") == password


def test_rows_of_a_dump_are_the_lines_of_its_copy(probes: ModuleType) -> None:
    text = "SET x = 1;\nCOPY public.stamps (id, note) FROM stdin;\n2\t\\N\n1\ta\n\\.\n\n-- done\n"

    assert probes.read_copy(text) == ["1\ta", "2\t\\N"]


def test_rows_of_an_empty_table_are_none_and_of_another_form_unknown(probes: ModuleType) -> None:
    assert probes.read_copy("COPY public.stamps (id) FROM stdin;\n\\.\n") == []
    assert probes.read_copy("INSERT INTO public.stamps VALUES (1);\n") is None


def test_nobody_who_listens_is_away(probes: ModuleType) -> None:
    socket = 'connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: '
    reply = probes.Reply("", probes.first_fault(f"psql: error: {socket}No such file or directory"))

    assert probes.is_away(reply)
    assert not probes.is_away(probes.Reply("", 'Peer authentication failed for user "postgres"'))
