"""Who reads while others publish sees one run or the other, never a mixture."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.run_file import RunFile
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import publish_state
from graph_service.stores.neo4j.connection import Connection, connect
from tests.published import FOUND, ORG, WORLD, equal, leftovers, show
from tests.run_files import Row, edge, node, write_run

PUBLISHES = 10
HUB = node("organisation", "hub", name="hub")

#: All that is shown, read in one statement with the pointer, in two ways.
WHOLE = """
MATCH (shown:GraphServiceState {id: 'shown'}) WITH shown.number AS run, shown.run_id AS run_id
MATCH (n:GraphService) WHERE n.since <= run AND run < n.until
WITH run, run_id, n ORDER BY n.node_id
OPTIONAL MATCH (n)-[r]->(m:GraphService) WHERE r.since <= run AND run < r.until
WITH run, run_id, n, r, m ORDER BY r.edge_id
WITH run_id, n.node_id AS id, n.name AS name,
    [x IN collect([type(r), m.node_id, m.name, r.role]) WHERE x[0] IS NOT NULL] AS edges
RETURN run_id, collect([id, name, edges]) AS seen
"""
AROUND = """
MATCH (shown:GraphServiceState {id: 'shown'}) WITH shown.number AS run, shown.run_id AS run_id
MATCH (n:GraphService {node_id: 'organisation:hub'}) WHERE n.since <= run AND run < n.until
MATCH (n)-[a]-(m) WHERE a.since <= run AND run < a.until
MATCH (m)-[b]-(o) WHERE b.since <= run AND run < b.until AND b <> a
RETURN run_id, collect([n.name, a.role, m.node_id, m.name, b.role, o.node_id, o.name]) AS seen
"""


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as connection:
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def town(state: str, *, parity: int) -> tuple[list[Row], list[Row]]:
    """A wheel around a hub: in another state most of it changes, is gone or new."""
    hub = {**HUB, "name": f"hub {state}"} if parity == 0 else HUB
    rim = [
        node("person", f"p{n}", name=f"{n} {state}" if n % 3 else f"{n}")
        for n in range(60)
        if n % 5 != parity
    ]
    spokes = [
        edge("OWNS", each, hub, role=state if n % 2 else "same") for n, each in enumerate(rim)
    ]
    chords = [
        edge("ACTS_FOR", a, b, role=state if n % 4 else "same")
        for n, (a, b) in enumerate(zip(rim, rim[7:], strict=False))
    ]
    return [hub, *rim], [*spokes, *chords]


def answers(nodes: list[Row], edges: list[Row]) -> tuple[Any, Any]:
    """What the two questions find, by hand."""
    name = {each["node_id"]: each.get("name") for each in nodes}
    whole = {
        each["node_id"]: (
            each.get("name"),
            Counter(
                (e["type"], e["target_id"], name[e["target_id"]], e["role"])
                for e in edges
                if e["source_id"] == each["node_id"]
            ),
        )
        for each in nodes
    }
    at: dict[str, list[tuple[str, Row]]] = {}
    for e in edges:
        at.setdefault(e["source_id"], []).append((e["target_id"], e))
        at.setdefault(e["target_id"], []).append((e["source_id"], e))
    hub = HUB["node_id"]
    around = Counter(
        (name[hub], a["role"], m, name[m], b["role"], o, name[o])
        for m, a in at[hub]
        for o, b in at[m]
        if b is not a
    )
    return whole, around


def whole_of(seen: list[Any]) -> Any:
    return {id_: (name, Counter(tuple(e) for e in edges)) for id_, name, edges in seen}


def test_a_reader_in_a_loop_never_meets_a_mixture(
    connection: Connection, empty_database: Neo4jSettings, home: Home
) -> None:
    worlds = [town("a", parity=0), town("b", parity=1)]
    runs = [write_run(home, *world) for world in worlds]
    wanted = {run.run_id: answers(*world) for run, world in zip(runs, worlds, strict=True)}
    show(connection, home, runs[0])
    stop, read, wrong = threading.Event(), Counter[str](), list[str]()

    def loop(question: str, which: int, form: Callable[[list[Any]], Any]) -> None:
        with connect(empty_database) as own:
            while not stop.is_set():
                (row,) = own.read(question, {}, "loop")
                if form(row["seen"]) != wanted[row["run_id"]][which]:
                    wrong.append(row["run_id"])
                read[row["run_id"]] += 1

    readers = [
        threading.Thread(target=loop, args=(WHOLE, 0, whole_of)),
        threading.Thread(target=loop, args=(AROUND, 1, lambda s: Counter(map(tuple, s)))),
    ]
    for reader in readers:
        reader.start()
    try:
        for n in range(1, PUBLISHES):
            show(connection, home, runs[n % 2], whole=n % 5 == 4)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert min(read[run.run_id] for run in runs) >= PUBLISHES // 2, "both were read, many times"
    assert leftovers(connection) == (0, 0)


def test_what_a_reader_still_reads_is_not_swept(
    connection: Connection,
    empty_database: Neo4jSettings,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = write_run(home, *WORLD), write_run(home, [ORG], [], [FOUND])
    show(connection, home, first)
    monkeypatch.setattr(publish_state, "READ_SECONDS", 0.5)
    slow = """
    MATCH (shown:GraphServiceState {id: 'shown'}) WITH shown.number AS run
    UNWIND range(1, 40) AS n CALL (n) { WITH n UNWIND range(1, 400000) AS x RETURN sum(x) AS s }
    WITH run, sum(s) AS waited
    MATCH (n:GraphService) WHERE n.since <= run AND run < n.until
    RETURN count(n) AS nodes, run
    """
    with connect(empty_database) as own:
        found: list[Any] = []
        reader = threading.Thread(
            target=lambda: found.extend(own.read(slow, {}, "slow", seconds=None))
        )
        reader.start()
        while not any(row["purpose"] == "" for row in publish_state._transactions(connection)):
            pass
        done = show(connection, home, second)
        busy = reader.is_alive()
        reader.join()
    assert busy, "the publish did not wait for long"
    assert not done.swept
    assert found[0]["nodes"] == len(WORLD[0]) or found[0]["run"] == 2
    equal(connection, second)
    assert leftovers(connection) != (0, 0)
    assert show(connection, home, second).swept
    assert leftovers(connection) == (0, 0)


def test_two_publishes_of_a_home_at_once_take_turns(
    empty_database: Neo4jSettings, home: Home
) -> None:
    runs = [write_run(home, *WORLD, [FOUND]), write_run(home, [ORG], [], [FOUND])]
    _at_once([(empty_database, home, runs[0]), (empty_database, home, runs[1])])
    with connect(empty_database) as connection:
        assert leftovers(connection) == (0, 0)
        _shows_one_of(connection, runs)


def test_two_homes_at_once_end_with_one_of_them(
    empty_database: Neo4jSettings, tmp_path: Path
) -> None:
    homes = [Home(tmp_path / "a"), Home(tmp_path / "b")]
    runs = [
        write_run(homes[0], *town("a", parity=0)),
        write_run(homes[1], [{**ORG, "name": "Annat AB"}], [], [FOUND]),
    ]
    for _ in range(3):
        _at_once([(empty_database, home, run) for home, run in zip(homes, runs, strict=True)])
        with connect(empty_database) as connection:
            _shows_one_of(connection, runs)
    with connect(empty_database) as connection:
        show(connection, homes[0], runs[0], take_over=True)
        equal(connection, runs[0])
        assert leftovers(connection) == (0, 0)


def test_another_homes_graph_is_not_replaced_unasked(
    connection: Connection, home: Home, tmp_path: Path
) -> None:
    other = Home(tmp_path / "other")
    run, theirs = write_run(home, *WORLD), write_run(other, [ORG])
    show(connection, home, run)
    with pytest.raises(StoreError, match="another home"):
        show(connection, other, theirs)
    equal(connection, run)
    show(connection, other, theirs, take_over=True)
    equal(connection, theirs)
    assert leftovers(connection) == (0, 0)


def _at_once(publishes: list[tuple[Neo4jSettings, Home, RunFile]]) -> None:
    """Each in a thread of its own; one that is overtaken says so."""
    failures: list[BaseException] = []

    def work(target: Neo4jSettings, home: Home, run: RunFile) -> None:
        try:
            with connect(target) as own:
                show(own, home, run, take_over=True)
        except StoreError:
            pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in publishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def _shows_one_of(connection: Connection, runs: list[RunFile]) -> None:
    row = connection.read(
        "MATCH (s:GraphServiceState) RETURN s.run_id AS run_id, s.home AS home", {}, "state"
    )[0]
    (seen,) = (
        run
        for run in runs
        if run.run_id == row["run_id"] and (_home(run) / "neo4j-home").read_text() == row["home"]
    )
    equal(connection, seen)


def _home(run: RunFile) -> Path:
    return run.path.parents[1]
