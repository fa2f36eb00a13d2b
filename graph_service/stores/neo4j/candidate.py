"""A run under way in Neo4j: claims are asked of its graph before any reader sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeAlias

from graph_service.engines.duckdb import Engine
from graph_service.stores.neo4j.connection import Connection
from graph_service.stores.neo4j.detect import NetworkQueries
from graph_service.stores.neo4j.publish import Publication, Published

#: Begins the publish of a run of this id.
Begin: TypeAlias = Callable[[str], AbstractContextManager[Publication]]


class Candidate:
    """A `run.Network`: takes the graph, answers claims, takes the findings, and is then shown."""

    def __init__(self, connection: Connection, begin: Begin, until: ExitStack) -> None:
        self._connection = connection
        self._begin = begin
        self._until = until
        self._publication: Publication | None = None

    def take_graph(self, engine: Engine, run_id: str) -> NetworkQueries:
        """Write what differs in the graph; claims are asked of it as readers will see it."""
        self._publication = self._until.enter_context(self._begin(run_id))
        self._publication.write_graph(engine)
        return NetworkQueries(self._connection, self._publication.number)

    def take_findings(self, engine: Engine) -> None:
        """Write what differs in the findings and scores."""
        self._taken().write_findings(engine)

    def show(self) -> Published:
        """Let readers see the run."""
        return self._taken().show()

    def drop(self) -> None:
        """Take it back: a run of the past, or of some rooms, is asked about and never shown."""
        self._taken().drop()

    def _taken(self) -> Publication:
        if self._publication is None:
            raise ValueError("the graph is taken first")
        return self._publication


@contextmanager
def candidate(connection: Connection, begin: Begin) -> Iterator[Candidate]:
    """A candidate, for one run; what is neither shown nor dropped is mended by the next publish."""
    with ExitStack() as until:
        yield Candidate(connection, begin, until)
