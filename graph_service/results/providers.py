"""Providers by rank, as the contract prints a score, each under its reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from graph_service.engines.duckdb import Engine

_RANKING: Final = Path(__file__).with_name("providers.sql").read_text(encoding="utf-8")

#: Where a provider stands in the ranking: its rank (or the end) and its reference.
Place: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which providers: all, or those that fit everything that is given.

    `detector` and `family` are of one contribution; `words` stand in the name or number, folded as
    `stores.search.folded` does; `not_assessed` is a family that lacks its data.
    """

    ref: str | None = None
    band: str | None = None
    min_score: float | None = None
    detector: str | None = None
    family: str | None = None
    not_assessed: str | None = None
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A scored provider: what is told of it, where it stands, how many fit from there on."""

    told: Mapping[str, Any]
    place: Place
    total: int


def ranking(
    engine: Engine, wanted: Wanted, *, after: Place | None = None, limit: int
) -> list[Provider]:
    """The first `limit` providers that are wanted, by rank, after a place of the ranking."""
    place, ref = after or (None, None)
    asked = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    asked |= {"words": list(wanted.words), "limit": limit, "after_place": place, "after_ref": ref}
    return [
        Provider(json.loads(row["told"]), (row["place"], row["provider_ref"]), row["total"])
        for row in engine.rows(_RANKING, asked)
    ]
