"""What a machine needs from us once it has booted; all of it over ssh, all of it repeatable."""

import os
import re
import shlex
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from stackwalk.errors import MachineError, RemoteTimeout, Unreachable
from stackwalk.home import Home
from stackwalk.machine.record import Record
from stackwalk.machine.remote import ShutOut, run_remote
from stackwalk.machine.sshconfig import close_connection

BUNDLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
STORE = "/etc/ssl/certs/ca-certificates.crt"
OURS = "/usr/local/share/ca-certificates"
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
BOOT_S = 90
BOOT_EMULATED_S = 600
# The kernel's boot id is the host's in a container; the start of process 1 tells its boots apart.
BOOT_TOKEN = "cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat"


def wait_for_boot(home: Home, record: Record, *, unlike: str = "") -> str:
    """Wait until ssh answers and systemd has started everything; returns the boot's token.

    Args:
        unlike: the token of the boot to wait past, when rebooting.
    Raises:
        Unreachable: the machine did not answer within ``BOOT_S`` (``BOOT_EMULATED_S``) seconds.
    """
    deadline = time.monotonic() + (BOOT_EMULATED_S if record.emulated else BOOT_S)
    while True:
        try:
            token = boot_token(home, record)
            if token != unlike:
                run_remote(home, record.name, "systemctl is-system-running --wait", limit_s=60)
                return token
        except ShutOut:
            raise
        except (Unreachable, RemoteTimeout):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def boot_token(home: Home, record: Record) -> str:
    return run_remote(home, record.name, BOOT_TOKEN, fresh=True, limit_s=30).stdout.decode()


def restart(home: Home, record: Record) -> None:
    """Reboot from inside and wait for the next boot."""
    before = boot_token(home, record)
    with suppress(Unreachable):  # it may go down before ssh can say goodbye
        run_remote(home, record.name, "systemctl reboot", user="root", fresh=True)
    close_connection(home, record.name)
    wait_for_boot(home, record, unlike=before)


def read_failed_units(home: Home, record: Record) -> list[str]:
    answer = run_remote(home, record.name, "systemctl --failed --plain --no-legend")
    return [line.split()[0] for line in answer.stdout.decode().splitlines() if line.strip()]


def install_certificates(home: Home, record: Record, say: Callable[[str], None]) -> None:
    """Give the machine the authorities this laptop trusts beyond Debian's, as companies need."""
    bundle = find_bundle()
    if bundle is None:
        return
    store = run_remote(home, record.name, f"cat {STORE}").stdout.decode()
    missing = missing_certificates(bundle.read_text(errors="replace"), store)
    if not missing:
        return
    say(f"giving {record.name} {len(missing)} certificate authorities of this laptop ({bundle})")
    answer = run_remote(home, record.name, _install_script(missing), user="root", limit_s=60)
    if answer.rc != 0:
        raise MachineError(
            f"The certificates of {bundle} could not be installed: "
            f"{answer.stderr.decode(errors='replace').strip()[-300:]}",
            safe="The machine runs; only downloads from inside it may fail.",
            next=f"stackwalk machine up {record.name}",
        )


def find_bundle() -> Path | None:
    """The bundle of certificates the laptop's own tools were told to trust."""
    named = (os.environ.get(variable) for variable in BUNDLES)
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def missing_certificates(bundle: str, store: str) -> list[str]:
    """The PEM blocks of ``bundle`` that ``store`` lacks, each once."""
    known = {_body(pem) for pem in PEM.findall(store)}
    blocks = {_body(pem): pem for pem in PEM.findall(bundle)}
    return [pem for body, pem in blocks.items() if body not in known]


def _install_script(certificates: list[str]) -> str:
    lines = ["set -e"]
    for pem in certificates:
        name = f"{OURS}/laptop-{sha256(_body(pem).encode()).hexdigest()[:12]}.crt"
        lines.append(f"printf '%s\\n' {shlex.quote(pem)} > {name}")
    return "\n".join([*lines, "update-ca-certificates >/dev/null"])


def _body(pem: str) -> str:
    return "".join(pem.split()[2:-2])
