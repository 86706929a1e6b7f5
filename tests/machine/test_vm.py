"""The same life in a real virtual machine, emulated so that any host can run it; ten minutes."""

import subprocess
import time
from collections.abc import Callable
from urllib.request import urlopen

import pytest

from stackwalk import machine
from stackwalk.connect import open_host, run_once
from stackwalk.home import Home
from stackwalk.machine.record import home_tag

pytestmark = pytest.mark.vm
UNIT = """[Service]
ExecStart=/usr/bin/python3 -m http.server 80
[Install]
WantedBy=multi-user.target
"""
SERVE = f"echo '{UNIT}' >/etc/systemd/system/serve.service && systemctl enable --now serve"


def test_a_virtual_machine_lives_a_whole_life(vm_home: Home) -> None:
    found = _timed("up from nothing", lambda: machine.up(vm_home, say=print))
    assert found.state == "running"
    assert open_host(vm_home).run("systemctl is-system-running").stdout == "running\n"
    assert found.address in run_once(vm_home, "web", "ip -brief address").stdout
    assert "own_kernel" in machine.capabilities(vm_home)
    assert run_once(vm_home, "web", SERVE).rc == 0
    _wait_for_http(found.ports["http"])

    again = _timed("reboot", lambda: machine.reboot(vm_home, say=print))
    assert again.state == "running"
    _wait_for_http(found.ports["http"])

    run_once(vm_home, "web", "echo mine >/root/mine; sync")
    assert _timed("halt", lambda: machine.halt(vm_home, say=print)).state == "off"
    assert _timed("up again", lambda: machine.up(vm_home, say=print)).state == "running"
    assert run_once(vm_home, "web", "cat /root/mine").stdout == "mine\n"

    machine.destroy(vm_home, say=print)
    listing = ["virsh", "--connect", "qemu:///system", "list", "--all", "--name"]
    domains = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    assert home_tag(vm_home) not in domains


def _timed(what: str, call: Callable[[], machine.MachineStatus]) -> machine.MachineStatus:
    began = time.monotonic()
    found = call()
    print(f"{what}: {time.monotonic() - began:.0f} s")
    return found


def _wait_for_http(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(1)
