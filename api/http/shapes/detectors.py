"""The public catalogue of detectors: what each claims, on what ground, and how it may be wrong."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field

from graph_service.room import Against, Room, Strength, Swedish, Text, Threshold


class InnocentStory(BaseModel):
    """An innocent cause of what the detector finds: tested by it, or asked of somebody."""

    name: str
    story: Text
    tested: bool
    ask: Text | None


class RiskPart(BaseModel):
    """What a finding adds to a score: `weight` in (0, 1) each, no more than `cap` of them."""

    family: str
    weight: float
    cap: int


class Detector(BaseModel):
    """One detector, whole: an indicator for a person to review, never a verdict."""

    name: str
    title: Text
    claim: str = Field(description="What one finding asserts.")
    silent_on: str = Field(description="What it cannot know.")
    basis: str = Field(description="The rule or contract term behind it.")
    swedish: Swedish = Field(description="The same, and the thresholds' words, in Swedish.")
    audience: list[str] = Field(description="Who may act on it.")
    needs: list[list[str]] = Field(description="Record tables: one of each inner list.")
    strength: Strength
    thresholds: Mapping[str, Threshold]
    innocent: list[InnocentStory]
    against: list[Against]
    risk: RiskPart
    digest: str = Field(description="Of the declaration and the queries.")
    sql: str = Field(description="What is asked of the records.")
    cypher: str | None = Field(description="The same claim asked of Neo4j, for network claims.")


def detector(room: Room) -> Detector:
    """What the catalogue tells of a room."""
    return Detector(
        name=room.name,
        title=room.title,
        claim=room.claim,
        silent_on=room.silent_on,
        basis=room.basis,
        swedish=room.swedish,
        audience=list(room.audience),
        needs=[list(any_of) for any_of in room.needs],
        strength=room.strength,
        thresholds=room.thresholds,
        innocent=[
            InnocentStory(
                name=cause.name, story=cause.story, tested=cause.ask is None, ask=cause.ask
            )
            for cause in room.innocent
        ],
        against=list(room.against),
        risk=RiskPart(family=room.risk.family, weight=room.risk.weight, cap=room.risk.cap),
        digest=room.digest,
        sql=room.query,
        cypher=room.network_query,
    )
