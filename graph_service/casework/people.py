"""The tables of who may come in: users, their sessions, robots' keys, failed sign-ins."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Date, ForeignKey, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.casework.database import Base

_LIST = JSON(none_as_null=True)


class UserRow(Base):
    """A person who signs in here with a password. `units` is NULL for one who sees every unit."""

    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    roles: Mapped[list[str]] = mapped_column(_LIST)
    units: Mapped[list[str] | None] = mapped_column(_LIST)
    password_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class SessionRow(Base):
    """A sign-in that stands; the token itself is nowhere, only its SHA-256."""

    __tablename__ = "user_sessions"

    token_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"), index=True)
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class KeyRow(Base):
    """A robot's API key, kept after it was revoked so that the log's `key:…` has a name."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    token_sha256: Mapped[str] = mapped_column(Text, unique=True)
    roles: Mapped[list[str]] = mapped_column(_LIST)
    units: Mapped[list[str] | None] = mapped_column(_LIST)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_on: Mapped[date | None] = mapped_column(Date)


class FailureRow(Base):
    """How often sign-in failed for a name, known or not, within the window that began at `since`.

    The name is a SHA-256: people type passwords in the wrong box.
    """

    __tablename__ = "sign_in_failures"

    name_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(index=True)
