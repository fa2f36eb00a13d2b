"""Listings on standard output: a table for people, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


#: The option that every listing takes.
FORMAT: Final = click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.TABLE.value,
    callback=lambda _context, _option, form: Format(form),
    help="How the listing is printed.",
)


def emit(rows: Iterable[Mapping[str, Any]], form: Format, *, columns: tuple[str, ...] = ()) -> None:
    """Print rows to standard output. `columns` picks and orders what the table shows.

    An empty listing prints nothing, in every format.
    """
    if form is Format.JSONL:
        for row in rows:
            print(as_json(row))
    elif form is Format.CSV:
        _emit_csv(rows)
    else:
        _emit_table(rows, columns)


def as_json(row: Mapping[str, Any]) -> str:
    """One JSON object on one line; dates as ISO text, exact decimals as numbers."""
    return json.dumps(row, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    if isinstance(value, Decimal | date):
        return str(_plain(value))
    return str(value)


def _emit_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])


def _emit_table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    table: Table | None = None
    for row in rows:
        names = columns or tuple(row)
        if table is None:
            table = Table(box=None, header_style="bold", pad_edge=False)
            for name in names:
                table.add_column(name, overflow="fold")
        table.add_row(*(_cell(row.get(name)) for name in names))
    if table is not None:
        console = Console(file=sys.stdout, highlight=False, markup=False)
        if not console.is_terminal:
            console = Console(file=sys.stdout, highlight=False, markup=False, width=200)
        console.print(table)
