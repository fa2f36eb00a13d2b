"""The acts of a case over time, as a picture (SVG 1.1) whose text is text.

One lane a finding; where there are many, one lane a room. A column is a day, or where the time is
long a week or a month; its height is the share of the lane's fullest column, whose count is told.
What was paid has a lane of its own below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from graph_service.evidence.report.contents import Contents
from graph_service.evidence.report.printed import number, printable
from graph_service.texts import text

WIDTH: Final = 720
_MARGIN: Final = 8
_LANE: Final = 44
_HIGH: Final = 18
_AXIS: Final = 34
#: Lanes that can be read on one page; with more findings there is a lane a room.
_MOST_LANES: Final = 12
#: Days up to which a column is a day, and a week: a column is then no thinner than 2 units.
_BY_DAY: Final = 200
_BY_WEEK: Final = 1_400
#: What of a lane's name fits beside its count.
_LONGEST_NAME: Final = 76
_MOST_TICKS: Final = 13
#: How wide a figure of an axis is.
_LETTER: Final = 5.6


class Column(StrEnum):
    """How much time one column stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of the picture: what it tells, when, and how it is drawn."""

    name: str
    days: tuple[date, ...]
    since: date | None
    until: date | None
    colour: str


def timeline(contents: Contents) -> str:
    """The picture; the same contents give the same bytes. One without any day says so."""
    lanes = _lanes(contents)
    days = _days(lanes)
    if not days:
        return _picture(40, [_text(_MARGIN, 24, text("sv", "timeline", "empty"))])
    first, last = min(days), max(days)
    kind = _column(first, last)
    start, end = _floor(first, kind), _after(last, kind)
    across = _scale(start, end)
    height = _AXIS + _LANE * len(lanes) + _MARGIN
    ticks = _ticks(start, end)
    drawn = _axis(ticks, across)
    for at, lane in enumerate(lanes):
        drawn += _lane(lane, _AXIS + _LANE * at, kind, across, [day for day, _ in ticks])
    return _picture(height, drawn)


def column_of(contents: Contents) -> Column:
    """How much time one column of the picture stands for."""
    days = _days(_lanes(contents))
    return _column(min(days), max(days)) if days else Column.DAY


def described(contents: Contents) -> str:
    """The picture in words, for those who do not see it."""
    days = [act.day for act in contents.acts]
    if not days:
        return text("sv", "timeline", "empty")
    return text(
        "sv",
        "timeline",
        "described",
        acts=number(len(days)),
        findings=number(len(contents.findings)),
        since=min(days),
        until=max(days),
    )


def _of_findings(contents: Contents) -> list[Lane]:
    """A lane a finding, or a room where findings are many; in order of time."""
    numbers = {each.finding_id: at for at, each in enumerate(contents.findings, start=1)}
    acts: dict[str, list[date]] = {}
    for act in contents.acts:
        acts.setdefault(act.finding_id, []).append(act.day)
    told = sorted(contents.findings, key=lambda each: (each.since, each.room, each.finding_id))
    if len(told) <= _MOST_LANES:
        parts = [(f"{numbers[each.finding_id]}. {each.title}", [each]) for each in told]
    else:
        by_room = groupby(sorted(told, key=lambda each: each.room), key=lambda each: each.room)
        parts = [(some[0].title, some) for some in (list(found) for _, found in by_room)]
        parts.sort(key=lambda part: min(each.since for each in part[1]))
    return [
        Lane(
            name=name
            if len(found) == 1
            else text("sv", "timeline", "several", name=name, findings=len(found)),
            days=tuple(sorted(day for each in found for day in acts.get(each.finding_id, ()))),
            since=min(each.since for each in found),
            until=max(each.until for each in found),
            colour="#1f4e79",
        )
        for name, found in parts
    ]


def _lanes(contents: Contents) -> list[Lane]:
    """The findings' lanes, and what was paid: a payment counts once."""
    lanes = _of_findings(contents)
    paid = {chain.payment: chain.paid_on for chain in contents.chains if chain.payment}
    days = tuple(sorted(day for day in paid.values() if day is not None))
    if days:
        lanes.append(Lane(text("sv", "timeline", "payments"), days, None, None, "#5b6770"))
    return lanes


def _days(lanes: Iterable[Lane]) -> list[date]:
    return [day for lane in lanes for day in (*lane.days, lane.since, lane.until) if day]


def _column(first: date, last: date) -> Column:
    days = (last - first).days
    return Column.DAY if days <= _BY_DAY else Column.WEEK if days <= _BY_WEEK else Column.MONTH


def _floor(day: date, kind: Column) -> date:
    """The first day of the column that a day is in. Weeks begin on Mondays (ISO 8601)."""
    if kind is Column.DAY:
        return day
    if kind is Column.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def _after(day: date, kind: Column) -> date:
    """The first day after the column that a day is in."""
    if kind is Column.DAY:
        return day + timedelta(days=1)
    if kind is Column.WEEK:
        return _floor(day, kind) + timedelta(days=7)
    return _next_month(day)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _scale(start: date, end: date) -> Callable[[date], float]:
    """Where a day stands across the picture."""
    whole = (end - start).days
    return lambda day: _MARGIN + (WIDTH - 2 * _MARGIN) * (day - start).days / whole


def _axis(ticks: Sequence[tuple[date, str]], across: Callable[[date], float]) -> list[str]:
    """The names of days that are easy to name, each where it has room; the lanes have the lines."""
    drawn = []
    for day, name in ticks:
        x = across(day)
        if x + _LETTER * len(name) <= WIDTH:
            drawn.append(_text(x, _AXIS - 16, name, colour="#44505a"))
    return drawn


def _ticks(start: date, end: date) -> list[tuple[date, str]]:
    """Mondays, months or years within the time: the finest of which there are not too many."""
    if (end - start).days <= _MOST_TICKS * 7:
        monday = start + timedelta(days=-start.weekday() % 7)
        weeks = (monday + timedelta(days=7 * n) for n in range(_MOST_TICKS + 1))
        found = [day for day in weeks if day < end]
        return [(day, day.isoformat()) for day in found[:: 1 + len(found) // 9]] or [
            (start, start.isoformat())
        ]
    months = list(_months(start, end))
    for each in (1, 2, 3, 6):
        some = [day for day in months if (day.month - 1) % each == 0]
        if len(some) <= _MOST_TICKS:
            return [(day, f"{day:%Y-%m}") for day in some]
    years = [day for day in months if day.month == 1]
    return [(day, str(day.year)) for day in years[:: 1 + len(years) // _MOST_TICKS]]


def _months(start: date, end: date) -> Iterable[date]:
    day = start if start.day == 1 else _next_month(start)
    while day < end:
        yield day
        day = _next_month(day)


def _lane(
    lane: Lane, top: int, kind: Column, across: Callable[[date], float], ticks: Sequence[date]
) -> list[str]:
    """A lane: its name and counts, its time as a line, its days as columns upon it."""
    ground = top + _LANE - 6
    counted = Counter(_floor(day, kind) for day in lane.days)
    fullest = max(counted.values(), default=0)
    drawn = [
        _text(_MARGIN, top + 10, _short(lane.name), weight="bold"),
        _text(WIDTH - _MARGIN, top + 10, _counts(len(lane.days), fullest, kind), anchor="end"),
        _line(_MARGIN, ground, WIDTH - _MARGIN, ground, "#d5d9dd"),
        *(_line(across(day), ground - _HIGH, across(day), ground, "#d5d9dd") for day in ticks),
    ]
    if lane.since and lane.until:
        until = lane.until + timedelta(days=1)
        drawn.append(_rect(across(lane.since), ground, across(until), ground + 2, lane.colour))
    for day, count in sorted(counted.items()):
        high = max(2.0, _HIGH * count / fullest)
        left, right = across(day), across(_after(day, kind))
        right = max(left + 2, right - 1 if right - left > 4 else right)
        drawn.append(_rect(left, ground - high, right, ground, lane.colour))
    return drawn


def _counts(events: int, fullest: int, kind: Column) -> str:
    if events == 0:
        return text("sv", "timeline", "none")
    if fullest == 1:
        return text("sv", "timeline", "one" if events == 1 else "count", count=number(events))
    most = {"count": number(events), "most": number(fullest)}
    return text("sv", "timeline", f"most_a_{kind}", **most)


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def _picture(height: int, drawn: Sequence[str]) -> str:
    title = escape(text("sv", "timeline", "title"))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" xml:lang="sv" '
            "font-family=\"'Libertinus Serif', 'Liberation Serif', serif\" font-size=\"12\">",
            f"<title>{title}</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="1"/>'


def _rect(left: float, top: float, right: float, bottom: float, colour: str) -> str:
    size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{colour}"/>'


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = "#1c2329",
) -> str:
    told = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {told} fill={quoteattr(colour)}>{escape(words)}</text>"
