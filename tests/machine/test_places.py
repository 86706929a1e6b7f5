"""A place has one holder at a time, and what a killed holder left does not keep it taken."""

import subprocess
import tempfile
from pathlib import Path

import places
import pytest

from stackwalk.home import Home
from stackwalk.machine.record import home_tag

pytestmark = pytest.mark.machine


@pytest.fixture
def one_slot(empty_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A free slot, and claims that no other test run sees."""
    with places.claim_slot(empty_home) as slot:
        pass
    monkeypatch.setattr(places, "CLAIMS", tmp_path)
    return slot


def test_a_held_slot_is_not_given_again(empty_home: Home, one_slot: int) -> None:
    with (
        places.claim_slot(empty_home, [one_slot]),
        pytest.raises(RuntimeError, match="are all in use"),
        places.claim_slot(empty_home, [one_slot]),
    ):
        pass


def test_what_a_killed_run_left_is_removed(empty_home: Home, one_slot: int) -> None:
    left = Home(Path(tempfile.mkdtemp(prefix="sw-")))
    network = f"stackwalk-{home_tag(left)}"
    subnet = f"192.168.{56 + one_slot}.0/24"
    subprocess.run(["docker", "network", "create", "--subnet", subnet, network], check=True)
    (places.CLAIMS / f"{one_slot}.home").write_text(str(left.root))

    with places.claim_slot(empty_home, [one_slot]) as slot:
        assert slot == one_slot

    networks = subprocess.run(["docker", "network", "ls"], capture_output=True, text=True).stdout
    assert network not in networks
    assert not left.root.exists()
