"""Detectors asked of Neo4j: a room's find.cypher, put to one publish of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from graph_service.errors import DeclarationError
from graph_service.room import Room, Row, Value
from graph_service.stores.neo4j.connection import Connection

_MONEY: Final = ("exposure_lower", "exposure_upper")
#: A claim is asked of the whole graph, not of one neighbourhood.
_SECONDS: Final = 600.0


class NetworkQueries:
    """Asks find.cypher of the elements that publish `number` shows. A `detector.Ask`."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    def __call__(self, room: Room, given: Mapping[str, Value | date]) -> list[Row]:
        """Rows as find.sql has them, with citations where that one has files and rows."""
        if room.network_query is None:
            raise DeclarationError(f"Room {room.name} has no find.cypher; ask its find.sql.")
        asked: dict[str, Any] = {
            name: value for name, value in given.items() if name in room.network_parameters
        }
        asked["run"] = self._number
        found = self._connection.read(
            room.network_query, asked, room.name, purpose="run", seconds=_SECONDS
        )
        return [_with_exact_money(row) for row in found]


def _with_exact_money(row: Row) -> Row:
    """Money is told to four decimals: the shortest decimal that the float stands for."""
    money = {name: row[name] for name in _MONEY if isinstance(row.get(name), float)}
    return row | {name: Decimal(repr(value)) for name, value in money.items()}
