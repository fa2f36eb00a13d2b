"""Who may come in: users, their sessions, robots' keys, failed sign-ins; stored, and as told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import JSON, Date, ForeignKey, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from graph_service.access import table
from graph_service.access.table import Caller, Role
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


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in here. `units` is None for one who sees every unit."""

    user_id: str
    name: str
    roles: frozenset[Role]
    units: frozenset[str] | None
    created_at: datetime
    disabled_at: datetime | None

    @property
    def caller(self) -> Caller:
        """Who asks, where it is this one."""
        return Caller(self.user_id, self.name, self.roles, self.units)


@dataclass(frozen=True, slots=True)
class Key:
    """A robot's key; the secret itself was shown once and is not kept."""

    key_id: str
    name: str
    roles: frozenset[Role]
    units: frozenset[str] | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None

    @property
    def caller(self) -> Caller:
        """Who asks, where it is this one."""
        return Caller(self.key_id, self.name, self.roles, self.units)


def user_of(row: UserRow) -> User:
    """The user of a row."""
    return User(
        user_id=row.user_id,
        name=row.name,
        roles=table.roles(row.roles),
        units=_units(row.units),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def key_of(row: KeyRow) -> Key:
    """The key of a row."""
    return Key(
        key_id=row.key_id,
        name=row.name,
        roles=table.roles(row.roles),
        units=_units(row.units),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_on=row.last_used_on,
    )


def _units(units: Collection[str] | None) -> frozenset[str] | None:
    return None if units is None else frozenset(units)
