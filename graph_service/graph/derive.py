"""Derives the tables `nodes` and `edges` from the records as of one day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from graph_service import identity
from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import MACROS
from graph_service.graph.declaration import (
    DERIVATIONS,
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    Property,
)

FOLDER: Final = Path(__file__).parent

#: The SQL that decides what the graph is, in the order in which it runs.
FILES: Final = tuple(FOLDER / f"{name}.sql" for name in DERIVATIONS)


def derive(engine: Engine, *, progress: Callable[[str], None] = lambda _: None) -> None:
    """Create `nodes` and `edges` in the engine's main schema from the record views there.

    `progress` is told the name of each step before it begins.
    """
    engine.script(MACROS)
    _create(engine, "new_nodes", NODE_COLUMNS[1:] + NODE_PROPERTIES)
    _create(engine, "new_edges", EDGE_COLUMNS[1:] + EDGE_PROPERTIES)
    progress("phones")
    _normalise_phones(engine)
    for path in FILES:
        progress(path.stem)
        engine.script(path)


def _create(engine: Engine, table: str, columns: tuple[Property, ...]) -> None:
    declared = ", ".join(f'"{column.name}" {column.type}' for column in columns)
    engine.execute(f'CREATE OR REPLACE TEMP TABLE "{table}" ({declared})')


def _normalise_phones(engine: Engine) -> None:
    """Numbering plans are known to a library, not to SQL: each distinct spelling goes once."""
    engine.execute("CREATE OR REPLACE TEMP TABLE phone_keys (given VARCHAR, phone VARCHAR)")
    given = engine.stream(
        "SELECT phone FROM organisations WHERE phone IS NOT NULL "
        "UNION SELECT phone FROM persons WHERE phone IS NOT NULL"
    )
    keys = [(row["phone"], identity.phone(row["phone"])) for row in given]
    engine.execute(
        "INSERT INTO phone_keys SELECT given, phone FROM "
        "(SELECT unnest($given) AS given, unnest($phones) AS phone) WHERE phone IS NOT NULL",
        {"given": [given for given, _ in keys], "phones": [phone for _, phone in keys]},
    )
