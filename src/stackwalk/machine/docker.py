"""A machine in a docker container: native speed, a machine of last resort, no fence."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from stackwalk.errors import MachineError
from stackwalk.home import CACHE, Home
from stackwalk.machine.record import VAGRANT_FOLDER, Record, full_name, home_tag, kept_key

NAME = "docker"
CAN: frozenset[str] = frozenset()  # kernel, clock and swap are the laptop's; /etc/hosts is mounted
SNAPSHOT = "stackwalk snapshot"  # the comment of its layer
RISK = (
    "The machine runs in a docker container with the rights systemd needs: it is no fence, "
    "so treat what runs inside as if it ran on this computer."
)


def check() -> None:
    """Raise what stands between this host and a container, in the learner's words."""
    try:
        done = _docker("version", "--format", "{{.Server.Version}}")
    except FileNotFoundError as error:
        raise MachineError(
            "Docker is not installed.",
            safe="Nothing was changed.",
            next="./start installs it on Debian and Ubuntu (sudo apt-get install docker.io)",
        ) from error
    if done.returncode == 0:
        return
    if "permission denied" in done.stderr.lower():
        raise MachineError(
            "Docker is installed and this account may not use it.",
            safe="Nothing was changed.",
            next="sudo adduser $USER docker, then log out and in again",
        )
    raise MachineError(
        "The docker daemon does not run.",
        safe="Nothing was changed; a machine that was there is still on the disk.",
        next="sudo systemctl start docker (or ./start, which starts it)",
    )


def prepare(home: Home, record: Record, say: Callable[[str], None]) -> None:
    """Build the image for a new machine, make this home's network, wake a paused machine."""
    if not record.complete:
        _build_image(say)
    _make_network(home, record)
    _docker("unpause", full_name(home, record.name))


def exists(home: Home, name: str) -> bool:
    return _docker("container", "inspect", full_name(home, name)).returncode == 0


def is_running(home: Home, name: str) -> bool:
    done = _docker("container", "inspect", "-f", "{{.State.Running}}", full_name(home, name))
    return done.stdout.strip() == "true"


def remove(home: Home, name: str) -> None:
    """Remove the container, its snapshots, and this home's network when empty."""
    _removefull_name(home, name)
    images = _docker("images", "-aq", *_of(home, name)).stdout.split()
    if images:
        _docker("image", "rm", "--force", *dict.fromkeys(images))
    if not _docker("ps", "-aq", "--filter", f"label=stackwalk.home={home_tag(home)}").stdout:
        _docker("network", "rm", _network(home))


def read_host_keys(home: Home, name: str) -> list[str]:
    """The machine's public host keys, read past ssh: ``ssh-ed25519 AAAA…``."""
    done = _docker("exec", full_name(home, name), "sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub")
    return [" ".join(line.split()[:2]) for line in done.stdout.splitlines() if line.strip()]


def take_snapshot(home: Home, record: Record, label: str) -> None:
    """Makes an image of the container, which goes on running.

    It is paused while its files are copied, so that none changes between two others; and docker
    reads them through the same kernel, so what was written and not yet on the disk is in it. What
    wakes up from it finds what a power cut at that moment would have left. What docker mounts
    (``/etc/hosts``, ``/etc/resolv.conf``) and what lies in memory (``/run``, ``/tmp``) is not in.
    """
    _docker("image", "prune", "--force", *_of(home, record.name))
    done = _docker(
        "commit",
        "--pause",
        f"--message={SNAPSHOT}",
        f"--change=LABEL stackwalk.machine={record.name}",
        full_name(home, record.name),
        _image(home, record.name, label),
    )
    if done.returncode != 0:
        raise MachineError(
            f"docker could not take a snapshot of {record.name}: {_last_line(done.stderr)}",
            safe="The machine runs on, as it was.",
            next="look at the disk: df -h /var/lib/docker",
        )


def restore_snapshot(home: Home, record: Record, label: str) -> dict[str, str]:
    """Removes the container; the next ``up`` makes another one from the snapshot's image.

    Vagrant finds its container gone and forgets the key to it, which the image still knows.
    """
    if label not in snapshot_sizes(home, record):
        raise MachineError(
            f"docker no longer has the snapshot {label} of {record.name}.",
            safe="Nothing was changed.",
            next="stackwalk machine snapshots",
        )
    if record.identity_file != str(kept_key(home, record.name)):
        _keep_key(home, record)
    _removefull_name(home, record.name)
    _docker("image", "prune", "--force", *_of(home, record.name))
    return {
        "STACKWALK_IMAGE": _image(home, record.name, label),
        "STACKWALK_KEY": str(kept_key(home, record.name)),
    }


def remove_snapshot(home: Home, record: Record, label: str) -> None:
    """What a later snapshot or the running machine is built upon stays until they go."""
    _docker("image", "rm", "--force", _image(home, record.name, label))


def snapshot_sizes(home: Home, record: Record) -> dict[str, int]:
    """Bytes by label, oldest first; what one shares with an older one counts there only."""
    repository = _image(home, record.name, "").rstrip(":")
    listed = _docker("images", "--format", "{{.CreatedAt}}\t{{.Tag}}", repository).stdout
    labels = [line.split("\t")[1] for line in sorted(listed.splitlines())]
    counted: set[str] = set()
    sizes = {}
    for label in labels:
        layers = {
            layer: int(size)
            for layer, size, comment in _history(f"{repository}:{label}")
            if comment == SNAPSHOT and layer not in counted
        }
        sizes[label] = sum(layers.values())
        counted |= set(layers)
    return sizes


def _history(image: str) -> list[tuple[str, str, str]]:
    done = _docker(
        "history",
        "--no-trunc",
        "--human=false",
        "--format={{.ID}}\t{{.Size}}\t{{.Comment}}",
        image,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def _keep_key(home: Home, record: Record) -> None:
    """Only once: where a restore is gone on with, Vagrant's own copy may be gone already."""
    source = Path(record.identity_file)
    if source.exists():
        kept = kept_key(home, record.name)
        kept.touch(mode=0o600)
        kept.write_bytes(source.read_bytes())


def _removefull_name(home: Home, name: str) -> None:
    """With its branch of the cgroup tree."""
    container = full_name(home, name)
    _docker("container", "rm", "--force", "--volumes", container)
    _remove_cgroup(Path("/sys/fs/cgroup/unified") / container)


def _of(home: Home, name: str) -> tuple[str, ...]:
    """The snapshots of one machine of this home, those without a name too."""
    wanted = (f"stackwalk.home={home_tag(home)}", f"stackwalk.machine={name}")
    return tuple(f"--filter=label={label}" for label in wanted)


def _image(home: Home, name: str, label: str) -> str:
    return f"{full_name(home, name)}:{label}"


def _build_image(say: Callable[[str], None]) -> None:
    from filelock import FileLock

    script = VAGRANT_FOLDER / "build-image"
    # Homes beside each other share the image: the second one waits for the first to build it.
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "image.lock"):
        if subprocess.run([str(script), "--is-current"], capture_output=True).returncode == 0:
            return
        say(
            "building the machine's image from Debian packages, once: about a minute, "
            "90 MB to fetch"
        )
        argv = [str(script)]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise MachineError(
            f"The machine's image could not be built: {_last_line(done.stderr)}",
            safe="Nothing else was changed.",
            next=f"{script} shows it in full; it needs mmdebstrap and a Debian archive",
        )
    say(_last_line(done.stderr))


def _make_network(home: Home, record: Record) -> None:
    """A network of this home's own; Vagrant's would be removed under a halted machine."""
    subnet = f"192.168.{56 + record.slot}.0/24"
    if _docker("network", "inspect", _network(home)).returncode == 0:
        return
    done = _docker("network", "create", "--subnet", subnet, _network(home))
    if done.returncode != 0:
        raise MachineError(
            f"The network {subnet} is taken on this computer: {_last_line(done.stderr)}",
            safe="Nothing was changed.",
            next=f"{_owner_of(subnet)}, or set STACKWALK_SLOT=1 for a machine beside the first",
        )


def _owner_of(subnet: str) -> str:
    names = _docker("network", "ls", "--quiet").stdout.split()
    for network in json.loads(_docker("network", "inspect", *names).stdout or "[]"):
        if any(part.get("Subnet") == subnet for part in network["IPAM"]["Config"] or []):
            return f"remove the machine of the docker network {network['Name']}"
    return f"free it: ip route show {subnet}"


def _remove_cgroup(branch: Path) -> None:
    """Only on hybrid hosts, only as root; an empty branch left behind harms nothing."""
    for folder in sorted(branch.glob("**/"), reverse=True):
        try:
            folder.rmdir()
        except OSError:
            return


def _network(home: Home) -> str:
    return f"stackwalk-{home_tag(home)}"


def _docker(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"
