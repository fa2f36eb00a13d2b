"""Jobs and routines as they are put down: who asked, how far it came, what became of it.

One job runs at a time, and a slot of the clock is taken once: two unique columns say so, to
every worker and every process alike. What a job came to is a row of its own that is never
changed: the proof that the routine ran.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from graph_service.casework.database import Database
from graph_service.casework.routine_tables import JobRow, RoutineRow
from graph_service.clock import Clock
from graph_service.errors import Conflict, NotThere

_ACTIVE: Final = 1


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands. `share` of its steps are done, 0 to 1."""

    job_id: str
    asked_by: str
    asked_at: datetime
    slot: datetime | None
    state: JobState
    step: str | None
    share: float
    cancel_asked_by: str | None


@dataclass(frozen=True, slots=True)
class RunMade:
    """What is proven of a run: the data that it saw and the rules that it asked."""

    run_id: str
    as_of: date
    version: str
    batches: Sequence[str]
    rooms: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Routine:
    """What became of a job. The run is None where it made none; `published` where none is asked."""

    job_id: str
    asked_by: str
    asked_at: datetime
    slot: datetime | None
    ended_at: datetime
    outcome: JobState
    reason: str | None
    run: RunMade | None
    loaded_batch: str | None
    published: bool | None

    def as_json(self) -> dict[str, Any]:
        """The proof as it is listed, at the terminal and over HTTP."""
        run = self.run
        return {
            "job_id": self.job_id,
            "asked_by": self.asked_by,
            "asked_at": self.asked_at,
            "slot": self.slot,
            "ended_at": self.ended_at,
            "seconds": round((self.ended_at - self.asked_at).total_seconds(), 3),
            "outcome": self.outcome.value,
            "reason": self.reason,
            "run_id": None if run is None else run.run_id,
            "as_of": None if run is None else run.as_of,
            "version": None if run is None else run.version,
            "batches": None if run is None else list(run.batches),
            "rooms": None if run is None else list(run.rooms),
            "loaded_batch": self.loaded_batch,
            "published": self.published,
        }


class Routines:
    """The jobs and routines of one casework database."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(
        self,
        job_id: str,
        asked_by: str,
        *,
        slot: datetime | None = None,
        asked_key: str | None = None,
    ) -> Job:
        """Put down a job that begins, or the one that the same caller asked for with this key.

        Conflict if another one runs, or if the slot is taken.
        """
        key = None if asked_key is None else _digest(asked_by, asked_key)
        row = JobRow(
            job_id=job_id,
            asked_by=asked_by,
            asked_at=self._clock(),
            slot=slot,
            asked_key=key,
            active=_ACTIVE,
            state=JobState.RUNNING,
            step=None,
            share=0.0,
            cancel_asked_by=None,
        )
        try:
            with self._database.writing() as session:
                again = _asked_before(session, key)
                if again is not None:
                    return again
                session.add(row)
                session.flush()
                return _job(row)
        except IntegrityError as error:
            with self._database.reading() as session:
                again = _asked_before(session, key)
            if again is not None:
                return again
            raise Conflict(
                "Another run is under way, or has just taken this time of the schedule. "
                "See GET /v1/runs, and start one when it has ended."
            ) from error

    def step(self, job_id: str, step: str, share: float) -> None:
        """Note the step that begins."""
        with self._database.writing() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.job_id == job_id, JobRow.state == JobState.RUNNING)
                .values(step=step, share=min(max(share, 0.0), 1.0))
            )

    def ask_to_cancel(self, job_id: str, asked_by: str) -> Job:
        """Ask a job to end before it is done; Conflict where it has ended."""
        with self._database.writing() as session:
            row = _row(session, job_id)
            if row.state != JobState.RUNNING:
                raise Conflict("That run has ended; there is nothing to cancel.")
            row.cancel_asked_by = row.cancel_asked_by or asked_by
            return _job(row)

    def cancel_asked(self, job_id: str) -> bool:
        """Whether somebody asked the job to end."""
        with self._database.reading() as session:
            found = select(JobRow.cancel_asked_by).where(JobRow.job_id == job_id)
            return session.scalar(found) is not None

    def end(
        self,
        job_id: str,
        outcome: JobState,
        *,
        reason: str | None = None,
        run: RunMade | None = None,
        loaded_batch: str | None = None,
        published: bool | None = None,
    ) -> None:
        """Put down what became of a job; nothing where that is done already."""
        values: dict[str, object] = {"state": outcome, "active": None}
        if outcome is JobState.DONE:
            values["share"] = 1.0
        with self._database.writing() as session:
            ended = session.execute(
                update(JobRow)
                .where(JobRow.job_id == job_id, JobRow.state == JobState.RUNNING)
                .values(values)
                .returning(JobRow.asked_by, JobRow.asked_at, JobRow.slot)
            ).one_or_none()
            if ended is None:
                return
            session.add(
                RoutineRow(
                    job_id=job_id,
                    asked_by=ended.asked_by,
                    asked_at=ended.asked_at,
                    slot=ended.slot,
                    ended_at=self._clock(),
                    outcome=outcome,
                    reason=reason,
                    run_id=None if run is None else run.run_id,
                    as_of=None if run is None else run.as_of,
                    version=None if run is None else run.version,
                    batches=None if run is None else list(run.batches),
                    rooms=None if run is None else list(run.rooms),
                    loaded_batch=loaded_batch,
                    published=published,
                )
            )

    def job(self, job_id: str) -> Job:
        """A job as it stands; NotThere for none."""
        with self._database.reading() as session:
            return _job(_row(session, job_id))

    def running(self) -> list[Job]:
        """The jobs that are put down as running: one, or none."""
        with self._database.reading() as session:
            return [_job(row) for row in session.scalars(select(JobRow).where(JobRow.active == 1))]

    def last_slot(self) -> datetime | None:
        """The newest slot of the clock that was taken."""
        with self._database.reading() as session:
            return session.scalar(select(func.max(JobRow.slot)))

    def jobs(self, limit: int, before: str | None = None) -> list[tuple[Job, Routine | None]]:
        """Jobs and what became of them, the newest first; those before a job_id where given."""
        wanted = (
            select(JobRow, RoutineRow)
            .outerjoin(RoutineRow, RoutineRow.job_id == JobRow.job_id)
            .order_by(JobRow.job_id.desc())
            .limit(limit)
        )
        if before is not None:
            wanted = wanted.where(JobRow.job_id < before)
        with self._database.reading() as session:
            return [
                (_job(job), None if ended is None else _routine(ended))
                for job, ended in session.execute(wanted)
            ]

    def made(self, run_ids: Collection[str]) -> frozenset[str]:
        """Which of these runs a job made."""
        asked = select(RoutineRow.run_id).where(RoutineRow.run_id.in_(run_ids))
        with self._database.reading() as session:
            return frozenset(found for found in session.scalars(asked) if found is not None)

    def routine(self, job_or_run_id: str) -> Routine | None:
        """What became of a job, by its id or that of the run it made; None while it runs."""
        named = or_(RoutineRow.job_id == job_or_run_id, RoutineRow.run_id == job_or_run_id)
        with self._database.reading() as session:
            row = session.scalars(select(RoutineRow).where(named)).first()
            return None if row is None else _routine(row)

    def routines(self, limit: int, before: tuple[datetime, str] | None = None) -> list[Routine]:
        """What became of jobs, the newest first; those before (asked_at, job_id) where given."""
        row = RoutineRow
        wanted = select(row).order_by(row.asked_at.desc(), row.job_id.desc()).limit(limit)
        if before is not None:
            at, job_id = before
            same = and_(row.asked_at == at, row.job_id < job_id)
            wanted = wanted.where(or_(row.asked_at < at, same))
        with self._database.reading() as session:
            return [_routine(found) for found in session.scalars(wanted)]


def _digest(asked_by: str, key: str) -> str:
    """A caller's own key, kept so that nothing written in it can be read."""
    return hashlib.sha256(f"{asked_by}\0{key}".encode()).hexdigest()


def _asked_before(session: Session, key: str | None) -> Job | None:
    if key is None:
        return None
    row = session.scalars(select(JobRow).where(JobRow.asked_key == key)).one_or_none()
    return None if row is None else _job(row)


def _row(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotThere("There is no such run. GET /v1/runs lists them.")
    return row


def _job(row: JobRow) -> Job:
    return Job(
        row.job_id,
        row.asked_by,
        row.asked_at,
        row.slot,
        JobState(row.state),
        row.step,
        row.share,
        row.cancel_asked_by,
    )


def _routine(row: RoutineRow) -> Routine:
    run = None
    if row.run_id is not None and row.as_of is not None:
        run = RunMade(row.run_id, row.as_of, row.version or "", row.batches or (), row.rooms or ())
    return Routine(
        row.job_id,
        row.asked_by,
        row.asked_at,
        row.slot,
        row.ended_at,
        JobState(row.outcome),
        row.reason,
        run,
        row.loaded_batch,
        row.published,
    )
