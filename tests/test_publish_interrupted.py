"""A publish that stops anywhere is never half seen, and the next one ends in the right graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.connection import Answer, Connection, Statement, connect
from tests.published import ACCOUNT, FOUND, HOLDS, ORG, OTHER, OWNER, WORLD, equal, leftovers, show
from tests.run_files import edge, score, write_run

RENAMED = {**ORG, "name": "Annat AB"}
NEXT = (
    [RENAMED, OTHER, OWNER, ACCOUNT],
    [HOLDS, edge("OWNS", OTHER, RENAMED, interest="control")],
    [FOUND],
    [score(ORG, 2.0)],
)


class Stop(Exception):
    """The publisher's death."""


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as connection:
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


class Failing:
    """A connection that ends the process's work when its n-th change is done, or before any."""

    def __init__(self, connection: Connection, n: int) -> None:
        self._connection = connection
        self._left = n
        self.read = connection.read

    def write(self, *statements: Statement, purpose: str = "publish") -> list[Answer]:
        return self._meet(lambda: self._connection.write(*statements, purpose=purpose))

    def repeat(self, statement: Statement, purpose: str = "publish") -> Answer:
        return self._meet(lambda: self._connection.repeat(statement, purpose))

    def _meet(self, change: Callable[[], Any]) -> Any:
        if self._left == 0:
            raise Stop
        self._left -= 1
        return change()


@pytest.mark.parametrize("whole", [False, True], ids=["changes", "whole"])
def test_wherever_a_publish_stops_the_next_one_is_right(
    connection: Connection, home: Home, *, whole: bool
) -> None:
    first = write_run(home, *WORLD, [FOUND], [score(ORG, 1.0)])
    second = write_run(home, *NEXT)
    show(connection, home, first)
    runs = [first, second]
    for change in range(40):
        failing: Any = Failing(connection, change)
        try:
            show(failing, home, runs[1], whole=whole)
        except Stop:
            seen = runs[_moved(connection, runs[1].run_id)]
            equal(connection, seen)
            after = runs[change % 2]
            show(connection, home, after)
            equal(connection, after)
            assert leftovers(connection) == (0, 0), change
            runs = [after, runs[0] if after is runs[1] else runs[1]]
        else:
            break
    assert change > 10, "each stage was met"
    equal(connection, runs[1])


def test_an_undo_that_is_interrupted_is_finished_by_the_next(
    connection: Connection, home: Home
) -> None:
    first, second = write_run(home, *WORLD, [FOUND]), write_run(home, *NEXT)
    show(connection, home, first)
    for change in range(2, 9, 2):
        for n in (8, change):
            failing: Any = Failing(connection, n)
            with pytest.raises(Stop):
                show(failing, home, second)
            equal(connection, first)
    show(connection, home, second)
    equal(connection, second)
    assert leftovers(connection) == (0, 0)


def test_a_foreign_relationship_to_what_was_never_shown_is_left_and_its_end_unseen(
    connection: Connection, home: Home
) -> None:
    first, second = write_run(home, *WORLD), write_run(home, *NEXT)
    show(connection, home, first)
    failing: Any = Failing(connection, 3)
    with pytest.raises(Stop):
        show(failing, home, second)
    hang = "MATCH (n:GraphService) WHERE n.since = 2 CREATE (:Case)-[:MENTIONS]->(n)"
    hung = connection.write(Statement("hang", hang, {}))[0].counters.relationships_created
    assert hung == 1, "the candidate's renamed organisation"
    for run in (second, first, second):
        show(connection, home, run)
        equal(connection, run)
        count = "MATCH (:Case)-[r:MENTIONS]->() RETURN count(r) AS n"
        assert connection.read(count, {}, "count") == [{"n": 1}]


def test_a_publish_whose_claim_is_taken_ends_and_shows_nothing(
    connection: Connection, home: Home, tmp_path: Path
) -> None:
    other = Home(tmp_path / "other")
    ours, theirs = write_run(home, *WORLD), write_run(other, *NEXT)
    told: list[str] = []

    def overtaken(stage: str, _done: int, _total: int) -> None:
        if not told:
            told.append(stage)
            show(connection, other, theirs, take_over=True)

    with pytest.raises(StoreError, match="another publish"):
        show(connection, home, ours, progress=overtaken)
    equal(connection, theirs)
    show(connection, home, ours, take_over=True)
    equal(connection, ours)
    assert leftovers(connection) == (0, 0)


def _moved(connection: Connection, run_id: str) -> bool:
    rows = connection.read("MATCH (s:GraphServiceState) RETURN s.run_id AS run_id", {}, "state")
    return bool(rows[0]["run_id"] == run_id)
