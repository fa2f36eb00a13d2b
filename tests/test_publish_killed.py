"""The server killed, and a disk that is full, in the middle of a publish."""

from __future__ import annotations

import resource
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.grown import grow
from graph_service import settings
from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.stores.neo4j import server
from graph_service.stores.neo4j.connection import connect
from tests.killing import Killing
from tests.neo4j_server import SMALL
from tests.published import equal, leftovers, show

KILLS = 1


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a server of its own: it is killed."""
    home = Home(tmp_path / "home")
    try:
        yield home
    finally:
        server.stop(home)


def test_a_server_killed_at_any_moment_and_a_full_disk_end_in_the_right_graph(home: Home) -> None:
    runs = grow(home, 600), grow(home, 500, day=1)
    killing = Killing(home, settings.read().cache, SMALL)
    kills = list(killing.kill(runs, KILLS, seed=secrets.randbelow(10**6)))
    assert len(kills) == KILLS
    running = killing.start()
    # No file of the server may grow any more, as on a full disk.
    unlimited = resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with connect(running.settings()) as connection:
        with pytest.raises(StoreError) as refused:
            show(connection, home, runs[1], whole=True)
        assert str(refused.value).count(". ") <= 1, "one sentence, and the cure"
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, unlimited)
    server.stop(home)
    with connect(killing.start().settings()) as connection:
        show(connection, home, runs[1])
        equal(connection, runs[1])
        assert leftovers(connection) == (0, 0)
