"""What casework holds about one person, for their own access to it (GDPR art. 15).

Told by references; who read is never told, only when, how often and for what purpose. Restricted
cases are for the role security alone and are not told here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, func, or_, select, type_coerce, union
from sqlalchemy.orm import Session

from graph_service.access import table
from graph_service.access.table import Shows
from graph_service.casework.audit.entry import Outcome
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.case_tables import CaseRow, LinkRow, Status, SubjectRow
from graph_service.casework.export_tables import ExportRow, PackageRow
from graph_service.casework.judgement_tables import TipRow

#: Of `2026-03-01T12:30:…` the month.
_MONTH: Final = 7
_COVERT: Final = frozenset({Shows.CASEWORK, Shows.INCIDENTS})
#: What the terminal does with cases; its other commands stand in no table.
_COVERT_COMMANDS: Final = ("cli.case.", "cli.export.")
_EXPORT: Final = "cli.export"


@dataclass(frozen=True, slots=True)
class Readings:
    """How often answers told of the person in a month (UTC), and for what purpose, if said."""

    month: str
    purpose: str | None
    times: int


@dataclass(frozen=True, slots=True)
class CaseAbout:
    """An unrestricted case that is about the person, or in whose findings they are named."""

    case_id: str
    opened_at: datetime
    status: Status
    purpose: str
    legal_ground: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A package that was made of such a case for an authority."""

    recipient: str
    made_at: datetime
    legal_ground: str


def readings(session: Session, references: Collection[str], *, cases: bool) -> list[Readings]:
    """What the log says of readings; without `cases` those outside all casework."""
    month = func.substr(type_coerce(AuditRow.at, Text), 1, _MONTH, type_=Text).label("month")
    asked = (
        select(month, AuditRow.purpose, func.count())
        .where(AuditRow.outcome == Outcome.ANSWERED, _tells(references))
        .group_by("month", AuditRow.purpose)
        .order_by("month", AuditRow.purpose)
    )
    if not cases:
        asked = asked.where(*_open_to_all())
    return [Readings(row[0], row[1], row[2]) for row in session.execute(asked)]


def cases_about(session: Session, references: Collection[str]) -> list[CaseAbout]:
    """The unrestricted cases, the oldest first."""
    rows = session.scalars(
        select(CaseRow)
        .where(CaseRow.case_id.in_(_case_ids(references)), CaseRow.restricted.is_(False))
        .order_by(CaseRow.opened_at, CaseRow.case_id)
    )
    return [
        CaseAbout(row.case_id, row.opened_at, Status(row.status), row.purpose, row.legal_ground)
        for row in rows
    ]


def disclosures(session: Session, references: Collection[str]) -> list[Disclosure]:
    """To whom packages of these cases were given, the oldest first."""
    rows = session.execute(
        select(ExportRow.recipient, PackageRow.made_at, ExportRow.legal_ground)
        .join(PackageRow, PackageRow.export_id == ExportRow.export_id)
        .join(CaseRow, CaseRow.case_id == ExportRow.case_id)
        .where(ExportRow.case_id.in_(_case_ids(references)), CaseRow.restricted.is_(False))
        .order_by(PackageRow.made_at, PackageRow.export_id, PackageRow.number)
    )
    return [Disclosure(*row) for row in rows]


def tips_about(session: Session, references: Collection[str]) -> Sequence[date]:
    """On which days tips about the person came. What they say would lead to who told them."""
    asked = select(TipRow.received_on).where(TipRow.about.in_(references))
    return session.scalars(asked.order_by(TipRow.received_on)).all()


def _tells(references: Collection[str]) -> ColumnElement[bool]:
    """Entries whose JSON list holds one of the references, whatever kind stands before it."""
    return or_(*(AuditRow.what.contains(f':{each}"', autoescape=True) for each in references))


def _open_to_all() -> Sequence[ColumnElement[bool]]:
    """That an entry is of no casework, which may be secret from whom it is about."""
    covert = [name for name, known in table.operations().items() if known.shows in _COVERT]
    commands = (AuditRow.action.startswith(each, autoescape=True) for each in _COVERT_COMMANDS)
    return (
        AuditRow.case_id.is_(None),
        AuditRow.action.not_in(covert),
        *(~each for each in commands),
    )


def _case_ids(references: Collection[str]) -> Select[Any]:
    linked = select(LinkRow.case_id).where(LinkRow.reference.in_(references))
    named = select(SubjectRow.case_id).where(SubjectRow.subject.in_(references))
    return select(union(linked, named).subquery().c.case_id)
