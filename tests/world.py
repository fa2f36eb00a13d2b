"""Small worlds for tests: record rows as a canonical file gives them, typed, in an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from graph_service.engines.duckdb import Engine
from graph_service.records import PROVENANCE, TABLES, Column, Kind, Table

STOCKHOLM = ZoneInfo("Europe/Stockholm")

#: A world: table -> rows of text values (other plain values are written as text first).
World = Mapping[str, Sequence[Mapping[str, Any]]]

#: The file that every row of a world claims to stand in, one for each table.
FILE_SHA256 = "5eed" * 16

_FIRST_ROW = 2  # row 1 of a file is its header
_ORIGIN = {
    "_batch": "batch-1",
    "_file": "1",
    "_file_sha256": FILE_SHA256,
    "_supersedes": "false",
}


def world(engine: Engine, given: World, *, schema: str = "known") -> None:
    """Create every table of the contract in `schema`, typed as stored, holding the given rows.

    A missing column takes the default of the contract. Timestamps without an offset are
    Stockholm local time, the first of a repeated hour, as the loaders read them. `_row` counts
    from 2 in each table.
    """
    unknown = sorted(set(given) - set(TABLES))
    if unknown:
        raise ValueError(f"no such table in the contract: {', '.join(unknown)}")
    engine.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    for table in TABLES.values():
        _create(engine, schema, table, given.get(table.name, ()))


def _create(engine: Engine, schema: str, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = [(column.name, column.stored_type) for column in table.columns]
    declared = ", ".join(f'"{name}" {kind}' for name, kind in (*columns, *PROVENANCE))
    engine.execute(f'CREATE OR REPLACE TABLE "{schema}"."{table.name}" ({declared})')
    marks = ", ".join(f"CAST(? AS {kind})" for _, kind in (*columns, *PROVENANCE))
    for number, row in enumerate(rows, start=_FIRST_ROW):
        foreign = sorted(set(row) - set(table.names))
        if foreign:
            raise ValueError(f"{table.name} has no column {', '.join(foreign)}")
        values = [_value(column, row.get(column.name)) for column in table.columns]
        origin = {**_ORIGIN, "_row": str(number)}
        values += [origin[name] for name, _ in PROVENANCE]
        engine.execute(f'INSERT INTO "{schema}"."{table.name}" VALUES ({marks})', values)


def _value(column: Column, given: Any) -> str | None:
    if given is None or given == "":
        return column.default
    if isinstance(given, bool):
        return "true" if given else "false"
    return _utc(str(given)) if column.kind is Kind.TIMESTAMP else str(given)


def _utc(given: str) -> str:
    moment = datetime.fromisoformat(given)
    if moment.tzinfo is None:  # fold=0: the first of a repeated hour
        moment = moment.replace(tzinfo=STOCKHOLM)
    return moment.astimezone(UTC).isoformat()
