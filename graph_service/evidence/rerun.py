"""The findings of a package, given again by the rooms: when it is made, and when it is verified.

Hard rooms are put to the packaged rows, masked as they are; stat and net rooms conclude again
from what they had counted. What cannot be had again is named, with the reason. Code comes from
the installed program alone, chosen by digest; nothing of a package is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service import as_of as views
from graph_service.counted import as_line, columns, is_counted
from graph_service.detector import ask_room, conclude
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.engines.macros import MACROS
from graph_service.errors import GraphServiceError
from graph_service.evidence import counts, results, rows
from graph_service.evidence.comparison import Again, differing, found_again
from graph_service.evidence.counts import Counted
from graph_service.evidence.material import Material
from graph_service.evidence.results import How, Packaged, RoomTold, Told
from graph_service.evidence.support import Step, Support, reads_graph, tables_read
from graph_service.graph.derive import derive
from graph_service.records import TABLES
from graph_service.room import Room, Value
from graph_service.texts import both

__all__ = ["How", "Outcome", "Rerun", "again", "write"]

#: A finding as the contract prints it.
_Finding = Mapping[str, Any]
#: How a sight calls a subject whose identity is protected, and counts rows that it leaves out.
_PROTECTED: Final = "protected"
_MASKED_ROWS: Final = "masked_rows"


@dataclass(frozen=True, slots=True)
class Rerun:
    """How a finding of a package can be had again; `why` not, in Swedish, if by signature only."""

    finding_id: str
    how: How
    why: str | None
    why_en: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a packaged finding when it was asked for again.

    `holds` is None where the signature alone attests it. `said` is a sentence: what was found,
    or what differs.
    """

    finding_id: str
    how: How
    holds: bool | None
    said: str


# ── when a package is made ───────────────────────────────────────────────────────────────


def write(material: Material, root: Path) -> Mapping[str, Rerun]:
    """Bring in the rows that rooms need beside the cited ones, and write the findings below `root`.

    Each is tried as who verifies it will; see `results` for the files. Findings stand as given
    again, those attested by signature as the run told them.
    """
    why = {
        finding["finding_id"]: reason
        for finding in material.findings
        if (reason := _reason(material, finding)) is not None
    }
    open_findings = [each for each in material.findings if each["finding_id"] not in why]
    counted = dict(_from_counts(material, open_findings))
    found = _from_rows(material, open_findings)
    for room in counted.values():
        found |= room.again
    stands_on = _stands_on(material.engine)
    told = []
    for finding in material.findings:
        finding_id = finding["finding_id"]
        by_signature = finding_id not in found
        text = why.get(finding_id) or _compares(material, finding) if by_signature else None
        number, digest = stands_on.get(finding_id, (0, _digest(())))
        told.append(
            Told(
                finding_id=finding_id,
                how=How.SIGNATURE if by_signature else _how(material, finding),
                again_id=None if by_signature else found[finding_id].again_id,
                why_sv=text["sv"] if text else None,
                why_en=text["en"] if text else None,
                rows=number,
                rows_sha256=digest,
            )
        )
    results.write(
        material,
        root,
        [_packaged(finding, found) for finding in material.findings],
        told,
        {name: (each.lines, each.columns) for name, each in counted.items()},
    )
    return {
        each.finding_id: Rerun(each.finding_id, each.how, each.why_sv, each.why_en) for each in told
    }


def _packaged(finding: _Finding, found: Mapping[str, Again]) -> _Finding:
    again = found.get(finding["finding_id"])
    return finding if again is None else again.finding


def _how(material: Material, finding: _Finding) -> How:
    return How.COUNTS if is_counted(material.rooms[finding["detector"]]) else How.ROWS


def _reason(material: Material, finding: _Finding) -> dict[str, str] | None:
    """Why no room can give a finding again, where that can be told beforehand."""
    name = finding["detector"]
    room = material.rooms.get(name)
    if room is None or room.digest != material.digests[name]:
        return both("evidence_rerun", "older_rule")
    hidden = any(subject["id"] == _PROTECTED for subject in finding["subjects"])
    if hidden or _MASKED_ROWS in finding["statistics"]:
        return both("evidence_rerun", "protected")
    if is_counted(room):
        return None if counts.are_kept(material, room) else both("evidence_rerun", "older_run")
    cited = {row["table"] for row in finding["evidence"]}
    return _lacks(cited - material.recipient.tables)


def _compares(material: Material, finding: _Finding) -> dict[str, str]:
    """Why a room that was asked did not give a finding again."""
    room = material.rooms[finding["detector"]]
    read = frozenset() if is_counted(room) else tables_read(room)
    return _lacks(read - material.recipient.tables) or both("evidence_rerun", "compares")


def _lacks(tables: Collection[str]) -> dict[str, str] | None:
    return both("evidence_rerun", "tables", tables=", ".join(sorted(tables))) if tables else None


def _from_counts(material: Material, findings: Sequence[_Finding]) -> Iterator[tuple[str, Counted]]:
    for name, of_room in _by_room(findings).items():
        if is_counted(material.rooms[name]):
            yield name, counts.packaged(material, material.rooms[name], of_room)


def _from_rows(material: Material, findings: Sequence[_Finding]) -> dict[str, Again]:
    """What the hard rooms give again, with the fewest supporting rows at which they do."""
    rooms = {
        name: of_room
        for name, of_room in _by_room(findings).items()
        if not is_counted(material.rooms[name])
    }
    found = _put_to_rows(material, rooms)
    with Support(material) as support:
        for step in Step:
            missing = _missing(rooms, found)
            for name, of_room in missing.items():
                support.widen(material.rooms[name], [each["finding_id"] for each in of_room], step)
            if missing:
                found = _put_to_rows(material, rooms)
    for of_room in _missing(rooms, found).values():
        for finding in of_room:
            material.workspace.release(finding["finding_id"])
    return _put_to_rows(material, rooms)


def _put_to_rows(material: Material, rooms: Mapping[str, Sequence[_Finding]]) -> dict[str, Again]:
    found: dict[str, Again] = {}
    asked = [material.rooms[name] for name in rooms]
    _open(material.engine, material.as_of, asked)
    for name, of_room in rooms.items():
        thresholds = counts.in_force(material.thresholds[name])
        given = _given(material.engine, material.rooms[name], thresholds, material.as_of)
        found |= found_again(of_room, given)
    return found


def _missing(
    rooms: Mapping[str, Sequence[_Finding]], found: Collection[str]
) -> dict[str, list[_Finding]]:
    missing = {
        name: [each for each in of_room if each["finding_id"] not in found]
        for name, of_room in rooms.items()
    }
    return {name: of_room for name, of_room in missing.items() if of_room}


def _by_room(findings: Iterable[_Finding]) -> dict[str, list[_Finding]]:
    by_room: dict[str, list[_Finding]] = {}
    for finding in findings:
        by_room.setdefault(finding["detector"], []).append(finding)
    return by_room


# ── when it is verified ──────────────────────────────────────────────────────────────────


def again(data: Path, rooms: Collection[Room]) -> list[Outcome]:
    """Ask for each finding of a package again, in its order; `data` is the folder `data` of it.

    `rooms` are the installed ones. The engine reaches neither files nor network once the rows are
    in. Raises EvidenceError, naming the file, for what is not as this program writes it.
    """
    told = results.read(data)
    installed = {room.name: room for room in rooms}
    with Engine() as engine:
        rows.read(data, engine)
        engine.seal()
        found = _Found(engine, told, installed)
        stands_on = _stands_on(engine)
        return [
            _outcome(each, told, installed, found, stands_on.get(each.finding_id))
            for each in told.told
        ]


class _Found:
    """What the installed rooms give on a package, each asked once."""

    def __init__(self, engine: Engine, told: Packaged, installed: Mapping[str, Room]) -> None:
        self._engine, self._told = engine, told
        self._given: dict[str, Mapping[str, _Finding]] = {}
        names = {told.findings[each.finding_id]["detector"] for each in told.told if each.again_id}
        asked = [installed[name] for name in sorted(names & installed.keys())]
        _open(engine, told.run.as_of, asked)

    def by_id(self, room: Room) -> Mapping[str, _Finding]:
        """The findings that a room gives, by the id that it gives them."""
        if room.name not in self._given:
            given = self._by(room, self._told.rooms[room.name])
            self._given[room.name] = {each["finding_id"]: each for each in given}
        return self._given[room.name]

    def _by(self, room: Room, told: RoomTold) -> Sequence[_Finding]:
        as_of = self._told.run.as_of
        if not is_counted(room):
            return _given(self._engine, room, told.in_force, as_of)
        types = columns(self._engine, room, {**told.in_force, "as_of": as_of})
        return counts.again(room, self._told.counts(room.name), types, told.in_force)


def _outcome(
    told: Told,
    package: Packaged,
    installed: Mapping[str, Room],
    found: _Found,
    stands_on: tuple[int, str] | None,
) -> Outcome:
    def said(holds: bool | None, sentence: str) -> Outcome:
        return Outcome(told.finding_id, told.how, holds, sentence)

    packaged = package.findings[told.finding_id]
    room, named = installed.get(packaged["detector"]), package.rooms[packaged["detector"]]
    number, digest = stands_on or (0, _digest(()))
    if number != told.rows:
        return said(False, f"it stands on {told.rows} packaged rows, of which {number} are there")
    if digest != told.rows_sha256:
        return said(False, "a row on which it stands has another value than when it was packaged")
    if told.how is How.SIGNATURE:
        return said(None, f"attested by signature alone: {told.why_en}")
    if room is None or room.digest != named.digest:
        version = package.run.version
        return said(
            None,
            f"attested by signature alone here: the rule {packaged['detector']} is of another "
            f"version in this program; install version {version} to have it again",
        )
    if not package.is_copy_of(room):
        return said(False, f"the copy of the rule {room.name} in the package was altered")
    if named.thresholds.keys() != room.thresholds.keys():
        return said(False, f"the thresholds of {room.name} are not those of the rule")
    given = found.by_id(room).get(told.again_id or "")
    if given is None:
        return said(False, f"{room.name} does not give it on what is packaged")
    parts = differing(packaged, given)
    if parts:
        return said(False, f"{room.name} gives it otherwise: {', '.join(parts)}")
    return said(True, f"given again by {room.name}, from the packaged {told.how.value}")


# ── what both do ─────────────────────────────────────────────────────────────────────────


def _open(engine: Engine, as_of: date, rooms: Collection[Room]) -> None:
    """Show the rows of the engine as a run shows the records; the graph if a room reads it."""
    engine.script(MACROS)
    views.open_views(engine, as_of)
    if any(map(reads_graph, rooms)):
        derive(engine)


def _given(
    engine: Engine, room: Room, thresholds: Mapping[str, Value], as_of: date
) -> list[_Finding]:
    """What a hard room gives over the rows of the engine; nothing where they are too few for it."""
    try:
        asked = ask_room(engine, room, {**thresholds, "as_of": as_of})
        return [found.as_json() for found in conclude(room, asked, thresholds)]
    except (GraphServiceError, Engine.failure, LookupError, TypeError, ValueError):
        return []  # a refinement may look for a row that is not among them


def _stands_on(engine: Engine) -> dict[str, tuple[int, str]]:
    """How many of the rows that each finding cites are packaged, and a digest over them."""
    told: dict[str, list[str]] = {}
    for table in TABLES.values():
        names = ", ".join(f"told.{quoted(name)}" for name in table.names)
        query = (
            f"SELECT cited.finding_id, {names}, _file_sha256, _row "
            f"FROM known.{quoted(table.name)} AS told JOIN cited "
            'ON cited.file_sha256 = told._file_sha256 AND cited."row" = told._row '
            'WHERE cited."table" = $table ORDER BY ALL'
        )
        for row in engine.stream(query, {"table": table.name}):
            finding_id = row.pop("finding_id")
            told.setdefault(finding_id, []).append(as_line({"table": table.name} | row))
    return {finding_id: (len(lines), _digest(lines)) for finding_id, lines in told.items()}


def _digest(lines: Iterable[str]) -> str:
    sha256 = hashlib.sha256()
    for line in lines:
        sha256.update(line.encode() + b"\n")
    return sha256.hexdigest()
