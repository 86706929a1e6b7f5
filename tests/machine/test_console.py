"""The root shell past ssh, on a real terminal: opened when ssh lets nobody in, and closed again."""

import pexpect
import pytest

from stackwalk import machine
from stackwalk.home import Home
from stackwalk.laptop import commands_folder
from stackwalk.machine.backdoor import run_inside

SHUT = "systemctl stop ssh.socket ssh 2>/dev/null; true"


def type_into_console(home: Home, *, first: str, limit_s: int) -> pexpect.spawn:
    run_inside(home, "web", SHUT)
    program = str(commands_folder() / "stackwalk")
    child = pexpect.spawn(program, ["machine", "console"], encoding="utf-8", timeout=limit_s)
    if first:
        child.expect(first)
        child.send("\r")
    child.expect(r"root@web:[^#]*# ")
    child.sendline("systemctl start ssh && id -un && exit")
    child.expect("root")
    return child


@pytest.mark.machine
def test_console_opens_where_ssh_does_not(machine_home: Home) -> None:
    child = type_into_console(machine_home, first="", limit_s=30)

    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert machine.up(machine_home, say=print).state == "running"


@pytest.mark.vm
def test_console_of_a_virtual_machine_is_its_serial_line(
    vm_home: Home,
) -> None:
    """Left again, nobody is let in on it without a password."""
    machine.up(vm_home, say=print)

    child = type_into_console(vm_home, first="Connected to domain", limit_s=300)
    child.sendcontrol("]")
    child.expect(pexpect.EOF)
    child.close()

    unit = run_inside(vm_home, "web", "systemctl cat serial-getty@ttyS0").stdout.decode()
    assert "--autologin" not in unit
