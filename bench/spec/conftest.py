"""The machine ``web`` for the big spec, by the backend that ``BENCH_BACKEND`` names."""

import os

import pytest
import testinfra
from testinfra.host import Host


@pytest.fixture(scope="session")
def web(request: pytest.FixtureRequest) -> Host:
    config = request.config.getoption("--ssh-config")
    backend = os.environ.get("BENCH_BACKEND", "ssh")
    return testinfra.get_host(f"{backend}://web?sudo=true", ssh_config=config)
