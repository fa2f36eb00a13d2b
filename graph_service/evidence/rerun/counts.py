"""What a stat or net room had counted, as far as a package needs it and may hold it.

Of the rows that the room's query gave, as the run file keeps them, those go along from which the
room concludes the packaged findings again: as few as will do. Where a claim compares with a whole
municipality, all go along, the others' by figures alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graph_service import counted
from graph_service.detector import conclude
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.errors import GraphServiceError
from graph_service.evidence.material import Material
from graph_service.evidence.rerun.comparison import Again, found_again
from graph_service.evidence.rerun.opaque import Opaque, texts_of
from graph_service.room import Room, Row, Value


class Reach(StrEnum):
    """Which rows go along; each holds those before it."""

    OWN = "own"  # of the finding's provider, naming everybody whom the finding names
    PROVIDER = "provider"  # of the finding's provider
    NAMED = "named"  # naming somebody whom the finding names
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of a room as they are packaged, their SQL types, and the findings they give."""

    lines: tuple[str, ...]
    columns: Mapping[str, str]
    again: Mapping[str, Again]


def are_kept(material: Material, room: Room) -> bool:
    """Whether the run kept what the room counted; older ones did not."""
    asked = "SELECT count(*) FROM duckdb_tables() WHERE table_name = $table"
    with material.whole_run.open() as engine:
        return bool(engine.value(asked, {"table": counted.table_of(room)}))


def packaged(material: Material, room: Room, findings: Sequence[Mapping[str, Any]]) -> Counted:
    """The rows from which a room gives most of these findings again, as few as will do."""
    table = counted.table_of(room)
    with material.whole_run.open() as engine:
        columns = dict(engine.columns(f"FROM {quoted(table)}"))
        rows = engine.rows(f"FROM {quoted(table)}")
    thresholds = in_force(material.thresholds[room.name])
    about = [_About.of(material, finding) for finding in findings]
    opaque = Opaque(material, room)
    best = Counted((), columns, {})
    for reach in Reach:
        lines = tuple(sorted(map(counted.as_line, _masked(rows, about, reach, opaque))))
        given = again(room, map(json.loads, lines), columns, thresholds)
        best = max(best, Counted(lines, columns, found_again(findings, given)), key=_found)
        if len(best.again) == len(findings):
            break
    return best


def again(
    room: Room,
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    thresholds: Mapping[str, Value],
) -> list[dict[str, Any]]:
    """What a room concludes from packaged rows; nothing where they do not suffice for it."""
    with Engine(threads=1) as engine:
        try:
            counted.lay(engine, "packaged", columns, rows)
            found = conclude(room, engine.rows("FROM packaged"), thresholds)
        except (GraphServiceError, Engine.failure, LookupError, TypeError, ValueError):
            return []  # a refinement may look for a row that is not among them
    return [finding.as_json() for finding in found]


def in_force(told: Mapping[str, Any]) -> dict[str, Value]:
    """The values of a room's thresholds as a run put them."""
    return {name: threshold["value"] for name, threshold in told.items()}


def _found(counted: Counted) -> int:
    return len(counted.again)


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a finding names, by the records' own identifiers."""

    provider_id: str
    ids: frozenset[str]

    @classmethod
    def of(cls, material: Material, finding: Mapping[str, Any]) -> _About:
        asked = {"finding_id": material.own_ids[finding["finding_id"]]}
        (found,) = material.whole_run.rows("findings", order="finding_id", where=asked)
        return cls(found["provider_id"], frozenset(each["id"] for each in found["subjects"]))

    def needs(self, row: Row, named: frozenset[str], reach: Reach) -> bool:
        own = row["provider_id"] == self.provider_id
        if reach is Reach.OWN:
            return own and self.ids <= named
        return own or (reach is not Reach.PROVIDER and not self.ids.isdisjoint(named))


def _masked(
    rows: Sequence[Row], about: Sequence[_About], reach: Reach, opaque: Opaque
) -> Iterator[dict[str, Any]]:
    for row in rows:
        named = texts_of(row)
        if any(each.needs(row, named, reach) for each in about):
            yield opaque.whole(row)
        elif reach is Reach.ALL:
            yield opaque.figures(row)
