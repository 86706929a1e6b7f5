"""The lab's settings and the ways round a server; no server is started here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackwalk import labconfig
from stackwalk.home import Home
from stackwalk.lab import find_lab
from stackwalk.laptop import cell_environment, laptop_environment


@pytest.fixture
def written(home: Home) -> Home:
    home.notebooks.mkdir(parents=True)
    home.laptop.mkdir()
    (home.notebooks / "01-introduction.ipynb").write_text("{}")
    labconfig.write_config(home, chapter="01-introduction", token="secret")
    return home


def read(path: Path):
    return json.loads(path.read_text())


def test_everything_of_the_lab_lies_below_the_engines_folder(written):
    environment = labconfig.lab_environment(written)

    folders = {name: environment[name] for name in labconfig.LAB_VARIABLES}
    assert all(value.startswith(f"{written.engine}/jupyter/") for value in folders.values())
    assert all(Path(value).is_dir() for value in folders.values())


def test_server_listens_on_this_computer_only_and_serves_the_home(written):
    config = read(written.engine / "jupyter/config/jupyter_server_config.json")

    assert config["ServerApp"]["ip"] == "127.0.0.1"
    assert config["ServerApp"]["root_dir"] == str(written.root)
    assert config["IdentityProvider"]["token"] == "secret"
    assert config["KernelManager"]["transport_encryption"] == "auto"


def test_file_with_the_token_is_private(written):
    path = written.engine / "jupyter/config/jupyter_server_config.json"

    assert path.stat().st_mode & 0o077 == 0


def test_lab_is_calm(written):
    settings = read(written.engine / "jupyter/config/labconfig/default_setting_overrides.json")
    page = read(written.engine / "jupyter/config/labconfig/page_config.json")

    assert settings["@jupyterlab/apputils-extension:notification"] == {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
    assert settings["@jupyterlab/notebook-extension:tracker"]["windowingMode"] == "none"
    assert page["disabledExtensions"]["@jupyterlab/extensionmanager-extension"] is True


def test_workspace_has_the_chapter_at_the_left_and_a_terminal_at_the_right(written):
    data = read(labconfig.workspace_file(written))["data"]

    panes = data["layout-restorer:data"]["main"]["dock"]["children"]
    assert [pane["widgets"] for pane in panes] == [
        ["notebook:notebooks/01-introduction.ipynb"],
        ["terminal:laptop"],
    ]


def test_workspace_without_its_notebook_is_the_terminal_alone(home):
    data = labconfig.workspace(home, "02-servers")["data"]

    panes = data["layout-restorer:data"]["main"]["dock"]["children"]
    assert [pane["widgets"] for pane in panes] == [["terminal:laptop"]]


def test_workspace_lies_where_jupyterlab_looks_for_it(home):
    from jupyterlab_server.workspaces_handler import WORKSPACE_EXTENSION, slugify

    name = labconfig.workspace_file(home).name

    assert name == slugify(labconfig.WORKSPACE) + WORKSPACE_EXTENSION


def test_kernel_is_the_courses_python(written):
    spec = read(written.engine / "jupyter/data/kernels/python3/kernel.json")

    assert spec["argv"][0] == sys.executable
    assert spec["env"] == {"STACKWALK_HOME": str(written.root)}


def test_terminal_begins_in_the_working_folder_with_the_courses_commands(written):
    text = "type -P python; pwd; echo $STACKWALK_HOME; env | grep -c ^JUPYTER; echo ${PS1@Q}"

    shown = subprocess.run(
        [
            *labconfig.terminal_command(written),
            "-c",
            f". {labconfig.terminal_file(written)}; {text}",
        ],
        env=labconfig.lab_environment(written) | {"HOME": str(written.root)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert shown.splitlines() == [
        f"{Path(sys.executable).parent}/python",
        str(written.laptop),
        str(written.root),
        "0",
        r"'laptop:\w\$ '",
    ]


def test_laptop_shells_do_not_inherit_the_kernels_settings(home, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", "/elsewhere")
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")

    environment = laptop_environment(home)

    assert not {"JUPYTER_CONFIG_DIR", "JPY_PARENT_PID", "FORCE_COLOR"} & set(environment)
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["STACKWALK_HOME"] == str(home.root)


def test_cells_have_no_way_to_ask_in_a_window(home):
    assert cell_environment(home)["SSH_ASKPASS_REQUIRE"] == "never"


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]"])
def test_spoiled_file_of_a_server_is_no_lab_and_is_removed(written, text):
    path = written.engine / "jupyter/runtime/jpserver-1.json"
    path.write_text(text)

    assert find_lab(written) is None
    assert not path.exists()


def test_file_of_a_killed_server_is_no_lab_and_is_removed(written):
    gone = subprocess.Popen(["true"])
    gone.wait()
    path = written.engine / f"jupyter/runtime/jpserver-{gone.pid}.json"
    path.write_text(json.dumps({"pid": gone.pid, "url": "http://127.0.0.1:9/", "token": "x"}))

    assert find_lab(written) is None
    assert not path.exists()
