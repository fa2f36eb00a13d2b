"""From citations to rows: the one way in which what another engine found leads back to the records.

A query asked of Neo4j knows no file and no row. It cites: `{table, key}` names one row by the
contract's key, its parts as text; `{table: 'visits', of: {…}, take: 'first'}` names the first
or last visit of a party, by start and then by identifier. Wherever such a citation stands in a
row, the file and the row's number are added, and of a visit its key. Where `table` is null it
cites nothing, and has no file either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from graph_service.records import TABLES, Table
from graph_service.room import Row

_VISITS: Final = (Path(__file__).parent / "cited_visits.sql").read_text(encoding="utf-8")
#: What `of` may name of a visit; `org_id` always.
_OF: Final = frozenset({"org_id", "municipality", "worker_id", "client_id"})
_TAKE: Final = frozenset({"first", "last"})
_NOTHING: Final = {"key": None, "file_sha256": None, "row": None}


def look_up(engine: Engine, rows: Iterable[Row]) -> list[Row]:
    """The rows with every citation in them, however deep, led back to its record.

    Citations get `key` (parts as text, in the contract's order), `file_sha256` and `row`. Raises
    DeclarationError for one that names no row: the graph and the records are not of one run.
    """
    told = list(rows)
    citations = list(_citations(told))
    for cited in citations:
        if cited["table"] is None:
            cited.update(_NOTHING)
    citations = [cited for cited in citations if cited["table"] is not None]
    for name in sorted({cited["table"] for cited in citations}):
        if name not in TABLES:
            raise DeclarationError(f"A citation names the table {name}, which does not exist.")
        of_table = [cited for cited in citations if cited["table"] == name]
        _fill(engine, TABLES[name], [cited for cited in of_table if "of" not in cited])
    _fill_visits(engine, [cited for cited in citations if "of" in cited])
    return told


def _citations(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "table" in value and ("key" in value or "of" in value):
            yield value
        else:
            for part in value.values():
                yield from _citations(part)
    elif isinstance(value, list):
        for part in value:
            yield from _citations(part)


def _fill(engine: Engine, table: Table, citations: Sequence[dict[str, Any]]) -> None:
    """Join on the key; its parts are compared as text, and an empty part equals an empty one."""
    if not citations:
        return
    keys = sorted({tuple(cited["key"]) for cited in citations}, key=_order)
    parts = [
        f'CAST("{name}" AS VARCHAR) IS NOT DISTINCT FROM cited.key[{position}]'
        for position, name in enumerate(table.key, start=1)
    ]
    found = engine.rows(
        f'SELECT cited.key, _file_sha256, _row FROM "{table.name}" '
        "JOIN (SELECT unnest(CAST($keys AS VARCHAR[][])) AS key) AS cited "
        f"ON {' AND '.join(parts)}",
        {"keys": [list(key) for key in keys]},
    )
    origins = {tuple(row["key"]): (row["_file_sha256"], row["_row"]) for row in found}
    for cited in citations:
        origin = origins.get(tuple(cited["key"]))
        if origin is None:
            raise _not_there(table.name)
        cited["file_sha256"], cited["row"] = origin


def _order(key: tuple[str | None, ...]) -> list[str]:
    return [part or "" for part in key]


def _fill_visits(engine: Engine, citations: Sequence[dict[str, Any]]) -> None:
    if not citations:
        return
    asked = [_asked(number, cited) for number, cited in enumerate(citations)]
    found = {row["number"]: row for row in engine.rows(_VISITS, {"asked": json.dumps(asked)})}
    for number, cited in enumerate(citations):
        if number not in found:
            raise _not_there("visits")
        for name in ("of", "since", "until", "take", "any_status"):
            cited.pop(name, None)
        row = found[number]
        cited |= {"key": [row["visit_id"]], "file_sha256": row["_file_sha256"], "row": row["_row"]}


def _asked(number: int, cited: dict[str, Any]) -> dict[str, Any]:
    of = cited["of"]
    if cited["table"] != "visits" or not {"org_id"} <= set(of) <= _OF or cited["take"] not in _TAKE:
        raise DeclarationError(
            "A citation by `of` names a visit: give `org_id`, optionally "
            "`municipality`, `worker_id` and `client_id`, and `take` as first or last."
        )
    day = {name: None if cited.get(name) is None else str(cited[name]) for name in _PERIOD}
    any_status = bool(cited.get("any_status"))
    return {"number": number, "take": cited["take"], "any_status": any_status, **day, **of}


_PERIOD: Final = ("since", "until")


def _not_there(table: str) -> DeclarationError:
    return DeclarationError(
        f"The graph cites a row of {table} that the records do not have: the two are of different "
        "runs. Publish the run again."
    )
