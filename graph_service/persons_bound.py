"""How many persons one login or identity was at least, with the proof that a reader can check.

Two registrations are *incompatible* when no one person made both: they lie at different places
and overlap in time, or the way between them is farther than the fastest vehicle goes in the
time between. A set of registrations that are pairwise incompatible is a certificate: each of
them took a person of its own. `persons_bound` finds a largest one.

What might be one person's is never counted: registrations at one place (the same client, the
same building, or within a house's width) are compatible, as are those that only touch; where
nothing is known of a place, its registration leaves. Overlaps are counted by a sweep among
places with a known building, travel by Dilworth's theorem among those with coordinates (the
order "a before b when the way was possible" is a partial one, since great-circle distance is a
metric; a largest antichain follows from a maximum matching by König's theorem). The bound is
the larger of the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from graph_service.antichain import Indices, Pairs, pairs, widest_antichain
from graph_service.engines.duckdb import Engine

#: Clock drift between phones, and the walk from the door to the next check-in (domain T1).
TOLERANCE_S: Final = 300.0
#: Straight from door to door no road vehicle, train or scheduled flight is faster (domain T2
#: takes 60–100 km/h for what is odd; this is for what is impossible).
TOP_SPEED_KMH: Final = 250.0
#: Coordinates of one entrance differ by the width of a house.
SAME_BUILDING_M: Final = 30.0

_EARTH_M: Final = 6_371_000.0
#: Registrations that are matched at once, where time alone parts them into so few: the pairs
#: grow with the square.
_MATCHED: Final = 256
_ROWS: Final = 512
_SQL: Final = Path(__file__).with_suffix(".sql")

_Floats: TypeAlias = NDArray[np.float64]
_Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody was with a client from `start` to `end`, in a building or at a spot, if known.

    `building` is a key: equal just where the building is. Coordinates are degrees.
    """

    id: str
    start: datetime
    end: datetime
    client: str | None = None
    building: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class PersonsBound:
    """At least so many persons, and the ids of the registrations that prove it, sorted.

    `by_travel` says that the proof needs the speed of travel, not overlaps alone.
    """

    persons: int
    certificate: tuple[str, ...]
    by_travel: bool = False


def persons_bound(
    registrations: Sequence[Registration],
    *,
    tolerance_s: float = TOLERANCE_S,
    top_speed_kmh: float = TOP_SPEED_KMH,
    same_building_m: float = SAME_BUILDING_M,
) -> PersonsBound:
    """The least number of persons behind registrations made under one identity.

    Performed visits, no group activities: the caller leaves the others out, and gives ends that
    can be believed. Each interval loses `tolerance_s` at its end first; an empty one leaves. The
    order of the rows decides nothing. Without any registration the bound is 0.
    """
    kept = sorted(registrations, key=lambda r: (r.start, r.end, r.id))
    times = _Times.of(kept, tolerance_s, top_speed_kmh / 3.6, same_building_m)
    best = PersonsBound(min(1, len(kept)), tuple(r.id for r in kept[:1]))
    waiting = [np.flatnonzero(times.placed & (times.start < times.end))]
    while waiting:
        part = waiting.pop()
        if len(part) <= best.persons:
            continue
        halves = times.halves(part)
        if halves is not None:
            waiting.extend(halves)
            continue
        place = times.places(part)
        for members, by_travel in (
            (times.deepest_overlap(part, place), False),
            (times.widest_antichain(part, place), True),
        ):
            if len(members) > best.persons:
                ids = tuple(sorted(kept[index].id for index in members))
                best = PersonsBound(len(ids), ids, by_travel)
    return best


def bound_identities(
    engine: Engine,
    identity: Literal["worker", "login"],
    *,
    tolerance_s: float = TOLERANCE_S,
    top_speed_kmh: float = TOP_SPEED_KMH,
    same_building_m: float = SAME_BUILDING_M,
) -> dict[str, PersonsBound]:
    """Every worker or login in `visits` behind whom there were two persons or more, by id.

    SQL finds the stretches of time in which one person cannot have made all registrations, and
    only those come here, one after the other; the engine's memory bounds the rest.
    """
    given = {
        "identity": identity,
        "tolerance_s": tolerance_s,
        "metres_a_second": top_speed_kmh / 3.6,
    }
    engine.script(_SQL, {**given, "same_building_m": same_building_m})
    rows = engine.stream("SELECT * FROM bound_concurrent ORDER BY identity, stretch")
    bounds: dict[str, PersonsBound] = {}
    for (name, _), stretch in groupby(rows, itemgetter("identity", "stretch")):
        bound = persons_bound(
            [_registration(row) for row in stretch],
            tolerance_s=tolerance_s,
            top_speed_kmh=top_speed_kmh,
            same_building_m=same_building_m,
        )
        if bound.persons > max(1, bounds[name].persons if name in bounds else 1):
            bounds[name] = bound
    return bounds


def _registration(row: dict[str, Any]) -> Registration:
    names = Registration.__dataclass_fields__
    return Registration(**{name: row[name] for name in names})


@dataclass(frozen=True, slots=True)
class _Times:
    """Registrations as arrays, in order of start; ends are shortened, seconds since the first.

    `point` holds unit vectors from the centre of the earth, NaN where no spot is known.
    """

    start: _Floats
    end: _Floats
    client: Indices
    building: Indices
    point: _Floats
    metres_a_second: float
    same_building_m: float

    @classmethod
    def of(
        cls,
        registrations: Sequence[Registration],
        tolerance_s: float,
        metres_a_second: float,
        same_building_m: float,
    ) -> _Times:
        first = registrations[0].start if registrations else None
        seconds = [
            ((r.start - first).total_seconds(), (r.end - first).total_seconds())
            for r in registrations
            if first is not None
        ]
        spans = np.array(seconds, dtype=np.float64).reshape(-1, 2)
        spots = [
            (np.nan, np.nan) if r.lat is None or r.lon is None else (r.lat, r.lon)
            for r in registrations
        ]
        lat, lon = np.radians(np.array(spots, dtype=np.float64).reshape(-1, 2)).T
        point = np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), 1)
        return cls(
            start=spans[:, 0],
            end=spans[:, 1] - tolerance_s,
            client=_numbered([r.client for r in registrations]),
            building=_numbered([r.building for r in registrations]),
            point=point,
            metres_a_second=metres_a_second,
            same_building_m=same_building_m,
        )

    @property
    def housed(self) -> _Flags:
        """Whose building is known."""
        return self.building >= 0

    @property
    def spotted(self) -> _Flags:
        """Whose coordinates are known."""
        found: _Flags = ~np.isnan(self.point[:, 0])
        return found

    @property
    def placed(self) -> _Flags:
        return self.housed | self.spotted

    def halves(self, part: Indices) -> tuple[Indices, Indices] | None:
        """Two smaller parts of which one holds the whole of any certificate; None if none are.

        Pairwise incompatible registrations, their ends put off by the longest way there is,
        overlap pairwise; so they have a moment in common, before the middle start or after it.
        """
        if len(part) <= _MATCHED:
            return None
        middle = self.start[part[len(part) // 2]]
        early = part[self.start[part] < middle]
        late = part[(self.end[part] + self._longest_way_s(part) > middle)]
        if max(len(early), len(late)) > 0.8 * len(part):
            return None
        return early, late

    def _longest_way_s(self, part: Indices) -> float:
        points = self.point[part][self.spotted[part]]
        if len(points) == 0:
            return 0.0
        # No two points of a box lie farther apart than its corners do.
        chord = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
        return float(_metres(np.array(chord))) / self.metres_a_second + 1.0

    def places(self, part: Indices) -> Indices:
        """A number for each registration's place: one client, one building, or one spot."""
        count = len(part)
        links: list[tuple[Indices, Indices]] = []
        for named in (self.client[part], self.building[part]):
            known = np.flatnonzero(named >= 0)
            _, first = np.unique(named[known], return_index=True)
            leader = known[first][np.searchsorted(named[known][first], named[known])]
            links.append((known, leader))
        spotted = np.flatnonzero(self.spotted[part])
        if len(spotted):
            # Many registrations share few spots: those few are compared.
            spots, first, spot = np.unique(
                self.point[part[spotted]], axis=0, return_index=True, return_inverse=True
            )
            links.append((spotted, spotted[first][spot]))
            near = KDTree(spots).query_pairs(_chord(self.same_building_m), output_type="ndarray")
            links.append((spotted[first][near[:, 0]], spotted[first][near[:, 1]]))
        one, other = (np.concatenate([link[side] for link in links]) for side in (0, 1))
        return connected_components(pairs(one, other, count), directed=False)[1].astype(np.int64)

    def deepest_overlap(self, part: Indices, place: Indices) -> list[int]:
        """One registration at each of the most places that are attended at one moment."""
        housed = [int(index) for index in np.flatnonzero(self.housed[part])]
        ends = [(float(self.end[part[index]]), 0, index) for index in housed]
        starts = [(float(self.start[part[index]]), 1, index) for index in housed]
        attended: Counter[int] = Counter()
        deepest, moment = 0, 0.0
        for at, begins, index in sorted(ends + starts):  # what ends as another begins is over
            if begins:
                attended[int(place[index])] += 1
                if len(attended) > deepest:
                    deepest, moment = len(attended), at
            else:
                attended -= Counter((int(place[index]),))
        shown = {
            int(place[index]): int(part[index])
            for index in reversed(housed)
            if self.start[part[index]] <= moment < self.end[part[index]]
        }
        return list(shown.values())

    def widest_antichain(self, part: Indices, place: Indices) -> list[int]:
        """A largest set among those with coordinates that no two of which one person made."""
        spotted = np.flatnonzero(self.spotted[part])
        if len(spotted) == 0:
            return []
        spotted = spotted[~self._contained(part[spotted], place[spotted])]
        before = self._before(part[spotted], place[spotted])
        return [int(part[index]) for index in spotted[widest_antichain(before)]]

    def _contained(self, part: Indices, place: Indices) -> _Flags:
        """Whose time lies within another's at its place: that other proves all that it proves."""
        order = np.lexsort((-self.end[part], self.start[part], place))
        end, where = self.end[part][order], place[order]
        latest = np.full(len(part), -np.inf)
        for index in range(1, len(part)):
            if where[index] == where[index - 1]:
                latest[index] = max(latest[index - 1], end[index - 1])
        contained = np.zeros(len(part), dtype=np.bool_)
        contained[order] = end <= latest
        return contained

    def _before(self, part: Indices, place: Indices) -> Pairs:
        """Which registrations one person may have made before which others: a partial order.

        At one place the earlier start comes first, and no time lies within another's there.
        Every registration of a place stands at one point, so that distance stays a metric.
        """
        start, end = self.start[part], self.end[part]
        _, first, at = np.unique(place, return_index=True, return_inverse=True)
        point = self.point[part][first][at]
        rows: list[Indices] = []
        columns: list[Indices] = []
        for begin in range(0, len(part), _ROWS):
            chunk = slice(begin, begin + _ROWS)
            chords = np.linalg.norm(point[chunk, None, :] - point[None, :, :], axis=2)
            arrives = end[chunk, None] + _metres(chords) / self.metres_a_second
            same = place[chunk, None] == place[None, :]
            earlier = np.where(same, start[chunk, None] < start, arrives <= start)
            row, column = np.nonzero(earlier)
            rows.append(row + begin)
            columns.append(column)
        return pairs(np.concatenate(rows), np.concatenate(columns), len(part))


def _numbered(names: Sequence[str | None]) -> Indices:
    """A number for each name, -1 for none."""
    known = {name: number for number, name in enumerate(dict.fromkeys(names)) if name is not None}
    return np.array([-1 if name is None else known[name] for name in names], dtype=np.int64)


def _metres(chords: _Floats) -> _Floats:
    """Great-circle metres of chords of the unit sphere; the haversine formula by another name."""
    metres: _Floats = 2 * _EARTH_M * np.arcsin(np.minimum(1.0, chords / 2))
    return metres


def _chord(metres: float) -> float:
    return 2 * float(np.sin(metres / (2 * _EARTH_M)))
