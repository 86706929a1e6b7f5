"""The settings of the learner's lab: files of its own, so that no other Jupyter is touched."""

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackwalk.home import Home
from stackwalk.laptop import commands_folder, laptop_environment

WORKSPACE = "stackwalk"
TERMINAL = "laptop"
# What the lab sets for itself; a shell in its terminal must not carry it on.
LAB_VARIABLES = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "IPYTHONDIR": "ipython",
}
# Nothing that asks, fetches or offers what the course has no use for.
CALM_EXTENSIONS = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/debugger-extension",
    "@jupyterlab/lsp-extension",
    "jupyterlab-jupytext",  # would open every Markdown page as a notebook
)
CALM_SERVER = ("jupyterlab_jupytext", "jupytext", "jupyter_lsp", "notebook_shim")
CALM_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},  # light or dark as the desk
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"markdown": "Markdown Preview"},
        "autosaveInterval": 30,
    },
    # Cells that are drawn only when seen break the browser's own search and jump while scrolling.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/terminal-extension:plugin": {"fontSize": 13, "lineHeight": 1.15},
}


def folder(home: Home) -> Path:
    """Everything of the lab's."""
    return home.engine / "jupyter"


def lab_environment(home: Home) -> dict[str, str]:
    """The server's environment: the laptop's, and folders of its own."""
    own = {name: str(folder(home) / below) for name, below in LAB_VARIABLES.items()}
    return laptop_environment(home) | own | {"JUPYTER_PREFER_ENV_PATH": "0"}


def write_config(home: Home, *, chapter: str, token: str) -> None:
    """Writes all of the lab's settings anew; the learner's own changes in its menus stay."""
    base = folder(home)
    for below in LAB_VARIABLES.values():
        (base / below).mkdir(mode=0o700, parents=True, exist_ok=True)
    config = base / "config"
    labconfig = config / "labconfig"
    labconfig.mkdir(exist_ok=True)
    _write(config / "jupyter_server_config.json", _json(server_config(home, token)))
    _write(labconfig / "default_setting_overrides.json", _json(CALM_SETTINGS))
    disabled = {name: True for name in CALM_EXTENSIONS}
    _write(labconfig / "page_config.json", _json({"disabledExtensions": disabled}))
    kernel = base / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    _write(kernel / "kernel.json", _json(kernelspec(home)))
    _write(terminal_file(home), render_terminal(home))
    _write(workspace_file(home), _json(workspace(home, chapter)))


def server_config(home: Home, token: str) -> dict[str, Any]:
    """What jupyter_server reads; only this account can read the file, for the token's sake."""
    return {
        "ServerApp": {
            "ip": "127.0.0.1",
            "port": 8888,
            "port_retries": 50,
            "open_browser": False,
            "root_dir": str(home.root),
            "preferred_dir": str(home.notebooks),
            "allow_root": os.geteuid() == 0,
            "jpserver_extensions": {name: False for name in CALM_SERVER},
            "terminado_settings": {"shell_command": terminal_command(home)},
        },
        "IdentityProvider": {"token": token},
        "LabApp": {
            "default_url": f"/lab/workspaces/{WORKSPACE}",
            "extension_manager": "readonly",
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
        "KernelSpecManager": {"allowed_kernelspecs": ["python3"]},
        # Between server and kernel on this computer, where other accounts may listen.
        "KernelManager": {"transport_encryption": "auto"},
        # A command may print a megabyte at once; the session has its own, lower limit.
        "ZMQChannelsWebsocketConnection": {"iopub_data_rate_limit": 100_000_000},
    }


def kernelspec(home: Home) -> dict[str, Any]:
    """Python as the course has it, under the name that every notebook asks for."""
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Stackwalk",
        "language": "python",
        "env": {"STACKWALK_HOME": str(home.root)},
        "metadata": {"debugger": False, "supported_encryption": ["curve"]},
    }


def workspace(home: Home, chapter: str) -> dict[str, Any]:
    """The chapter at the left, a terminal on the laptop at the right."""
    path = f"notebooks/{chapter}.ipynb"
    terminal, panes = f"terminal:{TERMINAL}", [_pane(f"terminal:{TERMINAL}")]
    data: dict[str, Any] = {
        terminal: {"data": {"name": TERMINAL}},
        "file-browser-filebrowser:cwd": {"path": "notebooks"},
    }
    if (home.root / path).exists():
        data[f"notebook:{path}"] = {"data": {"path": path, "factory": "Notebook"}}
        panes.insert(0, _pane(f"notebook:{path}"))
    split = {"type": "split-area", "orientation": "horizontal", "sizes": [0.62, 0.38]}
    data["layout-restorer:data"] = {
        "main": {"dock": {**split, "children": panes}, "current": panes[0]["widgets"][0]},
        "down": {"size": 0, "widgets": []},
        "left": {"collapsed": True, "visible": True, "current": None, "widgets": []},
        "right": {"collapsed": True, "visible": True, "current": None, "widgets": []},
        "relativeSizes": [0, 1, 0],
    }
    return {"data": data, "metadata": {"id": WORKSPACE}}


def workspace_file(home: Home) -> Path:
    """Where jupyterlab_server looks for it: the name, and four digits of a hash of the name."""
    digits = hashlib.sha256(WORKSPACE.encode()).hexdigest()[:4]
    return folder(home) / "workspaces" / f"{WORKSPACE}-{digits}.jupyterlab-workspace"


def terminal_command(home: Home) -> list[str]:
    return ["bash", "--rcfile", str(terminal_file(home)), "-i"]


def terminal_file(home: Home) -> Path:
    return folder(home) / "terminal.bashrc"


def render_terminal(home: Home) -> str:
    """What the terminal's bash reads: the learner's own settings, then what the course needs.

    The prompt names the computer, because a terminal that has been on the server looks alike.
    """
    away = " ".join([*LAB_VARIABLES, "JUPYTER_PREFER_ENV_PATH", "JUPYTER_SERVER_ROOT"])
    return "\n".join(
        [
            "# Written by stackwalk at each start; changes here are lost.",
            "[ -f ~/.bashrc ] && . ~/.bashrc",
            f"unset {away} JUPYTER_SERVER_URL PROMPT_COMMAND",
            f"export PATH={shlex.quote(str(commands_folder()))}:$PATH",
            f"export STACKWALK_HOME={shlex.quote(str(home.root))}",
            f"cd {shlex.quote(str(home.laptop))}",
            r"PS1='laptop:\w\$ '",
            "",
        ]
    )


def _pane(widget: str) -> dict[str, Any]:
    return {"type": "tab-area", "currentIndex": 0, "widgets": [widget]}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _write(path: Path, text: str) -> None:
    """Private from its first byte: one of these files holds the token."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
