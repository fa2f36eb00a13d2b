"""Whether the log is as it was written: each entry, its place, where it ends, and its guards.

The chain alone tells of entries that were changed, removed or moved. Who can write the database
can make the whole chain anew, or cut its tail off: that shows against the anchors, which lie
outside it. What came after the newest anchor can be cut off unseen: at most one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from sqlalchemy import column, func, select, table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from graph_service.casework.audit import chain
from graph_service.casework.audit.anchor import Anchor, AnchorFile
from graph_service.casework.audit.chain import GENESIS, Link
from graph_service.casework.audit.reading import as_stored, links
from graph_service.casework.audit.tables import POSTGRESQL_GUARDS, SQLITE_GUARDS, AuditRow
from graph_service.casework.database import Database
from graph_service.errors import AuditError

#: How many faults are told: where one entry was taken out and the rest moved up, all are wrong.
MOST_FAULTS: Final = 20
#: How far from its place an entry is looked for.
_FAR: Final = 10_000


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    REMOVED = "removed"
    REORDERED = "reordered"
    START = "start"
    CUT_OFF = "cut_off"
    REWRITTEN = "rewritten"
    UNREADABLE = "unreadable"
    UNANCHORED = "unanchored"
    UNGUARDED = "unguarded"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and with which entries: `first` to `last`, both told.

    `belongs_at` is the number that a reordered entry was written with. What is wrong with the
    anchor or the guards is of no entry.
    """

    kind: Kind
    first: int | None = None
    last: int | None = None
    belongs_at: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `entries` were read, up to `end`; `anchor` is what stands outside.

    `ahead` entries are newer than the anchor. Of faults of entries the first `MOST_FAULTS` are
    told, by number; those of the anchor and the guards come last.
    """

    entries: int
    end: Anchor
    anchor: Anchor | None
    ahead: int
    faults: Sequence[Fault]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(
    database: Database, anchor_file: AnchorFile, noted: Sequence[Anchor] = ()
) -> Verification:
    """Read the whole log, and hold it to the anchor and to those that somebody noted."""
    try:
        # Read before the log, so that what is appended meanwhile is only ahead of it.
        anchor = anchor_file.read()
    except AuditError:
        anchor = None
    reading = _Reading([*noted, *([] if anchor is None else [anchor])])
    with as_stored(database) as session:
        faults = list(islice(reading.faults(session), MOST_FAULTS))
    if anchor is None and (reading.entries or anchor_file.path.exists()):
        faults.append(Fault(Kind.UNANCHORED))
    if not _guarded(database):
        faults.append(Fault(Kind.UNGUARDED))
    return Verification(
        entries=reading.entries,
        end=reading.end,
        anchor=anchor,
        ahead=max(0, reading.end.seq - (0 if anchor is None else anchor.seq)),
        faults=faults,
    )


class _Reading:
    """One pass over the chain."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.entries = 0
        self.end = Anchor(0, GENESIS)
        self._anchors = anchors
        self._trusted = True  # whether the newest entry read is what it says

    def faults(self, session: Session) -> Iterator[Fault]:
        """What is wrong with the entries, by number, and then with where they end."""
        last = session.scalar(select(func.max(AuditRow.seq))) or 0
        try:
            for found in links(session):
                yield from self._faults_of(found, last)
                self.entries += 1
                self.end = Anchor(found.seq, found.digest, found.at)
        except SQLAlchemyError:
            yield Fault(Kind.UNREADABLE, self.end.seq + 1, last)
            return
        beyond = max((anchor.seq for anchor in self._anchors), default=0)
        if beyond > self.end.seq:
            yield Fault(Kind.CUT_OFF, self.end.seq + 1, beyond)

    def _faults_of(self, found: Link, last: int) -> Iterator[Fault]:
        after = self.end
        sound, gap = chain.holds(found), found.seq > after.seq + 1
        if found.seq < 1:
            yield Fault(Kind.START, found.seq, found.seq)
        elif gap:
            yield Fault(Kind.REMOVED, after.seq + 1, found.seq - 1)
        elif sound and found.previous != after.digest and self._trusted:
            # This entry is whole, so it is the one before that is not what it followed.
            kind = Kind.START if after.seq == 0 else Kind.CHANGED
            blamed = max(after.seq, 1)
            yield Fault(kind, blamed, blamed)
        if not sound:
            at = _written_as(found, last)
            kind = Kind.CHANGED if at is None else Kind.REORDERED
            yield Fault(kind, found.seq, found.seq, at)
        elif any(each.seq == found.seq and each.digest != found.digest for each in self._anchors):
            yield Fault(Kind.REWRITTEN, found.seq, found.seq)
        self._trusted = sound


def _written_as(found: Link, last: int) -> int | None:
    """The number with which the entry's digest is right, if there is one not far from its own."""
    for far in range(1, min(last, _FAR) + 1):
        for seq in (found.seq + far, found.seq - far):
            if chain.holds(found, seq):
                return seq
    return None


def _guarded(database: Database) -> bool:
    """Whether the triggers that refuse changes are there and switched on."""
    if database.is_sqlite:
        master = table("sqlite_master", column("type"), column("name"), column("sql"))
        asked = select(master.c.name).where(
            master.c.type == "trigger", master.c.sql.contains("RAISE(ABORT")
        )
        guards = SQLITE_GUARDS
    else:
        triggers = table("pg_trigger", column("tgname"), column("tgrelid"), column("tgenabled"))
        asked = select(triggers.c.tgname).where(
            triggers.c.tgrelid == func.to_regclass(AuditRow.__tablename__),
            triggers.c.tgenabled.in_(["O", "A"]),
        )
        guards = POSTGRESQL_GUARDS
    with database.reading() as session:
        return set(session.scalars(asked)) >= guards
