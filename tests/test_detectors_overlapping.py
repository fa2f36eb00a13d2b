"""overlapping_visits against a slow oracle, and over real schedules."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import combinations, product
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, Override, detect
from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from graph_service.opening import open_room
from graph_service.records import TABLES
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "overlapping_visits")
AS_OF = date(2025, 12, 31)
SCHEDULES = Path(__file__).parents[2] / "shared" / "data" / "home_care_schedules"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
HOUR = timedelta(hours=1)


def find(given: Mapping[str, Sequence[Mapping[str, Any]]], **how: Any) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        return detect(engine, ROOM, as_of=AS_OF, **how)


# --- the oracle: every pair of visits, every reading of their times --------------------------


def overlaps(
    visits: Sequence[dict[str, Any]], homes: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Every pair that puts one worker in two places, by brute force."""
    work = [v for v in visits if v["status"] == "performed" and v["start"] < v["end"]]
    for number, a in enumerate(work):
        for b in work[number + 1 :]:
            if a["worker_id"] != b["worker_id"] or a["client_id"] == b["client_id"]:
                continue
            if homes.get(a["client_id"], a["client_id"]) == homes.get(
                b["client_id"], b["client_id"]
            ):
                continue
            flags = (a["group_visit"], b["group_visit"])
            if flags in ((True, True), (True, None), (None, True)):
                continue
            shared = [min(ea, eb) - max(sa, sb) for sa, ea in readings(a) for sb, eb in readings(b)]
            if min(shared) > timedelta(seconds=300):
                since, until = max(a["start"], b["start"]), min(sure_end(a), sure_end(b))
                yield {"pair": (a, b), "since": since, "until": until}


def sure_end(visit: dict[str, Any]) -> datetime:
    start: datetime = visit["start"]
    end: datetime = visit["end"]
    if visit["planned_end"] is None or visit["planned_end"] <= visit["planned_start"]:
        return end
    planned: timedelta = visit["planned_end"] - visit["planned_start"]
    over = end - start - planned
    late = over >= timedelta(minutes=45) and end - start >= 1.5 * planned
    unseen = visit["end_method"] in ("manual", "admin") and over >= timedelta(minutes=15)
    if not (late or unseen):
        return end
    return min(start + planned, visit["planned_end"] if visit["planned_end"] > start else end)


def readings(visit: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    """Each (start, end) that the wall clock allows, the end as far as it is believed."""
    start, end, sure = visit["start"], visit["end"], sure_end(visit)
    told = [(start, sure)]
    if repeats(start) and start + HOUR <= end:
        told.append((start + HOUR, min(end, sure + HOUR)))
    elif repeats(start) and repeats(end):
        told.append((start + HOUR, sure + HOUR))
    return told


def repeats(moment: datetime) -> bool:
    here = moment.astimezone(STOCKHOLM)
    return here.fold == 0 and here.replace(fold=1).utcoffset() != here.utcoffset()


CLIENTS = ["syn:c1", "syn:c2", "syn:c3", "syn:c4"]
#: What a client pays: SEK an hour, and at most a month.
Fee: TypeAlias = tuple[int, int | None]
NIGHT = datetime(2024, 10, 26, 22, 0, tzinfo=ZoneInfo("UTC"))
DAY = datetime(2025, 3, 3, 7, 0, tzinfo=ZoneInfo("UTC"))


@st.composite
def visit(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.sampled_from([DAY, DAY, NIGHT])) + timedelta(minutes=draw(st.integers(0, 240)))
    minutes = draw(st.sampled_from([0, 4, 5, 6, 10, 30, 45, 90, 200]))
    planned_start = planned_end = None
    if draw(st.booleans()):
        planned_start = start + timedelta(minutes=draw(st.integers(-30, 10)))
        planned_end = planned_start + timedelta(minutes=draw(st.sampled_from([0, 15, 30, 60])))
    return {
        "org_id": draw(st.sampled_from(["5520000018", "5520000026"])),
        "worker_id": draw(st.sampled_from(["hsa:w1", "hsa:w1", "hsa:w2"])),
        "client_id": draw(st.sampled_from(CLIENTS)),
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "planned_start": planned_start,
        "planned_end": planned_end,
        "end_method": draw(st.sampled_from([None, "tag", "manual", "admin"])),
        "status": draw(st.sampled_from(["performed", "performed", "performed", "declined"])),
        "group_visit": draw(st.sampled_from([None, None, False, True])),
    }


@settings(max_examples=24, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    visits=st.lists(visit(), min_size=2, max_size=9),
    homes=st.dictionaries(
        st.sampled_from(["syn:c1", "syn:c2", "syn:c3"]),
        st.sampled_from(["Ekgatan 1", "Ekgatan 22"]),
    ),
    fees=st.dictionaries(
        st.sampled_from(CLIENTS),
        st.tuples(st.sampled_from([60, 120]), st.sampled_from([None, 20, 100, 400])),
    ),
)
def test_equals_every_pair_compared_with_every_other(
    visits: list[dict[str, Any]], homes: dict[str, str], fees: dict[str, Fee]
) -> None:
    for number, row in enumerate(visits):
        row["visit_id"] = f"v{number}"
    found = find(
        _records(visits, homes, fees), overrides={"usual_of": Override(10**6, "unused", DAY.date())}
    )
    wanted: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for pair in overlaps(visits, homes):
        for org_id in {row["org_id"] for row in pair["pair"]}:
            wanted.setdefault((org_id, pair["pair"][0]["worker_id"]), []).append(pair)
    assert {(f.provider_id, _worker(f)) for f in found} == set(wanted)
    for finding in found:
        pairs = wanted[finding.provider_id, _worker(finding)]
        days = {pair["since"].astimezone(STOCKHOLM).date() for pair in pairs}
        assert finding.events == len(pairs)
        assert (finding.since, finding.until, finding.days) == (min(days), max(days), len(days))
        rows = {row["visit_id"] for pair in pairs for row in pair["pair"]}
        assert {row.key[0] for row in finding.evidence} == rows
        assert finding.statistics["minutes"] == len(_minutes(pairs))
        lower, upper = finding.exposure or (None, None)
        own = [
            row for pair in pairs for row in pair["pair"] if row["org_id"] == finding.provider_id
        ]
        whole = {row["visit_id"]: row["end"] - row["start"] for row in own}
        assert upper == sum(whole.values(), timedelta()) / timedelta(minutes=1) * 6
        assert lower is not None
        assert lower <= upper
        if all(a["org_id"] == b["org_id"] for a, b in (pair["pair"] for pair in pairs)):
            assert lower == len(_minutes(pairs)) * 6
        _check_certificate(finding, pairs, homes)
        _check_fees(finding, pairs, visits, fees)


def _check_certificate(
    finding: Finding, pairs: Sequence[dict[str, Any]], homes: Mapping[str, str]
) -> None:
    """Each two of the certificate are one of the pairs, and no larger set of visits is."""
    apart = {frozenset(row["visit_id"] for row in pair["pair"]) for pair in pairs}
    certificate = finding.statistics["certificate"]
    assert certificate == sorted(set(certificate))
    assert all(frozenset(two) in apart for two in combinations(certificate, 2))
    assert finding.statistics["persons_at_least"] == max(1, len(certificate))
    rows = {row["visit_id"]: row for pair in pairs for row in pair["pair"]}
    if all(len(readings(row)) == 1 for row in rows.values()):
        told = [v for v, r in rows.items() if r["client_id"] in homes and not r["group_visit"]]
        largest = max(
            size
            for size in range(len(told) + 1)
            for some in combinations(told, size)
            if all(frozenset(two) in apart for two in combinations(some, 2))
        )
        assert finding.statistics["persons_at_least"] == max(1, largest)


def _check_fees(
    finding: Finding,
    pairs: Sequence[dict[str, Any]],
    visits: Sequence[dict[str, Any]],
    fees: Mapping[str, Fee],
) -> None:
    """What clients paid too much, for every way in which one of each two did not last."""
    own = {
        row["visit_id"]: row
        for pair in pairs
        for row in pair["pair"]
        if row["org_id"] == finding.provider_id
    }
    told = [finding.statistics[f"fee_effect_{bound}"] for bound in ("lower", "upper")]
    if any(row["client_id"] not in fees for row in own.values()):
        assert told == [None, None]
        return
    lower, upper = told
    nothing: dict[str, set[datetime]] = {}
    whole = {name: _span(row["start"], row["end"]) for name, row in own.items()}
    given = [v for v in visits if v["status"] == "performed"]
    before = _fee(given, nothing, fees)
    assert upper == pytest.approx(before - _fee(given, whole, fees), abs=0.011)
    certain = [p for p in pairs if all(row["org_id"] == finding.provider_id for row in p["pair"])]
    for choice in product((0, 1), repeat=min(len(certain), 7)):
        away: dict[str, set[datetime]] = {}
        for pair, which in zip(certain, [*choice, *[0] * len(certain)], strict=False):
            name = pair["pair"][which]["visit_id"]
            away.setdefault(name, set()).update(_span(pair["since"], pair["until"]))
        assert lower <= before - _fee(given, away, fees) + 0.011
    if len(certain) == 1 and all(fees[row["client_id"]][1] is None for row in certain[0]["pair"]):
        hourly = min(fees[row["client_id"]][0] for row in certain[0]["pair"])
        assert lower == pytest.approx(len(_minutes(certain)) * hourly / 60, abs=0.011)


def _fee(
    visits: Sequence[dict[str, Any]],
    away: Mapping[str, set[datetime]],
    fees: Mapping[str, Fee],
) -> float:
    """What the clients pay for the minutes that are left."""
    minutes: dict[tuple[str, str], int] = {}
    for row in visits:
        left = _span(row["start"], row["end"]) - away.get(row["visit_id"], set())
        month = row["start"].astimezone(STOCKHOLM).strftime("%Y-%m")
        of = row["client_id"], month
        minutes[of] = minutes.get(of, 0) + len(left)
    return sum(
        min(number * fees[client][0] / 60, fees[client][1] or math.inf)
        for (client, _), number in minutes.items()
        if client in fees
    )


def _span(since: datetime, until: datetime) -> set[datetime]:
    return {since + timedelta(minutes=n) for n in range((until - since) // timedelta(minutes=1))}


def test_a_slip_among_many_visits_says_so() -> None:
    """One occasion of a worker with four hundred visits; domain T1 counts the share of visits."""
    many = [
        {"visit_id": f"w{number}", "org_id": "5520000018", "worker_id": "hsa:w1",
         "client_id": "syn:c3", "start": DAY + 24 * HOUR + number * HOUR,
         "end": DAY + 24 * HOUR + number * HOUR + HOUR / 2}
        for number in range(400)
    ]  # fmt: skip
    slip = [
        {"visit_id": "v1", "org_id": "5520000018", "worker_id": "hsa:w1", "client_id": "syn:c1",
         "start": DAY, "end": DAY + HOUR},
        {"visit_id": "v2", "org_id": "5520000018", "worker_id": "hsa:w1", "client_id": "syn:c2",
         "start": DAY + HOUR / 2, "end": DAY + HOUR},
    ]  # fmt: skip
    homes = {"syn:c1": "Ekgatan 1", "syn:c2": "Ekgatan 22"}
    (finding,) = find(_records([*slip, *many], homes))
    assert finding.against == ("few_of_many",)
    assert finding.statistics["worker_visits"] == 402
    (alone,) = find(_records(slip, homes))
    assert alone.against == ()


def _minutes(pairs: Sequence[dict[str, Any]]) -> set[datetime]:
    """The minutes in which somebody is in two places; times here are whole minutes."""
    minutes = set()
    for pair in pairs:
        moment = pair["since"]
        while moment < pair["until"]:
            minutes.add(moment)
            moment += timedelta(minutes=1)
    return minutes


def _worker(finding: Finding) -> str:
    return next(subject.id for subject in finding.subjects if subject.role == "worker")


def _records(
    visits: Sequence[dict[str, Any]],
    homes: Mapping[str, str],
    fees: Mapping[str, Fee] | None = None,
) -> dict[str, Any]:
    fixed = {"municipality": "0000", "service": "omsorg"}
    contracts = [
        {
            **fixed,
            "contract_id": org_id,
            "org_id": org_id,
            "reimbursement": "performed",
            "hourly_rate_sek": "360",
            "valid_from": "2020-01-01",
        }
        for org_id in ("5520000018", "5520000026")
    ]
    persons = [
        {"person_id": who, "street": street, "postcode": "11111"} for who, street in homes.items()
    ]
    rows = [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in v.items()
        }
        for v in visits
    ]
    return {
        "visits": [{**fixed, **row} for row in rows],
        "contracts": contracts,
        "persons": persons,
        "fees": [
            {
                "client_id": who,
                "valid_from": "2020-01-01",
                "hourly_fee_sek": hourly,
                "monthly_cap_sek": cap,
            }
            for who, (hourly, cap) in (fees or {}).items()
        ],
    }


# --- real schedules: none as they are, each one that is planted -------------------------------

schedules = pytest.mark.skipif(
    not SCHEDULES.is_dir(), reason="the shared real schedules are not beside this checkout"
)


def real_day() -> dict[str, list[dict[str, Any]]]:
    midnight = datetime(2025, 3, 3, tzinfo=STOCKHOLM)

    def at(minute: str) -> str:
        return (midnight + timedelta(minutes=float(minute))).isoformat()

    with (SCHEDULES / "visits.csv").open(encoding="utf-8") as file:
        visits = [
            {
                "visit_id": f"v{number}",
                "municipality": row["city"],
                "org_id": "5520000018",
                "worker_id": f"hsa:{row['schedule']}-{row['caregiver_id']}",
                "client_id": f"syn:{row['schedule']}-{row['patient_id']}",
                "service": row["service_id"],
                "start": at(row["arrival_min"]),
                "end": at(row["departure_min"]),
            }
            for number, row in enumerate(csv.DictReader(file))
        ]
    with (SCHEDULES / "patients.csv").open(encoding="utf-8") as file:
        persons = [
            {
                "person_id": f"syn:{row['schedule']}-{row['patient_id']}",
                "lat": row["lat"],
                "lon": row["lon"],
            }
            for row in csv.DictReader(file)
        ]
    return {"visits": visits, "persons": persons}


def fill(engine: Engine, given: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """A large world in one statement a table; the rows carry offsets or no times."""
    world(engine, {})
    for table, rows in given.items():
        kinds = {column.name: column.stored_type for column in TABLES[table].columns}
        names = list(rows[0])
        picked = ", ".join(
            f'CAST(given[{n}] AS {kinds[name]}) AS "{name}"' for n, name in enumerate(names, 1)
        )
        lines = [[None if row[name] is None else str(row[name]) for name in names] for row in rows]
        status = ", 'performed' AS status" if table == "visits" else ""
        engine.execute(
            f"INSERT INTO known.{table} BY NAME SELECT {picked}{status}, 'batch-1' AS _batch,"
            " 1 AS _file, 'sha' AS _file_sha256, row_number() OVER () + 1 AS _row"
            " FROM (SELECT unnest($lines) AS given)",
            {"lines": lines},
        )


@schedules
def test_real_schedules_hold_no_overlap_and_show_each_of_fifty_planted() -> None:
    given = real_day()
    planted = []
    # A copy of every hundredth visit of some length, with the worker of the one before.
    long_enough = [v for v in given["visits"] if _length(v) >= timedelta(minutes=10)]
    for number in range(50):
        original = long_enough[number * (len(long_enough) // 50)]
        where = original["client_id"].rsplit("-", 1)[0]
        elsewhere = next(
            v["client_id"]
            for v in given["visits"]
            if v["client_id"].startswith(where) and v["client_id"] != original["client_id"]
        )
        planted.append({**original, "visit_id": f"p{number}", "client_id": elsewhere})
    with Engine(threads=2) as engine:
        fill(engine, given)
        open_views(engine, AS_OF)
        assert detect(engine, ROOM, as_of=AS_OF) == []
    with Engine(threads=2) as engine:
        fill(engine, {**given, "visits": [*given["visits"], *planted]})
        open_views(engine, AS_OF)
        found = detect(engine, ROOM, as_of=AS_OF)
    shown = {row.key[0] for finding in found for row in finding.evidence}
    assert {row["visit_id"] for row in planted} <= shown
    assert {_worker(finding) for finding in found} == {row["worker_id"] for row in planted}


def _length(visit: Mapping[str, Any]) -> timedelta:
    return datetime.fromisoformat(visit["end"]) - datetime.fromisoformat(visit["start"])


# --- what must not change a finding -----------------------------------------------------------


def test_an_unrelated_municipality_changes_nothing() -> None:
    rows = _records(
        [
            {"visit_id": "v1", "org_id": "5520000018", "worker_id": "hsa:w1", "client_id": "syn:c1",
             "start": DAY, "end": DAY + HOUR},
            {"visit_id": "v2", "org_id": "5520000018", "worker_id": "hsa:w1", "client_id": "syn:c2",
             "start": DAY + HOUR / 2, "end": DAY + HOUR},
        ],
        {},
    )  # fmt: skip
    other = [
        {**row, "visit_id": f"o{row['visit_id']}", "municipality": "9999", "org_id": "5520000034",
         "worker_id": "hsa:w9"}
        for row in rows["visits"]
    ]  # fmt: skip
    alone = find(rows)
    beside = find({**rows, "visits": [*rows["visits"], *other]})
    assert [f.as_json() for f in alone] == [
        f.as_json() for f in beside if f.provider_id == "5520000018"
    ]


@pytest.mark.parametrize("value", ["no number", None])
def test_a_threshold_of_another_kind_is_refused(value: Any) -> None:
    if value is None:
        with pytest.raises(DeclarationError, match="has no threshold"):
            find({}, overrides={"nothing": Override(1, "why", AS_OF)})
    else:
        with pytest.raises(DeclarationError, match="of that kind"):
            find({}, overrides={"tolerance_s": Override(value, "why", AS_OF)})
