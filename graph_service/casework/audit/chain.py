"""The chain of digests: each entry's covers all that it says, its number, and the digest before it.

digest = SHA-256 of the JSON list [previous, at, user_id, roles, action, outcome, status, case_id,
purpose, run_id, what, seq] of the values as they are stored, in ASCII (`\\uXXXX`), without spaces.
Two different entries never give the same list, so one digest stands for one entry. The number
stands last, so that what an entry says can be tried at another place of the chain.
`docs/audit.md` has a script that checks a log with nothing of this program.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Final, NamedTuple

from graph_service.casework.audit.entry import Entry

#: What the first entry follows.
GENESIS: Final = "0" * 64


class Link(NamedTuple):
    """One entry as it is stored. The values of a log that was tampered with may be of any type."""

    seq: int
    at: str
    user_id: str
    roles: str
    action: str
    outcome: str
    status: int | None
    case_id: str | None
    purpose: str | None
    run_id: str | None
    what: str
    previous: str
    digest: str


def link(entry: Entry, seq: int, previous: str) -> Link:
    """The entry, number `seq` of the log, after the one whose digest is `previous`."""
    if entry.at.tzinfo is None:
        raise ValueError("an entry of the log needs a moment with its zone")
    open_end = Link(
        seq=seq,
        at=entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        user_id=_storable(entry.user_id),
        roles=_list(entry.roles),
        action=_storable(entry.action),
        outcome=entry.outcome.value,
        status=entry.status,
        case_id=None if entry.case_id is None else _storable(entry.case_id),
        purpose=None if entry.purpose is None else _storable(entry.purpose),
        run_id=None if entry.run_id is None else _storable(entry.run_id),
        what=_list(entry.what),
        previous=previous,
        digest="",
    )
    return open_end._replace(digest=digest(open_end))


def digest(stored: Link, seq: int | None = None) -> str:
    """The digest of what is stored, at its own place or at another one.

    Raises TypeError for values that no entry has, such as bytes.
    """
    told = [
        stored.previous,
        stored.at,
        stored.user_id,
        stored.roles,
        stored.action,
        stored.outcome,
        stored.status,
        stored.case_id,
        stored.purpose,
        stored.run_id,
        stored.what,
        stored.seq if seq is None else seq,
    ]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode("ascii")).hexdigest()


def holds(stored: Link, seq: int | None = None) -> bool:
    """Whether the entry's digest is that of what it says."""
    try:
        return digest(stored, seq) == stored.digest
    except TypeError:
        return False


def _storable(text: str) -> str:
    """The text as both databases keep it: no NUL, which PostgreSQL refuses, no half characters."""
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def _list(texts: tuple[str, ...]) -> str:
    return json.dumps([_storable(text) for text in texts], ensure_ascii=False)
