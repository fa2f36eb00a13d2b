"""What other applications keep in the same database is left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.connection import Connection, Statement, connect
from tests.published import ACCOUNT, FOUND, ORG, OTHER, OWNER, OWNS, WORLD, equal, leftovers, show
from tests.run_files import score, write_run

#: Nodes like ours in all but our own label, with properties that ours have too.
THEIRS = """
CREATE (p:Person {node_id: $person, key: 'x', since: 1, until: 2})
CREATE (o:Organisation:Provider {node_id: $organisation, name: 'Theirs'})
CREATE (p)-[:OWNS {edge_id: 'OWNS:theirs', since: 1, until: 2}]->(o)
CREATE (p)-[:KNOWS {since: 1999}]->(p)
CREATE (:Case {id: 7})-[:NEXT]->(:Case {id: 8, note: 'x'})
"""
#: Relationships of theirs between nodes of ours, and to them; some look like ours at a glance.
HUNG = """
MATCH (o:GraphService {node_id: $organisation}), (p:GraphService {node_id: $person})
MATCH (c:Case {id: 7})
CREATE (c)-[:MENTIONS {since: 0, until: 1}]->(o), (p)-[:OWNS {since: 0, until: 1}]->(o)
CREATE (o)-[:SUSPECTED_WITH {edge_id: 'by hand', since: 2019}]->(p), (o)-[:LIKE]->(o)
"""
NAMED = {"person": OWNER["node_id"], "organisation": ORG["node_id"]}


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as connection:
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def theirs(connection: Connection) -> list[dict[str, Any]]:
    """All that is not ours, with its identity in the store and what it hangs on."""
    nodes = connection.read(
        "MATCH (n) WHERE NOT n:GraphService AND NOT n:GraphServiceState "
        "RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties ORDER BY id",
        {},
        "nodes",
    )
    edges = connection.read(
        "MATCH (a)-[r]->(b) WHERE NOT (a:GraphService AND b:GraphService) OR r.origin IS NOT NULL "
        "OR coalesce(NOT r.edge_id STARTS WITH type(r) + ':', true) "
        "RETURN elementId(r) AS id, type(r) AS type, properties(r) AS properties, "
        "elementId(a) AS a, elementId(b) AS b ORDER BY id",
        {},
        "edges",
    )
    return [*nodes, *edges]


def write(connection: Connection, text: str) -> None:
    connection.write(Statement("theirs", text, NAMED))


def test_a_foreign_graph_is_untouched_whatever_is_published(
    connection: Connection, home: Home
) -> None:
    write(connection, THEIRS)
    before = theirs(connection)
    first = write_run(home, *WORLD, [FOUND], [score(ORG, 1.0)])
    second = write_run(home, [{**ORG, "name": "Annat AB"}, ACCOUNT], [], [FOUND])
    for run, whole in ((first, False), (second, False), (first, True), (second, True)):
        show(connection, home, run, whole=whole)
        equal(connection, run)
        assert theirs(connection) == before
    assert leftovers(connection) == (0, 0)


def test_a_foreign_relationship_keeps_the_version_that_it_hangs_on(
    connection: Connection, home: Home
) -> None:
    write(connection, THEIRS)
    first = write_run(home, *WORLD, [FOUND])
    show(connection, home, first)
    write(connection, HUNG)
    before = theirs(connection)
    changed = [{**ORG, "name": "Annat AB"}, {**OWNER, "name": "Åsa Ö"}, OTHER]
    for world, edges in ((changed, [OWNS]), ([OTHER], []), (WORLD[0], WORLD[1])):
        for whole in (False, True):
            run = write_run(home, world, edges)
            done = show(connection, home, run, whole=whole)
            equal(connection, run)
            assert theirs(connection) == before
            assert done.kept == 2, "the first versions of the two that they hang on"
    write(connection, "MATCH (:Case)-[r:MENTIONS]->() DELETE r")
    write(connection, "MATCH ()-[r:OWNS|SUSPECTED_WITH|LIKE]->() WHERE r.origin_key IS NULL "
          "AND (r.edge_id IS NULL OR r.edge_id = 'by hand') DELETE r")  # fmt: skip
    assert show(connection, home, run).kept == 0
    assert leftovers(connection) == (0, 0), "what they left is swept by the next publish"


def test_what_hangs_on_a_version_that_stands_is_no_matter(
    connection: Connection, home: Home
) -> None:
    write(connection, THEIRS)
    show(connection, home, write_run(home, *WORLD))
    write(connection, HUNG)
    before = theirs(connection)
    run = write_run(home, WORLD[0], WORLD[1][:1])
    assert show(connection, home, run).kept == 0
    equal(connection, run)
    assert theirs(connection) == before
