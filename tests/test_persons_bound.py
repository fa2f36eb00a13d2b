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
    place = groups(registrations)
    housed = [r for r in kept if r.building]
    spotted = [
        r
        for r in kept
        if r.lat
        and all(
            metres(r, other) < 300
            for other in registrations
            if other.lat and place[other.id] == place[r.id]
        )
    ]
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
                draw(st.sampled_from([None, None, "b1", "b2", "b3", f"b{number + 10}"])),
                *(spot or (None, None)),
            )
        )
    return made


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=registrations())
def test_equals_brute_force_and_the_certificate_holds(made: list[Registration]) -> None:
    bound = persons_bound(made)
    if any(r.start < r.end for r in made) and bound.persons > 1:
        check(bound, made)
    assert bound.persons == brute_force(made)
    assert persons_bound(made[::-1]) == bound


@settings(max_examples=100, deadline=None)
@given(made=registrations(most=25), more=st.integers(0, 1200), days=st.integers(-400, 400))
def test_more_tolerance_never_raises_and_a_shift_in_time_changes_nothing(
    made: list[Registration], more: int, days: int
) -> None:
    bound = persons_bound(made)
    assert persons_bound(made, tolerance_s=TOLERANCE + more).persons <= bound.persons
    assert persons_bound(made, top_speed_kmh=500).persons <= bound.persons
    moved = [replace(r, start=r.start + timedelta(days), end=r.end + timedelta(days)) for r in made]
    assert persons_bound(moved) == bound


@pytest.mark.parametrize("spread", [9, 900])
def test_thousands_at_once_are_counted_exactly(spread: int) -> None:
    """With no way to go, the antichain is the deepest overlap, which a sweep tells."""
    made = []
    for number in range(3_000):
        start = FIRST + timedelta(seconds=number * 7919 % (spread * 3600))
        length = timedelta(seconds=600 + number * 104_729 % 5400)
        spot = 59 + number % 100 / 100, 18 + number // 100 / 100
        made.append(Registration(f"v{number}", start, start + length, None, *spot))
    bound = persons_bound(made, top_speed_kmh=1e12)
    off = timedelta(seconds=TOLERANCE)
    edges = sorted([(r.start, 1) for r in made] + [(r.end - off, 0) for r in made])
    depth = deepest = 0
    for _, begins in edges:
        depth += 1 if begins else -1
        deepest = max(deepest, depth)
    assert bound.persons == deepest
    check(bound, made)
    travelled = persons_bound(made)
    assert travelled.persons >= deepest
    check(travelled, made)


def test_what_one_person_can_do_is_no_proof() -> None:
    def at(name: str, start: int, end: int, **where: Any) -> Registration:
        begins, ends = (FIRST + timedelta(minutes=m) for m in (start, end))
        return Registration(name, begins, ends, **where)

    def count(*made: Registration) -> int:
        return persons_bound(made).persons

    here = {"building": "ekgatan 1", "lat": 59.3, "lon": 18.0}
    there = {"building": "alvägen 2", "lat": 59.4, "lon": 18.0}  # 11 km off
    assert (
        count(
            at(
                "a",
                0,
                60,
            ),
            at(
                "b",
                10,
                50,
            ),
        )
        == 1
    )  # nowhere known
    assert count(at("a", 0, 60, **here), at("b", 10, 50, **here)) == 1
    assert count(at("a", 0, 60, **here), at("b", 60, 90, **there)) == 1  # within the tolerance
    assert count(at("a", 0, 60, **here), at("b", 50, 90, **there)) == 2
    # Two stays at one place and one elsewhere between them: each stay proves against it, once.
    between = at("x", 12, 19, **there)
    assert count(at("a", 0, 15, **here), at("b", 16, 30, **here), between) == 2
    # Only what can be compared is: a building against a spot is not.
    assert count(at("a", 0, 60, building="b1"), at("b", 10, 50, lat=59.4, lon=18.0)) == 1


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=registrations(most=14), two=st.booleans())
def test_sql_leaves_out_nothing_that_counts(made: list[Registration], two: bool) -> None:
    homes = {
        f"syn:c{number}": spot or (None, None)
        for number, spot in enumerate([*SPOTS, (59.30, 18.00)])
    }
    persons = [
        {
            "person_id": name,
            "street": f"Ekgatan {index}" if index % 3 else None,
            "postcode": "111 11",
            "lat": lat,
            "lon": lon,
        }
        for index, (name, (lat, lon)) in enumerate(homes.items())
    ]
    clients = list(homes)
    visits = [
        {
            "visit_id": f"{r.id}-{day}",
            "municipality": "0000",
            "org_id": "5520000018",
            "worker_id": f"hsa:w{index % 2 if two else 0}",
            "login_id": "U1",
            "client_id": clients[(index * 5 + day) % len(clients)],
            "service": "omsorg",
            **dict.fromkeys(("start", "planned_start"), (r.start + timedelta(day)).isoformat()),
            **dict.fromkeys(("end", "planned_end"), (r.end + timedelta(day)).isoformat()),
        }
        for day in range(2)
        for index, r in enumerate(made)
        if r.start < r.end
    ]
    with Engine(threads=1) as engine:
        world(engine, {"persons": persons, "visits": visits})
        open_views(engine, FIRST.date() + timedelta(9))
        for identity, column in (("worker", "worker_id"), ("login", "login_id")):
            found = bound_identities(engine, identity)  # type: ignore[arg-type]
            for name in {row[column] for row in visits}:
                own = [_registered(row, persons) for row in visits if row[column] == name]
                wanted = persons_bound(own).persons
                assert (found[name].persons if name in found else 1) == wanted
                if name in found:
                    check(found[name], own)
            assert set(found) <= {row[column] for row in visits}


def _registered(visit: dict[str, Any], persons: list[dict[str, Any]]) -> Registration:
    home = next(p for p in persons if p["person_id"] == visit["client_id"])
    start, end = (datetime.fromisoformat(visit[name]) for name in ("start", "end"))
    street = home["street"]
    building = None if street is None else f"{street.lower()} 11111"
    return Registration(visit["visit_id"], start, end, building, home["lat"], home["lon"])
