"""Detectors asked of Neo4j: a room's find.cypher, put to one publish of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

from neo4j.time import Date

from graph_service.errors import DeclarationError
from graph_service.room import Room, Row, Value

#: Runs one statement and returns its rows: text, parameters, the name for its tag.
Read: TypeAlias = Callable[[str, Mapping[str, Any], str], list[dict[str, Any]]]

_MONEY: Final = ("exposure_lower", "exposure_upper")


class NetworkQueries:
    """Asks find.cypher of the elements that publish `number` shows. A `detector.Ask`."""

    def __init__(self, read: Read, number: int) -> None:
        self._read = read
        self._number = number

    def __call__(self, room: Room, given: Mapping[str, Value | date]) -> list[Row]:
        """Rows as find.sql has them, with citations where that one has files and rows."""
        if room.network_query is None:
            raise DeclarationError(f"Room {room.name} has no find.cypher; ask its find.sql.")
        asked = {name: value for name, value in given.items() if name in room.network_parameters}
        rows = self._read(room.network_query, {**asked, "run": self._number}, room.name)
        return [_row(row) for row in rows]


def _row(row: Mapping[str, Any]) -> Row:
    plain = {name: _plain(value) for name, value in row.items()}
    for name in _MONEY:
        if isinstance(plain.get(name), float):
            # The shortest decimal that the float stands for: money is told to four decimals.
            plain[name] = Decimal(repr(plain[name]))
    return plain


def _plain(value: Any) -> Any:
    """Dates as Python's own, at any depth."""
    if isinstance(value, Date):
        return value.to_native()
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value
