"""Lays each relationship beside both its ends in a run file, so that look-ups need no scan."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine

ADJACENCY: Final = Path(__file__).with_name("adjacency.sql")
#: What look-ups find rows by.
_INDEXED: Final = (
    ("nodes", "node_id"),
    ("nodes", "number"),
    ("edges", "number"),
    ("spokes", "node"),
    ("adjacency", "spoke"),
)


def lay(engine: Engine) -> None:
    """Number `nodes` and `edges`, add `adjacency` and `spokes`, once they are whole, links and all.

    An index must fit in memory and cannot spill; one that does not fit is left out, and
    look-ups on this run take longer.
    """
    engine.script(ADJACENCY)
    for table, column in _INDEXED:
        with suppress(Engine.out_of_memory):
            engine.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
