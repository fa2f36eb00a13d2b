"""login_on_two_devices against a slow oracle: plain loops over uses, pairs and days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "login_on_two_devices")
AS_OF = date(2025, 12, 31)
FIRST = datetime(2025, 3, 3, 8)
HOUR, TOLERANCE = timedelta(hours=1), timedelta(minutes=5)
ORG = "5520000018"
STREETS = {
    "syn:c1": "Ekgatan 1",
    "syn:c2": "Alvägen 2",
    "syn:c3": "Ekgatan 1 lgh 3",
    "syn:c4": None,
}
Rows = dict[str, list[dict[str, Any]]]


def find(given: Mapping[str, Any]) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        return detect(engine, ROOM, as_of=AS_OF)


@st.composite
def town(draw: st.DrawFn) -> Rows:
    """A few logins and phones on a few mornings; the minutes are coarse, so that times tie."""
    days = draw(
        st.lists(st.sampled_from([0, 1, 3, 30, 70, 71]), min_size=2, max_size=4, unique=True)
    )
    pattern = [_visit(draw) for _ in range(draw(st.integers(1, 5)))]
    visits = []
    for day in days:
        for number, shape in enumerate(pattern):
            if draw(st.integers(0, 9)):
                visits.append(_on(day, number, shape))
    if draw(st.integers(0, 3)) == 0:  # the same at each of six colleagues
        visits = [
            {
                **row,
                "visit_id": f"{row['visit_id']}-{n}",
                "login_id": f"x{n}",
                "worker_id": f"hsa:x{n}",
            }
            for row in visits
            for n in range(draw(st.sampled_from([4, 6])))
        ] + [row for row in visits if row["login_id"] == "u2"]
    ended = draw(st.sampled_from([None, None, date(2025, 2, 10), date(2025, 4, 20)]))
    return {
        "visits": visits,
        "persons": [{"person_id": who, "street": street} for who, street in STREETS.items()],
        "logins": [
            {"login_id": login, "org_id": ORG, "person_id": f"hsa:{login}"}
            for login in draw(st.sets(st.sampled_from(["u1", "u2", "u3", "u4"])))
        ],
        "employments": [
            {"org_id": ORG, "person_id": "hsa:u1", "valid_from": "2020-01-01", "valid_to": ended}
        ],
    }


def _visit(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.sampled_from([5, 10, 20, 40, 90]))
    return {
        "login_id": draw(st.sampled_from(["u1", "u1", "u1", "u2", "u3", "u4"])),
        "device_id": draw(st.sampled_from(["a", "b", "b", "c", None])),
        "client_id": draw(st.sampled_from(list(STREETS))),
        "minute": draw(st.integers(0, 16)) * 10,
        "length": length,
        "planned": draw(st.sampled_from([None, length, 5])),
        "end_method": draw(st.sampled_from([None, "app", "app", "manual"])),
        "start_method": draw(st.sampled_from([None, "tag", "tag", "tag", "manual"])),
    }


def _on(day: int, number: int, shape: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in shape.items() if k not in ("minute", "length", "planned")}
    start = FIRST + timedelta(days=day, minutes=shape["minute"])
    planned = None if shape["planned"] is None else start + timedelta(minutes=shape["planned"])
    return {
        **kept,
        "visit_id": f"v{day}-{number}",
        "municipality": "0000",
        "org_id": ORG,
        "worker_id": f"hsa:{shape['login_id']}",
        "service": "omsorg",
        "start": start,
        "end": start + timedelta(minutes=shape["length"]),
        "planned_start": None if planned is None else start,
        "planned_end": planned,
    }


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(towns=st.lists(town(), min_size=12, max_size=12))
def test_equals_plain_loops(towns: list[Rows]) -> None:
    """Twelve providers in one home, which do not know each other, each as if it were alone."""
    home: Rows = defaultdict(list, persons=towns[0]["persons"])
    for number, rows in enumerate(towns):
        for table in ("visits", "logins", "employments"):
            home[table] += [_at_home(row, number) for row in rows[table]]
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for finding in find(home):
        login = next(s.id for s in finding.subjects if s.kind == "login")
        shown = {row.key[0] for row in finding.evidence if row.table == "visits"}
        number, name = int(login.split(":")[0]), login.split(":")[1]
        told = finding.statistics
        found[number][name] = (
            told["switches"],
            told["at_once"],
            told["outside_days"],
            {str(visit).split(":")[1] for visit in shown},
        )
    for number, rows in enumerate(towns):
        assert found[number] == expected(rows)


def _at_home(row: dict[str, Any], number: int) -> dict[str, Any]:
    """A row of one of several providers: its own names are its own."""
    named = {
        name: f"{number}:{row[name]}"
        for name in ("visit_id", "login_id", "device_id")
        if row.get(name) is not None
    }
    people = {n: f"syn:{number}-{row[n][4:]}" for n in ("worker_id", "person_id") if n in row}
    return {**row, **named, **people, "org_id": f"55200{number:05d}"}


def expected(rows: Rows) -> dict[str, tuple[int, int, int, set[str]]]:
    visits = rows["visits"]
    known = {row["login_id"] for row in rows["logins"]}
    moments = {login: list(_moments(login, visits)) for login in {v["login_id"] for v in visits}}
    usual, anew = _usual(moments, visits), set(_registered_anew(visits))
    told = {}
    for login, happened in moments.items():
        kept = [m for m in happened if m[2] or not (usual or m[0].date() in anew)]
        if not _often(kept):
            kept = []
        outside = _outside(login, rows) if login in known else []
        if kept or outside:
            shown = {v["visit_id"] for m in kept for v in m[3]} | {v["visit_id"] for v in outside}
            told[login] = (
                len({m[:2] for m in kept}),
                len({m[:2] for m in kept if m[2]}),
                len({v["start"].date() for v in outside}),
                shown,
            )
    return told


Moment = tuple[datetime, str, bool, list[dict[str, Any]]]


def _moments(login: str, visits: list[dict[str, Any]]) -> Iterator[Moment]:
    """When the login turned back to a device, or began on one while in use on another."""
    own = [v for v in visits if v["login_id"] == login and v["device_id"] is not None]
    uses: dict[tuple[datetime, str], dict[str, Any]] = {}
    for visit in sorted(own, key=lambda v: v["visit_id"]):
        for at in _touches(visit):
            uses.setdefault((at, visit["device_id"]), visit)
    for (at, device), visit in uses.items():
        before = [t for t, d in uses if d == device and t < at]
        if before and at - max(before) <= 2 * HOUR:
            last = max(before)
            between = [(t, d) for t, d in uses if d != device and last < t < at]
            if between and at - max(between)[0] <= HOUR:
                # of the last moment, the first by id
                latest = max(t for t, _ in between)
                other = min(
                    (uses[u] for u in between if u[0] == latest), key=lambda v: v["visit_id"]
                )
                parts = [visit, uses[last, device], other]
                if not _innocent(parts, visits):
                    yield at, device, False, parts
    begun: dict[tuple[datetime, str], list[dict[str, Any]]] = defaultdict(list)
    for one, other in combinations(own, 2):
        for late, early in ((one, other), (other, one)):
            apart = one["device_id"] != other["device_id"] and early["start"] <= late["start"]
            if apart and late["start"] < min(_sure(early), _sure(late)) - TOLERANCE:
                begun[late["start"], late["device_id"]] += [late, early]
    for (at, device), parts in begun.items():
        if not _innocent(parts, visits):
            yield at, device, True, parts


def _overlong(visit: dict[str, Any]) -> bool:
    plan = visit["planned_end"]
    return plan is not None and visit["end"] - visit["start"] > 1.5 * (plan - visit["start"])


def _touches(visit: dict[str, Any]) -> Iterator[datetime]:
    if visit["start_method"] != "manual":
        yield visit["start"]
    if visit["end_method"] != "manual" and not _overlong(visit):
        yield max(visit["start"], visit["end"] - TOLERANCE)


def _sure(visit: dict[str, Any]) -> datetime:
    """How far the end can be believed."""
    if visit["end_method"] == "manual" or _overlong(visit):
        return min(visit["end"], visit["planned_end"] or visit["start"])  # type: ignore[no-any-return]
    return visit["end"]  # type: ignore[no-any-return]


def _place(visit: dict[str, Any]) -> str:
    street = STREETS[visit["client_id"]]
    return visit["client_id"] if street is None else street.split(" lgh")[0]  # type: ignore[no-any-return]


def _innocent(parts: list[dict[str, Any]], visits: list[dict[str, Any]]) -> bool:
    if len({_place(v) for v in parts}) == 1:
        return True
    for device in {v["device_id"] for v in parts}:
        used = [v for v in visits if v["device_id"] == device]
        if len({_place(v) for v in used}) == 1 and len({v["login_id"] for v in used}) >= 3:
            return True
    return False


def _usual(moments: dict[str, list[Moment]], visits: list[dict[str, Any]]) -> bool:
    """Whether nearly all of the provider's logins turn, on three days or more."""
    active = Counter(login for _, login in {(v["start"].date(), v["login_id"]) for v in visits})
    there = [login for login, days in active.items() if days >= 3]
    turning = [login for login in there if len({m[0].date() for m in moments[login]}) >= 3]
    return len(turning) >= 5 and len(turning) >= 0.7 * len(there)


def _registered_anew(visits: list[dict[str, Any]]) -> Iterator[date]:
    """Days on which nearly all logins met several devices, and five at least."""
    for day in {v["start"].date() for v in visits}:
        devices: dict[str, set[str]] = {}
        for visit in visits:
            if visit["start"].date() == day:
                told = {visit["device_id"]} - {None}
                devices.setdefault(visit["login_id"], set()).update(told)
        several = sum(len(met) > 1 for met in devices.values())
        if several >= 5 and several >= 0.7 * len(devices):
            yield day


def _often(moments: list[Moment]) -> bool:
    for first in {m[0].date() for m in moments}:
        near = [m for m in moments if timedelta() <= m[0].date() - first < timedelta(60)]
        days = {m[0].date() for m in near}
        if len(days) >= 3 or (len(days) >= 2 and len({m[:2] for m in near}) >= 10):
            return True
    return False


def _outside(login: str, rows: Rows) -> list[dict[str, Any]]:
    ended = rows["employments"][0]["valid_to"]
    if login != "u1" or ended is None:
        return []
    late = [
        v
        for v in rows["visits"]
        if v["login_id"] == login
        and v["start_method"] != "manual"
        and v["start"].date() >= ended + timedelta(14)
    ]
    return late if len({v["start"].date() for v in late}) >= 2 else []
