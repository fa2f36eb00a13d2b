"""The bound on persons against brute force, and its certificate against an independent check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service.as_of import open_views
from graph_service.engines.duckdb import Engine
from graph_service.persons_bound import (
    PersonsBound,
    Registration,
    bound_identities,
    persons_bound,
)
from tests.world import world

FIRST = datetime(2025, 3, 3, 7, tzinfo=UTC)
TOLERANCE = 300.0
SPEED = 250 / 3.6
#: Spots that lie clearly apart, or clearly within one house.
SPOTS = [
    (59.30, 18.00),
    (59.30005, 18.00),  # 6 m from the first
    (59.32, 18.00),
    (59.45, 18.30),
    (60.10, 19.00),
    None,
]


def metres(one: Registration, other: Registration) -> float:
    """The haversine, written out."""
    assert one.lat is not None and one.lon is not None
    assert other.lat is not None and other.lon is not None
    lat, lon, lat2, lon2 = map(math.radians, (one.lat, one.lon, other.lat, other.lon))
    half = math.sin((lat2 - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(half))


def groups(registrations: Sequence[Registration]) -> dict[str, int]:
    """The place of each registration, by walking from neighbour to neighbour."""
    place: dict[str, int] = {}
    for number, first in enumerate(registrations):
        waiting = [first] if first.id not in place else []
        while waiting:
            here = waiting.pop()
            place[here.id] = number
            waiting += [r for r in registrations if r.id not in place and one_place(here, r)]
    return place


def one_place(one: Registration, other: Registration) -> bool:
    if one.client is not None and one.client == other.client:
        return True
    if one.building is not None and one.building == other.building:
        return True
    return one.lat is not None and other.lat is not None and metres(one, other) <= 30


def overlap(one: Registration, other: Registration, tolerance: float) -> bool:
    off = timedelta(seconds=tolerance)
    return max(one.start, other.start) < min(one.end, other.end) - off


def too_far(one: Registration, other: Registration, tolerance: float) -> bool:
    early, late = sorted((one, other), key=lambda r: r.start)
    gap = (late.start - early.end).total_seconds() + tolerance
    return gap < metres(one, other) / SPEED


def check(
    bound: PersonsBound, registrations: Sequence[Registration], tolerance: float = TOLERANCE
) -> None:
    """Each of the certificate took a person of its own: looked at pair by pair."""
    by_id = {r.id: r for r in registrations}
    shown = [by_id[name] for name in bound.certificate]
    assert len(set(bound.certificate)) == len(shown) == bound.persons
    assert list(bound.certificate) == sorted(bound.certificate)
    for one, other in combinations(shown, 2):
        assert not one_place(one, other)
        apart = overlap(one, other, tolerance)
        assert apart or (bound.by_travel and too_far(one, other, tolerance))
        assert (one.building and other.building) or (one.lat and other.lat)


def brute_force(registrations: Sequence[Registration], tolerance: float = TOLERANCE) -> int:
    """The largest set of pairwise incompatible ones, over all sets."""
    off = timedelta(seconds=tolerance)
    kept = [r for r in registrations if r.end - off > r.start and (r.building or r.lat)]
    place = groups(kept)
    housed = [r for r in kept if r.building]
    spotted = [r for r in kept if r.lat]
    best = min(1, len(registrations))
    for family, travels in ((housed, False), (spotted, True)):
        for size in range(best + 1, len(family) + 1):
            for chosen in combinations(family, size):
                if all(
                    place[a.id] != place[b.id]
                    and (overlap(a, b, tolerance) or (travels and too_far(a, b, tolerance)))
                    for a, b in combinations(chosen, 2)
                ):
                    best = max(best, size)
                    break
    return best


@st.composite
def registrations(draw: st.DrawFn, most: int = 9) -> list[Registration]:
    made = []
    for number in range(draw(st.integers(0, most))):
        start = FIRST + timedelta(minutes=draw(st.integers(0, 60)))
        spot = draw(st.sampled_from(SPOTS))
        made.append(
            Registration(
                f"v{number}",
                start,
                start + timedelta(minutes=draw(st.integers(0, 40))),
                draw(st.sampled_from([None, "c1", "c2", f"c{number + 10}"])),
                draw(st.sampled_from([None, None, "b1", "b2", "b3", f"b{number + 10}"])),
                *(spot or (None, None)),
            )
        )
    return made


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=registrations())
def test_equals_brute_force_and_the_certificate_holds(made: list[Registration]) -> None:
    bound = persons_bound(made)
    if any(r.start < r.end for r in made) and bound.persons > 1:
        check(bound, made)
    assert bound.persons == brute_force(made)
    assert persons_bound(made[::-1]) == bound
