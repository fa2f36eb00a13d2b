"""What a mapping makes of rows of text, carried out by the real engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from loaders.mapping import Mapping

DELIVERED = date(2026, 11, 1)


def read_mapping(folder: Path, text: str, name: str = "some_source.toml") -> Mapping:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return Mapping.read(path)


def relation(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """A relation of text columns and `_row`, which counts from 2 as a spreadsheet does."""
    lines = ", ".join(
        f"({number}, {', '.join('NULL' if cell is None else literal(cell) for cell in row)})"
        for number, row in enumerate(rows, start=2)
    )
    names = ", ".join(quoted(name) for name in ("_row", *header))
    types = ", ".join(f"{quoted(name)}::VARCHAR AS {quoted(name)}" for name in header)
    return f"(SELECT _row, {types} FROM (VALUES {lines}) AS given({names}))"


def mapped(
    engine: Engine,
    mapping: Mapping,
    header: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    *,
    table: str = "visits",
    today: date = DELIVERED,
) -> list[dict[str, Any]]:
    sql = mapping.select(table, header, relation(header, rows), today=today)
    return engine.rows(f"SELECT * FROM ({sql}) ORDER BY _row")
