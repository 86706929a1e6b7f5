"""The learner's own computer as a place to type: which environment its shells have."""

import os
import sys
from pathlib import Path

from stackwalk.home import Home

# The kernel's and the lab's own settings: a shell the learner types into must not inherit them,
# or their own Jupyter would open the course's, and programs would print colour codes into cells.
FOREIGN = ("JUPYTER", "JPY_", "IPYTHON", "PYDEVD_", "MPLBACKEND")
COLOUR = ("CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER", "TERM")


def commands_folder() -> Path:
    """Where ``stackwalk`` and the course's ``python`` are."""
    return Path(sys.executable).parent


def laptop_environment(home: Home) -> dict[str, str]:
    """The environment of a shell on the laptop: the course's commands first on the path."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) and name not in COLOUR
    }
    path = [str(commands_folder()), *kept.get("PATH", os.defpath).split(os.pathsep)]
    kept["PATH"] = os.pathsep.join(dict.fromkeys(path))
    kept["STACKWALK_HOME"] = str(home.root)
    return kept


def cell_environment(home: Home) -> dict[str, str]:
    """The same for a cell, where nothing can be asked: no dialogue may open beside the notebook."""
    return laptop_environment(home) | {
        "TERM": "dumb",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONUNBUFFERED": "1",  # else what a program prints last comes before its errors
    }
