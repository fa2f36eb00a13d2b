"""What an export looks like to those who see it, and whether its case is still as it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph_service.access.reference import kind_of
from graph_service.casework import masks
from graph_service.casework.case_access import ENDED
from graph_service.casework.case_file import in_clear
from graph_service.casework.case_tables import CaseRow, LinkKind, LinkRow
from graph_service.casework.export_tables import ExportRow, PackageRow
from graph_service.casework.judgement_tables import DispositionRow, ReplyRow


class State(StrEnum):
    """What has become of an export."""

    ASKED = "asked"
    APPROVED = "approved"
    OUTDATED = "outdated"  # its case is not as it was when it was asked for
    EXPIRED = "expired"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Export:
    """An export as the members of its case see it, and those who may approve it.

    `lifted` are the protected persons who would be told, by reference; `findings` counts those
    that the case links, `packages` how often one was made. `units` is None where who asked sees
    every unit.
    """

    export_id: str
    case_id: str
    case_version: int
    title: str
    purpose: str
    recipient: str
    legal_ground: str
    authority_reference: str | None
    contact: str | None
    damages: str | None
    run_id: str
    units: tuple[str, ...] | None
    lifted: tuple[str, ...]
    findings: int
    state: State
    asked_by: str
    asked_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    end_reason: str | None
    packages: int


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was made of an export. `size` is in bytes."""

    export_id: str
    number: int
    made_by: str
    made_at: datetime
    sha256: str
    size: int
    findings: int
    rows: int


def told(session: Session, row: ExportRow, case: CaseRow, at: datetime) -> Export:
    """An export of a case, as it stands at a moment."""
    made = select(func.count()).where(PackageRow.export_id == row.export_id)
    kept = {name: getattr(row, name) for name in Export.__slots__ if hasattr(ExportRow, name)}
    return Export(
        **kept
        | {
            "title": case.title,
            "purpose": case.purpose,
            "units": None if row.units is None else tuple(row.units),
            "lifted": tuple(row.lifted),
            "findings": findings_of(session, row.case_id),
            "state": state_of(session, row, case, at),
            "packages": session.scalar(made) or 0,
        }
    )


def package(row: PackageRow) -> Package:
    """A package that was made."""
    return Package(**{name: getattr(row, name) for name in Package.__slots__})


def state_of(session: Session, row: ExportRow, case: CaseRow, at: datetime) -> State:
    """What has become of an export at a moment."""
    if row.ended_as is not None:
        return State(row.ended_as)
    if row.expires_at is not None and at >= row.expires_at:
        return State.EXPIRED
    if not _stands(session, row, case, at):
        return State.OUTDATED
    return State.ASKED if row.approved_at is None else State.APPROVED


def told_digest(session: Session, case_id: str) -> str:
    """The digest of what an export tells beside the case itself: judgements and replies."""
    found = select(LinkRow.reference).where(
        LinkRow.case_id == case_id, LinkRow.kind == LinkKind.FINDING
    )
    judged = select(DispositionRow.disposition_id).where(
        DispositionRow.finding_id.in_(found), DispositionRow.ended_at.is_(None)
    )
    firms = [each for each in in_clear(session, case_id) if kind_of(each) == "organisation"]
    replied = select(ReplyRow.reply_id).where(ReplyRow.provider.in_(firms))
    parts = [sorted(session.scalars(asked)) for asked in (judged, replied)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def findings_of(session: Session, case_id: str) -> int:
    """How many findings a case links."""
    linked = (LinkRow.case_id == case_id, LinkRow.kind == LinkKind.FINDING)
    return session.scalar(select(func.count()).select_from(LinkRow).where(*linked)) or 0


def _stands(session: Session, row: ExportRow, case: CaseRow, at: datetime) -> bool:
    """Whether an export would tell what it would have told when it was asked for."""
    return (
        case.version == row.case_version
        and case.status not in ENDED
        and set(row.lifted) <= masks.lifted(session, row.case_id, at)
        and told_digest(session, row.case_id) == row.told_digest
    )
