"""What has lapsed is gone from every file of the home, and everything else reads as before.

The oracle knows the rule in words: a record lapses whole when the version that decides has ended
so many months ago, and every version of it goes, with the lines of every raw file that told it.
"""

from __future__ import annotations

import csv
import io
import random
from calendar import monthrange
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from graph_service.access.reference import reference
from graph_service.casework.keeping import Covers
from graph_service.lake import Lake
from graph_service.records import TABLES
from loaders.load import Outcome
from tests.house import House, organisation, person, row
from tests.keeping_home import BY, decide, erased, keeping_of, stored

STOCKHOLM = ZoneInfo("Europe/Stockholm")
#: The house's clock begins on this day; a class of 12 months keeps what ended after a year before.
TODAY = date(2026, 11, 1)
FIRMS = [organisation(n) for n in range(2)]
PEOPLE = [person(n) for n in range(60)]


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
    invoices_held = {
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
            or (table == "invoice_lines" and told["invoice_id"] in invoices_held)
        }
        gone[table] = {
            key
            for key, told in deciding(house, table).items()
            if (day := ended(table, told, invoices)) is not None and later(day, term) <= TODAY
        } - kept
    return gone


# -- lakes drawn at random -------------------------------------------------------------------

#: Few ids, so that rows are repeated and superseded from one delivery to the next.
IDS = {"visits": 40, "decisions": 20, "invoices": 12, "invoice_lines": 24}


def drawn_day(chance: random.Random) -> date:
    return TODAY - timedelta(days=chance.randrange(1, 800))


def drawn_row(chance: random.Random, table: str, n: int) -> dict[str, str | None]:
    """A row of the n-th id; its mark stands in a text, quoted and broken over two lines."""
    day = drawn_day(chance)
    mark = f'mark-{chance.randrange(3)}-{day}, "quoted"\nand broken'
    if table == "visits":
        return row(
            "visits",
            visit_id=f"v{n}",
            org_id=chance.choice(FIRMS),
            worker_id=chance.choice(PEOPLE),
            client_id=chance.choice(PEOPLE),
            start=f"{day}T08:00",
            end=f"{day}T23:30",
            note=mark,
        )
    if table == "decisions":
        return row(
            "decisions",
            decision_id=f"d{n}",
            client_id=chance.choice(PEOPLE),
            valid_from="2020-01-01",
            valid_to=chance.choice(["", str(day), str(day)]),
            unit=mark,
        )
    if table == "invoices":
        return row(
            "invoices",
            invoice_id=f"i{n}",
            org_id=chance.choice(FIRMS),
            issued_on=str(day),
            period_from="2020-01-01",
            period_to=str(drawn_day(chance)),
            unit=mark,
        )
    return row(
        "invoice_lines",
        invoice_id=f"i{n // 2}",
        line_no=str(n % 2),
        day=chance.choice(["", str(day)]),
        service=mark,
    )


def drawn_delivery(chance: random.Random) -> dict[str, list[dict[str, str | None]]]:
    """Some rows of each table; one of each id, and one that is refused."""
    return {
        table: [
            *(drawn_row(chance, table, n) for n in range(ids) if chance.random() < 0.5),
            row(table, **{TABLES[table].key[0]: ""}),
        ]
        for table, ids in IDS.items()
    }


def load(house: House, delivery: dict[str, list[dict[str, str | None]]]) -> Outcome:
    return house.load(*(house.give(f"{table}.csv", rows) for table, rows in delivery.items()))


@pytest.mark.parametrize(("withdrawn", "held"), [(False, False), (True, False), (True, True)])
def test_just_what_has_lapsed_is_gone(house: House, withdrawn: bool, held: bool) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    first = drawn_delivery(chance)
    load(house, first)
    last = load(house, drawn_delivery(chance) | {"visits": first["visits"][::2]})
    if withdrawn:
        house.withdraw(last)
    months = {name: chance.randrange(3, 24) for name in ("visits", "care", "money")}
    decide(house, **months)
    if held:
        with keeping_of(house) as keeping:
            firm = reference(house.home.reference_key(), f"organisation:{FIRMS[0]}")
            keeping.hold(Covers.ENTITY, firm, reason="a suit", by=BY)
    terms = {
        "visits": months["visits"],
        "decisions": months["care"],
        "invoices": months["money"],
        "invoice_lines": months["money"],
    }
    gone = lapsed(house, terms, {FIRMS[0]} if held else set())
    before = {table: stored(house.home, table) for table in IDS}
    assert held or any(gone.values())
    receipts = [receipt.as_json() for receipt in house.lake.receipts()]
    raws = {path.name: path.read_bytes() for path in house.home.raw.glob("*/*")}

    counts = erased(house).counts

    for table in IDS:
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
