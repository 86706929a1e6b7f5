"""The kept shell behind typed cells; a bash on this computer stands in for the machine."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from stackwalk.cellspec import LAPTOP
from stackwalk.course import Place
from stackwalk.errors import MachineError, Unreachable, UsageError
from stackwalk.home import Home
from stackwalk.session import CellResult, Session, run_cell
from stackwalk.way import SSH_FAILED, Way, find_way


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "stackwalk")


@pytest.fixture
def session(home):
    session = Session(Place(LAPTOP), lambda: find_way(home, Place(LAPTOP)))
    yield session
    session.close()


class Ran:
    """One cell's result with all it printed."""

    def __init__(self, session: Session, text: str, **options):
        self.pieces: list[str] = []
        self.begun_in = ""
        self.result: CellResult = run_cell(
            session, text, show=self.pieces.append, begin=self._begin, **options
        )

    @property
    def output(self) -> str:
        return "".join(self.pieces)

    def _begin(self, directory: str) -> None:
        self.begun_in = directory


def wait_for(condition, limit_s=10):
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "the condition was not reached"
        time.sleep(0.01)


def interrupt_once(condition) -> threading.Thread:
    """Sends what Ctrl-C sends, as soon as the condition holds."""

    def work():
        wait_for(condition)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_directory_variables_and_status_stay_for_the_next_cell(session, home):
    first = Ran(session, "mkdir keys; cd keys; colour=blue; export SHAPE=round; false")

    second = Ran(session, 'echo "$? $colour $(printenv SHAPE)"; pwd')

    assert first.result.exit_status == 1
    assert second.output == f"1 blue round\n{home.laptop}/keys\n"
    assert second.result.directory_before == str(home.laptop / "keys")


def test_functions_and_options_stay_for_the_next_cell(session):
    Ran(session, "greet() { echo hello $1; }; set -o pipefail; shopt -s nullglob")

    ran = Ran(session, "greet you; false | true; echo $?; shopt nullglob")

    assert ran.output == "hello you\n1\nnullglob       \ton\n"


def test_directory_is_entered_and_told_before_any_output(session, home, tmp_path):
    (home.laptop / "keys").mkdir(parents=True)

    relative = Ran(session, "pwd", directory="keys")
    absolute = Ran(session, "pwd", directory=str(tmp_path))
    again = Ran(session, "pwd", directory="keys")

    assert relative.begun_in == str(home.laptop / "keys")
    assert absolute.output == f"{tmp_path}\n"
    assert again.output == f"{home.laptop}/keys\n"


def test_directory_below_the_home_is_shown_with_a_tilde(session):
    ran = Ran(session, "pwd", directory="~")

    assert ran.begun_in == "~"
    assert ran.output == f"{os.environ['HOME']}\n"


def test_directory_that_does_not_exist_refuses_and_runs_nothing(session, home):
    with pytest.raises(UsageError, match="cannot work in nowhere: No such file or directory"):
        Ran(session, "touch ran", directory="nowhere")

    assert not (home.laptop / "ran").exists()


def test_stderr_and_stdout_come_in_order(session):
    ran = Ran(session, "echo one; echo two >&2; echo three")

    assert ran.output == "one\ntwo\nthree\n"


def test_lines_of_an_error_are_counted_from_the_cells_first(session):
    ran = Ran(session, "true\n\nno-such-command")

    assert ran.output == "bash: line 3: no-such-command: command not found\n"
    assert ran.result.exit_status == 127


def test_partial_line_is_shown_before_the_line_ends(session, home):
    shown: list[str] = []

    def show(piece: str) -> None:
        shown.append(piece)
        (home.laptop / "seen").touch()

    result = run_cell(
        session,
        "printf 'Password'; until [ -e seen ]; do sleep 0.01; done; printf ': no newline'",
        show=show,
        limit_s=20,
    )

    assert result.ended == "done"
    assert "".join(shown) == "Password: no newline"


def test_a_megabyte_of_output_arrives_whole(session):
    ran = Ran(session, "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end")

    assert ran.output == "x" * 1_000_000 + "\nend\n"


def test_output_without_end_is_cut_and_said(session):
    ran = Ran(session, "head -c 5000000 /dev/zero | tr '\\0' x; exit_here=yes")

    assert ran.output.endswith("stackwalk: the output beyond 2,000,000 characters is not shown.\n")
    assert ran.result.exit_status == 0


def test_binary_bytes_do_not_disturb_the_session(session):
    ran = Ran(
        session, r"printf '\000\036\037\377\376 caf\303\251 \036'; head -c 100000 /dev/urandom"
    )

    after = Ran(session, "echo fine")

    assert ran.output.startswith("\0\x1e\x1f\ufffd\ufffd café \x1e")
    assert ran.result.ended == "done"
    assert after.output == "fine\n"


def test_background_job_holding_the_output_does_not_block(session):
    ran = Ran(session, "sleep 1000 & echo started", limit_s=20)

    after = Ran(session, "jobs -r | wc -l; kill %1")

    assert ran.output == "started\n"
    assert ran.result.ended == "done"
    assert after.output.strip() == "1"


def test_background_job_of_a_closed_session_is_ended(session):
    pid = int(Ran(session, "sleep 1000 & echo $!").output)

    session.close()

    wait_for(lambda: not is_alive(pid))


def test_exit_reports_its_status_and_the_next_cell_starts_again(session, home):
    Ran(session, "colour=blue; cd /")

    ran = Ran(session, "echo before; exit 3; echo after")
    after = Ran(session, 'echo "[$colour]"; pwd')

    assert ran.result.exit_status == 3
    assert ran.result.ended == "done"
    assert ran.output == (
        "before\nstackwalk: the shell ended with status 3; the next cell starts a new one.\n"
    )
    assert after.output == f"[]\n{home.laptop}\n"


def test_exit_with_a_background_job_holding_the_output_is_noticed(session):
    # Between fork and exec a signal is lost with bash's own handler: wait for the sleep itself.
    running = "until grep -q sleep /proc/$!/comm; do :; done"
    ran = Ran(session, f"sleep 1000 & {running}; echo $!; exit 4", limit_s=20)

    session.close()
    wait_for(lambda: not is_alive(int(ran.output.split()[0])))
    assert (ran.result.exit_status, ran.result.ended) == (4, "done")


def test_exec_replaces_the_shell_and_the_next_cell_starts_again(session):
    ran = Ran(session, "exec sh -c 'echo replaced; exit 5'")

    assert ran.result.exit_status == 5
    assert Ran(session, "echo again").output == "again\n"


def test_output_sent_elsewhere_for_good_does_not_end_the_session(session):
    Ran(session, "exec >log 2>&1; echo hidden")

    ran = Ran(session, "cat log >/dev/null; echo also hidden", limit_s=20)

    assert (ran.output, ran.result.ended) == ("", "done")


def test_tracing_shows_the_cells_lines_and_none_of_ours(session):
    Ran(session, "set -x")

    ran = Ran(session, "echo seen")

    assert ran.output == "++ echo seen\nseen\n"


@pytest.mark.parametrize(
    "text", ["echo )", "echo 'open", "if true; then", "cat <<END\nnever ended"]
)
def test_text_that_is_no_shell_leaves_the_session_whole(session, text):
    ran = Ran(session, text, limit_s=20)

    assert ran.result.ended == "done"
    assert Ran(session, "echo fine").output == "fine\n"


def test_standard_input_is_empty(session):
    ran = Ran(session, "cat; read line; echo $?", limit_s=20)

    assert ran.output == "1\n"


def test_there_is_no_terminal_to_ask_on(session):
    ran = Ran(session, "echo hello </dev/tty", limit_s=20)

    assert ran.result.exit_status == 1
    assert "/dev/tty" in ran.output


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("python3 -c 'input()'", id="python-input"),
        pytest.param("echo 'sudo: a password is required' >&2; exit 1", id="sudo"),
        pytest.param("echo 'Do you want to continue? [Y/n] Abort.'; false", id="apt"),
        pytest.param("echo 'Host key verification failed.'; false", id="ssh"),
        pytest.param(
            "k=$(mktemp -d)/k; touch $k; ssh-keygen -q -N '' -f $k </dev/null", id="ssh-keygen"
        ),
    ],
)
def test_command_that_wanted_to_ask_is_sent_to_the_terminal(session, text):
    ran = Ran(session, f"( {text} )")

    assert "this wanted to ask, and a cell cannot answer: do it in the terminal" in ran.output


def test_failure_of_a_command_that_asked_nothing_is_left_alone(session):
    ran = Ran(session, "tty; false")

    assert ran.output == "not a tty\n"


def test_shell_in_the_shell_is_sent_to_the_terminal(session):
    ran = Ran(session, "bash\necho where am I")

    assert "`bash` needs someone at a keyboard" in ran.output


def test_interrupt_ends_the_command_and_keeps_the_state_before(session, home):
    Ran(session, "colour=blue; cd /")
    marker = home.laptop / "pid"
    thread = interrupt_once(marker.exists)

    ran = Ran(
        session,
        f"colour=red; cd /tmp; sh -c 'echo $$ >{marker}.new; mv {marker}.new {marker}; "
        "while :; do sleep 1; done' | cat; echo not reached",
    )
    thread.join()

    after = Ran(session, 'echo "$colour $PWD $?"')
    assert (ran.result.ended, ran.result.exit_status) == ("interrupted", 130)
    assert "not reached" not in ran.output
    assert "interrupted. Directory and variables are as they were before" in ran.output
    assert after.output == "blue / 130\n"
    assert not is_alive(int(marker.read_text()))


def test_interrupt_leaves_earlier_background_jobs_running(session, home):
    job = int(Ran(session, "sleep 1000 & echo $!").output)
    thread = interrupt_once((home.laptop / "begun").exists)

    Ran(session, "touch begun; sleep 1000")
    thread.join()

    assert is_alive(job)
    os.kill(job, signal.SIGKILL)


def test_command_that_ignores_the_interrupt_is_ended_by_force(session, home):
    marker = home.laptop / "pid"
    thread = interrupt_once(marker.exists)

    ran = Ran(session, f"sh -c 'trap \"\" INT TERM; echo $$ >{marker}; while :; do :; done'")
    thread.join()

    assert ran.result.ended == "interrupted"
    wait_for(lambda: not is_alive(int(marker.read_text())))


def test_limit_ends_the_command_and_says_so(session):
    ran = Ran(session, "colour=red; sleep 1000", limit_s=0.5)

    assert (ran.result.ended, ran.result.exit_status) == ("timeout", 124)
    assert "ended after 0.5 s, its limit" in ran.output
    assert Ran(session, 'echo "[$colour]"').output == "[]\n"


def test_shell_that_dies_between_cells_is_opened_again_with_its_state(session, home):
    pid = int(Ran(session, "colour=blue; draw() { echo $colour; }; cd /; echo $$").output)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))

    ran = Ran(session, "draw; pwd")

    assert ran.output == "blue\n/\n"


def test_state_that_holds_every_kind_of_value_is_restored(session):
    setting = """
        lines=$'a\\nb\\tc'; quoted="it's \\"so\\""; list=(one 'two three'); declare -i number=3
        readonly fixed=1; IFS=:; umask 027; alias ll='ls -l'; declare -A map=([k]='v w')
    """
    before = Ran(
        session, setting + "declare -p lines quoted list number fixed IFS map; umask; alias"
    )
    pid = int(Ran(session, "echo $$").output)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))

    after = Ran(session, "declare -p lines quoted list number fixed IFS map; umask; alias")

    assert after.output == before.output


def test_directory_that_is_gone_when_the_shell_opens_again_gives_way(session, home):
    pid = int(Ran(session, "colour=blue; mkdir gone; cd gone; echo $$").output)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    (home.laptop / "gone").rmdir()

    ran = Ran(session, "echo $colour; pwd")

    assert ran.output == f"blue\n{home.laptop}\n"


def test_laptop_cells_have_the_courses_commands_first(session, home):
    ran = Ran(session, "command -v python; echo $STACKWALK_HOME; env | grep -c ^JUPYTER")

    assert ran.output == f"{Path(os.sys.executable).parent}/python\n{home.root}\n0\n"


def machine_session(*argv: str, user: str = "deployer") -> Session:
    return Session(Place("web", "deployer"), lambda: Way(argv, user=user))


def test_wrong_user_refuses_and_runs_nothing(tmp_path):
    session = machine_session("bash", user="nobody-here")

    with pytest.raises(MachineError, match="This cell is for web as deployer; the session that"):
        Ran(session, f"touch {tmp_path}/ran")

    assert not (tmp_path / "ran").exists()


def test_missing_user_is_said_in_words():
    session = machine_session("sh", "-c", "exit 67")

    with pytest.raises(MachineError, match="deployer does not exist on web yet"):
        Ran(session, "true")


def test_unreachable_machine_gives_the_reason_of_ssh():
    session = machine_session("sh", "-c", "echo 'port 2222: Connection refused' >&2; exit 255")

    with pytest.raises(Unreachable, match="web cannot be reached: port 2222: Connection refused"):
        Ran(session, "true")


def test_login_shell_that_refuses_is_quoted():
    session = machine_session("sh", "-c", "echo This account is currently not available.; exit 1")

    with pytest.raises(MachineError, match="did not open: This account is currently not available"):
        Ran(session, "true")


def test_lost_connection_in_the_middle_keeps_the_state_before():
    # The outer bash stands for ssh: it ends with ssh's own status, and nobody holds the pipe.
    ssh = (
        f"exec 7<&0; trap \"trap '' HUP; kill -HUP 0; exit {SSH_FAILED}\" TERM; bash <&7 & wait $!"
    )
    session = machine_session("bash", "-c", ssh, user="")
    Ran(session, "colour=blue; cd /")

    ran = Ran(session, "colour=red; kill -TERM $PPID; while :; do sleep 0.1; done", limit_s=20)

    after = Ran(session, "echo $colour; pwd")
    session.close()
    assert (ran.result.ended, ran.result.exit_status) == ("lost", 255)
    assert "the connection to web was lost while this ran" in ran.output
    assert after.output == "blue\n/\n"


def test_lab_started_with_nohup_still_ends_its_shells_jobs(home):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        session = Session(Place(LAPTOP), lambda: find_way(home, Place(LAPTOP)))
        job = int(Ran(session, "sleep 1000 & echo $!").output)
        session.close()
        wait_for(lambda: not is_alive(job))
    finally:
        signal.signal(signal.SIGHUP, before)


def test_changed_host_key_is_not_sent_to_the_terminal(session):
    ran = Ran(
        session, "echo 'REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.'"
    )

    assert "cannot answer" not in ran.output
