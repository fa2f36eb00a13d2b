"""What belongs to a case: who works on it and what it is about. Used within a change of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from graph_service.casework.case_access import Change
from graph_service.casework.case_file import Subject, links_of
from graph_service.casework.case_tables import LinkKind, LinkRow, MemberRow, SubjectRow
from graph_service.errors import Conflict

#: What a case shows in clear is read with each request inside it, and answered in one piece.
LINKS: Final = 500
MEMBERS: Final = 100


def add_member(change: Change, user_id: str) -> None:
    """Let somebody in who is not in yet. Raises Conflict for one too many."""
    members = select(func.count()).where(MemberRow.case_id == change.case.case_id)
    if (change.session.scalar(members) or 0) >= MEMBERS:
        raise Conflict(f"A case has {MEMBERS} members at most. Let somebody go first.")
    change.session.add(
        MemberRow(
            case_id=change.case.case_id, user_id=user_id, added_by=change.by, added_at=change.at
        )
    )


def link(change: Change, subject: Subject) -> None:
    """Say that the case is about something, in place of what was said of it before.

    Raises Conflict for one too many, and for insiders in a case that others meet.
    """
    case_id, session = change.case.case_id, change.session
    if subject.insider and not change.case.restricted:
        raise Conflict("That is for the role security alone. Open a restricted case for it.")
    unlink(session, case_id, subject.kind, subject.reference)
    if links_of(session, case_id) >= LINKS:
        raise Conflict(f"A case is about {LINKS} things at most. Open a further one.")
    session.add(
        LinkRow(
            case_id=case_id,
            kind=subject.kind,
            reference=subject.reference,
            run_id=subject.run_id,
            linked_by=change.by,
            linked_at=change.at,
        )
    )
    session.flush()
    key = {"case_id": case_id, "kind": subject.kind, "reference": subject.reference}
    session.add_all(SubjectRow(**key, subject=one) for one in sorted(subject.subjects))


def unlink(session: Session, case_id: str, kind: LinkKind, reference: str) -> None:
    """Forget that the case is about something."""
    for table in (SubjectRow, LinkRow):
        session.execute(
            delete(table).where(
                table.case_id == case_id, table.kind == kind, table.reference == reference
            )
        )
