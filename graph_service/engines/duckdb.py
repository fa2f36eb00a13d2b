"""DuckDB, driven here and nowhere else.

One `Engine` is one connection with a memory bound and a folder to spill to. SQL comes
from files or from the named modules that make it; values always travel as parameters.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from weakref import WeakSet

import duckdb

from graph_service.engines.time_limit import counted
from graph_service.errors import RunError

if TYPE_CHECKING:
    from splink import DuckDBAPI

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | None
QueryError: TypeAlias = duckdb.Error

_BATCH = 2048
_PLAN = "explain_value"
#: The engine's share of the memory that the process may use: its own bound leaves out what its
#: readers and writers take (measured: 2.33 GB at a bound of 2 GiB over 20 million visits).
_SHARE = 0.75
_UNITS = {"KB": 1000, "KIB": 1 << 10, "MB": 10**6, "MIB": 1 << 20, "GB": 10**9, "GIB": 1 << 30}
_UNITS |= {"TB": 10**12, "TIB": 1 << 40}

_open: WeakSet[Engine] = WeakSet()
_stop = threading.Event()


class Engine:
    """A connection that spills to `spill` when `memory` is reached. Use it as a context."""

    #: What a statement raises that the engine cannot run.
    failure = duckdb.Error
    out_of_memory = duckdb.OutOfMemoryException
    interrupted = duckdb.InterruptException

    def __init__(
        self,
        database: Path | None = None,
        *,
        memory: str = "2GiB",
        spill: Path | None = None,
        read_only: bool = False,
        threads: int | None = None,
    ) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _engine_share(memory),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if spill is not None:
            config["temp_directory"] = str(spill)
        if threads is not None:
            config["threads"] = threads
        name = ":memory:" if database is None else str(database)
        try:
            self._connection = duckdb.connect(name, read_only=read_only, config=config)
        except duckdb.Error as error:
            raise RunError(
                f"{name} cannot be opened as a run file: {type(error).__name__}. "
                "Name a run listed by `graph-service runs`."
            ) from error
        _open.add(self)
        self.execute("SET TimeZone = 'UTC'")
        # Progress is counted, and shown by who asks for it: results alone are printed here.
        self.execute("SET enable_progress_bar = true")
        self.execute("SET enable_progress_bar_print = false")

    def execute(self, sql: str, parameters: Parameters = None) -> None:
        """Run one statement and drop its result."""
        with _stoppable(self):
            self._connection.execute(sql, parameters).fetchall()

    def rows(self, sql: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """Every row as a mapping. For small results: a listing, counts, findings."""
        return list(self.stream(sql, parameters))

    def stream(self, sql: str, parameters: Parameters = None) -> Iterator[dict[str, Any]]:
        """Rows one at a time; the connection is taken until the last one is read."""
        with _stoppable(self):
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            batch = cursor.fetchmany(_BATCH)
        while batch:
            for values in batch:
                yield dict(zip(names, values, strict=True))
            with _stoppable(self):
                batch = cursor.fetchmany(_BATCH)

    def value(self, sql: str, parameters: Parameters = None) -> Any:
        """The single value of a single row."""
        with _stoppable(self):
            row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def keeps_order(self, create: str, parameters: Parameters = None) -> bool:
        """Whether a CREATE TABLE … AS lays its rows down in the order their source has them.

        The engine plans a batched creation just where the source's order is kept; a join, which
        it may also make of a long IN list, loses it.
        """
        plan = json.loads(self.rows(f"EXPLAIN (FORMAT json) {create}", parameters)[-1][_PLAN])
        return bool(plan[0]["name"] == "BATCH_CREATE_TABLE_AS")

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Names and types that a query would return, without running it."""
        return [(row["column_name"], row["column_type"]) for row in self.rows(f"DESCRIBE {sql}")]

    def script(self, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        """Run each statement of a file; a statement gets just the parameters it names."""
        for statement in self._connection.extract_statements(path.read_text(encoding="utf-8")):
            named = {
                name: value
                for name, value in (parameters or {}).items()
                if name in statement.named_parameters
            }
            with _stoppable(self):
                self._connection.execute(statement, named or None).fetchall()

    def load_rows(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Append a small, already typed set of rows to a table."""
        if rows:
            marks = ", ".join("?" for _ in rows[0])
            self._connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)

    @contextmanager
    def linkage(self) -> Iterator[DuckDBAPI]:
        """What splink runs on: this connection, its tables in a database that ends with the block.

        Tables made before are reached if they are temporary.
        """
        from splink import DuckDBAPI  # noqa: PLC0415 - slow to import, and needed by few commands

        home = self.value("SELECT current_database()")
        self.execute("ATTACH ':memory:' AS linkage")
        try:
            self.execute("USE linkage")
            yield DuckDBAPI(self._connection)
        finally:
            self.execute(f'USE "{home}"')
            self.execute("DETACH linkage")

    def seal(self) -> None:
        """From now on reach no file, no other database and no network, and allow no way back."""
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")

    def progress(self) -> float:
        """Share of the running query that is done, 0 to 1; callable from another thread."""
        return max(0.0, float(self._connection.query_progress())) / 100

    def interrupt(self) -> None:
        """Stop the running query; callable from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Release the connection and its files."""
        _open.discard(self)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _stoppable(engine: Engine) -> Iterator[None]:
    """Stop here if it was asked for between two statements; a stop counts once."""
    if _stop.is_set():
        _stop.clear()
        raise Engine.interrupted("interrupted")
    try:
        with counted(engine):
            yield
    except Engine.interrupted:
        _stop.clear()
        raise


def interrupt_all() -> None:
    """Stop what the engines of this process run now, or else next; callable from any thread.

    Once: what tidies up after the stop may ask the engine again.
    """
    _stop.set()
    for engine in list(_open):
        engine.interrupt()


def _engine_share(memory: str) -> str:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", memory)
    if match is None:
        return memory
    return f"{int(float(match[1]) * _UNITS[match[2].upper()] * _SHARE) >> 10}KiB"
