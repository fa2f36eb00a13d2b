"""Look-ups on a run file: the SQL of `queries/lookup` over `nodes`, `edges` and `adjacency`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.errors import RunError
from graph_service.run_file import RunFile
from graph_service.stores.lookups import QUERIES, Row

#: The engine looks up in an index what a join's smaller side turns out to hold, if it holds no
#: more than so much; its default of 50 would scan ten million edges for the fifty-first entity.
_LOOKED_UP: Final = 100_000
#: The queries name the large side of a join first, and the small one, to be looked up, second.
#: Estimates would turn some of them round, and scan.
_AS_WRITTEN: Final = "join_order,build_side_probe_side"


class EmbeddedReader:
    """One run's tables, open in an engine."""

    def __init__(self, run_id: str, engine: Engine, folder: Path) -> None:
        self._run_id = run_id
        self._engine = engine
        self._folder = folder
        engine.execute(f"SET dynamic_or_filter_threshold = {_LOOKED_UP}")
        engine.execute(f"SET disabled_optimizers = '{_AS_WRITTEN}'")

    @property
    def run_id(self) -> str:
        """The run that is read."""
        return self._run_id

    def rows(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of `<query>.sql`; what is not declared of a row is its relationship."""
        found = self._engine.rows(_text(self._folder / f"{query}.sql"), parameters)
        columns = QUERIES[query].columns
        if "relationship" not in columns:
            return found
        # Flat until here: a struct of forty columns takes the engine longer to hand over.
        return [
            {
                name: row[name]
                if name != "relationship"
                else {each: row[each] for each in row if each not in columns}
                for name in columns
            }
            for row in found
        ]


@contextmanager
def open_reader(run: RunFile, folder: Path) -> Iterator[EmbeddedReader]:
    """Read a run file by the queries in `folder`; RunError if the run is older than look-ups."""
    with run.open() as engine:
        if not engine.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'adjacency'"):
            raise RunError(f"Run {run.run_id} is older than look-ups. Make a new one.")
        # A look-up reads little: handing it out to threads costs more than it saves.
        engine.execute("SET threads = 1")
        yield EmbeddedReader(run.run_id, engine, folder)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
