"""How many persons one login or identity was at least, with the proof that a reader can check.

Two registrations are *incompatible* when no one person made both: they lie at different places
and overlap in time, or the way between them is farther than the fastest vehicle goes in the
time between. A set of registrations that are pairwise incompatible is a certificate: each of
them took a person of its own. `persons_bound` finds a largest one.

What might be one person's is never counted: registrations at one place (the same building, or
within a house's width) are compatible, as are those that only touch; where nothing is known of
a place, its registration leaves. Overlaps are counted by a sweep among
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
#: A house, or a row of them that no gap parts, is not wider than so many entrances: 300 m, which
#: are seconds of the tolerance at top speed.
_SPREAD: Final = 10
_SQL: Final = Path(__file__).with_suffix(".sql")

_Floats: TypeAlias = NDArray[np.float64]
_Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody was registered from `start` to `end`, in a building or at a spot, if known.

    `building` is any key that is equal where the building is; coordinates are in degrees.
    """

    id: str
    start: datetime
    end: datetime
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
    if not kept:
        return PersonsBound(0, ())
    times = _Times.of(kept, tolerance_s, top_speed_kmh / 3.6, same_building_m)
    best = PersonsBound(1, (kept[0].id,))
    waiting = [np.flatnonzero((times.housed | times.spotted) & (times.start < times.end))]
    while waiting:
        part = waiting.pop()
        if len(part) <= best.persons:
            continue
        halves = times.halves(part)
        if halves is not None:
            waiting.extend(halves)
            continue
        for members, by_travel in (
            (times.deepest_overlap(part), False),
            (times.widest_antichain(part), True),
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
    """Registrations as arrays, in order of start: shortened, in seconds since the first start.

    All registrations of one place stand at one `point`, a unit vector from the centre of the
    earth, so that distance stays a metric.
    """

    start: _Floats
    end: _Floats
    place: Indices
    point: _Floats
    housed: _Flags
    spotted: _Flags
    metres_a_second: float

    @classmethod
    def of(
        cls,
        registrations: Sequence[Registration],
        tolerance_s: float,
        metres_a_second: float,
        same_building_m: float,
    ) -> _Times:
        spans = [(r.start - registrations[0].start, r.end - r.start) for r in registrations]
        start = np.array([since.total_seconds() for since, _ in spans])
        length = np.array([lasted.total_seconds() for _, lasted in spans])
        point = _points(registrations)
        spotted = ~np.isnan(point[:, 0])
        building = _numbered([r.building for r in registrations])
        place = _places(building, point, spotted, same_building_m)
        spotted &= ~_scattered(place, point, spotted, _SPREAD * same_building_m)[place]
        at, first = np.unique(place[spotted], return_index=True)
        point[spotted] = point[spotted][first][np.searchsorted(at, place[spotted])]
        return cls(
            start,
            start + length - tolerance_s,
            place,
            point,
            building >= 0,
            spotted,
            metres_a_second,
        )

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
        points = self.point[part[self.spotted[part]]]
        if len(points) == 0:
            return 0.0
        # No two points of a box lie farther apart than its corners do.
        chord = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
        return float(_metres(np.array(chord))) / self.metres_a_second + 1.0

    def deepest_overlap(self, part: Indices) -> Indices:
        """One registration at each of the most places that are attended at one moment."""
        part = part[self.housed[part]]
        edges = [(float(self.end[index]), 0, int(self.place[index])) for index in part]
        edges += [(float(self.start[index]), 1, int(self.place[index])) for index in part]
        attended: Counter[int] = Counter()
        deepest, moment = 0, 0.0
        for at, begins, place in sorted(edges):  # what ends as another begins is over
            attended[place] += 1 if begins else -1
            if attended[place] == 0:
                del attended[place]
            if len(attended) > deepest:
                deepest, moment = len(attended), at
        running = part[(self.start[part] <= moment) & (moment < self.end[part])]
        return running[np.unique(self.place[running], return_index=True)[1]]

    def widest_antichain(self, part: Indices) -> Indices:
        """A largest set among those with coordinates that no two of which one person made."""
        part = part[self.spotted[part]]
        part = part[~self._contained(part)]
        return part[widest_antichain(self._before(part))]

    def _contained(self, part: Indices) -> _Flags:
        """Whose time lies within another's at its place: that other proves all that it proves."""
        order = np.lexsort((-self.end[part], self.start[part], self.place[part]))
        contained = np.zeros(len(part), dtype=np.bool_)
        place, latest = -1, 0.0
        for index in order:
            at, end = int(self.place[part[index]]), float(self.end[part[index]])
            contained[index] = at == place and end <= latest
            place, latest = at, max(end, latest) if at == place else end
        return contained

    def _before(self, part: Indices) -> Pairs:
        """Which registrations one person may have made before which others: a partial order.

        At one place the earlier start comes first, and no time lies within another's there.
        """
        start, end = self.start[part], self.end[part]
        place, point = self.place[part], self.point[part]
        nothing = np.empty(0, dtype=np.int64)
        rows, columns = [nothing], [nothing]
        for begin in range(0, len(part), _ROWS):
            chunk = slice(begin, begin + _ROWS)
            chords = np.linalg.norm(point[chunk, None, :] - point[None, :, :], axis=2)
            arrives = end[chunk, None] + _metres(chords) / self.metres_a_second
            same = place[chunk, None] == place[None, :]
            row, column = np.nonzero(np.where(same, start[chunk, None] < start, arrives <= start))
            rows.append(row + begin)
            columns.append(column)
        return pairs(np.concatenate(rows), np.concatenate(columns), len(part))


def _places(building: Indices, point: _Floats, spotted: _Flags, same_building_m: float) -> Indices:
    """A number for each registration's place: one building, or spots within a house's width."""
    housed = np.flatnonzero(building >= 0)
    _, first, which = np.unique(building[housed], return_index=True, return_inverse=True)
    links = [(housed, housed[first][which])]
    seen = np.flatnonzero(spotted)
    if len(seen):
        # Many registrations share few spots: those few are compared.
        spots, first, which = np.unique(point[seen], axis=0, return_index=True, return_inverse=True)
        near = KDTree(spots).query_pairs(_chord(same_building_m), output_type="ndarray")
        links.append((seen, seen[first][which]))
        links.append((seen[first][near[:, 0]], seen[first][near[:, 1]]))
    one, other = (np.concatenate([link[side] for link in links]) for side in (0, 1))
    return connected_components(pairs(one, other, len(point)), directed=False)[1].astype(np.int64)


def _scattered(place: Indices, point: _Floats, spotted: _Flags, metres: float) -> _Flags:
    """Which places have spots that contradict each other: theirs is not known."""
    low, high = np.full((len(point), 3), np.inf), np.full((len(point), 3), -np.inf)
    np.minimum.at(low, place[spotted], point[spotted])
    np.maximum.at(high, place[spotted], point[spotted])
    scattered: _Flags = np.linalg.norm(high - low, axis=1) > _chord(metres)
    return scattered


def _points(registrations: Sequence[Registration]) -> _Floats:
    spots = [
        (np.nan, np.nan) if r.lat is None or r.lon is None else (r.lat, r.lon)
        for r in registrations
    ]
    lat, lon = np.radians(np.array(spots, dtype=np.float64)).T
    return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=1)


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
