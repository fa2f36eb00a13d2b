"""What people judged of findings, what that does to later scores, and how often a detector held.

A finding that was dismissed is set aside: it is still listed, and adds nothing to a score until
the dismissal expires or is undone. Every judgement stays on record, also one that another ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from graph_service.access.table import Caller
from graph_service.casework.case_access import said
from graph_service.casework.case_tables import fresh_id
from graph_service.casework.database import Database
from graph_service.casework.days import day_of, end_of, months_after
from graph_service.casework.judgement_tables import DispositionRow
from graph_service.casework.turns import Turn, take_turn
from graph_service.clock import Clock
from graph_service.errors import NotThere, UsageError

#: How long a dismissal sets a finding aside where nothing else is said (domain §3, R9, proposed).
USUAL_MONTHS: Final = 6
#: And at most: raw visits are kept as long, so that nothing older can be judged anew (R9).
LONGEST_MONTHS: Final = 24


class Verdict(StrEnum):
    """What a person holds of a finding, having looked."""

    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Judged:
    """The finding that is judged, as the run names it; the provider by its reference.

    `insider` tells that it is about the municipality's own people.
    """

    finding_id: str
    detector: str
    provider: str
    insider: bool = False


@dataclass(frozen=True, slots=True)
class Disposition:
    """A judgement. `ended_at` is when it was undone or another took its place."""

    disposition_id: str
    finding_id: str
    detector: str
    provider: str
    verdict: Verdict
    reason: str
    story: str | None
    decided_by: str
    decided_at: datetime
    expires_on: date | None
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Precision:
    """How often people who looked held a detector's findings to be what it claims."""

    detector: str
    confirmed: int
    judged: int


class Dispositions:
    """The judgements of findings."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def judge(
        self,
        caller: Caller,
        finding: Judged,
        verdict: Verdict,
        reason: str,
        *,
        story: str | None = None,
        expires_on: date | None = None,
    ) -> Disposition:
        """Judge a finding; an earlier judgement ends with it.

        `story` is the innocent story of the room that explains a dismissed finding.
        `expires_on` is the first day on which a dismissal sets nothing aside any more, by
        itself after `USUAL_MONTHS`. Raises UsageError for what does not fit the verdict.
        """
        at = self._clock()
        expires = _expiry(verdict, story, expires_on, day_of(at))
        row = DispositionRow(
            disposition_id=fresh_id("disposition"),
            finding_id=finding.finding_id,
            detector=finding.detector,
            provider=finding.provider,
            verdict=verdict,
            reason=said(reason, "reason"),
            story=story,
            insider=finding.insider,
            decided_by=caller.user_id,
            decided_at=at,
            expires_on=expires,
        )
        with self._database.writing() as session:
            take_turn(session, Turn.DISPOSITIONS)
            _end(session, finding.finding_id, caller.user_id, at)
            session.add(row)
        return _told(row)

    def of(self, finding_id: str) -> Disposition | None:
        """The judgement of a finding that stands, a dismissal that has expired among them."""
        with self._database.reading() as session:
            row = session.scalar(_standing().where(DispositionRow.finding_id == finding_id))
            return None if row is None else _told(row)

    def of_each(self, finding_ids: Collection[str]) -> Mapping[str, Disposition]:
        """The judgements that stand of some findings, by finding_id."""
        with self._database.reading() as session:
            rows = session.scalars(_standing().where(DispositionRow.finding_id.in_(finding_ids)))
            return {row.finding_id: _told(row) for row in rows}

    def undo(self, finding_id: str, caller: Caller) -> None:
        """Take a judgement back. Raises NotThere where none stands."""
        at = self._clock()
        with self._database.writing() as session:
            take_turn(session, Turn.DISPOSITIONS)
            if not _end(session, finding_id, caller.user_id, at):
                raise NotThere("Nobody has judged this finding, or it is not for you to see.")

    def history(
        self, finding_id: str, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> list[Disposition]:
        """Every judgement of a finding, the newest first."""
        asked = select(DispositionRow).where(DispositionRow.finding_id == finding_id)
        if after is not None:
            at, disposition_id = after
            asked = asked.where(_earlier(at, disposition_id))
        order = (DispositionRow.decided_at.desc(), DispositionRow.disposition_id)
        with self._database.reading() as session:
            return [_told(row) for row in session.scalars(asked.order_by(*order).limit(limit))]

    def set_aside(self, day: date) -> frozenset[str]:
        """The findings that add nothing to a score, as people had judged at the end of a day."""
        with self._database.reading() as session:
            found = session.scalars(
                select(DispositionRow.finding_id).where(
                    DispositionRow.verdict == Verdict.DISMISSED,
                    DispositionRow.decided_at < end_of(day),
                    DispositionRow.expires_on > day,
                    or_(
                        DispositionRow.ended_at.is_(None),
                        DispositionRow.ended_at >= end_of(day),
                    ),
                )
            )
            return frozenset(found)

    def precision(self, *, insiders: bool) -> list[Precision]:
        """Each detector's findings that were judged, by name; what was undone is not counted.

        A finding counts once, by the last judgement of it, also after a dismissal has expired;
        those about insiders only where `insiders` are asked for too.
        """
        row = DispositionRow
        confirmed = func.count().filter(row.verdict == Verdict.CONFIRMED)
        asked = (
            select(row.detector, confirmed, func.count())
            .where(row.ended_at.is_(None), or_(row.insider.is_(False), literal(insiders)))
            .group_by(row.detector)
            .order_by(row.detector)
        )
        with self._database.reading() as session:
            return [Precision(*counts) for counts in session.execute(asked)]


def _expiry(
    verdict: Verdict, story: str | None, expires_on: date | None, today: date
) -> date | None:
    if verdict is Verdict.CONFIRMED:
        if story is not None or expires_on is not None:
            raise UsageError("Only a dismissal has a story or expires. Leave both out.")
        return None
    chosen = expires_on or months_after(today, USUAL_MONTHS)
    if not today < chosen <= months_after(today, LONGEST_MONTHS):
        raise UsageError(
            f"A dismissal expires after today and within {LONGEST_MONTHS} months. "
            "Give such a date, or none."
        )
    return chosen


def _standing() -> Select[DispositionRow]:
    return select(DispositionRow).where(DispositionRow.ended_at.is_(None))


def _earlier(at: datetime, disposition_id: str) -> ColumnElement[bool]:
    row = DispositionRow
    same = and_(row.decided_at == at, row.disposition_id > disposition_id)
    return or_(row.decided_at < at, same)


def _end(session: Session, finding_id: str, by: str, at: datetime) -> bool:
    row = session.scalar(_standing().where(DispositionRow.finding_id == finding_id))
    if row is None:
        return False
    row.ended_by, row.ended_at = by, at
    return True


def _told(row: DispositionRow) -> Disposition:
    names = [name for name in Disposition.__slots__ if name != "verdict"]
    told = {name: getattr(row, name) for name in names}
    return Disposition(verdict=Verdict(row.verdict), **told)
