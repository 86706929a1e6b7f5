"""Vantages for running the checks as plain pytest: ``pytest checks --ssh-config=FILE``.

FILE is the configuration ``stackwalk machine up`` wrote; the engine's own runner needs none.
"""

import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host


def _machine(request: pytest.FixtureRequest, alias: str) -> Host:
    config = request.config.getoption("--ssh-config")
    if not config:
        pytest.exit("say which ssh configuration: pytest checks --ssh-config=FILE", returncode=2)
    return testinfra.get_host(f"ssh://{alias}?sudo=true", ssh_config=config)


@pytest.fixture(scope="session")
def web(request: pytest.FixtureRequest) -> Host:
    """The machine ``web`` as root, over the kept connection."""
    return _machine(request, "web")


@pytest.fixture(scope="session")
def web_fresh(request: pytest.FixtureRequest) -> Host:
    """The machine ``web`` over a new connection for each command."""
    return _machine(request, "web-fresh")


@pytest.fixture
def laptop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Host:
    """This computer, in the learner's working folder."""
    home = Path(os.environ.get("STACKWALK_HOME") or Path.home() / "stackwalk")
    monkeypatch.chdir(home / "laptop")
    return testinfra.get_host("local://")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """A check says what it found; pytest wants its tests to return nothing."""
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem.add_report_section("call", "found", str(pyfuncitem.obj(**given)))
    return True
