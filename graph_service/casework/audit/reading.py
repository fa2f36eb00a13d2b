"""The log as it is stored, read in constant memory: whole, or what is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, select, type_coerce
from sqlalchemy.orm import Session

from graph_service.casework.audit.chain import Link
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.database import Database
from graph_service.errors import AuditError

_AT_A_TIME: Final = 1000
#: Every value as it lies there: nothing is read into a moment or a list and so made equal again.
_COLUMNS: Final[Sequence[ColumnElement[Any]]] = tuple(
    type_coerce(getattr(AuditRow, name), Text).label(name)
    if name == "at"
    else getattr(AuditRow, name).label(name)
    for name in Link._fields
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: from `since` and before `until`, of one user, action, case or outcome.

    An action may end in a dot and then means all that begin so: `findings.`, `cli.`.
    """

    since: datetime | None = None
    until: datetime | None = None
    user_id: str | None = None
    action: str | None = None
    case_id: str | None = None
    outcome: Outcome | None = None

    def narrow(self, asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """The query, of these entries only."""
        if self.since is not None:
            asked = asked.where(AuditRow.at >= self.since)
        if self.until is not None:
            asked = asked.where(AuditRow.at < self.until)
        if self.user_id is not None:
            asked = asked.where(AuditRow.user_id == self.user_id)
        if self.action is not None:
            whole = not self.action.endswith(".")
            asked = asked.where(
                AuditRow.action == self.action
                if whole
                else AuditRow.action.startswith(self.action, autoescape=True)
            )
        if self.case_id is not None:
            asked = asked.where(AuditRow.case_id == self.case_id)
        if self.outcome is not None:
            asked = asked.where(AuditRow.outcome == self.outcome.value)
        return asked


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry with its number and digest."""

    seq: int
    digest: str
    entry: Entry


def links(session: Session) -> Iterator[Link]:
    """Every entry as stored, by number; bytes that are no text come as lone surrogates."""
    asked = select(*_COLUMNS).order_by(AuditRow.seq).execution_options(yield_per=_AT_A_TIME)
    for row in session.execute(asked):
        yield Link(*row)


@contextmanager
def as_stored(database: Database) -> Iterator[Session]:
    """A reading session that gives also what is no valid text, instead of failing at it."""
    with database.reading() as session:
        if not database.is_sqlite:
            yield session
            return
        driver: Any = session.connection().connection.driver_connection
        driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        try:
            yield session
        finally:
            driver.text_factory = str


def oldest_first(session: Session, wanted: Wanted) -> Iterator[Numbered]:
    """The entries, by number."""
    asked = wanted.narrow(select(*_COLUMNS)).order_by(AuditRow.seq)
    for row in session.execute(asked.execution_options(yield_per=_AT_A_TIME)):
        yield _numbered(Link(*row))


def newest_first(
    session: Session, wanted: Wanted, *, before: int | None = None, limit: int
) -> Sequence[Numbered]:
    """At most `limit` entries whose number is less than `before`, the newest of these first."""
    asked = wanted.narrow(select(*_COLUMNS)).order_by(AuditRow.seq.desc()).limit(limit)
    if before is not None:
        asked = asked.where(AuditRow.seq < before)
    return [_numbered(Link(*row)) for row in session.execute(asked)]


def _numbered(stored: Link) -> Numbered:
    try:
        entry = Entry(
            at=datetime.fromisoformat(stored.at),
            user_id=stored.user_id,
            roles=tuple(json.loads(stored.roles)),
            action=stored.action,
            outcome=Outcome(stored.outcome),
            what=tuple(json.loads(stored.what)),
            case_id=stored.case_id,
            purpose=stored.purpose,
            run_id=stored.run_id,
            status=stored.status,
        )
    except (ValueError, TypeError) as error:
        raise AuditError(
            f"Entry {stored.seq} of the log cannot be read. Run `graph-service audit verify`."
        ) from error
    return Numbered(stored.seq, stored.digest, entry)
