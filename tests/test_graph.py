"""The graph is what the records say, no more and no less; a slow plain oracle says it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service import as_of as views
from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import (
    DERIVATIONS,
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    KINDS,
    LABELS,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    RELATIONSHIPS,
)
from graph_service.graph.derive import FOLDER, derive
from graph_service.graph.reference import reference
from graph_service.records import TABLES, Kind
from tests.world import STOCKHOLM, World, world

ORGS = ("5520000018", "5520000026", "XX:abroad", "198001022388")  # the last: a sole trader
PERSONS = ("syn:1", "syn:2", "syn:3", "syn:4", "198001022388")
LATE = date(2100, 1, 1)

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def graph(given_world: World, as_of: date = LATE) -> Iterator[Engine]:
    with Engine(threads=1) as engine:
        world(engine, given_world)
        views.open_views(engine, as_of)
        derive(engine)
        yield engine


def nodes(engine: Engine) -> dict[str, dict[str, Any]]:
    found = engine.rows("FROM nodes")
    by_id = {row["node_id"]: row for row in found}
    assert len(by_id) == len(found), "node ids are unique"
    return by_id


def edges(engine: Engine, kind: str | None = None) -> list[dict[str, Any]]:
    found = engine.rows("FROM edges")
    assert len({row["edge_id"] for row in found}) == len(found), "edge ids are unique"
    return [row for row in found if kind in (None, row["type"])]


# -- small worlds that hold a bit of everything ------------------------------------------------

_orgs = st.sampled_from(ORGS)
_persons = st.sampled_from(PERSONS)
_places = st.sampled_from(("0000", "0001"))
_days = st.dates(date(2024, 1, 1), date(2025, 12, 31))
_maybe_day = st.none() | _days
_maybe_org = st.none() | _orgs
_accounts = st.sampled_from(("BG:9912346", "PG:28", "8000-1234567", None))
_moments = st.datetimes(datetime(2024, 10, 26), datetime(2025, 4, 1)).map(
    lambda at: at.replace(microsecond=0)
)


@st.composite
def _validity(draw: st.DrawFn, *, key: bool = True) -> dict[str, Any]:
    start = draw(_days if key else _maybe_day)
    after = (start or date(2024, 6, 1)) + timedelta(days=draw(st.integers(0, 500)))
    return {"valid_from": start, "valid_to": draw(st.sampled_from((None, after)))}


@st.composite
def _visit(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(_moments).replace(tzinfo=STOCKHOLM)
    instant = start.timestamp()
    ended = datetime.fromtimestamp(instant + draw(st.integers(0, 90_000)), STOCKHOLM)
    return {
        "municipality": draw(_places),
        "org_id": draw(_orgs),
        "worker_id": draw(_persons),
        "client_id": draw(_persons),
        "service": "omsorg",
        "start": start.isoformat(),
        "end": ended.isoformat(),
        "status": draw(st.sampled_from((None, "performed", "absent", "declined"))),
        "login_id": draw(st.sampled_from((None, "l1", "l2"))),
        "device_id": draw(st.sampled_from((None, "d1", "d2"))),
        "tag_id": draw(st.sampled_from((None, "t1"))),
    }


def _rows(
    row: st.SearchStrategy[dict[str, Any]], key: tuple[str, ...], most: int = 4
) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(row, max_size=most, unique_by=lambda r: tuple(str(r.get(k)) for k in key))


def _fixed(validity: bool | None, **parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    fixed = st.fixed_dictionaries(
        {
            name: part if isinstance(part, st.SearchStrategy) else st.just(part)
            for name, part in parts.items()
        }
    )
    if validity is None:
        return fixed
    return st.builds(lambda a, b: a | b, fixed, _validity(key=validity))


_STREETS = st.sampled_from((None, "Storgatan 1 A", "STORGATAN 1A", "Lillgatan 2"))
_PHONES = st.sampled_from((None, "070-123 45 67", "+46701234567", "not a number"))
_EMAILS = st.sampled_from((None, "A@example.org", "a@example.org", "nonsense"))
_contact = {
    "street": _STREETS,
    "postcode": "111 11",
    "city": "Exstad",
    "phone": _PHONES,
    "email": _EMAILS,
}

WORLDS: st.SearchStrategy[dict[str, list[dict[str, Any]]]] = st.fixed_dictionaries(
    {
        "organisations": _rows(
            _fixed(
                None,
                org_id=_orgs,
                name="Syntetisk AB",
                registered_on=_maybe_day,
                deregistered_on=_maybe_day,
                status_on=_maybe_day,
                status=st.sampled_from((None, "active", "bankruptcy", "deregistered")),
                **_contact,
            ),
            ("org_id",),
        ),
        "persons": _rows(
            _fixed(
                None,
                person_id=_persons,
                given_name="Syn",
                deceased_on=_maybe_day,
                protection=st.sampled_from((None, "none", "marked")),
                **_contact,
            ),
            ("person_id",),
        ),
        "residences": _rows(
            _fixed(True, person_id=_persons, street=_STREETS, postcode="111 11", city="Exstad"),
            ("person_id", "valid_from"),
        ),
        "owners": _rows(
            _fixed(
                False,
                org_id=_orgs,
                owner_id=st.sampled_from(ORGS + PERSONS),
                owner_kind=st.sampled_from((None, "unknown")),
                interest="shares",
                share="0.5",
            ),
            ("org_id", "owner_id", "valid_from"),
        ),
        "officers": _rows(
            _fixed(True, org_id=_orgs, person_id=_persons, role="director"),
            ("org_id", "person_id", "valid_from"),
        ),
        "employments": _rows(
            _fixed(True, org_id=_orgs, person_id=_persons), ("org_id", "person_id", "valid_from")
        ),
        "enrolments": _rows(
            _fixed(
                True,
                client_id=_persons,
                org_id=_orgs,
                municipality="0000",
                service="omsorg",
                end_reason=st.sampled_from((None, "moved")),
            ),
            ("client_id", "org_id", "valid_from"),
        ),
        "contracts": _rows(
            _fixed(
                True,
                contract_id=st.sampled_from(("k1", "k2")),
                org_id=_orgs,
                municipality="0000",
                service="omsorg",
                reimbursement="granted",
                hourly_rate_sek="400",
            ),
            ("contract_id",),
        ),
        "permits": _rows(
            _fixed(
                True,
                permit_id="p1",
                org_id=_orgs,
                service="omsorg",
                status=st.sampled_from(("granted", "revoked")),
            ),
            ("status", "valid_from"),
        ),
        "decisions": _rows(
            _fixed(
                True,
                decision_id=st.sampled_from(("d1", "d2")),
                client_id=_persons,
                municipality="0000",
                service="omsorg",
                hours_per_month="20",
                official_id=st.sampled_from((None, "syn:9")),
            ),
            ("decision_id",),
        ),
        "logins": _rows(
            _fixed(False, login_id=st.sampled_from(("l1", "l2")), org_id=_orgs, person_id=_persons),
            ("login_id",),
        ),
        "login_events": _rows(
            _fixed(
                None,
                event_id=st.sampled_from(("e1", "e2", "e3")),
                event="sign_in",
                login_id=st.sampled_from(("l1", "l3")),
                at=_moments.map(str),
                device_id=st.sampled_from((None, "d1", "d3")),
            ),
            ("event_id",),
        ),
        "tags": _rows(_fixed(False, tag_id="t1", client_id=_persons), ("client_id", "valid_from")),
        "visits": st.lists(_visit(), max_size=12).map(
            lambda rows: [row | {"visit_id": f"v{n}"} for n, row in enumerate(rows)]
        ),
        "accounts": _rows(
            _fixed(
                False,
                account=st.sampled_from(("BG:9912346", "PG:28")),
                holder_id=_persons,
                holder_kind="person",
                purpose=st.sampled_from((None, "factoring")),
            ),
            ("account", "holder_id", "valid_from"),
        ),
        "invoices": _rows(
            _fixed(
                None,
                invoice_id=st.sampled_from(("i1", "i2")),
                org_id=_orgs,
                municipality="0000",
                issued_on=_days,
                period_from="2024-01-01",
                period_to="2024-01-31",
                amount="100",
                account=_accounts,
                factoring=st.sampled_from((None, True, False)),
            ),
            ("invoice_id",),
        ),
        "invoice_lines": _rows(
            _fixed(
                None,
                invoice_id=st.sampled_from(("i1", "i2", "i3")),
                line_no=st.integers(1, 2),
                client_id=_persons,
                service="omsorg",
                day=_maybe_day,
                amount="1",
            ),
            ("invoice_id", "line_no"),
        ),
        "municipalities": _rows(
            _fixed(None, municipality=_places, name="Exkommun", org_id=_maybe_org),
            ("municipality",),
        ),
        "subcontracts": _rows(
            _fixed(True, org_id=_orgs, subcontractor_id=_orgs, kind="agreed"),
            ("org_id", "subcontractor_id", "valid_from"),
        ),
        "placements": _rows(
            _fixed(None, placement_id="q1", client_id=_persons, org_id=_orgs, start=_days),
            ("placement_id",),
        ),
        "mandates": _rows(
            _fixed(True, person_id=_persons, client_id=_persons, kind="guardian"),
            ("person_id", "client_id", "valid_from"),
        ),
        "trading_bans": _rows(_fixed(True, person_id=_persons), ("person_id", "valid_from")),
        "organisation_changes": _rows(
            _fixed(
                None,
                change_id=st.sampled_from(("c1", "c2")),
                org_id=_orgs,
                changed_on=_days,
                what=st.sampled_from(("address", "board")),
                after=st.sampled_from((None, "syn:1")),
            ),
            ("change_id",),
        ),
        "quality_reviews": _rows(
            _fixed(None, review_id="r1", org_id=_orgs, reviewed_on=_days, outcome="passed"),
            ("review_id",),
        ),
        "payments": _rows(
            _fixed(
                None,
                payment_id=st.sampled_from(("b1", "b2", "b3", "b4")),
                paid_on=_days,
                payer_id=st.sampled_from((None, *ORGS, *PERSONS)),
                payer_account=_accounts,
                payee_id=st.sampled_from((None, *ORGS, *PERSONS)),
                payee_account=_accounts,
                amount=st.sampled_from(("10.50", "-3")),
            ),
            ("payment_id",),
        ),
    }
)


# -- laws that hold in every world -------------------------------------------------------------


@settings(SLOW, max_examples=10)
@given(WORLDS)
def test_the_graph_is_as_declared_and_leads_back(given_world: dict[str, Any]) -> None:
    with graph(given_world) as engine:
        check_declared(engine)
        check_origins(engine)
        check_labels(engine, given_world)


def check_declared(engine: Engine) -> None:
    declared = {kind.type: kind for kind in RELATIONSHIPS}
    roles = {label.name: label.kind for label in LABELS}
    by_id = nodes(engine)
    for node in by_id.values():
        assert node["node_id"] == f"{node['kind']}:{node['key']}"
        assert node["labels"] == sorted(set(node["labels"]))
        assert KINDS[node["kind"]].name in node["labels"]
        assert all(roles[label] == node["kind"] for label in node["labels"])
        own = {p for label in LABELS if label.kind == node["kind"] for p in label.properties}
        for column in NODE_PROPERTIES:
            assert node[column.name] is None or column.name in own
    for edge in edges(engine):
        kind = declared[edge["type"]]
        ends = (by_id[edge["source_id"]]["kind"], by_id[edge["target_id"]]["kind"])
        assert ends in kind.ends
        assert edge["origin_table"] in kind.origins or "*" in kind.origins
        for column in EDGE_PROPERTIES:
            assert edge[column.name] is None or column.name in kind.properties


def check_origins(engine: Engine) -> None:
    for thing in (*nodes(engine).values(), *edges(engine)):
        key = json.loads(thing["origin_key"])
        table = TABLES[thing["origin_table"]]
        condition = " AND ".join(
            f'"{name}" IS NOT DISTINCT FROM CAST(${name} AS {table[name].stored_type})'
            for name in key
        )
        rows = engine.rows(f'FROM "{table.name}" WHERE {condition}', key)
        assert rows, f"{thing['origin_table']} {key}"
        if thing.get("type") == "VISITED":
            assert len(rows) == thing["visits"]
        if thing.get("type") in ("SERVED_IN", "WORKED_FOR", "CARED_FOR_BY"):
            assert len(rows) == thing["visits"]
        if thing.get("type") == "BILLED_FOR":
            assert sum(row["amount"] for row in rows) == thing["amount"] == sum(thing["amounts"])
        if thing.get("type") == "TRANSFERRED_TO":
            assert len(rows) == thing["payments"]
            assert sum(row["amount"] for row in rows) == thing["amount"]


@settings(SLOW, max_examples=4)
@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(given_world: dict[str, Any], random: Any) -> None:
    with graph(given_world) as engine:
        before = engine.rows("FROM nodes"), engine.rows("FROM edges")
    for rows in given_world.values():
        random.shuffle(rows)
    with graph(given_world) as engine:
        assert (engine.rows("FROM nodes"), engine.rows("FROM edges")) == before


# -- the oracle --------------------------------------------------------------------------------


def _local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(STOCKHOLM)


def visited_oracle(visits: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    ties: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for visit in visits:
        if visit["status"] in (None, "performed"):
            who = tuple(
                visit[name] for name in ("worker_id", "client_id", "org_id", "municipality")
            )
            ties.setdefault(who, []).append(visit)
    found = {}
    for who, rows in ties.items():
        days = sorted(_local(row["start"]).date() for row in rows)
        months = range(days[0].year * 12 + days[0].month, days[-1].year * 12 + days[-1].month + 1)
        seconds = sum(
            datetime.fromisoformat(row["end"]).timestamp()
            - datetime.fromisoformat(row["start"]).timestamp()
            for row in rows
        )
        found[who] = {
            "visits": len(rows),
            "minutes": pytest.approx(seconds / 60),
            "first": days[0],
            "last": days[-1],
            "by_month": [
                sum(day.year * 12 + day.month == month for day in days) for month in months
            ],
            "days": [(day - days[0]).days for day in days],
        }
    return found


_OF_A_TIE = ("visits", "minutes", "first", "last", "by_month", "days")


@settings(SLOW, max_examples=10)
@given(st.lists(_visit(), max_size=40))
def test_visited_is_what_counting_by_hand_says(rows: list[dict[str, Any]]) -> None:
    visits = [row | {"visit_id": f"v{n}"} for n, row in enumerate(rows)]
    with graph({"visits": visits}) as engine:
        found = {
            (
                edge["source_id"].removeprefix("person:"),
                edge["target_id"].removeprefix("person:"),
                edge["provider_id"],
                edge["municipality"],
            ): {name: edge[name] for name in _OF_A_TIE}
            for edge in edges(engine, "VISITED")
        }
    assert found == visited_oracle(visits)


def roles_oracle(told: dict[str, Any]) -> dict[str, set[str]]:
    roles: dict[str, set[str]] = {}

    def add(node: str, *labels: str) -> None:
        roles.setdefault(node, {"Person" if node.startswith("person") else "Organisation"})
        roles[node] |= set(labels)

    def org(node_id: str, *labels: str) -> None:
        add(f"organisation:{node_id}", *labels)
        if len(node_id) == 12:
            add(f"person:{node_id}", "Owner")

    def party(given_id: str) -> None:
        if f"organisation:{given_id}" in roles or given_id in ORGS[:3]:
            org(given_id)
        else:
            add(f"person:{given_id}")

    for table, rows in told.items():
        for row in rows:
            if row.get("org_id"):
                provides = table in ("contracts", "enrolments", "visits", "invoices", "placements")
                org(row["org_id"], *(("Provider",) if provides else ()))
            if row.get("subcontractor_id"):
                org(row["subcontractor_id"])
            if table in ("employments", "visits"):
                add(f"person:{row.get('person_id') or row['worker_id']}", "Worker")
            elif "person_id" in row:
                add(f"person:{row['person_id']}", *(("Officer",) if table == "officers" else ()))
            if "client_id" in row:
                add(f"person:{row['client_id']}", "Client")
            if row.get("official_id"):
                add(f"person:{row['official_id']}", "Official")
            if table == "accounts":
                add(f"person:{row['holder_id']}")
    for row in told["owners"]:
        if row["owner_id"] in ORGS[:3]:
            org(row["owner_id"])
        else:
            add(f"person:{row['owner_id']}", "Owner")
    for row in told["payments"]:
        for end in ("payer_id", "payee_id"):
            if row[end] is not None:
                party(row[end])
    return roles


def check_labels(engine: Engine, told: dict[str, Any]) -> None:
    found = {
        node_id: set(node["labels"])
        for node_id, node in nodes(engine).items()
        if node["kind"] in ("person", "organisation")
    }
    assert found == roles_oracle(told)


# -- as of a day -------------------------------------------------------------------------------


def cut(given_world: dict[str, Any], day: date) -> dict[str, Any]:
    """The same world with everything later than `day` deleted by hand."""
    kept: dict[str, Any] = {}
    for name, rows in given_world.items():
        kept[name] = []
        for given_row in rows:
            row = dict(given_row)
            starts = ("valid_from", "registered_on", "issued_on", "paid_on", "day")
            starts += ("changed_on", "reviewed_on")
            late = [c for c in starts if row.get(c) is not None and row[c] > day]
            moment = row.get("start") or row.get("at")
            if moment is not None and name in ("visits", "login_events"):
                local = datetime.fromisoformat(moment)
                local = local if local.tzinfo else local.replace(tzinfo=STOCKHOLM)
                late += [moment] if local.astimezone(STOCKHOLM).date() > day else []
            if name == "placements" and row["start"] > day:
                late.append("start")
            if late:
                continue
            if row.get("valid_to") is not None and row["valid_to"] > day:
                row["valid_to"] = None
                row.pop("end_reason", None)
            decided = row.get("status_on") or row.get("deregistered_on")
            if name == "organisations" and decided is not None and decided > day:
                row["status"] = None
            for fact in ("status_on", "deregistered_on", "deceased_on"):
                if row.get(fact) is not None and row[fact] > day:
                    row[fact] = None
            kept[name].append(row)
    later = {row["invoice_id"] for row in given_world["invoices"] if row["issued_on"] > day}
    kept["invoice_lines"] = [r for r in kept["invoice_lines"] if r["invoice_id"] not in later]
    return kept


@settings(SLOW, max_examples=7)
@given(WORLDS, _days)
def test_as_of_is_the_world_without_what_came_later(given_world: dict[str, Any], day: date) -> None:
    with graph(given_world, as_of=day) as engine:
        seen = engine.rows("FROM nodes"), engine.rows("FROM edges")
        later = {table: len(engine.rows(f'FROM "{table}"')) for table in TABLES}
    with graph(cut(given_world, day)) as engine:
        assert seen == (engine.rows("FROM nodes"), engine.rows("FROM edges"))
        assert later == {table: len(engine.rows(f'FROM "{table}"')) for table in TABLES}


def test_every_table_has_a_course_in_time() -> None:
    assert set(views.COURSES) == set(TABLES)
    for name, course in views.COURSES.items():
        for column in (course.start, *course.until_told, *sum(course.until_told.values(), ())):
            assert column is None or TABLES[name][column].name == column
        opened = {column.name for column in TABLES[name].columns if column.name == "valid_to"}
        assert opened <= set(course.until_told)
        required = set(TABLES[name].required) | set(TABLES[name].key)
        assert not required & set(course.until_told), "a column that may not be empty is not opened"


VISIT = {
    "municipality": "0000",
    "org_id": ORGS[0],
    "worker_id": "syn:1",
    "client_id": "syn:2",
    "service": "omsorg",
}


def last_event(given_world: World, told_on: date) -> date | None:
    with Engine(threads=1) as engine:
        world(engine, given_world)
        return views.last_event(engine, told_on=told_on)


def test_the_last_event_is_what_happened_and_no_plan() -> None:
    told_on = date(2025, 6, 1)
    visit = VISIT | {"visit_id": "v1", "start": "2025-03-30T23:30Z", "end": "2025-03-31T00:30Z"}
    employed = {"org_id": ORGS[0], "person_id": "syn:1", "valid_from": date(2024, 1, 1)}
    assert last_event({}, told_on) is None
    assert last_event({"visits": [visit]}, told_on) == date(2025, 3, 31), "the Stockholm day"
    planned = employed | {"valid_to": date(9999, 12, 31)}
    assert last_event({"visits": [visit], "employments": [planned]}, told_on) == date(2025, 3, 31)
    later = employed | {"valid_from": date(2026, 1, 1)}
    assert last_event({"visits": [visit], "employments": [later]}, told_on) == date(2025, 3, 31)
    past = employed | {"valid_from": date(2025, 5, 1)}
    assert last_event({"visits": [visit], "employments": [past]}, told_on) == date(2025, 5, 1)


# -- single facts ------------------------------------------------------------------------------


def test_months_are_those_of_stockholm() -> None:
    times = ("2024-12-31T22:59Z", "2024-12-31T23:00Z", "2025-03-31T21:59Z", "2025-03-31T22:00Z")
    visits = [VISIT | {"visit_id": f"v{n}", "start": at, "end": at} for n, at in enumerate(times)]
    with graph({"visits": visits}) as engine:
        [tie] = edges(engine, "VISITED")
    assert tie["by_month"] == [1, 1, 0, 1, 1]  # December to April
    assert (tie["first"], tie["last"]) == (date(2024, 12, 31), date(2025, 4, 1))
    assert tie["minutes"] == 0


def test_a_protected_person_has_neither_name_nor_home_in_the_graph() -> None:
    sole_trader = ORGS[3]
    contact = {
        "street": "Storgatan 1",
        "postcode": "111 11",
        "city": "Exstad",
        "phone": "070-123 45 67",
        "email": "a@example.org",
    }
    told = {
        "persons": [
            {"person_id": sole_trader, "given_name": "Syn", "protection": "marked"} | contact
        ],
        "residences": [
            {
                "person_id": sole_trader,
                "valid_from": "2024-01-01",
                "street": "Storgatan 1",
                "postcode": "111 11",
                "city": "Exstad",
            }
        ],
        "organisations": [{"org_id": sole_trader, "name": "Syn Omsorg"} | contact],
    }
    with graph(told) as engine:
        found = nodes(engine)
        assert set(found) == {f"person:{sole_trader}", f"organisation:{sole_trader}"}
        assert all(node["name"] is None and node["protected"] for node in found.values())
        assert [edge["type"] for edge in edges(engine)] == ["OWNS"]


def test_a_present_address_is_not_claimed_for_the_time_before_the_last_one_ended() -> None:
    home = {"postcode": "111 11", "city": "Exstad"}
    told = {
        "persons": [{"person_id": "syn:1", "street": "Nygatan 2"} | home],
        "residences": [
            {
                "person_id": "syn:1",
                "valid_from": "2020-01-01",
                "valid_to": "2024-05-01",
                "street": "Storgatan 1",
            }
            | home
        ],
    }
    with graph(told) as engine:
        spans = {(e["valid_from"], e["valid_to"]) for e in edges(engine, "RESIDES_AT")}
    assert spans == {(date(2020, 1, 1), date(2024, 5, 1)), (date(2024, 5, 1), None)}


def test_one_who_moves_back_lives_there_twice() -> None:
    home = {"street": "Storgatan 1", "postcode": "111 11", "city": "Exstad"}
    told = {
        "persons": [{"person_id": "syn:1"} | home],
        "residences": [
            {"person_id": "syn:1", "valid_from": "2020-01-01", "valid_to": "2021-01-01"} | home
        ],
    }
    with graph(told) as engine:
        spans = {(e["valid_from"], e["valid_to"]) for e in edges(engine, "RESIDES_AT")}
        assert spans == {(date(2020, 1, 1), date(2021, 1, 1)), (date(2021, 1, 1), None)}
    told["residences"][0]["valid_to"] = ""
    with graph(told) as engine:
        [stay] = edges(engine, "RESIDES_AT")
        assert (stay["valid_from"], stay["valid_to"]) == (date(2020, 1, 1), None)


def test_a_registered_address_begins_with_the_last_change_of_it() -> None:
    told: World = {
        "organisations": [
            {"org_id": org, "registered_on": "2020-01-01", "street": "Storgatan 1",
             "postcode": "111 11", "city": "Exstad"}
            for org in ORGS[:2]
        ],
        "organisation_changes": [
            {"change_id": f"c{n}", "org_id": ORGS[0], "changed_on": on, "what": what}
            for n, (on, what) in enumerate(
                [("2021-01-01", "address"), ("2022-01-01", "address"), ("2023-01-01", "board")]
            )
        ],
    }  # fmt: skip
    with graph(told) as engine:
        began = {e["source_id"]: e["valid_from"] for e in edges(engine, "REGISTERED_AT")}
    assert began == {
        f"organisation:{ORGS[0]}": date(2022, 1, 1),
        f"organisation:{ORGS[1]}": date(2020, 1, 1),
    }


_BOUGHT = {"municipality": "0000", "service": "omsorg", "valid_from": "2024-01-01"}
_BILLED = {
    "municipality": "0000", "issued_on": "2025-01-01", "period_from": "2025-01-01",
    "period_to": "2025-01-31", "amount": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "labels"),
    [
        ("contracts", {"contract_id": "k", "reimbursement": "granted", "hourly_rate_sek": "1"}
            | _BOUGHT, ["Organisation", "Provider"]),
        ("enrolments", {"client_id": "syn:1"} | _BOUGHT, ["Organisation", "Provider"]),
        ("visits", VISIT | {"visit_id": "v", "start": "2025-01-01 10:00",
                            "end": "2025-01-01 10:00", "status": "absent"},
         ["Organisation", "Provider"]),
        ("invoices", {"invoice_id": "i"} | _BILLED, ["Organisation", "Provider"]),
        ("placements", {"placement_id": "p", "client_id": "syn:1", "start": "2025-01-01"},
         ["Organisation", "Provider"]),
        ("employments", {"person_id": "syn:1", "valid_from": "2024-01-01"}, ["Organisation"]),
        ("permits", {"permit_id": "p", "service": "x", "status": "granted",
                     "valid_from": "2024-01-01"}, ["Organisation"]),
        ("quality_reviews", {"review_id": "q", "reviewed_on": "2025-01-01", "outcome": "passed"},
         ["Organisation"]),
    ],
)  # fmt: skip
def test_who_is_a_provider(table: str, row: dict[str, Any], labels: list[str]) -> None:
    with graph({table: [row | {"org_id": ORGS[0]}]}) as engine:
        assert nodes(engine)[f"organisation:{ORGS[0]}"]["labels"] == labels


@pytest.mark.parametrize(
    ("table", "column", "row", "role"),
    [
        ("placements", "client_id", {"placement_id": "p", "org_id": ORGS[0],
                                     "start": "2025-01-01"}, "Client"),
        ("absences", "client_id", {"absence_id": "a", "kind": "travel",
                                   "start": "2025-01-01 10:00", "end": "2025-01-02 10:00"},
         "Client"),
        ("fees", "client_id", {"valid_from": "2024-01-01"}, "Client"),
        ("mandates", "client_id", {"person_id": "syn:9", "kind": "guardian"}, "Client"),
        ("mandates", "person_id", {"client_id": "syn:9", "kind": "guardian"}, None),
        ("invoice_lines", "client_id", {"invoice_id": "i", "line_no": "1", "service": "x",
                                        "amount": "1"}, "Client"),
        ("payments", "client_id", {"payment_id": "b", "paid_on": "2025-01-01", "amount": "1"},
         "Client"),
        ("decisions", "official_id", {"decision_id": "d", "client_id": "syn:9",
                                      "hours_per_month": "1"} | _BOUGHT, "Official"),
        ("invoices", "ordered_by", {"invoice_id": "i", "org_id": ORGS[0]} | _BILLED, "Official"),
        ("invoices", "received_by", {"invoice_id": "i", "org_id": ORGS[0]} | _BILLED, "Official"),
        ("invoices", "approved_by", {"invoice_id": "i", "org_id": ORGS[0]} | _BILLED, "Official"),
        ("officials", "person_id", {"municipality": "0000"}, "Official"),
        ("incidents", "official_id", {"incident_id": "n", "occurred_on": "2025-01-01",
                                      "kind": "threat"}, "Official"),
        ("logins", "person_id", {"login_id": "l", "org_id": ORGS[0]}, None),
        ("trading_bans", "person_id", {"valid_from": "2024-01-01"}, None),
        ("background_checks", "person_id", {"check_id": "k", "done_on": "2025-01-01",
                                            "basis": "x"}, None),
    ],
)  # fmt: skip
def test_which_role_a_column_gives(
    table: str, column: str, row: dict[str, Any], role: str | None
) -> None:
    with graph({table: [row | {column: "syn:1"}]}) as engine:
        labels = nodes(engine)["person:syn:1"]["labels"]
    assert labels == sorted({"Person", role or "Person"})


def test_a_factors_account_is_held_by_none_of_its_customers() -> None:
    invoice = {
        "municipality": "0000",
        "issued_on": "2025-01-01",
        "period_from": "2025-01-01",
        "period_to": "2025-01-31",
        "amount": "100",
        "account": "BG:9912346",
    }
    told: World = {
        "invoices": [
            invoice | {"invoice_id": "i1", "org_id": ORGS[0], "factoring": True},
            invoice | {"invoice_id": "i2", "org_id": ORGS[1]},
        ],
        "payments": [
            {
                "payment_id": "b1",
                "paid_on": "2025-02-01",
                "payee_id": ORGS[0],
                "payee_account": "BG:9912346",
                "amount": "100",
            }
        ],
    }
    with graph(told) as engine:
        assert not edges(engine, "HOLDS_ACCOUNT")
        targets = {edge["target_id"] for edge in edges(engine, "PAID_TO")}
        assert targets == {"account:BG:9912346", f"organisation:{ORGS[0]}"}


def test_how_an_account_is_known_to_be_somebodys() -> None:
    def held(**told: list[dict[str, Any]]) -> list[tuple[str, str]]:
        with graph(told) as engine:
            return sorted((e["source_id"], e["role"]) for e in edges(engine, "HOLDS_ACCOUNT"))

    account = {"account": "BG:9912346", "holder_kind": "organisation"}
    billed = {"invoice_id": "i1", "org_id": ORGS[0], "account": "BG:9912346"} | _BILLED
    own = account | {"holder_id": ORGS[0], "purpose": "own"}
    others = account | {"holder_id": ORGS[1], "purpose": "own"}
    factors = account | {"holder_id": ORGS[1], "purpose": "factoring"}
    first, second = f"organisation:{ORGS[0]}", f"organisation:{ORGS[1]}"
    assert held(invoices=[billed | {"factoring": False}]) == [(first, "invoiced")]
    assert held(invoices=[billed], accounts=[own]) == [(first, "registered")]
    both = [(first, "invoiced"), (second, "registered")]
    assert held(invoices=[billed], accounts=[others]) == both
    assert held(invoices=[billed], accounts=[factors]) == [(second, "registered")]


def test_money_meets_money_between_accounts() -> None:
    told = {
        "payments": [
            {
                "payment_id": f"b{n}",
                "paid_on": f"2025-01-0{n}",
                "payer_account": "BG:9912346",
                "payee_account": "PG:28",
                "payee_id": ORGS[n % 2],
                "amount": "1.5",
            }
            for n in (1, 2, 3)
        ]
    }
    with graph(told) as engine:
        [flow] = edges(engine, "TRANSFERRED_TO")
    assert (flow["payments"], flow["amount"], flow["currency"]) == (3, 4.5, "SEK")
    assert (flow["first"], flow["last"]) == (date(2025, 1, 1), date(2025, 1, 3))


# -- declarations, files and reference ---------------------------------------------------------


def test_the_tables_have_exactly_the_declared_columns() -> None:
    declared = {"nodes": NODE_COLUMNS + NODE_PROPERTIES, "edges": EDGE_COLUMNS + EDGE_PROPERTIES}
    with graph({}) as engine:
        for table, columns in declared.items():
            assert engine.columns(f"FROM {table}") == [(c.name, c.type) for c in columns]
        assert not nodes(engine)
        assert not edges(engine)
        left = engine.rows("SELECT table_name FROM duckdb_tables() WHERE temporary")
        assert not left, "what was needed on the way is dropped"


def test_every_declared_property_is_used_and_every_used_one_declared() -> None:
    of_labels = {name for label in LABELS for name in label.properties}
    of_types = {name for kind in RELATIONSHIPS for name in kind.properties}
    assert of_labels == {column.name for column in NODE_PROPERTIES}
    assert of_types == {column.name for column in EDGE_PROPERTIES}


def test_each_derivation_is_a_file_that_says_what_a_row_is() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
    assert set(files) == set(DERIVATIONS)
    for text in files.values():
        first, second = text.splitlines()[:2]
        assert first.startswith("-- One row is ")
        assert second.startswith("-- ")
    linked = FOLDER.parent / "resolution" / "same_as.sql"  # derived from the graph, after it
    files["same_as"] = linked.read_text(encoding="utf-8")
    for kind in RELATIONSHIPS:
        assert f"'{kind.type}' AS type" in files[kind.type.lower()]


def test_every_mention_of_a_person_or_organisation_makes_a_node() -> None:
    text = (FOLDER / "mentions.sql").read_text(encoding="utf-8")
    parties = {Kind.PERSON, Kind.ORGANISATION, Kind.PARTY}
    for table in TABLES.values():
        for column in table.columns:
            if column.kind in parties and table.name not in ("payments",):
                source = "visit_months" if table.name == "visits" else table.name
                assert f"'{table.name}', '{column.name}'" in text or (
                    f"'{table.name}' AS origin_table, '{column.name}' AS origin_column" in text
                ), f"{table.name}.{column.name}"
                assert f"FROM {source}" in text


def test_the_reference_page_is_the_declaration() -> None:
    page = Path(__file__).parents[1] / "docs" / "graph.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "docs/graph.md is stale: run python -m graph_service.graph.reference"
    )
