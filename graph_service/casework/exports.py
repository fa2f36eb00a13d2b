"""Exports of a case: one asks, another one approves, and only then is a package made.

What is approved is a point: the case's version with the judgements and replies that it tells, the
run, the reach of who asked, the masks that are lifted. Once any of it is another, the approval
holds for nothing and the export is asked for anew. That it was asked for is no change of the case.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from graph_service.access.table import Caller, Role
from graph_service.casework import masks
from graph_service.casework.case_access import ENDED, case_of_member, is_member, said
from graph_service.casework.case_tables import CaseRow, MemberRow, fresh_id
from graph_service.casework.database import Database
from graph_service.casework.export_file import (
    Export,
    Package,
    State,
    findings_of,
    package,
    state_of,
    told,
    told_digest,
)
from graph_service.casework.export_tables import ExportRow, PackageRow
from graph_service.clock import Clock
from graph_service.errors import Conflict, NotAllowed, NotThere, UsageError
from graph_service.evidence.recipients import recipient as profile_of
from graph_service.evidence.request import Request

#: How long an approval holds: a week, to make the package and hand it over.
DAYS: Final = 7
#: Who approves in cases of others. A reviewer does in a case that they work on themselves.
_APPROVERS: Final = frozenset({Role.COORDINATOR, Role.LAWYER, Role.SECURITY})

_NO_EXPORT: Final = "There is no such export, or it is not for you to see."
_OUTDATED: Final = (
    "The case, a judgement, a reply or a mask in it is not as it was when the export was asked "
    "for. Ask for it anew."
)


class Exports:
    """What is asked to leave the municipality, and who let it."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ask(
        self,
        case_id: str,
        caller: Caller,
        *,
        recipient: str,
        legal_ground: str,
        run_id: str,
        lifted: Collection[str] = (),
        authority_reference: str | None = None,
        contact: str | None = None,
        damages: str | None = None,
    ) -> Export:
        """Ask to export a case of the caller's as it stands; nothing is made yet.

        `contact` is whom the recipient may ask, `damages` what the municipality claims: both in
        its own words. `lifted` are the protected persons, by reference, who shall be told: two
        people must have lifted their masks in the case. Findings about the municipality's own
        people go along in a restricted case only. Raises UsageError for what does not fit,
        Conflict for a case that has ended and for a mask that is not lifted.
        """
        at = self._clock()
        row = ExportRow(
            export_id=fresh_id("export"),
            case_id=case_id,
            run_id=run_id,
            recipient=profile_of(recipient).name,
            legal_ground=said(legal_ground, "legal ground"),
            authority_reference=_or_none(authority_reference, "reference"),
            contact=_or_none(contact, "contact"),
            damages=_or_none(damages, "damages"),
            lifted=sorted(set(lifted)),
            units=None if caller.units is None else sorted(caller.units),
            asked_by=caller.user_id,
            asked_at=at,
        )
        with self._database.writing() as session:
            case = case_of_member(session, case_id, caller, lock=True)
            if case.status in ENDED:
                raise Conflict("The case is closed or dismissed. Reopen it first, with a reason.")
            if not findings_of(session, case_id):
                raise UsageError("The case links no finding. Link one, then ask for the export.")
            if not set(row.lifted) <= masks.lifted(session, case_id, at):
                raise Conflict(
                    "A mask that the export would tell is not lifted in the case. Ask to have it "
                    "lifted there first; another person approves."
                )
            row.case_version, row.told_digest = case.version, told_digest(session, case_id)
            row.insiders = case.restricted and caller.sees_insiders
            session.add(row)
            session.flush()
            return told(session, row, case, at)

    def approve(self, export_id: str, caller: Caller) -> Export:
        """Let an export that another one asked for be made, for `DAYS` days.

        Raises NotAllowed for who asked it, Conflict where it waits for nobody or its case is not
        as it was.
        """
        at = self._clock()
        with self._database.writing() as session:
            row, case = _met(session, export_id, caller, lock=True)
            if row.asked_by == caller.user_id:
                raise NotAllowed("An export takes two people. Ask a colleague to approve it.")
            _require(State.ASKED, session, row, case, at)
            row.approved_by, row.approved_at = caller.user_id, at
            row.expires_at = at + timedelta(days=DAYS)
            session.flush()
            return told(session, row, case, at)

    def refuse(self, export_id: str, caller: Caller, reason: str) -> Export:
        """Let it not be made; an approval that was given ends with it."""
        words = said(reason, "reason")
        with self._database.writing() as session:
            row, case = _met(session, export_id, caller, lock=True)
            if row.asked_by == caller.user_id:
                raise NotAllowed("You asked for this export yourself. Withdraw it instead.")
            return self._end(session, row, case, State.REFUSED, caller, words)

    def withdraw(self, export_id: str, caller: Caller) -> Export:
        """Take back, as a member of its case, that it was asked for; an approval ends with it."""
        with self._database.writing() as session:
            row, case = _of_member(session, export_id, caller, lock=True)
            return self._end(session, row, case, State.WITHDRAWN, caller, None)

    def request(self, export_id: str, caller: Caller) -> Request:
        """What may be made now, for a member who sees at least as much as who asked for it.

        Raises NotThere, NotAllowed for one who sees less, and Conflict where it is not approved
        or its case is not as it was.
        """
        with self._database.reading() as session:
            row, case = _of_member(session, export_id, caller)
            _require_reach(row, caller)
            _require(State.APPROVED, session, row, case, self._clock())
            return _request(row)

    def made(
        self, export_id: str, caller: Caller, *, sha256: str, size: int, findings: int, rows: int
    ) -> Package:
        """Note that a package was made of an export that is approved; each making is noted."""
        at = self._clock()
        with self._database.writing() as session:
            row, case = _of_member(session, export_id, caller, lock=True)
            _require(State.APPROVED, session, row, case, at)
            before = select(func.count()).where(PackageRow.export_id == export_id)
            made = PackageRow(
                export_id=export_id,
                number=1 + (session.scalar(before) or 0),
                made_by=caller.user_id,
                made_at=at,
                sha256=sha256,
                size=size,
                findings=findings,
                rows=rows,
            )
            session.add(made)
        return package(made)

    def packages(self, export_id: str, caller: Caller) -> list[Package]:
        """What was made of an export, newest first, for whom `request` would give it."""
        with self._database.reading() as session:
            row, _ = _of_member(session, export_id, caller)
            _require_reach(row, caller)
            made = select(PackageRow).where(PackageRow.export_id == export_id)
            found = session.scalars(made.order_by(PackageRow.number.desc()))
            return [package(each) for each in found]

    def one(self, export_id: str, caller: Caller) -> Export:
        """An export, for the members of its case and for those who may approve it."""
        with self._database.reading() as session:
            row, case = _met(session, export_id, caller)
            return told(session, row, case, self._clock())

    def of_case(
        self, case_id: str, caller: Caller, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> list[Export]:
        """The exports of a case of the caller's, oldest first; up to `limit` after a place."""
        with self._database.reading() as session:
            case_of_member(session, case_id, caller)
            return self._page(session, after, limit, ExportRow.case_id == case_id)

    def waiting(
        self, caller: Caller, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> list[Export]:
        """What waits for an approval that the caller may give, oldest first.

        One whose case has other judgements, replies or masks by now is told as outdated.
        """
        asked = [
            ExportRow.approved_at.is_(None),
            ExportRow.ended_at.is_(None),
            ExportRow.asked_by != caller.user_id,
            ExportRow.case_version == CaseRow.version,
            CaseRow.status.not_in(ENDED),
        ]
        if not caller.sees_insiders:
            asked.append(CaseRow.restricted.is_(False))
        if not caller.roles & _APPROVERS:
            mine = select(MemberRow.case_id).where(MemberRow.user_id == caller.user_id)
            asked.append(ExportRow.case_id.in_(mine))
        with self._database.reading() as session:
            return self._page(session, after, limit, *asked)

    def standing(self) -> frozenset[str]:
        """The exports whose approval holds now: only their packages may be kept."""
        at = self._clock()
        approved = (
            select(ExportRow, CaseRow)
            .join(CaseRow, CaseRow.case_id == ExportRow.case_id)
            .where(ExportRow.expires_at > at, ExportRow.ended_at.is_(None))
        )
        with self._database.reading() as session:
            return frozenset(
                row.export_id
                for row, case in session.execute(approved)
                if state_of(session, row, case, at) is State.APPROVED
            )

    def _page(
        self,
        session: Session,
        after: tuple[datetime, str] | None,
        limit: int,
        *which: ColumnElement[bool],
    ) -> list[Export]:
        at = self._clock()
        asked = select(ExportRow, CaseRow).join(CaseRow, CaseRow.case_id == ExportRow.case_id)
        if after is not None:
            moment, export_id = after
            same = and_(ExportRow.asked_at == moment, ExportRow.export_id > export_id)
            asked = asked.where(or_(ExportRow.asked_at > moment, same))
        order = (ExportRow.asked_at, ExportRow.export_id)
        found = session.execute(asked.where(*which).order_by(*order).limit(limit))
        return [told(session, row, case, at) for row, case in found.all()]

    def _end(
        self,
        session: Session,
        row: ExportRow,
        case: CaseRow,
        how: State,
        caller: Caller,
        reason: str | None,
    ) -> Export:
        at = self._clock()
        if row.ended_as is not None:
            raise Conflict(f"The export has ended already: it is {row.ended_as}.")
        row.ended_as, row.ended_by, row.ended_at = how, caller.user_id, at
        row.end_reason = reason
        session.flush()
        return told(session, row, case, at)


def _met(
    session: Session, export_id: str, caller: Caller, *, lock: bool = False
) -> tuple[ExportRow, CaseRow]:
    """An export that the caller may see, with its case, whose row is locked first if at all."""
    row = session.get(ExportRow, export_id)
    case = row and session.get(CaseRow, row.case_id, with_for_update=lock)
    if row is None or not case or (case.restricted and not caller.sees_insiders):
        raise NotThere(_NO_EXPORT)
    if not caller.roles & _APPROVERS and not is_member(session, case.case_id, caller.user_id):
        raise NotThere(_NO_EXPORT)
    if lock:
        session.refresh(row)
    return row, case


def _of_member(
    session: Session, export_id: str, caller: Caller, *, lock: bool = False
) -> tuple[ExportRow, CaseRow]:
    row, case = _met(session, export_id, caller, lock=lock)
    if not is_member(session, case.case_id, caller.user_id):
        raise NotThere(_NO_EXPORT)
    return row, case


def _require(state: State, session: Session, row: ExportRow, case: CaseRow, at: datetime) -> None:
    stands = state_of(session, row, case, at)
    if stands is State.OUTDATED:
        raise Conflict(_OUTDATED)
    if stands is State.ASKED and state is State.APPROVED:
        raise Conflict("The export waits for another person's approval. Ask a colleague for it.")
    if stands is not state:
        raise Conflict(f"The export is {stands}, not {state}. Ask for it anew.")


def _require_reach(row: ExportRow, caller: Caller) -> None:
    """Who sees less than who asked for it would be told more than they may see."""
    units = row.units is not None and caller.units is not None and set(row.units) <= caller.units
    if not (caller.units is None or units) or (row.insiders and not caller.sees_insiders):
        raise NotAllowed("The export tells more than you may see. Ask for one of your own.")


def _or_none(text: str | None, what: str) -> str | None:
    return None if text is None else said(text, what)


def _request(row: ExportRow) -> Request:
    kept = {name: getattr(row, name) for name in Request.__slots__}
    units = None if row.units is None else frozenset(row.units)
    return Request(**kept | {"lifted": frozenset(row.lifted), "units": units})
