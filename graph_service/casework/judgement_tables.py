"""The tables of what people say of findings and providers, and of what others tell them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.case_tables import NAME
from graph_service.casework.database import Base


class DispositionRow(Base):
    """What somebody judged of a finding. A later judgement ends this one and leaves its row."""

    __tablename__ = "dispositions"

    disposition_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    finding_id: Mapped[str] = mapped_column(String(NAME), index=True)
    detector: Mapped[str] = mapped_column(String(NAME))
    provider: Mapped[str] = mapped_column(String(NAME))
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    story: Mapped[str | None] = mapped_column(String(NAME))
    insider: Mapped[bool]
    decided_by: Mapped[str] = mapped_column(String(NAME))
    decided_at: Mapped[datetime]
    expires_on: Mapped[date | None] = mapped_column(Date)
    ended_by: Mapped[str | None] = mapped_column(String(NAME))
    ended_at: Mapped[datetime | None]


class SnoozeRow(Base):
    """A finding or provider that somebody put off until a day."""

    __tablename__ = "snoozes"

    snooze_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(NAME), index=True)
    until: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    snoozed_by: Mapped[str] = mapped_column(String(NAME))
    snoozed_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(NAME))
    ended_at: Mapped[datetime | None]


class ReplyRow(Base):
    """What a provider answered when it was asked (förvaltningslagen 25 §)."""

    __tablename__ = "replies"

    reply_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    provider: Mapped[str] = mapped_column(String(NAME), index=True)
    received_on: Mapped[date] = mapped_column(Date)
    text: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(String(NAME))
    recorded_at: Mapped[datetime]


class ReplyFindingRow(Base):
    """A finding that a reply answers."""

    __tablename__ = "reply_findings"

    reply_id: Mapped[str] = mapped_column(ForeignKey("replies.reply_id"), primary_key=True)
    finding_id: Mapped[str] = mapped_column(String(NAME), primary_key=True, index=True)


class TipRow(Base):
    """What somebody told; who told it stands apart."""

    __tablename__ = "tips"

    tip_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    received_on: Mapped[date] = mapped_column(Date)
    channel: Mapped[str] = mapped_column(String(16))
    about: Mapped[str | None] = mapped_column(String(NAME), index=True)
    credibility: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.case_id"), index=True)
    recorded_by: Mapped[str] = mapped_column(String(NAME))
    recorded_at: Mapped[datetime]


class TipSourceRow(Base):
    """Who told a tip, sealed with the home's key."""

    __tablename__ = "tip_sources"

    tip_id: Mapped[str] = mapped_column(ForeignKey("tips.tip_id"), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
