"""What somebody put off: it leaves the queue of the day until then, and never a score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, select

from graph_service.access.table import Caller
from graph_service.casework.case_access import said
from graph_service.casework.case_tables import fresh_id
from graph_service.casework.database import Database
from graph_service.casework.days import day_of, months_after
from graph_service.casework.judgement_tables import SnoozeRow
from graph_service.casework.turns import Turn, take_turn
from graph_service.clock import Clock
from graph_service.errors import NotThere, UsageError

#: As a dismissal without an end is none, so is a snooze: what rests longer is to be judged.
LONGEST_MONTHS: Final = 6


class Snoozed(StrEnum):
    """What can be put off."""

    FINDING = "finding"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Snooze:
    """A snooze; on the day `until` it is over."""

    kind: Snoozed
    reference: str
    until: date
    reason: str
    snoozed_by: str
    snoozed_at: datetime


@dataclass(frozen=True, slots=True)
class Asleep:
    """What rests on a day: findings by finding_id, providers by reference."""

    findings: frozenset[str]
    providers: frozenset[str]


class Snoozes:
    """What is put off."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put_off(
        self, caller: Caller, kind: Snoozed, reference: str, until: date, reason: str
    ) -> Snooze:
        """Put something off until a day; an earlier snooze of it ends. UsageError for the day."""
        at = self._clock()
        today = day_of(at)
        if not today < until <= months_after(today, LONGEST_MONTHS):
            raise UsageError(
                f"A snooze ends after today and within {LONGEST_MONTHS} months. Give such a date."
            )
        row = SnoozeRow(
            snooze_id=fresh_id("snooze"),
            kind=kind,
            reference=reference,
            until=until,
            reason=said(reason, "reason"),
            snoozed_by=caller.user_id,
            snoozed_at=at,
        )
        with self._database.writing() as session:
            take_turn(session, Turn.SNOOZES)
            for earlier in session.scalars(_standing(kind, reference)):
                earlier.ended_by, earlier.ended_at = caller.user_id, at
            session.add(row)
        return _told(row)

    def of(self, kind: Snoozed, reference: str) -> Snooze | None:
        """The snooze of something, where it rests today."""
        today = day_of(self._clock())
        with self._database.reading() as session:
            row = session.scalar(_standing(kind, reference).where(SnoozeRow.until > today))
            return None if row is None else _told(row)

    def wake(self, caller: Caller, kind: Snoozed, reference: str) -> None:
        """End a snooze before its day. Raises NotThere where it does not rest."""
        at = self._clock()
        with self._database.writing() as session:
            take_turn(session, Turn.SNOOZES)
            asked = _standing(kind, reference).where(SnoozeRow.until > day_of(at))
            row = session.scalar(asked)
            if row is None:
                raise NotThere("It is not snoozed, or it is not for you to see.")
            row.ended_by, row.ended_at = caller.user_id, at

    def asleep(self, day: date) -> Asleep:
        """All that rests on a day, of what is put off now."""
        asked = select(SnoozeRow.kind, SnoozeRow.reference).where(
            SnoozeRow.ended_at.is_(None), SnoozeRow.until > day
        )
        with self._database.reading() as session:
            found = [(kind, reference) for kind, reference in session.execute(asked)]
        return Asleep(
            frozenset(reference for kind, reference in found if kind == Snoozed.FINDING),
            frozenset(reference for kind, reference in found if kind == Snoozed.PROVIDER),
        )


def _standing(kind: Snoozed, reference: str) -> Select[SnoozeRow]:
    return select(SnoozeRow).where(
        SnoozeRow.kind == kind, SnoozeRow.reference == reference, SnoozeRow.ended_at.is_(None)
    )


def _told(row: SnoozeRow) -> Snooze:
    return Snooze(
        kind=Snoozed(row.kind),
        reference=row.reference,
        until=row.until,
        reason=row.reason,
        snoozed_by=row.snoozed_by,
        snoozed_at=row.snoozed_at,
    )
