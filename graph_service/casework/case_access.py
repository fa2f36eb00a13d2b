"""Who meets a case, and how it is changed: by a member, one at a time, each change on record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from graph_service.access.table import Caller
from graph_service.casework.case_tables import CaseRow, Event, EventRow, MemberRow, Status
from graph_service.casework.database import Database
from graph_service.errors import Conflict, NotThere, UsageError

#: Nobody reads persons in clear in these, and no mask is lifted there.
ENDED: Final = frozenset({Status.DISMISSED, Status.CLOSED})

_NO_CASE: Final = "There is no such case, or it is not for you to see."


class Stale(Conflict):
    """The case is not as it was when it was read; what was to be written is not."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way. The case's row is locked; `record` makes it a version of its own."""

    session: Session
    case: CaseRow
    by: str
    at: datetime

    def record(
        self,
        event: Event,
        *,
        before: str | None = None,
        after: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Put the change in the case's history."""
        self.case.version += 1
        self.case.changed_at = self.at
        self.session.add(
            EventRow(
                case_id=self.case.case_id,
                version=self.case.version,
                event=event,
                by=self.by,
                at=self.at,
                before=before,
                after=after,
                reason=reason,
            )
        )


def is_member(session: Session, case_id: str, user_id: str) -> bool:
    """Whether somebody works on a case."""
    return session.get(MemberRow, (case_id, user_id)) is not None


def case_of_member(
    session: Session, case_id: str, caller: Caller, *, lock: bool = False
) -> CaseRow:
    """A case that the caller works on. A restricted one is met with the role security only.

    `lock` holds its row until the transaction ends. Raises NotThere, alike for a case that there
    is not and for one of others.
    """
    case = session.get(CaseRow, case_id, with_for_update=lock)
    if case is None or not is_member(session, case_id, caller.user_id):
        raise NotThere(_NO_CASE)
    if case.restricted and not caller.sees_insiders:
        raise NotThere(_NO_CASE)
    return case


@contextmanager
def changing(
    database: Database,
    case_id: str,
    caller: Caller,
    at: datetime,
    *,
    expected: int | None = None,
    closed_too: bool = False,
) -> Iterator[Change]:
    """Change a case that the caller works on; two who do so at once wait for each other.

    `expected` is the version that the caller has read, None where the change cannot take away
    what others wrote. Raises NotThere, Stale, and Conflict for a closed case.
    """
    with database.writing() as session:
        case = case_of_member(session, case_id, caller, lock=True)
        if expected is not None and case.version != expected:
            raise Stale(
                "Somebody changed the case since you read it. "
                "Read it again, then send what you wrote with its new version."
            )
        if case.status == Status.CLOSED and not closed_too:
            raise Conflict("The case is closed. Reopen it first, with a reason.")
        yield Change(session, case, caller.user_id, at)


def said(text: str, what: str) -> str:
    """A text that somebody must give, without the blanks around it.

    Raises UsageError for an empty one, and for what no database keeps: NUL and half characters.
    """
    kept = text.strip()
    if not kept:
        raise UsageError(f"The {what} is empty. Say it in words.")
    if "\x00" in kept or any("\ud800" <= letter <= "\udfff" for letter in kept):
        raise UsageError(f"The {what} holds what is no character. Write it anew.")
    return kept
