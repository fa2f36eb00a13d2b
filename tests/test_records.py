"""The declarations against the contract's own text, and what follows from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graph_service.records import DROPPED_COLUMNS, TABLES, Kind, Masking, Table
from graph_service.records.reference import PAGE, reference

CONTRACT = Path(__file__).parents[2] / "shared" / "records.md"
_TABLE = re.compile(r"\*\*(\w+)\*\*(?: \([^)]*\))?: (.*)", re.DOTALL)


def _contract() -> dict[str, str]:
    """Table → the text of its columns, read from the contract's own page."""
    text = CONTRACT.read_text(encoding="utf-8")
    text = text[text.index("## Registers") : text.index("## Receipts")]
    found = {}
    for line in re.split(r"\n(?=\*\*)| · ", re.sub(r"\n(?!\*\*|#|\n)", " ", text)):
        match = _TABLE.match(line.strip())
        if match and match[1] not in ("What",):
            found[match[1]] = match[2].split("\n")[0]
    return found


def _columns(text: str) -> dict[str, tuple[bool, bool]]:
    """Column → (is a key, may be empty), as the contract's text has it."""
    bare = re.sub(r"\([^()]*\)", "", text)
    found = {}
    for part in bare.split(","):
        match = re.match(r"(\*\*)?(\w+)(\*\*)?\s*(\?)?", part.strip())
        if match:
            found[match[2]] = (match[1] is not None, match[4] is not None)
    return found


needs_contract = pytest.mark.skipif(
    not CONTRACT.exists(), reason="the contract's own page, ../shared/records.md, is not here"
)


@needs_contract
def test_the_tables_are_the_contracts() -> None:
    assert set(_contract()) == set(TABLES)


@needs_contract
@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_columns_keys_and_optional_ones_are_the_contracts(table: Table) -> None:
    declared = {c.name: (c.key, not c.required) for c in table.columns}
    assert declared == _columns(_contract()[table.name])


@needs_contract
def test_enumerations_are_the_contracts() -> None:
    for name, text in _contract().items():
        for column, words in re.findall(r"(\w+)\W*\(([a-zA-Z_]+(?:, [a-zA-Z_]+)+)[;)]", text):
            declared = TABLES[name][column] if column in TABLES[name].names else None
            if declared is not None and declared.kind is Kind.ENUM:
                assert set(words.split(", ")) <= set(declared.values), (name, column)


def test_no_table_has_a_column_that_is_dropped_on_sight() -> None:
    for table in TABLES.values():
        assert not DROPPED_COLUMNS & set(table.names)


def test_every_person_is_hidden_where_persons_are() -> None:
    for table in TABLES.values():
        for column in table.columns:
            if column.kind in (Kind.PERSON, Kind.PHONE, Kind.EMAIL):
                assert column.masking is not Masking.NONE, (table.name, column.name)


def test_references_lead_to_keys() -> None:
    for table in TABLES.values():
        for column in table.references:
            assert column.refers_to is not None
            target, name = column.refers_to
            assert TABLES[target][name].key, (table.name, column.name)


def test_compared_pairs_are_of_one_kind() -> None:
    for table in TABLES.values():
        for early, late in table.after:
            assert table[early].kind is table[late].kind


def test_the_reference_page_is_made_from_the_declaration() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "docs/records.md is stale: run python -m graph_service.records.reference"
    )
