"""The map of the stack: what a request passes through, one layer lit. As a picture and as a line.

The colours are CSS variables with light values as their defaults: a page sets them for its dark
scheme, a notebook shows the picture as a light card. The lit layer also differs by words, weight
and frame, not by colour alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from string import Template

MAP = "stack-map"  # what the picture is called in the text
WIDTH, ROW, GAP, PAD = 360, 46, 20, 16  # user units; 360 stays readable on a telephone


@dataclass(frozen=True)
class Layer:
    """One box of the map: its key in the front matter, its name, and what it does."""

    key: str
    name: str
    does: str


LAYERS = (
    Layer("client", "Client", "a browser or curl: asks"),
    Layer("internet", "Internet", "names, addresses, routes"),
    Layer("server", "Server", "Linux: users, ssh, processes"),
    Layer("web", "Web server", "takes requests, sends files"),
    Layer("wsgi", "WSGI server", "keeps the app's processes"),
    Layer("framework", "Framework", "your code, in Python"),
    Layer("database", "Database", "remembers"),
    Layer("cache", "Cache", "saves work"),
    Layer("queue", "Queue", "puts it off"),
)
LAYER_KEYS = tuple(layer.key for layer in LAYERS)
OUTSIDE, SERVER, INSIDE, BEHIND = LAYERS[:2], LAYERS[2], LAYERS[3:6], LAYERS[6:]

PICTURE = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" class="stack-map" role="img" viewBox="0 0 $width $height" \
width="$width" height="$height" aria-labelledby="stack-map-title stack-map-desc" \
font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif">
<title id="stack-map-title">$title</title>
<desc id="stack-map-desc">$desc</desc>
<style>
.sm-paper { fill: var(--sm-paper, #ffffff); stroke: var(--sm-edge, #d0d5db); }
.sm-box { fill: var(--sm-box, #f1f4f7); stroke: var(--sm-line, #8b97a5); }
.sm-server { fill: var(--sm-server, #fafbfc); stroke: var(--sm-line, #8b97a5); \
stroke-dasharray: 5 4; }
.sm-lit { fill: var(--sm-lit, #14507e); stroke: var(--sm-lit-edge, #0b3352); stroke-width: 2.5; }
.sm-server.sm-lit { fill: var(--sm-lit-server, #e3effa); stroke: var(--sm-lit, #14507e); \
stroke-dasharray: none; }
.sm-name { fill: var(--sm-ink, #1d2733); font-size: 15px; font-weight: 600; }
.sm-does { fill: var(--sm-soft, #4b5866); font-size: 12.5px; }
.sm-on { fill: var(--sm-on-lit, #ffffff); }
.sm-tag { fill: var(--sm-tag, #14507e); font-size: 12px; font-weight: 700; }
.sm-tag.sm-on { fill: var(--sm-on-lit, #ffffff); }
.sm-arrow { stroke: var(--sm-line, #8b97a5); stroke-width: 1.6; fill: none; }
.sm-tip { fill: var(--sm-line, #8b97a5); }
</style>
<defs><marker id="sm-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" \
orient="auto-start-reverse"><path class="sm-tip" d="M0 0 8 4 0 8z"/></marker></defs>
<rect class="sm-paper" x="0.5" y="0.5" width="$inner_width" height="$inner_height" rx="10"/>
$parts
</svg>
""")


def render_svg(lit: str, *, red: frozenset[str] = frozenset()) -> str:
    """The map as SVG, with the layer of key ``lit`` lit; no blank lines, so Markdown keeps it.

    Layers in ``red`` were met and are not met now: framed, and said in words.
    """
    parts, bottom = _parts(lit, red)
    height = bottom + PAD
    return PICTURE.substitute(
        width=WIDTH,
        height=height,
        inner_width=WIDTH - 1,
        inner_height=height - 1,
        title=escape(alt_text(lit)),
        desc=escape(line_of_text(lit)),
        parts="\n".join(parts),
    )


def alt_text(lit: str) -> str:
    """What the picture is, for whoever does not see it."""
    return f"Map of the stack; this chapter's layer is {layer_of(lit).name}"


def line_of_text(lit: str) -> str:
    """``client → internet → [server] → web server → …``, brackets round the layer that is lit."""
    words = {
        layer.key: f"[{layer.name.lower()}]" if layer.key == lit else layer.name.lower()
        for layer in LAYERS
    }
    passed = " → ".join(words[key] for key in LAYER_KEYS[:6])
    return f"{passed} → {' · '.join(words[layer.key] for layer in BEHIND)}".replace("wsgi", "WSGI")


def line_of_red(red: frozenset[str]) -> str:
    """``client → internet → server ✘ red → web server → …``."""
    words = {
        layer.key: f"{layer.name.lower()}{' ✘ red' if layer.key in red else ''}" for layer in LAYERS
    }
    passed = " → ".join(words[key] for key in LAYER_KEYS[:6])
    return f"{passed} → {' · '.join(words[layer.key] for layer in BEHIND)}".replace("wsgi", "WSGI")


def layer_of(key: str) -> Layer:
    """The layer of that key; ``KeyError`` for an unknown one."""
    return {layer.key: layer for layer in LAYERS}[key]


def _parts(lit: str, red: frozenset[str]) -> tuple[list[str], int]:
    """The shapes from top to bottom, and where they end."""
    x, width, y = PAD, WIDTH - 2 * PAD, PAD
    parts: list[str] = []
    for layer in OUTSIDE:
        parts += [*_row(layer, lit, x, y, width), _arrow(WIDTH // 2, y + ROW, y + ROW + GAP)]
        parts += _red(layer, red, x, y, width, ROW)
        y += ROW + GAP
    inside_height = ROW + 3 * (ROW + GAP) + ROW + 8 + PAD
    parts += _server(lit, x, y, width, inside_height)
    parts += _red(SERVER, red, x, y, width, inside_height)
    y += ROW
    for layer in INSIDE:
        parts += _row(layer, lit, x + PAD, y, width - 2 * PAD)
        parts += _red(layer, red, x + PAD, y, width - 2 * PAD, ROW)
        y += ROW + GAP
        if layer is not INSIDE[-1]:
            parts.append(_arrow(WIDTH // 2, y - GAP, y))
    parts += _behind(lit, x + PAD, y, width - 2 * PAD)
    each = (width - 2 * PAD - 2 * 8) // 3
    for number, layer in enumerate(BEHIND):
        parts += _red(layer, red, x + PAD + number * (each + 8), y, each, ROW + 8)
    return parts, y + ROW + 8 + PAD


def _row(layer: Layer, lit: str, x: int, y: int, width: int) -> list[str]:
    on = " sm-on" if layer.key == lit else ""
    box = "sm-lit" if on else "sm-box"
    name = f"<tspan>{escape(layer.name)}</tspan>"
    parts = [
        f'<rect class="{box}" x="{x}" y="{y}" width="{width}" height="{ROW}" rx="6"/>',
        f'<text class="sm-name{on}" x="{x + 12}" y="{y + 19}">{name}</text>',
        f'<text class="sm-does{on}" x="{x + 12}" y="{y + 36}">{escape(layer.does)}</text>',
    ]
    return parts + ([_tag(x + width - 12, y + 19, on)] if on else [])


def _server(lit: str, x: int, y: int, width: int, height: int) -> list[str]:
    """The machine: a frame round everything that runs on it."""
    is_lit = lit == SERVER.key
    box = "sm-server sm-lit" if is_lit else "sm-server"
    parts = [
        f'<rect class="{box}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>',
        f'<text class="sm-name" x="{x + 12}" y="{y + 19}">{SERVER.name}</text>',
        f'<text class="sm-does" x="{x + 12}" y="{y + 36}">{escape(SERVER.does)}</text>',
    ]
    return parts + ([_tag(x + width - 12, y + 19, "")] if is_lit else [])


def _behind(lit: str, x: int, y: int, width: int) -> Iterator[str]:
    """The three that the framework asks, side by side."""
    gap = 8
    each = (width - 2 * gap) // 3
    for number, layer in enumerate(BEHIND):
        left = x + number * (each + gap)
        middle = left + each // 2
        on = " sm-on" if layer.key == lit else ""
        box = "sm-lit" if on else "sm-box"
        does = "this chapter" if on else layer.does
        yield _arrow(middle, y - GAP, y)
        yield f'<rect class="{box}" x="{left}" y="{y}" width="{each}" height="{ROW + 8}" rx="6"/>'
        for text, kind, down in ((layer.name, "sm-name", 23), (does, "sm-does", 42)):
            yield (
                f'<text class="{kind}{on}" x="{middle}" y="{y + down}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )


def _red(
    layer: Layer, red: frozenset[str], x: int, y: int, width: int, height: int
) -> Iterator[str]:
    """A frame and a word over a layer that turned red; nothing for the others."""
    if layer.key in red:
        yield (
            f'<rect fill="none" stroke="#d2463c" stroke-width="3" x="{x}" y="{y}" width="{width}"'
            f' height="{height}" rx="6"/>'
        )
        is_narrow = width < WIDTH // 2  # its two lines leave only the corner free
        right, down, word = (6, 14, "✘") if is_narrow else (12, 36, "✘ red now")
        yield (
            f'<text class="sm-name" x="{x + width - right}" y="{y + down}" text-anchor="end">'
            f"{word}</text>"
        )


def _tag(x: int, y: int, on: str) -> str:
    return f'<text class="sm-tag{on}" x="{x}" y="{y}" text-anchor="end">this chapter</text>'


def _arrow(x: int, top: int, bottom: int) -> str:
    return f'<path class="sm-arrow" d="M{x} {top + 2}V{bottom - 2}" marker-end="url(#sm-tip)"/>'
