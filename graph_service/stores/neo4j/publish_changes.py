"""What a publish has to write and to close, as tables of the engine: runs compared in whole sets.

`Changes.graph` and then `.indicators` leave these behind, each for its part: `writing_nodes`,
`writing_edges`, and where there is a shown run `closing_nodes` and `closing_ends`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.errors import RunError
from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    Property,
)
from graph_service.stores.neo4j.schema import published_type

_FOLDER: Final = Path(__file__).parent
_SHOWN: Final = "shown_run"
_PLACES: Final = "node_id VARCHAR, place BIGINT"


class Changes:
    """The new run in `engine` beside the shown one; without a shown one all of it is new.

    Use it as long as the engine is open, for one publish.
    """

    def __init__(self, engine: Engine, shown: Path | None, *, same: bool = False) -> None:
        self._engine = engine
        self._coming = str(engine.value("SELECT current_database()"))
        self._shown = self._coming if same else _SHOWN
        self.whole = shown is None and not same
        engine.execute(f"CREATE OR REPLACE TEMP TABLE places ({_PLACES})")
        engine.execute("CREATE OR REPLACE TEMP TABLE closed (node_id VARCHAR)")
        if shown is not None and not same:
            engine.execute(f"ATTACH {literal(str(shown))} AS {_SHOWN} (READ_ONLY)")

    def graph(self) -> None:
        """Compare the tables `nodes` and `edges`."""
        self._view("coming", self._coming)
        if not self.whole:
            self._view("shown", self._shown)
        self._compare()

    def indicators(self) -> None:
        """Compare the findings and scores, as nodes and what they point at."""
        if not self.whole:
            self._indicators("shown", self._shown)
        self._indicators("coming", self._coming)
        self._compare()

    def lay(self) -> None:
        """Note in `laid_edges` what is to be written, once the places of all ends are known."""
        self._script("laid")

    def ends(self) -> None:
        """Note in `standing_ends` the nodes whose places are still to be found."""
        self._script("ends")

    def _compare(self) -> None:
        self._script("whole" if self.whole else "changes")

    def _view(self, when: str, database: str) -> None:
        for table, declared in (
            ("nodes", (*NODE_COLUMNS, *NODE_PROPERTIES)),
            ("edges", (*EDGE_COLUMNS, *EDGE_PROPERTIES)),
        ):
            try:
                self._engine.execute(
                    f"CREATE OR REPLACE TEMP VIEW {when}_{table} AS "
                    f"SELECT {_sent(declared)} FROM {quoted(database)}.main.{table}"
                )
            except Engine.failure as error:
                raise RunError(
                    "The run was made by an older version, without what the graph has now. "
                    "Make a new one with `graph-service run`."
                ) from error

    def _indicators(self, when: str, database: str) -> None:
        self._engine.execute(f"USE {quoted(database)}")
        try:
            self._script("indicators")
        finally:
            self._engine.execute(f"USE {quoted(self._coming)}")
        for table in ("nodes", "edges"):
            self._engine.execute(f"DROP VIEW IF EXISTS {when}_{table}")
            self._engine.execute(
                f"CREATE OR REPLACE TEMP TABLE {when}_{table} AS FROM indicator_{table}"
            )

    def _script(self, name: str) -> None:
        self._engine.script(_FOLDER / f"publish_{name}.sql")


def _sent(declared: Iterable[Property]) -> str:
    return ", ".join(
        f"CAST({quoted(each.name)} AS {published_type(each.type)}) AS {quoted(each.name)}"
        for each in declared
    )
