"""The real input in one home: schedules, invoices, ownership; each file ends as it should."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph_service.home import Home
from graph_service.lake import Lake
from loaders.load import Options, Outcome, load
from loaders.reject_file import listing
from tests.house import House

ROOT = Path(__file__).parents[1]
DATA = ROOT / ".." / "shared" / "data"
MAPPINGS = ROOT / "docs" / "examples"
STANDARD = DATA / "ownership_bods" / "data-standard"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")

#: Columns refused → the standard"s test invoices (after `BIS_Billing_30-`) whose numbers fail
#: their checksum; the lines of such an invoice are refused with it.
REFUSED = {
    ("account", "org_id"): (
        "DataIT",
        "Factoring",
        "Hyrbil",
        "Inkopskort",
        "Rantefaktura_Enkel",
        "Rantefaktura_Saml",
        "Resor_Bokning",
        "Tjanster_Bevakning",
        "Valutor i faktura",
        "CreditNote-Max_content",
        "Invoice-Max_content",
    ),
    ("account",): (
        "Elhandel",
        "Elnat",
        "Resor_Taxi",
    ),
    ("org_id",): (
        "Forskott_(ej moms)",
        "Forskott_slutreglering",
        "Kreditering_(urspr_faktura)",
        "Kreditering_med_kreditnota",
        "Kreditering_med_negativ_faktura",
        "OmvandSkattskyldighet",
        "Rabatter_och_avgifter",
        "CreditNote-Min_content_with_VAT",
        "CreditNote-Min_content_without_VAT",
        "Invoice-Min_content_with_VAT",
        "Invoice-Min_content_without_VAT",
    ),
}
REFUSED_INVOICES = {
    (name if name[:7] in ("Invoice", "CreditN") else f"BIS_Billing_30-{name}") + ".xml": list(
        columns
    )
    for columns, names in REFUSED.items()
    for name in names
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all three, as issue 3 asks."""
    return Home(tmp_path_factory.mktemp("home"))


def deliver(home: Home, *paths: Path, mapping: Path | None = None) -> Outcome:
    return load(home, paths, Options(mapping=mapping), clock=lambda: datetime.now(UTC))


def test_schedules_load_whole(home: Home) -> None:
    folder = DATA / "home_care_schedules"
    for name, mapping in (("visits", "home_care_schedules"), ("patients", "home_care_patients")):
        with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
            rows = sum(1 for _ in csv.DictReader(lines))
        path = folder / f"{name}.csv"
        [receipt] = deliver(home, path, mapping=MAPPINGS / f"{mapping}.toml").receipts
        assert (receipt.read, receipt.stored, receipt.rejected) == (rows, rows, 0)


def test_invoices_load_or_are_refused_for_a_number_that_fails_its_checksum(home: Home) -> None:
    paths = sorted((DATA / "invoices_ubl").glob("*.xml"))
    outcome = deliver(home, *paths)
    assert {receipt.refused for receipt in outcome.receipts} == {None}
    reasons = defaultdict(set)
    for reject in listing(home, outcome.batch):
        reasons[reject["file"]].add((reject["table"], reject["column"], reject["code"]))
    found = {
        name: sorted(column for table, column, _ in told if table == "invoices")
        for name, told in reasons.items()
    }
    assert found == REFUSED_INVOICES
    for told in reasons.values():
        by_table = {(table, code) for table, _, code in told}
        assert by_table <= {("invoices", "bad_identifier"), ("invoice_lines", "bad_reference")}
    per_file = defaultdict(set)
    for receipt in outcome.receipts:
        per_file[receipt.file].add(receipt.rejected == 0)
    assert all(len(accepted) == 1 for accepted in per_file.values()), "whole or not at all"
    assert {name for name, accepted in per_file.items() if accepted == {False}} == set(found)
    assert outcome.exit_code == 3


def _valid() -> list[Path]:
    folders = (
        STANDARD / "tests/data/valid-statements",
        STANDARD / "examples",
        DATA / "ownership_bods" / "bods-v04-fixtures",
    )
    return [path for folder in folders for path in sorted(folder.rglob("*.json"))]


def test_valid_statements_load(home: Home) -> None:
    outcome = deliver(home, *_valid())
    assert outcome.exit_code == 0
    assert list(listing(home, outcome.batch)) == []
    assert {receipt.source for receipt in outcome.receipts} == {"bods"}


def test_invalid_statements_are_refused_for_their_structure(home: Home) -> None:
    paths = sorted((STANDARD / "tests/data/invalid-statements").glob("*.json"))
    outcome = deliver(home, *paths)
    codes = defaultdict(Counter)
    for reject in listing(home, outcome.batch):
        codes[reject["file"]][reject["code"]] += 1
    assert set(codes) == {path.name for path in paths}
    assert {code for told in codes.values() for code in told} == {"bad_structure"}
    assert sum(r.stored + r.superseding + r.duplicates for r in outcome.receipts) == 0
    refused = [receipt.file for receipt in outcome.receipts if receipt.refused]
    assert refused == ["statements_not_array.json"]


def test_everything_stands_in_one_home_and_loads_once(home: Home) -> None:
    receipts = [receipt for receipt in Lake(home).receipts() if receipt.refused is None]
    assert {receipt.source for receipt in receipts} >= {"ubl_invoice", "bods"}
    again = deliver(home, *sorted((DATA / "invoices_ubl").glob("*.xml")))
    assert all(receipt.read == receipt.duplicates + receipt.rejected for receipt in again.receipts)


def test_an_organisation_without_a_name_keeps_the_one_that_is_known(tmp_path: Path) -> None:
    house = House(tmp_path)
    paths = [p for p in _valid() if p.name == "entity_dissolution_date.json"]
    first = house.load(*paths)
    [(org_id,)] = house.known("SELECT org_id FROM known.organisations")
    house.load_text("organisations.csv", f"org_id,name\n{org_id},Known AB\n")
    changed = paths[0].read_bytes() + b"\n"
    house.load_text("ownership.json", changed)
    assert first.exit_code == 0
    assert house.known("SELECT name FROM known.organisations") == [("Known AB",)]
