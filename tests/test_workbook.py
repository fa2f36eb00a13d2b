# ruff: noqa: E501 - rows of cells read best a row a line
"""Workbooks: a sheet a table, each cell read as the text that the contract would have."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.house import House, counts, organisation, person

PERSON, ORG = person(), organisation()
BANS = [["person_id", "valid_from", "valid_to"], [PERSON, date(2026, 1, 1), None]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def book(house: House, sheets: dict[str, list[list[Any]]], name: str = "any name.xlsx") -> Path:
    path = house.give(name, b"")
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def edited(path: Path, old: str, new: str) -> Path:
    """The workbook with words of its parts replaced, as no library would write them."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    assert any(old.encode() in data for data in parts.values())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data.replace(old.encode(), new.encode()))
    return path


def test_each_sheet_is_its_table(house) -> None:
    path = book(house, {"trading_bans": BANS, "persons": [["person_id"], ["syn:1"]], "Blad3": []})
    outcome = house.load(path)
    assert [(r.table, r.refused, r.stored) for r in outcome.receipts] == [
        ("trading_bans", None, 1),
        ("persons", None, 1),
    ]
    assert len({r.file_sha256 for r in outcome.receipts}) == 1
    again = house.load(path)
    assert counts(again) == [(1, 0, 0, 1, 0)] * 2


def test_sheets_are_refused_one_by_one(house) -> None:
    sheets = {
        "trading_bans": BANS,
        "Blad1": [["något"]],
        "fees": [],
        "tips": [["tip_id", "x"]],
        "tags": [["tag_id", "tag_id"]],
        "persons": [["given_name"]],
    }
    outcome = house.load(book(house, sheets))
    assert [(r.table, r.refused) for r in outcome.receipts] == [
        ("trading_bans", None),
        (None, "unknown_source"),
        ("fees", "empty_file"),
        ("tips", "unknown_column"),
        ("tags", "duplicate_header"),
        ("persons", "missing_column"),
    ]
    assert outcome.exit_code == 3
    listed = [(r["table"], r["code"]) for r in house.rejects()]
    assert set(listed) == {(r.table, r.refused) for r in outcome.receipts[1:]}


def test_a_workbook_without_anything_is_an_empty_file(house) -> None:
    outcome = house.load(book(house, {"Blad1": [], "Blad2": []}))
    assert [r.refused for r in outcome.receipts] == ["empty_file"]
    assert outcome.exit_code == 2


def test_cells_are_read_as_what_they_mean(house) -> None:
    rows = [
        ["invoice_id", "org_id", "municipality", "issued_on", "period_from", "period_to", "amount",
         "factoring", "approved_by", "unit"],
        [1, int(ORG), "0180", date(2026, 1, 31), datetime(2026, 1, 1), "2026-01-31", 0.1 + 0.2, True,
         float(PERSON), " x\u00a0"],
        ["2", ORG, 180, datetime(2026, 1, 31), "2026-01-01", "2026-01-31", -12, "false", int(PERSON), 1.5],
    ]  # fmt: skip
    house.load(book(house, {"invoices": rows}))
    assert house.reasons() == []
    assert house.known(
        "SELECT invoice_id, org_id, municipality, issued_on::VARCHAR, period_from::VARCHAR, "
        "amount::VARCHAR, factoring, approved_by, unit, _row FROM known.invoices ORDER BY _row"
    ) == [
        ("1", ORG, "0180", "2026-01-31", "2026-01-01", "0.3000", True, PERSON, "x", 2),
        ("2", ORG, "180", "2026-01-31", "2026-01-01", "-12.0000", False, PERSON, "1.5", 3),
    ]


def test_times_of_cells_are_local_times(house) -> None:
    head = ["event_id", "login_id", "at", "event"]
    times = [
        datetime(2026, 7, 1, 12, 0, 30),
        datetime(2026, 10, 25, 2, 30),
        datetime(2026, 3, 29, 2, 30),
        datetime(2026, 1, 1),
        46082.5,
        date(2026, 1, 1),
        time(8, 30),
    ]
    rows = [[f"e{n}", "l", at, "scan"] for n, at in enumerate(times)]
    outcome = house.load(book(house, {"login_events": [head, *rows]}))
    assert house.reasons() == [(4, "at", "bad_timestamp"), (6, "at", "bad_timestamp"), (8, "at", "bad_timestamp")]  # fmt: skip
    found = house.known('SELECT "at"::VARCHAR FROM known.login_events ORDER BY _row')
    assert [at for (at,) in found] == [
        "2026-07-01 10:00:30+00",
        "2026-10-25 00:30:00+00",
        "2025-12-31 23:00:00+00",
        "2025-12-31 23:00:00+00",  # a date-styled cell is midnight: a workbook has no bare dates
    ]
    assert outcome.receipts[0].ambiguous_times == 1


def test_faults_of_cells_are_those_of_their_columns(house) -> None:
    head = ["decision_id", "client_id", "municipality", "service", "hours_per_month", "valid_from",
            "double_staffed"]  # fmt: skip
    good = ["d", "syn:1", "m", "s", 5, date(2026, 1, 1), True]

    def bad(place: int, value: Any) -> list[Any]:
        return [f"d{place}{value}", *good[1:place], value, *good[place + 1 :]] if place else [
            value, *good[1:]]  # fmt: skip

    rows = [
        bad(5, 46023),  # a number that is not styled as a date
        bad(5, 46023.5),
        bad(4, "#N/A"),
        bad(5, "#VALUE!"),
        bad(6, "#REF!"),
        bad(1, "#N/A"),
        bad(3, "#N/A"),
        bad(0, "#N/A"),
        bad(6, 1),
        bad(4, timedelta(hours=2)),
        bad(4, date(2026, 1, 1)),
        bad(1, 1.99e15),
    ]
    house.load(book(house, {"decisions": [head, *rows]}))
    assert house.reasons() == [
        (2, "valid_from", "bad_date"),
        (3, "valid_from", "bad_date"),
        (4, "hours_per_month", "bad_number"),
        (5, "valid_from", "bad_date"),
        (6, "double_staffed", "bad_boolean"),
        (7, "client_id", "bad_identifier"),
        (8, "service", "not_text"),
        (9, "decision_id", "bad_identifier"),
        (10, "double_staffed", "bad_boolean"),
        (11, "hours_per_month", "bad_number"),
        (12, "hours_per_month", "bad_number"),
        (13, "client_id", "bad_identifier"),
    ]


def test_a_formula_counts_as_the_value_kept_beside_it(house) -> None:
    rows = [["person_id", "given_name"], ["syn:1", "=1+1"], ["syn:2", "=1+2"]]
    path = book(house, {"persons": rows})
    edited(path, "<f>1+1</f><v></v>", "<f>1+1</f><v>2</v>") if _has(path, "<f>1+1</f><v></v>") else edited(
        path, "<f>1+1</f><v />", "<f>1+1</f><v>2</v>")  # fmt: skip
    house.load(path)
    assert house.known("SELECT given_name FROM known.persons ORDER BY person_id") == [
        ("2",),
        (None,),
    ]


def _has(path: Path, text: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(text.encode() in archive.read(part) for part in archive.namelist())


def test_rows_are_numbered_as_the_sheet_shows_them(house) -> None:
    rows: list[list[Any]] = [
        [],
        ["person_id", "valid_from"],
        [],
        ["bad", date(2026, 1, 1)],
        ["syn:1", date(2026, 1, 1), None],
        ["syn:2", date(2026, 1, 1), "note"],
        ["syn:3"],
        [],
        ["syn:4", date(2026, 1, 1)],
        [],
    ]
    path = book(house, {"trading_bans": rows})
    outcome = house.load(path)
    assert house.reasons() == [
        (4, "person_id", "bad_identifier"),
        (6, None, "wrong_column_count"),
        (7, "valid_from", "missing_required"),
    ]
    assert counts(outcome) == [(5, 2, 0, 0, 3)]
    assert house.known("SELECT person_id, _row FROM known.trading_bans ORDER BY 2") == [
        ("syn:1", 5),
        ("syn:4", 9),
    ]
    unreadable = house.reject_path(outcome, "trading_bans").with_suffix(".unreadable")
    assert unreadable.read_text().startswith("6\twrong_column_count\tsyn:2")


def test_a_wrong_dimension_hides_no_cell(house) -> None:
    path = book(house, {"trading_bans": [*BANS, ["syn:2", date(2026, 2, 1), None]]})
    edited(path, '<dimension ref="A1:C3"', '<dimension ref="A1:A2"')
    assert counts(house.load(path)) == [(2, 2, 0, 0, 0)]


def test_dropped_columns_of_a_sheet(house) -> None:
    secret = "hemlig-uppgift-4711"
    rows = [["person_id", "diagnosis"], ["syn:1", secret], ["bad", secret], ["syn:2", secret, 1]]
    outcome = house.load(book(house, {"persons": rows}))
    assert outcome.receipts[0].dropped_columns == ["diagnosis"]
    assert counts(outcome) == [(3, 1, 0, 0, 2)]
    found = [p for p in house.home.path.rglob("*") if p.is_file() and b"4711" in p.read_bytes()]
    assert {p.relative_to(house.home.path).parts[0] for p in found} <= {"raw"}


def test_a_personal_number_in_a_cell_styled_as_a_date_is_in_no_warning(house, recwarn) -> None:
    path = book(house, {"trading_bans": [BANS[0], [int(PERSON), date(2026, 1, 1)]]})
    made = openpyxl.load_workbook(path)
    made["trading_bans"]["A2"].number_format = "yyyy-mm-dd"
    made.save(path)
    assert counts(house.load(path)) == [(1, 0, 0, 0, 1)]
    assert house.reasons() == [(2, "person_id", "bad_identifier")]
    assert len(recwarn) == 0


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
def test_a_cut_workbook_is_an_unreadable_archive(house, keep) -> None:
    whole = book(house, {"trading_bans": BANS}).read_bytes()
    outcome = house.load_text("book.xlsx", whole[: int(len(whole) * keep)])
    assert outcome.receipts[0].refused == "unreadable_archive"


def test_a_workbook_that_is_damaged_inside_is_an_unreadable_archive(house) -> None:
    path = book(
        house, {"trading_bans": BANS + [[f"syn:{n}", date(2026, 1, 1)] for n in range(500)]}
    )
    with zipfile.ZipFile(path) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    data = bytearray(path.read_bytes())
    start = part.header_offset + 30 + len(part.filename)
    data[start + 200 : start + 260] = b"\xff" * 60
    outcome = house.load_text("book.xlsx", bytes(data))
    assert [r.refused for r in outcome.receipts] == ["unreadable_archive"]


def test_a_workbook_that_swells_is_too_large(house) -> None:
    path = book(house, {"trading_bans": [BANS[0], ["x" * 30000 for _ in range(3)]] * 200})
    assert house.load(path).receipts[0].refused == "too_large"


def test_a_field_over_one_mebibyte_is_too_large(house) -> None:
    path = book(house, {"persons": [["person_id", "given_name"], ["syn:1", "AAAA"]]})
    import random  # noqa: PLC0415

    noise = "".join(
        random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=(1 << 20) + 1)
    )
    edited(path, "AAAA", noise)
    assert house.load(path).receipts[0].refused == "too_large"
