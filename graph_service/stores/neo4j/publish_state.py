"""The one node that says what readers see, and the steps of a publish that are about all of it.

A publish claims the node, writes beside what is shown, moves `number` in one small transaction,
and removes the claim when all that nobody sees any more is swept. A claim found standing is of a
publish that was interrupted: `mend` takes back what it had begun, and sweeps what it had not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_service.errors import StoreError
from graph_service.stores.neo4j import schema
from graph_service.stores.neo4j.connection import (
    APPLICATION,
    READ_SECONDS,
    Connection,
    Statement,
)

PURPOSE: Final = "publish"
_PAUSE: Final = 0.05
_FOLDER: Final = Path(__file__).parent
_LOST: Final = (
    "Another publish has taken this database over. Publish again when it has ended, if this "
    "home's graph is the one to show."
)


@dataclass(frozen=True, slots=True)
class State:
    """What the database shows: so many `nodes` and `relationships`.

    `publishing` is the publish under way; for `kept` see publish_end.cypher.
    """

    number: int = 0
    run_id: str | None = None
    home: str | None = None
    schema: str | None = None
    publishing: int | None = None
    kept: int | None = None
    nodes: int | None = None
    relationships: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write, until another claims it: `shown` is seen, `number` comes."""

    connection: Connection
    token: str
    shown: int
    number: int

    @property
    def given(self) -> dict[str, Any]:
        """What every statement under the claim takes."""
        return {"claim": self.token, "shown": self.shown, "number": self.number}

    def each(self, *names: str, **given: Any) -> None:
        """Run files that go through all elements; they do no harm when run twice."""
        for name in names:
            self.connection.repeat(statement(name, **{**self.given, **given}))

    def mend(self) -> None:
        """Take back what an interrupted publish wrote and closed, and sweep what it left."""
        self.each("sweep_relationships", "sweep_nodes", "hide_nodes")
        self.each("reopen_relationships", "reopen_nodes", open=schema.OPEN)

    def move(
        self, *, run_id: str, home: str, shown_at: str, nodes: int, relationships: int
    ) -> None:
        """Show publish `number`, which has so many elements."""
        self._hold(
            statement(
                "move",
                claim=self.token,
                number=self.number,
                run_id=run_id,
                home=home,
                schema=schema.digest(),
                shown_at=shown_at,
                nodes=nodes,
                relationships=relationships,
            )
        )

    def end(self, kept: int) -> None:
        """Nothing is under way any more."""
        self._hold(statement("end", claim=self.token, kept=kept))

    def count_kept(self) -> int:
        """How many closed nodes stay, since another application points at them."""
        asked = statement("count_kept", shown=self.shown)
        rows = self.connection.read(asked.text, asked.parameters, asked.name, purpose=PURPOSE)
        return int(rows[0]["kept"])

    def _hold(self, step: Statement) -> None:
        if not self.connection.write(step)[0].rows:
            raise StoreError(_LOST)


def read_state(connection: Connection) -> State:
    """What the database shows; that of an empty one when nothing was published."""
    asked = statement("read_state")
    rows = connection.read(asked.text, {}, asked.name, purpose=PURPOSE)
    return State(**rows[0]) if rows else State()


def is_whole(connection: Connection, state: State, kept: int) -> bool:
    """Whether the database still has what was shown, by number: somebody may have emptied it.

    More of them are no matter: other applications may point from our nodes with our types.
    """
    (there,) = connection.read(schema.COUNT, {}, "count", purpose=PURPOSE)
    shown = {"nodes": (state.nodes or 0) + kept, "relationships": state.relationships or 0}
    return all(there[elements] >= count for elements, count in shown.items())


def claim(connection: Connection, state: State, *, token: str, run_id: str) -> Claim:
    """Claim the database for a publish, and wait for what an earlier claim still sends."""
    begun = connection.write(statement("claim", claim=token, run_id=run_id))
    claimed = Claim(connection, token, state.number, begun[0].rows[0]["number"])
    if not wait(connection, _running(connection, publishing=True)):
        raise StoreError(f"Neo4j is still busy with an earlier publish. {_LOST}")
    return claimed


def wait_for_readers(connection: Connection) -> bool:
    """Whether every question of ours that runs now has ended, within the time that one may take."""
    return wait(connection, _running(connection, publishing=False))


def wait(connection: Connection, running: set[str]) -> bool:
    """Whether these transactions end within the time that a question may take."""
    give_up = time.monotonic() + READ_SECONDS
    while running:
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE)
        running &= {row["id"] for row in _transactions(connection)}
    return True


def statement(name: str, **parameters: Any) -> Statement:
    """The statement of a file beside this one."""
    text = (_FOLDER / f"publish_{name}.cypher").read_text(encoding="utf-8")
    return Statement(name, text, parameters)


def _running(connection: Connection, *, publishing: bool) -> set[str]:
    return {
        row["id"] for row in _transactions(connection) if (row["purpose"] == PURPOSE) is publishing
    }


def _transactions(connection: Connection) -> list[dict[str, Any]]:
    asked = statement("running", application=APPLICATION)
    return connection.read(asked.text, asked.parameters, asked.name, purpose=PURPOSE)
