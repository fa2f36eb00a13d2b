"""The network as a picture: SVG 1.1 with text as text, for a page and for a browser.

Colours are Okabe and Ito's, which the colour-blind tell apart; shapes, dashes and words say the
same, so that a print in grey does too. Ties of one sort between the same two are one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log2
from pathlib import Path
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.layout import Layout, laid_out, pair_of
from graph_service.evidence.network.words import (
    kind_word,
    node_label,
    number,
    short,
    tie_detail,
    tie_type,
)
from graph_service.texts import text

WIDTH: Final = 720
_MARGIN: Final = 8
_HEAD: Final = 26
_BOX, _PASS, _BETWEEN = 40.0, 6.0, 6.0
#: A gap between columns, as a share of a column.
_GAP: Final = 0.62
_WIDEST: Final = 170.0
_NAME, _SMALL, _LABEL = 9.5, 8.0, 7.5
#: How wide a letter is, as a share of the type size: a bold Libertinus Serif takes 0.5 of it.
_LETTER: Final = 0.5
_INK, _QUIET = "#1c2329", "#59636b"


class Style(NamedTuple):
    """How a family of ties is drawn."""

    colour: str
    dashes: str
    width: float


_FAMILIES: Final[Mapping[str, tuple[Style, frozenset[str]]]] = {
    "control": (Style("#0072b2", "", 1.6), frozenset({"OWNS", "OFFICER_OF", "ACTS_FOR"})),
    "work": (Style("#1c2329", "", 0.8), frozenset({"EMPLOYED_BY", "WORKED_FOR"})),
    "care": (
        Style("#d55e00", "5 2", 1.0),
        frozenset({"VISITED", "CARED_FOR_BY", "ENROLLED_WITH", "PLACED_WITH", "BILLED_FOR"}),
    ),
    "money": (
        Style("#00795a", "8 2 2 2", 1.3),
        frozenset({"HOLDS_ACCOUNT", "TRANSFERRED_TO", "PAID_TO", "PAYABLE_TO", "SETTLES"})
        | {"INVOICED"},
    ),
    "contact": (
        Style("#8a4a78", "1.5 2", 1.2),
        frozenset({"RESIDES_AT", "REGISTERED_AT", "REACHED_AT", "USES_LOGIN", "SIGNED_IN_ON"})
        | {"HAS_TAG"},
    ),
    "likeness": (Style("#1c2329", "1 3", 1.4), frozenset({"SAME_AS"})),
    "formal": (Style("#6b6b6b", "3 3", 0.9), frozenset()),
}
_FAMILY: Final = {each: family for family, (_, types) in _FAMILIES.items() for each in types}

_ROUND, _CUT = 12, 7
_FILLS: Final[Mapping[str, str]] = {
    "provider": "#f3c969",
    "organisation": "#fbeecb",
    "worker": "#c4e1f3",
    "client": "#e2f3ec",
    "in_charge": "#ecd6e5",
    "thing": "#ececec",
}


@dataclass(frozen=True, slots=True)
class Line:
    """The ties of one family between the same two, as one line from left to right."""

    left: str
    right: str
    family: str
    ties: tuple[Tie, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where columns stand, and the middle of each row in them. Units of the picture."""

    lefts: tuple[float, ...]
    box: float
    middles: tuple[tuple[float, ...], ...]
    bottom: float


def write(network: Network, path: Path) -> None:
    """Write the picture."""
    path.write_text(picture(network), encoding="utf-8")


def picture(network: Network) -> str:
    """The picture; equal networks give equal bytes."""
    layout = laid_out(network, _what)
    frame = _frame(layout)
    drawn = [_head(name, left, frame) for name, left in zip(layout.heads, frame.lefts, strict=True)]
    drawn += _lines(layout, frame)
    for at, column in enumerate(layout.columns):
        for row, reference in enumerate(column):
            if reference is not None:
                left, middle = frame.lefts[at], frame.middles[at][row]
                drawn += _node(layout.nodes[reference], left, middle, frame.box)
    height, legend = _legend(layout, frame.bottom + 14)
    return _svg(height, [*drawn, *legend])


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


def _lines(layout: Layout, frame: Frame) -> Iterator[str]:
    """Every line, then every label upon the lines, where it hides no other if that can be."""
    column = {each: at for at, names in enumerate(layout.columns) for each in names if each}
    row = {each: at for names in layout.columns for at, each in enumerate(names) if each}
    labels: list[tuple[Line, list[Spot]]] = []
    for line in _merged(layout, column):
        style = _FAMILIES[line.family][0]
        start = (column[line.left], row[line.left])
        end = (column[line.right], row[line.right])
        if start[0] == end[0]:
            path, spots, heads = _arc(frame, start, end)
        else:
            stops = [start, *layout.routes[line.left, line.right], end]
            path, spots, heads = _curve(frame, stops)
        yield _path(path, style, line)
        yield from (_arrow(*heads[each], style) for each in _pointed(line))
        labels.append((line, spots))
    yield from _placed(labels)


def _merged(layout: Layout, column: Mapping[str, int]) -> Iterator[Line]:
    def key(tie: Tie) -> tuple[str, str, str]:
        return (*pair_of(tie, column), _FAMILY.get(tie.type, "formal"))

    def order(tie: Tie) -> tuple[object, ...]:
        return key(tie), tie.type, tie.properties.get("interest") != "shares", tie.tie_id

    ties = sorted(layout.ties, key=order)
    for (left, right, family), some in groupby(ties, key):
        yield Line(left, right, family, tuple(some))


def _pointed(line: Line) -> list[int]:
    """At which ends there are heads: 0 the left one, 1 the right one."""
    targets = {tie.target for tie in line.ties if tie.directed}
    return [at for at, end in enumerate((line.left, line.right)) if end in targets]


Point = tuple[float, float]
Head = tuple[float, float, int]
#: Where a label may stand: its middle, and the gap between columns that it keeps to.
Spot = tuple[Point, Point]


def _curve(
    frame: Frame, stops: Sequence[tuple[int, int]]
) -> tuple[str, list[Spot], tuple[Head, Head]]:
    """A line through the gaps between columns, the places for its label, the places for heads."""
    path = ""
    spots: list[Spot] = []
    for (at, row), (to, next_row) in pairwise(stops):
        x1, y1 = frame.lefts[at] + frame.box, frame.middles[at][row]
        x2, y2 = frame.lefts[to], frame.middles[to][next_row]
        half = (x1 + x2) / 2
        path += f"{'L' if path else 'M'}{x1:.1f} {y1:.1f}C{half:.1f} {y1:.1f} "
        path += f"{half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        spots += [
            (_on_curve((x1, y1), (x2, y2), part / 20), (x1, x2))
            for part in (10, 8, 12, 6, 14, 4, 16, 9, 11, 7, 13, 5, 15)
        ]
    (first, first_row), (last, last_row) = stops[0], stops[-1]
    left = (frame.lefts[first] + frame.box, frame.middles[first][first_row], -1)
    right = (frame.lefts[last], frame.middles[last][last_row], 1)
    return path, spots, (left, right)


def _on_curve(start: Point, end: Point, part: float) -> Point:
    """A point of the cubic whose handles lie halfway across."""
    rest = 1 - part
    half = (start[0] + end[0]) / 2
    x = rest**3 * start[0] + 3 * rest * part * half + part**3 * end[0]
    y = (rest**3 + 3 * rest**2 * part) * start[1] + (part**3 + 3 * rest * part**2) * end[1]
    return x, y


def _arc(
    frame: Frame, start: tuple[int, int], end: tuple[int, int]
) -> tuple[str, list[Spot], tuple[Head, Head]]:
    """A bow beside a column: to its right, or to the left of the last one."""
    at = start[0]
    is_last = at == len(frame.lefts) - 1
    x = frame.lefts[at] + (0 if is_last else frame.box)
    bulge = (-1 if is_last else 1) * min(40.0, 10.0 + 6 * abs(start[1] - end[1]))
    y1, y2 = frame.middles[at][start[1]], frame.middles[at][end[1]]
    path = f"M{x:.1f} {y1:.1f}C{x + bulge:.1f} {y1:.1f} {x + bulge:.1f} {y2:.1f} {x:.1f} {y2:.1f}"
    inward = 1 if is_last else -1
    near = (x - 60, x) if is_last else (x, x + 60)
    spots = [((x + bulge, y1 + (y2 - y1) * part / 10), near) for part in (5, 4, 6, 3, 7)]
    return path, spots, ((x, y1, inward), (x, y2, inward))


def _path(path: str, style: Style, line: Line) -> str:
    visits = _visits(line.ties) if line.family == "care" else 0
    width = style.width + (min(1.5, log2(visits) / 5) if visits else 0)
    dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    return (
        f'<path d="{path}" fill="none" stroke="{style.colour}" stroke-width="{width:.2f}"{dashes}/>'
    )


def _visits(ties: Iterable[Tie]) -> int:
    counts = [tie.properties.get("visits") for tie in ties]
    return sum(count for count in counts if isinstance(count, int))


def _arrow(x: float, y: float, towards: int, style: Style) -> str:
    back = x - 5 * towards
    points = f"{x:.1f},{y:.1f} {back:.1f},{y - 2.4:.1f} {back:.1f},{y + 2.4:.1f}"
    return f'<polygon points="{points}" fill="{style.colour}"/>'


def _label(line: Line, fits: int) -> str:
    """What the ties of a line say: each sort once, or the last of them where no more fits."""
    told = [_words(tuple(some)) for _, some in groupby(line.ties, lambda tie: tie.type)]
    words = ", ".join(dict.fromkeys(told))
    return words if len(words) <= fits else told[-1]


def _words(ties: Sequence[Tie]) -> str:
    """What ties of one type amount to."""
    if visits := _visits(ties):
        return (
            f"{number(visits)} {text('sv', 'network_count', 'visit' if visits == 1 else 'visits')}"
        )
    words = []
    for tie in ties:
        detail = tie_detail(tie).strip("()")
        words.append(f"{tie_type(tie)} {detail}" if tie.type == "OWNS" else detail or tie_type(tie))
    if len(set(words)) > 1:
        return text("sv", "network_picture", "more", words=words[0])
    return words[0] if len(ties) == 1 else f"{len(ties)} × {words[0]}"


def _placed(labels: Iterable[tuple[Line, list[Spot]]]) -> Iterator[str]:
    taken: list[tuple[float, float, float, float]] = []
    for line, spots in labels:
        low, high = spots[0][1]
        words = _label(line, int((high - low + 10) / (_LABEL * _LETTER)))
        wide = len(words) * _LABEL * _LETTER
        boxes = [
            (max(low, min(high - wide, x - wide / 2)), y - _LABEL / 2 - 1, wide, _LABEL + 2)
            for (x, y), (low, high) in spots
        ]
        best = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
        taken.append(best)
        left, top, _, tall = best
        yield (
            f'<rect x="{left - 1:.1f}" y="{top:.1f}" width="{wide + 2:.1f}" height="{tall:.1f}" '
            'fill="#ffffff" fill-opacity="0.85"/>'
        )
        colour = _FAMILIES[line.family][0].colour
        yield _text(left + wide / 2, top + _LABEL, words, _LABEL, anchor="middle", colour=colour)


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


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
    fits = int((box - 10) / (_NAME * _LETTER))
    lines = _wrapped(node_label(node), fits)
    x, y = left + box / 2, middle - (len(lines) * 10 + 9) / 2 + 8
    for line in lines:
        yield _text(x, y, line, _NAME, anchor="middle", weight="bold" if node.linked else "normal")
        y += 10
    yield _text(x, y - 0.5, _told_by(node), _SMALL, anchor="middle", colour=_QUIET) + "</g>"


def _told_by(node: Node) -> str:
    """What an entity is told by, below its name."""
    if node.kind not in ("person", "organisation"):
        return kind_word(node.kind)
    if node.name or node.key:
        return (node.key if node.name else None) or short(node.reference)
    return text("sv", "network_picture", "by_reference")


def _outline(node: Node, left: float, middle: float, box: float) -> str:
    top, bottom, right = middle - _BOX / 2, middle + _BOX / 2, left + box
    look = f'fill="{_FILLS[_sort(node)]}" stroke="{_INK}" '
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
    words = text("sv", "network_column", name)
    return _text(left + frame.box / 2, 14, words, _SMALL + 1, anchor="middle", colour=_QUIET)


def _legend(layout: Layout, top: float) -> tuple[float, list[str]]:
    """What shapes and lines mean, and what is not drawn."""
    drawn = []
    families = {_FAMILY.get(tie.type, "formal") for tie in layout.ties}
    x, y = float(_MARGIN), top + 8
    for family in (each for each in _FAMILIES if each in families):
        words = text("sv", "network_family", family)
        wide = 40 + len(words) * _SMALL * _LETTER + 14
        if x + wide > WIDTH:
            x, y = float(_MARGIN), y + 14
        style = _FAMILIES[family][0]
        line = Line("", "", family, ())
        drawn.append(_path(f"M{x:.1f} {y - 3:.1f}L{x + 30:.1f} {y - 3:.1f}", style, line))
        drawn.append(_text(x + 36, y, words, _SMALL))
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
        drawn.append(_text(_MARGIN, y, note, _SMALL, colour=_QUIET))
    return y + 8, drawn


def _svg(height: float, drawn: Iterable[str]) -> str:
    title = escape(text("sv", "network_picture", "title"))
    size = f"0 0 {WIDTH} {height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img" xml:lang="sv" '
            "font-family=\"'Libertinus Serif', 'Liberation Serif', serif\">",
            f"<title>{title}</title>",
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _text(
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = _INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{colour}">{escape(words)}</text>'
    )
