"""A libvirt machine's http ports on the laptop, through ssh; other providers publish them.

vagrant-libvirt's own tunnels die with the first reboot and are not made again, so it has none.
"""

import subprocess

from stackwalk.home import Home
from stackwalk.machine.record import Record
from stackwalk.machine.sshconfig import control_folder


def open_ports(home: Home, record: Record) -> None:
    """Listen on the laptop's ports for a machine that publishes none; harmless when they are."""
    if record.provider != "libvirt" or not record.ports or _ask(home, record.name, "check") == 0:
        return
    words = ["-f", "-N", "-M", "-o", "ExitOnForwardFailure=yes"]
    for laptop, inside in record.forwards:
        words += ["-L", f"127.0.0.1:{laptop}:127.0.0.1:{inside}"]
    _ssh(home, record.name, *words)


def close_ports(home: Home, name: str) -> None:
    if home.ssh_config.exists():
        _ask(home, name, "exit")


def _ask(home: Home, name: str, what: str) -> int:
    return _ssh(home, name, "-O", what)


def _ssh(home: Home, name: str, *words: str) -> int:
    socket = control_folder(home) / f"{name}-ports"
    argv = ["ssh", "-F", str(home.ssh_config), "-S", str(socket), *words, f"{name}-fresh"]
    devnull = subprocess.DEVNULL  # no pipe: the tunnel stays in the background and would hold it
    return subprocess.run(argv, stdin=devnull, stdout=devnull, stderr=devnull).returncode
