"""The reference page of the record contract, made from its declaration.

`python -m graph_service.records.reference` writes it to `docs/records.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from graph_service.records import (
    DROPPED_COLUMNS,
    RETENTION_MONTHS,
    TABLES,
    Column,
    Kind,
    Masking,
    Table,
)

PAGE: Final = Path(__file__).parents[2] / "docs" / "records.md"

_INTRODUCTION: Final = """\
# The records

Made from `graph_service/records/`; do not edit by hand.

One file a table, `<table>.csv`, `.parquet` or a sheet of an `.xlsx`. Key columns are **bold**, a
column that may be empty has a `?`. A row with a key that is known supersedes it; an equal row is a
duplicate. Each stored row keeps `_batch`, `_file` (the file's number in the batch),
`_file_sha256`, `_row` and `_supersedes`."""

_FORMS: Final = {
    Kind.ID: "id of its issuer",
    Kind.PERSON: "12 digits or `<issuer>:<id>`",
    Kind.ORGANISATION: "10 digits, `<COUNTRY>:<id>` or a sole trader's 12",
    Kind.PARTY: "person or organisation",
    Kind.ACCOUNT: "IBAN, `BG:`, `PG:` or `<clearing>-<number>`",
    Kind.DATE: "`YYYY-MM-DD`",
    Kind.TIMESTAMP: "`YYYY-MM-DDThh:mm`, Stockholm unless it has an offset",
    Kind.MONEY: "number, at most 4 decimals",
    Kind.DECIMAL: "number, at most 6 decimals",
    Kind.COUNTRY: "ISO 3166 alpha-2",
    Kind.CURRENCY: "ISO 4217",
    Kind.BOOLEAN: "`true` or `false`",
}


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield ""
    yield f"Dropped on sight: {', '.join(f'`{name}`' for name in sorted(DROPPED_COLUMNS))}."
    yield ""
    yield "Retention, in months, until the municipality decides: " + ", ".join(
        f"{name.value} {months}" for name, months in RETENTION_MONTHS.items()
    )
    for table in TABLES.values():
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.name}", "", f"{table.means} Retention: {table.retention.value}.")
    if table.after:
        pairs = ", ".join(f"`{early}` ≤ `{late}`" for early, late in table.after)
        yield f"Order: {pairs}."
    yield from ("", "| column | form | rules |", "| --- | --- | --- |")
    for column in table.columns:
        name = f"**{column.name}**" if column.key else column.name
        yield f"| {name}{'' if column.required else '?'} | {_form(column)} | {_rules(column)} |"


def _form(column: Column) -> str:
    if column.values:
        return ", ".join(f"`{value}`" for value in column.values)
    return _FORMS.get(column.kind, column.kind.value)


def _rules(column: Column) -> str:
    rules = []
    if column.low is not None:
        rules.append(f"{column.low} to {column.high}" if column.high is not None else "not below 0")
    if column.default is not None:
        rules.append(f"empty means `{column.default}`")
    if column.keeps_until_said:
        rules.append("lowered only by an explicit value")
    if column.kind_column is not None:
        rules.append(f"kind by `{column.kind_column}`")
    if column.refers_to is not None:
        rules.append(f"→ {'.'.join(column.refers_to)}")
    if column.masking is not Masking.NONE:
        rules.append(f"masked as {column.masking.value}")
    return "; ".join(rules)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
