"""The tables of what runs by the clock: jobs, what became of them, and the history of scores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.database import Base


class JobRow(Base):
    """A job from its asking to its end. `active` is 1 while it runs, else null."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("slot", name="jobs_slot_once"),
        UniqueConstraint("asked_key", name="jobs_asked_key_once"),
        UniqueConstraint("active", name="jobs_one_at_a_time"),
    )

    job_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    slot: Mapped[datetime | None]
    asked_key: Mapped[str | None]
    active: Mapped[int | None]
    state: Mapped[str]
    step: Mapped[str | None]
    share: Mapped[float]
    cancel_asked_by: Mapped[str | None]


class RoutineRow(Base):
    """The proof that a routine ran: written once when a job has ended, never changed."""

    __tablename__ = "routine_runs"
    __table_args__ = (Index("routine_runs_by_run", "run_id"),)

    job_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    slot: Mapped[datetime | None]
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str | None]
    as_of: Mapped[date | None]
    version: Mapped[str | None]
    batches: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    rooms: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    loaded_batch: Mapped[str | None]
    published: Mapped[bool | None]


class ScoreRow(Base):
    """A provider's score in one run that was the current one."""

    __tablename__ = "score_history"
    __table_args__ = (Index("score_history_by_provider", "provider_ref", "run_id"),)

    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    provider_ref: Mapped[str] = mapped_column(String(64), primary_key=True)
    as_of: Mapped[date]
    score: Mapped[float | None]
    band: Mapped[str]
    rank: Mapped[int | None]
    change: Mapped[dict[str, float] | None] = mapped_column(JSON(none_as_null=True))
    contributions: Mapped[list[dict[str, Any]]] = mapped_column(JSON(none_as_null=True))
