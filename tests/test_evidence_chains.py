"""Registration ↔ decision ↔ invoice line ↔ payment, against an oracle that looks row by row.

Every worker of FIRM is with two clients at once in March; here each pair of days meets one way in
which the records tell, or fail to tell, what a visit led to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graph_service.evidence.material import Material
from graph_service.evidence.report.chains import chains
from graph_service.evidence.report.contents import Chain
from graph_service.evidence.report.linking import link
from graph_service.run import run
from tests.evidence_case import ROOMS, TOWN_HALL, Town, told, with_case
from tests.house import House
from tests.http_service import CLIENTS, FIRM, SISTER

_Rows = Mapping[str, list[dict[str, Any]]]


def _invoice(number: str, org_id: str = FIRM, **given: str) -> dict[str, Any]:
    return {
        "invoice_id": number,
        "org_id": org_id,
        "municipality": "0000",
        "issued_on": "2025-04-02",
        "period_from": "2025-03-01",
        "period_to": "2025-03-31",
        "amount": "4000",
        "currency": "SEK",
    } | given


def _line(number: str, client: str, service: str = "omsorg", **given: str) -> dict[str, Any]:
    return {
        "invoice_id": number,
        "line_no": "1",
        "client_id": client,
        "service": service,
        "hours": "10",
        "unit": "hour",
        "amount": "4000",
    } | given


def _payment(number: str, invoice_id: str, paid_on: str, amount: str) -> dict[str, Any]:
    return {
        "payment_id": number,
        "paid_on": paid_on,
        "payer_id": TOWN_HALL,
        "payee_id": FIRM,
        "payee_account": "BG:99900011",
        "amount": amount,
        "currency": "SEK",
        "invoice_id": invoice_id,
    }


def records() -> _Rows:
    """Client 0 has one of each; 1 two decisions and two lines; 2 other words and two payments; 3
    no payment and a credit; another provider bills for client 4."""
    base = {table: [dict(row) for row in rows] for table, rows in told().items()}
    named = {"v0-3-3-0": "d-0", "v0-3-4-0": "d-gone"}
    for visit in base["visits"]:
        if visit["visit_id"] in named:
            visit["decision_id"] = named[visit["visit_id"]]
    for decision in base["decisions"]:
        if decision["client_id"] == CLIENTS[2]:
            decision["service"] = "Hemtjänst"
    again = next(row for row in base["decisions"] if row["client_id"] == CLIENTS[1])
    base["decisions"].append(again | {"decision_id": "d-1b", "valid_from": "2025-03-01"})
    base["services"] = [
        {"municipality": "0000", "service": "hemtjänst", "permit_service": "omsorg"}
    ]
    base["invoices"] += [
        _invoice("F-2"),
        _invoice("F-3"),
        _invoice("F-4"),
        _invoice("F-4K", amount="-1000", credit_of="F-4", issued_on="2025-04-10"),
        _invoice("F-5", SISTER),
    ]
    base["invoice_lines"] += [
        _line("F-2", CLIENTS[1]),
        _line("F-2", CLIENTS[1], line_no="2", day="2025-03-04"),
        _line("F-3", CLIENTS[2], "HEMTJÄNST"),
        _line("F-4", CLIENTS[3]),
        _line("F-4K", CLIENTS[3], amount="-1000", hours="2"),
        _line("F-5", CLIENTS[4]),
    ]
    base["payments"] += [
        _payment("B-3", "F-3", "2025-04-20", "2500"),
        _payment("B-4", "F-3", "2025-04-28", "1500"),
        _payment("B-5", "F-5", "2025-04-28", "4000"),
    ]
    return base


@contextmanager
def town_of(folder: Path, told_rows: _Rows) -> Iterator[Town]:
    """A municipality of these records, a run, and a case about all of FIRM's findings."""
    house = House(folder)
    given = [house.give(f"{table}.csv", rows) for table, rows in told_rows.items()]
    assert house.load(*given).exit_code == 0
    run(house.home, ROOMS, clock=house.clock, memory="1GiB")
    with with_case(house) as made:
        yield made


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town_of(tmp_path_factory.mktemp("town"), records()) as made:
        yield made


@pytest.fixture(scope="module")
def police(here: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    with here.material(tmp_path_factory.mktemp("police")) as material:
        link(material)
        yield material


@pytest.fixture(scope="module")
def found(police: Material) -> dict[str, Chain]:
    """The chains of visits, by visit_id."""
    named = {
        f"visits:{row['_file_sha256'][:8]}:{row['_row']}": row["visit_id"]
        for row in police.engine.rows("FROM known.visits")
    }
    told_chains, _ = chains(police)
    return {named[each.registration]: each for each in told_chains if each.registration}


def _means(service: str) -> set[str]:
    word = service.strip().lower()
    return {"omsorg", "hemtjänst"} if word in {"omsorg", "hemtjänst"} else {word}


def _decisions(visit: Mapping[str, Any], town_rows: _Rows) -> list[str]:
    if visit.get("decision_id"):
        ids = {row["decision_id"] for row in town_rows["decisions"]}
        return [visit["decision_id"]] if visit["decision_id"] in ids else []
    day = visit["start"][:10]
    return [
        row["decision_id"]
        for row in town_rows["decisions"]
        if row["client_id"] == visit["client_id"]
        and row["service"].strip().lower() in _means(visit["service"])
        and row["valid_from"] <= day
        and (not row.get("valid_to") or day < row["valid_to"])
    ]


def _lines(visit: Mapping[str, Any], town_rows: _Rows) -> list[tuple[str, str]]:
    day = visit["start"][:10]
    invoices = {row["invoice_id"]: row for row in town_rows["invoices"]}
    return [
        (row["invoice_id"], row["line_no"])
        for row in town_rows["invoice_lines"]
        if invoices[row["invoice_id"]]["org_id"] == visit["org_id"]
        and row["client_id"] == visit["client_id"]
        and row["service"].strip().lower() in _means(visit["service"])
        and Decimal(row["amount"]) > 0
        and (row.get("day") or invoices[row["invoice_id"]]["period_from"]) <= day
        and day <= (row.get("day") or invoices[row["invoice_id"]]["period_to"])
    ]


def _only(fitting: Sequence[Any]) -> Any:
    return fitting[0] if len(fitting) == 1 else None


class TestEveryChain:
    def test_is_what_looking_row_by_row_finds(self, found: Mapping[str, Chain]) -> None:
        town_rows = records()
        visits = {row["visit_id"]: row for row in town_rows["visits"]}
        assert len(found) > 30
        for visit_id, chain in found.items():
            visit = visits[visit_id]
            assert chain.decision_id == _only(_decisions(visit, town_rows)), visit_id
            line = _only(_lines(visit, town_rows))
            assert chain.invoice_id == (line and line[0]), visit_id
            paid = [row for row in town_rows["payments"] if line and row["invoice_id"] == line[0]]
            whole = sum(Decimal(row["amount"]) for row in paid) if paid else None
            assert chain.paid_sek == whole, visit_id

    def test_names_rows_of_the_package(self, police: Material, found: Mapping[str, Chain]) -> None:
        taken = {
            f"{row['table']}:{row['file_sha256'][:8]}:{row['row']}"
            for row in police.engine.rows("FROM taken")
        }
        for chain in chains(police)[0]:
            parts = (chain.registration, chain.decision, chain.invoice_line, chain.payment)
            assert {part for part in (*parts, chain.contract) if part} <= taken

    def test_stands_in_order_of_time(self, police: Material) -> None:
        days = [chain.day for chain in chains(police)[0]]
        assert days == sorted(days)


class TestADecision:
    def test_that_the_registration_names_is_taken(self, found: Mapping[str, Chain]) -> None:
        assert found["v0-3-3-0"].decision_id == "d-0"
        assert "Beslut: det som registreringen anger." in found["v0-3-3-0"].joined_by

    def test_that_is_named_and_unknown_is_not_replaced(self, found: Mapping[str, Chain]) -> None:
        assert found["v0-3-4-0"].decision_id is None
        assert any("finns inte bland uppgifterna" in why for why in found["v0-3-4-0"].missing)

    def test_that_is_one_of_several_is_not_named(self, found: Mapping[str, Chain]) -> None:
        assert found["v0-3-3-1"].decision is None
        assert "Beslut: flera passar (2), inget anges." in found["v0-3-3-1"].missing

    def test_in_other_words_of_the_municipality_fits(self, found: Mapping[str, Chain]) -> None:
        assert found["v2-3-3-0"].decision_id == "d-2"


class TestAnInvoiceLine:
    def test_of_a_day_and_of_its_month_are_two(self, found: Mapping[str, Chain]) -> None:
        assert found["v0-3-3-1"].invoice_id == "F-2"  # the day's line is of the day after
        assert found["v0-3-4-1"].invoice_id is None
        assert "Fakturarad: flera passar (2), ingen anges." in found["v0-3-4-1"].missing

    def test_of_another_provider_is_none(self, found: Mapping[str, Chain]) -> None:
        assert found["v10-3-3-1"].invoice_line is None
        assert "Fakturarad: ingen passar." in found["v10-3-3-1"].missing

    def test_that_is_credited_says_so(self, found: Mapping[str, Chain]) -> None:
        assert found["v2-3-3-1"].invoice_id == "F-4"
        assert "Fakturan är krediterad, helt eller delvis." in found["v2-3-3-1"].missing

    def test_that_a_finding_cites_stands_by_itself(self, police: Material) -> None:
        alone = [chain for chain in chains(police)[0] if chain.registration is None]
        (own,) = [chain for chain in alone if chain.invoice_id == "F-1"]
        assert (own.invoiced_sek, own.invoiced_hours) == (Decimal("24000.00"), Decimal(60))
        assert own.day == date(2025, 3, 1) and own.worker is None


class TestAPayment:
    def test_is_told_with_day_and_account(self, found: Mapping[str, Chain]) -> None:
        chain = found["v0-3-3-0"]
        assert (chain.paid_on, chain.account) == (date(2025, 4, 20), "BG:99900011")
        assert chain.payment is not None

    def test_in_parts_is_added_up_and_none_is_named(self, found: Mapping[str, Chain]) -> None:
        chain = found["v2-3-3-0"]
        assert (chain.payment, chain.paid_sek) == (None, Decimal("4000.00"))
        assert "Betalning: fakturan är betald i 2 delar." in chain.missing

    def test_that_nobody_made_is_missed(self, found: Mapping[str, Chain]) -> None:
        assert "Betalning: ingen hänvisar till fakturan." in found["v2-3-3-1"].missing


class TestARecipient:
    def test_that_needs_no_invoices_is_told_that_they_are_left_out(
        self, here: Town, tmp_path: Path
    ) -> None:
        with here.material(tmp_path, "ivo") as material:
            before = material.engine.value("SELECT count(*) FROM taken")
            withheld = material.workspace.withheld
            link(material)
            tables = material.engine.rows('SELECT DISTINCT "table" FROM taken')
            told_chains, left_out = chains(material)
            assert material.engine.value("SELECT count(*) FROM taken") > before
            assert {row["table"] for row in tables} <= material.recipient.tables
            assert material.workspace.withheld == withheld
        assert left_out > 0
        assert all(chain.invoice_id is None and chain.account is None for chain in told_chains)
        why = {said for chain in told_chains for said in chain.missing}
        assert "Fakturarad: lämnas inte ut till mottagaren." in why

    def test_is_given_nothing_of_a_registration_that_it_is_not_given(
        self, police: Material
    ) -> None:
        _, left_out = chains(police)
        of_client_5 = police.engine.value(
            "SELECT count(*) FROM known.decisions WHERE decision_id = 'd-5'"
        )
        assert (left_out, of_client_5) == (3, 0)  # the protected client's three visits


def test_what_supports_a_finding_is_noted_once(police: Material) -> None:
    noted = police.engine.rows("FROM support")
    assert noted and len({tuple(row.values()) for row in noted}) == len(noted)
    both = police.engine.rows(
        'FROM support SEMI JOIN cited USING (finding_id, "table", file_sha256, "row")'
    )
    assert both == []
