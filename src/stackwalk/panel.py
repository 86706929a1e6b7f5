"""Results as HTML for a notebook: readable without its style sheet, and without its colours."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from stackwalk.show import GLYPHS, all_met, left_in_chapter, root_causes_first, tally
from stackwalk.verdict import Status, Verdict

if TYPE_CHECKING:
    from stackwalk.commands import CheckResult, HintResult, SolutionResult, StatusResult
    from stackwalk.commands.ladder import NextResult

# Every text takes the page's own colour, so that light and dark both work; the status colour is
# only a bar at the side, and each status has its glyph and its word beside.
STYLE = """<style>
.sw{font:14px/1.5 system-ui,sans-serif;color:inherit;max-width:52rem;margin:.25rem 0}
.sw p{margin:.35rem 0}
.sw code,.sw pre,.sw-head{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px}
.sw code{background:rgba(127,127,127,.16);color:inherit;padding:0 .25em;border-radius:3px}
.sw pre{background:rgba(127,127,127,.12);color:inherit;padding:.5rem .75rem;margin:.35rem 0;\
overflow-x:auto;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
.sw pre code{background:none;padding:0}
.sw-title{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.25rem 1rem;\
font-weight:600;border-bottom:1px solid rgba(127,127,127,.4);padding-bottom:.25rem}
.sw ul.sw-list{list-style:none!important;margin:0!important;padding:0!important}
.sw-list>li{border-left:4px solid #8a8a8a;list-style:none;margin:.5rem 0;\
padding:.1rem 0 .1rem .75rem}
.sw-list>li.sw-met{border-color:#2e9a55}
.sw-list>li.sw-unmet{border-color:#d2463c}
.sw-list>li.sw-unknown{border-color:#b07a00}
.sw-word{font-weight:600;white-space:nowrap}
.sw-id{opacity:.8}
.sw dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:.35rem 0}
.sw dl dt{opacity:.8;float:none;width:auto;white-space:nowrap}
.sw dl dd{margin:0;padding:0;width:auto;overflow-wrap:anywhere}
.sw-note{opacity:.85}
.sw-head{border-left:4px solid #3b78c2;padding:.05rem .6rem;margin:0;font-weight:600}
.sw-exit{border-left:4px solid #d2463c;padding:.05rem .6rem;margin:0}
.sw pre.sw-diff span{display:block}
.sw-diff .sw-add{background:rgba(46,154,85,.22)}
.sw-diff .sw-del{background:rgba(210,70,60,.2)}
</style>"""
CLASSES = {Status.MET: "sw-met", Status.UNMET: "sw-unmet", Status.UNKNOWN: "sw-unknown"}


def render_check(result: "CheckResult") -> str:
    """The verdicts, root cause first, each with its evidence; then what they opened."""
    titles = {task.id: task.title for task in result.course.tasks}
    title = f"{result.chapter.number} {result.chapter.title}"
    rows = [
        _verdict(verdict, titles.get(verdict.task, verdict.task), result)
        for verdict in root_causes_first(result)
    ]
    return _panel(
        f"Check of {title}",
        f'<div class="sw-title"><span>{escape(title)}</span><span>{tally(result)}</span></div>',
        f'<ul class="sw-list">{"".join(rows)}</ul>',
        *_notes(result.notes),
        *(_opened(chapter.number, chapter.title) for chapter in result.opened),
        _all_met(result),
    )


def render_hint(result: "HintResult") -> str:
    """One rung of the ladder, with what comes after it."""
    command = f"%hint {result.task.id}" if result.rung < 4 else f"%solution {result.task.id}"
    after = "next rung" if result.rung < 4 else "the whole solution"
    head = f"Hint {result.rung} of 4: {result.name}"
    return _panel(
        head,
        f'<div class="sw-title"><span>{escape(head)}</span>'
        f'<code class="sw-id">{escape(result.task.id)}</code></div>',
        render_prose(result.text),
        f'<p class="sw-note">{after}: {_code(command)}</p>',
    )


def render_next(result: "NextResult") -> str:
    """The one thing to do now."""
    if result.task is None or result.chapter is None:
        return _panel("Next", "<p>Every task of the course is met.</p>", *_notes(result.notes))
    task = result.task
    return _panel(
        "Next task",
        f'<div class="sw-title"><span>Next: {escape(task.title)}</span>'
        f"<span>{escape(result.chapter.number)} {escape(result.chapter.title)}</span></div>",
        render_prose(task.say),
        f'<p class="sw-note">when done: {_code(f"%check {task.id}")} &nbsp; '
        f"help: {_code(f'%hint {task.id}')}</p>",
        *_notes(result.notes),
    )


def render_solution(result: "SolutionResult") -> str:
    """What to type where, then the debrief."""
    task = result.task
    steps = [
        f"<p><strong>{escape(str(step.place))}</strong></p>"
        f"<pre><code>{escape(step.text.strip())}</code></pre>"
        + "".join(
            f"<p>asked “{escape(asks)}”: {_answer(says)}</p>" for asks, says in step.answers.items()
        )
        for step in task.solution
    ]
    return _panel(
        "Solution",
        f'<div class="sw-title"><span>One way: {escape(task.title)}</span></div>',
        *steps,
        render_prose(task.debrief),
    )


def render_error(text: str) -> str:
    """A fault of the surroundings, in the words it has."""
    return _panel("Could not do this", f'<pre class="sw-exit">? {escape(text)}</pre>')


def render_head(text: str) -> str:
    """Where a cell runs: ``web · deployer · ~``."""
    return _panel("This cell runs on", f'<p class="sw-head">{escape(text)}</p>')


def render_exit(text: str) -> str:
    """How a cell ended when that was not 0."""
    return _panel("Exit status", f'<p class="sw-exit">{escape(text)}</p>')


def render_diff(summary: str, lines: Iterable[str], kept: Path | None) -> str:
    """What a file cell changed; the signs stay, so that colour is not needed."""
    classes = {"+": ' class="sw-add"', "-": ' class="sw-del"'}
    rows = "".join(f"<span{classes.get(line[:1], '')}>{escape(line)}</span>" for line in lines)
    return _panel(
        "File",
        f"<p>{escape(summary)}</p>",
        f'<pre class="sw-diff">{rows}</pre>' if rows else "",
        f'<p class="sw-note">the old text is kept: {_code(str(kept))}</p>' if kept else "",
    )


def render_text(label: str, text: str) -> str:
    """Plain text as it stands, such as the status table."""
    return _panel(label, f"<pre>{escape(text)}</pre>")


def render_status(result: "StatusResult", text: str) -> str:
    """The table of all tasks; when something turned red, the map with its layers first."""
    from stackwalk import stackmap

    red = result.red_layers
    return _panel(
        "Status",
        stackmap.render_svg(result.red[0].chapter.layer, red=red) if red else "",
        f"<pre>{escape(text)}</pre>",
    )


def render_prose(text: str) -> str:
    """An author's Markdown; raw HTML in it is shown, not obeyed."""
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).render(text.strip())
    return html


def _panel(label: str, *parts: str) -> str:
    inside = "".join(part for part in parts if part)
    return f'{STYLE}<div class="sw" role="group" aria-label="{escape(label)}">{inside}</div>'


def _verdict(verdict: Verdict, title: str, result: "CheckResult") -> str:
    status = verdict.status
    rows = [
        ("expected", escape(verdict.expected)),
        ("found", f"<code>{escape(verdict.found)}</code>" if verdict.found else ""),
        (
            "next" if status is Status.UNKNOWN else "look at",
            f"<code>{escape(verdict.look)}</code>" if verdict.look else "",
        ),
        ("waits for", f"<code>{escape(verdict.waits_for)}</code>" if verdict.waits_for else ""),
    ]
    evidence = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    what = title if status is Status.WAITING else verdict.what or title
    return (
        f'<li class="{CLASSES.get(status, "")}"><span class="sw-word">'
        f'<span aria-hidden="true">{GLYPHS[status]}</span> {escape(str(status))}</span> · '
        f'{escape(what)} <code class="sw-id">{escape(verdict.task)}</code>'
        f"{f'<dl>{evidence}</dl>' if evidence else ''}{_debrief(verdict, result)}"
        f"{_foot(verdict, result)}</li>"
    )


def _debrief(verdict: Verdict, result: "CheckResult") -> str:
    """What just happened, once, when the task is met for the first time."""
    return "".join(render_prose(t.debrief) for t in result.newly_met if t.id == verdict.task)


def _foot(verdict: Verdict, result: "CheckResult") -> str:
    """What helps on: the next hint, or that nothing was taken away."""
    if verdict.status is Status.UNKNOWN:
        return '<p class="sw-note">Nothing was marked wrong, and nothing you earned was lost.</p>'
    if verdict.status is Status.NOT_POSSIBLE:
        return '<p class="sw-note">Counted, never met: this machine cannot do it.</p>'
    if verdict.status not in (Status.UNMET, Status.NOT_STARTED):
        return ""
    taken = result.progress.of(verdict.task).hints
    name = f"hint {taken + 1} of 4" if taken < 4 else "the solution"
    verb = "hint" if taken < 4 else "solution"
    return f'<p class="sw-note">{name}: {_code(f"%{verb} {verdict.task}")}</p>'


def _notes(notes: Iterable[str]) -> list[str]:
    return [f'<p class="sw-note">{escape(note)}</p>' for note in notes]


def _opened(number: str, title: str) -> str:
    return (
        f"<p><strong>Chapter {escape(number)}, {escape(title)}, is open now.</strong> "
        "Its notebook is in the file browser at the left. Read this chapter to its end first.</p>"
    )


def _all_met(result: "CheckResult") -> str:
    if result.exit_code != 0 or result.opened:
        return ""
    left = left_in_chapter(result)
    if left is not None:
        return f'<p class="sw-note">Next in this chapter: {escape(left.title)} {_code(left.id)}</p>'
    return f'<p class="sw-note">{all_met(result)} Next: {_code("%next")}</p>'


def _answer(says: str) -> str:
    return "the password you chose for deployer" if says == "{password}" else _code(says or "Enter")


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
