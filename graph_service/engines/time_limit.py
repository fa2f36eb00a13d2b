"""A bound on how long one piece of work may ask the engine, in whatever threads it does so.

Who sets the bound puts a `TimeLimit` in the context, which Python hands on to the threads that
the work is given to; each statement of the engine looks there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

from graph_service.errors import OutOfTime


class Interruptible(Protocol):
    """What runs statements, and can be told from another thread to stop."""

    def interrupt(self) -> None:
        """Stop the statement that runs."""
        ...


class TimeLimit:
    """One piece of work: its statements run until `end` is called, and none after that."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._running: list[Interruptible] = []
        self._over = False

    def end(self) -> None:
        """Stop the statements that run, and refuse later ones."""
        with self._lock:
            self._over = True
            for engine in self._running:
                engine.interrupt()

    @contextmanager
    def statement(self, engine: Interruptible) -> Iterator[None]:
        """Run one statement; raises OutOfTime where the time is over, before or meanwhile."""
        with self._lock:
            self._refuse_if_over()
            self._running.append(engine)
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(engine)
                self._refuse_if_over()

    def _refuse_if_over(self) -> None:
        if self._over:
            raise OutOfTime(
                f"This took longer than {self.seconds:g} seconds and was stopped. Ask for less: "
                "a nearer neighbourhood, a shorter path, fewer items."
            )


#: The bound of what is being done now; None where there is none.
time_limit: Final[ContextVar[TimeLimit | None]] = ContextVar("time_limit", default=None)


@contextmanager
def counted(engine: Interruptible) -> Iterator[None]:
    """Run one statement within the bound that is set here, if one is."""
    limit = time_limit.get()
    if limit is None:
        yield
    else:
        with limit.statement(engine):
            yield
