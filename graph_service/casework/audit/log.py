"""The writer of the log: entries of many at once in one transaction, each waited for.

Whoever writes waits until the entry is on the disk, or gets AuditError and gives no answer. One
thread in each process takes all entries that wait into one transaction, so that twenty users pay
for one disk flush. Several processes append to one chain: each transaction holds the database's
lock from before it reads the newest entry until it has committed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Final, Self

from sqlalchemy import func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from graph_service.casework.audit.anchor import Anchor, AnchorFile
from graph_service.casework.audit.chain import GENESIS, link
from graph_service.casework.audit.entry import Entry
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.database import Database
from graph_service.errors import AuditError, CaseworkError

#: How many entries may wait; more means that the disk does not keep up, and is refused.
_WAITING: Final = 10_000
#: How many go into one transaction.
_TOGETHER: Final = 500
#: The lock of PostgreSQL that appending takes: "audit" in ASCII.
_CHAIN_LOCK: Final = 0x6175646974
#: For its transaction: durable when committed, and no longer a wait than SQLite's.
_POSTGRESQL: Final = {"synchronous_commit": "on", "lock_timeout": "30s"}
_CURE: Final = "No answer is given without it. See that the database runs and its disk has room."

_Waiting = tuple[Entry, "Future[None]"]


class AuditLog:
    """The log of one casework database, open for appending. Use it in a `with` block."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._anchor = AnchorFile(folder)
        self._unanchored: Anchor | None = None
        self._queue: Queue[_Waiting | None] = Queue(_WAITING)
        self._door = threading.Lock()
        self._open = False
        self._writer = threading.Thread(target=self._work, name="audit-log", daemon=True)

    def __enter__(self) -> Self:
        try:
            with self._database.reading() as session:
                ends = newest(session)
        except (CaseworkError, SQLAlchemyError) as error:
            raise AuditError(f"The log cannot be read. {_CURE}") from error
        if ends.seq == 0:
            self._anchor.begin(ends)
        self._open = True
        self._writer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, then end."""
        with self._door:
            was_open, self._open = self._open, False
        if was_open:
            self._queue.put(None)
            self._writer.join()

    def write(self, entry: Entry) -> None:
        """Append one entry and wait until it is durable; AuditError where it cannot be."""
        self._hand_over(entry).result()

    async def write_soon(self, entry: Entry) -> None:
        """The same without holding up the event loop.

        The entry is written also where whoever waits for it is cancelled.
        """
        await asyncio.shield(asyncio.wrap_future(self._hand_over(entry)))

    @property
    def waiting(self) -> int:
        """How many entries wait to be written, about."""
        return self._queue.qsize()

    def _hand_over(self, entry: Entry) -> Future[None]:
        link(entry, 0, GENESIS)  # an entry that cannot be stored fails here, and no other with it
        written: Future[None] = Future()
        with self._door:
            if not self._open:
                raise AuditError("The log is closed: the service is ending. Try again later.")
            try:
                self._queue.put_nowait((entry, written))
            except Full:
                raise AuditError(f"The log does not keep up. {_CURE}") from None
        return written

    def _work(self) -> None:
        """Take what waits, together, until the end is called."""
        while (first := self._queue.get()) is not None:
            batch, ended = [first], False
            while len(batch) < _TOGETHER and not ended:
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    ended = True
                else:
                    batch.append(following)
            self._settle(batch)
            if ended:
                return

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Write a batch and tell each who waits; the anchor follows when they are told.

        An anchor that could not follow is tried again before anything else is written.
        """
        try:
            self._follow()
            before, self._unanchored = self._append([entry for entry, _ in batch])
        except AuditError as error:
            _refuse(batch, error)
        except (CaseworkError, SQLAlchemyError) as error:
            _refuse(batch, AuditError(f"The log cannot be written. {_CURE}"), error)
        except Exception as error:
            _refuse(batch, AuditError("The log cannot be written: a defect of the program."), error)
        else:
            for _, written in batch:
                written.set_result(None)
            try:
                self._follow(before)
            except Exception:
                return

    def _append(self, entries: Sequence[Entry]) -> tuple[Anchor, Anchor]:
        """Append in one transaction; where the log ended before, and where it ends now."""
        with self._database.writing() as session:
            if not self._database.is_sqlite:
                for name, value in _POSTGRESQL.items():
                    session.execute(select(func.set_config(name, value, True)))
                session.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
            before = newest(session)
            seq, previous, rows = before.seq, before.digest, []
            for entry in entries:
                seq += 1
                made = link(entry, seq, previous)
                previous = made.digest
                rows.append(made._asdict() | {"at": entry.at})
            session.execute(insert(AuditRow), rows)
        return before, Anchor(seq, previous, made.at)

    def _follow(self, before: Anchor | None = None) -> None:
        """Move the anchor to where the log ends, if it stands on an entry that the log holds."""
        if self._unanchored is None:
            return

        def along(stands: Anchor) -> bool:
            if before is not None and (stands.seq, stands.digest) == (before.seq, before.digest):
                return True
            with self._database.reading() as session:
                return holds(session, stands)

        self._anchor.advance(self._unanchored, along)
        self._unanchored = None


def newest(session: Session) -> Anchor:
    """Where the log ends; number 0 and the first digest where it is empty."""
    row = session.execute(
        select(AuditRow.seq, AuditRow.digest, AuditRow.at).order_by(AuditRow.seq.desc()).limit(1)
    ).first()
    if row is None:
        return Anchor(0, GENESIS)
    return Anchor(row.seq, row.digest, row.at.isoformat(timespec="microseconds"))


def holds(session: Session, anchor: Anchor) -> bool:
    """Whether the log holds the entry that the anchor names."""
    if anchor.seq == 0:
        return anchor.digest == GENESIS
    digest = session.scalar(select(AuditRow.digest).where(AuditRow.seq == anchor.seq))
    return digest == anchor.digest


def _refuse(
    batch: Sequence[_Waiting], error: AuditError, cause: BaseException | None = None
) -> None:
    for _, written in batch:
        refusal = AuditError(str(error))
        refusal.__cause__ = cause
        written.set_exception(refusal)
