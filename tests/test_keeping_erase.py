"""What has lapsed is gone from every file of the home, and everything else reads as before.

The oracle knows the rule in words: a record lapses whole when the version that decides has ended
so many months ago, and every version of it goes, with the lines of every raw file that told it.
"""

from __future__ import annotations

import csv
import io
from calendar import monthrange
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service.access.reference import reference
from graph_service.casework.keeping import Covers
from graph_service.lake import Lake
from graph_service.records import TABLES
from tests.house import House, csv_text, organisation, person, row
from tests.keeping_home import BY, decide, erased, keeping_of, stored

STOCKHOLM = ZoneInfo("Europe/Stockholm")
#: The house's clock begins on this day; a class of 12 months keeps what ended after a year before.
TODAY = date(2026, 11, 1)
FIRMS = [organisation(n) for n in range(2)]
PEOPLE = [person(n) for n in range(3)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# -- the oracle ----------------------------------------------------------------------------


def later(day: date, months: int) -> date:
    """Month by month on a calendar."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def ended(table: str, told: dict[str, Any], invoices: dict[str, date]) -> date | None:
    """The day from which a row's months are counted."""
    if table == "visits":
        end = told["end"]
        assert isinstance(end, datetime)
        return end.astimezone(STOCKHOLM).date()
    if table == "decisions":
        return told["valid_to"]
    if table == "invoices":
        return max(told["issued_on"], told["period_to"])
    if table == "invoice_lines":
        return invoices.get(told["invoice_id"]) or told["day"] or TODAY
    raise KeyError(table)


def deciding(house: House, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The version of each record that decides: the last one seen, else the last one there is."""
    visible = set(house.lake.visible_batches())
    versions = defaultdict(list)
    for told in stored(house.home, table):
        versions[tuple(told[name] for name in TABLES[table].key)].append(told)
    return {
        key: max(each, key=lambda told: (told["_batch"] in visible, told["_batch"], told["_file"]))
        for key, each in versions.items()
    }


def lapsed(house: House, months: dict[str, int], held: set[str]) -> dict[str, set[tuple[Any, ...]]]:
    """The keys of each table that must go."""
    invoices = {
        key[0]: ended("invoices", told, {}) for key, told in deciding(house, "invoices").items()
    }
    concerned = {
        told["client_id"] for told in stored(house.home, "visits") if told["org_id"] in held
    } | {told["worker_id"] for told in stored(house.home, "visits") if told["org_id"] in held}
    held_invoices = {
        told["invoice_id"]
        for table in ("invoices", "invoice_lines")
        for told in stored(house.home, table)
        if told.get("org_id") in held or told.get("client_id") in concerned
    }
    gone = {}
    for table, term in months.items():
        kept = {
            tuple(told[name] for name in TABLES[table].key)
            for told in stored(house.home, table)
            if told.get("org_id") in held
            or {told.get("client_id"), told.get("worker_id")} & concerned - {None}
            or (table == "invoice_lines" and told["invoice_id"] in invoices_held(held_invoices))
        }
        gone[table] = {
            key
            for key, told in deciding(house, table).items()
            if (day := ended(table, told, invoices)) is not None and later(day, term) <= TODAY
        } - kept
    return gone


def invoices_held(named: set[str]) -> set[str]:
    return named


# -- small lakes ---------------------------------------------------------------------------

days = st.dates(TODAY - timedelta(days=800), TODAY - timedelta(days=1))
marks = st.integers(0, 3)  # few, so that rows are repeated and superseded


@st.composite
def a_visit(draw: st.DrawFn) -> dict[str, str]:
    day = draw(days)
    return row(
        "visits",
        visit_id=f"v{draw(st.integers(0, 4))}",
        org_id=draw(st.sampled_from(FIRMS)),
        worker_id=draw(st.sampled_from(PEOPLE)),
        client_id=draw(st.sampled_from(PEOPLE)),
        start=f"{day}T08:00",
        end=f"{day}T09:00",
        note=f'mark-v{draw(marks)}-{day}, "quoted"\nand broken',
    )


@st.composite
def a_decision(draw: st.DrawFn) -> dict[str, str]:
    return row(
        "decisions",
        decision_id=f"d{draw(st.integers(0, 3))}",
        client_id=draw(st.sampled_from(PEOPLE)),
        valid_from="2020-01-01",
        valid_to=draw(st.just("") | days.map(str)),
        unit=f"mark-d{draw(marks)}",
    )


@st.composite
def an_invoice(draw: st.DrawFn) -> dict[str, str]:
    issued, last = draw(days), draw(days)
    return row(
        "invoices",
        invoice_id=f"i{draw(st.integers(0, 2))}",
        org_id=draw(st.sampled_from(FIRMS)),
        issued_on=str(issued),
        period_from="2020-01-01",
        period_to=str(last),
        unit=f"mark-i{draw(marks)}",
    )


@st.composite
def a_line(draw: st.DrawFn) -> dict[str, str]:
    return row(
        "invoice_lines",
        invoice_id=f"i{draw(st.integers(0, 3))}",
        line_no=str(draw(st.integers(1, 2))),
        day=draw(st.just("") | days.map(str)),
        service=f"mark-l{draw(marks)}",
    )


ROWS = {
    "visits": a_visit(),
    "decisions": a_decision(),
    "invoices": an_invoice(),
    "invoice_lines": a_line(),
}
#: One delivery: rows of each table, one of each key, and perhaps a row that is refused.
deliveries = st.fixed_dictionaries(
    {
        table: st.lists(
            made,
            max_size=4,
            unique_by=lambda told: tuple(
                told[name]
                for name in ("visit_id", "decision_id", "invoice_id", "line_no")
                if name in told
            ),
        )
        for table, made in ROWS.items()
    }
)


def load(house: House, delivery: dict[str, list[dict[str, str]]], bad: bool) -> Any:
    files = []
    for table, rows in delivery.items():
        key = TABLES[table].key[0]
        refused = [row(table, **{key: ""})] if bad else []
        if rows or refused:
            text = csv_text([*rows, *refused])
            files.append(house.give(f"{table}.csv", text))
    return house.load(*files) if files else None


def content(house: House) -> dict[str, list[str]]:
    return {
        table: sorted(str(sorted(told.items())) for told in stored(house.home, table))
        for table in ROWS
    }


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    given_deliveries=st.lists(st.tuples(deliveries, st.booleans()), min_size=1, max_size=3),
    withdrawn=st.booleans(),
    months=st.fixed_dictionaries(
        {"visits": st.integers(1, 26), "care": st.integers(1, 26), "money": st.integers(1, 26)}
    ),
    hold=st.booleans(),
)
def test_just_what_has_lapsed_is_gone(
    tmp_path_factory: pytest.TempPathFactory,
    given_deliveries: list[tuple[dict[str, list[dict[str, str]]], bool]],
    withdrawn: bool,
    months: dict[str, int],
    hold: bool,
) -> None:
    house = House(tmp_path_factory.mktemp("house"))
    outcomes = [load(house, delivery, bad) for delivery, bad in given_deliveries]
    if withdrawn and outcomes[-1] is not None:
        house.withdraw(outcomes[-1])
    decide(house, **months)
    if hold:
        with keeping_of(house) as keeping:
            held_firm = reference(house.home.reference_key(), f"organisation:{FIRMS[0]}")
            keeping.hold(Covers.ENTITY, held_firm, reason="a suit", by=BY)
    terms = {
        "visits": months["visits"],
        "decisions": months["care"],
        "invoices": months["money"],
        "invoice_lines": months["money"],
    }
    gone = lapsed(house, terms, {FIRMS[0]} if hold else set())
    before = {table: stored(house.home, table) for table in ROWS}
    receipts = [receipt.as_json() for receipt in house.lake.receipts()]
    raws = {path.name: path.read_bytes() for path in house.home.raw.glob("*/*")}

    counts = erased(house).counts

    for table in ROWS:
        key = TABLES[table].key
        expected = [
            told for told in before[table] if tuple(told[k] for k in key) not in gone[table]
        ]
        assert sorted(map(str, stored(house.home, table))) == sorted(map(str, expected))
        assert counts.get(table, 0) == len(before[table]) - len(expected)
    assert [receipt.as_json() for receipt in house.lake.receipts()] == receipts
    for receipt in house.lake.receipts():
        if receipt.file_sha256 is not None:
            _same_lines(house, raws[receipt.file_sha256], receipt.file_sha256, receipt.table)
    assert erased(house).counts == {}


def _same_lines(house: House, original: bytes, sha256: str, table: str) -> None:
    """Each record of a raw file stands as it was, or is an empty line since its key is gone."""
    known = {
        tuple(str(told[name]) for name in TABLES[table].key) for told in stored(house.home, table)
    }
    text = original.decode()
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    stays = [
        tuple(told[name] for name in TABLES[table].key) in known or told[TABLES[table].key[0]] == ""
        for told in records
    ]
    path = Lake(house.home).raw(sha256)
    if not any(stays):
        assert path is None
        return
    assert path is not None
    header, *bodies = _records(text)
    assert path.read_text() == header + "".join(
        body if kept else "\n" for body, kept in zip(bodies, stays, strict=True)
    )


def _records(text: str) -> list[str]:
    """The records of a CSV text, each with its line end."""
    found, begun, quoted = [], 0, False
    for position, letter in enumerate(text):
        quoted ^= letter == '"'
        if letter == "\n" and not quoted:
            found.append(text[begun : position + 1])
            begun = position + 1
    return found
