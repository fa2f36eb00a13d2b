"""A routine: what lies in the drop folder → lake → run → history → Neo4j, put down as it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import click

from api.cli_publish import publish_if_configured
from api.cli_run import ROOMS
from api.rule_changes import log_rule_changes
from api.session import Session, stop_asked
from graph_service.casework.database import Database
from graph_service.casework.days import day_of
from graph_service.casework.dispositions import Dispositions
from graph_service.casework.history import History
from graph_service.casework.routines import JobState, RunMade
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine, interrupt_all
from graph_service.errors import CaseworkError, GraphServiceError
from graph_service.graph.declaration import DERIVATIONS
from graph_service.routine.drop_folder import Delivery, DropFolder
from graph_service.routine.jobs import Jobs
from graph_service.run import run
from graph_service.run_file import RunFile
from loaders import load as loading

#: How often a job looks whether somebody wants it to end.
_LOOK_SECONDS: Final = 1.0
#: Steps of a run beside the derivations and the rooms, and those around it.
_OTHER_STEPS: Final = 6
INTERRUPTED: Final = 130
REFUSED_SOME: Final = 3


@dataclass(slots=True)
class Routine:
    """One routine on its way, in the process of its job."""

    session: Session
    database: Database
    jobs: Jobs
    job_id: str
    memory: str
    drop: DropFolder | None = None
    _run: RunMade | None = None
    _loaded_batch: str | None = None
    _published: bool | None = None
    _steps: list[str] = field(default_factory=list)

    def carry_out(self) -> int:
        """Do all of it; the exit code. However it ends, that is put down."""
        try:
            with _ended_when_asked(lambda: self.jobs.routines.cancel_asked(self.job_id)):
                code = 0 if self.drop is None else self._load(self.drop)
                made = self._make()
            self._show(made)
        except (Engine.interrupted, click.Abort):
            self._end(JobState.CANCELLED, "It was cancelled. The last good run stands.")
            return INTERRUPTED
        except GraphServiceError as error:
            self._end(JobState.FAILED, str(error))
            raise
        except Exception as error:
            # Its message may hold a row's value; its kind tells where to look in the job's log.
            self._end(JobState.FAILED, f"A defect of the program: {type(error).__name__}.")
            raise
        self._end(JobState.DONE, None)
        return code

    def _load(self, drop: DropFolder) -> int:
        """Load what the drop folder holds, as one batch; 3 where a row or a file was refused."""
        self._step("drop folder")
        with drop.taking(self.job_id) as delivery:
            return self._take_in(drop, delivery) if delivery.files else 0

    def _take_in(self, drop: DropFolder, delivery: Delivery) -> int:
        options = loading.Options(memory=self.memory, language=self.session.language)
        outcome = loading.load(self.session.home, delivery.files, options, clock=self.session.now)
        self._loaded_batch = outcome.batch
        read = {receipt.n for receipt in outcome.receipts if not receipt.refused}
        refused = [file for n, file in enumerate(delivery.files, start=1) if n not in read]
        drop.put_away(delivery, refused, (receipt.as_json() for receipt in outcome.receipts))
        return REFUSED_SOME if outcome.exit_code else 0

    def _make(self) -> RunFile:
        rooms = open_rooms(ROOMS)
        steps = len(DERIVATIONS) + len(rooms) + _OTHER_STEPS
        made = run(
            self.session.home,
            rooms,
            clock=self.session.now,
            memory=self.memory,
            set_aside=self._set_aside(),
            progress=lambda step: self._step(step, steps),
        ).run
        self._run = proven(made)
        self._step("history", steps)
        History(self.database).record(self.session.home)
        log_rule_changes(self.session, self.database, made)
        return made

    def _set_aside(self) -> frozenset[str]:
        now = self.session.now
        return Dispositions(self.database, clock=now).set_aside(day_of(now()))

    def _show(self, made: RunFile) -> None:
        """Show the run in Neo4j where one is configured; it stands, also where that fails."""
        self._published = False
        shown = publish_if_configured(self.session, made, memory=self.memory)
        self._published = shown or None

    def _step(self, step: str, steps: int = 0) -> None:
        """Say which step begins. That it cannot be said is no reason to end."""
        share = len(self._steps) / steps if steps else 0.0
        self._steps.append(step)
        with suppress(CaseworkError):
            self.jobs.routines.step(self.job_id, step, share)

    def _end(self, outcome: JobState, reason: str | None) -> None:
        self.jobs.end(
            self.job_id,
            outcome,
            reason=reason,
            run=self._run,
            loaded_batch=self._loaded_batch,
            published=self._published,
        )


def proven(made: RunFile) -> RunMade:
    """What is put down of a run as proof: the data that it saw, and the rules that it asked."""
    about = made.rows("run", order="run_id")[0]
    rooms = [
        {name: row[name] for name in ("room", "digest", "seconds")}
        for row in made.rows("rooms", order="room")
    ]
    as_of = date.fromisoformat(about["as_of"])
    return RunMade(made.run_id, as_of, about["version"], about["batches"] or [], rooms)


@contextmanager
def _ended_when_asked(asked: Callable[[], bool]) -> Iterator[None]:
    """Stop the engines of this process once somebody wants the job to end."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            with suppress(CaseworkError):
                if asked():
                    stop_asked.set()
                    interrupt_all()
                    return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
