"""What the rooms of statistics and networks had counted: one table a room, kept in the run file.

Such a claim compares with a whole municipality, whose records nobody else may be given. Its
refinement can be run again all the same, on the rows that the query gave before it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graph_service.detector import Ask, Given, ask_room, asked_for
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.room import Room, Row, Strength

_AT_A_TIME: Final = 1_000


def is_counted(room: Room) -> bool:
    """Whether a room's findings are concluded from counts; hard ones stand on records alone."""
    return room.strength is not Strength.HARD


def table_of(room: Room) -> str:
    """The table of a run file that holds what a room had counted."""
    return f"counted_{room.name}"


def ask_and_keep(engine: Engine, room: Room, given: Given, ask: Ask | None = None) -> Iterable[Row]:
    """Ask a room's query; of a room that counts, its rows are kept in the engine's database."""
    return (keep if is_counted(room) else ask_room)(engine, room, given, ask)


def keep(engine: Engine, room: Room, given: Given, ask: Ask | None = None) -> Iterator[Row]:
    """Ask a room's query, keep its rows in the engine's database, and give them."""
    table = quoted(table_of(room))
    if ask is not None and room.network_query is not None:
        lay(
            engine, table_of(room), columns(engine, room, given), ask_room(engine, room, given, ask)
        )
    else:
        query = f"CREATE OR REPLACE TABLE {table} AS\n{room.query}"
        engine.execute(query, asked_for(room, given))
    yield from engine.stream(f"FROM {table}")


def columns(engine: Engine, room: Room, given: Given) -> dict[str, str]:
    """Name and SQL type of what a room's query returns over the views of the engine."""
    told = engine.rows(f"DESCRIBE\n{room.query}", asked_for(room, given))
    return {row["column_name"]: row["column_type"] for row in told}


def lay(
    engine: Engine, table: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Make a table of rows as Python or JSON says them: each value as its type reads its text."""
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE OR REPLACE TABLE {quoted(table)} ({declared})")
    lines = iter(as_line(row) for row in rows)
    while some := list(itertools.islice(lines, _AT_A_TIME)):
        engine.execute(
            f"INSERT INTO {quoted(table)} SELECT unnest(CAST(line AS STRUCT({declared}))) "
            "FROM (SELECT unnest(CAST($lines AS JSON[])) AS line)",
            {"lines": some},
        )


def as_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON; what JSON has no words for, dates and decimals, as text."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, default=str)
