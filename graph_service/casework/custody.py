"""What the database tells of how a case was handled, for the custody log of its packages.

Counted in the database, so that a case that was read a hundred thousand times takes as long a
list as one that was read ten times by the same people.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph_service.casework.audit.anchor import Anchor
from graph_service.casework.audit.entry import Outcome
from graph_service.casework.audit.log import newest
from graph_service.casework.audit.reading import Numbered, Wanted, newest_first
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.case_tables import MaskRow
from graph_service.casework.database import Database
from graph_service.casework.export_file import Package, package
from graph_service.casework.export_tables import ExportRow, PackageRow

#: Entries of the log that are told one by one, the newest; all are counted.
ENTRIES: Final = 200
_UPLOAD: Final = "loads.upload"
_BATCH: Final = "batch:"


@dataclass(frozen=True, slots=True)
class Acts:
    """How often one did one thing within the case, in which roles, and between which moments."""

    user_id: str
    roles: tuple[str, ...]
    action: str
    outcome: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Lifted:
    """A protected person's mask, and the two who lifted it."""

    reference: str
    asked_by: str
    asked_at: datetime
    approved_by: str
    approved_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """An export of the case that was made before, and its packages."""

    export_id: str
    recipient: str
    legal_ground: str
    asked_by: str
    approved_by: str
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Handled:
    """A case's handling. `anchor` is where the log ended; `newest` its last entries on the case."""

    anchor: Anchor
    acts: tuple[Acts, ...]
    newest: tuple[Numbered, ...]
    lifted: tuple[Lifted, ...]
    earlier: tuple[Earlier, ...]
    uploaded_by: Mapping[str, str]


def handled(
    database: Database, case_id: str, *, lifted: Collection[str], batches: Collection[str]
) -> Handled:
    """How a case was handled; `lifted` and `batches` are those that a package tells of."""
    with database.reading() as session:
        return Handled(
            anchor=newest(session),
            acts=_acts(session, case_id),
            newest=tuple(newest_first(session, Wanted(case_id=case_id), limit=ENTRIES)),
            lifted=_lifted(session, case_id, lifted),
            earlier=_earlier(session, case_id),
            uploaded_by=_uploaded_by(session, batches),
        )


def _acts(session: Session, case_id: str) -> tuple[Acts, ...]:
    one = (AuditRow.user_id, AuditRow.roles, AuditRow.action, AuditRow.outcome)
    counted = (func.count(), func.min(AuditRow.at), func.max(AuditRow.at))
    asked = select(*one, *counted).where(AuditRow.case_id == case_id).group_by(*one).order_by(*one)
    return tuple(
        Acts(user_id, tuple(json.loads(roles)), action, outcome, times, first_at, last_at)
        for user_id, roles, action, outcome, times, first_at, last_at in session.execute(asked)
    )


def _lifted(session: Session, case_id: str, references: Collection[str]) -> tuple[Lifted, ...]:
    masks = session.scalars(
        select(MaskRow)
        .where(MaskRow.case_id == case_id, MaskRow.reference.in_(references))
        .where(MaskRow.approved_at.is_not(None), MaskRow.revoked_at.is_(None))
        .order_by(MaskRow.reference, MaskRow.asked_at, MaskRow.mask_id)
    )
    names = Lifted.__slots__
    return tuple(Lifted(**{name: getattr(mask, name) for name in names}) for mask in masks)


def _earlier(session: Session, case_id: str) -> tuple[Earlier, ...]:
    asked = (
        select(PackageRow, ExportRow)
        .join(ExportRow, ExportRow.export_id == PackageRow.export_id)
        .where(ExportRow.case_id == case_id)
        .order_by(ExportRow.asked_at, ExportRow.export_id, PackageRow.number)
    )
    rows: dict[str, ExportRow] = {}
    made: dict[str, list[Package]] = {}
    for each, row in session.execute(asked):
        rows[row.export_id] = row
        made.setdefault(row.export_id, []).append(package(each))
    return tuple(_export(row, made[export_id]) for export_id, row in rows.items())


def _export(row: ExportRow, packages: Sequence[Package]) -> Earlier:
    return Earlier(
        export_id=row.export_id,
        recipient=row.recipient,
        legal_ground=row.legal_ground,
        asked_by=row.asked_by,
        approved_by=row.approved_by or "",
        packages=tuple(packages),
    )


def _uploaded_by(session: Session, batches: Collection[str]) -> Mapping[str, str]:
    """Who brought batches over HTTP; what the terminal loads is in no log but the receipts."""
    wanted = set(batches)
    uploads = (
        select(AuditRow.user_id, AuditRow.what)
        .where(AuditRow.action == _UPLOAD, AuditRow.outcome == Outcome.ANSWERED)
        .order_by(AuditRow.seq)
        .execution_options(yield_per=1000)
    )
    return {
        named.removeprefix(_BATCH): user_id
        for user_id, what in session.execute(uploads)
        for named in json.loads(what)
        if named.startswith(_BATCH) and named.removeprefix(_BATCH) in wanted
    }
