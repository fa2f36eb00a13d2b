"""The tables of cases. Entities stand here by their opaque references, never by their numbers."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ForeignKey, ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.database import Base

#: What a user, an entity, a finding or a run may be called at most.
NAME: Final = 255


def fresh_id(kind: str) -> str:
    """An id that tells nothing and that nobody guesses."""
    return f"{kind}-{secrets.token_hex(8)}"


class Status(StrEnum):
    """Where a case stands; only people move it."""

    NEW = "new"
    UNDER_REVIEW = "under_review"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"
    ACTION = "action"
    CLOSED = "closed"


class LinkKind(StrEnum):
    """What a case points at."""

    ENTITY = "entity"
    FINDING = "finding"


class Event(StrEnum):
    """What was done to a case."""

    OPENED = "opened"
    EDITED = "edited"
    STATUS = "status"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    LINKED = "linked"
    UNLINKED = "unlinked"
    NOTED = "noted"
    MASK_ASKED = "mask_asked"
    MASK_APPROVED = "mask_approved"
    MASK_REVOKED = "mask_revoked"


class CaseRow(Base):
    """A case. `version` counts every change of it or of what belongs to it."""

    __tablename__ = "cases"

    case_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    legal_ground: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(32))
    restricted: Mapped[bool]
    opened_by: Mapped[str] = mapped_column(String(NAME))
    opened_at: Mapped[datetime] = mapped_column(index=True)
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class MemberRow(Base):
    """Who works on a case."""

    __tablename__ = "case_members"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(NAME), primary_key=True, index=True)
    added_by: Mapped[str] = mapped_column(String(NAME))
    added_at: Mapped[datetime]


class LinkRow(Base):
    """An entity or finding that a case is about, and the run in which it was seen."""

    __tablename__ = "case_links"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    reference: Mapped[str] = mapped_column(String(NAME), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(String(NAME))
    linked_by: Mapped[str] = mapped_column(String(NAME))
    linked_at: Mapped[datetime]


class SubjectRow(Base):
    """Whom a linked finding is about, as it was when it was linked."""

    __tablename__ = "case_link_subjects"
    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "kind", "reference"],
            ["case_links.case_id", "case_links.kind", "case_links.reference"],
            ondelete="CASCADE",
        ),
    )

    case_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    reference: Mapped[str] = mapped_column(String(NAME), primary_key=True)
    subject: Mapped[str] = mapped_column(String(NAME), primary_key=True)


class NoteRow(Base):
    """One version of one note. An edit is a further version; none is changed or removed."""

    __tablename__ = "case_notes"

    note_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    author: Mapped[str] = mapped_column(String(NAME))
    written_at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)


class EventRow(Base):
    """One change of a case: by whom, when, from what to what, and why."""

    __tablename__ = "case_events"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(NAME))
    at: Mapped[datetime]
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)


class MaskRow(Base):
    """A protected person whose mask is, or is asked to be, lifted within a case."""

    __tablename__ = "case_masks"

    mask_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    reference: Mapped[str] = mapped_column(String(NAME))
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(NAME))
    asked_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(NAME))
    approved_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(NAME))
    revoked_at: Mapped[datetime | None]
