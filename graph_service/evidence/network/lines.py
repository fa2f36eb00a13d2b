"""The lines of the picture: ties of one family between the same two are one, and say how much.

Colours are Okabe and Ito's, which the colour-blind tell apart; dashes say the same in grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log2
from typing import Final, NamedTuple, TypeAlias

from graph_service.evidence.network.graph import Tie
from graph_service.evidence.network.layout import Layout, pair_of
from graph_service.evidence.network.svg import LETTER, written
from graph_service.evidence.network.words import tie_detail, tie_type, visits_word
from graph_service.texts import text

_LABEL: Final = 7.5
_ELSE: Final = "formal"


class Style(NamedTuple):
    """How a family of ties is drawn."""

    colour: str
    dashes: str
    width: float


FAMILIES: Final[Mapping[str, tuple[Style, frozenset[str]]]] = {
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
_FAMILY: Final = {each: family for family, (_, types) in FAMILIES.items() for each in types}


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


def family_of(tie: Tie) -> str:
    """The family of a tie."""
    return _FAMILY.get(tie.type, _ELSE)


def drawn_lines(layout: Layout, frame: Frame) -> Iterator[str]:
    """Every line, then every label upon the lines, where it hides no other if that can be."""
    column = {each: at for at, names in enumerate(layout.columns) for each in names if each}
    row = {each: at for names in layout.columns for at, each in enumerate(names) if each}
    labels: list[tuple[Line, list[Spot]]] = []
    for line in _merged(layout, column):
        style = FAMILIES[line.family][0]
        start = (column[line.left], row[line.left])
        end = (column[line.right], row[line.right])
        if start[0] == end[0]:
            path, spots, heads = _arc(frame, start, end)
        else:
            stops = [start, *layout.routes[line.left, line.right], end]
            path, spots, heads = _curve(frame, stops)
        yield stroke(path, style, _visits(line.ties) if line.family == "care" else 0)
        yield from (_arrow(*heads[each], style) for each in _pointed(line))
        labels.append((line, spots))
    yield from _placed(labels)


def _merged(layout: Layout, column: Mapping[str, int]) -> Iterator[Line]:
    def key(tie: Tie) -> tuple[str, str, str]:
        return (*pair_of(tie, column), family_of(tie))

    def order(tie: Tie) -> tuple[object, ...]:
        return key(tie), tie.type, tie.properties.get("interest") != "shares", tie.tie_id

    ties = sorted(layout.ties, key=order)
    for (left, right, family), some in groupby(ties, key):
        yield Line(left, right, family, tuple(some))


def _pointed(line: Line) -> list[int]:
    """At which ends there are heads: 0 the left one, 1 the right one."""
    targets = {tie.target for tie in line.ties if tie.directed}
    return [at for at, end in enumerate((line.left, line.right)) if end in targets]


Point: TypeAlias = tuple[float, float]
#: A head's tip, and whether it points right (1) or left (-1).
Head: TypeAlias = tuple[float, float, int]
#: Where a label may stand: its middle, and the gap between columns that it keeps to.
Spot: TypeAlias = tuple[Point, Point]


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


def stroke(path: str, style: Style, visits: int = 0) -> str:
    """A line of a family; more visits make it wider, to a bound."""
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
    whole = ", ".join(dict.fromkeys(told))
    return whole if len(whole) <= fits else told[-1]


def _words(ties: Sequence[Tie]) -> str:
    """What ties of one type amount to."""
    if visits := _visits(ties):
        return visits_word(visits)
    each = []
    for tie in ties:
        detail = tie_detail(tie).strip("()")
        each.append(f"{tie_type(tie)} {detail}" if tie.type == "OWNS" else detail or tie_type(tie))
    if len(set(each)) > 1:
        return text("sv", "network_picture", "more", words=each[0])
    return each[0] if len(ties) == 1 else f"{len(ties)} × {each[0]}"


def _placed(labels: Iterable[tuple[Line, list[Spot]]]) -> Iterator[str]:
    taken: list[tuple[float, float, float, float]] = []
    for line, spots in labels:
        low, high = spots[0][1]
        label = _label(line, int((high - low + 10) / (_LABEL * LETTER)))
        wide = len(label) * _LABEL * LETTER
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
        colour = FAMILIES[line.family][0].colour
        yield written(left + wide / 2, top + _LABEL, label, _LABEL, anchor="middle", colour=colour)


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)
