"""The way in past ssh with a fake docker and a fake virsh: what they say becomes our words."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stackwalk.errors import MachineError, NotUp, RemoteTimeout, Unreachable
from stackwalk.home import Home
from stackwalk.machine import backdoor
from stackwalk.machine.backdoor import NoBackDoor, run_inside
from stackwalk.machine.record import Record, home_tag, save_record

WEB = Record("web", "docker", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")
VM = replace(WEB, provider="libvirt")
Put = Callable[[str, str], Path]
# Runs what it was given last, as docker exec would; an agent answers in two steps.
DOCKER = 'for word; do last=$word; done; exec /bin/sh -c "$last"'
AGENT = """case "$*" in
*guest-exec-status*) echo '{"return":{"exited":true,"exitcode":3,"out-data":"b3V0Cg=="}}' ;;
*) echo '{"return":{"pid":7}}' ;;
esac"""


def test_docker_gives_status_output_and_errors_of_the_script(home: Home, put: Put) -> None:
    save_record(home, WEB)
    put("docker", DOCKER)

    found = run_inside(home, "web", "cat; echo err >&2; exit 4", stdin=b"given")

    assert (found.rc, found.stdout, found.stderr) == (4, b"given", b"err\n")


def test_docker_is_asked_for_this_homes_machine(home: Home, put: Put) -> None:
    save_record(home, WEB)
    put("docker", 'echo "$1 $5"; printf stackwalk-rc:0 >&2')

    found = run_inside(home, "web", "true")

    assert found.stdout.decode() == f"exec stackwalk-{home_tag(home)}-web\n"


def test_a_script_over_its_limit_is_named(home: Home, put: Put) -> None:
    save_record(home, WEB)
    put("docker", DOCKER)

    with pytest.raises(RemoteTimeout, match=r"not done after 0\.2 s and was stopped: sleep 9"):
        run_inside(home, "web", "sleep 9", limit_s=0.2)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        pytest.param(
            "Error response from daemon: Container 1 is not running",
            NotUp,
            "The machine web does not run.",
            id="stopped",
        ),
        pytest.param(
            "Error response from daemon: Container 1 is paused, unpause the container first",
            Unreachable,
            "The machine web is paused.",
            id="paused",
        ),
        pytest.param(
            "Cannot connect to the Docker daemon",
            NoBackDoor,
            "There is no way into web past ssh: docker said: Cannot connect to the Docker daemon.",
            id="daemon",
        ),
    ],
)
def test_dockers_own_faults_are_told_in_our_words(
    home: Home, put: Put, said: str, kind: type[MachineError], message: str
) -> None:
    save_record(home, WEB)
    put("docker", f"echo '{said}' >&2; exit 1")

    with pytest.raises(kind) as caught:
        run_inside(home, "web", "true")

    assert caught.value.happened == message


def test_without_docker_there_is_no_door(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_record(home, WEB)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoBackDoor, match="docker is not installed any more"):
        run_inside(home, "web", "true")


def test_the_guest_agent_gives_status_and_output(home: Home, put: Put) -> None:
    save_record(home, VM)
    put("virsh", AGENT)

    found = run_inside(home, "web", "anything")

    assert (found.rc, found.stdout, found.stderr) == (3, b"out\n", b"")


def test_the_guest_agent_is_given_the_script_and_its_input(home: Home, put: Put) -> None:
    save_record(home, VM)
    put("virsh", f'echo "$5" >>"$0.asked"; {AGENT}')

    run_inside(home, "web", "echo 'a b'", stdin=b"given")

    asked = (home.root.parent / "bin" / "virsh.asked").read_text()
    assert '"input-data": "Z2l2ZW4="' in asked
    assert "timeout -k 2 20 /bin/sh -c" in asked


def test_a_script_that_never_ends_in_a_virtual_machine_is_given_up(
    home: Home, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backdoor, "GRACE_S", 0.1)
    save_record(home, VM)
    put("virsh", """echo '{"return":{"pid":7,"exited":false}}'""")

    with pytest.raises(RemoteTimeout, match=r"not done after 0\.1 s"):
        run_inside(home, "web", "sleep 9", limit_s=0.1)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        pytest.param(
            "error: Requested operation is not valid: domain is not running",
            NotUp,
            "The machine web does not run.",
            id="off",
        ),
        pytest.param(
            "error: argument unsupported: QEMU guest agent is not configured",
            NoBackDoor,
            "it was made without a guest agent, by an older edition",
            id="older",
        ),
        pytest.param(
            "error: Guest agent is not responding: QEMU guest agent is not connected",
            NoBackDoor,
            "its guest agent does not answer; was qemu-guest-agent removed",
            id="removed",
        ),
        pytest.param("error: strange", NoBackDoor, "libvirt said: error: strange", id="other"),
    ],
)
def test_libvirts_faults_are_told_in_our_words(
    home: Home, put: Put, said: str, kind: type[MachineError], message: str
) -> None:
    save_record(home, VM)
    put("virsh", f"echo '{said}' >&2; exit 1")

    with pytest.raises(kind) as caught:
        run_inside(home, "web", "true")

    assert message in caught.value.happened


def test_without_virsh_there_is_no_door(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_record(home, VM)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoBackDoor, match="virsh is not installed any more"):
        run_inside(home, "web", "true")


def test_virtualbox_has_no_other_way_in_and_says_what_is_left(home: Home) -> None:
    save_record(home, replace(WEB, provider="virtualbox"))

    with pytest.raises(NoBackDoor, match="virtualbox has no other way into it") as caught:
        run_inside(home, "web", "true")

    assert caught.value.safe == "Nothing was changed on the machine or in your progress."
    assert caught.value.next.startswith("stackwalk machine restore, back to the newest")


def test_a_machine_that_is_off_is_said_before_any_door(home: Home) -> None:
    save_record(home, replace(WEB, on=False))

    with pytest.raises(NotUp, match="The machine web is off"):
        run_inside(home, "web", "true")
