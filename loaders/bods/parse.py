"""BODS 0.4 → `organisations`, `persons`, `owners`; the module itself is the DocumentRoom.

The file is read once. Statements wait in an SQLite file in the load's own folder, so that
memory does not grow and relationships may come before the parties they name. Circular ownership is
only rows here: nothing is followed.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from loaders.bods import records, schema
from loaders.bods.statements import read_statements
from loaders.document import DocumentRow, Fault

_TARGETS: Final = {"entity": "organisations", "person": "persons", "relationship": "owners"}
_STATUS: Final = {"updated": 1, "closed": 2}
_OWNER_COLUMNS: Final = (
    "org_id", "owner_id", "owner_kind", "interest", "share", "valid_from", "valid_to",
)  # fmt: skip


def read(path: Path, *, counted: Counter[str], folder: Path | None = None) -> Iterator[DocumentRow]:
    """Yield refused statements, then organisations and persons, then owners.

    Counts `dropped:<column>`, `replaced_statements` (an older word on the same record),
    `repeated_parties` (several records of one number), `parallel_interests`, `share_from_range`,
    `party_not_in_file`, `unspecified:<reason>`, `century_inferred`, `century_from_birth_date`,
    `century_unknown`. Raises FileRefused before the first row.
    """
    # "": a private file of the system, dropped when closed
    spool = "" if folder is None else str(folder / "statements.sqlite")
    with closing(sqlite3.connect(spool)) as store:
        store.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        store.executescript(_sql("store"))
        for index, statement, line_faults in read_statements(path):
            faults = line_faults or schema.faults(statement, index)
            if isinstance(statement, dict) and not faults:
                _keep(store, index + 1, statement, counted)
            else:
                refused = json.dumps([(item.column, item.code, item.path) for item in faults])
                store.execute(
                    _sql("keep_refused"),
                    {"row": index + 1, "target": _target(statement), "faults": refused},
                )
        store.executescript(_sql("latest"))
        yield from _refused(store)
        yield from _settled(store, counted)


@cache
def _sql(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _target(statement: object) -> str:
    """The table a refused statement was meant for; the standard is about owners."""
    kind = statement.get("recordType") if isinstance(statement, dict) else None
    return _TARGETS.get(kind, "owners") if isinstance(kind, str) else "owners"


def _keep(
    store: sqlite3.Connection, row: int, statement: Mapping[str, Any], counted: Counter[str]
) -> None:
    """Store what one valid statement says."""
    kind, record_id = statement["recordType"], statement["recordId"].strip()
    details, stated_at = statement["recordDetails"], _instant(statement["statementDate"])
    kept: dict[str, Any] = {
        "row": row,
        "series": "relationship" if kind == "relationship" else "party",
        "record_id": record_id,
        "stated_at": stated_at,
        "status": _STATUS.get(statement.get("recordStatus", ""), 0),
        "target": _TARGETS[kind],
        "id": None,
        "kind": None,
        "contents": None,
    }
    if kind == "relationship":
        closed_on = statement["statementDate"][:10] if kept["status"] == _STATUS["closed"] else None
        _keep_interests(store, row, details, closed_on, counted)
    else:
        party = (
            records.entity(details, record_id, int(stated_at[:4]), counted)
            if kind == "entity"
            else records.person(details, record_id, counted)
        )
        kept |= {"id": party.id, "kind": party.kind, "contents": json.dumps(party.values)}
    store.execute(_sql("keep_statement"), kept)


def _keep_interests(
    store: sqlite3.Connection,
    row: int,
    details: Mapping[str, Any],
    closed_on: str | None,
    counted: Counter[str],
) -> None:
    subject, party = details["subject"], details["interestedParty"]
    if not isinstance(party, str):
        counted[f"unspecified:{party['reason']}"] += 1
    store.executemany(
        _sql("keep_interest"),
        (
            {
                "row": row,
                "path": f"$[{row - 1}].recordDetails{item.path}",
                "subject": subject.strip() if isinstance(subject, str) else None,
                "party": party.strip() if isinstance(party, str) else None,
                "interest": item.interest,
                "share": item.share,
                "valid_from": item.valid_from,
                "valid_to": item.valid_to,
            }
            for item in records.interests(details, closed_on, counted)
        ),
    )


def _instant(stated: str) -> str:
    """Write a date or a date-time of RFC 3339 so that text order is order in time."""
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:  # a leap second, which RFC 3339 allows
        return stated[:10]
    if len(stated) == len("YYYY-MM-DD"):
        return stated
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _refused(store: sqlite3.Connection) -> Iterator[DocumentRow]:
    for row, target, faults in store.execute(_sql("refused")):
        listed = tuple(Fault(*fault) for fault in json.loads(faults))
        yield DocumentRow(target, row, f"$[{row - 1}]", {}, listed)


def _settled(store: sqlite3.Connection, counted: Counter[str]) -> Iterator[DocumentRow]:
    """Yield the parties, then the owners, and count what was replaced or merged."""
    statements, known, parties, interests, absent = store.execute(_sql("counts")).fetchone()
    for row, target, contents in store.execute(_sql("parties")):
        parties -= 1
        yield DocumentRow(target, row, f"$[{row - 1}].recordDetails", json.loads(contents))
    for row, path, *values in store.execute(_sql("owners")):
        interests -= 1
        yield DocumentRow("owners", row, path, dict(zip(_OWNER_COLUMNS, values, strict=True)))
    counted["replaced_statements"] += statements - known
    counted["repeated_parties"] += parties
    counted["parallel_interests"] += interests
    counted["party_not_in_file"] += absent
