"""The verdict panel: readable, escaped, and nothing said by colour alone."""

from html.parser import HTMLParser

import pytest

from stackwalk import panel, show
from stackwalk.commands import CheckResult, HintResult
from stackwalk.course import Course
from stackwalk.filecell import Written, diff_lines
from stackwalk.progress import Progress
from stackwalk.verdict import Status, Verdict

VOID = {"br", "hr"}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed; keeps the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def read(html: str) -> Balanced:
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def text(html: str) -> str:
    return " ".join(" ".join(read(html).words).split())


def result(course: Course, *verdicts: Verdict) -> CheckResult:
    return CheckResult(
        course.chapters[0], course.chapters[0].tasks, verdicts, Progress(), course, (), ()
    )


def unmet(task: str, **more: str) -> Verdict:
    return Verdict(task, Status.UNMET, "not so yet", "a", "b", "web: look", **more)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_said_with_glyph_and_word(course, status):
    shown = text(panel.render_check(result(course, Verdict("first_done", status, "what"))))

    assert f"{show.GLYPHS[status]} {status}" in shown


def test_unmet_verdict_shows_its_evidence_and_the_next_hint(course):
    shown = text(panel.render_check(result(course, unmet("first_done"))))

    assert "not so yet first_done" in shown
    assert "expected a found b look at web: look" in shown
    assert "hint 1 of 4: %hint first_done" in shown
    assert "0 of 1 met" in shown


def test_root_cause_comes_before_what_waits_for_it(course):
    waiting = Verdict("second_done", Status.WAITING, waits_for="first_done")

    shown = text(panel.render_check(result(course, waiting, unmet("first_done"))))

    assert shown.index("unmet") < shown.index("waiting")
    assert "waits for first_done" in shown


def test_unknown_is_worded_as_our_trouble(course):
    verdict = Verdict("first_done", Status.UNKNOWN, "I could not look", found="ssh refused")

    shown = text(panel.render_check(result(course, verdict)))

    assert "Nothing was marked wrong, and nothing you earned was lost." in shown
    assert "hint" not in shown


def test_what_a_machine_said_is_shown_and_not_obeyed(course):
    evil = "<script>alert(1)</script><img src=x onerror=y>"
    verdict = Verdict("first_done", Status.UNMET, evil, evil, evil, evil)

    tags = read(panel.render_check(result(course, verdict))).tags

    assert not {"script", "img"} & tags


def test_hint_shows_markdown_and_no_html_of_its_own(course):
    task = course.chapters[0].tasks[0]

    html = panel.render_hint(HintResult(task, 1, "nudge", "Look at `sshd`.\n\n<b>x</b> & *y*"))

    assert "<code>sshd</code>" in html
    assert "b" not in read(html).tags
    assert "Hint 1 of 4: nudge" in text(html)


def test_error_keeps_its_lines_and_escapes_them():
    html = panel.render_error("It is off.\n  next       <stackwalk machine up>")

    assert "It is off.\n  next       &lt;stackwalk machine up&gt;" in html


def test_panel_takes_the_colours_of_the_page(course):
    assert "color:#" not in panel.STYLE.replace("border-color:#", "").replace("solid #", "")
    assert "color:inherit" in panel.STYLE


def test_panel_is_named_for_a_screen_reader(course):
    assert 'role="group" aria-label="Check of' in panel.render_check(result(course))


def test_diff_keeps_the_signs_of_what_changed(tmp_path):
    written = Written(b"one\ntwo\n", b"one\n<three>\n", tmp_path / "old")

    html = panel.render_diff("web · root · /etc/motd: changed", diff_lines(written), written.kept)

    shown = text(html)
    assert "-two" in shown
    assert "+<three>" in shown
    assert f"the old text is kept: {tmp_path}/old" in shown


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, b"a\n", ["@@ -0,0 +1 @@", "+a"], id="new"),
        pytest.param(b"a\n", b"a\n", [], id="same"),
        pytest.param(b"\xff\n", b"a\n", ["@@ -1 +1 @@", "-\ufffd", "+a"], id="binary"),
        pytest.param(b"-- x\n", b"a\n", ["@@ -1 +1 @@", "--- x", "+a"], id="dashes"),
    ],
)
def test_diff_lines_of_a_file(before, after, expected):
    assert diff_lines(Written(before, after, None)) == expected


def test_what_this_machine_cannot_do_is_not_called_met(course):
    seen = result(
        course,
        Verdict("first_done", Status.MET),
        Verdict("second_done", Status.NOT_POSSIBLE),
    )

    assert show.all_met(seen) == "All that this machine can do is met."
