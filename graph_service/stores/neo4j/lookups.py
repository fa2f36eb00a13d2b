"""Look-ups in Neo4j: the Cypher of `queries/lookup`, each look-up in one transaction of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from graph_service.errors import RunError
from graph_service.stores.lookups import QUERIES, Row
from graph_service.stores.neo4j.connection import Ask, Connection
from graph_service.stores.neo4j.publish_state import statement

#: Cypher makes no map of names that it finds: these columns come as pairs.
_PAIRS: Final = ("found", "amounts")


class Neo4jReader:
    """A `lookups.Reader`: everything it reads is of the publish that was shown when it opened.

    The transaction stays open between the questions of one look-up, and what readers may still
    see is swept only when those transactions have ended: so a look-up of many steps sees one run.
    """

    def __init__(self, ask: Ask, folder: Path, *, number: int, run_id: str) -> None:
        self._ask = ask
        self._folder = folder
        self._number = number
        self._run_id = run_id

    @property
    def run_id(self) -> str:
        """The run that is read."""
        return self._run_id

    def rows(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of `<query>.cypher`. Raises StoreError when Neo4j refuses or takes too long."""
        text = _text(self._folder / f"{query}.cypher")
        return [_row(row) for row in self._ask(text, {**parameters, "run": self._number})]


@contextmanager
def open_reader(
    connection: Connection, folder: Path, *, name: str, purpose: str, run_id: str | None = None
) -> Iterator[Neo4jReader]:
    """Read what Neo4j shows by the queries in `folder`, tagged with the look-up and its purpose.

    Raises RunError where nothing is shown yet, or another run than `run_id`.
    """
    texts = "".join(_text(folder / f"{query}.cypher") for query in sorted(QUERIES))
    with connection.asking(name, texts, purpose=purpose) as ask:
        state = next(iter(ask(statement("read_state").text, {})), None)
        if state is None or state["run_id"] is None:
            raise RunError("Neo4j shows no run yet. Publish one with `graph-service publish`.")
        if run_id not in (None, state["run_id"]):
            raise RunError(
                f"Neo4j shows run {state['run_id']}. Publish the other, or ask it with "
                "--engine embedded."
            )
        yield Neo4jReader(ask, folder, number=state["number"], run_id=state["run_id"])


def _row(row: Row) -> Row:
    return {
        name: dict(value) if name in _PAIRS and value is not None else value
        for name, value in row.items()
    }


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
