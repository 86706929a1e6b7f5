"""A real JupyterLab in a real browser: chapter beside terminal, a cell runs, nothing is left."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackwalk.home import Home
from stackwalk.lab import find_lab

pytestmark = pytest.mark.build

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_S = 90
START = """
import sys
from pathlib import Path
from stackwalk.home import Home
from stackwalk.lab import start_lab
say = lambda text: print(text, flush=True)
home = Home(Path(sys.argv[1]))
sys.exit(start_lab(home, chapter="01-sample", open_browser=False, say=say))
"""
MEMORY_LIMIT_MB = 300


@dataclass
class Started:
    """A lab that is up, as a terminal's ``stackwalk start`` has it."""

    home: Home
    process: "subprocess.Popen[str]"
    address: str


def launch(home: Home) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START, str(home.root)], stdout=subprocess.PIPE, text=True
    )


def read_address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\S+", line):
            return found.group(0)
    raise AssertionError("the lab gave no address")


def processes_of(home: Home) -> set[int]:
    """Every process that works in this home or was given it."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            about = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(home.root).encode() in about:
            found.add(int(folder.name))
    return found


def memory_mb(pids: set[int]) -> float:
    """What these processes have for themselves, with their share of what they have in common."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])
    return total / 1024


def wait_for(condition, what: str) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)


@pytest.fixture
def lab() -> Iterator[Started]:
    import nbformat

    with tempfile.TemporaryDirectory(prefix="sw-lab-", ignore_cleanup_errors=True) as root:
        home = Home(Path(root) / "stackwalk")
        home.notebooks.mkdir(parents=True)
        cells = [
            nbformat.v4.new_code_cell("%load_ext stackwalk"),
            nbformat.v4.new_code_cell("%%on laptop\necho from-$((40+2)); pwd; false"),
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, home.notebooks / "01-sample.ipynb")
        process = launch(home)
        started = Started(home, process, read_address(process))
        yield started
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_S)


@pytest.fixture
def page(lab):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(LIMIT_S * 1000)
        page.goto(lab.address)
        yield page
        browser.close()


def test_lab_shows_chapter_beside_terminal_and_runs_a_cell(lab, page):
    notebook = page.locator(".jp-NotebookPanel").first
    terminal = page.locator(".jp-Terminal").first
    notebook.wait_for(state="visible")
    terminal.wait_for(state="visible")
    left, right = notebook.bounding_box(), terminal.bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert min(left["height"], right["height"]) > 500

    page.get_by_text("Stackwalk | Idle").wait_for()
    cells = page.locator(".jp-CodeCell")
    cells.nth(0).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    output = cells.nth(1).locator(".jp-OutputArea")
    output.get_by_text("exit 1").wait_for()
    shown = output.inner_text()
    assert f"laptop · you · {lab.home.laptop}" in shown
    assert f"from-42\n{lab.home.laptop}" in shown
    assert page.locator(".jp-Dialog").count() == 0

    used = memory_mb(processes_of(lab.home) - {lab.process.pid})
    print(f"server, kernel and terminal: {used:.0f} MB")
    assert used < MEMORY_LIMIT_MB
    log = (lab.home.engine / "jupyter" / "lab.log").read_text()
    assert "without encryption" not in log

    os.kill(lab.process.pid, signal.SIGTERM)
    assert lab.process.wait(LIMIT_S) == 0
    wait_for(lambda: not processes_of(lab.home), "a process of the lab is left")
    assert find_lab(lab.home) is None


def test_second_start_gives_the_address_of_the_first(lab):
    second = launch(lab.home)

    said, _ = second.communicate(timeout=LIMIT_S)

    assert second.returncode == 0
    assert "The lab is open already." in said
    assert lab.address in said
    assert lab.process.poll() is None
