"""billed_over_decision and billed_without_decision against slow oracles: day by day, in Python."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.opening import open_room
from tests.world import world

Rows: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]

ROOMS = {
    name: open_room(Path(queries.__file__).parent / name)
    for name in ("billed_over_decision", "billed_without_decision")
}
AS_OF = date(2025, 12, 31)
ONE, TWO = "5520000018", "5520000026"


def find(room: str, given: Rows) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        return detect(engine, ROOMS[room], as_of=AS_OF)


def client_of(finding: Finding) -> str:
    return next(subject.id for subject in finding.subjects if subject.role == "client")


def keys(finding: Finding, table: str) -> set[str | None]:
    return {row.key[0] for row in finding.evidence if row.table == table}


# --- worlds: whole months and single days, credits, decisions that come, change and end --------

MONTHS = [date(2025, month, 1) for month in (1, 2, 3, 4, 5)]


def last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


@st.composite
def decision(draw: st.DrawFn) -> dict[str, Any]:
    since = date(2024, 12, 1) + timedelta(draw(st.integers(0, 160)))
    days = draw(st.sampled_from([20, 45, 90, 400]))
    return {
        "client_id": draw(st.sampled_from(["syn:c1", "syn:c2"])),
        "municipality": "0000",
        "service": draw(st.sampled_from(["omsorg", "omsorg", "service"])),
        "hours_per_month": draw(st.sampled_from([10, 20, 30])),
        "valid_from": since,
        "valid_to": draw(st.sampled_from([None, since + timedelta(days)])),
    }


@st.composite
def line(draw: st.DrawFn) -> dict[str, Any]:
    month = draw(st.sampled_from(MONTHS))
    day = month + timedelta(draw(st.integers(0, 27)))
    hours = draw(st.sampled_from([4, 10, 12, 20, 21, 22, 31]))
    return {
        "org_id": draw(st.sampled_from([ONE, ONE, TWO])),
        "month": month,
        "client_id": draw(st.sampled_from(["syn:c1", "syn:c2"])),
        "service": draw(st.sampled_from(["omsorg", "Omsorg", "service"])),
        "day": draw(st.sampled_from([None, day])),
        "hours": hours,
        "amount": 400 * hours * draw(st.sampled_from([1, 1, 1, -1])),
    }


worlds = st.tuples(
    st.lists(decision(), min_size=1, max_size=6), st.lists(line(), min_size=1, max_size=9)
)


def records(
    decisions: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Each line on an invoice of its own; one more ends the municipality's records in June."""
    end = {"client_id": "syn:c9", "service": "omsorg", "day": None, "hours": 1, "amount": 400}
    told = [*lines, {**end, "org_id": "5520000034", "month": date(2025, 6, 1)}]
    return {
        "decisions": [{**row, "decision_id": f"b{number}"} for number, row in enumerate(decisions)],
        "invoices": [
            {
                "invoice_id": f"i{number}",
                "org_id": row["org_id"],
                "municipality": "0000",
                "issued_on": last_day(row["month"]),
                "period_from": row["month"],
                "period_to": last_day(row["month"]),
                "amount": row["amount"],
                "credit_of": f"x{number}" if row["amount"] < 0 else None,
            }
            for number, row in enumerate(told)
        ],
        "invoice_lines": [
            {
                "invoice_id": f"i{number}",
                "line_no": 1,
                **{name: row[name] for name in ("client_id", "service", "day", "hours", "amount")},
            }
            for number, row in enumerate(told)
        ],
    }


def level(decisions: Sequence[Mapping[str, Any]], day: date) -> int:
    """Hours a month that decisions grant on a day."""
    return sum(
        row["hours_per_month"]
        for row in decisions
        if row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"])
    )


def allowed(decisions: Sequence[Mapping[str, Any]], month: date, last_billed: date) -> float:
    """Hours of a month, each day at its level or the one that a late decision will tell."""
    hours = 0.0
    days = last_day(month).day
    for number in range(days):
        day = month + timedelta(number)
        levels = [level(decisions, day), level(decisions, day + timedelta(31))]
        if levels[0] == 0:
            levels.append(level(decisions, day - timedelta(7)))
            if last_billed > last_day(month) or day > date(2025, 6, 30) - timedelta(31):
                levels.append(level(decisions, day - timedelta(31)))
        hours += max(levels) / days
    return hours


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds)
def test_over_equals_every_month_added_up_day_by_day(
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    decisions, lines = told
    wanted: dict[tuple[str, str, str], dict[date, float]] = defaultdict(dict)
    for client_id in ("syn:c1", "syn:c2"):
        for service in ("omsorg", "service"):
            own = [d for d in decisions if (d["client_id"], d["service"]) == (client_id, service)]
            mine = [
                row
                for row in lines
                if (row["client_id"], row["service"].lower()) == (client_id, service)
            ]
            nets: dict[date, dict[str, float]] = {month: defaultdict(float) for month in MONTHS}
            for row in mine:
                hours = row["hours"] if row["amount"] > 0 else -row["hours"]
                nets[row["month"]][row["org_id"]] += hours
            billed_in = [m for m in MONTHS if sum(nets[m].values()) != 0 or nets[m]]
            positive = [m for m in billed_in if any(hours > 0 for hours in nets[m].values())]
            for month in positive:
                granted = allowed(own, month, last_day(max(positive)))
                if not any(level(own, month + timedelta(n)) for n in range(last_day(month).day)):
                    continue
                over = sum(nets[month].values()) - granted
                long = granted * max(1, last_day(month).day / 30)
                if not (
                    (over > 0.05 * granted and over > 0.5)
                    or (over > 2 and sum(nets[month].values()) > long)
                ):
                    continue
                answering = {org for org, hours in nets[month].items() if hours > granted}
                for org in answering or {o for o, hours in nets[month].items() if hours > 0}:
                    wanted[org, client_id, service][month] = min(over, nets[month][org])
    found = find("billed_over_decision", records(decisions, lines))
    assert {(f.provider_id, client_of(f), f.statistics["service"]) for f in found} == set(wanted)
    for finding in found:
        months = wanted[finding.provider_id, client_of(finding), finding.statistics["service"]]
        assert finding.events == len(months)
        assert finding.statistics["over_hours"] == pytest.approx(sum(months.values()), abs=0.01)
        assert finding.exposure is not None
        lower, upper = map(float, finding.exposure)
        assert 0 <= lower <= upper + 0.01
        assert upper == pytest.approx(400 * sum(months.values()), abs=0.02)
        for row in keys(finding, "invoice_lines"):
            assert lines[int(str(row)[1:])]["month"] in months


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds)
def test_without_equals_every_line_held_against_every_decision(
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    decisions, lines = told
    # The ground is good: another client has decisions for both services, from before.
    ground = [
        {
            "client_id": "syn:c8",
            "municipality": "0000",
            "service": service,
            "hours_per_month": 99,
            "valid_from": date(2020, 1, 1),
            "valid_to": None,
        }
        for service in ("omsorg", "service")
    ]
    wanted: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(lines):
        service = row["service"].lower()
        since = row["day"] or row["month"]
        until = row["day"] or last_day(row["month"])
        near = [
            d
            for d in decisions
            if (d["client_id"], d["service"]) == (row["client_id"], service)
            and d["valid_from"] <= until + timedelta(31)
            and (d["valid_to"] is None or d["valid_to"] > since - timedelta(7))
        ]
        if not near:
            wanted[row["org_id"], row["client_id"], service].append(number)
    for key, numbers in list(wanted.items()):
        if sum(lines[number]["amount"] for number in numbers) <= 0:
            del wanted[key]
    # Few clients: no share of them says how decisions are kept.
    given = records([*ground, *decisions], lines)
    given["invoice_lines"][-1]["client_id"] = "syn:c8"
    found = find("billed_without_decision", given)
    assert {(f.provider_id, client_of(f), f.statistics["service"]) for f in found} == set(wanted)
    for finding in found:
        numbers = wanted[finding.provider_id, client_of(finding), finding.statistics["service"]]
        assert keys(finding, "invoice_lines") == {f"i{number}" for number in numbers}
        assert finding.events == sum(lines[number]["amount"] > 0 for number in numbers)
        total = sum(lines[number]["amount"] for number in numbers)
        assert finding.exposure is not None
        assert [float(part) for part in finding.exposure] == pytest.approx([total, total])
