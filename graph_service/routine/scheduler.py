"""Starts a routine when its time has come, or when files lie in the drop folder.

Every worker of the service may have one: the casework database lets one of them take each slot.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from pathlib import Path
from typing import Final

from graph_service.casework.database import Database
from graph_service.clock import Clock
from graph_service.errors import Conflict, GraphServiceError
from graph_service.home import Home
from graph_service.routine.drop_folder import DropFolder
from graph_service.routine.jobs import Jobs
from graph_service.routine.schedule import Schedule

#: Who asks, where it is not a person.
BY_SCHEDULE: Final = "schedule"
BY_DROP: Final = "drop folder"
_log: Final = logging.getLogger(__name__)


class Scheduler:
    """A thread that looks every `every` seconds whether something is due."""

    def __init__(
        self,
        home: Home,
        database: Database,
        schedule: Schedule | None,
        clock: Clock,
        *,
        drop: DropFolder | None = None,
        jobs: Jobs | None = None,
        every: float = 2.0,
    ) -> None:
        self._jobs = jobs or Jobs(home, database, clock=clock)
        self._schedule = schedule
        self._drop = drop
        self._clock = clock
        self._every = every
        self._began = clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Cease to watch; a routine that runs goes on in its own process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Start what is due now, once. A slot that comes while a routine runs waits for its end.

        After a time of being down the newest slot alone is made up for.
        """
        slot = self._due()
        if slot is not None:
            self._start(BY_SCHEDULE, slot)
        elif self._drop is not None and self._drop.complete():
            self._start(BY_DROP, None)

    def _due(self) -> datetime | None:
        if self._schedule is None:
            return None
        last = self._jobs.routines.last_slot() or self._began
        return self._schedule.due(last, self._clock())

    def _start(self, asked_by: str, slot: datetime | None) -> None:
        drop: Path | None = None if self._drop is None else self._drop.folder
        try:
            self._jobs.start(asked_by, slot=slot, drop=drop)
        except Conflict:
            return  # another one runs, or another worker was first

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except GraphServiceError as error:
                _log.warning("%s", error)
