"""From findings to a provider's score: a short list that can be read aloud.

Each room adds −log(1 − p); rooms and families combine as 1 − Π(1 − p), so that no two
providers tie at a ceiling and every point has a detector behind it. Only providers are scored,
never clients or workers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any, Final

from graph_service.detector import Evidence, Finding, exposure_json
from graph_service.engines.duckdb import Engine
from graph_service.room import Family, Room, Strength
from graph_service.statistics import shrink

#: A hard family brings a provider to review from so many events on so many days (domain §1,
#: proposed): one slip is shown, and does not rank anybody.
HARD_EVENTS: Final = 5
HARD_DAYS: Final = 2
#: Single deviations need not mean anything, several justify a closer look (EBM's list, S16).
INDEPENDENT_FAMILIES: Final = 3

#: Strengths lie in [0, 1): nothing is certain, and a score can be turned back into strengths.
_HIGHEST: Final = 99.99

_COVERAGE: Final = Path(__file__).with_name("coverage.sql")


class Band(StrEnum):
    """What a reviewer is asked to do with a provider."""

    REVIEW = "review"
    WATCH = "watch"
    NONE = "none"
    CANNOT_ASSESS = "cannot_assess"


@dataclass(frozen=True, slots=True)
class Provider:
    """An organisation that gives care: its peers' municipality, its size, what is known of it."""

    provider_id: str
    municipality: str | None = None
    clients: int = 0
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one room adds to a score."""

    detector: str
    family: Family
    points: float
    findings: int
    exposure: tuple[Decimal, Decimal] | None

    def as_json(self) -> dict[str, Any]:
        """The contribution as the contract prints it."""
        return {
            "detector": self.detector,
            "family": self.family.value,
            "points": self.points,
            "findings": self.findings,
            "exposure_sek": exposure_json(self.exposure),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """Points since the last run, by what moved them; they sum to the difference in score."""

    new_data: float
    changed_rule: float
    changed_peers: float


@dataclass(frozen=True, slots=True)
class Score:
    """A provider's score, 0 to 100, and all that it is made of."""

    provider_id: str
    score: float | None
    cannot_assess: tuple[str, ...]
    not_assessed: tuple[Family, ...]
    band: Band
    rank: int | None
    contributions: tuple[Contribution, ...]
    change: Change | None = None

    def as_json(self) -> dict[str, Any]:
        """The score as the contract prints it, but for the run's own fields."""
        moved = self.change
        return {
            "provider_id": self.provider_id,
            "score": self.score,
            "cannot_assess": list(self.cannot_assess) or None,
            "not_assessed": [family.value for family in self.not_assessed],
            "band": self.band.value,
            "rank": self.rank,
            "contributions": [part.as_json() for part in self.contributions],
            "change": None
            if moved is None
            else {
                "new_data": moved.new_data,
                "changed_rule": moved.changed_rule,
                "changed_peers": moved.changed_peers,
            },
        }


def providers(engine: Engine) -> list[Provider]:
    """Every provider in the record views, with what the records can say of it."""
    rows = engine.rows(_COVERAGE.read_text(encoding="utf-8"))
    return [
        Provider(
            row["provider_id"],
            row["municipality"],
            row["clients"],
            frozenset(source for source in row["sources"] if source is not None),
        )
        for row in rows
    ]


def score(
    findings: Iterable[Finding], rooms: Sequence[Room], among: Collection[Provider]
) -> list[Score]:
    """A score for each provider, in order of rank, those that cannot be assessed last."""
    by_room: dict[tuple[str, str], list[Finding]] = {}
    for found in findings:
        by_room.setdefault((found.provider_id, found.detector), []).append(found)
    strengths = {room.name: _strengths(room, by_room, among) for room in rooms}
    scores = [_score(provider, rooms, by_room, strengths) for provider in among]
    scores.sort(key=_order)
    ranked = itertools.count(1)
    return [
        replace(scored, rank=None if scored.score is None else next(ranked)) for scored in scores
    ]


def _strengths(
    room: Room, by_room: Mapping[tuple[str, str], list[Finding]], among: Collection[Provider]
) -> dict[str, float]:
    """How many findings each provider is taken to have, its peers considered.

    Findings per client are drawn towards the municipality's rate, then put back at the size of
    the median peer; never more than were found. A large firm's few and a small firm's one weigh
    less than a middling firm's many. What cannot have happened is so in a firm of any size: a
    provider has at least its weightiest hard finding.
    """
    effective: dict[str, float] = {}
    peers: dict[str | None, list[Provider]] = {}
    for provider in among:
        peers.setdefault(provider.municipality, []).append(provider)
    for group in peers.values():
        found = [by_room.get((provider.provider_id, room.name), ()) for provider in group]
        weighed = [[_sustained(finding) for finding in of_provider] for of_provider in found]
        counts = [math.fsum(weights) for weights in weighed]
        sizes = [float(provider.clients) for provider in group]
        typical = median([size for size in sizes if size > 0] or [0.0])
        rates = shrink(counts, sizes)
        for place, provider in enumerate(group):
            expected = rates[place] * typical if sizes[place] > 0 else counts[place]
            least = max(weighed[place], default=0.0) if room.strength is Strength.HARD else 0.0
            effective[provider.provider_id] = min(counts[place], max(expected, least))
    return effective


def _sustained(found: Finding) -> float:
    """What a finding counts: a hard one by its share of the volume floor, others as one.

    One slip says little of a provider; what goes on for days does.
    """
    if found.strength is not Strength.HARD:
        return 1.0
    return min(1.0, found.events / HARD_EVENTS) * min(1.0, found.days / HARD_DAYS)


def _score(
    provider: Provider,
    rooms: Sequence[Room],
    by_room: Mapping[tuple[str, str], list[Finding]],
    strengths: Mapping[str, Mapping[str, float]],
) -> Score:
    who = provider.provider_id
    found = {room.name: by_room.get((who, room.name), []) for room in rooms}
    assessed = {room.risk.family for room in rooms if found[room.name] or _covered(room, provider)}
    families = sorted({room.risk.family for room in rooms})
    not_assessed = tuple(family for family in families if family not in assessed)
    missing = tuple(
        sorted({"|".join(any_of) for room in rooms for any_of in _lacking(room, provider)})
    )
    if not assessed:
        return Score(who, None, missing or ("rooms",), not_assessed, Band.CANNOT_ASSESS, None, ())
    logs = {
        room.name: -math.log1p(-room.risk.weight)
        * min(strengths[room.name].get(who, 0.0), room.risk.cap)
        for room in rooms
        if found[room.name]
    }
    total = sum(logs.values())
    whole = min(_HIGHEST, round(-100 * math.expm1(-total), 2)) + 0.0  # never a negative nought
    points = rounded_to(whole, [whole * part / total if total else 0.0 for part in logs.values()])
    contributions = [
        Contribution(
            room.name, room.risk.family, point, len(found[room.name]), _money(found[room.name])
        )
        for room, point in zip((r for r in rooms if found[r.name]), points, strict=True)
    ]
    contributions.sort(key=lambda part: (-part.points, part.detector))
    everything = [finding for told in found.values() for finding in told]
    band = _band(everything, {room.name: room.risk.family for room in rooms})
    return Score(who, whole, (), not_assessed, band, None, tuple(contributions))


def _covered(room: Room, provider: Provider) -> bool:
    return not _lacking(room, provider)


def _lacking(room: Room, provider: Provider) -> list[tuple[str, ...]]:
    return [any_of for any_of in room.needs if provider.sources.isdisjoint(any_of)]


def _band(found: Sequence[Finding], family_of: Mapping[str, Family]) -> Band:
    if not found:
        return Band.NONE
    families: dict[Family, list[Finding]] = {}
    soft: dict[Family, list[frozenset[Evidence]]] = {}
    for finding in found:
        family = family_of[finding.detector]
        if finding.strength is Strength.HARD:
            families.setdefault(family, []).append(finding)
        else:
            soft.setdefault(family, []).append(frozenset(finding.evidence))
    if any(_above_floor(hard) for hard in families.values()) or _independent(soft):
        return Band.REVIEW
    return Band.WATCH


def _above_floor(hard: Sequence[Finding]) -> bool:
    # The first and last day of a finding are days of events; so are its own many.
    days = {day for finding in hard for day in (finding.since, finding.until)}
    most = max(len(days), *(finding.days for finding in hard))
    return sum(finding.events for finding in hard) >= HARD_EVENTS and most >= HARD_DAYS


def _independent(soft: Mapping[Family, Sequence[frozenset[Evidence]]]) -> bool:
    """Whether enough families have findings that share no row of evidence."""

    def chosen(left: Sequence[Family], used: frozenset[Evidence], wanted: int) -> bool:
        if wanted == 0:
            return True
        return len(left) >= wanted and any(
            chosen(left[place + 1 :], used | rows, wanted - 1)
            for place, family in enumerate(left)
            for rows in soft[family]
            if used.isdisjoint(rows)
        )

    return chosen(sorted(soft), frozenset(), INDEPENDENT_FAMILIES)


def _money(found: Sequence[Finding]) -> tuple[Decimal, Decimal] | None:
    """The findings' money together, of those in which it is known."""
    known = [finding.exposure for finding in found if finding.exposure is not None]
    if not known:
        return None
    return sum((low for low, _ in known), Decimal()), sum((high for _, high in known), Decimal())


def rounded_to(whole: float, parts: Sequence[float]) -> list[float]:
    """The parts in hundredths, so rounded that they sum to the rounded whole."""
    if not parts:
        return []
    cents = [math.floor(part * 100) for part in parts]
    left = round(whole * 100) - sum(cents)
    by_remainder = sorted(range(len(parts)), key=lambda place: cents[place] - parts[place] * 100)
    for place in itertools.islice(itertools.cycle(by_remainder), max(0, left)):
        cents[place] += 1
    return [cent / 100 for cent in cents]


def _order(scored: Score) -> tuple[float, Decimal, str]:
    money = sum((part.exposure[1] for part in scored.contributions if part.exposure), Decimal())
    return (1.0 if scored.score is None else -scored.score, -money, scored.provider_id)
