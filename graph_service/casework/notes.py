"""Notes of a case: written, and written anew; none is changed, removed or in another's way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from graph_service.access.table import Caller
from graph_service.casework.case_access import case_of_member, changing, said
from graph_service.casework.case_tables import Event, NoteRow, fresh_id
from graph_service.casework.database import Database
from graph_service.clock import Clock
from graph_service.errors import NotAllowed, NotThere


@dataclass(frozen=True, slots=True)
class Note:
    """One version of a note; `newest` tells whether it is the one that holds."""

    note_id: str
    version: int
    newest: bool
    author: str
    written_at: datetime
    text: str


class Notes:
    """The notes of cases."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def write(self, case_id: str, caller: Caller, text: str) -> Note:
        """A new note; it never conflicts with what others write at the same time."""
        note = NoteRow(
            note_id=fresh_id("note"),
            version=1,
            case_id=case_id,
            author=caller.user_id,
            written_at=self._clock(),
            text=said(text, "note"),
        )
        with changing(self._database, case_id, caller, note.written_at) as change:
            change.session.add(note)
            change.record(Event.NOTED, after=note.note_id)
        return _told(note, note.version)

    def rewrite(self, case_id: str, note_id: str, caller: Caller, text: str) -> Note:
        """A further version of one's own note; every earlier one can still be read."""
        at, told = self._clock(), said(text, "note")
        with changing(self._database, case_id, caller, at) as change:
            newest = change.session.scalar(
                select(NoteRow)
                .where(NoteRow.case_id == case_id, NoteRow.note_id == note_id)
                .order_by(NoteRow.version.desc())
                .limit(1)
            )
            if newest is None:
                raise NotThere("The case has no such note.")
            if newest.author != caller.user_id:
                raise NotAllowed("Only its author writes a note anew. Write one of your own.")
            note = NoteRow(
                note_id=note_id,
                version=newest.version + 1,
                case_id=case_id,
                author=caller.user_id,
                written_at=at,
                text=told,
            )
            change.session.add(note)
            change.record(Event.NOTED, before=note_id, after=note_id)
        return _told(note, note.version)

    def page(
        self,
        case_id: str,
        caller: Caller,
        *,
        every_version: bool = False,
        after: tuple[datetime, str, int] | None = None,
        limit: int,
    ) -> list[Note]:
        """The notes of a case of the caller's, oldest first; up to `limit` after a place."""
        other = aliased(NoteRow)
        newest = (
            select(func.max(other.version))
            .where(other.note_id == NoteRow.note_id)
            .scalar_subquery()
        )
        asked = select(NoteRow, newest).where(NoteRow.case_id == case_id)
        if not every_version:
            asked = asked.where(NoteRow.version == newest)
        if after is not None:
            at, note_id, version = after
            asked = asked.where(
                or_(
                    NoteRow.written_at > at,
                    and_(NoteRow.written_at == at, NoteRow.note_id > note_id),
                    and_(
                        NoteRow.written_at == at,
                        NoteRow.note_id == note_id,
                        NoteRow.version > version,
                    ),
                )
            )
        order = (NoteRow.written_at, NoteRow.note_id, NoteRow.version)
        with self._database.reading() as session:
            case_of_member(session, case_id, caller)
            found = session.execute(asked.order_by(*order).limit(limit))
            return [_told(row, last) for row, last in found]


def _told(row: NoteRow, newest: int) -> Note:
    return Note(
        note_id=row.note_id,
        version=row.version,
        newest=row.version == newest,
        author=row.author,
        written_at=row.written_at,
        text=row.text,
    )
