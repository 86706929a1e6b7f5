"""What the look-ups of chapter 05 make of repositories, and of what git prints."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import testinfra

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("git_probes")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "a b.txt", "one\n")
    return tmp_path


@pytest.fixture
def host() -> object:
    return testinfra.get_host("local://")


def git(folder: Path, *words: str) -> str:
    author = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=no"]
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", name)


def test_refs_lead_to_commits_also_through_an_annotated_tag(
    probes: ModuleType, host: object, repo: Path
) -> None:
    git(repo, "tag", "-a", "-m", "one", "v1.0")
    head = git(repo, "rev-parse", "HEAD")

    assert probes.refs(host, str(repo)) == {"refs/heads/main": head, "refs/tags/v1.0": head}
    assert probes.refs(host, str(repo / "absent")) == {}


def test_file_that_was_removed_was_tracked_once(
    probes: ModuleType, host: object, repo: Path
) -> None:
    commit(repo, ".env", "SECRET\n")
    git(repo, "rm", "-q", ".env")
    git(repo, "commit", "-q", "-m", "out")

    assert probes.tracked(host, str(repo), "main") == ["a b.txt"]
    assert probes.ever_tracked(host, str(repo)) == {"a b.txt", ".env"}


def test_private_key_is_found_where_no_name_leads_to_it(
    probes: ModuleType, host: object, repo: Path
) -> None:
    commit(repo, "key", KEY)
    commit(repo, "text", "a line about -----BEGIN OPENSSH PRIVATE KEY----- is none\n")
    blob = git(repo, "rev-parse", "HEAD:key")

    assert probes.private_keys(host, str(repo / ".git")) == [blob]
    assert probes.reaching(host, str(repo), [blob]) == {"refs/heads/main": True}
    assert len(probes.commits_with_private_key(host, str(repo))) == 1

    git(repo, "rm", "-q", "key")
    git(repo, "commit", "-q", "-m", "out")
    assert probes.reaching(host, str(repo), [blob]) == {"refs/heads/main": False}

    git(repo, "reset", "-q", "--hard", "HEAD~3")
    assert probes.private_keys(host, str(repo / ".git")) == [blob]
    assert probes.reaching(host, str(repo), [blob]) == {}
    assert probes.commits_with_private_key(host, str(repo)) == []


def test_release_differs_where_a_file_was_changed_is_missing_or_is_extra(
    probes: ModuleType, host: object, repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    commit(repo, "b", "two\n")
    code = tmp_path_factory.mktemp("code")
    (code / "a b.txt").write_text("one\n")
    (code / "b").write_text("two\n")
    (code / "RELEASE").write_text("v1.0\n")
    same = probes.compare(host, str(repo / ".git"), "main", str(code))
    (code / "a b.txt").write_text("mended\n")
    (code / "b").unlink()
    (code / "c").touch()

    other = probes.compare(host, str(repo / ".git"), "main", str(code))

    assert (same.changed, same.extra) == ((), ())
    assert (other.changed, other.extra) == (("a b.txt", "b"), ("c",))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "remote: ./health.py, line 3        \nremote: \nremote: refused: main        \n"
            "To /srv/git/p.git\n ! [remote rejected] HEAD -> main (pre-receive hook declined)\n",
            "./health.py, line 3; refused: main",
        ),
        (
            "To /srv/git/p.git\n ! [remote rejected] main -> main (pre-receive hook declined)\n",
            "! [remote rejected] main -> main (pre-receive hook declined)",
        ),
        ("Everything up-to-date\n", ""),
    ],
)
def test_what_the_pusher_was_told(probes: ModuleType, said: str, told: str) -> None:
    assert probes.told(said) == told


def test_everything_that_a_trial_pushes_is_made_in_one_go(
    load_probes: Callable[[str], ModuleType], repo: Path
) -> None:
    trial = load_probes("push_trial")
    for name in ("README.md", "requirements-test.txt"):
        commit(repo, name, "as it was\n")
    git(repo, "update-ref", "refs/remotes/origin/main", "HEAD")
    stream = "".join(trial.history(git(repo, "rev-parse", "HEAD^{tree}")))

    subprocess.run(
        ["git", "-C", str(repo), "fast-import", "--quiet"], input=stream, text=True, check=True
    )

    assert git(repo, "ls-tree", "-r", "--name-only", "v99.3").splitlines() == [
        "README.md",
        "a b.txt",
        "trial-new.txt",
        "trial.txt",
    ]
    assert git(repo, "show", "v99.2:postcards/views/trial.py") == "def broken(:"
    assert git(repo, "rev-list", "--count", "anew") == "1"
    assert git(repo, "diff", "--stat", "anew", "main") == ""


def test_code_that_a_pattern_keeps_out_is_found(
    probes: ModuleType, host: object, repo: Path
) -> None:
    commit(repo, ".gitignore", "media*\n")
    (repo / "app/media").mkdir(parents=True)
    for name in ("app/media.py", "app/media/ann.jpg", "app/new.py"):
        (repo / name).touch()

    assert probes.ignored_code(host, str(repo), "app") == ["app/media.py"]


def test_list_of_one_computer_does_not_come_with_a_clone(
    probes: ModuleType, host: object, repo: Path
) -> None:
    commit(repo, ".gitignore", ".env\n")
    (repo / ".git/info/exclude").write_text("*.sql\n")
    (repo / ".gitignore").write_text(".env\nmedia/\n")

    kept = probes.ignored_in_a_clone(host, str(repo), [".env", "a.sql", "media/ann.jpg"])
    nothing = probes.ignored_in_a_clone(host, str(repo), ["a.sql"])

    assert kept == [".env"]
    assert nothing == []


def test_folder_that_cannot_be_cloned_is_said(
    probes: ModuleType, host: object, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match="could not be cloned"):
        probes.ignored_in_a_clone(host, str(tmp_path / "absent"), [".env"])


def test_private_key_that_the_next_commit_would_take_is_found(
    probes: ModuleType, host: object, repo: Path
) -> None:
    commit(repo, ".gitignore", "kept_key\n")
    nothing = probes.untracked_private_keys(host, str(repo))
    for name in ("a key", "kept_key"):
        (repo / name).write_text(KEY)
    (repo / "text").write_text("no key\n")

    assert nothing == []
    assert probes.untracked_private_keys(host, str(repo)) == ["a key"]
