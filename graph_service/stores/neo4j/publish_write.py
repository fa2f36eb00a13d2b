"""Sends what a publish writes and closes: pages of tables of the engine, a transaction each.

Rows travel as lists, and the ends of a relationship as Neo4j's own places of its two nodes, kept
from when they were written: no index is asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from typing import Any, Final, TypeAlias

from graph_service.engines.duckdb import Engine
from graph_service.errors import StoreError
from graph_service.stores.neo4j import schema
from graph_service.stores.neo4j.connection import Answer, Connection, Statement

#: Told the stage, how many of its elements are done, and of how many.
Progress: TypeAlias = Callable[[str, int, int], None]
Row: TypeAlias = dict[str, Any]

#: Rows a transaction: larger ones measure no faster, and hold more of the server's heap.
PAGE: Final = 5_000


class Writer:
    """Writes the elements of one candidate, publish `number`, under the claim that holds it.

    `shown` is the publish that readers see meanwhile. A page that writes less than it should
    raises StoreError: the claim was taken by another publish, or the graph was changed by hand.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        number: int,
        claim: str,
        shown: int = 0,
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> None:
        self._connection = connection
        self._given = {"number": number, "claim": claim, "shown": shown}
        self._progress = progress

    def nodes(self, engine: Engine, table: str) -> int:
        """Write the rows of `table` as nodes; note their places in `places`."""

        def statements(rows: Sequence[Row]) -> Iterator[Statement]:
            for labels, group in _grouped(rows, "labels"):
                text = schema.create_nodes(labels)
                yield self._statement("nodes", text, _lists(group, schema.node_columns(labels)))

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            self._expect(len(rows), sum(answer.nodes_created for answer in answers))
            _note_places(engine, answers)

        return self._send(engine, table, "nodes", statements, settle)

    def find(self, engine: Engine, table: str) -> None:
        """Note the places of the nodes named in `table` that stay as they are."""

        def statements(rows: Sequence[Row]) -> Iterator[Statement]:
            named = [row["node_id"] for row in rows]
            yield self._statement("ends", schema.FIND_NODES, named)

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            self._expect(len(rows), sum(len(answer.rows) for answer in answers))
            _note_places(engine, answers)

        self._send(engine, table, "ends", statements, settle)

    def edges(self, engine: Engine, table: str) -> int:
        """Write the rows of `table`, which name the places of their ends, as relationships."""

        def statements(rows: Sequence[Row]) -> Iterator[Statement]:
            for type_, group in _grouped(rows, "type"):
                columns = ("source_place", "target_place", *schema.edge_columns(type_))
                yield self._statement(
                    "relationships", schema.create_edges(type_), _lists(group, columns)
                )

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            self._expect(len(rows), sum(answer.relationships_created for answer in answers))

        return self._send(engine, table, "relationships", statements, settle)

    def _statement(self, name: str, text: str, rows: Sequence[Any]) -> Statement:
        return Statement(name, text, {**self._given, "rows": rows})

    def _send(
        self,
        engine: Engine,
        table: str,
        stage: str,
        statements: Callable[[Sequence[Row]], Iterable[Statement]],
        settle: Callable[[Sequence[Row], Sequence[Answer]], None],
    ) -> int:
        """Each page of `table` in a transaction; the next is made ready while one is written."""
        total, done = int(engine.value(f'SELECT count(*) FROM "{table}"')), 0
        under_way: tuple[list[Row], Future[list[Answer]]] | None = None
        with ThreadPoolExecutor(1) as sender:
            for page in (*range(0, total, PAGE), None):
                rows = [] if page is None else _page(engine, table, page)
                made = list(statements(rows))
                if under_way is not None:
                    sent, future = under_way
                    settle(sent, future.result())
                    done += len(sent)
                    self._progress(stage, done, total)
                if made:
                    under_way = rows, sender.submit(self._connection.write, *made)
        return total

    @staticmethod
    def _expect(rows: int, written: int) -> None:
        if rows != written:
            raise StoreError(
                f"Neo4j wrote {written} of {rows} elements: another publish took over, or the "
                "graph was changed by hand. Publish again, with --whole if this comes again."
            )


def _page(engine: Engine, table: str, start: int) -> list[Row]:
    return engine.rows(
        f'FROM "{table}" WHERE rowid >= $start AND rowid < $end',
        {"start": start, "end": start + PAGE},
    )


def _grouped(rows: Iterable[Row], name: str) -> Iterator[tuple[Any, list[Row]]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        value = row[name]
        groups.setdefault(tuple(value) if isinstance(value, list) else value, []).append(row)
    yield from groups.items()


def _lists(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[Sequence[Any]]:
    return list(map(itemgetter(*columns), rows))


def _note_places(engine: Engine, answers: Iterable[Answer]) -> None:
    found = [row for answer in answers for row in answer.rows]
    if found:
        engine.execute(
            "INSERT INTO places SELECT unnest($node_ids), unnest($places)",
            {
                "node_ids": [row["node_id"] for row in found],
                "places": [row["place"] for row in found],
            },
        )
