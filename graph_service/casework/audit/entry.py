"""One entry of the log: who, when, why, within which case, and what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

#: Who asked, where nobody was signed in.
NOBODY: Final = "-"


class Outcome(StrEnum):
    """What became of it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is told of one act. No text here holds a personal number.

    `action` is an operation of the access table, or `cli.<command>`. `what` names entities,
    findings, cases and files by their opaque references, as `<kind>:<reference>`; of a search
    the references that it found.
    """

    at: datetime
    user_id: str
    roles: tuple[str, ...]
    action: str
    outcome: Outcome
    what: tuple[str, ...] = ()
    case_id: str | None = None
    purpose: str | None = None
    run_id: str | None = None
    status: int | None = None
