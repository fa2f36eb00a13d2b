"""What a provider answered when it was asked about findings (förvaltningslagen 25 §)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from graph_service.access.table import Caller
from graph_service.casework.case_access import said
from graph_service.casework.case_tables import fresh_id
from graph_service.casework.database import Database
from graph_service.casework.days import day_of
from graph_service.casework.judgement_tables import ReplyFindingRow, ReplyRow
from graph_service.clock import Clock
from graph_service.errors import UsageError


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's own words, and the findings that they answer."""

    reply_id: str
    provider: str
    received_on: date
    text: str
    recorded_by: str
    recorded_at: datetime
    findings: tuple[str, ...]


class Replies:
    """The providers' replies. They are recorded and read, never changed."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(
        self,
        caller: Caller,
        provider: str,
        *,
        received_on: date,
        text: str,
        findings: Collection[str],
    ) -> Reply:
        """Keep a reply. `provider` is a reference; UsageError for a day that is still to come."""
        at = self._clock()
        if received_on > day_of(at):
            raise UsageError("The reply is of a day that is still to come. Give when it came.")
        row = ReplyRow(
            reply_id=fresh_id("reply"),
            provider=provider,
            received_on=received_on,
            text=said(text, "reply"),
            recorded_by=caller.user_id,
            recorded_at=at,
        )
        answered = sorted(set(findings))
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            session.add_all(
                ReplyFindingRow(reply_id=row.reply_id, finding_id=found) for found in answered
            )
        return _told(row, answered)

    def of_provider(
        self, provider: str, *, after: tuple[date, str] | None = None, limit: int
    ) -> list[Reply]:
        """What a provider answered, the newest first; up to `limit` after a place."""
        asked = select(ReplyRow).where(ReplyRow.provider == provider)
        return self._page(asked, after, limit)

    def to_finding(
        self, finding_id: str, *, after: tuple[date, str] | None = None, limit: int
    ) -> list[Reply]:
        """What was answered to a finding, the newest first."""
        answers = select(ReplyFindingRow.reply_id).where(ReplyFindingRow.finding_id == finding_id)
        return self._page(select(ReplyRow).where(ReplyRow.reply_id.in_(answers)), after, limit)

    def _page(
        self, asked: Select[ReplyRow], after: tuple[date, str] | None, limit: int
    ) -> list[Reply]:
        if after is not None:
            day, reply_id = after
            same = and_(ReplyRow.received_on == day, ReplyRow.reply_id > reply_id)
            asked = asked.where(or_(ReplyRow.received_on < day, same))
        order = (ReplyRow.received_on.desc(), ReplyRow.reply_id)
        with self._database.reading() as session:
            rows = list(session.scalars(asked.order_by(*order).limit(limit)))
            answered = _answered(session, [row.reply_id for row in rows])
        return [_told(row, answered.get(row.reply_id, ())) for row in rows]


def _answered(session: Session, reply_ids: Sequence[str]) -> dict[str, list[str]]:
    found = session.scalars(
        select(ReplyFindingRow)
        .where(ReplyFindingRow.reply_id.in_(reply_ids))
        .order_by(ReplyFindingRow.reply_id, ReplyFindingRow.finding_id)
    )
    return {
        reply_id: [row.finding_id for row in rows]
        for reply_id, rows in groupby(found, key=lambda row: row.reply_id)
    }


def _told(row: ReplyRow, findings: Sequence[str]) -> Reply:
    return Reply(
        reply_id=row.reply_id,
        provider=row.provider,
        received_on=row.received_on,
        text=row.text,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
        findings=tuple(findings),
    )
