"""Sends what a publish writes and closes: pages of tables of the engine, a transaction each.

Rows travel as lists, and the ends of a relationship as the places where the store holds its two
nodes, kept from when they were written: no index is asked for them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from typing import Any, Final, TypeAlias

from graph_service.engines.duckdb import Engine
from graph_service.errors import StoreError
from graph_service.stores.neo4j import schema
from graph_service.stores.neo4j.connection import Answer, Statement
from graph_service.stores.neo4j.publish_state import Claim, statement

#: Told the stage, how many of its elements are done, and of how many.
Progress: TypeAlias = Callable[[str, int, int], None]
Row: TypeAlias = dict[str, Any]

#: Rows a transaction: larger ones measure no faster, and hold more of the server's heap.
PAGE: Final = 5_000


def silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


class Writer:
    """Writes and closes elements under a claim.

    A page that does less than it should raises StoreError: another publish has claimed the
    database, or the graph was changed by hand.
    """

    def __init__(self, claim: Claim, progress: Progress = silent) -> None:
        self._claim = claim
        self._progress = progress

    def nodes(self, engine: Engine) -> int:
        """Write `writing_nodes`, and note their places in `places`."""

        def made(rows: Sequence[Row]) -> Iterator[Statement]:
            for labels, group in _grouped(rows, "labels"):
                text = schema.create_nodes(labels)
                yield self._statement("nodes", text, _lists(group, schema.node_columns(labels)))

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            _expect(len(rows), sum(answer.counters.nodes_created for answer in answers))
            _note_places(engine, answers)

        return self._send(engine, "writing_nodes", "nodes", made, settle)

    def find(self, engine: Engine) -> None:
        """Note the places of `standing_ends` in `places`."""

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            _expect(len(rows), sum(len(answer.rows) for answer in answers))
            _note_places(engine, answers)

        self._send(engine, "standing_ends", "ends", self._named("find_nodes"), settle)

    def edges(self, engine: Engine) -> int:
        """Write `laid_edges`."""

        def made(rows: Sequence[Row]) -> Iterator[Statement]:
            for type_, group in _grouped(rows, "type"):
                columns = ("source_place", "target_place", *schema.edge_columns(type_))
                text = schema.create_edges(type_)
                yield self._statement("relationships", text, _lists(group, columns))

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            _expect(len(rows), sum(answer.counters.relationships_created for answer in answers))

        return self._send(engine, "laid_edges", "relationships", made, settle)

    def close_nodes(self, engine: Engine) -> array[int]:
        """Close `closing_nodes`; their places, to sweep them by."""
        places = array("q")

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            found = _places(answers)
            _expect(len(rows), len(found))
            places.extend(found)

        self._send(
            engine, "closing_nodes", "closed_nodes", self._named("close_named_nodes"), settle
        )
        return places

    def close_edges(self, engine: Engine) -> array[int]:
        """Close the relationships of `closing_ends`; their places, to sweep them by."""
        places = array("q")

        def made(rows: Sequence[Row]) -> Iterator[Statement]:
            for type_, of_type in _grouped(rows, "type"):
                for outgoing, group in _grouped(of_type, "outgoing"):
                    text = schema.close_edges(type_, outgoing=outgoing)
                    yield self._statement("close", text, _lists(group, ("node_id", "edge_ids")))

        def settle(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
            found = _places(answers)
            _expect(sum(len(row["edge_ids"]) for row in rows), len(found))
            places.extend(found)

        self._send(engine, "closing_ends", "closed_relationships", made, settle)
        return places

    def sweep(self, name: str, stage: str, places: array[int]) -> None:
        """Delete what was closed, by a file that takes places."""
        for start in range(0, len(places), PAGE):
            page = places[start : start + PAGE].tolist()
            text = statement(name).text
            self._claim.connection.write(self._statement(name, text, page))
            self._progress(stage, start + len(page), len(places))

    def _statement(self, name: str, text: str, rows: Sequence[Any]) -> Statement:
        return Statement(name, text, {**self._claim.given, "rows": rows})

    def _named(self, name: str) -> Callable[[Sequence[Row]], Iterator[Statement]]:
        """A file that takes the ids of nodes."""
        text = statement(name).text

        def made(rows: Sequence[Row]) -> Iterator[Statement]:
            if rows:
                yield self._statement(name, text, [row["node_id"] for row in rows])

        return made

    def _send(
        self,
        engine: Engine,
        table: str,
        stage: str,
        made: Callable[[Sequence[Row]], Iterable[Statement]],
        settle: Callable[[Sequence[Row], Sequence[Answer]], None],
    ) -> int:
        """Each page of `table` in a transaction; the next is made ready while one is written."""
        total, done = int(engine.value(f'SELECT count(*) FROM "{table}"')), 0
        under_way: tuple[list[Row], Future[list[Answer]]] | None = None
        with ThreadPoolExecutor(1) as sender:
            for start in range(0, total + PAGE, PAGE):
                rows = _page(engine, table, start)
                statements = list(made(rows))
                if under_way is not None:
                    sent, answers = under_way
                    settle(sent, answers.result())
                    done += len(sent)
                    self._progress(stage, done, total)
                if statements:
                    under_way = rows, sender.submit(self._claim.connection.write, *statements)
        return total


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


def _places(answers: Iterable[Answer]) -> list[int]:
    return [row["place"] for answer in answers for row in answer.rows]


def _note_places(engine: Engine, answers: Sequence[Answer]) -> None:
    engine.execute(
        "INSERT INTO places SELECT unnest($node_ids), unnest($places)",
        {
            "node_ids": [row["node_id"] for answer in answers for row in answer.rows],
            "places": _places(answers),
        },
    )


def _expect(elements: int, done: int) -> None:
    if elements != done:
        raise StoreError(
            f"Neo4j has done {done} of {elements} elements of a page: another publish took the "
            "database over, or its graph was changed by hand. Publish again, with --whole."
        )
