"""The log's one table. Triggers of the database refuse every change of what stands in it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.database import Base

#: The triggers that the first migration makes.
SQLITE_GUARDS: Final = {
    "audit_entries_no_update",
    "audit_entries_no_delete",
    "audit_entries_no_replace",
}
POSTGRESQL_GUARDS: Final = {
    "audit_entries_no_update",
    "audit_entries_no_delete",
    "audit_entries_no_truncate",
}


class AuditRow(Base):
    """One entry as it is stored; `roles` and `what` are JSON lists. See `chain` for the digests."""

    __tablename__ = "audit_entries"

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[str] = mapped_column(Text)
    roles: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    status: Mapped[int | None]
    case_id: Mapped[str | None] = mapped_column(Text)
    purpose: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str | None] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
