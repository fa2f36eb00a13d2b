"""What a case looks like to those who see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph_service.casework.case_access import history
from graph_service.casework.case_tables import (
    CaseRow,
    Event,
    LinkKind,
    LinkRow,
    MemberRow,
    Status,
    SubjectRow,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to link: an entity, or a finding with the entities that it is about."""

    kind: LinkKind
    reference: str
    subjects: frozenset[str] = frozenset()
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A subject that was linked, by whom and when."""

    kind: LinkKind
    reference: str
    subjects: tuple[str, ...]
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
    """A case as its members see it; its notes and masks are asked for by themselves."""

    purpose: str
    legal_ground: str
    changed_at: datetime
    closed_at: datetime | None
    links: tuple[Link, ...]
    history: tuple[Happened, ...]


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
    """All of one case but its notes and masks."""
    (outline,) = outlines(session, [case])
    return CaseFile(
        **{name: getattr(outline, name) for name in Outline.__slots__},
        purpose=case.purpose,
        legal_ground=case.legal_ground,
        changed_at=case.changed_at,
        closed_at=case.closed_at,
        links=links_of(session, case.case_id),
        history=tuple(
            Happened(
                row.version, Event(row.event), row.by, row.at, row.before, row.after, row.reason
            )
            for row in history(session, case.case_id)
        ),
    )


def links_of(session: Session, case_id: str) -> tuple[Link, ...]:
    """What a case is about, in the order in which it was linked."""
    about: dict[tuple[str, str], list[str]] = {}
    for row in session.scalars(select(SubjectRow).where(SubjectRow.case_id == case_id)):
        about.setdefault((row.kind, row.reference), []).append(row.subject)
    found = session.scalars(
        select(LinkRow)
        .where(LinkRow.case_id == case_id)
        .order_by(LinkRow.linked_at, LinkRow.kind, LinkRow.reference)
    )
    return tuple(
        Link(
            kind=LinkKind(row.kind),
            reference=row.reference,
            subjects=tuple(sorted(about.get((row.kind, row.reference), ()))),
            run_id=row.run_id,
            linked_by=row.linked_by,
            linked_at=row.linked_at,
        )
        for row in found
    )
