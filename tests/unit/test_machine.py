"""Machines without a machine: records, choices and every message, with fake programs on PATH."""

import os
import socket
from collections import namedtuple
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock
from samples import write_program

from stackwalk import machine
from stackwalk.errors import MachineError, NotUp, StackwalkError, Unreachable, UsageError
from stackwalk.home import Home
from stackwalk.machine import choose, daemons, docker, libvirt, making, room, sshconfig, tool
from stackwalk.machine.guest import missing_certificates
from stackwalk.machine.record import (
    Record,
    chosen_patience,
    chosen_slot,
    home_tag,
    load_record,
    load_records,
    locked,
    save_record,
)
from stackwalk.machine.remote import stretch

WEB = Record("web", "docker", 0, complete=True, on=True, ssh_port=2222, identity_file="/k")
Fake = Callable[[str, str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """PATH holds nothing but the programs a test puts there: ``fake("docker", "exit 1")``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(tool, "PLACES", ())

    return partial(write_program, folder)


def hear(_: str) -> None:
    """Nobody listens."""


def test_machine_names_come_from_the_one_list() -> None:
    assert machine.machine_names() == ("web", "ci", "db", "web2")


def test_unknown_machine_is_named_with_the_known_ones(home: Home) -> None:
    with pytest.raises(UsageError, match="no machine called wbe") as caught:
        machine.status(home, "wbe")

    assert "web, ci, db, web2" in str(caught.value)


def test_addresses_and_ports_move_with_the_slot() -> None:
    second = replace(WEB, slot=1)

    assert (WEB.address, WEB.ports) == ("192.168.56.10", {"http": 8080, "https": 8443})
    assert (second.address, second.ports) == ("192.168.57.10", {"http": 8180, "https": 8543})


@pytest.mark.parametrize("text", ["8", "-1", "one"])
def test_a_slot_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("STACKWALK_SLOT", text)

    with pytest.raises(UsageError, match="STACKWALK_SLOT is"):
        chosen_slot()


@pytest.mark.parametrize("text", ["0", "21", "2.5", "much", ""])
def test_a_patience_that_is_no_number_from_1_to_20_is_told(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWALK_PATIENCE", text)

    with pytest.raises(UsageError, match="STACKWALK_PATIENCE is"):
        chosen_patience()


def test_patience_stretches_every_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record("web", "libvirt", 0)
    before = stretch(record)
    monkeypatch.setenv("STACKWALK_PATIENCE", "3")

    assert stretch(record) == 3 * before


def test_two_homes_have_two_tags() -> None:
    assert home_tag(Home(Path("/a"))) != home_tag(Home(Path("/b")))


def test_a_record_comes_back_as_it_was_saved(home: Home) -> None:
    save_record(home, WEB)

    assert load_record(home, "web") == WEB
    assert load_records(home) == [WEB]


@pytest.mark.parametrize("text", ["", "{", '{"strange": 1}', '{"name": "web"}'])
def test_a_damaged_record_is_said_and_the_machine_left_alone(home: Home, text: str) -> None:
    save_record(home, WEB)
    (home.vagrant / "web.json").write_text(text)

    with pytest.raises(MachineError, match=r"record of web in .* cannot be read") as caught:
        load_record(home, "web")

    assert caught.value.next.startswith("stackwalk machine destroy web")


def test_status_without_a_record_is_absent(home: Home) -> None:
    found = machine.status(home)

    assert (found.state, found.sentence) == (
        "absent",
        "web was not made yet: stackwalk machine up web",
    )


def test_status_after_a_stopped_first_up_is_absent(home: Home) -> None:
    save_record(home, replace(WEB, complete=False))

    assert machine.status(home).state == "absent"


def test_status_after_halt_is_off_without_looking(home: Home) -> None:
    save_record(home, replace(WEB, on=False))

    found = machine.status(home)

    assert found.state == "off"
    assert found.sentence == "web is off, its disk is kept: stackwalk machine up web starts it"


def test_status_with_nothing_listening_is_off(home: Home) -> None:
    save_record(home, replace(WEB, ssh_port=1))

    assert machine.status(home).state == "off"


@pytest.mark.parametrize(
    ("greeting", "state"),
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "running", id="banner"),
        pytest.param(b"", "unreachable", id="silence"),
    ],
)
def test_status_reads_the_banner(
    home: Home, monkeypatch: pytest.MonkeyPatch, greeting: bytes, state: str
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise Unreachable("ssh to web refused")

    monkeypatch.setattr(machine, "run_remote", lost)
    monkeypatch.setattr(machine, "PROBE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        save_record(home, replace(WEB, ssh_port=server.getsockname()[1]))
        found = _status_while_greeting(home, server, greeting)

    assert found.state == state
    if state == "unreachable":
        assert "should be running and its ssh does not answer" in found.sentence


def _status_while_greeting(
    home: Home, server: socket.socket, greeting: bytes
) -> machine.MachineStatus:
    def greet() -> None:
        connection, _ = server.accept()
        with connection, suppress(ConnectionResetError):
            connection.sendall(greeting)
            connection.recv(1)

    thread = Thread(target=greet)
    thread.start()
    found = machine.status(home)
    thread.join()
    return found


def test_capabilities_are_the_providers(home: Home) -> None:
    assert machine.capabilities(home) == frozenset()

    save_record(home, replace(WEB, provider="libvirt"))

    assert machine.capabilities(home) == {"own_kernel", "own_clock", "own_swap", "hosts_by_rename"}


def test_ssh_command_of_a_machine_never_made_says_so(home: Home) -> None:
    with pytest.raises(NotUp, match="machine web was not made yet"):
        machine.ssh_command(home)


def test_ssh_command_of_a_halted_machine_says_so(home: Home) -> None:
    save_record(home, replace(WEB, on=False))

    with pytest.raises(NotUp, match="machine web is off"):
        machine.ssh_command(home)


def test_ssh_command_names_our_configuration(home: Home) -> None:
    save_record(home, WEB)

    assert machine.ssh_command(home, tty=True) == ["ssh", "-F", str(home.ssh_config), "-t", "web"]


def test_a_second_command_is_told_to_wait(home: Home) -> None:
    home.vagrant.mkdir(parents=True)
    with (
        FileLock(home.vagrant / "lock"),
        pytest.raises(MachineError, match="Another stackwalk command"),
        locked(home),
    ):
        pass


def test_the_configuration_has_a_kept_and_a_fresh_entry(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    save_record(home, WEB)

    sshconfig.write_ssh_config(home)

    kept, fresh = home.ssh_config.read_text().split("Host web-fresh")
    assert f"ControlPath {tmp_path}/stackwalk-{home_tag(home)}/%n" in kept
    assert "ServerAliveInterval 1\n  ServerAliveCountMax 2" in kept
    assert "ControlPath none" in fresh
    assert "StrictHostKeyChecking yes" in fresh


def test_a_folder_for_sockets_that_others_can_enter_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    sshconfig.control_folder(home).mkdir(mode=0o755)

    with pytest.raises(MachineError, match="is not a private folder of this account"):
        sshconfig.write_ssh_config(home)


def test_host_keys_of_one_machine_replace_only_its_own(home: Home) -> None:
    sshconfig.write_host_keys(home, "web", ["ssh-ed25519 A"])
    sshconfig.write_host_keys(home, "db", ["ssh-ed25519 B"])

    sshconfig.write_host_keys(home, "web", ["ssh-ed25519 C"])

    text = sshconfig.known_hosts(home).read_text()
    assert text == "db ssh-ed25519 B\nweb ssh-ed25519 C\n"


def test_vagrant_missing_says_how_to_get_it(fake: Fake) -> None:
    with pytest.raises(MachineError, match="Vagrant is not installed") as caught:
        tool.find_vagrant()

    assert "sudo apt-get install vagrant" in caught.value.next


def test_vagrant_too_old_says_which_is_needed(fake: Fake) -> None:
    fake("vagrant", "echo Vagrant 2.2.19")

    with pytest.raises(MachineError, match=r"is 2\.2\.19; the course needs 2\.3\.4"):
        tool.find_vagrant()


def test_vagrant_that_answers_nonsense_is_quoted(fake: Fake) -> None:
    fake("vagrant", "echo rbenv: version not set; exit 1")

    with pytest.raises(MachineError, match="answered 'rbenv: version not set'"):
        tool.find_vagrant()


def test_vagrant_is_called_without_a_developers_ruby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUBYOPT", "-rbundler/setup")
    monkeypatch.setenv("BUNDLE_GEMFILE", "/x")
    monkeypatch.setenv("GEM_HOME", "/y")

    found = tool.clean_environment()

    assert not {"RUBYOPT", "BUNDLE_GEMFILE", "GEM_HOME"} & set(found)
    assert found["PATH"] == os.environ["PATH"]


def test_a_failing_vagrant_is_quoted_and_its_log_named(fake: Fake, home: Home) -> None:
    fake("vagrant", '[ "$1" = --version ] && echo Vagrant 2.4.9 || { echo no room >&2; exit 1; }')

    with pytest.raises(MachineError, match="Vagrant could not start web: no room") as caught:
        tool.run_up(home, WEB, hear)

    assert str(home.vagrant / "vagrant.log") in caught.value.next


def test_way_in_that_vagrant_does_not_tell_is_told_in_its_words(home: Home, fake: Fake) -> None:
    """Seen where another home's vagrant held the lock."""
    locked = "echo the machine is locked >&2; exit 1"
    fake("vagrant", f'[ "$1" = --version ] && echo Vagrant 2.4.9 || {{ {locked}; }}')

    with pytest.raises(MachineError, match="tell the way into web: the machine is locked"):
        tool.ask_ssh_settings(home, WEB)


def test_machine_that_still_has_everybodys_key_is_not_complete(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen where another vagrant's lock ended the first one between its start and its new key."""
    settings = {
        "HostName": "h",
        "Port": "1",
        "User": "u",
        "IdentityFile": "/insecure_private_key",
    }
    monkeypatch.setattr(tool, "run_up", lambda *_: None)
    monkeypatch.setattr(tool, "ask_ssh_settings", lambda *_: settings)

    with pytest.raises(MachineError, match="before it gave web a key of its own"):
        making._run_vagrant(home, replace(WEB, complete=False), hear)


def test_docker_missing_says_so(fake: Fake) -> None:
    with pytest.raises(MachineError, match="Docker is not installed"):
        docker.check()


def test_docker_without_the_right_says_how_to_get_it(fake: Fake) -> None:
    fake("docker", "echo permission denied while connecting >&2; exit 1")

    with pytest.raises(MachineError, match="this account may not use it") as caught:
        docker.check()

    assert "adduser $USER docker" in caught.value.next


def test_docker_daemon_not_running_says_so(fake: Fake) -> None:
    fake("docker", "echo Cannot connect to the Docker daemon >&2; exit 1")

    with pytest.raises(MachineError, match="docker daemon does not run"):
        docker.check()


def test_a_network_taken_by_others_is_said(fake: Fake, home: Home) -> None:
    fake("docker", '[ "$2" = ls ] || { echo Pool overlaps with other one >&2; exit 1; }')

    with pytest.raises(MachineError, match=r"192\.168\.56\.0/24 is taken .* Pool overlaps"):
        docker._make_network(home, WEB)


def test_an_image_that_cannot_be_built_is_said(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("build-image", "echo E: no archive >&2; exit 1")
    monkeypatch.setattr(docker, "VAGRANT_FOLDER", tmp_path / "bin")

    with pytest.raises(MachineError, match="image could not be built: E: no archive"):
        docker._build_image(hear)


def test_libvirt_missing_says_so(fake: Fake) -> None:
    with pytest.raises(MachineError, match="libvirt is not installed"):
        libvirt.check()


def test_libvirt_that_does_not_answer_is_quoted(fake: Fake) -> None:
    fake("virsh", "echo failed to connect >&2; exit 1")

    with pytest.raises(MachineError, match="libvirt does not answer: failed to connect"):
        libvirt.check()


def test_a_box_that_cannot_be_built_is_said(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("sudo", 'exec "$2"')
    monkeypatch.setattr(libvirt, "BUILD", fake("build-box", "echo no loop device >&2; exit 1"))

    with pytest.raises(MachineError, match="box could not be built: no loop device"):
        libvirt._build_box(hear)


def test_an_unknown_provider_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWALK_PROVIDER", "lima")

    with pytest.raises(UsageError, match="STACKWALK_PROVIDER is 'lima'"):
        choose.choose_provider(home, hear)


def test_a_home_stays_with_its_provider(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWALK_PROVIDER", raising=False)
    save_record(home, replace(WEB, provider="libvirt"))

    assert choose.choose_provider(home, hear).NAME == "libvirt"


def test_docker_is_the_last_resort_and_says_its_risk(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWALK_PROVIDER", raising=False)
    fake("docker", "exit 0")
    fake("virsh", "exit 0")
    said: list[str] = []

    assert choose.choose_provider(home, said.append).NAME == "docker"
    assert "it is no fence" in said[0]


def test_no_provider_at_all_says_so(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWALK_PROVIDER", raising=False)

    with pytest.raises(MachineError, match="neither an accelerated libvirt nor docker"):
        choose.choose_provider(home, hear)


def test_an_accelerated_machine_is_tried_once_and_remembered(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True])
    monkeypatch.setattr(choose, "_find_qemu", lambda: "qemu")
    monkeypatch.setattr(choose, "_try_boot", lambda: next(answers))

    assert choose.boots_accelerated(home)
    assert choose.boots_accelerated(home)


def test_a_full_disk_is_said_before_anything_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage(free=2**29))

    with pytest.raises(MachineError, match=r"has 0\.5 GiB free; a machine needs 3 GiB"):
        room.check_disk(home)


def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "is_free", lambda port: port != 8443)
    monkeypatch.setattr(room, "find_owner", lambda _: "")

    with pytest.raises(MachineError, match=r"Port 8443 .*https of web.* another program"):
        room.check_ports(WEB)


def test_the_owner_of_a_port_is_read_from_ss() -> None:
    line = 'LISTEN 0 511 0.0.0.0:8080 0.0.0.0:* users:(("nginx",pid=812,fd=6))'

    assert room._first_owner([line]) == "nginx (process 812)"


def test_a_machine_whose_record_is_gone_is_never_replaced(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWALK_PROVIDER", "docker")
    fake("docker", "exit 0")
    fake("vagrant", "echo Vagrant 2.4.9")

    with pytest.raises(MachineError, match="our record of it is gone"):
        machine.up(home, say=hear)


def test_only_certificates_the_machine_lacks_are_given() -> None:
    def pem(body: str) -> str:
        return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"

    bundle = "\n".join(["# Company", pem("AAAA"), pem("BB\nBB"), pem("AAAA"), pem("CCCC")])

    assert missing_certificates(bundle, pem("CC\nCC")) == [pem("AAAA"), pem("BB\nBB")]


def test_a_daemon_that_ends_at_once_is_said_with_its_log(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("dockerd", "exit 1")
    fake("docker", "exit 1")
    monkeypatch.setattr(daemons, "is_systemd", lambda: False)
    monkeypatch.setattr(daemons, "_is_running", lambda _: False)
    monkeypatch.setattr(daemons.os, "geteuid", lambda: 0)

    with pytest.raises(StackwalkError, match="dockerd would not start") as caught:
        daemons.start(home, say=hear)

    assert str(home.engine / "dockerd.log") in caught.value.next
