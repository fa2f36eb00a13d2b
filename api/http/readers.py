"""Open run files, kept between requests: opening one takes longer than most of what it is asked.

A reader serves one request at a time, so each of a worker's threads has its own. When another
run has become the current one, readers of the one before finish undisturbed and are then closed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

import queries
from graph_service.engines.duckdb import Engine
from graph_service.errors import GraphServiceError
from graph_service.run_file import RunFile
from graph_service.stores.embedded import EmbeddedReader

LOOKUPS: Final = Path(queries.__file__).parent / "lookup"
#: Readers that wait for the next request, of all reaches together: a thread pool's worth.
_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """One run file, open: its engine, and the look-ups on it."""

    run: RunFile
    engine: Engine
    lookups: EmbeddedReader


class Readers:
    """The open run files of one worker. Use it as a context."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: OrderedDict[Path, list[Reading]] = OrderedDict()
        self._newest = ""
        self._closed = False

    @contextmanager
    def of(self, run: RunFile) -> Iterator[Reading]:
        """A reader of that file, for the block only."""
        reading = self._taken(run) or _opened(run)
        over = [reading]
        try:
            yield reading
            over = self._given_back(reading)
        except GraphServiceError:
            over = self._given_back(reading)
            raise
        finally:
            # After any other error what was asked may still be running: that one is closed too.
            for each in over:
                each.engine.close()

    def close(self) -> None:
        """Close all that waits, and what is given back from now on."""
        with self._lock:
            self._closed = True
            waiting = [each for kept in self._waiting.values() for each in kept]
            self._waiting.clear()
        for each in waiting:
            each.engine.close()

    def _taken(self, run: RunFile) -> Reading | None:
        with self._lock:
            kept = self._waiting.get(run.path)
            return kept.pop() if kept else None

    def _given_back(self, reading: Reading) -> list[Reading]:
        """Keep it for the next request; which are over instead."""
        run = reading.run
        with self._lock:
            if self._closed or run.run_id < self._newest:
                return [reading]
            over: list[Reading] = []
            if run.run_id > self._newest:
                self._newest = run.run_id
                over += [each for kept in self._waiting.values() for each in kept]
                self._waiting.clear()
            self._waiting.setdefault(run.path, []).append(reading)
            self._waiting.move_to_end(run.path)
            while sum(map(len, self._waiting.values())) > _KEPT:
                longest_unasked = next(iter(self._waiting))
                over.append(self._waiting[longest_unasked].pop(0))
                if not self._waiting[longest_unasked]:
                    del self._waiting[longest_unasked]
            return over

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _opened(run: RunFile) -> Reading:
    engine = run.open()
    # A look-up reads little: handing it out to threads costs more than it saves.
    engine.execute("SET threads = 1")
    return Reading(run, engine, EmbeddedReader(run.run_id, engine, LOOKUPS))
