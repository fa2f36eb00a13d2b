"""The records behind a finding, as a reach may see them: back to file and row, persons masked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from graph_service.access.scope import kinds_named
from graph_service.engines.duckdb import Engine
from graph_service.errors import NotThere
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.receipt import Receipt
from graph_service.records import TABLES, Column, Masking, Table
from graph_service.run_file import RunFile, RunFolder
from graph_service.stores.search import names_somebody

#: Rows that one page may hold.
PAGE: Final = 200

_FOLDER: Final = Path(__file__).parent
_CITED: Final = (_FOLDER / "rows_cited.sql").read_text(encoding="utf-8")
_WHO: Final = (_FOLDER / "rows_who.sql").read_text(encoding="utf-8")
_SEEN: Final = (_FOLDER / "rows_seen.sql").read_text(encoding="utf-8")
_STORED: Final = (_FOLDER / "rows_stored.sql").read_text(encoding="utf-8")
_KNOWN: Final = "known_now"
#: What tells who somebody is or where; a firm's name too, where the firm is a person.
_TELLING: Final = frozenset({Masking.NAME, Masking.ADDRESS, Masking.CONTACT})
_NAME_OF_A_FIRM: Final = ("organisations", "name")


class Standing(StrEnum):
    """What has become of a row since the run read it."""

    STANDS = "stands"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class CitedRow:
    """One row of evidence: where it came from, and what it says, masked.

    `columns` is None where the row is erased. A person stands there by reference, or in clear
    where the case shows it; what else would tell who it is is null until the case shows everybody
    that the row names.
    """

    table: str
    key: Mapping[str, Any]
    file_sha256: str
    row: int
    file: str | None
    batch: str | None
    loaded_at: datetime | None
    loader: str | None
    loader_version: str | None
    standing: Standing
    columns: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class CitedRows:
    """A page of a finding's rows, in the finding's order; `total` of all of them."""

    finding_id: str
    rows: tuple[CitedRow, ...]
    total: int


def rows_of(
    home: Home,
    seen: RunFile,
    finding_id: str,
    *,
    clear: Collection[str] = frozenset(),
    offset: int = 0,
    limit: int = PAGE,
) -> CitedRows:
    """Rows of a finding of a sight, from the lake; `clear` holds references shown in clear.

    Raises NotThere for a finding that the sight does not have.
    """
    with seen.open() as engine:
        found = engine.rows(
            _CITED, {"finding_id": finding_id, "offset": offset, "limit": min(limit, PAGE)}
        )
    if not found:
        raise NotThere("There is no such finding in the current run, or it is not for you to see.")
    cited = [row for row in found if row["table"] is not None]
    stored = _stored(home, cited)
    mask = Mask(home, seen, stored.values(), frozenset(clear))
    receipts = _receipts(home)
    return CitedRows(
        finding_id,
        tuple(_row(row, stored.get(_place(row)), receipts, mask) for row in cited),
        found[0]["total"],
    )


def told_rows(
    home: Home,
    seen: RunFile,
    places: Sequence[tuple[str, str, int]],
    clear: Collection[str] = frozenset(),
) -> list[tuple[CitedRow, Stored | None]]:
    """Rows at places (table, file_sha256, row) of the lake, in their order, as a sight may tell
    them, beside what is stored; None where that is erased.
    """
    cited = [
        {"table": table, "file_sha256": sha256, "row": row, "key": "{}"}
        for table, sha256, row in places
    ]
    stored = _stored(home, cited)
    mask = Mask(home, seen, stored.values(), frozenset(clear))
    receipts = _receipts(home)
    found = [stored.get(_place(row)) for row in cited]
    return [(_row(row, told, receipts, mask), told) for row, told in zip(cited, found, strict=True)]


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as the lake has it, and whether it is known now."""

    table: Table
    batch: str
    values: Mapping[str, Any]
    known: bool


def _place(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return row["table"], row["file_sha256"], row["row"]


def _stored(home: Home, cited: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, int], Stored]:
    """The cited rows that the lake still has, those of withdrawn batches too."""
    lake = Lake(home)
    receipts = lake.receipts()
    visible = lake.visible_batches()
    found: dict[tuple[str, str, int], Stored] = {}
    with Engine() as engine:
        for name in sorted({row["table"] for row in cited}):
            places = [_place(row)[1:] for row in cited if row["table"] == name]
            files, rows = [file for file, _ in places], [row for _, row in places]
            batches = {r.batch for r in receipts if r.table == name and r.file_sha256 in files}
            parts = lake.files(name, batches)
            if not parts:
                continue
            lake.open_table(engine, name, visible, _KNOWN)
            for row in engine.rows(_STORED, {"parts": parts, "files": files, "rows": rows}):
                at = (name, row["_file_sha256"], row["_row"])
                found[at] = Stored(TABLES[name], row["_batch"], row, row["known"])
    return found


def _receipts(home: Home) -> dict[tuple[str, str, str], tuple[Receipt, bool]]:
    """Receipts by batch, table and file, and whether the batch was withdrawn."""
    lake = Lake(home)
    withdrawn = lake.withdrawn()
    return {
        (told.batch, told.table, told.file_sha256): (told, told.batch in withdrawn)
        for told in lake.receipts()
        if told.table is not None and told.file_sha256 is not None
    }


def _row(
    cited: Mapping[str, Any],
    stored: Stored | None,
    receipts: Mapping[tuple[str, str, str], tuple[Receipt, bool]],
    mask: Mask,
) -> CitedRow:
    table, file_sha256, row = _place(cited)
    columns = None if stored is None else mask.columns(stored)
    key = (
        json.loads(cited["key"])
        if stored is None or columns is None
        else {name: columns[name] for name in stored.table.key}
    )
    if stored is None:
        told = [each for at, each in receipts.items() if at[1:] == (table, file_sha256)]
        receipt, withdrawn = told[0] if told else (None, False)
    else:
        receipt, withdrawn = receipts.get((stored.batch, table, file_sha256), (None, False))
    return CitedRow(
        table=table,
        key=key,
        file_sha256=file_sha256,
        row=row,
        file=None if receipt is None else receipt.file,
        batch=None if receipt is None else receipt.batch,
        loaded_at=None if receipt is None else receipt.loaded_at,
        loader=None if receipt is None else receipt.loader,
        loader_version=None if receipt is None else receipt.loader_version,
        standing=_standing(stored, withdrawn),
        columns=columns,
    )


def _standing(stored: Stored | None, withdrawn: bool) -> Standing:
    if stored is None:
        return Standing.ERASED
    if withdrawn:
        return Standing.WITHDRAWN
    return Standing.STANDS if stored.known else Standing.SUPERSEDED


class Mask:
    """Says each row of a page as a sight may: who is named in them is looked up once."""

    def __init__(
        self, home: Home, seen: RunFile, rows: Collection[Stored], clear: frozenset[str]
    ) -> None:
        self._clear = clear
        named = sorted({node_id for row in rows for node_id in _nodes(row)})
        with RunFolder(home).named(seen.run_id).open() as engine:
            who = engine.rows(_WHO, {"nodes": named})
        with seen.open() as engine:
            refs = engine.rows(_SEEN, {"nodes": [row["ref"] for row in who]})
        shown = {row["node_id"] for row in refs}
        self._who = {row["node_id"]: row for row in who}
        self._shown = {node_id for node_id, row in self._who.items() if row["ref"] in shown}

    def columns(self, row: Stored) -> dict[str, Any]:
        """The row's columns as JSON says them."""
        persons = [who for node_id in _nodes(row) if (who := self._who.get(node_id)) and who["who"]]
        told = all(who["ref"] in self._clear for who in persons)
        return {
            column.name: None
            if (value := row.values[column.name]) is None
            else self._value(row, column, value, told=told, named=bool(persons))
            for column in row.table.columns
        }

    def _value(self, row: Stored, column: Column, value: Any, *, told: bool, named: bool) -> Any:
        kinds = _naming(row.table.name).get(column.name)
        if kinds:
            return self._identifier(kinds, str(value))
        if (row.table.name, column.name) == _NAME_OF_A_FIRM or column.masking in _TELLING:
            return _plain(value) if told else None
        if column.masking is not Masking.NONE:
            return _plain(value) if told and named else None
        if isinstance(value, str) and names_somebody(value) and not (told and named):
            return None
        return _plain(value)

    def _identifier(self, kinds: Sequence[str], value: str) -> str | None:
        """In clear where that is allowed, else a reference; null for what the sight has not."""
        of_kinds = [f"{kind}:{value}" for kind in kinds]
        for node_id in of_kinds:
            if node_id in self._shown:
                ref: str = self._who[node_id]["ref"]
                return value if ref in self._clear or not self._who[node_id]["personal"] else ref
        return None


def _nodes(row: Stored) -> Iterator[str]:
    """The node_ids that a row's identifiers may stand for."""
    for name, kinds in _naming(row.table.name).items():
        value = row.values[name]
        if value is not None:
            yield from (f"{kind}:{value}" for kind in kinds)


@cache
def _naming(table: str) -> Mapping[str, tuple[str, ...]]:
    """The columns of a table that name entities, and of which kinds."""
    named = ((column.name, kinds_named(column)) for column in TABLES[table].columns)
    return {name: kinds for name, kinds in named if kinds}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
