"""Findings as the record contract prints them, and what is told beside one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from api.http.shapes.providers import Exposure
from graph_service.detector import Outcome
from graph_service.room import Strength, Swedish, Text, Value


class Became(StrEnum):
    """What became of a finding since the run before."""

    NEW = "new"
    STILL = "still"
    GONE = "gone"


class Subject(BaseModel):
    """Somebody or something that a finding is about, in a role."""

    role: str
    kind: str
    id: str = Field(description="A reference where it would name a person.")
    ref: str | None = Field(default=None, description="Names the entity in addresses.")
    key: str | None = Field(default=None, description="Told inside a case that shows it in clear.")
    name: str | None = Field(default=None, description="As key.")


class Story(BaseModel):
    """An innocent story, and what became of it for this finding."""

    story: str
    tested: bool
    outcome: Outcome


class StoryInWords(Story):
    """The same in words, with the question to ask where no record can tell."""

    text: Text | None
    ask: Text | None


class Evidence(BaseModel):
    """The way back to one row."""

    table: str
    key: Mapping[str, Any]
    file_sha256: str
    row: int


class Finding(BaseModel):
    """One indicator about one provider, for a person to review; never a verdict.

    Of many subjects and rows the first are told and the others counted.
    """

    finding_id: str
    detector: str
    detector_digest: str
    strength: Strength
    provider_id: str
    provider_ref: str
    subjects: list[Subject]
    subjects_left_out: int
    since: date
    until: date
    events: int
    days: int
    exposure_sek: Exposure | None
    statistics: Mapping[str, Any]
    summary: Text
    innocent: list[Story]
    evidence: list[Evidence]
    evidence_left_out: int
    change: Became | None = Field(description="Null where the run was compared with none.")


class InForce(BaseModel):
    """A threshold as the run put it: `room_value` is the detector's own, `reason` is why not."""

    name: str
    value: Value
    unit: str
    room_value: Value
    reason: str | None
    why: str | None = Field(description="Why the detector's own value is what it is.")


class Rule(BaseModel):
    """The claim behind a finding. Its words are today's; `digest` tells if they were then's."""

    detector: str
    title: Text | None
    claim: str | None
    silent_on: str | None
    basis: str | None
    swedish: Swedish | None = Field(description="The same, and the thresholds' words, in Swedish.")
    digest: str = Field(description="The detector as the run asked it.")
    digest_today: str | None = Field(description="The detector as it stands now; null: no more.")
    thresholds: list[InForce]


class FindingInFull(Finding):
    """A finding with all that a reader needs to answer it."""

    run_id: str
    innocent: list[StoryInWords]  # type: ignore[assignment]
    rule: Rule


class QueryText(BaseModel):
    """What was asked, as text: of the records, and of the network where the claim is of one."""

    finding_id: str
    detector: str
    digest: str = Field(description="The detector that made the finding.")
    digest_today: str | None = Field(description="The detector whose text this is.")
    thresholds: Mapping[str, Value]
    sql: str | None
    cypher: str | None
