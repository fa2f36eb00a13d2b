"""The tables of exports: what was asked to leave the municipality, who let it, what was made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.case_tables import NAME
from graph_service.casework.database import Base

_LIST = JSON(none_as_null=True)


class ExportRow(Base):
    """An export that was asked for: a case at a point, for a recipient, on a legal ground.

    `told_digest` covers what an export tells beside the case's own version: judgements, replies.
    `units` is NULL for one who sees every unit. `ended_as` is refused or withdrawn.
    """

    __tablename__ = "case_exports"

    export_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    case_version: Mapped[int]
    told_digest: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(String(NAME))
    recipient: Mapped[str] = mapped_column(String(32))
    legal_ground: Mapped[str] = mapped_column(Text)
    authority_reference: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(Text)
    damages: Mapped[str | None] = mapped_column(Text)
    lifted: Mapped[list[str]] = mapped_column(_LIST)
    units: Mapped[list[str] | None] = mapped_column(_LIST)
    insiders: Mapped[bool]
    asked_by: Mapped[str] = mapped_column(String(NAME))
    asked_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(NAME))
    approved_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    ended_as: Mapped[str | None] = mapped_column(String(16))
    ended_by: Mapped[str | None] = mapped_column(String(NAME))
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(Text)


class PackageRow(Base):
    """A package that was made of an approved export; each making is a row."""

    __tablename__ = "export_packages"

    export_id: Mapped[str] = mapped_column(ForeignKey("case_exports.export_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_by: Mapped[str] = mapped_column(String(NAME))
    made_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    findings: Mapped[int]
    rows: Mapped[int]
