"""A notebook's cells, as nbformat 4.5 describes them, and ids that stay when text is inserted."""

import hashlib
from typing import Any

Cell = dict[str, Any]


def markdown_cell(source: str, **metadata: Any) -> Cell:
    return {"cell_type": "markdown", "source": source, "metadata": {"stackwalk": metadata}}


def code_cell(source: str, **metadata: Any) -> Cell:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"stackwalk": metadata},
        "execution_count": None,
        "outputs": [],
    }


def give_ids(cells: list[Cell], slug: str) -> None:
    """``<task>-task`` and ``<task>-check``, else ``<slug>-`` and a hash of what the cell holds.

    A text that occurs again counts on: its second cell hashes the text and a 2.
    """
    seen: dict[str, int] = {}
    for cell in cells:
        about = cell["metadata"]["stackwalk"]
        if "task" in about:
            cell["id"] = f"{about['task']}-{about['kind']}"
            continue
        held = cell["cell_type"] + "\n" + cell["source"]
        seen[held] = seen.get(held, 0) + 1
        text = held if seen[held] == 1 else f"{held}\n{seen[held]}"
        cell["id"] = f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
