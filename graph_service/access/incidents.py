"""Incidents (otillåten påverkan) as the lake knows them, for the role security alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service.access.rows import Mask, Stored
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.records import TABLES
from graph_service.run_file import RunFile

_LISTED: Final = Path(__file__).with_name("incidents.sql").read_text(encoding="utf-8")
_TABLE: Final = "incidents"
_KNOWN: Final = "known_now"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: its columns, masked, and its place in the list (day, digest of its id)."""

    columns: Mapping[str, Any]
    place: tuple[date, str]


def incidents(
    home: Home,
    seen: RunFile,
    *,
    clear: Collection[str] = frozenset(),
    after: tuple[date, str] | None = None,
    limit: int,
) -> list[Incident]:
    """The first `limit` incidents after a place, the latest first; none where none is loaded.

    Persons stand there by reference, null where the sight does not show them; in clear, and the
    note with them, where `clear` holds everybody named.
    """
    lake = Lake(home)
    day, place = after or (None, None)
    with Engine() as engine:
        if not lake.open_table(engine, _TABLE, lake.visible_batches(), _KNOWN):
            return []
        asked = {"after_day": day, "after_place": place, "limit": limit}
        found = engine.rows(_LISTED, asked)
    stored = [Stored(TABLES[_TABLE], row["_batch"], row, known=True) for row in found]
    mask = Mask(home, seen, stored, frozenset(clear))
    return [
        Incident(mask.columns(one), (row["occurred_on"], row["place"]))
        for one, row in zip(stored, found, strict=True)
    ]
