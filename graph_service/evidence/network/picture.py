"""The network as a picture: SVG 1.1 with text as text, for a page and for a browser.

Shapes and words say what colours say, so that a print in grey does too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from graph_service.evidence.network.graph import Network, Node
from graph_service.evidence.network.layout import Layout, laid_out
from graph_service.evidence.network.lines import FAMILIES, Frame, drawn_lines, family_of, stroke
from graph_service.evidence.network.svg import (
    INK,
    LETTER,
    QUIET,
    SMALL,
    WIDTH,
    document,
    written,
)
from graph_service.evidence.network.words import kind_word, node_label, short
from graph_service.evidence.report.printed import number, printable
from graph_service.texts import text

_MARGIN: Final = 8
_HEAD: Final = 26
_BOX, _PASS, _BETWEEN = 40.0, 6.0, 6.0
#: A gap between columns, as a share of a column.
_GAP: Final = 0.62
_WIDEST: Final = 170.0
_NAME: Final = 9.5
_ROUND, _CUT = 12, 7
_FILLS: Final[Mapping[str, str]] = {
    "provider": "#f3c969",
    "organisation": "#fbeecb",
    "worker": "#c4e1f3",
    "client": "#e2f3ec",
    "in_charge": "#ecd6e5",
    "thing": "#ececec",
}


def write(network: Network, path: Path) -> None:
    """Write the picture."""
    path.write_text(picture(network), encoding="utf-8")


def picture(network: Network) -> str:
    """The picture; equal networks give equal bytes."""
    layout = laid_out(network, _what)
    frame = _frame(layout)
    drawn = [_head(name, left, frame) for name, left in zip(layout.heads, frame.lefts, strict=True)]
    drawn += drawn_lines(layout, frame)
    for at, column in enumerate(layout.columns):
        for row, reference in enumerate(column):
            if reference is not None:
                left, middle = frame.lefts[at], frame.middles[at][row]
                drawn += _node(layout.nodes[reference], left, middle, frame.box)
    height, legend = _legend(layout, frame.bottom + 14)
    return document(text("sv", "network_picture", "title"), height, [*drawn, *legend])


def _what(node: Node) -> str:
    """What an entity counts as among those left out: its role, else its kind."""
    return next(iter(node.roles), node.kind)


def _frame(layout: Layout) -> Frame:
    count = max(1, len(layout.columns))
    box = min(_WIDEST, (WIDTH - 2 * _MARGIN) / (count + _GAP * (count - 1)))
    gap = (WIDTH - 2 * _MARGIN - count * box) / max(1, count - 1)
    start = _MARGIN if count > 1 else (WIDTH - box) / 2
    heights = [
        [_PASS if reference is None else _BOX for reference in column] for column in layout.columns
    ]
    taken = [sum(each) + _BETWEEN * (len(each) - 1) for each in heights]
    tallest = max(taken, default=_BOX)
    middles = []
    for column, high in zip(heights, taken, strict=True):
        top = _HEAD + (tallest - high) / 2
        rows = []
        for each in column:
            rows.append(top + each / 2)
            top += each + _BETWEEN
        middles.append(tuple(rows))
    lefts = tuple(start + at * (box + gap) for at in range(len(layout.columns)))
    return Frame(lefts, box, tuple(middles), _HEAD + tallest)


def _sort(node: Node) -> str:
    if node.kind == "organisation":
        return "provider" if node.is_provider else "organisation"
    if node.kind != "person":
        return "thing"
    if "Worker" in node.roles:
        return "worker"
    return "client" if "Client" in node.roles else "in_charge"


def _node(node: Node, left: float, middle: float, box: float) -> Iterator[str]:
    """A box: round for a person, square for an organisation, cut for anything else."""
    yield f"<g><title>{escape(node.reference)}</title>{_outline(node, left, middle, box)}"
    fits = int((box - 10) / (_NAME * LETTER))
    lines = _wrapped(printable(node_label(node)), fits)
    x, y = left + box / 2, middle - (len(lines) * 10 + 9) / 2 + 8
    for line in lines:
        yield written(
            x, y, line, _NAME, anchor="middle", weight="bold" if node.linked else "normal"
        )
        y += 10
    yield written(x, y - 0.5, _told_by(node), SMALL, anchor="middle", colour=QUIET) + "</g>"


def _told_by(node: Node) -> str:
    """What an entity is told by, below its name."""
    if node.kind not in ("person", "organisation"):
        return kind_word(node.kind)
    if node.name or node.key:
        return (node.key if node.name else None) or short(node.reference)
    return text("sv", "network_picture", "by_reference")


def _outline(node: Node, left: float, middle: float, box: float) -> str:
    top, bottom, right = middle - _BOX / 2, middle + _BOX / 2, left + box
    look = f'fill="{_FILLS[_sort(node)]}" stroke="{INK}" '
    look += f'stroke-width="{1.6 if node.is_provider else 0.8}"'
    if node.kind in ("person", "organisation"):
        corner = _ROUND if node.kind == "person" else 0
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{box:.1f}" height="{_BOX:.1f}" '
            f'rx="{corner}" {look}/>'
        )
    across = (left, left + _CUT, right - _CUT, right)
    down = (top, top + _CUT, bottom - _CUT, bottom)
    corners = ((1, 0), (2, 0), (3, 1), (3, 2), (2, 3), (1, 3), (0, 2), (0, 1))
    points = " ".join(f"{across[x]:.1f},{down[y]:.1f}" for x, y in corners)
    return f'<polygon points="{points}" {look}/>'


def _wrapped(words: str, fits: int) -> list[str]:
    """At most two lines of a name; what does not fit ends in an ellipsis."""
    words = " ".join(words.split())
    if len(words) <= fits:
        return [words]
    cut = words.rfind(" ", 0, fits + 1)
    first, rest = (words[:cut], words[cut + 1 :]) if cut > 0 else (words[:fits], words[fits:])
    return [first, rest if len(rest) <= fits else f"{rest[: fits - 1]}…"]


def _head(name: str, left: float, frame: Frame) -> str:
    told = text("sv", "network_column", name)
    return written(left + frame.box / 2, 14, told, SMALL + 1, anchor="middle", colour=QUIET)


def _legend(layout: Layout, top: float) -> tuple[float, list[str]]:
    """What shapes and lines mean, and what is not drawn."""
    drawn = []
    families = {family_of(tie) for tie in layout.ties}
    x, y = float(_MARGIN), top + 8
    for family in (each for each in FAMILIES if each in families):
        told = text("sv", "network_family", family)
        wide = 40 + len(told) * SMALL * LETTER + 14
        if x + wide > WIDTH:
            x, y = float(_MARGIN), y + 14
        line = f"M{x:.1f} {y - 3:.1f}L{x + 30:.1f} {y - 3:.1f}"
        drawn.append(stroke(line, FAMILIES[family][0]))
        drawn.append(written(x + 36, y, told, SMALL))
        x += wide
    notes = [text("sv", "network_picture", "shapes")]
    if layout.is_damped:
        notes.append(text("sv", "network_picture", "damped"))
    if layout.left_out:
        counted = ", ".join(
            f"{number(count)} {text('sv', 'network_many', what)}"
            for what, count in layout.left_out.items()
        )
        notes.append(text("sv", "network_picture", "left_out", counted=counted))
    for note in notes:
        y += 14
        drawn.append(written(_MARGIN, y, note, SMALL, colour=QUIET))
    return y + 8, drawn
