"""The benchmark's figures as a table of ratios and as a plot, for the docs or the terminal."""

from collections.abc import Sequence
from math import log10
from pathlib import Path

from timing import Row, put_in_page

LIMIT, MUX, MANY = "limit: one script by hand", "testinfra, ControlPath", "990 checks"
TITLES = {"spec": "the big spec", MANY: f"{MANY}: the big spec 22 times"}
CHECKS = {"spec": 45, MANY: 990}
ROW_PX, LEFT_PX, WIDE_PX = 22, 250, 460
GRID_S = (0.1, 1, 10, 100)
COLOURS = {"near": "#0b6e6e", "far": "#c2620a"}


def write_page(series: Sequence[Row], docs: Path | None) -> None:
    """Prints the tables, or puts them between the marks of ``docs/performance.md``."""
    text = "\n\n".join(_tables([each for each in series if each.seconds]))
    if docs is None:
        print(text)
        return
    put_in_page(docs / "performance.md", "bench/verdict", text)
    (docs / "img" / "verdict-times.svg").write_text(draw(series), encoding="utf-8")


def _tables(series: Sequence[Row]) -> list[str]:
    subjects = dict.fromkeys(each.subject for each in series)
    return [_table(subject, [e for e in series if e.subject == subject]) for subject in subjects]


def _table(subject: str, series: Sequence[Row]) -> str:
    lines = [
        f"**{TITLES.get(subject, f'chapter {subject}')}**",
        "",
        "| distance | tool | median, s | spread | runs | limits | faster than ControlPath "
        "| ms a check | MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in series:
        base = {e.name: e.median for e in series if e.place == each.place}
        limit = f"{each.median / base[LIMIT]:.1f}" if LIMIT in base else ""
        faster = f"{base[MUX] / each.median:.1f}" if MUX in base else ""
        each_ms = f"{1000 * each.median / CHECKS[subject]:.1f}" if subject in CHECKS else ""
        lines.append(
            f"| {each.place} | {each.name} | {each.median:.2f} | {each.spread} "
            f"| {len(each.seconds)} | {limit} | {faster} | {each_ms} | {each.mib:.0f} |"
        )
    return "\n".join(lines)


def draw(series: Sequence[Row]) -> str:
    """The big spec as bars, longest last, on a scale of powers of ten.

    On a ground of its own: a page may be dark, and an image does not know.
    """
    bars = sorted((e for e in series if e.subject == "spec"), key=lambda e: (e.place, e.median))
    wide, height = LEFT_PX + WIDE_PX + 90, ROW_PX * len(bars) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222" role="img" '
        'aria-label="Seconds from asking to the verdict, for each tool, near and far">',
        f'<rect width="{wide}" height="{height}" rx="6" fill="#fff"/>',
        *(_grid_line(seconds, height) for seconds in GRID_S),
        *(_bar(each, ROW_PX * number + 10) for number, each in enumerate(bars)),
    ]
    return "\n".join([*parts, "</svg>", ""])


def _across(seconds: float) -> float:
    """Where a time stands, from the left edge of the bars."""
    return WIDE_PX * (log10(seconds) - log10(GRID_S[0])) / log10(GRID_S[-1] / GRID_S[0])


def _grid_line(seconds: float, height: int) -> str:
    x = f"{LEFT_PX + _across(seconds):.0f}"
    return (
        f'<line x1="{x}" x2="{x}" y1="8" y2="{height - 24}" stroke="#ccc"/>'
        f'<text x="{x}" y="{height - 10}" text-anchor="middle">{seconds:g} s</text>'
    )


def _bar(row: Row, y: int) -> str:
    wide = _across(row.median)
    return (
        f'<text x="{LEFT_PX - 8}" y="{y + 14}" text-anchor="end">{row.name} ({row.place})</text>'
        f'<rect x="{LEFT_PX}" y="{y + 3}" width="{wide:.0f}" height="15" rx="2" '
        f'fill="{COLOURS[row.place]}"/>'
        f'<text x="{LEFT_PX + wide + 6:.0f}" y="{y + 14}">{row.median:.2f} s</text>'
    )
