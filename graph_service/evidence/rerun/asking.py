"""Rooms put to packaged rows: the same when a package is made and when it is verified."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from graph_service import as_of as views
from graph_service.counted import as_line
from graph_service.detector import ask_room, conclude
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.engines.macros import MACROS
from graph_service.errors import GraphServiceError
from graph_service.evidence.rerun.support import reads_graph
from graph_service.graph.derive import derive
from graph_service.records import TABLES
from graph_service.room import Room, Value


def show(engine: Engine, as_of: date, rooms: Collection[Room]) -> None:
    """Show the rows of the engine as a run shows the records; the graph if a room reads it."""
    engine.script(MACROS)
    views.open_views(engine, as_of)
    if any(map(reads_graph, rooms)):
        derive(engine)


def given(
    engine: Engine, room: Room, thresholds: Mapping[str, Value], as_of: date
) -> list[dict[str, Any]]:
    """What a hard room gives over the rows of the engine; nothing where they are too few for it."""
    try:
        asked = ask_room(engine, room, {**thresholds, "as_of": as_of})
        return [found.as_json() for found in conclude(room, asked, thresholds)]
    except (GraphServiceError, Engine.failure, LookupError, TypeError, ValueError):
        return []  # a refinement may look for a row that is not among them


def stands_on(engine: Engine) -> dict[str, tuple[int, str]]:
    """How many of the rows that each finding cites are packaged, and a digest over them."""
    told: dict[str, list[str]] = {}
    for table in TABLES.values():
        names = ", ".join(f"told.{quoted(name)}" for name in table.names)
        query = (
            f"SELECT cited.finding_id, {names}, _file_sha256, _row "
            f"FROM known.{quoted(table.name)} AS told JOIN cited "
            'ON cited.file_sha256 = told._file_sha256 AND cited."row" = told._row '
            'WHERE cited."table" = $table ORDER BY ALL'
        )
        for row in engine.stream(query, {"table": table.name}):
            finding_id = row.pop("finding_id")
            told.setdefault(finding_id, []).append(as_line({"table": table.name} | row))
    return {finding_id: (len(lines), digest_of(lines)) for finding_id, lines in told.items()}


def digest_of(lines: Iterable[str]) -> str:
    """SHA-256 over lines of text."""
    sha256 = hashlib.sha256()
    for line in lines:
        sha256.update(line.encode() + b"\n")
    return sha256.hexdigest()
