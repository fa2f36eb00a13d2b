"""Who may come in with a password or an API key, where no other provider signs people in.

Passwords are kept as Argon2id with the second recommended parameters of RFC 9106 §4 (64 MiB,
three passes, four lanes), tokens as SHA-256: they are random, so nothing slower is needed. Every
request asks the database, without a cache: what is revoked, disabled or changed holds at once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from graph_service.access import table
from graph_service.access.table import Caller, Role
from graph_service.casework.database import Database
from graph_service.casework.people import FailureRow, KeyRow, SessionRow, UserRow
from graph_service.errors import Conflict, NotSignedIn, NotThere, UsageError

#: A working day; then one signs in anew.
SESSION: Final = timedelta(hours=8)
#: A key is renewed at least about once a year.
LONGEST_KEY: Final = timedelta(days=400)
#: After so many failures within the window, a name rests until the window ends. Guessing is
#: held to 480 passwords a day for a name; NIST SP 800-63B-4 §3.2.2 allows 100 in a row.
FAILURES: Final = 5
WINDOW: Final = timedelta(minutes=15)
#: OWASP ASVS 4.0.3, 2.1.1 and 2.1.2.
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128
#: Passwords that one process examines at the same time: each takes 64 MiB.
_AT_ONCE: Final = 2
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")
#: Six digits in a row may be the beginning of a personal number, which no name may hold.
_NUMBER: Final = re.compile(r"\d{6}")
_SESSION_PREFIX: Final = "gss_"
_KEY_PREFIX: Final = "gsk_"


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in here. `units` is None for one who sees every unit."""

    user_id: str
    name: str
    roles: frozenset[Role]
    units: frozenset[str] | None
    created_at: datetime
    disabled_at: datetime | None


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
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody: str | None = None

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
        with self._slots:
            if self._nobody is None:
                self._nobody = self._hasher.hash(secrets.token_hex())
            with self._database.reading() as session:
                user = session.scalar(select(UserRow).where(UserRow.name == name))
                rests = self._rests(session, name)
            matches = self._verify(self._nobody if user is None else user.password_hash, password)
            if user is None or not matches or rests or user.disabled_at is not None:
                if not rests:
                    self._count_failure(name)
                raise SignInRefused(None if user is None else user.user_id)
        return self._open(user, password)

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
            password_hash=self._hash(password),
            created_at=self._clock(),
        )
        try:
            with self._database.writing() as session:
                session.add(row)
        except IntegrityError as error:
            raise Conflict("There is a user of that name. Choose another one.") from error
        return _user(row)

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
        hashed = None if password is None else self._hash(password)
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
                session.execute(
                    delete(FailureRow).where(FailureRow.name_sha256 == _sha256(row.name))
                )
            if disabled or hashed is not None:
                session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
        return _user(row)

    def named(self, name: str) -> User:
        """The user of that name; NotThere where there is none."""
        with self._database.reading() as session:
            row = session.scalar(select(UserRow).where(UserRow.name == _normal(name)))
        if row is None:
            raise NotThere("There is no user of that name. See `graph-service user list`.")
        return _user(row)

    def everybody(self, *, after: str = "", limit: int | None = None) -> Sequence[User]:
        """Users by name, those that come after the name `after`; disabled ones too."""
        asked = select(UserRow).where(UserRow.name > after).order_by(UserRow.name).limit(limit)
        with self._database.reading() as session:
            return [_user(row) for row in session.scalars(asked)]

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
        return _key(row), secret

    def revoke_key(self, key_id: str) -> Key:
        """End a key at once; one that has ended already stays as it is."""
        with self._database.writing() as session:
            row = session.get(KeyRow, key_id)
            if row is None:
                raise NotThere("There is no such key.")
            row.revoked_at = row.revoked_at or self._clock()
        return _key(row)

    def key_named(self, name: str) -> Key:
        """The key of that name; NotThere where there is none."""
        with self._database.reading() as session:
            row = session.scalar(select(KeyRow).where(KeyRow.name == _normal(name)))
        if row is None:
            raise NotThere("There is no key of that name. See `graph-service user list`.")
        return _key(row)

    def every_key(self, *, after: str = "", limit: int | None = None) -> Sequence[Key]:
        """Keys by name, those that come after the name `after`; revoked ones too."""
        asked = select(KeyRow).where(KeyRow.name > after).order_by(KeyRow.name).limit(limit)
        with self._database.reading() as session:
            return [_key(row) for row in session.scalars(asked)]

    def any_way_in(self) -> bool:
        """Whether anybody could come in: an enabled user, or a key that stands."""
        user = select(UserRow.user_id).where(UserRow.disabled_at.is_(None)).limit(1)
        key = select(KeyRow.key_id).where(
            KeyRow.revoked_at.is_(None), KeyRow.expires_at > self._clock()
        )
        with self._database.reading() as session:
            return session.scalar(user) is not None or session.scalar(key.limit(1)) is not None

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
        return _caller(row)

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
        return Caller(row.key_id, row.name, table.roles(row.roles), _seen(row.units))

    def _rests(self, session: Session, name: str) -> bool:
        row = session.get(FailureRow, _sha256(name))
        return row is not None and row.failures >= FAILURES and self._clock() < row.since + WINDOW

    def _count_failure(self, name: str) -> None:
        now = self._clock()
        with self._database.writing() as session:
            session.execute(delete(FailureRow).where(FailureRow.since <= now - WINDOW))
            insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            session.execute(
                insert(FailureRow)
                .values(name_sha256=_sha256(name), failures=1, since=now)
                .on_conflict_do_update(
                    index_elements=[FailureRow.name_sha256],
                    set_={"failures": FailureRow.failures + 1},
                )
            )

    def _open(self, user: UserRow, password: str) -> SignedIn:
        token, now = _SESSION_PREFIX + secrets.token_urlsafe(32), self._clock()
        stale = self._hasher.check_needs_rehash(user.password_hash)
        hashed = self._hashed(password) if stale else user.password_hash
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
            session.execute(delete(FailureRow).where(FailureRow.name_sha256 == _sha256(user.name)))
            session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            session.add(
                SessionRow(
                    token_sha256=_sha256(token),
                    user_id=user.user_id,
                    opened_at=now,
                    expires_at=now + SESSION,
                )
            )
        return SignedIn(token, now + SESSION, _caller(stands))

    def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise UsageError(
                f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters. "
                "Choose a longer one, such as four words drawn at random."
            )
        return self._hashed(password)

    def _hashed(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(unicodedata.normalize("NFKC", password))

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, unicodedata.normalize("NFKC", password))
        except VerifyMismatchError:
            return False


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


def _seen(units: Collection[str] | None) -> frozenset[str] | None:
    return None if units is None else frozenset(units)


def _caller(row: UserRow) -> Caller:
    return Caller(row.user_id, row.name, table.roles(row.roles), _seen(row.units))


def _user(row: UserRow) -> User:
    return User(
        user_id=row.user_id,
        name=row.name,
        roles=table.roles(row.roles),
        units=_seen(row.units),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def _key(row: KeyRow) -> Key:
    return Key(
        key_id=row.key_id,
        name=row.name,
        roles=table.roles(row.roles),
        units=_seen(row.units),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_on=row.last_used_on,
    )
