"""Publishes a run in Neo4j: readers see the publish before it, and then all of it.

Elements are versions: a publish writes what is new and closes what is gone beside what readers
see, moves one pointer, and then sweeps what nobody sees any more (docs/publishing.md says why
no reader meets a mixture). What other applications keep in the database is left as it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from graph_service.engines.duckdb import Engine
from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.run_file import RunFile, RunFolder
from graph_service.stores.neo4j import publish_state, schema
from graph_service.stores.neo4j.connection import Connection, Statement
from graph_service.stores.neo4j.publish_changes import Changes
from graph_service.stores.neo4j.publish_state import Claim, State
from graph_service.stores.neo4j.publish_write import Progress, Writer, silent

Clock: TypeAlias = Callable[[], datetime]
#: A new random text at each call: names a home for good, and a publish while it lasts.
Token: TypeAlias = Callable[[], str]

_INDEX_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish came to. `kept` closed nodes have relationships of other applications;
    `swept` is False where a reader was still busy, and the next publish sweeps.
    """

    number: int
    run_id: str
    nodes: int
    relationships: int
    closed_nodes: int
    closed_relationships: int
    kept: int
    swept: bool
    whole: bool
    seconds: float


class Publication:
    """One publish under way: write the graph, then the findings and scores, then show it.

    Between the steps `number` names the candidate, which questions may ask of (`$run`) before
    readers see it. `show` needs no engine any more.
    """

    def __init__(
        self,
        claim: Claim,
        state: State,
        *,
        run_id: str,
        home: str,
        shown: RunFile | None,
        kept: int,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self.number: Final = claim.number
        self._claim = claim
        self._state = state
        self._run_id = run_id
        self._home = home
        self._shown = shown
        self._clock = clock
        self._begun = clock()
        self._progress = progress
        self._writer = Writer(claim, progress)
        self._written = {"nodes": 0, "relationships": 0}
        self._kept = kept
        self._closed_nodes = array("q")
        self._closed_edges = array("q")
        self._changes: Changes | None = None

    def write_graph(self, engine: Engine) -> None:
        """Write and close what differs in the engine's `nodes` and `edges`."""
        same = self._shown is not None and self._shown.run_id == self._run_id
        self._changes = Changes(
            engine, None if same or self._shown is None else self._shown.path, same=same
        )
        self._changes.graph()
        self._write(engine, self._changes)

    def write_findings(self, engine: Engine) -> None:
        """Write and close what differs in the engine's `findings` and `scores`."""
        if self._changes is None:
            raise ValueError("the graph is written first: findings point at its nodes")
        self._changes.indicators()
        self._write(engine, self._changes)

    def show(self) -> Published:
        """Move the pointer, and sweep what nobody sees any more."""
        _create_indexes(self._claim.connection)
        whole = self._shown is None
        if whole:
            self._claim.each("close_relationships", "close_nodes")
        self._progress("shown", 0, 1)
        self._claim.move(
            run_id=self._run_id,
            home=self._home,
            shown_at=self._clock().isoformat(),
            nodes=self._live("nodes", len(self._closed_nodes)),
            relationships=self._live("relationships", len(self._closed_edges)),
        )
        self._progress("shown", 1, 1)
        swept = publish_state.wait_for_readers(self._claim.connection)
        kept = self._sweep(whole) if swept else 0
        if swept:
            self._claim.end(kept)
        return Published(
            self.number,
            self._run_id,
            **self._written,
            closed_nodes=len(self._closed_nodes),
            closed_relationships=len(self._closed_edges),
            kept=kept,
            swept=swept,
            whole=whole,
            seconds=(self._clock() - self._begun).total_seconds(),
        )

    def drop(self) -> None:
        """Take back what was written; what is shown stands."""
        self._claim.mend()
        self._claim.end(self._kept or 0)

    def _live(self, elements: str, closed: int) -> int:
        """How many of them the new publish shows."""
        before = 0 if self._shown is None else getattr(self._state, elements)
        return int(before + self._written[elements] - closed)

    def _write(self, engine: Engine, changes: Changes) -> None:
        self._written["nodes"] += self._writer.nodes(engine)
        if not changes.whole:
            self._closed_nodes += self._writer.close_nodes(engine)
            changes.ends()
            self._writer.find(engine)
        changes.lay()
        self._written["relationships"] += self._writer.edges(engine)
        if not changes.whole:
            self._closed_edges += self._writer.close_edges(engine)

    def _sweep(self, whole: bool) -> int:
        """Delete what is closed; how many nodes stay since another application points at them."""
        self._writer.sweep("sweep_relationships_at", "swept_relationships", self._closed_edges)
        self._writer.sweep("sweep_nodes_at", "swept_nodes", self._closed_nodes)
        moved = Claim(self._claim.connection, self._claim.token, self.number, self.number)
        if whole:
            moved.each("sweep_relationships")
        if whole or self._kept:
            moved.each("sweep_nodes")
        return moved.count_kept() if whole or self._closed_nodes or self._kept else 0


def publish(
    connection: Connection,
    home: Home,
    run: RunFile,
    *,
    clock: Clock,
    token: Token,
    memory: str,
    whole: bool = False,
    take_over: bool = False,
    progress: Progress = silent,
) -> Published:
    """Show a run of the home in Neo4j; a second publish of the home at the same time waits.

    `whole` writes all of it anew. `take_over` replaces the graph of another home. Raises
    StoreError for a database that shows another home's graph, or that cannot be written;
    RunError for a run of an older version.
    """
    with (
        publication(
            connection,
            home,
            run.run_id,
            clock=clock,
            token=token,
            whole=whole,
            take_over=take_over,
            progress=progress,
        ) as under_way,
        home.spill() as spill,
    ):
        with Engine(run.path, read_only=True, memory=memory, spill=spill) as engine:
            under_way.write_graph(engine)
            under_way.write_findings(engine)
        return under_way.show()


@contextmanager
def publication(
    connection: Connection,
    home: Home,
    run_id: str,
    *,
    clock: Clock,
    token: Token,
    whole: bool = False,
    take_over: bool = False,
    progress: Progress = silent,
) -> Iterator[Publication]:
    """A publish step by step, the home's lock held. What ends before `show` is never seen.

    First of all it mends what an interrupted publish left.
    """
    with home.writing("publish"):
        _create_constraints(connection)
        state = publish_state.read_state(connection)
        own = _home_id(home, token)
        if state.home not in (None, own) and not take_over:
            raise StoreError(
                "The database shows the graph of another home folder. Name another database, or "
                "replace its graph with --take-over."
            )
        claim = publish_state.claim(connection, state, token=token(), run_id=run_id)
        kept = state.kept or 0
        if state.publishing is not None:
            progress("mending", 0, 1)
            claim.mend()
            kept = claim.count_kept()
            progress("mending", 1, 1)
        shown = None if whole else _shown(home, own, state)
        if shown is not None and not publish_state.is_whole(connection, state, kept):
            shown = None
        yield Publication(
            claim,
            state,
            run_id=run_id,
            home=own,
            shown=shown,
            kept=kept,
            clock=clock,
            progress=progress,
        )


def publish_graph(connection: Connection, engine: Engine, number: int) -> None:
    """Write the engine's `nodes` and `edges` as a candidate that publish `number` would show.

    Nothing is closed and the pointer stays: a question asks of the candidate with `$run` = number.
    """
    _create_constraints(connection)
    claim = publish_state.claim(connection, State(), token=f"{number}", run_id="")
    changes = Changes(engine, None)
    changes.graph()
    writer = Writer(Claim(connection, claim.token, 0, number))
    writer.nodes(engine)
    changes.lay()
    writer.edges(engine)


def _shown(home: Home, own: str, state: State) -> RunFile | None:
    """The file of the run that is shown, if it is of this home and was published as we would."""
    if state.home != own or state.schema != schema.digest():
        return None
    return next((run for run in RunFolder(home).all() if run.run_id == state.run_id), None)


def _home_id(home: Home, token: Token) -> str:
    """What names this home in a database: made once, kept in the home. Call it under the lock."""
    path = home.path / "neo4j-home"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        path.write_text(token(), encoding="utf-8")
        return _home_id(home, token)


def _create_constraints(connection: Connection) -> None:
    _create(connection, schema.CONSTRAINTS)


def _create_indexes(connection: Connection) -> None:
    if _create(connection, schema.INDEXES):
        connection.repeat(
            Statement("indexes", "CALL db.awaitIndexes($seconds)", {"seconds": _INDEX_SECONDS})
        )


def _create(connection: Connection, wanted: Mapping[str, str]) -> bool:
    """Create what is not there; whether anything was."""
    rows = connection.read("SHOW INDEXES YIELD name", {}, "indexes", purpose=publish_state.PURPOSE)
    missing = set(wanted) - {row["name"] for row in rows}
    for name in sorted(missing):
        connection.repeat(Statement("schema", wanted[name], {}))
    return bool(missing)
