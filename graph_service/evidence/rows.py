"""The packaged rows as CSV, one file a table, and back again to records that a room can be put to.

RFC 4180 in UTF-8, with a header. A value stands in quotes; a field without quotes is empty, since
nothing is told (null), and one of quotes alone is an empty text. `rows.json` says what each
column means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted, stored_columns
from graph_service.errors import EvidenceError
from graph_service.evidence import package
from graph_service.evidence.material import Material
from graph_service.records import TABLES, Column, Kind, Table
from graph_service.texts import both, keys

#: Where each row came from and what it is for, beside the columns of its table.
ORIGIN: Final = keys("evidence_rows")
_UNITS: Final = {
    Kind.MONEY: "SEK",
    Kind.DATE: "YYYY-MM-DD, Europe/Stockholm",
    Kind.TIMESTAMP: "YYYY-MM-DDThh:mm:ss+00:00",
    Kind.BOOLEAN: "true, false",
}
_NULL: Final = "an empty field without quotes; a field of quotes alone is an empty text"
_FOLDER: Final = Path(package.ROWS).relative_to(package.DATA)
_SCHEMA: Final = Path(package.ROWS_SCHEMA).name
_LINE: Final = 1 << 20  # bytes that a line may have


def write(material: Material, root: Path) -> None:
    """Write the tables that have rows, by file and row, and `rows.json`, below `root`."""
    (root / package.ROWS).mkdir(parents=True, exist_ok=True)
    told = {}
    for table in TABLES.values():
        lines = [_line(row) for row in _told(material.engine, table)]
        if lines:
            path = root / package.ROWS / f"{table.name}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines([_line(header(table)), *lines])
            told[table.name] = _meaning(table) | {"rows": len(lines)}
    schema = json.dumps({"null": _NULL, "tables": told}, ensure_ascii=False, indent=1)
    (root / package.ROWS_SCHEMA).write_text(f"{schema}\n", encoding="utf-8")


def header(table: Table) -> tuple[str, ...]:
    """The columns of a table's file: the contract's, then the row's origin."""
    return (*table.names, *ORIGIN)


def read(data: Path, engine: Engine) -> None:
    """Make `known.<table>` and `cited` again from the `data` folder of a package.

    Every table of the contract is there, those without rows empty; `_file` and `_supersedes`, by
    which the lake tells versions of a row apart, say nothing. Raises EvidenceError, naming the
    file, for what is not as `write` makes it.
    """
    engine.execute("CREATE SCHEMA IF NOT EXISTS known")
    for table in TABLES.values():
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in stored_columns(table))
        engine.execute(f"CREATE OR REPLACE TABLE known.{quoted(table.name)} ({declared})")
    engine.execute(
        "CREATE OR REPLACE TABLE cited "
        '(finding_id VARCHAR, "table" VARCHAR, file_sha256 VARCHAR, "row" BIGINT)'
    )
    for path in sorted((data / _FOLDER).glob("*")):
        if path.name == _SCHEMA:
            continue
        if path.suffix != ".csv" or path.stem not in TABLES:
            raise EvidenceError(f"{_FOLDER}/{path.name} is no table of the contract.")
        _read(engine, TABLES[path.stem], path)


def _told(engine: Engine, table: Table) -> Iterator[Sequence[str | None]]:
    """The rows of a table in the order of their files, every value as text."""
    of_row = ("file_sha256", "row")
    here = " AND ".join(f"{quoted(name)} = taken.{quoted(name)}" for name in of_row)
    findings = (
        f"(SELECT list_sort(list(DISTINCT finding_id)) FROM {noted} "
        f'WHERE "table" = taken."table" AND {here}) AS {name}'
        for noted, name in zip(("cited", "support"), ORIGIN[-2:], strict=True)
    )
    columns = [f"told.{quoted(name)}" for name in table.names]
    columns += [f"taken.{quoted(name)}" for name in ORIGIN[:-2]]
    query = (
        f"SELECT {', '.join((*columns, *findings))} FROM known.{quoted(table.name)} AS told "
        'JOIN taken ON taken.file_sha256 = told._file_sha256 AND taken."row" = told._row '
        f'WHERE taken."table" = {literal(table.name)} ORDER BY told._file_sha256, told._row'
    )
    for row in engine.stream(query):
        yield [_text(value) for value in row.values()]


def _text(value: Any) -> str | None:
    if value is None or value == []:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _line(values: Iterable[str | None]) -> str:
    fields = ("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
    return ",".join(fields) + "\r\n"


def _meaning(table: Table) -> dict[str, Any]:
    origin = {name: {"type": "text", "means": both("evidence_rows", name)} for name in ORIGIN}
    return {
        "means": table.means,
        "key": list(table.key),
        "columns": {column.name: _column(column) for column in table.columns} | origin,
    }


def _column(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {"type": column.kind.value, "stored_as": column.stored_type}
    if column.kind in _UNITS:
        told["unit"] = _UNITS[column.kind]
    if column.values:
        told["values"] = list(column.values)
    if column.refers_to is not None:
        told["refers_to"] = ".".join(column.refers_to)
    return told


def _read(engine: Engine, table: Table, path: Path) -> None:
    name = f"{_FOLDER}/{path.name}"
    if not path.is_file() or path.is_symlink() or _header_line(path) != _line(header(table)):
        raise EvidenceError(f"{name} has other columns than the table {table.name}.")
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in header(table))
    stored = [f"CAST({quoted(column.name)} AS {column.stored_type})" for column in table.columns]
    provenance = ('batch, NULL, file_sha256, CAST("row" AS BIGINT), false',)
    try:
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE packaged AS FROM read_csv($path, header = true, "
            "auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
            f"allow_quoted_nulls = false, max_line_size = {_LINE}, columns = {{{columns}}})",
            {"path": str(path)},
        )
        engine.execute(
            f"INSERT INTO known.{quoted(table.name)} "
            f"SELECT {', '.join((*stored, *provenance))} FROM packaged"
        )
        engine.execute(
            "INSERT INTO cited SELECT unnest(string_split(cited_by, ' ')), "
            f'{literal(table.name)}, file_sha256, CAST("row" AS BIGINT) FROM packaged'
        )
    except engine.failure as error:
        raise EvidenceError(f"{name} cannot be read as rows of {table.name}.") from error


def _header_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.readline(_LINE)
