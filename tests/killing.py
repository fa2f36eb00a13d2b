"""A server killed in the middle of a publish, restarted, and published to again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.run_file import RunFile
from graph_service.stores.neo4j import server
from graph_service.stores.neo4j.connection import Connection, connect
from tests.published import equal, leftovers, show


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: after how many seconds, in which stage, and what became of that publish."""

    seconds: float
    stage: str
    ended: str


class Killing:
    """A home whose server is killed; `small` are the options that it starts with."""

    def __init__(self, home: Home, cache: Path, small: dict[str, Any]) -> None:
        self._home = home
        self._cache = cache
        self._small = small

    def start(self) -> server.Server:
        """The server, answering."""
        return server.start(self._home, self._cache, password="killed-anew", **self._small)[0]

    def kill(self, runs: tuple[RunFile, RunFile], times: int, seed: int) -> Iterator[Kill]:
        """Publish the two in turn, kill in the middle, and see the next publish end right.

        Before it readers see one of the two runs, whole.
        """
        drawn = random.Random(seed)
        with connect(self.start().settings()) as connection:
            show(connection, self._home, runs[0])
            begun = time.monotonic()
            show(connection, self._home, runs[1], whole=True)
            whole = time.monotonic() - begun
        for n in range(times):
            yield self._once(runs[n % 2], runs[drawn.randrange(2)], drawn.uniform(0, whole))

    def _once(self, run: RunFile, after: RunFile, seconds: float) -> Kill:
        running, stages, ends = self.start(), ["claim"], list[str]()

        def note(stage: str, _done: int, _total: int) -> None:
            stages.append(stage)

        def publishing() -> None:
            try:
                with connect(running.settings()) as own:
                    show(
                        own, self._home, run, whole=True, progress=lambda *at: stages.append(at[0])
                    )
                ends.append("finished")
            except StoreError:
                ends.append("ended in one sentence")

        publisher = threading.Thread(target=publishing)
        publisher.start()
        time.sleep(seconds)
        os.kill(running.pid, signal.SIGKILL)
        stage = stages[-1]
        while server.running(self._home) is not None:
            time.sleep(0.02)
        with connect(self.start().settings()) as connection:
            publisher.join()
            self._sees_one(connection, run)
            show(connection, self._home, after)
            equal(connection, after)
            assert leftovers(connection) == (0, 0)
        (ended,) = ends
        return Kill(seconds, stage, ended)

    def _sees_one(self, connection: Connection, run: RunFile) -> None:
        """Readers see the run that the pointer names, be it the old one or the new."""
        rows = connection.read("MATCH (s:GraphServiceState) RETURN s.run_id AS id", {}, "state")
        equal(connection, RunFile(rows[0]["id"], run.path.with_stem(rows[0]["id"])))
