"""What a look-up answers, alike whichever engine was read, and its form as JSON.

Every answer tells the run that it is of. Entities and relationships are told once, by id; what
was left out is counted, never dropped in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

Counts: TypeAlias = Mapping[str, int]

_OF_ENTITY: Final = ("node_id", "kind", "key", "name", "protected", "labels")
_OF_RELATIONSHIP: Final = (
    "edge_id",
    "type",
    "source_id",
    "target_id",
    "valid_from",
    "valid_to",
    "origin_table",
    "origin_key",
)
#: What an engine keeps for itself, and where an entity leads back to in the records.
_UNSAID: Final = frozenset({"number", "search", "since", "until", "origin_table", "origin_key"})


@dataclass(frozen=True, slots=True)
class Entity:
    """A node: a provider, a person, an account. `name` is None where it is unknown or protected."""

    node_id: str
    kind: str
    key: str
    name: str | None
    protected: bool
    labels: tuple[str, ...]

    @staticmethod
    def of(row: Mapping[str, Any]) -> Entity:
        """The entity of a reader's row."""
        return Entity(
            node_id=row["node_id"],
            kind=row["kind"],
            key=row["key"],
            name=row.get("name"),
            protected=bool(row.get("protected")),
            labels=tuple(sorted(row["labels"])),
        )


@dataclass(frozen=True, slots=True)
class Relationship:
    """A tie between two entities; `valid_from` is included, `valid_to` is not."""

    edge_id: str
    type: str
    source_id: str
    target_id: str
    valid_from: date | None
    valid_to: date | None
    origin_table: str | None
    origin_key: Mapping[str, Any] | None
    properties: Mapping[str, Any]

    @staticmethod
    def of(row: Mapping[str, Any]) -> Relationship:
        """The relationship of a reader's row."""
        origin = row.get("origin_key")
        return Relationship(
            edge_id=row["edge_id"],
            type=row["type"],
            source_id=row["source_id"],
            target_id=row["target_id"],
            valid_from=row.get("valid_from"),
            valid_to=row.get("valid_to"),
            origin_table=row.get("origin_table"),
            origin_key=None if origin is None else json.loads(origin),
            properties=_said(row, _OF_RELATIONSHIP),
        )

    def other(self, node_id: str) -> str:
        """The end that is not `node_id`; itself where both are."""
        return self.source_id if self.target_id == node_id else self.target_id


@dataclass(frozen=True, slots=True)
class Match:
    """An entity that a search found: by its key, a whole line, the start of one, or a part."""

    entity: Entity
    match: str


@dataclass(frozen=True, slots=True)
class Matches:
    """The best matches of a search, `total` of them in all; the rest by kind in `left_out`."""

    run_id: str
    matches: tuple[Match, ...]
    total: int
    left_out: Counts


@dataclass(frozen=True, slots=True)
class Placed:
    """An entity and its distance, in steps, from the one that was asked about."""

    distance: int
    entity: Entity


@dataclass(frozen=True, slots=True)
class Hub:
    """An entity that has so many relationships of a type that they were not followed."""

    node_id: str
    type: str
    relationships: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Who stands within `depth` steps of `node_id`, and by which ties.

    `reached` is the last step that was taken; where something was left out, the limit ended the
    search there. `left_out` counts that step's others by kind; `relationships_left_out` by type.
    `relationships` are those of every entity nearer than `reached` with any that is shown.
    """

    run_id: str
    as_of: date | None
    node_id: str
    depth: int
    reached: int
    entities: tuple[Placed, ...]
    relationships: tuple[Relationship, ...]
    hubs: tuple[Hub, ...]
    left_out: Counts
    relationships_left_out: Counts


@dataclass(frozen=True, slots=True)
class Paths:
    """Every shortest path between two entities, `total` in all, the first of them by id shown.

    `outcome` is found; none (the two do not hang together); none_within (no path of `max_length`
    steps or fewer); or bound (the search stopped: its next step would have made it pass more than
    `bound` relationships, and nothing is known beyond `searched` steps).
    """

    run_id: str
    as_of: date | None
    source_id: str
    target_id: str
    outcome: str
    length: int | None
    max_length: int
    searched: int
    bound: int
    paths: tuple[tuple[str, ...], ...]
    total: int
    left_out: int
    entities: tuple[Entity, ...]
    relationships: tuple[Relationship, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one owner is told to hold; `distance` steps from the one that was asked about."""

    distance: int
    owner_id: str
    owned_id: str
    interest: str
    share: float | None
    role: str | None
    valid_from: date | None
    valid_to: date | None
    edge_id: str


@dataclass(frozen=True, slots=True)
class EffectiveShare:
    """What `owner_id` holds of `owned_id` through every chain together, 0 to 1."""

    owner_id: str
    owned_id: str
    share: float


@dataclass(frozen=True, slots=True)
class Interest:
    """Shares, or votes: who holds them in the end, and what is held through others.

    `unaccounted` is the part of which no final owner is known. `share_untold` counts holdings
    whose share is not told (they count as nothing); `overstated` names those of whom more than
    the whole is told to be held (it counts as the whole).
    """

    interest: str
    owners: tuple[EffectiveShare, ...]
    unaccounted: float
    held: tuple[EffectiveShare, ...]
    share_untold: int
    overstated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owners above `node_id` and what it owns below, each interest kept apart.

    `complete` is false where more than `bound` holdings were met: effective shares are then left
    out, since they could be wrong. `rings` are the owners above that own each other in a circle.
    """

    run_id: str
    as_of: date | None
    node_id: str
    complete: bool
    bound: int
    above: tuple[Holding, ...]
    below: tuple[Holding, ...]
    interests: tuple[Interest, ...]
    rings: tuple[tuple[str, ...], ...]
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """The points that one detector adds to a score."""

    detector: str
    points: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A provider's score; `score` and `rank` are None where it cannot be assessed."""

    score: float | None
    band: str
    rank: int | None
    contributions: tuple[Contribution, ...]
    cannot_assess: tuple[str, ...]
    not_assessed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indication:
    """A finding in short; whole, with its rows, in `graph-service findings`."""

    finding_id: str
    detector: str
    strength: str
    role: str
    first: date
    last: date
    events: int
    days: int
    exposure_lower: float | None
    exposure_upper: float | None
    summary: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of tie of a provider: how many, to how many others, still open, and the first."""

    section: str
    type: str
    direction: str
    total: int
    open: int
    others: int
    amounts: Mapping[str, float]
    relationships: tuple[Relationship, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A provider on one page: what it is, its score, findings, people, money and papers."""

    run_id: str
    as_of: date | None
    entity: Entity
    properties: Mapping[str, Any]
    score: Scored | None
    findings: tuple[Indication, ...]
    findings_by_detector: Counts
    sections: tuple[Section, ...]
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something dated: of the entity itself, of one of its ties, or of a finding."""

    date: date
    subject: str
    event: str
    type: str
    id: str
    other_id: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The last dated events of an entity, the earliest of them first; `left_out` were earlier."""

    run_id: str
    as_of: date | None
    node_id: str
    events: tuple[Event, ...]
    total: Counts
    left_out: int
    entities: tuple[Entity, ...]


def as_json(answer: Any) -> Any:
    """The answer in plain values: its fields in order, dates as ISO text."""
    if isinstance(answer, date):
        return answer.isoformat()
    if isinstance(answer, Mapping):
        return {name: as_json(value) for name, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [as_json(value) for value in answer]
    if hasattr(answer, "__dataclass_fields__"):
        return {field.name: as_json(getattr(answer, field.name)) for field in fields(answer)}
    return answer


def left_out(found: Counts, shown: Iterable[Entity | str]) -> dict[str, int]:
    """How many of each kind (or type) were found and are not shown, in order of kind."""
    rest = dict(found)
    for one in shown:
        rest[one if isinstance(one, str) else one.kind] -= 1
    return {kind: number for kind, number in sorted(rest.items()) if number}


def properties(row: Mapping[str, Any]) -> dict[str, Any]:
    """What else a reader's row tells of an entity, in order of name."""
    return _said(row, _OF_ENTITY)


def number(value: Any) -> Any:
    """An exact decimal as a float; anything else as it is."""
    return float(value) if isinstance(value, Decimal) else value


def _said(row: Mapping[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """The further properties that say something, in order of name."""
    return {
        name: number(value)
        for name, value in sorted(row.items())
        if value is not None
        and not isinstance(value, list)
        and name not in named
        and name not in _UNSAID
    }
