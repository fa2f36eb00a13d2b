"""Masks of protected persons: one asks to have one lifted, another one approves, it ends by itself.

A lifted mask holds within one case, for its members, for so many days and no longer than the
case is open. Whoever may approve sees what waits, and nothing else of the case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from graph_service.access.table import Caller
from graph_service.casework.case_access import ENDED, Change, case_of_member, changing, said
from graph_service.casework.case_tables import CaseRow, Event, MaskRow, fresh_id
from graph_service.casework.database import Database
from graph_service.clock import Clock
from graph_service.errors import Conflict, NotAllowed, NotThere

#: How long an approval holds: a month of work on a case, then the need is stated anew.
DAYS: Final = 30

_NO_MASK: Final = "There is no such mask, or it is not for you to see."


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask that is, or is asked to be, lifted. `state`: asked, lifted, expired or revoked.

    `reference` is told while it is lifted: before, it would tell whose pseudonym it is.
    """

    mask_id: str
    case_id: str
    reference: str | None
    reason: str
    state: str
    asked_by: str
    asked_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None


class Masks:
    """The masks that are asked for and lifted."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ask(
        self, case_id: str, caller: Caller, references: Collection[str], reason: str
    ) -> list[Mask]:
        """Ask to see protected persons within a case, one mask each; nothing is lifted yet."""
        at, told = self._clock(), said(reason, "reason")
        masks = [
            MaskRow(
                mask_id=fresh_id("mask"),
                case_id=case_id,
                reference=reference,
                reason=told,
                asked_by=caller.user_id,
                asked_at=at,
            )
            for reference in sorted(set(references))
        ]
        with changing(self._database, case_id, caller, at) as change:
            _require_open(change.case)
            for mask in masks:
                change.session.add(mask)
                change.record(Event.MASK_ASKED, after=mask.mask_id, reason=told)
        return [_told(mask, at) for mask in masks]

    def approve(self, mask_id: str, caller: Caller) -> Mask:
        """Lift a mask that another one asked for. Raises NotAllowed for who asked it."""
        at = self._clock()
        with self._database.writing() as session:
            mask, case = _locked(session, mask_id, caller)
            if mask.asked_by == caller.user_id:
                raise NotAllowed("Lifting a mask takes two people. Ask a colleague to approve it.")
            if mask.revoked_at is not None or mask.approved_at is not None:
                raise Conflict("The mask waits for nobody's approval. Ask for it anew.")
            _require_open(case)
            mask.approved_by, mask.approved_at = caller.user_id, at
            mask.expires_at = at + timedelta(days=DAYS)
            Change(session, case, caller.user_id, at).record(Event.MASK_APPROVED, after=mask_id)
        return _told(mask, at)

    def revoke(self, case_id: str, mask_id: str, caller: Caller) -> Mask:
        """Put a mask back, or take back that it was asked for; twice is as once."""
        at = self._clock()
        with changing(self._database, case_id, caller, at, closed_too=True) as change:
            mask = change.session.get(MaskRow, mask_id)
            if mask is None or mask.case_id != case_id:
                raise NotThere(_NO_MASK)
            if mask.revoked_at is None:
                mask.revoked_by, mask.revoked_at = caller.user_id, at
                change.record(Event.MASK_REVOKED, after=mask_id)
        return _told(mask, at)

    def of_case(
        self, case_id: str, caller: Caller, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> list[Mask]:
        """The masks of a case of the caller's, oldest first; up to `limit` after a place."""
        at = self._clock()
        with self._database.reading() as session:
            case_of_member(session, case_id, caller)
            asked = select(MaskRow).where(MaskRow.case_id == case_id)
            if after is not None:
                asked = asked.where(_later(after))
            rows = session.scalars(asked.order_by(MaskRow.asked_at, MaskRow.mask_id).limit(limit))
            return [_told(row, at) for row in rows]

    def waiting(
        self, caller: Caller, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> list[Mask]:
        """What waits for an approval that the caller may give, oldest first."""
        at = self._clock()
        asked = (
            select(MaskRow)
            .join(CaseRow, CaseRow.case_id == MaskRow.case_id)
            .where(MaskRow.approved_at.is_(None), MaskRow.revoked_at.is_(None))
            .where(MaskRow.asked_by != caller.user_id)
            .where(CaseRow.status.not_in(ENDED))
        )
        if not caller.sees_insiders:
            asked = asked.where(CaseRow.restricted.is_(False))
        if after is not None:
            asked = asked.where(_later(after))
        with self._database.reading() as session:
            rows = session.scalars(asked.order_by(MaskRow.asked_at, MaskRow.mask_id).limit(limit))
            return [_told(row, at) for row in rows]


def lifted(session: Session, case_id: str, at: datetime) -> frozenset[str]:
    """The protected persons whom the members of a case may see at a moment."""
    found = session.scalars(
        select(MaskRow.reference).where(
            MaskRow.case_id == case_id,
            MaskRow.approved_at.is_not(None),
            MaskRow.expires_at > at,
            MaskRow.revoked_at.is_(None),
        )
    )
    return frozenset(found)


def end_all(session: Session, case_id: str, by: str, at: datetime) -> None:
    """Put every mask of a case back, and what is asked for away: the case ends."""
    for mask in session.scalars(
        select(MaskRow).where(MaskRow.case_id == case_id, MaskRow.revoked_at.is_(None))
    ):
        mask.revoked_by, mask.revoked_at = by, at


def _later(after: tuple[datetime, str]) -> ColumnElement[bool]:
    at, mask_id = after
    return or_(MaskRow.asked_at > at, and_(MaskRow.asked_at == at, MaskRow.mask_id > mask_id))


def _locked(session: Session, mask_id: str, caller: Caller) -> tuple[MaskRow, CaseRow]:
    """A mask and its case, whose row is locked first, as every change of a case does."""
    case_id = session.scalar(select(MaskRow.case_id).where(MaskRow.mask_id == mask_id))
    case = case_id and session.get(CaseRow, case_id, with_for_update=True)
    if not case or (case.restricted and not caller.sees_insiders):
        raise NotThere(_NO_MASK)
    return session.get_one(MaskRow, mask_id), case


def _require_open(case: CaseRow) -> None:
    if case.status in ENDED:
        raise Conflict("The case is closed or dismissed. Reopen it first, with a reason.")


def _told(mask: MaskRow, at: datetime) -> Mask:
    if mask.revoked_at is not None:
        state = "revoked"
    elif mask.expires_at is None:
        state = "asked"
    else:
        state = "lifted" if at < mask.expires_at else "expired"
    names = [name for name in Mask.__slots__ if name not in {"state", "reference"}]
    return Mask(
        state=state,
        reference=mask.reference if state == "lifted" else None,
        **{name: getattr(mask, name) for name in names},
    )
