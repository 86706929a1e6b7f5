"""A chapter's text is split into blocks, each with its line; what does not fit is reported."""

from pathlib import Path

import pytest

from stackwalk.blocks import CellOptions, CommandCell, Prose, StackMap, TaskBlock, TerminalBlock
from stackwalk.chaptertext import read_chapter_text, split_chapter
from stackwalk.course import Place, Step
from stackwalk.problems import AuthorError, Problem

PATH = Path("chapters/01-x/chapter.md")
FRONT = "---\ntitle: x\n---\n"
SAMPLE = Path(__file__).parents[1] / "data/course/chapters/01-sample/chapter.md"


def split(text):
    return split_chapter(FRONT + text, path=PATH)


def test_split_of_each_kind_of_block_gives_them_in_order_with_their_lines():
    chapter = split(
        "\n# Title\n\ntext\n\n```{stack-map}\n```\n```{code-cell} ipython3\n%%on laptop\nls\n```\n"
        "\n```{terminal} web as vagrant\ntype: ls\n```\n```{task} some_id\ntitle: T\n```\nend\n"
    )

    assert not chapter.problems
    assert chapter.blocks[:4] == (
        Prose("# Title\n\ntext", 5),
        StackMap(9),
        CommandCell("%%on laptop\nls", CellOptions(), 11, 12),
        TerminalBlock(Step(Place("web", "vagrant"), "ls"), (), 16),
    )
    task = chapter.blocks[4]
    assert isinstance(task, TaskBlock)
    assert (task.id, task.fields, task.line, task.line_of("title")) == (
        "some_id",
        {"title": "T"},
        19,
        20,
    )
    assert chapter.blocks[5] == Prose("end", 22)


def test_front_matter_is_read_as_text_with_lines():
    chapter = split_chapter("---\ntitle: Yes\nminutes: 060\nok: yes\n---\n", path=PATH)

    assert chapter.front.fields == {"title": "Yes", "minutes": "060", "ok": "yes"}
    assert chapter.front.lines["minutes"] == 3


def test_options_of_a_cell_are_read():
    chapter = split(
        '```{code-cell} ipython3\n:shows: ["a b", "c"]\n:exit: 1\n:can: own_kernel\n:limit: 300\n'
        "\n%%on laptop\nfalse\n```\n"
    )

    cell = chapter.blocks[0]
    assert cell.options == CellOptions(("a b", "c"), 1, ("own_kernel",), 300)
    assert (cell.source, cell.line, cell.source_line) == ("%%on laptop\nfalse", 4, 10)


def test_option_of_digits_keeps_its_zeros():
    assert split("```{code-cell} ipython3\n:shows: 0644\n%%on laptop\n```\n").blocks[
        0
    ].options.shows == ("0644",)


def test_fence_in_a_longer_fence_is_no_block():
    chapter = split("````\n```{task} a\nx: 1\n```\n````\n")

    assert [type(block) for block in chapter.blocks] == [Prose]


def test_command_that_holds_a_fence_is_kept_whole():
    chapter = split('````{code-cell} ipython3\n%%on laptop\necho "```"\n````\n')

    assert chapter.blocks[0].source == '%%on laptop\necho "```"'


def test_terminal_keeps_answers_and_promises():
    chapter = split(
        '```{terminal} laptop\ntype: |\n  ssh web\n  exit\nanswers:\n  "go on?": yes\n'
        "shows: [a, b]\n```\n"
    )

    block = chapter.blocks[0]
    assert block.step == Step(Place("laptop"), "ssh web\nexit", {"go on?": "yes"})
    assert block.shows == ("a", "b")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("```{task} a_b\ntitle: a: b\n```\n", 5, "not YAML", id="yaml-in-task"),
        pytest.param("```{task} a_b\na: 1\nb: [\n```\n", 7, "not YAML", id="yaml-open-list"),
        pytest.param("```{task} a_b\na: 1\na: 2\n```\n", 6, "`a` stands twice", id="key-twice"),
        pytest.param(
            "```{task} a_b\nn:\n  x: 1\n  x: 2\n```\n", 7, "`x` stands twice", id="inner-key-twice"
        ),
        pytest.param("```{task} a_b\n- a\n```\n", 5, "no `key: value`", id="a-list"),
        pytest.param("```{task} A-b\na: 1\n```\n", 4, "not a task id", id="task-id"),
        pytest.param(f"```{{task}} {'a' * 23}\na: 1\n```\n", 4, "not a task id", id="task-id-long"),
        pytest.param("```{tsk} a\n```\n", 4, "`{tsk}` is not a block of ours", id="unknown-block"),
        pytest.param("- x\n\n  ```{task} a\n  ```\n", 6, "inside a list", id="in-a-list"),
        pytest.param("```{task} a\nb: 1\n", 4, "never closed", id="never-closed"),
        pytest.param("```{code-cell} bash\nls\n```\n", 4, "a code cell in `bash`", id="language"),
        pytest.param("```{code-cell} ipython3\n```\n", 4, "an empty code cell", id="empty-cell"),
        pytest.param(
            "```{code-cell} ipython3\n:exit: 1\n:show: a\n%%on laptop\n```\n",
            6,
            "`show` is not an option",
            id="unknown-option",
        ),
        pytest.param(
            "```{code-cell} ipython3\n:exit: one\n%%on laptop\n```\n",
            5,
            "`exit` is not a number",
            id="exit-word",
        ),
        pytest.param(
            "```{code-cell} ipython3\n:shows: Active: yes\n%%on laptop\n```\n",
            5,
            "not YAML",
            id="option-yaml",
        ),
        pytest.param(
            "```{code-cell} ipython3\n:shows:\n%%on laptop\n```\n",
            5,
            "`shows` is not a text",
            id="shows-nothing",
        ),
        pytest.param("```{terminal} laptop\nshows: x\n```\n", 4, "nothing is typed", id="no-type"),
        pytest.param("```{terminal} web\ntype: x\n```\n", 4, "as whom on web", id="no-user"),
        pytest.param(
            "```{terminal} web as root in /etc\ntype: x\n```\n", 4, "more than a place", id="in-dir"
        ),
        pytest.param(
            "```{terminal} laptop\ntype: x\nanswer: y\n```\n",
            6,
            "`answer` is not a key of a terminal",
            id="unknown-key",
        ),
        pytest.param(
            "```{terminal} laptop\ntype: x\nanswers: [y]\n```\n",
            6,
            "`answers` does not hold pairs",
            id="answers-list",
        ),
        pytest.param(
            "text\n\n<details>\n\nx\n\n```{stack-map}\n```\n</details>\n",
            4,
            "`<details>` is not closed",
            id="fold-over-a-block",
        ),
    ],
)
def test_what_does_not_fit_is_reported_with_its_line(text, line, message):
    problems = split(text).problems

    assert problems[0].line == line
    assert message in problems[0].what
    assert problems[0].fix


def test_missing_front_matter_is_reported_on_the_first_line():
    problems = split_chapter("# Title\n", path=PATH).problems

    assert [(problem.line, problem.what) for problem in problems] == [
        (1, "there is no front matter")
    ]


def test_front_matter_that_is_not_yaml_is_reported_with_its_line():
    problems = split_chapter("---\ntitle: x\nends: a: b\n---\n", path=PATH).problems

    assert problems[0].line == 3


def test_problems_of_a_file_are_told_as_path_line_problem_fix():
    error = AuthorError([Problem(PATH, 9, "b is missing", "add it"), Problem(PATH, 2, "a", "c")])

    assert str(error) == (
        "chapters/01-x/chapter.md:2: a; c\nchapters/01-x/chapter.md:9: b is missing; add it"
    )
    assert error.exit_code == 1


def test_sample_chapter_is_read_without_problems():
    chapter = read_chapter_text(SAMPLE)

    assert chapter.problems == ()
    assert [block.id for block in chapter.blocks if isinstance(block, TaskBlock)] == [
        "greeting_exists",
        "greeting_is_private",
    ]
