"""Whether somebody's identity is protected, by the registers as they stand or by the last run."""

from __future__ import annotations

from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.evidence.subject.rows import Person
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.run_file import RunFolder

_TABLE: Final = "persons"


def is_protected(home: Home, person: Person) -> bool:
    """So is whoever is likely the same person under another number, or the person's firm."""
    lake, asked = Lake(home), {"number": person.number}
    with Engine() as engine:
        lake.open_table(engine, _TABLE, lake.visible_batches(), "known_now")
        now = engine.value(
            "SELECT count(*) FROM known_now WHERE person_id = $number AND protection <> 'none'",
            asked,
        )
    run = RunFolder(home).current()
    if now or run is None:
        return bool(now)
    with run.open() as engine:
        found = engine.value(
            "SELECT count(*) FROM scope_nodes WHERE len(protectors) > 0 "
            "AND node_id IN ('person:' || $number, 'organisation:' || $number)",
            asked,
        )
    return bool(found)
