"""Tips: what somebody told, how credible it seems, and, sealed and apart, who told it.

A tip is a reason to look and never an input to a score: nothing that scores reads it. Its source
is sealed with a key made of the home's secret (AES-256-GCM in a JWE, RFC 7516), so that neither
the database nor a copy of it gives somebody away.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from graph_service.access.table import Caller
from graph_service.casework.case_access import changing, said
from graph_service.casework.case_tables import CaseRow, Event, MemberRow, fresh_id
from graph_service.casework.database import Database
from graph_service.casework.days import day_of
from graph_service.casework.judgement_tables import TipRow, TipSourceRow
from graph_service.clock import Clock
from graph_service.errors import CaseworkError, Conflict, NotThere, UsageError

_SEAL: Final = {"alg": "dir", "enc": "A256GCM"}
_NO_TIP: Final = "There is no such tip, or it is not for you to see."


class Channel(StrEnum):
    """How a tip came, in the words of the record contract."""

    PHONE = "phone"
    WEB = "web"
    LETTER = "letter"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Tip:
    """A tip without its source. `about` is an entity's reference, None where it names nobody.

    `case_id` is told to those who work on that case.
    """

    tip_id: str
    received_on: date
    channel: Channel
    about: str | None
    credibility: int | None
    text: str
    case_id: str | None
    recorded_by: str
    recorded_at: datetime


class Tips:
    """The tips. `key` is the home's secret."""

    def __init__(self, database: Database, *, clock: Clock, key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._key = OctKey.import_key(hmac.digest(key, b"tip sources", hashlib.sha256))

    def record(
        self,
        caller: Caller,
        *,
        received_on: date,
        channel: Channel,
        text: str,
        about: str | None = None,
        credibility: int | None = None,
        source: str | None = None,
    ) -> Tip:
        """Keep a tip; whoever records it does not read its source again without the right to."""
        at = self._clock()
        if received_on > day_of(at):
            raise UsageError("The tip is of a day that is still to come. Give when it came.")
        if credibility is not None and not 1 <= credibility <= 5:
            raise UsageError("A tip's credibility is 1 (doubtful) to 5 (certain), or not given.")
        row = TipRow(
            tip_id=fresh_id("tip"),
            received_on=received_on,
            channel=channel,
            about=about,
            credibility=credibility,
            text=said(text, "tip"),
            recorded_by=caller.user_id,
            recorded_at=at,
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            if source is not None:
                sealed = jwe.encrypt_compact(_SEAL, said(source, "source"), self._key)
                session.add(TipSourceRow(tip_id=row.tip_id, sealed=sealed))
        return _told(row, frozenset())

    def page(
        self,
        caller: Caller,
        seen: Collection[str],
        *,
        after: tuple[date, str] | None = None,
        limit: int,
    ) -> list[Tip]:
        """The tips that are for the caller, the newest first; up to `limit` after a place.

        `seen` are those of `abouts()` that the caller may see.
        """
        with self._database.reading() as session:
            mine = _cases_of(session, caller)
            asked = select(TipRow).where(_for(caller, seen, mine))
            if after is not None:
                day, tip_id = after
                same = and_(TipRow.received_on == day, TipRow.tip_id > tip_id)
                asked = asked.where(or_(TipRow.received_on < day, same))
            order = (TipRow.received_on.desc(), TipRow.tip_id)
            found = session.scalars(asked.order_by(*order).limit(limit))
            return [_told(row, mine) for row in found]

    def read(self, tip_id: str, caller: Caller, seen: Collection[str]) -> Tip:
        """One tip that is for the caller; else NotThere."""
        with self._database.reading() as session:
            mine = _cases_of(session, caller)
            return _told(_one(session, tip_id, _for(caller, seen, mine)), mine)

    def abouts(self) -> frozenset[str]:
        """Whom or what there are tips about, to be held against what somebody may see."""
        with self._database.reading() as session:
            found = session.scalars(select(TipRow.about).distinct())
            return frozenset(about for about in found if about is not None)

    def link(self, tip_id: str, case_id: str, caller: Caller, seen: Collection[str]) -> Tip:
        """Put a tip to a case of the caller's; its members then read it."""
        at = self._clock()
        with changing(self._database, case_id, caller, at) as change:
            mine = _cases_of(change.session, caller)
            allowed = _for(caller, seen, mine)
            row = _one(change.session, tip_id, allowed, lock=True)
            if row.case_id not in (None, *mine):
                raise Conflict("The tip is in another case already. Ask a coordinator who has it.")
            row.case_id = case_id
            change.record(Event.LINKED, after=f"tip:{tip_id}")
        return _told(row, mine)

    def source(self, tip_id: str) -> str:
        """Who told a tip, for the role that may know. NotThere where nobody was named."""
        with self._database.reading() as session:
            row = session.get(TipSourceRow, tip_id)
        if row is None:
            raise NotThere("There is no such tip, or nobody was named as its source.")
        try:
            opened = jwe.decrypt_compact(row.sealed, self._key)
        except JoseError as error:
            raise CaseworkError(
                "The source was sealed in another home. Give this home back its reference.key."
            ) from error
        return (opened.plaintext or b"").decode()


def _cases_of(session: Session, caller: Caller) -> frozenset[str]:
    """The cases that somebody works on and meets."""
    asked = (
        select(CaseRow.case_id)
        .join(MemberRow, MemberRow.case_id == CaseRow.case_id)
        .where(MemberRow.user_id == caller.user_id)
    )
    if not caller.sees_insiders:
        asked = asked.where(CaseRow.restricted.is_(False))
    return frozenset(session.scalars(asked))


def _for(caller: Caller, seen: Collection[str], mine: Collection[str]) -> ColumnElement[bool]:
    """Tips about what the caller may see, of their cases, or recorded by themselves; and those
    that name nobody, for who sees every unit.
    """
    allowed = [
        TipRow.about.in_(seen),
        TipRow.case_id.in_(mine),
        TipRow.recorded_by == caller.user_id,
    ]
    if caller.units is None:
        allowed.append(TipRow.about.is_(None))
    return or_(*allowed)


def _one(
    session: Session, tip_id: str, allowed: ColumnElement[bool], *, lock: bool = False
) -> TipRow:
    asked = select(TipRow).where(TipRow.tip_id == tip_id, allowed)
    row = session.scalar(asked.with_for_update() if lock else asked)
    if row is None:
        raise NotThere(_NO_TIP)
    return row


def _told(row: TipRow, mine: Collection[str]) -> Tip:
    return Tip(
        tip_id=row.tip_id,
        received_on=row.received_on,
        channel=Channel(row.channel),
        about=row.about,
        credibility=row.credibility,
        text=row.text,
        case_id=row.case_id if row.case_id in mine else None,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
    )
