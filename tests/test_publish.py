"""Publishing shows the run and nothing else, whatever was shown before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.connection import Connection, connect
from tests.published import (
    ACCOUNT,
    FOUND,
    HOLDS,
    ORG,
    OTHER,
    OWNER,
    OWNS,
    WORLD,
    equal,
    leftovers,
    show,
    shown,
)
from tests.run_files import edge, finding, node, score, write_run


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as connection:
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_what_is_published_is_what_the_run_file_holds(connection: Connection, home: Home) -> None:
    run = write_run(home, *WORLD, [FOUND], [score(ORG, 12.5), score(OTHER, 0.0, rank=2)])
    done = show(connection, home, run)
    equal(connection, run)
    assert (done.nodes, done.relationships, done.number, done.whole) == (8, 11, 1, True)


def test_only_what_changed_is_written_and_what_is_gone_is_swept(
    connection: Connection, home: Home
) -> None:
    show(connection, home, write_run(home, *WORLD, [FOUND], [score(ORG, 12.5)]))
    renamed = {**OTHER, "name": "Syntetisk Vård AB"}
    edges = [OWNS, HOLDS, edge("HOLDS_ACCOUNT", renamed, ACCOUNT, role="invoiced", payments=4)]
    run = write_run(home, [ORG, renamed, OWNER, ACCOUNT], edges, [FOUND], [score(ORG, 12.5)])
    done = show(connection, home, run)
    equal(connection, run)
    assert not done.whole
    assert (done.nodes, done.closed_nodes) == (1, 2), "one renamed, one gone"
    assert done.relationships == 2, "what hangs on the renamed one: its account, its finding"
    assert done.closed_relationships == 4, "the same two, the loop and the visits"
    assert leftovers(connection) == (0, 0)


def test_the_same_run_again_writes_nothing(connection: Connection, home: Home) -> None:
    run = write_run(home, *WORLD, [FOUND], [score(ORG, 12.5)])
    show(connection, home, run)
    done = show(connection, home, run)
    assert (done.nodes, done.relationships, done.closed_nodes) == (0, 0, 0)
    equal(connection, run)


def test_a_whole_publish_gives_the_same_nodes_and_relationships(
    connection: Connection, home: Home
) -> None:
    show(connection, home, write_run(home, *WORLD))
    run = write_run(home, WORLD[0], WORLD[1][:3], [FOUND], [score(ORG, 1.5)])
    show(connection, home, run)
    before = shown(connection)
    done = show(connection, home, run, whole=True)
    assert done.whole
    assert shown(connection) == before
    assert leftovers(connection) == (0, 0)
    equal(connection, run)


def test_numbers_of_a_name_that_changed_and_changed_back_are_new_versions(
    connection: Connection, home: Home
) -> None:
    renamed = {**ORG, "name": "Syntetisk Vård AB"}
    for number, world in enumerate(([ORG, OWNER], [renamed, OWNER], [ORG, OWNER]), start=1):
        run = write_run(home, world, [OWNS])
        assert show(connection, home, run).number == number
        equal(connection, run)
    rows = connection.read(
        "MATCH (n:GraphService) RETURN n.node_id AS id, n.since AS since ORDER BY id", {}, "since"
    )
    assert [row["since"] for row in rows] == [3, 1]


def test_an_empty_run_leaves_nothing(connection: Connection, home: Home) -> None:
    show(connection, home, write_run(home, *WORLD, [FOUND]))
    run = write_run(home, [])
    show(connection, home, run)
    equal(connection, run)
    assert leftovers(connection) == (0, 0)


KINDS = ("organisation", "person", "account")
STATED = {"OWNS": "role", "HOLDS_ACCOUNT": "role", "TRANSFERRED_TO": "currency"}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """A few of a few possible nodes, each in one of a few states, and what joins them."""
    chosen = draw(st.lists(st.sampled_from(range(9)), unique=True, max_size=7))
    nodes = [
        node(
            KINDS[n % 3],
            f"k{n}",
            *draw(st.sampled_from([(), ("Provider",) if n % 3 == 0 else ()])),
            name=draw(st.sampled_from([None, "Å", "B"])),
        )
        for n in chosen
    ]
    parties = [each for each in nodes if each["kind"] != "account"]
    firms = [each for each in nodes if each["kind"] == "organisation"]
    accounts = [each for each in nodes if each["kind"] == "account"]
    possible = [
        *(("OWNS", a, b) for a in parties for b in firms),
        *(("HOLDS_ACCOUNT", a, b) for a in parties for b in accounts),
        *(("TRANSFERRED_TO", a, b) for a in accounts for b in nodes),
    ]
    drawn = draw(st.lists(st.sampled_from(possible), max_size=12)) if possible else []
    edges = [
        edge(kind, a, b, origin_key=str(n), **{STATED[kind]: draw(st.sampled_from([None, "x"]))})
        for n, (kind, a, b) in enumerate(drawn)
    ]
    found = [
        finding(f"f{n}", firm, ("provider", firm), *(("shared", each) for each in accounts[:n]))
        for n, firm in enumerate(firms)
        if draw(st.booleans())
    ]
    scores = [score(firm, draw(st.sampled_from([0.0, 1.5]))) for firm in firms]
    return nodes, edges, found, scores


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(worlds(), min_size=2, max_size=4), st.data())
def test_after_any_sequence_the_last_one_is_shown(
    connection: Connection, sequence: list[Any], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        for world in sequence:
            whole = data.draw(st.sampled_from([False, False, False, True]))
            run = write_run(home, *world)
            show(connection, home, run, whole=whole, take_over=True)
            equal(connection, run)
            assert leftovers(connection) == (0, 0)
