"""What a case looks like to those who see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import and_, func, or_, select, union
from sqlalchemy.orm import Session

from graph_service.casework.case_tables import (
    CaseRow,
    Event,
    EventRow,
    LinkKind,
    LinkRow,
    MemberRow,
    NoteRow,
    Status,
    SubjectRow,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to link: an entity, or a finding with the entities that it is about.

    `insider` tells that it is about the municipality's own people.
    """

    kind: LinkKind
    reference: str
    subjects: frozenset[str] = frozenset()
    run_id: str | None = None
    insider: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A subject that was linked, by whom and when; `subjects` counts whom a finding is about."""

    kind: LinkKind
    reference: str
    subjects: int
    run_id: str | None
    linked_by: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """One change of a case; the version is the one that it made."""

    version: int
    event: Event
    by: str
    at: datetime
    before: str | None
    after: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Outline:
    """That a case exists: all that a coordinator sees of the others' cases."""

    case_id: str
    version: int
    title: str
    status: Status
    restricted: bool
    members: tuple[str, ...]
    opened_by: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile(Outline):
    """A case as its members see it; what it has many of is counted here and asked for by itself."""

    purpose: str
    legal_ground: str
    changed_at: datetime
    closed_at: datetime | None
    links: int
    notes: int


def outlines(session: Session, cases: Sequence[CaseRow]) -> list[Outline]:
    """The outlines of some cases, in their order."""
    wanted = [case.case_id for case in cases]
    found = session.scalars(
        select(MemberRow)
        .where(MemberRow.case_id.in_(wanted))
        .order_by(MemberRow.case_id, MemberRow.added_at, MemberRow.user_id)
    )
    members = {
        case_id: tuple(row.user_id for row in rows)
        for case_id, rows in groupby(found, key=lambda row: row.case_id)
    }
    return [
        Outline(
            case_id=case.case_id,
            version=case.version,
            title=case.title,
            status=Status(case.status),
            restricted=case.restricted,
            members=members.get(case.case_id, ()),
            opened_by=case.opened_by,
            opened_at=case.opened_at,
        )
        for case in cases
    ]


def case_file(session: Session, case: CaseRow) -> CaseFile:
    """One case as its members see it."""
    (outline,) = outlines(session, [case])
    notes = select(func.count(NoteRow.note_id.distinct())).where(NoteRow.case_id == case.case_id)
    return CaseFile(
        **{name: getattr(outline, name) for name in Outline.__slots__},
        purpose=case.purpose,
        legal_ground=case.legal_ground,
        changed_at=case.changed_at,
        closed_at=case.closed_at,
        links=links_of(session, case.case_id),
        notes=session.scalar(notes) or 0,
    )


def links_of(session: Session, case_id: str) -> int:
    """How much a case is about."""
    counted = select(func.count()).select_from(LinkRow).where(LinkRow.case_id == case_id)
    return session.scalar(counted) or 0


def link_page(
    session: Session, case_id: str, *, after: tuple[datetime, str, str] | None, limit: int
) -> list[Link]:
    """What a case is about, in the order in which it was linked; up to `limit` after a place."""
    about = (
        select(func.count())
        .where(
            SubjectRow.case_id == LinkRow.case_id,
            SubjectRow.kind == LinkRow.kind,
            SubjectRow.reference == LinkRow.reference,
        )
        .scalar_subquery()
    )
    asked = select(LinkRow, about).where(LinkRow.case_id == case_id)
    if after is not None:
        at, kind, reference = after
        asked = asked.where(
            or_(
                LinkRow.linked_at > at,
                and_(LinkRow.linked_at == at, LinkRow.kind > kind),
                and_(
                    LinkRow.linked_at == at,
                    LinkRow.kind == kind,
                    LinkRow.reference > reference,
                ),
            )
        )
    order = (LinkRow.linked_at, LinkRow.kind, LinkRow.reference)
    return [
        Link(
            kind=LinkKind(row.kind),
            reference=row.reference,
            subjects=subjects,
            run_id=row.run_id,
            linked_by=row.linked_by,
            linked_at=row.linked_at,
        )
        for row, subjects in session.execute(asked.order_by(*order).limit(limit))
    ]


def history_page(session: Session, case_id: str, *, after: int, limit: int) -> list[Happened]:
    """What was done to a case, oldest first; up to `limit` after a version."""
    found = session.scalars(
        select(EventRow)
        .where(EventRow.case_id == case_id, EventRow.version > after)
        .order_by(EventRow.version)
        .limit(limit)
    )
    return [
        Happened(row.version, Event(row.event), row.by, row.at, row.before, row.after, row.reason)
        for row in found
    ]


def in_clear(session: Session, case_id: str) -> frozenset[str]:
    """What a case shows in clear: its linked entities, and whom its linked findings are about."""
    entities = select(LinkRow.reference).where(
        LinkRow.case_id == case_id, LinkRow.kind == LinkKind.ENTITY
    )
    subjects = select(SubjectRow.subject).where(SubjectRow.case_id == case_id)
    return frozenset(session.scalars(union(entities, subjects)))
