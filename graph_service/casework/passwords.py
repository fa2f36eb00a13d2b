"""Passwords: how they are kept, and how guessing them is held back.

They are kept as Argon2id with the second recommended parameters of RFC 9106 §4: 64 MiB, three
passes, four lanes.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from graph_service.casework.database import Database
from graph_service.casework.people import FailureRow
from graph_service.errors import UsageError

#: OWASP ASVS 4.0.3, 2.1.1 and 2.1.2.
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128
#: After so many failures within the window, a name rests until the window ends. Guessing is
#: held to 480 passwords a day for a name; NIST SP 800-63B-4 §3.2.2 allows 100 in a row.
FAILURES: Final = 5
WINDOW: Final = timedelta(minutes=15)
#: Passwords that one process examines at the same time: each takes 64 MiB.
_AT_ONCE: Final = 2


class Passwords:
    """What makes and examines hashes, and counts failures by name. Threads may share it."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """The hash of a new password; UsageError for one too short or too long."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise UsageError(
                f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters. "
                "Choose a longer one, such as four words drawn at random."
            )
        return self._hashed(password)

    def renewed(self, hashed: str, password: str) -> str:
        """The hash of a password that matched, by today's parameters."""
        return self._hashed(password) if self._hasher.check_needs_rehash(hashed) else hashed

    def match(self, name: str, hashed: str | None, password: str) -> bool:
        """Whether it is the password of a name that does not rest; a failure is counted.

        None, for somebody unknown, never matches and takes as long. The failure is counted
        before another password is examined, so that guessing at once gains nothing.
        """
        with self._slots:
            if self._nobodys is None:
                self._nobodys = self._hasher.hash(secrets.token_hex())
            matches = self._verify(hashed or self._nobodys, password) and hashed is not None
            if self._rests(name):
                return False
            if not matches:
                self._count_failure(name)
        return matches

    @staticmethod
    def forget_failures(session: Session, name: str) -> None:
        """The name has none any more."""
        session.execute(delete(FailureRow).where(FailureRow.name_sha256 == _sha256(name)))

    def _hashed(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(_normal(password))

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, _normal(password))
        except VerifyMismatchError:
            return False

    def _rests(self, name: str) -> bool:
        with self._database.reading() as session:
            row = session.get(FailureRow, _sha256(name))
        return row is not None and row.failures >= FAILURES and self._clock() < row.since + WINDOW

    def _count_failure(self, name: str) -> None:
        """One more; those of windows that have ended are forgotten."""
        now = self._clock()
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.writing() as session:
            session.execute(delete(FailureRow).where(FailureRow.since <= now - WINDOW))
            session.execute(
                insert(FailureRow)
                .values(name_sha256=_sha256(name), failures=1, since=now)
                .on_conflict_do_update(
                    index_elements=[FailureRow.name_sha256],
                    set_={"failures": FailureRow.failures + 1},
                )
            )


def _normal(password: str) -> str:
    """The same characters, however the keyboard composed them."""
    return unicodedata.normalize("NFKC", password)


def _sha256(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
