"""A chapter's notebook: the cells, their ids, what the lab needs rewritten."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from stackwalk.labtext import rewrite_alerts
from stackwalk.load import load_course
from stackwalk.notebook import make_notebook, notebook_text, plain_notebook
from stackwalk.problems import AuthorError

COURSE = Path(__file__).parents[1] / "data/course"


@pytest.fixture(scope="module")
def chapter():
    return load_course(COURSE).chapters[0]


@pytest.fixture(scope="module")
def notebook(chapter):
    return make_notebook(chapter)


def written(chapter, folder, text):
    """The chapter with another text."""
    (folder / "chapter.md").write_text(text)
    return replace(chapter, folder=folder)


def of_kind(notebook, kind):
    return [cell for cell in notebook.cells if cell.metadata.stackwalk.kind == kind]


def test_notebook_is_valid_without_outputs_and_the_same_at_each_build(chapter, notebook):
    nbformat.validate(notebook)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook_text(notebook) == notebook_text(make_notebook(chapter))
    assert all(cell.execution_count is None and cell.outputs == [] for cell in code)
    assert notebook.metadata.language_info.name == "python"


def test_first_code_cell_loads_the_extension(notebook):
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")

    assert first.source == "%load_ext stackwalk"


def test_command_cell_is_verbatim_and_carries_its_promises(notebook):
    first, write, refused, laptop, script, _ = of_kind(notebook, "command")

    assert first.source == (
        "%%on web as vagrant in ~\n# the name of the release\ngrep PRETTY_NAME /etc/os-release"
    )
    assert first.metadata.stackwalk == {
        "kind": "command",
        "line": 36,
        "shows": ["Debian GNU/Linux 13"],
        "exit": 0,
        "can": [],
    }
    assert write.source == "%%write web as root /etc/motd mode=0644\nWelcome."
    assert refused.metadata.stackwalk.exit == 1
    assert laptop.source.endswith(r"printf 'a\nb\n'")
    assert script.metadata.stackwalk.limit == 300


def test_task_becomes_its_words_and_a_check_and_no_solution(notebook):
    (task, _), (check, _) = of_kind(notebook, "task"), of_kind(notebook, "check")

    assert (task.id, check.id) == ("greeting_exists-task", "greeting_exists-check")
    assert check.source == "%check greeting_exists"
    assert "%hint greeting_exists" in task.source
    assert "sudo tee" not in notebook_text(notebook)


def test_task_names_what_it_builds_on_by_title(notebook):
    task = of_kind(notebook, "task")[1]

    assert "It builds on: *The machine has a greeting*." in task.source


def test_terminal_block_says_where_it_is_typed_and_what_is_answered(notebook):
    (terminal,) = of_kind(notebook, "terminal")

    assert "Terminal · laptop · you · ~/stackwalk/laptop" in terminal.source
    assert "in the terminal beside the notebook" in terminal.source
    assert "- When it asks `continue connecting`, type `yes`." in terminal.source
    assert terminal.metadata.stackwalk.type == "ssh -F ssh_config web\nwhoami\nexit"


def test_map_is_a_picture_inside_the_file_with_words_beside_it(notebook):
    (picture,) = of_kind(notebook, "map")

    assert picture.source.startswith(
        "![Map of the stack; this chapter's layer is Server][stack-map]\n\n"
        "client → internet → [server] → "
    )
    assert "\n\n[stack-map]: data:image/svg+xml;base64,PHN2Zy" in picture.source


def test_headings_begin_cells_so_that_the_lab_can_fold_them(notebook):
    prose = [cell.source for cell in of_kind(notebook, "prose")]

    assert any(source.startswith("## By script") for source in prose)
    assert all("\n## " not in source for source in prose)


def test_ids_stay_when_text_is_inserted_before_them(chapter, tmp_path):
    text = chapter.source.read_text()
    changed = written(chapter, tmp_path, text.replace("\n## By hand\n", "\nNew.\n\n## By hand\n"))

    before = {cell.id for cell in make_notebook(chapter).cells}
    after = {cell.id for cell in make_notebook(changed).cells}
    assert before < after


def test_cell_that_occurs_twice_has_two_ids(chapter, tmp_path):
    text = "---\ntitle: X\n---\n" + 2 * "```{code-cell} ipython3\n%%on laptop\nls\n```\n\n"

    notebook = make_notebook(written(chapter, tmp_path, text))

    one, two = of_kind(notebook, "command")
    assert one.id != two.id


def test_hazard_cell_carries_its_undo_and_is_followed_by_the_one_that_keeps_it(chapter, tmp_path):
    text = (
        "---\ntitle: X\n---\n```{code-cell} ipython3\n:undo: ufw --force disable\n"
        ":within: 90\n:can: own_kernel\n%%on web as root in ~\nufw --force enable\n```\n"
    )

    notebook = make_notebook(written(chapter, tmp_path, text))

    (cell,), (keep,) = of_kind(notebook, "command"), of_kind(notebook, "keep")
    assert cell.source == (
        "%%on web as root in ~ undo='ufw --force disable' within=90\nufw --force enable"
    )
    assert notebook.cells.index(keep) == notebook.cells.index(cell) + 1
    assert keep.source == "%keep"
    assert keep.metadata.stackwalk.can == ["own_kernel"]


def test_chapter_without_title_heading_gets_its_title(chapter, tmp_path):
    notebook = make_notebook(written(chapter, tmp_path, "---\ntitle: X\n---\n\n## A\n"))

    assert notebook.cells[0].source == "# Sample"


def test_chapter_that_does_not_fit_is_refused(chapter, tmp_path):
    with pytest.raises(AuthorError, match="not a block of ours"):
        make_notebook(written(chapter, tmp_path, "---\ntitle: X\n---\n\n```{what}\n```\n"))


@pytest.mark.parametrize(
    "top",
    [
        pytest.param("---\n%%on laptop\n", id="not-yaml"),
        pytest.param(":shows: 2026-13-45\n%%on laptop\n", id="no-such-day"),
        pytest.param("---\na: 1\n---\n%%on laptop\n", id="other-form-of-options"),
    ],
)
def test_cell_that_jupytext_reads_differently_is_refused(chapter, tmp_path, top):
    text = f"---\ntitle: X\n---\n\n```{{code-cell}} ipython3\n{top}```\n"

    with pytest.raises(AuthorError, match="jupytext"):
        make_notebook(written(chapter, tmp_path, text))


def test_picture_of_the_chapter_becomes_an_attachment(chapter, tmp_path):
    (tmp_path / "img").mkdir()
    (tmp_path / "img/a b.png").write_bytes(b"png")
    text = "---\ntitle: X\n---\n\n![alt](img/a%20b.png) ![far](https://example.org/x.png)\n"

    (cell,) = of_kind(make_notebook(written(chapter, tmp_path, text)), "prose")

    assert "![alt](attachment:a-b.png)" in cell.source
    assert cell.attachments == {"a-b.png": {"image/png": "cG5n"}}


def test_alert_becomes_a_box_in_the_lab_and_stays_for_the_page(chapter, notebook):
    in_lab = "\n".join(cell.source for cell in notebook.cells)
    plain = "\n".join(cell.source for cell in plain_notebook(chapter).cells)

    assert '<div class="alert alert-info">\n\n**Note**\n\nA note holds **bold text**' in in_lab
    assert "[!NOTE]" not in in_lab
    assert "> [!NOTE]\n" in plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("> quoted\n", "> quoted\n", id="quotation"),
        pytest.param(
            "> [!CAUTION]\n> a\n>\n> - b\n\nend",
            '<div class="alert alert-danger">\n\n**Caution**\n\na\n\n- b\n\n</div>\n\nend',
            id="two-paragraphs",
        ),
        pytest.param("```\n> [!NOTE]\n```", "```\n> [!NOTE]\n```", id="in-a-fence"),
    ],
)
def test_alerts_are_rewritten(text, expected):
    assert rewrite_alerts(text) == expected
