"""Runs over HTTP: what one looks like, whether a job makes it, made it, or the terminal did."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from graph_service.casework.routines import Job, JobState, Routine
from graph_service.run_file import RunFile

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "job_id": "job-20261102T050000271828-5f3a90c1",
    "run_id": "20261102T050003Z",
    "state": "done",
    "current": True,
    "complete": True,
    "asked_by": "schedule",
    "asked_at": "2026-11-02T05:00:00.412000Z",
    "slot": "2026-11-02T05:00:00Z",
    "ended_at": "2026-11-02T05:04:41.030000Z",
    "step": "history",
    "share": 1.0,
    "reason": None,
    "as_of": "2026-11-01",
}
_ROUTINE_EXAMPLE: Final[dict[str, JsonValue]] = {
    "job_id": "job-20261102T050000271828-5f3a90c1",
    "asked_by": "schedule",
    "asked_at": "2026-11-02T05:00:00.412000Z",
    "slot": "2026-11-02T05:00:00Z",
    "ended_at": "2026-11-02T05:04:41.030000Z",
    "seconds": 280.618,
    "outcome": "done",
    "reason": None,
    "run_id": "20261102T050003Z",
    "as_of": "2026-11-01",
    "version": "0.1.0",
    "batches": ["20261102T045800000000Z"],
    "rooms": [
        {
            "room": "overlapping_visits",
            "digest": "70a7d11a58d312cb0de1d1ade0f8cede880a106ccbd2e4b0661c8d5bd971595c",
            "seconds": 1.204,
        }
    ],
    "loaded_batch": "20261102T045800000000Z",
    "published": None,
}


class Run(BaseModel):
    """A run, or the job that is to make one. How many findings it has is told with these."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    job_id: str | None = Field(description="Null for a run that was made at the terminal.")
    run_id: str | None = Field(description="Null until a run is made.")
    state: JobState
    current: bool = Field(description="Whether it is the run that readers see.")
    complete: bool | None = Field(description="Of all that was known then, by every detector.")
    asked_by: str | None
    asked_at: datetime
    slot: datetime | None = Field(description="The time of the schedule that it was due for.")
    ended_at: datetime | None
    step: str | None = Field(description="The step that it has come to.")
    share: float = Field(ge=0, le=1, description="Of its steps, how many are done.")
    reason: str | None = Field(description="Why it failed, or was not done.")
    as_of: date | None

    @classmethod
    def of_job(cls, job: Job, ended: Routine | None, current: str | None) -> Run:
        """A job as it stands."""
        made = None if ended is None else ended.run
        return cls(
            job_id=job.job_id,
            run_id=None if made is None else made.run_id,
            state=job.state,
            current=made is not None and made.run_id == current,
            complete=None if made is None else True,
            asked_by=job.asked_by,
            asked_at=job.asked_at,
            slot=job.slot,
            ended_at=None if ended is None else ended.ended_at,
            step=job.step,
            share=job.share,
            reason=None if ended is None else ended.reason,
            as_of=None if made is None else made.as_of,
        )

    @classmethod
    def of_file(cls, run: RunFile, current: str | None) -> Run:
        """A run that no job made."""
        about = run.rows("run", order="run_id")[0]
        return cls(
            job_id=None,
            run_id=run.run_id,
            state=JobState.DONE,
            current=run.run_id == current,
            complete=about["complete"],
            asked_by=None,
            asked_at=about["started_at"],
            slot=None,
            ended_at=about["finished_at"],
            step=None,
            share=1.0,
            reason=None,
            as_of=about["as_of"],
        )


class RoomAsked(BaseModel):
    """A detector as it was asked: its digest is that of its declaration and query."""

    room: str
    digest: str
    seconds: float


class RoutineRan(BaseModel):
    """The proof that a routine ran: written once when it had ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROUTINE_EXAMPLE]})

    job_id: str
    asked_by: str
    asked_at: datetime
    slot: datetime | None
    ended_at: datetime
    seconds: float
    outcome: JobState
    reason: str | None
    run_id: str | None
    as_of: date | None
    version: str | None
    batches: list[str] | None = Field(description="The deliveries that the run saw.")
    rooms: list[RoomAsked] | None
    loaded_batch: str | None = Field(description="The delivery taken from the drop folder.")
    published: bool | None = Field(
        description="Whether it is shown in Neo4j; null where none is configured."
    )

    @classmethod
    def of(cls, ended: Routine) -> RoutineRan:
        """A routine as it was put down."""
        return cls.model_validate(ended.as_json())
