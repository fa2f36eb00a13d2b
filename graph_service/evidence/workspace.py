"""Where a package is put together: an engine that holds only what the recipient may be given.

Rows come in by their place in the lake, are masked on the way, and stand in `known.<table>` with
the contract's columns and where they came from: the shape in which a run meets the records, so
that rooms run on them unchanged. Beside them:

taken      "table", file_sha256, row, and where it came from: file, batch, loaded_at, loader,
           loader_version, standing; `masked` names the columns that the recipient is not told
cited      finding_id, "table", file_sha256, row: the rows on which a finding stands, if packaged
support    the same shape: further rows that a room needs to find it again
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar

from graph_service.access.rows import CitedRow, Stored, told_rows
from graph_service.access.scope import kinds_named
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted, stored_columns
from graph_service.evidence.recipients import Recipient
from graph_service.home import Home
from graph_service.records import TABLES, Kind, Masking, Table
from graph_service.run_file import RunFile
from graph_service.stores.search import names_somebody

Item = TypeVar("Item")

#: Rows that are masked at a time; memory does not grow with their number.
_AT_A_TIME: Final = 2_000
_LETTERS: Final = 26
_NAMES_SOMEBODY: Final = frozenset({Kind.PERSON, Kind.PARTY})
_TAKEN: Final = {
    "table": "VARCHAR",
    "file_sha256": "VARCHAR",
    "row": "BIGINT",
    "file": "VARCHAR",
    "batch": "VARCHAR",
    "loaded_at": "TIMESTAMP WITH TIME ZONE",
    "loader": "VARCHAR",
    "loader_version": "VARCHAR",
    "standing": "VARCHAR",
    "masked": "VARCHAR[]",
}


class Place(NamedTuple):
    """Where a row of the lake came from."""

    table: str
    file_sha256: str
    row: int


class Withheld(NamedTuple):
    """Rows of a table that the recipient is not given, and why.

    `protected`: names somebody whose identity is protected, or who is outside the reach;
    `not_needed`: the recipient needs no row of this table; `erased`: the lake has it no more.
    """

    table: str
    why: str
    rows: int


class Workspace:
    """The engine of one package under way."""

    def __init__(
        self,
        home: Home,
        seen: RunFile,
        engine: Engine,
        clear: Collection[str],
        recipient: Recipient,
    ) -> None:
        self.engine = engine
        self.recipient = recipient
        self._home, self._seen, self._clear = home, seen, frozenset(clear)
        self._taken: set[Place] = set()
        self._cited: set[Place] = set()
        self._withheld: dict[Place, str] = {}
        #: What stands in for a row's own id, by that id.
        self.stand_ins: dict[str, str] = {}
        engine.execute("CREATE SCHEMA IF NOT EXISTS known")
        for table in TABLES.values():
            _create(engine, f"known.{quoted(table.name)}", dict(stored_columns(table)))
        _create(engine, "taken", _TAKEN)
        for name in ("cited", "support"):
            place = dict(list(_TAKEN.items())[:3])
            _create(engine, name, {"finding_id": "VARCHAR", **place})

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What was left out of the rows on which the findings stand, by table and reason."""
        counted = Counter(
            (place.table, why) for place, why in self._withheld.items() if place in self._cited
        )
        return tuple(Withheld(table, why, rows) for (table, why), rows in sorted(counted.items()))

    def cite(self, finding_id: str, places: Iterable[Place]) -> None:
        """Take the rows on which a finding stands, and note which it is that stands on them."""
        cited = list(places)
        self._cited.update(cited)
        self._note("cited", finding_id, self.take(cited))

    def support(self, finding_id: str, places: Iterable[Place]) -> None:
        """Take further rows that the room of a finding needs to find it again."""
        self._note("support", finding_id, self.take(places))

    def release(self, finding_id: str) -> None:
        """Give back the supporting rows of a finding that they did not help to find again."""
        self.engine.execute(
            "DELETE FROM support WHERE finding_id = $finding_id", {"finding_id": finding_id}
        )
        idle = self.engine.rows(
            'SELECT "table", file_sha256, "row" FROM taken '
            "EXCEPT (SELECT * EXCLUDE (finding_id) FROM cited "
            "UNION ALL SELECT * EXCLUDE (finding_id) FROM support)"
        )
        places = [Place(**place) for place in idle]
        self._taken.difference_update(places)
        for name in sorted({place.table for place in places}):
            at = [f"{place.file_sha256}:{place.row}" for place in places if place.table == name]
            for table, of_table in ((f"known.{quoted(name)}", "_"), ("taken", "")):
                where = f"list_contains($at, {of_table}file_sha256 || ':' || {of_table}row)"
                where += "" if of_table else f' AND "table" = {literal(name)}'
                self.engine.execute(f"DELETE FROM {table} WHERE {where}", {"at": at})

    def take(self, places: Iterable[Place]) -> list[Place]:
        """Bring rows in, masked: those that may go along, once each, which are returned."""
        asked = list(dict.fromkeys(places))
        new = [place for place in asked if place not in self._taken]
        needed = [place for place in new if place.table in self.recipient.tables]
        for place in new:
            if place.table not in self.recipient.tables:
                self._withheld[place] = "not_needed"
        for some in _parts(needed):
            self._take(some)
        return [place for place in asked if place in self._taken]

    def _take(self, places: Sequence[Place]) -> None:
        told = list(told_rows(self._home, self._seen, places, self._clear))
        found: dict[str, list[dict[str, Any]]] = {}
        taken = []
        for place, (row, stored) in zip(places, told, strict=True):
            values = None if stored is None else self._values(row, stored)
            if stored is None or values is None:
                self._withheld[place] = "erased" if stored is None else "protected"
                continue
            found.setdefault(place.table, []).append(values)
            self._taken.add(place)
            masked = [
                column.name
                for column in stored.table.columns
                if stored.values[column.name] is not None
                and values[column.name] != stored.values[column.name]
            ]
            taken.append(_origin(row) | {"masked": masked})
        for name, rows in found.items():
            columns = dict(stored_columns(TABLES[name]))
            insert(self.engine, f"known.{quoted(name)}", columns, rows)
        insert(self.engine, "taken", _TAKEN, taken)

    def _values(self, row: CitedRow, stored: Stored) -> dict[str, Any] | None:
        """A row as stored, but for what is masked; None where it names who may not be seen."""
        columns = row.columns or {}
        values = dict(stored.values)
        for column in stored.table.columns:
            value, told = stored.values[column.name], columns[column.name]
            if value is None:
                continue
            if column.kind in _NAMES_SOMEBODY and told is None:
                return None
            if told is None and column.kind is Kind.ID and column.masking is Masking.NONE:
                values[column.name] = self._stand_in(column.name, str(value))
            elif told is None or kinds_named(column):
                values[column.name] = told
            elif column.masking is Masking.FREE_TEXT and not self.recipient.free_text:
                values[column.name] = None
        return values

    def _stand_in(self, name: str, value: str) -> str:
        """What a row's own id is called where a personal number may be read in it.

        The same throughout the home, so that rows that name each other still do.
        """
        message = f"stand-in:{name}:{value}".encode()
        digest = hmac.digest(self._home.reference_key(), message, hashlib.sha256)
        letters = base64.b32encode(digest).decode().lower()[:_LETTERS]
        return self.stand_ins.setdefault(value, f"{name.removesuffix('_id')}-{letters}")

    def keys(self) -> dict[Place, dict[str, Any]]:
        """The key of each packaged row as the package tells it, parts as JSON says them."""
        found: dict[Place, dict[str, Any]] = {}
        for table in TABLES.values():
            names = ", ".join(quoted(name) for name in table.key)
            for row in self.engine.stream(
                f"SELECT {names}, _file_sha256, _row FROM known.{quoted(table.name)}"
            ):
                place = Place(table.name, row["_file_sha256"], row["_row"])
                found[place] = {name: _json(row[name]) for name in table.key}
        return found

    def _note(self, table: str, finding_id: str, places: Iterable[Place]) -> None:
        columns = {"finding_id": "VARCHAR", **dict(list(_TAKEN.items())[:3])}
        insert(
            self.engine,
            table,
            columns,
            [{"finding_id": finding_id, **place._asdict()} for place in places],
        )


def insert(
    engine: Engine, table: str, columns: Mapping[str, str], rows: Collection[Mapping[str, Any]]
) -> None:
    """Append rows by column name, each value as its type reads it from text."""
    as_text = json.dumps({name: _text_type(kind) for name, kind in columns.items()})
    typed = ", ".join(f"CAST({quoted(name)} AS {kind})" for name, kind in columns.items())
    for some in _parts(list(rows)):
        lines = [json.dumps({name: _text(row[name]) for name in columns}) for row in some]
        engine.execute(
            f"INSERT INTO {table} SELECT {typed} FROM (SELECT unnest("
            "json_transform_strict(line, $structure)) FROM (SELECT unnest($lines) AS line))",
            {"structure": as_text, "lines": lines},
        )


def _create(engine: Engine, table: str, columns: Mapping[str, str]) -> None:
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE OR REPLACE TABLE {table} ({declared})")


def _origin(row: CitedRow) -> dict[str, Any]:
    names = ("table", "file_sha256", "row", "batch", "loaded_at", "loader")
    told = {name: getattr(row, name) for name in (*names, "loader_version", "standing")}
    return told | {"file": None if row.file is None else file_name(row.file, row.file_sha256)}


def file_name(file: str, sha256: str) -> str:
    """A file may be called by somebody's number: then it is called by its own hash."""
    return sha256[:8] if names_somebody(file) else file


def _text_type(kind: str) -> Any:
    return ["VARCHAR"] if kind.endswith("[]") else "VARCHAR"


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _text(value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _AT_A_TIME):
        yield items[start : start + _AT_A_TIME]


def rows_in(engine: Engine, table: Table) -> Iterator[dict[str, Any]]:
    """The packaged rows of a table, in the order of their files and rows."""
    return engine.stream(f"FROM known.{quoted(table.name)} ORDER BY _file_sha256, _row")
