"""The kept shell on a real machine: users, a reboot in between, a connection that is cut."""

import os
import signal
import subprocess
import threading
import time

import pytest

from stackwalk import machine
from stackwalk.cellspec import WriteCell
from stackwalk.course import Place
from stackwalk.errors import MachineError, NotUp
from stackwalk.filecell import write_file
from stackwalk.home import Home
from stackwalk.session import CellResult, Session, run_cell
from stackwalk.way import find_way

pytestmark = pytest.mark.machine


@pytest.fixture
def open_at(machine_home):
    opened = []

    def open_(user: str) -> Session:
        place = Place("web", user)
        opened.append(Session(place, lambda: find_way(machine_home, place)))
        return opened[-1]

    yield open_
    for session in opened:
        session.close()


def run(session: Session, text: str, **options) -> tuple[CellResult, str]:
    pieces: list[str] = []
    result = run_cell(session, text, show=pieces.append, **options)
    return result, "".join(pieces)


@pytest.mark.parametrize("user", ["vagrant", "root"])
def test_cell_runs_as_the_user_it_names_in_its_home(open_at, user):
    session = open_at(user)

    result, output = run(session, "id -un; pwd; hostname; tty; false")

    folder = "/root" if user == "root" else "/home/vagrant"
    assert output == f"{user}\n{folder}\nweb\nnot a tty\n"
    assert (result.exit_status, result.directory_before) == (1, "~")


def test_variables_and_directory_stay_on_the_machine(open_at):
    session = open_at("root")
    run(session, "colour=blue; export SHAPE=round", directory="/etc/ssh")

    _, output = run(session, "echo $colour $(printenv SHAPE); pwd")

    assert output == "blue round\n/etc/ssh\n"


def test_user_that_does_not_exist_is_said(open_at):
    with pytest.raises(MachineError, match="nobody-yet does not exist on web yet"):
        run(open_at("nobody-yet"), "true")


def test_sudo_that_wants_a_password_fails_at_once_and_says_where_to_go(open_at):
    result, output = run(open_at("vagrant"), "sudo -u nobody sudo true", limit_s=20)

    assert result.exit_status == 1
    assert "this wanted to ask, and a cell cannot answer: do it in the terminal" in output


def test_interrupt_ends_the_command_on_the_machine(open_at, machine_home):
    session, watcher = open_at("root"), open_at("vagrant")
    run(session, "colour=blue")

    def when_it_runs() -> None:
        while run(watcher, "pgrep -fx 'sleep 4711' >/dev/null")[0].exit_status:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=when_it_runs)
    thread.start()
    result, _ = run(session, "colour=red; while true; do sleep 4711; done", limit_s=60)
    thread.join()

    assert result.ended == "interrupted"
    assert run(watcher, "pgrep -fx 'sleep 4711'")[0].exit_status == 1
    assert run(session, "echo $colour")[1] == "blue\n"


def test_connection_cut_in_the_middle_is_said_and_the_state_restored(open_at, machine_home):
    session = open_at("vagrant")
    run(session, "colour=blue; cd /etc")
    begun = threading.Event()

    def cut() -> None:
        begun.wait(30)
        subprocess.run(
            ["ssh", "-F", str(machine_home.ssh_config), "-O", "exit", "web"],
            check=True,
            capture_output=True,
        )

    thread = threading.Thread(target=cut)
    thread.start()
    result, output = run(
        session, "colour=red; sleep 60", begin=lambda directory: begun.set(), limit_s=90
    )
    thread.join()

    assert (result.ended, result.exit_status) == ("lost", 255)
    assert "the connection to web was lost while this ran" in output
    assert run(session, "echo $colour; pwd")[1] == "blue\n/etc\n"


def test_reboot_between_two_cells_keeps_directory_and_variables(open_at, machine_home: Home):
    session = open_at("root")
    run(session, "colour=blue; shape() { echo round; }; cd /etc/ssh")
    boot = run(session, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")[1]
    machine.reboot(machine_home, say=print)

    result, output = run(session, "echo $colour $(shape); pwd; stat -c %Y /proc/1")

    assert output.splitlines()[:2] == ["blue round", "/etc/ssh"]
    assert result.ended == "done"
    assert output.splitlines()[2] != boot.splitlines()[1]


def test_reboot_from_a_cell_is_waited_for(open_at):
    session = open_at("root")
    run(session, "colour=blue; cd /etc/ssh")
    run(session, "systemctl reboot; sleep 60")

    _, output = run(session, "echo $colour; pwd")

    assert output.endswith("blue\n/etc/ssh\n")


def test_machine_that_is_off_is_said(open_at, machine_home):
    session = open_at("vagrant")
    run(session, "true")
    machine.halt(machine_home, say=print)

    with pytest.raises(NotUp):
        run(session, "true")


def test_file_is_written_as_root_with_its_mode_and_the_old_text_is_kept(open_at, machine_home):
    cell = WriteCell(Place("web", "root"), "/root/a file.conf", "0600")

    first = write_file(machine_home, cell, "one\ncafé $HOME `x`\n")
    second = write_file(machine_home, WriteCell(cell.place, cell.path), "two\n")

    assert (first.before, first.kept) == (None, None)
    assert second.before == "one\ncafé $HOME `x`\n".encode()
    assert second.kept is not None
    assert second.kept.read_bytes() == second.before
    seen = run(open_at("root"), "stat -c '%a %U' ~/'a file.conf'; cat ~/'a file.conf'; ls -A ~")[1]
    assert seen.startswith("600 root\ntwo\n")
    assert ".stackwalk" not in seen


def test_file_is_not_written_where_a_directory_stands(machine_home):
    with pytest.raises(MachineError, match="/etc is a directory; name the file in it"):
        write_file(machine_home, WriteCell(Place("web", "root"), "/etc"), "x\n")


def test_file_that_may_not_be_written_says_what_the_machine_said(machine_home):
    with pytest.raises(MachineError, match=r"could not be written .*Permission denied"):
        write_file(machine_home, WriteCell(Place("web", "vagrant"), "/etc/new"), "x\n")
