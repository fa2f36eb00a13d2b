"""The stop-list, held to a slow walk through the relationships that a caller sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import queries
from graph_service.access.sight import Sights
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.errors import UsageError
from graph_service.routine.practice import Practice
from graph_service.routine.stop_list import (
    Period,
    calendar_of,
    newest_period,
    questioned,
)
from graph_service.run import run
from tests.house import House
from tests.http_service import CLIENTS, FIRM, NORTH, SISTER, SOUTH, TRADER, rows, unit_of

MONTHS = (2, 3, 4, 5)
#: Which clients each firm bills, month by month; the last two firms lie in the south.
BILLED = {FIRM: CLIENTS[:6], SISTER: CLIENTS[6:9], TRADER: CLIENTS[9:11]}
#: All are billed for having their home cleaned; for these nobody decided that.
UNDECIDED = (CLIENTS[1], CLIENTS[8])


def municipality() -> dict[str, list[dict[str, Any]]]:
    """That of `http_service`, and its invoices."""
    heads, lines, payments = [], [], []
    told = rows()
    cleaned = [
        decision | {"decision_id": f"s-{n}", "service": "städning"}
        for n, decision in enumerate(told["decisions"])
        if decision["client_id"] not in UNDECIDED
    ]
    for org, clients in BILLED.items():
        for month in MONTHS:
            invoice = f"{org}:2025{month:02}"
            first = date(2025, month, 1)
            last = date(2025, month + 1, 1) - timedelta(days=1)
            billed = [
                (client, service, hours)
                for client in clients
                for service, hours in (("omsorg", 20), ("städning", 10))
            ]
            for n, (client, service, hours) in enumerate(billed, start=1):
                lines.append(
                    {"invoice_id": invoice, "line_no": n, "client_id": client, "service": service}
                    | {"hours": hours, "unit_price": 400, "amount": hours * 400, "unit": "hour"}
                )
            amount = sum(hours * 400 for _, _, hours in billed)
            heads.append(
                {"invoice_id": invoice, "org_id": org, "municipality": "0000"}
                | {"issued_on": last, "period_from": first, "period_to": last, "amount": amount}
                | {"unit": unit_of(clients[0])}
            )
            if month == 2 or (org, month) == (SISTER, 3):
                payments.append(
                    {"payment_id": f"p-{invoice}", "paid_on": last, "payee_id": org}
                    | {"amount": amount, "invoice_id": invoice, "purpose": "provider"}
                )
    return {
        **told,
        "decisions": [*told["decisions"], *cleaned],
        "invoices": heads,
        "invoice_lines": lines,
        "payments": payments,
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(tmp_path_factory.mktemp("stop_list"))
    given = [made.give(f"{name}.csv", told) for name, told in municipality().items()]
    assert made.load(*given).exit_code == 0
    rooms = open_rooms(Path(queries.__file__).parent)
    run(made.home, rooms, clock=made.clock, memory="1GiB")
    return made


@pytest.fixture(params=[None, NORTH, SOUTH], ids=["every unit", "north", "south"])
def engine(house: House, request: pytest.FixtureRequest) -> Iterator[Engine]:
    units = None if request.param is None else frozenset({request.param})
    sight = Sights(house.home).current(units=units, insiders=False)
    assert sight is not None
    with sight.open() as opened:
        yield opened


def by_hand(engine: Engine, first: date, last: date, set_aside: set[str]) -> list[dict[str, Any]]:
    """Walk: each invoice, each finding, each subject, each client, each day."""
    nodes = {row["node_id"]: row for row in engine.rows("FROM nodes")}
    edges = engine.rows("FROM edges")
    findings = engine.rows("FROM findings")
    paid = {edge["target_id"] for edge in edges if edge["type"] == "SETTLES"}
    provider = {e["target_id"]: e["source_id"] for e in edges if e["type"] == "INVOICED"}
    listed = []
    for ref, invoice in nodes.items():
        if invoice["kind"] != "invoice" or ref in paid or invoice["amount"] <= 0:
            continue
        if invoice["period_from"] > last or invoice["period_to"] < first:
            continue
        reasons = []
        for finding in findings:
            if finding["finding_id"] in set_aside:
                continue
            of_client, of_worker = Decimal(0), Decimal(0)
            since = max(finding["since"], invoice["period_from"])
            until = min(finding["until"], invoice["period_to"])
            for edge in edges:
                same = provider[ref] == finding["provider_ref"] and since <= until
                if edge["type"] != "BILLED_FOR" or edge["source_id"] != ref or not same:
                    continue
                client = edge["target_id"]
                for who in finding["subjects"]:
                    if who["role"] == "client" and who["ref"] == client:
                        of_client += edge["amount"]
                if any(
                    who["role"] == "worker"
                    and visited(edges, who["ref"], client, finding, since, until)
                    for who in finding["subjects"]
                ):
                    of_worker += edge["amount"]
            named = any(
                who["kind"] == "invoice" and who["id"] == invoice["key"]
                for who in finding["subjects"]
            ) or any(f'"{invoice["key"]}"' in item["key"] for item in finding["evidence"])
            if named:
                how, billed = "invoice", of_client or invoice["amount"]
            elif of_client:
                how, billed = "client", of_client
            elif of_worker:
                how, billed = "worker", of_worker
            else:
                continue
            money = finding["exposure_sek"]
            top = billed if money is None or money["upper"] is None else money["upper"]
            risk = min(float(billed), float(invoice["amount"]), float(top))
            reasons.append((finding["finding_id"], how, round(risk, 2)))
        if reasons:
            listed.append(
                {"ref": ref, "risk": max(risk for *_, risk in reasons), "reasons": set(reasons)}
                | {"amount": float(invoice["amount"])}
            )
    return sorted(listed, key=lambda row: (-row["risk"], -row["amount"], row["ref"]))


def visited(
    edges: list[dict[str, Any]], worker: str, client: str, finding: Mapping[str, Any], since: date,
    until: date,
) -> bool:  # fmt: skip
    return any(
        since <= edge["first"] + timedelta(days=day) <= until
        for edge in edges
        if edge["type"] == "VISITED"
        and (edge["source_id"], edge["target_id"]) == (worker, client)
        and edge["provider_id"] == finding["provider_id"]
        for day in edge["days"]
    )


def shown(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ref": row["ref"],
            "risk": round(row["at_risk_sek"], 2),
            "amount": float(row["amount"]),
            "reasons": {
                (each["finding_id"], each["by"], round(each["at_risk_sek"], 2))
                for each in row["reasons"]
            },
        }
        for row in found
    ]


@pytest.mark.parametrize("month", MONTHS)
def test_the_list_is_what_a_walk_through_all_that_is_seen_gives(engine: Engine, month: int) -> None:
    period = Period.read(f"2025-{month:02}")
    found = questioned(engine, period, set_aside=(), limit=100)
    assert shown(found) == by_hand(engine, period.first, period.last, set())
    assert all(row["reasons_count"] == len(row["reasons"]) for row in found)


def test_more_than_one_way_is_met_and_what_is_paid_is_not(house: House) -> None:
    sight = Sights(house.home).current(units=None, insiders=False)
    assert sight is not None
    with sight.open() as engine:
        seen = {
            each["by"]
            for month in MONTHS
            for row in questioned(engine, Period.read(f"2025-{month:02}"), set_aside=(), limit=99)
            for each in row["reasons"]
        }
        assert seen == {"invoice", "worker"}
        assert questioned(engine, Period.read("2025-02"), set_aside=(), limit=99) == []
        march = questioned(engine, Period.read("2025-03"), set_aside=(), limit=99)
        assert SISTER not in {row["provider_id"] for row in march}
        assert newest_period(engine) == Period.read("2025-05")


def test_a_finding_whose_rows_are_not_of_the_invoice_is_known_by_its_client(
    house: House, tmp_path: Path
) -> None:
    sight = Sights(house.home).current(units=None, insiders=False)
    assert sight is not None
    copy = tmp_path / "sight.duckdb"
    copy.write_bytes(sight.path.read_bytes())
    period = Period.read("2025-04")
    with Engine(copy) as engine:
        engine.execute("UPDATE findings SET evidence = []")
        found = questioned(engine, period, set_aside=(), limit=100)
        assert shown(found) == by_hand(engine, period.first, period.last, set())
        assert {each["by"] for row in found for each in row["reasons"]} == {"client", "worker"}


def test_a_page_goes_on_where_the_one_before_ended(engine: Engine) -> None:
    period = Period.read("2025-04")
    whole = questioned(engine, period, set_aside=(), limit=100)
    paged, after = [], None
    while page := questioned(engine, period, set_aside=(), limit=1, after=after):
        paged += page
        after = (float(page[-1]["weight"]), str(page[-1]["amount"]), page[-1]["ref"])
    assert paged == whole


def test_what_people_dismissed_questions_nothing(engine: Engine) -> None:
    period = Period.read("2025-04")
    findings = {row["finding_id"] for row in engine.rows("FROM findings")}
    assert questioned(engine, period, set_aside=findings, limit=100) == []
    for finding_id in findings:
        left = questioned(engine, period, set_aside={finding_id}, limit=100)
        assert shown(left) == by_hand(engine, period.first, period.last, {finding_id})


def test_a_unit_sees_no_invoice_of_another(house: House) -> None:
    for own, other in ((NORTH, SOUTH), (SOUTH, NORTH)):
        sight = Sights(house.home).current(units=frozenset({own}), insiders=False)
        assert sight is not None
        with sight.open() as engine:
            found = [
                row
                for month in MONTHS
                for row in questioned(
                    engine, Period.read(f"2025-{month:02}"), set_aside=(), limit=100
                )
            ]
        assert {row["unit"] for row in found} == {own} and other not in str(found)
        assert TRADER not in str(found)


@pytest.mark.parametrize(
    ("today", "is_open"),
    [((2025, 4, 4), False), ((2025, 4, 5), True), ((2025, 4, 19), True), ((2025, 4, 20), False)],
)
def test_the_calendar_says_where_in_the_month_one_is(
    today: tuple[int, int, int], is_open: bool
) -> None:
    how = Practice(2.0, {}, 0.1, 5, 20)
    found = calendar_of(Period.read("2025-03"), how, date(*today))
    assert (found.locked_on, found.paid_on) == (date(2025, 4, 5), date(2025, 4, 20))
    assert found.is_open is is_open


def test_without_days_the_calendar_says_nothing() -> None:
    found = calendar_of(Period.read("2025-12"), Practice(2.0, {}, 0.1, 5, None), date(2026, 1, 9))
    assert (found.locked_on, found.paid_on, found.is_open) == (date(2026, 1, 5), None, None)


@pytest.mark.parametrize("text", ["2025", "2025-13", "2025-1", "maj", "2025-01-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="2026-10"):
        Period.read(text)
