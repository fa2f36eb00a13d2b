"""Providers: their place in the ranking, their card, their score from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from graph_service.risk import Band
from graph_service.room import Family, Text
from graph_service.stores.answers import Counts, Entity, Indication, Section


class Exposure(BaseModel):
    """Money paid for what is questioned, in SEK."""

    lower: float
    upper: float


class Contribution(BaseModel):
    """The points that one detector adds to a score, and what they rest on."""

    detector: str
    family: Family
    points: float
    findings: int
    exposure_sek: Exposure | None


class Change(BaseModel):
    """Points since the run before, by what moved them."""

    new_data: float
    changed_rule: float
    changed_peers: float


class Score(BaseModel):
    """A provider's score: an indication of where to look, never a verdict.

    `score` (0 to 100) and `rank` are null where it cannot be assessed; `cannot_assess` then names
    the data that is missing. `not_assessed` are the families that lacked theirs.
    """

    provider_id: str = Field(description="Organisation number; a reference for a sole trader.")
    score: float | None
    cannot_assess: list[str] | None
    not_assessed: list[Family]
    band: Band
    rank: int | None
    contributions: list[Contribution]
    change: Change | None
    run_id: str
    as_of: date
    known_by: datetime | None


class Provider(Score):
    """A provider in the ranking."""

    ref: str = Field(description="Names the provider in addresses.")
    name: str | None = Field(description="Null where it is unknown, or a person's own.")
    key: str | None = Field(default=None, description="Told inside a case that shows it in clear.")


class Matched(BaseModel):
    """The providers that a search found, by rank; `left_out` more were found."""

    run_id: str
    items: list[Provider]
    left_out: int


class ProviderCard(BaseModel):
    """A provider on one page: what it is, its score, findings, people, money and papers.

    `findings` are the first, `findings_by_detector` counts all; each of `sections` is one kind of
    tie with its `total` and the first of them. With `as_of` the ties that stand on that day.
    """

    run_id: str
    as_of: date | None
    entity: Entity
    properties: Mapping[str, Any]
    score: Provider
    findings: list[Indication]
    findings_by_detector: Counts
    sections: list[Section]
    entities: list[Entity]


class PastScore(BaseModel):
    """What a provider's score was in one run, and how many points moved it since the run before.

    `reason` says the same in words: new data, a changed rule, changed peers; null for the first.
    """

    run_id: str
    as_of: date
    score: float | None
    band: Band
    rank: int | None
    change: Change | None
    reason: Text | None
