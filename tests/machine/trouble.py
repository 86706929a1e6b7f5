"""What can happen to a machine while somebody looks at it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from stackwalk.home import Home
from stackwalk.machine.record import full_name

NOTICED_S = 6.0  # a dead machine is told within this time


@contextmanager
def switched_off(home: Home) -> Iterator[None]:
    """Somebody switched it off behind our back; the next ``machine up`` starts it."""
    argv = ["docker", "stop", full_name(home, "web")]
    subprocess.run(argv, check=True, capture_output=True)
    yield


@contextmanager
def paused(home: Home) -> Iterator[None]:
    """The machine hangs: nothing answers, and no connection is closed."""
    name = full_name(home, "web")
    subprocess.run(["docker", "pause", name], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", name], check=True, capture_output=True)
