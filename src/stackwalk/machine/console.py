"""A root shell that needs no ssh and no network: what a provider's web console is elsewhere."""

import os
import subprocess
from collections.abc import Callable

from stackwalk.errors import MachineError
from stackwalk.home import Home
from stackwalk.machine.backdoor import VIRSH, run_inside
from stackwalk.machine.record import Record, full_name
from stackwalk.machine.remote import require_up

GETTY = "serial-getty@ttyS0.service"
DROP_IN = f"/run/systemd/system/{GETTY}.d/stackwalk-console.conf"  # /run: gone with the next boot
OPEN = f"""\
mkdir -p {os.path.dirname(DROP_IN)}
cat >{DROP_IN} <<'END'
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200 %I xterm
END
systemctl daemon-reload && systemctl restart {GETTY}"""
CLOSE = f"rm -f {DROP_IN}; systemctl daemon-reload; systemctl restart {GETTY}"


def open_console(home: Home, name: str, *, begin: Callable[[], None]) -> int:
    """Opens a root shell on this terminal and waits for its end; its exit status.

    ``begin`` is called when nothing stands in the way any more: whoever was told "you are root"
    and stays on the laptop types root's commands there.

    Raises:
        NotUp, NoBackDoor: nothing was opened.
    """
    record = require_up(home, name)
    run_inside(home, name, "true")  # says what stands in the way, in our words
    if record.provider == "docker":
        begin()
        return _call(["docker", "exec", "-it", full_name(home, record.name), "/bin/bash", "-l"])
    if record.provider == "libvirt":
        return _by_serial_line(home, record, begin)
    raise MachineError(
        f"{name} has no console that can be opened from here.",
        safe="Nothing was changed.",
        next="open the machine's window in VirtualBox",
    )


def _by_serial_line(home: Home, record: Record, begin: Callable[[], None]) -> int:
    """The guest agent lets root in on the serial line, for as long as somebody sits there."""
    run_inside(home, record.name, OPEN)
    begin()
    try:
        return _call([*VIRSH, "console", "--force", full_name(home, record.name)])
    finally:
        run_inside(home, record.name, CLOSE)


def _call(argv: list[str]) -> int:
    return subprocess.run(argv, check=False).returncode
