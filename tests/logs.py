"""A log for tests: entries, and a hand that reaches past the guards into the stored rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from graph_service.casework.audit.anchor import AnchorFile
from graph_service.casework.audit.chain import Link
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.audit.verification import Verification, verify
from graph_service.casework.database import Database

BEGUN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def entry(number: int = 0, **told: Any) -> Entry:
    """One entry; `number` tells it from others."""
    usual: dict[str, Any] = {
        "at": BEGUN + timedelta(seconds=number),
        "user_id": f"user:{number % 3}",
        "roles": ("reviewer",),
        "action": "providers.read",
        "outcome": Outcome.ANSWERED,
        "what": (f"person:person-{number}", "organisation:organisation-ö"),
        "case_id": f"case-{number}" if number % 2 else None,
        "purpose": "Möte om avtalet" if number % 2 else None,
        "run_id": "20260302T090000Z-1",
        "status": 200,
    }
    return Entry(**(usual | told))


def write(database: Database, folder: Path, entries: Sequence[Entry]) -> None:
    """Append entries, one after the other."""
    with AuditLog(database, folder) as log:
        for each in entries:
            log.write(each)


def verified(database: Database, folder: Path) -> Verification:
    """What a verification says."""
    return verify(database, AnchorFile(folder))


class Hand:
    """Somebody who can write the SQLite file itself. What they did can be taken back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.rows = self._all()

    def _all(self) -> dict[int, Link]:
        found = self._connection.execute(
            f"SELECT {', '.join(Link._fields)} FROM audit_entries ORDER BY seq"
        )
        return {row[0]: Link(*row) for row in found}

    def change(self, seq: int, column: str, value: object) -> None:
        """Another value; bytes are stored as text, whatever they are."""
        cast = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
        self._do(f"UPDATE audit_entries SET {column} = {cast} WHERE seq = ?", value, seq)

    def remove(self, *seqs: int) -> None:
        for seq in seqs:
            self._do("DELETE FROM audit_entries WHERE seq = ?", seq)

    def swap(self, one: int, other: int) -> None:
        """Each of two entries at the other's number."""
        for old, new in ((one, -1), (other, one), (-1, other)):
            self._do("UPDATE audit_entries SET seq = ? WHERE seq = ?", new, old)

    def put(self, links: Sequence[Link]) -> None:
        """Entries as given, in the place of those that had their numbers."""
        places = ", ".join("?" * len(Link._fields))
        for link in links:
            self._do(f"REPLACE INTO audit_entries VALUES ({places})", *link)

    def restore(self) -> None:
        """All as it was."""
        self._do("DELETE FROM audit_entries")
        self.put(list(self.rows.values()))

    def _do(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)


@contextmanager
def hand(path: Path) -> Iterator[Hand]:
    """Reach into a log's file; the guards go first."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in guards.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield Hand(connection)
