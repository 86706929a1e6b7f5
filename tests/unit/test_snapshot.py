"""Snapshots without a machine: what is kept, what is asked, every message; a provider of memory."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from samples import write_program

from stackwalk import machine, store, vantage
from stackwalk.cli import main
from stackwalk.commands import catchup, keep, look
from stackwalk.errors import MachineError, NotUp, UsageError
from stackwalk.home import Home
from stackwalk.machine import choose, console, docker, libvirt, making, snapshot, virtualbox
from stackwalk.machine.backdoor import NoBackDoor
from stackwalk.machine.record import Record, kept_key, load_record, save_record, snapshots_file
from stackwalk.scaffold import new_chapter
from stackwalk.verdict import Status, Verdict

WEB = Record("web", "memory", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")


class Provider:
    """Keeps labels; ``broken`` refuses to take one."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.restored: list[str] = []
        self.broken = False

    def take_snapshot(self, home: Home, record: Record, label: str) -> None:
        if self.broken:
            raise MachineError("the disk is full", safe="The machine runs on.")
        self.sizes[label] = 2**20

    def restore_snapshot(self, home: Home, record: Record, label: str) -> Mapping[str, str]:
        self.restored.append(label)
        return {}

    def remove_snapshot(self, home: Home, record: Record, label: str) -> None:
        del self.sizes[label]

    def snapshot_sizes(self, home: Home, record: Record) -> dict[str, int]:
        return dict(self.sizes)


@pytest.fixture
def provider(home: Home, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A machine that runs, and a provider that only remembers."""
    provider = Provider()
    monkeypatch.setitem(choose.PROVIDERS, "memory", provider)
    monkeypatch.setattr(snapshot.room, "check_disk", lambda home: None)
    monkeypatch.setattr(snapshot, "settle", lambda *_: None)
    monkeypatch.setattr(making, "_run_vagrant", lambda home, record, say, made_from: None)
    save_record(home, WEB)
    return provider


@pytest.fixture
def course(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Two chapters of one task each; ``status`` is what every look at the machine gives."""
    for number, slug in (("01", "one"), ("02", "two")):
        new_chapter(tmp_path / "course", number, slug)
    monkeypatch.setenv("STACKWALK_COURSE", str(tmp_path / "course"))
    seen = SimpleNamespace(status=Status.MET, looks=0)

    def see(course: object, tasks: list[object], *_: object, **__: object) -> list[Verdict]:
        seen.looks += 1
        return [Verdict(task.id, seen.status, "", found="so it is") for task in tasks]  # type: ignore[attr-defined]  # tasks of the course

    monkeypatch.setattr(vantage, "run_checks", see)
    monkeypatch.setattr(look, "machine_can", lambda home: frozenset())
    monkeypatch.setattr(keep, "machine_can", lambda home: frozenset())
    return seen


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def labels(home: Home) -> list[str]:
    return [each.label for each in snapshot.load(home)]


def test_a_snapshot_is_listed_with_its_cost(home: Home, provider: Provider) -> None:
    assert (
        "web is kept as before-nginx (1 MiB)" in run("machine", "snapshot", "before-nginx").stdout
    )

    listed = run("machine", "snapshots").stdout

    assert "before-nginx" in listed
    assert "together 1 MiB of this computer's disk" in listed
    (row,) = json.loads(run("machine", "snapshots", "--json").stdout)["snapshots"]
    assert (row["label"], row["automatic"], row["size_bytes"]) == ("before-nginx", False, 2**20)


def test_without_a_label_the_time_is_the_label(home: Home, provider: Provider) -> None:
    assert snapshot.take(home).label[:2] == "20"


@pytest.mark.usefixtures("provider")
def test_no_snapshots_is_said() -> None:
    assert "web has no snapshots." in run("machine", "snapshots").stdout
    assert "web has no snapshot yet." in run("machine", "restore", "--yes").stderr


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("label", ["Big", "a b", "-x", "a/b", "x" * 41, "ä"])
def test_a_label_docker_could_not_take_is_refused(label: str) -> None:
    assert "cannot be the label of a snapshot" in run("machine", "snapshot", "--", label).stderr


@pytest.mark.usefixtures("provider")
def test_a_label_twice_is_refused() -> None:
    run("machine", "snapshot", "a")

    result = run("machine", "snapshot", "a")

    assert result.exit_code == 2
    assert "web has a snapshot a already" in result.stderr
    assert "stackwalk machine snapshot --remove a" in result.stderr


def test_an_automatic_one_replaces_its_like_and_never_a_learners(
    home: Home, provider: Provider
) -> None:
    snapshot.take(home, label="a", automatic=True)
    snapshot.take(home, label="a", automatic=True)
    snapshot.take(home, label="b")

    with pytest.raises(UsageError, match="has a snapshot b already"):
        snapshot.take(home, label="b", automatic=True)
    assert labels(home) == ["a", "b"]


def test_the_newest_three_automatic_ones_stay_and_all_of_the_learners(
    home: Home, provider: Provider
) -> None:
    snapshot.take(home, label="mine")
    for label in ("01", "02", "03", "04"):
        snapshot.take(home, label=label, automatic=True)

    assert labels(home) == ["mine", "02", "03", "04"]
    assert set(provider.sizes) == set(labels(home))


def test_a_removed_one_gives_its_space_back(home: Home, provider: Provider) -> None:
    snapshot.take(home, label="mine")

    assert (
        "the snapshot mine of web is gone (1 MiB)"
        in run("machine", "snapshot", "--remove", "mine").stdout
    )
    assert provider.sizes == {}


@pytest.mark.usefixtures("provider")
def test_which_one_to_remove_is_asked() -> None:
    assert "Which snapshot?" in run("machine", "snapshot", "--remove").stderr


def test_what_the_provider_lost_is_not_offered(home: Home, provider: Provider) -> None:
    snapshot.take(home, label="mine")
    provider.sizes.clear()

    assert labels(home) == []


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("text", ["", "[", '[{"strange": 1}]', "7"])
def test_a_damaged_note_loses_no_snapshot(home: Home, text: str) -> None:
    snapshot.take(home, label="mine", automatic=True)
    snapshots_file(home, "web").write_text(text)

    assert labels(home) == ["mine"]
    assert "taken on an unknown day" in run("machine", "restore").stderr


def test_a_machine_that_is_off_is_not_kept(home: Home, provider: Provider) -> None:
    save_record(home, replace(WEB, on=False))

    with pytest.raises(NotUp):
        snapshot.take(home, label="mine")


@pytest.mark.usefixtures("course")
def test_restore_says_what_is_lost_and_asks(home: Home, provider: Provider) -> None:
    run("machine", "snapshot", "mine")
    store.change(home, lambda now: replace(now, tasks={"one_begun": met("2999-01-01")}))

    result = run("machine", "restore")

    assert result.exit_code == 2
    assert "This puts web back to the snapshot mine, taken on 20" in result.stderr
    assert "lost       all that happened on web since then" in result.stderr
    assert "one_begun, met on web since" in result.stderr
    assert "stackwalk machine restore mine --yes" in result.stderr
    assert provider.restored == []


def met(at: str) -> store.TaskRecord:
    return store.TaskRecord(met_at=at)


@pytest.mark.usefixtures("course")
def test_restore_takes_the_newest_or_the_one_named(home: Home, provider: Provider) -> None:
    for label in ("a", "b"):
        snapshot.take(home, label=label)

    assert "web is as it was on" in run("machine", "restore", "--yes").stdout
    run("machine", "restore", "a", "--yes")
    unknown = run("machine", "restore", "c", "--yes")

    assert provider.restored == ["b", "a"]
    assert "web has no snapshot c." in unknown.stderr
    assert "one of: a, b" in unknown.stderr


@pytest.mark.usefixtures("course")
def test_a_restore_stopped_half_way_is_remembered(
    home: Home, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    snapshot.take(home, label="mine")
    monkeypatch.setattr(making, "_run_vagrant", stop)

    assert run("machine", "restore", "--yes").exit_code == 130
    record = load_record(home, "web")
    assert record is not None
    assert record.rewinding == "mine"


def test_a_finished_chapter_is_kept_once(
    home: Home, provider: Provider, course: SimpleNamespace
) -> None:
    first = run("check", "one_begun").stdout

    assert (
        "Chapter 01 is finished: web as it is now is kept as the snapshot 01-one (1 MiB)" in first
    )
    assert "is kept as" not in run("check", "01").stdout
    assert [each.automatic for each in snapshot.load(home)] == [True]


def test_an_unfinished_chapter_is_not_kept(
    home: Home, provider: Provider, course: SimpleNamespace
) -> None:
    course.status = Status.UNMET
    run("check")

    assert labels(home) == []


def test_a_snapshot_that_fails_never_harms_the_check(
    home: Home, provider: Provider, course: SimpleNamespace
) -> None:
    provider.broken = True

    result = run("check")

    assert result.exit_code == 0
    assert "✔ one_begun" in result.stdout
    assert "no snapshot was taken (the disk is full); your check stands" in result.stdout
    assert store.load(home).progress.of("one_begun").met_at


def test_reset_goes_to_the_snapshot_before_the_chapter(
    home: Home, provider: Provider, course: SimpleNamespace
) -> None:
    run("check")
    course.status = Status.UNMET

    result = run("machine", "reset", "--yes")

    assert provider.restored == ["01-one"]
    assert result.exit_code == 1
    assert "○" in result.stdout or "✘" in result.stdout


def test_reset_of_a_chapter_by_name(
    home: Home, provider: Provider, course: SimpleNamespace
) -> None:
    for target in ("01", "02"):
        run("check", target)

    assert "brings it to the start of chapter 01, One" in run("machine", "reset", "01").stderr
    assert "back to the snapshot 01-one" in run("machine", "reset", "two").stderr
    assert "no task or chapter called '07'" in run("machine", "reset", "07").stderr


@pytest.mark.usefixtures("course")
def test_reset_without_a_snapshot_is_a_catch_up() -> None:
    result = run("machine", "reset")

    assert result.exit_code == 2
    assert "brings it to the start of chapter 01, One" in result.stderr
    assert "stackwalk machine reset --yes" in result.stderr


def test_catching_up_keeps_what_it_made(
    home: Home, provider: Provider, course: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "destroy", lambda *_, **__: None)
    monkeypatch.setattr(machine, "up", lambda *_, **__: None)
    monkeypatch.setattr(catchup, "run_roles", lambda *_, **__: 0)

    assert "kept as the snapshot 01-one" in run("catch-up", "02", "--yes").stderr
    provider.broken = True
    run("machine", "snapshot", "--remove", "01-one")

    result = run("catch-up", "02", "--yes")

    assert result.exit_code == 0
    assert "no snapshot was taken: the disk is full" in result.stderr


@pytest.mark.usefixtures("provider")
def test_destroy_says_that_the_snapshots_go_too() -> None:
    run("machine", "snapshot", "mine")

    said = run("machine", "destroy").stderr

    assert "This deletes web and everything on it, and its snapshots: mine." in said


@pytest.mark.usefixtures("provider")
def test_a_console_wants_a_terminal() -> None:
    assert "A console needs a terminal" in run("machine", "console").stderr


def test_virtualbox_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtualbox, "find_program", lambda: None)

    with pytest.raises(MachineError, match="VirtualBox is not installed"):
        virtualbox.check()


def test_virtualbox_that_cannot_is_quoted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtualbox, "find_program", lambda: None)

    with pytest.raises(MachineError, match="could not take the snapshot mine: VBoxManage was not"):
        virtualbox.take_snapshot(home, WEB, "mine")


def test_virtualbox_labels_are_read_from_its_list(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = 'echo SnapshotName=\\"a\\"; echo SnapshotUUID=1; echo SnapshotName-1=\\"b\\"'
    fake(tmp_path, monkeypatch, "VBoxManage", told)

    assert virtualbox.snapshot_sizes(home, WEB) == {"a": 0, "b": 0}


def test_virtualbox_is_taken_on_a_mac_that_has_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWALK_PROVIDER", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(choose.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(virtualbox, "find_program", lambda: "VBoxManage")

    assert choose.choose_provider(home, print).NAME == "virtualbox"


def test_a_console_virtualbox_cannot_open_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_record(home, replace(WEB, provider="virtualbox"))

    with pytest.raises(NoBackDoor):
        console.open_console(home, "web", begin=lambda: pytest.fail("said before it was looked"))


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    write_program(folder, name, script)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_docker_that_cannot_commit_is_quoted(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "docker", "echo no space left on device >&2; exit 1")

    with pytest.raises(MachineError, match="could not take a snapshot of web: no space left"):
        docker.take_snapshot(home, WEB, "mine")


def test_docker_without_the_image_leaves_the_machine(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "docker", '[ "$1" = images ] || { touch "$0.called"; exit 1; }')

    with pytest.raises(MachineError, match="docker no longer has the snapshot mine of web"):
        docker.restore_snapshot(home, WEB, "mine")

    assert not (tmp_path / "bin" / "docker.called").exists()


def test_layers_shared_with_an_older_snapshot_count_once(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = r"""case "$1 $*" in
    images*) printf '2026-11-21 09:02\tb\n2026-11-21 09:01\ta\n' ;;
    history*:b) printf 'B\t5\tstackwalk snapshot\n' ;;
    esac
    [ "$1" = images ] || printf 'A\t100\tstackwalk snapshot\nBASE\t900\timported\n'"""
    fake(tmp_path, monkeypatch, "docker", script)

    assert docker.snapshot_sizes(home, WEB) == {"a": 100, "b": 5}


def test_the_key_is_kept_privately_before_vagrant_forgets_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.vagrant.mkdir(parents=True)
    (tmp_path / "key").write_text("secret")

    docker._keep_key(home, replace(WEB, identity_file=str(tmp_path / "key")))
    docker._keep_key(home, replace(WEB, identity_file=str(tmp_path / "gone")))

    assert kept_key(home, "web").read_text() == "secret"
    assert kept_key(home, "web").stat().st_mode & 0o777 == 0o600


def test_libvirt_that_cannot_is_quoted(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "virsh", "echo unsupported configuration >&2; exit 1")

    with pytest.raises(MachineError, match="could not restore the snapshot mine of web: unsup"):
        libvirt.restore_snapshot(home, WEB, "mine")
