"""Rooms put to the records: what a finding is, and how one is made.

A query returns the provider, the subjects, the period, the counts, the money and the very
rows that made the finding; what else it returns are the room's statistics. Equal data and
equal rooms give equal findings, byte for byte.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from graph_service.citation import look_up
from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from graph_service.opening import digest, open_room, open_rooms
from graph_service.records import TABLES, Kind
from graph_service.room import (
    Override,
    Room,
    Row,
    Strength,
    Text,
    Threshold,
    Value,
)
from graph_service.texts import text

__all__ = [
    "COLUMNS",
    "Evidence",
    "Finding",
    "Override",
    "Room",
    "Strength",
    "Subject",
    "TestedStory",
    "Threshold",
    "ask_room",
    "conclude",
    "detect",
    "digest",
    "open_room",
    "open_rooms",
]

#: What every find query returns; further columns are the room's statistics.
COLUMNS: Final = (
    "provider_id",
    "subjects",
    "since",
    "until",
    "events",
    "days",
    "exposure_lower",
    "exposure_upper",
    "evidence",
)
#: A query may also name the innocent stories that its rows could not test, for lack of data.
UNTESTED: Final = "untested"
#: And what its rows show that speaks against the finding, by the names that the room declares.
AGAINST: Final = "against"

#: What a query is given: thresholds in force by name, and the day.
Given: TypeAlias = Mapping[str, Value | date]
#: Asks a room's claim of another engine: the room and what it is given → rows as `find.sql` has.
Ask: TypeAlias = Callable[[Room, Given], Iterable[Row]]

_ORE: Final = Decimal("0.01")
_ID_DIGITS: Final = 32


class Outcome(StrEnum):
    """What became of an innocent story."""

    RULED_OUT = "ruled_out"  # the query tests it: these rows are not explained by it
    UNKNOWN = "unknown"  # the query tests it, but data for these rows is lacking
    ASK = "ask"  # no record can tell: somebody must be asked


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Somebody or something that a finding is about, in a role."""

    role: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class TestedStory:
    """An innocent story of the room, by name, and what became of it for one finding."""

    story: str
    tested: bool
    outcome: Outcome


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """The way back to one row: its table and key, and the file and row it came from."""

    table: str
    key: tuple[str | None, ...]
    file_sha256: str
    row: int

    def as_json(self) -> dict[str, Any]:
        """The evidence as the contract prints it."""
        table = TABLES[self.table]
        key = {
            name: int(value) if value and table[name].kind is Kind.INTEGER else value
            for name, value in zip(table.key, self.key, strict=True)
        }
        return {"table": self.table, "key": key, "file_sha256": self.file_sha256, "row": self.row}


@dataclass(frozen=True, slots=True)
class Finding:
    """One indicator about one provider, with all that a reader needs to answer it.

    `against` names what its rows show that speaks against it; the words stand in the summary.
    """

    finding_id: str
    detector: str
    detector_digest: str
    strength: Strength
    provider_id: str
    subjects: tuple[Subject, ...]
    since: date
    until: date
    events: int
    days: int
    exposure: tuple[Decimal, Decimal] | None
    statistics: Mapping[str, Any]
    summary: Text
    against: tuple[str, ...]
    innocent: tuple[TestedStory, ...]
    evidence: tuple[Evidence, ...]

    def as_json(self) -> dict[str, Any]:
        """The finding as the contract prints it."""
        return {
            "finding_id": self.finding_id,
            "detector": self.detector,
            "detector_digest": self.detector_digest,
            "strength": self.strength.value,
            "provider_id": self.provider_id,
            "subjects": [{"role": s.role, "kind": s.kind, "id": s.id} for s in self.subjects],
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "events": self.events,
            "days": self.days,
            "exposure_sek": exposure_json(self.exposure),
            "statistics": dict(self.statistics),
            "summary": {"sv": self.summary.sv, "en": self.summary.en},
            "innocent": [
                {"story": told.story, "tested": told.tested, "outcome": told.outcome.value}
                for told in self.innocent
            ],
            "evidence": [row.as_json() for row in self.evidence],
        }


def detect(
    engine: Engine,
    room: Room,
    *,
    as_of: date,
    overrides: Mapping[str, Override] | None = None,
    ask: Ask | None = None,
) -> list[Finding]:
    """Every finding of a room over the record views of the engine, in order of provider and id."""
    thresholds = room.in_force(overrides or {}, as_of)
    return conclude(room, ask_room(engine, room, {**thresholds, "as_of": as_of}, ask), thresholds)


def ask_room(engine: Engine, room: Room, given: Given, ask: Ask | None = None) -> Iterable[Row]:
    """What the room's query counts over the record views of the engine, before any refinement.

    `ask` puts the claim of a room that has a network query to another engine; the rows are the
    same, in another order.
    """
    if ask is not None and room.network_query is not None:
        return look_up(engine, ask(room, given))
    return engine.stream(room.query, asked_for(room, given))


def asked_for(room: Room, given: Given) -> Given:
    """Of what a query may be given, that for which the room's own asks."""
    return {name: value for name, value in given.items() if name in room.parameters}


def conclude(room: Room, rows: Iterable[Row], thresholds: Mapping[str, Value]) -> list[Finding]:
    """The findings that the rows of a room's query come to, in order of provider and id."""
    if room.refine is not None:
        rows = room.refine(list(rows), thresholds)
    findings = [_finding(room, row) for row in rows]
    findings.sort(key=lambda found: (found.provider_id, found.finding_id))
    twice = [a for a, b in itertools.pairwise(findings) if a.finding_id == b.finding_id]
    if twice:
        raise DeclarationError(
            f"Room {room.name} finds the same subjects of one provider twice; declare an anchor."
        )
    return findings


def exposure_json(exposure: tuple[Decimal, Decimal] | None) -> dict[str, float] | None:
    """Money in question, lower and upper, in SEK to the öre; None where it cannot be computed."""
    if exposure is None:
        return None
    return {"lower": float(exposure[0]), "upper": float(exposure[1])}


def _finding(room: Room, row: Row) -> Finding:
    missing = [name for name in COLUMNS if name not in row]
    if missing:
        raise DeclarationError(f"Room {room.name}: its query returns no {missing[0]}.")
    subjects = tuple(sorted({Subject(**subject) for subject in row["subjects"]}))
    evidence = tuple(sorted({_evidence(found) for found in row["evidence"]}, key=_evidence_order))
    statistics = {
        name: _plain(value)
        for name, value in row.items()
        if name not in {*COLUMNS, UNTESTED, AGAINST}
    }
    counted = {name: row[name] for name in ("since", "until", "events", "days")}
    against = _against(room, set(row.get(AGAINST) or ()))
    return Finding(
        finding_id=_finding_id(room, row, subjects),
        detector=room.name,
        detector_digest=room.digest,
        strength=room.strength,
        provider_id=row["provider_id"],
        subjects=subjects,
        exposure=_exposure(row["exposure_lower"], row["exposure_upper"]),
        statistics=statistics,
        summary=_summary(room, against, statistics | counted),
        against=against,
        innocent=_innocent(room, set(row.get(UNTESTED) or ())),
        evidence=evidence,
        **counted,
    )


def _finding_id(room: Room, row: Row, subjects: tuple[Subject, ...]) -> str:
    """Made of who and what, not of rows or thresholds: it outlives one more day of data."""
    anchor = [_plain(row[name]) for name in room.anchor]
    whom = [[subject.role, subject.kind, subject.id] for subject in subjects]
    made_of = json.dumps([room.name, row["provider_id"], whom, anchor], ensure_ascii=False)
    return hashlib.sha256(made_of.encode()).hexdigest()[:_ID_DIGITS]


def _against(room: Room, named: set[str]) -> tuple[str, ...]:
    declared = [told.name for told in room.against]
    unknown = sorted(named.difference(declared))
    if unknown:
        raise DeclarationError(
            f"Room {room.name}: its query says against.{unknown[0]}, which is not declared."
        )
    return tuple(name for name in declared if name in named)


def _summary(room: Room, against: tuple[str, ...], words: Mapping[str, Any]) -> Text:
    """What the rows show, and beside it what they show that speaks against it."""
    said = [told.text for told in room.against if told.name in against]

    def composed(language: str, shown: str, texts: list[str]) -> str:
        against = text(language, "finding", "against", texts=" ".join(texts))
        nothing = text(language, "finding", "nothing_against")
        return f"{shown} {against if texts else nothing}".format_map(words)

    return Text(
        composed("sv", room.summary.sv, [told.sv for told in said]),
        composed("en", room.summary.en, [told.en for told in said]),
    )


def _innocent(room: Room, untested: set[str]) -> tuple[TestedStory, ...]:
    def outcome(name: str, asked: bool) -> Outcome:
        if asked:
            return Outcome.ASK
        return Outcome.UNKNOWN if name in untested else Outcome.RULED_OUT

    outcomes = [(cause.name, outcome(cause.name, cause.ask is not None)) for cause in room.innocent]
    return tuple(
        TestedStory(name, tested=became is Outcome.RULED_OUT, outcome=became)
        for name, became in outcomes
    )


def _evidence(found: Mapping[str, Any]) -> Evidence:
    key = tuple(found["key"])
    return Evidence(found["table"], key, found["file_sha256"], found["row"])


def _evidence_order(found: Evidence) -> tuple[str, list[str], str, int]:
    return found.table, [part or "" for part in found.key], found.file_sha256, found.row


def _exposure(lower: Any, upper: Any) -> tuple[Decimal, Decimal] | None:
    if lower is None or upper is None:
        return None
    return Decimal(lower).quantize(_ORE), Decimal(upper).quantize(_ORE)


def _plain(value: Any) -> Any:
    """A statistic as JSON says it; floats to ten digits, so that the order of sums is unseen."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value
