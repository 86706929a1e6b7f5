"""Three lock-outs in a real virtual machine: no ssh, no docker, only the guest agent."""

import time

import pytest

from stackwalk import machine
from stackwalk.commands.rescue import rescue
from stackwalk.home import Home
from stackwalk.lockouts import load_lockouts
from stackwalk.machine import shut
from stackwalk.machine.backdoor import run_inside
from stackwalk.showrescue import render_rescue

pytestmark = pytest.mark.vm
LOCKOUTS = {
    "sshd-does-not-parse": "/etc/ssh/sshd_config.d/20-mine.conf",
    "not-among-allowed": "/etc/ssh/sshd_config.d/20-who.conf",
    "disk-full": "/var/log/shop/access.log",  # the whole disk, where the kernel is the machine's
}


def test_the_guest_agent_lets_the_rescue_in(vm_home: Home) -> None:
    machine.up(vm_home, say=print)
    run_inside(vm_home, "web", "mkdir -p /srv/shop && echo 'my work' >/srv/shop/marker")

    for name, file in LOCKOUTS.items():
        began = time.monotonic()
        shut.inflict(vm_home, "web", load_lockouts(shut.FOLDER).named(name))
        assert _is_hurt(vm_home, name)

        result = rescue(vm_home, "web", may_mend=lambda finding: True, say=print)

        print(f"{name}: {time.monotonic() - began:.0f} s\n{render_rescue(result)}")
        assert (result.found[0].name, result.found[0].file) == (name, file)
        assert result.exit_code == 0
        assert not _is_hurt(vm_home, name)
    marker = run_inside(vm_home, "web", "cat /srv/shop/marker").stdout
    assert marker == b"my work\n"


def _is_hurt(home: Home, name: str) -> bool:
    if name == "disk-full":
        return run_inside(home, "web", "echo more >/srv/shop/next && sync").rc != 0
    return not all(way.works for way in shut.try_ways(home, "web", ("vagrant",)))
