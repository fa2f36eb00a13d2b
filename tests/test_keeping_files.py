"""What becomes of each form of file, of refused rows, and of what is held or not decided on."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from graph_service.access.reference import reference
from graph_service.casework.keeping import Covers
from graph_service.engines.duckdb import Engine
from graph_service.lake import Lake
from tests.house import House, csv_text, organisation, person, row
from tests.keeping_home import BY, decide, erased, holding, keeping_of, stored

OLD, NEW = "2024-03-01", "2026-10-01"
FIRM, OTHER = organisation(1), organisation(2)
MAPPING = """
name = "own_export"
[dialect]
delimiters = [";"]
encodings = ["cp1252"]
[tables.tips]
tip_id = { from = "nr" }
received_on = { from = "datum" }
channel = { value = "phone" }
about_kind = { value = "organisation" }
about_id = { from = "om" }
text = { from = "text" }
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def visit(name: str, day: str, **values: str) -> dict[str, str | None]:
    told = {"visit_id": name, "start": f"{day}T08:00", "end": f"{day}T09:00"}
    return row("visits", **told, note=f"mark-{name}", **values)


def standing(house: House, receipt_sha256: str | None) -> bytes | None:
    """The bytes that stand for a delivered file."""
    path = Lake(house.home).raw(str(receipt_sha256))
    return None if path is None else path.read_bytes()


def test_a_file_of_odd_line_ends_keeps_every_other_byte(house: House) -> None:
    text = csv_text([visit("old", OLD), visit("new", NEW), visit("old2", OLD), visit("new2", NEW)])
    lines = text.splitlines()
    given = "\ufeff" + "\r".join(lines[:3]) + "\r\n" + "\n".join(lines[3:])
    sha256 = house.load_text("visits.csv", given).receipts[0].file_sha256
    decide(house, visits=12)
    assert erased(house).counts == {"visits": 2, "files_redacted": 1}
    left = standing(house, sha256)
    assert left is not None
    assert left.decode() == "\ufeff" + "\r".join([lines[0], "", lines[2]]) + "\r\n\n" + lines[4]
    assert holding(house.home.path, "mark-old") == []


def test_a_workbook_is_rebuilt_of_the_rows_that_remain(house: House) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "visits"
    told = [visit("old", OLD), visit("new", NEW), visit("older", OLD)]
    for line in (list(told[0]), *(list(each.values()) for each in told)):
        sheet.append(line)
    content = io.BytesIO()
    book.save(content)
    book.close()
    sha256 = house.load_text("export.xlsx", content.getvalue()).receipts[0].file_sha256
    decide(house, visits=12)
    assert erased(house).counts == {"visits": 2, "files_redacted": 1}
    lines = [json.loads(line) for line in (standing(house, sha256) or b"").splitlines()]
    assert [(line["table"], line["row"], line["values"]["visit_id"]) for line in lines] == [
        ("visits", 3, "new")
    ]
    house.now += timedelta(days=800)
    assert erased(house).counts == {"visits": 1, "files_erased": 1}
    assert standing(house, sha256) is None and holding(house.home.path, "mark-") == []


def test_a_rebuilt_file_is_filtered_again(house: House) -> None:
    path = house.folder / "visits.parquet"
    with Engine() as engine:
        engine.execute(
            "CREATE TABLE rows (visit_id VARCHAR, municipality VARCHAR, org_id VARCHAR, "
            "worker_id VARCHAR, client_id VARCHAR, service VARCHAR, start VARCHAR, "
            '"end" VARCHAR, note VARCHAR)'
        )
        days = {"a": OLD, "b": "2025-06-01", "c": NEW}
        engine.load_rows("rows", [list(visit(name, day).values()) for name, day in days.items()])
        engine.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    sha256 = house.load(path).receipts[0].file_sha256
    decide(house, visits=24)
    for months, left in ((24, ["b", "c"]), (12, ["c"])):
        decide(house, visits=months)
        assert erased(house).counts["files_redacted"] == 1
        lines = [json.loads(line) for line in (standing(house, sha256) or b"").splitlines()]
        assert [line["values"]["visit_id"] for line in lines] == left
    assert len(list(house.home.raw.glob("*/*"))) == 1


def test_an_own_mapping_is_not_kept_and_the_file_is_rebuilt_from_the_lake(house: House) -> None:
    mapping = house.give("own.toml", MAPPING)
    text = f"nr;datum;om;text\n1;{OLD};{FIRM};mark-öld\n2;{NEW};{FIRM};mark-ny\n"
    outcome = house.load(house.give("export.csv", text.encode("cp1252")), mapping=mapping)
    assert [receipt.stored for receipt in outcome.receipts] == [2]
    decide(house, follow_up=12)
    assert erased(house).counts == {"tips": 1, "files_redacted": 1}
    left = standing(house, outcome.receipts[0].file_sha256) or b""
    assert json.loads(left)["values"]["text"] == "mark-ny"
    assert holding(house.home.path, "mark-öld") == []


def test_refused_rows_lapse_by_the_day_they_were_told(house: House) -> None:
    bad = row("visits", visit_id="bad", start="no day", note="mark-bad")
    outcome = house.load_rows("visits", bad, visit("new", "2026-12-01"))
    decide(house, visits=12)
    house.now += timedelta(days=364)
    assert "rejects:visits" not in erased(house).counts
    assert len(house.reasons(outcome)) > 0 and holding(house.home.path, "mark-bad")
    house.now += timedelta(days=2)
    assert erased(house).counts == {"rejects:visits": 1, "files_redacted": 1}
    assert house.reasons(outcome) == [] and holding(house.home.path, "mark-bad") == []
    assert [receipt.rejected for receipt in house.lake.receipts()] == [1]


def test_a_file_refused_as_a_whole_goes_with_its_table(house: House) -> None:
    text = csv_text([row("visits") | {"foreign": "mark-foreign"}])
    outcome = house.load_text("visits.csv", text)
    assert outcome.receipts[0].refused == "unknown_column"
    decide(house, visits=12)
    assert erased(house).counts == {}
    house.now += timedelta(days=366)
    assert erased(house).counts["refused_files"] == 1
    assert holding(house.home.path, "mark-foreign") == []
    assert erased(house).counts == {}


def test_a_class_without_a_decision_is_not_erased(house: House) -> None:
    house.load_rows("visits", visit("old", "2015-03-01"))
    decide(house, money=1)
    assert erased(house).counts == {}
    decide(house, visits=120)
    assert erased(house).counts == {"visits": 1, "files_erased": 1}


def test_a_later_decision_counts_and_an_earlier_one_stays_told(house: House) -> None:
    house.load_rows("visits", visit("old", OLD))
    decide(house, visits=12)
    decide(house, visits=120)
    assert erased(house).counts == {}


@pytest.mark.parametrize("covers", [Covers.TABLE, Covers.CLASS])
def test_a_hold_on_a_table_or_class_keeps_all_of_it_until_lifted(
    house: House, covers: Covers
) -> None:
    house.load_rows("visits", visit("old", OLD))
    decide(house, visits=12)
    with keeping_of(house) as keeping:
        held = keeping.hold(covers, "visits", reason="a suit", by=BY)
    assert erased(house).counts == {}
    with keeping_of(house) as keeping:
        keeping.lift(held.hold_id, reason="settled", by=BY)
        assert keeping.holds() == []
    assert erased(house).counts == {"visits": 1, "files_erased": 1}


def test_a_hold_on_a_firm_keeps_its_invoices_lines_and_its_clients_decisions(house: House) -> None:
    clients = {FIRM: person(1), OTHER: person(2)}
    workers = {FIRM: person(3), OTHER: person(4)}
    for name, firm in (("held", FIRM), ("free", OTHER)):
        people = {"client_id": clients[firm], "worker_id": workers[firm]}
        house.load_rows("visits", visit(name, OLD, org_id=firm, **people))
        house.load_rows(
            "decisions",
            row("decisions", decision_id=name, client_id=clients[firm])
            | {"valid_from": "2020-01-01", "valid_to": OLD},
        )
        invoice = {"invoice_id": name, "org_id": firm, "issued_on": OLD, "period_from": OLD}
        house.load_rows("invoices", row("invoices", **invoice, period_to=OLD))
        house.load_rows("invoice_lines", row("invoice_lines", invoice_id=name, line_no="1"))
    decide(house, visits=12, care=12, money=12)
    with keeping_of(house) as keeping:
        firm = reference(house.home.reference_key(), f"organisation:{FIRM}")
        keeping.hold(Covers.ENTITY, firm, reason="a suit", by=BY)
    tables = ("visits", "decisions", "invoices", "invoice_lines")
    counts = erased(house).counts
    assert {table: counts.get(table) for table in tables} == dict.fromkeys(tables, 1)
    for table, key in (
        ("visits", "visit_id"),
        ("decisions", "decision_id"),
        ("invoices", "invoice_id"),
        ("invoice_lines", "invoice_id"),
    ):
        assert [told[key] for told in stored(house.home, table)] == ["held"], table


def test_a_person_stays_while_any_row_names_them(house: House) -> None:
    house.load_rows("persons", *(row("persons", person_id=person(n)) for n in range(3)))
    house.load_rows("visits", visit("old", OLD, client_id=person(0), worker_id=person(1)))
    house.load_rows("decisions", row("decisions", client_id=person(1)))
    decide(house, register=12, visits=12)
    assert erased(house).counts["visits"] == 1
    assert len(stored(house.home, "persons")) == 3  # told less than a year ago
    house.now += timedelta(days=366)
    assert erased(house).counts["persons"] == 2
    assert [told["person_id"] for told in stored(house.home, "persons")] == [person(1)]


def test_a_withdrawn_end_does_not_decide_and_a_superseded_start_goes_along(house: House) -> None:
    told = {"decision_id": "d", "valid_from": "2020-01-01", "client_id": person(1)}
    house.load_rows("decisions", row("decisions", **told, unit="mark-first"))
    wrong = house.load_rows("decisions", row("decisions", **told, valid_to=OLD, unit="mark-wrong"))
    house.withdraw(wrong)
    decide(house, care=12)
    assert erased(house).counts == {}
    house.load_rows("decisions", row("decisions", **told, valid_to=OLD, unit="mark-right"))
    assert erased(house).counts == {"decisions": 3, "files_erased": 3}
    assert holding(house.home.path, "mark-") == []
