"""One writer at a time where rows of several people are read and then added to."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session


class Turn(IntEnum):
    """What is written by one at a time; the numbers are PostgreSQL's keys of advisory locks."""

    DISPOSITIONS = 0x6A7564
    SNOOZES = 0x736E7A


def take_turn(session: Session, turn: Turn) -> None:
    """Wait for whoever writes the same; held until the transaction ends.

    SQLite lets one writer in at a time as it is.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(turn))))
