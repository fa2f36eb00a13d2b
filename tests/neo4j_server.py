"""The real Neo4j that tests meet: a server of each worker's own, or the one of NEO4J_TEST_URI.

`neo4j` says how to log in there (uri, user, password). A test that takes `empty_database` as well
finds nothing in it but the schema that tests before it made.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, LiteralString

import pytest
from filelock import FileLock
from neo4j import GraphDatabase

from graph_service import settings
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import server

#: What a small graph needs, twice over on two cores; C1 alone compiles what tests run once.
SMALL: dict[str, Any] = {
    "heap": "768m",
    "page_cache": "128m",
    "java": ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    # A test's graph is another one each second: plans made once serve them all.
    "settings": (
        "dbms.cypher.min_replan_interval=1h",
        "dbms.cypher.statistics_divergence_threshold=1.0",
    ),
}

UNMARKED = (
    "NEO4J_TEST_URI names a database that is not marked disposable, and tests delete all it holds. "
    "Mark it by CREATE (:GraphServiceDisposable), or unset NEO4J_TEST_URI."
)


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jSettings]:
    """How to log in to a database that tests may empty."""
    if given := _given():
        _refuse_unmarked(given)
        yield given
        return
    home = Home(tmp_path_factory.mktemp("neo4j"))
    with stopped_at_our_end(home):
        cache = settings.read().cache
        started, _ = server.start(home, cache, password=secrets.token_hex(16), **SMALL)
        own = started.settings()
        yield Neo4jSettings(own.uri, own.user, password=own.secret())


def stopped_at_our_end(home: Home) -> subprocess.Popen[bytes]:
    """A process that stops the server when its input ends: with the fixture, or with a worker
    that was killed and could not tidy up.
    """
    program = (
        "import sys; sys.stdin.read(); from pathlib import Path; "
        "from graph_service.home import Home; from graph_service.stores.neo4j import server; "
        "server.stop(Home(Path(sys.argv[1])))"
    )
    line = [sys.executable, "-c", program, str(home.path)]
    return subprocess.Popen(line, stdin=subprocess.PIPE, start_new_session=True)


@pytest.fixture
def empty_database(neo4j: Neo4jSettings) -> Neo4jSettings:
    """The same, with every node and relationship gone before the test; indexes stay."""
    _ask(
        neo4j,
        "MATCH (n) WHERE NOT n:GraphServiceDisposable "
        "CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS",
    )
    return neo4j


@pytest.fixture(scope="module", autouse=True)
def _database_to_oneself(request: pytest.FixtureRequest) -> Iterator[None]:
    """Workers that were given one database take turns, a module of tests at a time."""
    with ExitStack() as held:
        given = _given()
        tests = (item for item in request.session.items if item.path == request.path)
        if given is not None and any("neo4j" in item.fixturenames for item in tests):
            name = hashlib.sha256(f"{given.uri} {given.database}".encode()).hexdigest()[:16]
            held.enter_context(FileLock(Path(tempfile.gettempdir(), f"neo4j-{name}.lock")))
        yield


def _given() -> Neo4jSettings | None:
    """NEO4J_TEST_URI with _USER, _PASSWORD and _DATABASE, if set."""
    prefix = "NEO4J_TEST_"
    named = {
        name.replace(prefix, "NEO4J_"): value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }
    return settings.read(named).neo4j


def _refuse_unmarked(given: Neo4jSettings) -> None:
    if _ask(given, "MATCH (mark:GraphServiceDisposable) RETURN count(mark)") == [[0]]:
        pytest.fail(UNMARKED, pytrace=False)


def _ask(database: Neo4jSettings, query: LiteralString) -> list[list[Any]]:
    with (
        GraphDatabase.driver(database.uri, auth=(database.user, database.secret())) as driver,
        driver.session(database=database.database) as session,
    ):
        return session.run(query).values()
