"""Cases: why persons are looked at, by whom, on what legal ground, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, select

from graph_service.access.table import Caller, Role
from graph_service.casework import contents, masks
from graph_service.casework.case_access import (
    ENDED,
    Change,
    case_of_member,
    changing,
    is_member,
    said,
)
from graph_service.casework.case_file import (
    CaseFile,
    Happened,
    Link,
    Outline,
    Subject,
    case_file,
    history_page,
    in_clear,
    link_page,
    outlines,
)
from graph_service.casework.case_tables import (
    CaseRow,
    Event,
    LinkKind,
    LinkRow,
    MemberRow,
    Status,
    fresh_id,
)
from graph_service.casework.database import Database
from graph_service.clock import Clock
from graph_service.errors import Conflict, NotAllowed, NotThere

#: Where a case may go from where it stands. Each step is somebody's, with a reason.
STEPS: Final[Mapping[Status, frozenset[Status]]] = {
    Status.NEW: frozenset({Status.UNDER_REVIEW, Status.CLOSED}),
    Status.UNDER_REVIEW: frozenset({Status.DISMISSED, Status.CONFIRMED, Status.CLOSED}),
    Status.DISMISSED: frozenset({Status.UNDER_REVIEW, Status.CLOSED}),
    Status.CONFIRMED: frozenset({Status.ACTION, Status.UNDER_REVIEW, Status.CLOSED}),
    Status.ACTION: frozenset({Status.UNDER_REVIEW, Status.CLOSED}),
    Status.CLOSED: frozenset({Status.UNDER_REVIEW}),
}

_NO_LINK: Final = "The case has no such link."


@dataclass(frozen=True, slots=True)
class Inside:
    """What an open case lets its members see: entities in clear, protected ones unmasked."""

    clear: frozenset[str]
    lifted: frozenset[str]


class Cases:
    """The cases of a municipality. Only a case's members see and change it."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(
        self,
        caller: Caller,
        *,
        title: str,
        purpose: str,
        legal_ground: str,
        about: Collection[Subject] = (),
        restricted: bool = False,
    ) -> CaseFile:
        """A new case, whose only member is who opens it.

        A restricted case is about the municipality's own people: only those with the role
        security open it or meet it. Raises UsageError where a text is empty.
        """
        if restricted and not caller.sees_insiders:
            raise NotAllowed("Only the role security opens a restricted case. Ask them to.")
        at = self._clock()
        case = CaseRow(
            case_id=fresh_id("case"),
            version=0,
            title=said(title, "title"),
            purpose=said(purpose, "purpose"),
            legal_ground=said(legal_ground, "legal ground"),
            status=Status.NEW,
            restricted=restricted,
            opened_by=caller.user_id,
            opened_at=at,
            changed_at=at,
        )
        with self._database.writing() as session:
            session.add(case)
            session.flush()
            change = Change(session, case, caller.user_id, at)
            contents.add_member(change, caller.user_id)
            for subject in about:
                contents.link(change, subject)
            change.record(Event.OPENED, after=Status.NEW)
            session.flush()
            return case_file(session, case)

    def inside(self, case_id: str, caller: Caller) -> Inside:
        """What the caller may see in clear within a case.

        Raises NotThere unless the caller works on it, NotAllowed unless it is open.
        """
        at = self._clock()
        with self._database.reading() as session:
            case = case_of_member(session, case_id, caller)
            if case.status in ENDED:
                raise NotAllowed("The case is closed or dismissed. Reopen it first, with a reason.")
            lifted = masks.lifted(session, case_id, at)
            return Inside(in_clear(session, case_id) | lifted, lifted)

    def page(
        self,
        caller: Caller,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int,
        status: Status | None = None,
    ) -> list[Outline]:
        """The caller's cases, newest first; a coordinator's are all but restricted ones."""
        asked = select(CaseRow).order_by(CaseRow.opened_at.desc(), CaseRow.case_id).limit(limit)
        mine = select(MemberRow.case_id).where(MemberRow.user_id == caller.user_id)
        if Role.COORDINATOR in caller.roles:
            asked = asked.where(or_(CaseRow.restricted.is_(False), CaseRow.case_id.in_(mine)))
        else:
            asked = asked.where(CaseRow.case_id.in_(mine))
        if not caller.sees_insiders:
            asked = asked.where(CaseRow.restricted.is_(False))
        if status is not None:
            asked = asked.where(CaseRow.status == status)
        if after is not None:
            at, case_id = after
            later = and_(CaseRow.opened_at == at, CaseRow.case_id > case_id)
            asked = asked.where(or_(CaseRow.opened_at < at, later))
        with self._database.reading() as session:
            return outlines(session, list(session.scalars(asked)))

    def read(self, case_id: str, caller: Caller) -> Outline:
        """A CaseFile for a member; its Outline for a coordinator who is none. Else NotThere."""
        with self._database.reading() as session:
            case = session.get(CaseRow, case_id)
            if (
                case is not None
                and not case.restricted
                and Role.COORDINATOR in caller.roles
                and not is_member(session, case_id, caller.user_id)
            ):
                return outlines(session, [case])[0]
        return self.file(case_id, caller)

    def file(self, case_id: str, caller: Caller) -> CaseFile:
        """A case of the caller's. Raises NotThere."""
        with self._database.reading() as session:
            return case_file(session, case_of_member(session, case_id, caller))

    def edit(
        self,
        case_id: str,
        caller: Caller,
        *,
        expected: int | None,
        title: str | None = None,
        purpose: str | None = None,
        legal_ground: str | None = None,
    ) -> CaseFile:
        """Change what a case says of itself, as it was read in version `expected`.

        None leaves a text as it is, and as version takes the case as it stands. Raises Stale.
        """
        given = {"title": title, "purpose": purpose, "legal_ground": legal_ground}
        told = {
            name: said(text, name.replace("_", " "))
            for name, text in given.items()
            if text is not None
        }
        with self._changing(case_id, caller, expected) as change:
            new = {name: text for name, text in told.items() if getattr(change.case, name) != text}
            if new:
                old = {name: getattr(change.case, name) for name in new}
                for name, text in new.items():
                    setattr(change.case, name, text)
                change.record(Event.EDITED, before=_json(old), after=_json(new))
            change.session.flush()
            return case_file(change.session, change.case)

    def move(
        self, case_id: str, caller: Caller, to: Status, reason: str, *, expected: int | None
    ) -> CaseFile:
        """Take a case a step further, or reopen it. Raises Stale, and Conflict for no such step.

        With a case that is dismissed or closed, its lifted masks end.
        """
        told = said(reason, "reason")
        with self._changing(case_id, caller, expected, closed_too=True) as change:
            case, at = change.case, change.at
            stands = Status(case.status)
            if to not in STEPS[stands]:
                allowed = ", ".join(sorted(STEPS[stands]))
                raise Conflict(f"The case is {stands}; from there it goes to {allowed}.")
            case.status, case.closed_at = to, at if to is Status.CLOSED else None
            if to in ENDED:
                masks.end_all(change.session, case_id, change.by, at)
            change.record(Event.STATUS, before=stands, after=to, reason=told)
            change.session.flush()
            return case_file(change.session, case)

    def add_member(self, case_id: str, caller: Caller, user_id: str) -> CaseFile:
        """Let somebody in; twice is as once."""
        with self._changing(case_id, caller) as change:
            if not is_member(change.session, case_id, user_id):
                contents.add_member(change, said(user_id, "user"))
                change.record(Event.MEMBER_ADDED, after=user_id)
            change.session.flush()
            return case_file(change.session, change.case)

    def remove_member(self, case_id: str, caller: Caller, user_id: str) -> None:
        """Let somebody go. Raises NotThere for no member, Conflict for the last one."""
        with self._changing(case_id, caller) as change:
            found = change.session.get(MemberRow, (case_id, user_id))
            if found is None:
                raise NotThere("The case has no such member.")
            members = select(MemberRow.user_id).where(MemberRow.case_id == case_id)
            if len(change.session.scalars(members).all()) == 1:
                raise Conflict("A case keeps at least one member. Add another one first.")
            change.session.delete(found)
            change.record(Event.MEMBER_REMOVED, before=user_id)

    def link(self, case_id: str, caller: Caller, subject: Subject) -> CaseFile:
        """Say that the case is about something; again renews whom a finding is about."""
        with self._changing(case_id, caller) as change:
            contents.link(change, subject)
            change.record(Event.LINKED, after=f"{subject.kind}:{subject.reference}")
            change.session.flush()
            return case_file(change.session, change.case)

    def unlink(self, case_id: str, caller: Caller, kind: LinkKind, reference: str) -> None:
        """Say that the case is not about it. Raises NotThere where it was not linked."""
        with self._changing(case_id, caller) as change:
            if change.session.get(LinkRow, (case_id, kind, reference)) is None:
                raise NotThere(_NO_LINK)
            contents.unlink(change.session, case_id, kind, reference)
            change.record(Event.UNLINKED, before=f"{kind}:{reference}")

    def links(
        self,
        case_id: str,
        caller: Caller,
        *,
        after: tuple[datetime, str, str] | None = None,
        limit: int,
    ) -> list[Link]:
        """What a case of the caller's is about."""
        with self._database.reading() as session:
            case_of_member(session, case_id, caller)
            return link_page(session, case_id, after=after, limit=limit)

    def history(
        self, case_id: str, caller: Caller, *, after: int = 0, limit: int
    ) -> list[Happened]:
        """What was done to a case of the caller's, by whom, when and why."""
        with self._database.reading() as session:
            case_of_member(session, case_id, caller)
            return history_page(session, case_id, after=after, limit=limit)

    def _changing(
        self,
        case_id: str,
        caller: Caller,
        expected: int | None = None,
        *,
        closed_too: bool = False,
    ) -> AbstractContextManager[Change]:
        return changing(
            self._database,
            case_id,
            caller,
            self._clock(),
            expected=expected,
            closed_too=closed_too,
        )


def _json(told: Mapping[str, str]) -> str:
    return json.dumps(told, ensure_ascii=False)
