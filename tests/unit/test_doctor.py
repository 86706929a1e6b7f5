"""What the doctor finds and offers, with fake programs on PATH."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from samples import write_program

from stackwalk import doctor
from stackwalk.errors import MachineError, StackwalkError
from stackwalk.home import Home
from stackwalk.machine import choose

Fake = Callable[[str, str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A computer with apt and nothing else; ``fake`` adds a program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("STACKWALK_PROVIDER", raising=False)
    monkeypatch.setattr(doctor, "_has", lambda tool: (folder / tool).exists())
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(doctor.daemons, "start", lambda home, say: None)
    monkeypatch.setattr(choose, "KVM", "/nowhere/kvm")

    put = partial(write_program, folder)
    put("apt-get", "exit 0")
    put("apt-cache", "exit 100")
    return put


def hear(_: str) -> None:
    """Nobody listens."""


def never(question: str) -> bool:
    raise AssertionError(f"asked: {question}")


def test_missing_packages_are_those_of_the_missing_tools(fake: Fake) -> None:
    fake("ssh", "")
    fake("mmdebstrap", "")

    assert doctor.missing_packages("docker") == ("vagrant", "docker.io", "iptables", "uidmap")


def test_the_docker_client_is_its_own_package_on_debian_13(fake: Fake) -> None:
    fake("apt-cache", "exit 0")

    assert "docker-cli" in doctor.missing_packages("docker")


def test_libvirt_is_asked_for_by_its_name(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWALK_PROVIDER", "libvirt")

    found = doctor.missing_packages(choose.likely_provider(home))

    assert {"libvirt-daemon-system", "extlinux", "qemu-system-x86"} <= set(found)
    assert "docker.io" not in found


def test_virtual_machine_is_tried_before_docker(
    home: Home, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where KVM may be used libvirt's tools come first; when no kernel boots, docker's follow."""
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(choose, "KVM", str(tmp_path / "kvm"))
    monkeypatch.setattr(choose, "_find_qemu", lambda: "qemu")
    monkeypatch.setattr(choose, "_try_boot", lambda: False)
    offered: list[str] = []
    monkeypatch.setattr(doctor, "_offer", lambda packages, **_: offered.extend(packages))
    monkeypatch.setattr(doctor, "problems", lambda home: [])

    doctor.prepare(home, yes=True, check_only=False, say=hear, ask=never)

    assert offered.index("libvirt-clients") < offered.index("docker.io")
    assert choose.likely_provider(home) == "docker"


def test_without_apt_nothing_is_offered(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert doctor.missing_packages("docker") == ()


def test_the_line_is_what_a_person_types(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "apt-get install --no-install-recommends vagrant"

    assert doctor.install_line(("vagrant",)) == f"sudo {line}"
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 0)
    assert doctor.install_line(("vagrant",)) == line


def test_declined_packages_stop_with_the_line(
    home: Home, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.sys.stdin, "isatty", lambda: True, raising=False)
    said: list[str] = []

    with pytest.raises(StackwalkError, match="packages were not installed") as caught:
        doctor.prepare(home, yes=False, check_only=False, say=said.append, ask=lambda _: False)

    assert caught.value.next.startswith("sudo apt-get install --no-install-recommends openssh")
    assert caught.value.next in said[0]


def test_without_a_terminal_it_installs_unasked(
    home: Home, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(doctor, "problems", lambda _: [])
    fake("sudo", f'echo "$*" >>{tmp_path}/typed')

    doctor.prepare(home, yes=False, check_only=False, say=hear, ask=never)

    update, install = (tmp_path / "typed").read_text().splitlines()
    assert update == "apt-get update --quiet"
    assert install.startswith("apt-get install --yes --quiet --no-install-recommends openssh")


def test_a_failing_installation_is_quoted(home: Home, fake: Fake) -> None:
    fake("sudo", "echo E: Unable to locate package vagrant >&2; exit 100")

    with pytest.raises(StackwalkError, match="failed: E: Unable to locate package vagrant"):
        doctor.prepare(home, yes=True, check_only=False, say=hear, ask=never)


def test_check_only_says_all_and_installs_nothing(home: Home, fake: Fake) -> None:
    said: list[str] = []

    with pytest.raises(StackwalkError, match=r"not ready yet: \d+ problems") as caught:
        doctor.prepare(home, yes=True, check_only=True, say=said.append, ask=never)

    assert caught.value.safe == "Nothing was installed, started or changed."
    assert any(line.startswith("! vagrant is not installed") for line in said)


def test_every_obstacle_becomes_a_problem_with_its_fix(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Home) -> None:
        raise MachineError("The disk is full.", next="free some space")

    monkeypatch.setattr(doctor, "missing_packages", lambda provider: ("vagrant",))
    monkeypatch.setattr(doctor.tool, "find_vagrant", lambda: None)
    monkeypatch.setattr(doctor, "_look_at_provider", lambda _: None)
    monkeypatch.setattr(doctor, "_look_at_ports", lambda _: None)
    monkeypatch.setattr(doctor.room, "check_disk", full)
    monkeypatch.setattr(doctor, "available_mib", lambda: 700)

    found = [problem.what for problem in doctor.problems(home)]

    assert found == [
        "vagrant is not installed",
        "The disk is full.",
        "700 MiB of memory are free; 1536 are needed",
    ]


def test_available_memory_is_a_number_of_mebibytes_here() -> None:
    found = doctor.available_mib()

    assert found is None or 0 < found < 2**24
