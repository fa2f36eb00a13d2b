"""What a run holds of what people point at: an entity by its reference, a finding by its id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine

_FOLDER: Final = Path(__file__).parent
_FINDING: Final = (_FOLDER / "subject.sql").read_text(encoding="utf-8")
_SEEN: Final = (_FOLDER / "seen.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class FindingSeen:
    """A finding in a sight: its provider and subjects by reference, its stories by name.

    `insider` tells that it is about the municipality's own people.
    """

    detector: str
    provider: str
    subjects: frozenset[str]
    stories: frozenset[str]
    insider: bool


def finding_seen(engine: Engine, finding_id: str) -> FindingSeen | None:
    """The finding of that id; None where the sight has none."""
    rows = engine.rows(_FINDING, {"finding_id": finding_id})
    if not rows:
        return None
    (row,) = rows
    return FindingSeen(
        row["detector"],
        row["provider_ref"],
        frozenset(row["subjects"]) | {row["provider_ref"]},
        frozenset(row["stories"]),
        row["insider"],
    )


def entities_seen(engine: Engine, references: Collection[str]) -> Mapping[str, bool]:
    """Those of the entities that the sight has, each with whether it is an insider."""
    rows = engine.rows(_SEEN, {"references": sorted(references)})
    return {row["node_id"]: row["insider"] for row in rows}
