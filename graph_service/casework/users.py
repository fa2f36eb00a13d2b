"""Who may come in with a password or an API key, where no other provider signs people in.

Tokens are kept as SHA-256: they are random, so nothing slower is needed. Every request asks the
database, without a cache: what is revoked, disabled or changed holds at once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from graph_service.access import table
from graph_service.access.table import Caller
from graph_service.casework.database import Database
from graph_service.casework.passwords import WINDOW, Passwords
from graph_service.casework.people import (
    Key,
    KeyRow,
    SessionRow,
    User,
    UserRow,
    key_of,
    user_of,
)
from graph_service.errors import Conflict, NotSignedIn, NotThere, UsageError

#: A working day; then one signs in anew.
SESSION: Final = timedelta(hours=8)
#: A key is renewed at least about once a year.
LONGEST_KEY: Final = timedelta(days=400)
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")
#: Six digits in a row may be the beginning of a personal number, which no name may hold.
_NUMBER: Final = re.compile(r"\d{6}")
_SESSION_PREFIX: Final = "gss_"
_KEY_PREFIX: Final = "gsk_"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was opened: its token, shown once, and until when it holds."""

    token: str
    expires_at: datetime
    caller: Caller


class SignInRefused(NotSignedIn):
    """The one answer to a sign-in that fails. `user_id`, for the log alone, is whose name it is."""

    def __init__(self, user_id: str | None) -> None:
        super().__init__(
            "The name or the password is wrong, or the name rests after repeated failures. "
            f"Try again in {WINDOW // timedelta(minutes=1)} minutes, or ask an administrator."
        )
        self.user_id = user_id


class Users:
    """Users, their sessions and robots' keys of one casework database."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = Passwords(database, clock, hasher)

    def caller_of(self, token: str) -> Caller:
        """Whose session or key it is; NotSignedIn where it is unknown, expired or revoked."""
        if token.startswith(_SESSION_PREFIX):
            return self._caller_of_session(token)
        if token.startswith(_KEY_PREFIX):
            return self._caller_of_key(token)
        raise _unknown()

    def sign_in(self, name: str, password: str) -> SignedIn:
        """Open a session. Unknown, disabled and resting names take as long and answer alike."""
        name = _normal(name)
        row = self._row_of(name)
        known = None if row is None or row.disabled_at is not None else row.password_hash
        if not self._passwords.match(name, known, password) or row is None:
            raise SignInRefused(None if row is None else row.user_id)
        return self._open(row, password)

    def sign_out(self, token: str) -> bool:
        """End the session of this token; whether there was one, for a key has none to end."""
        ended = delete(SessionRow).where(SessionRow.token_sha256 == _sha256(token))
        with self._database.writing() as session:
            return session.scalar(ended.returning(SessionRow.user_id)) is not None

    def add(
        self, name: str, password: str, roles: Collection[str], units: Collection[str] | None
    ) -> User:
        """A new user; Conflict where the name is taken."""
        name = _fit_name(name)
        row = UserRow(
            user_id=f"user:{secrets.token_hex(8)}",
            name=name,
            roles=_roles(roles),
            units=_units(units),
            password_hash=self._passwords.hash(password),
            created_at=self._clock(),
        )
        try:
            with self._database.writing() as session:
                session.add(row)
        except IntegrityError as error:
            raise Conflict("There is a user of that name. Choose another one.") from error
        return user_of(row)

    def change(
        self,
        user_id: str,
        *,
        roles: Collection[str] | None = None,
        units: Collection[str] | None = None,
        all_units: bool = False,
        disabled: bool | None = None,
        password: str | None = None,
    ) -> User:
        """Change what is given. Disabling, or a new password, ends the user's sessions."""
        hashed = None if password is None else self._passwords.hash(password)
        with self._database.writing() as session:
            row = session.get(UserRow, user_id, with_for_update=True)
            if row is None:
                raise NotThere("There is no such user.")
            if roles is not None:
                row.roles = _roles(roles)
            if units is not None or all_units:
                row.units = None if all_units else _units(units)
            if disabled is not None:
                row.disabled_at = (row.disabled_at or self._clock()) if disabled else None
            if hashed is not None:
                row.password_hash = hashed
                self._passwords.forget_failures(session, row.name)
            if disabled or hashed is not None:
                session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
        return user_of(row)

    def named(self, name: str) -> User:
        """The user of that name; NotThere where there is none."""
        row = self._row_of(_normal(name))
        if row is None:
            raise NotThere("There is no user of that name. See `graph-service user list`.")
        return user_of(row)

    def everybody(self, *, after: str = "", limit: int | None = None) -> Sequence[User]:
        """Users by name, those that come after the name `after`; disabled ones too."""
        asked = select(UserRow).where(UserRow.name > after).order_by(UserRow.name).limit(limit)
        with self._database.reading() as session:
            return [user_of(row) for row in session.scalars(asked)]

    def issue_key(
        self,
        name: str,
        roles: Collection[str],
        units: Collection[str] | None,
        *,
        lasts: timedelta,
        by: str,
    ) -> tuple[Key, str]:
        """A new key for a robot, and its secret, which nobody can show again."""
        if not timedelta(0) < lasts <= LONGEST_KEY:
            raise UsageError(f"A key lasts 1 to {LONGEST_KEY.days} days. Renew it in time.")
        name, secret, now = _fit_name(name), _KEY_PREFIX + secrets.token_urlsafe(32), self._clock()
        row = KeyRow(
            key_id=f"key:{secrets.token_hex(8)}",
            name=name,
            token_sha256=_sha256(secret),
            roles=_roles(roles),
            units=_units(units),
            created_by=by,
            created_at=now,
            expires_at=now + lasts,
        )
        try:
            with self._database.writing() as session:
                session.add(row)
        except IntegrityError as error:
            raise Conflict("There is, or was, a key of that name. Choose another one.") from error
        return key_of(row), secret

    def revoke_key(self, key_id: str) -> Key:
        """End a key at once; one that has ended already stays as it is."""
        with self._database.writing() as session:
            row = session.get(KeyRow, key_id)
            if row is None:
                raise NotThere("There is no such key.")
            row.revoked_at = row.revoked_at or self._clock()
        return key_of(row)

    def key_named(self, name: str) -> Key:
        """The key of that name; NotThere where there is none."""
        with self._database.reading() as session:
            row = session.scalar(select(KeyRow).where(KeyRow.name == _normal(name)))
        if row is None:
            raise NotThere("There is no key of that name. See `graph-service user list`.")
        return key_of(row)

    def every_key(self, *, after: str = "", limit: int | None = None) -> Sequence[Key]:
        """Keys by name, those that come after the name `after`; revoked ones too."""
        asked = select(KeyRow).where(KeyRow.name > after).order_by(KeyRow.name).limit(limit)
        with self._database.reading() as session:
            return [key_of(row) for row in session.scalars(asked)]

    def any_way_in(self) -> bool:
        """Whether anybody could come in: an enabled user, or a key that stands."""
        user = select(UserRow.user_id).where(UserRow.disabled_at.is_(None)).limit(1)
        key = select(KeyRow.key_id).where(
            KeyRow.revoked_at.is_(None), KeyRow.expires_at > self._clock()
        )
        with self._database.reading() as session:
            return session.scalar(user) is not None or session.scalar(key.limit(1)) is not None

    def _row_of(self, name: str) -> UserRow | None:
        """The user of a name, which may be anything that somebody typed."""
        if not _NAME.fullmatch(name):
            return None
        with self._database.reading() as session:
            return session.scalar(select(UserRow).where(UserRow.name == name))

    def _caller_of_session(self, token: str) -> Caller:
        asked = (
            select(UserRow)
            .join(SessionRow, SessionRow.user_id == UserRow.user_id)
            .where(
                SessionRow.token_sha256 == _sha256(token),
                SessionRow.expires_at > self._clock(),
                UserRow.disabled_at.is_(None),
            )
        )
        with self._database.reading() as session:
            row = session.scalar(asked)
        if row is None:
            raise _unknown()
        return user_of(row).caller

    def _caller_of_key(self, token: str) -> Caller:
        now = self._clock()
        asked = select(KeyRow).where(
            KeyRow.token_sha256 == _sha256(token),
            KeyRow.revoked_at.is_(None),
            KeyRow.expires_at > now,
        )
        with self._database.reading() as session:
            row = session.scalar(asked)
        if row is None:
            raise _unknown()
        if row.last_used_on != now.date():
            used = update(KeyRow).where(KeyRow.key_id == row.key_id).values(last_used_on=now.date())
            with self._database.writing() as session:
                session.execute(used)
        return key_of(row).caller

    def _open(self, user: UserRow, password: str) -> SignedIn:
        token, now = _SESSION_PREFIX + secrets.token_urlsafe(32), self._clock()
        hashed = self._passwords.renewed(user.password_hash, password)
        with self._database.writing() as session:
            stands = session.scalar(
                select(UserRow)
                .where(
                    UserRow.user_id == user.user_id,
                    UserRow.disabled_at.is_(None),
                    UserRow.password_hash == user.password_hash,
                )
                .with_for_update()
            )
            if stands is None:
                raise SignInRefused(user.user_id)
            stands.password_hash = hashed
            self._passwords.forget_failures(session, user.name)
            session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            session.add(
                SessionRow(
                    token_sha256=_sha256(token),
                    user_id=user.user_id,
                    opened_at=now,
                    expires_at=now + SESSION,
                )
            )
        return SignedIn(token, now + SESSION, user_of(stands).caller)


def _unknown() -> NotSignedIn:
    return NotSignedIn("The token is unknown, has expired or was revoked. Sign in anew.")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _fit_name(name: str) -> str:
    name = _normal(name)
    if not _NAME.fullmatch(name) or _NUMBER.search(name):
        raise UsageError(
            "A name has 1 to 64 letters, digits and . _ @ + -, and no six digits in a row, "
            "since it must not be a personal number. Choose another one."
        )
    return name


def _roles(names: Collection[str]) -> list[str]:
    if not names:
        raise UsageError("Give at least one role.")
    return sorted(role.value for role in table.roles(names))


def _units(units: Collection[str] | None) -> list[str] | None:
    return None if units is None else sorted(set(units))
