"""What chapter 03 says twice, once to be typed and once for the script, is the same."""

from pathlib import Path

import pytest

from stackwalk.blocks import CommandCell
from stackwalk.chaptertext import read_chapter_text

CHAPTER = Path(__file__).parents[2] / "chapters" / "03-operating-systems"


@pytest.mark.parametrize("name", ["course-time.py", "course-time.service"])
def test_time_server_by_hand_and_by_script_is_the_same(name: str) -> None:
    cells = [
        block.source
        for block in read_chapter_text(CHAPTER / "chapter.md").blocks
        if isinstance(block, CommandCell) and name in block.source.split("\n")[0]
    ]

    (by_hand,) = cells
    assert by_hand.partition("\n")[2].strip() == (CHAPTER / "role/files" / name).read_text().strip()
