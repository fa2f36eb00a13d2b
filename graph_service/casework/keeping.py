"""What was decided about keeping: months for each class, holds, and what was erased.

A hold names a firm or a person by its opaque reference; no number stands here.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import String, Text, func, or_, select, union
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.case_tables import CaseRow, LinkKind, LinkRow, Status, SubjectRow
from graph_service.casework.database import Base, Database
from graph_service.casework.export_tables import ExportRow
from graph_service.clock import Clock
from graph_service.errors import NotThere, UsageError
from graph_service.records import TABLES, Retention

#: A century; longer is no term but archiving, which is another decision.
LONGEST_MONTHS: Final = 1200
_CLOSED: Final = (Status.CLOSED.value, Status.DISMISSED.value)


class Covers(StrEnum):
    """What a hold names."""

    CASE = "case"
    ENTITY = "entity"
    TABLE = "table"
    CLASS = "class"


class DecisionRow(Base):
    """A decision on how long a class is kept; the last one of a class counts."""

    __tablename__ = "retention_decisions"

    number: Mapped[int] = mapped_column(primary_key=True)
    retention: Mapped[str] = mapped_column(String(32), index=True)
    months: Mapped[int]
    decision: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(255))
    recorded_at: Mapped[datetime]


class HoldRow(Base):
    """Something that may not be erased until the hold is lifted."""

    __tablename__ = "legal_holds"

    hold_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    covers: Mapped[str] = mapped_column(String(16))
    named: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(String(255))
    placed_at: Mapped[datetime]
    lifted_by: Mapped[str | None] = mapped_column(String(255))
    lifted_at: Mapped[datetime | None]
    lift_reason: Mapped[str | None] = mapped_column(Text)


class ErasureRow(Base):
    """One erasure: what it was to remove, and when it had removed it."""

    __tablename__ = "erasures"

    erasure_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    begun_at: Mapped[datetime] = mapped_column(index=True)
    erased_by: Mapped[str] = mapped_column(String(255))
    decisions: Mapped[str] = mapped_column(Text)
    counts: Mapped[str] = mapped_column(Text)
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """How long a class is kept, by which decision."""

    retention: Retention
    months: int
    decision: str
    decided_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """What may not be erased, and why."""

    hold_id: str
    covers: Covers
    named: str
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: `counts` by what it was, such as rows of a table."""

    erasure_id: str
    begun_at: datetime
    erased_by: str
    decisions: Mapping[str, str]
    counts: Mapping[str, int]
    finished_at: datetime | None


class Keeping:
    """Decisions, holds and erasures of one home."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- decisions -------------------------------------------------------------------------

    def decide(self, retention: Retention, months: int, *, decision: str, by: str) -> Decision:
        """Record for how many months a class is kept from now on. Earlier decisions stay read."""
        if not 1 <= months <= LONGEST_MONTHS:
            raise UsageError(f"A class is kept for 1 to {LONGEST_MONTHS} months.")
        if not decision.strip():
            raise UsageError("Name the decision that says so, such as KS 2026/12.")
        row = DecisionRow(
            retention=retention.value,
            months=months,
            decision=decision.strip(),
            decided_by=by,
            recorded_at=self._clock(),
        )
        with self._database.writing() as session:
            session.add(row)
        return _decision(row)

    def decisions(self) -> dict[Retention, Decision]:
        """The decision in force of each class that has one."""
        last = select(func.max(DecisionRow.number)).group_by(DecisionRow.retention)
        with self._database.reading() as session:
            rows = session.scalars(select(DecisionRow).where(DecisionRow.number.in_(last)))
            return {Retention(row.retention): _decision(row) for row in rows}

    # -- holds -----------------------------------------------------------------------------

    def hold(self, covers: Covers, named: str, *, reason: str, by: str) -> Hold:
        """Keep what is named, whatever its age, until the hold is lifted."""
        if not reason.strip():
            raise UsageError("Say why it must be kept.")
        if covers is Covers.TABLE and named not in TABLES:
            raise UsageError(f"There is no table of that name. Use one of {', '.join(TABLES)}.")
        if covers is Covers.CLASS and named not in set(Retention):
            raise UsageError(f"There is no such class. Use one of {', '.join(Retention)}.")
        row = HoldRow(
            hold_id=f"hold-{secrets.token_hex(8)}",
            covers=covers.value,
            named=named,
            reason=reason.strip(),
            placed_by=by,
            placed_at=self._clock(),
        )
        with self._database.writing() as session:
            if covers is Covers.CASE and session.get(CaseRow, named) is None:
                raise NotThere("There is no such case. `graph-service case list` names yours.")
            session.add(row)
        return _hold(row)

    def lift(self, hold_id: str, *, reason: str, by: str) -> Hold:
        """End a hold; that it stood stays recorded."""
        with self._database.writing() as session:
            row = session.get(HoldRow, hold_id)
            if row is None or row.lifted_at is not None:
                raise NotThere("There is no such hold. `graph-service retention holds` lists them.")
            row.lifted_by, row.lifted_at, row.lift_reason = by, self._clock(), reason
        return _hold(row)

    def holds(self) -> list[Hold]:
        """The holds that stand, oldest first."""
        standing = select(HoldRow).where(HoldRow.lifted_at.is_(None))
        with self._database.reading() as session:
            rows = session.scalars(standing.order_by(HoldRow.placed_at, HoldRow.hold_id))
            return [_hold(row) for row in rows]

    def references_of_cases(self, held: Sequence[str]) -> frozenset[str]:
        """The entities that open cases, and those of `held`, are about.

        An open case holds what it is about without a decision: what was erased while somebody
        looks at it could help neither side.
        """
        kept = select(CaseRow.case_id).where(
            CaseRow.status.not_in(_CLOSED) | CaseRow.case_id.in_(held)
        )
        linked = select(LinkRow.reference).where(
            LinkRow.case_id.in_(kept), LinkRow.kind == LinkKind.ENTITY.value
        )
        subjects = select(SubjectRow.subject).where(SubjectRow.case_id.in_(kept))
        with self._database.reading() as session:
            return frozenset(session.scalars(linked)) | frozenset(session.scalars(subjects))

    def runs_of_cases(self) -> frozenset[str]:
        """The runs in which cases, open or closed, saw what they link or ask to export."""
        linked = select(LinkRow.run_id).where(LinkRow.run_id.is_not(None))
        asked = (
            select(ExportRow.run_id)
            .join(CaseRow, CaseRow.case_id == ExportRow.case_id)
            .where(ExportRow.ended_at.is_(None), ExportRow.case_version == CaseRow.version)
            .where(or_(ExportRow.expires_at.is_(None), ExportRow.expires_at > self._clock()))
        )
        with self._database.reading() as session:
            return frozenset(run_id for run_id in session.scalars(union(linked, asked)) if run_id)

    # -- erasures --------------------------------------------------------------------------

    def begin(self, decisions: Mapping[str, str], counts: Mapping[str, int], *, by: str) -> str:
        """Record what is about to be erased, before anything is."""
        row = ErasureRow(
            erasure_id=f"erasure-{secrets.token_hex(8)}",
            begun_at=self._clock(),
            erased_by=by,
            decisions=json.dumps(dict(decisions), ensure_ascii=False, sort_keys=True),
            counts=json.dumps(dict(counts), sort_keys=True),
        )
        with self._database.writing() as session:
            session.add(row)
        return row.erasure_id

    def finish(self, counts: Mapping[str, int]) -> None:
        """Every erasure begun has been done; `counts` are what the last one came to."""
        begun = select(ErasureRow).where(ErasureRow.finished_at.is_(None))
        with self._database.writing() as session:
            rows = list(session.scalars(begun.order_by(ErasureRow.begun_at)))
            for row in rows:
                row.finished_at = self._clock()
            if rows:
                told = json.loads(rows[-1].counts)
                rows[-1].counts = json.dumps(told | dict(counts), sort_keys=True)

    def unfinished(self) -> list[Erasure]:
        """Erasures that were begun and did not end, oldest first."""
        return [erasure for erasure in self.erasures() if erasure.finished_at is None]

    def erasures(self) -> list[Erasure]:
        """What was erased, oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(ErasureRow).order_by(ErasureRow.begun_at, ErasureRow.erasure_id)
            )
            return [_erasure(row) for row in rows]


def copy_sqlite(database: Database, target: Path) -> None:
    """Copy a SQLite casework as it stands at one moment, while others write to it."""
    connection = database.engine.raw_connection()
    try:
        source = connection.driver_connection
        assert isinstance(source, sqlite3.Connection)  # noqa: S101 - the caller has looked
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # A copy is one file: its log is folded in, and the next writer makes another.
            copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def _decision(row: DecisionRow) -> Decision:
    return Decision(
        Retention(row.retention), row.months, row.decision, row.decided_by, row.recorded_at
    )


def _hold(row: HoldRow) -> Hold:
    return Hold(
        row.hold_id,
        Covers(row.covers),
        row.named,
        row.reason,
        row.placed_by,
        row.placed_at,
        row.lifted_at,
    )


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(
        row.erasure_id,
        row.begun_at,
        row.erased_by,
        json.loads(row.decisions),
        json.loads(row.counts),
        row.finished_at,
    )
