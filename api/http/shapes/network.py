"""What is asked of the network; its answers are those of `graph_service.stores.answers`."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from graph_service.graph.declaration import KINDS
from graph_service.stores import search
from graph_service.stores.answers import Counts, Entity, Paths
from graph_service.stores.neighbourhood import TYPES

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
#: A search is a name, a number or an address: no essay.
_LONGEST: Final = 200
MATCHES: Final = 100


def _among(names: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(names)})


def _known(names: Iterable[str]) -> AfterValidator:
    def known(name: str) -> str:
        if name not in names:
            raise ValueError(f"it is one of {', '.join(names)}")
        return name

    return AfterValidator(known)


def _iso(given: Any) -> Any:
    """Nothing but a written day: a number of seconds is a date to Pydantic too."""
    if isinstance(given, str) and not _ISO.fullmatch(given):
        raise ValueError("a day is written 2026-01-31")
    return given


#: A day in a request, 2026-01-31 and in no other way.
Day = Annotated[datetime.date, BeforeValidator(_iso)]
AsOf = Annotated[Day | None, Query(description="Only what stands on that day.")]
Kind = Annotated[str, _known(KINDS), _among(KINDS)]
TieType = Annotated[str, _known(TYPES), _among(TYPES)]
Kinds = Annotated[list[Kind] | None, Query(description="These kinds of entity only.")]
Types = Annotated[list[TieType] | None, Query(description="These types of relationship only.")]
Text = Annotated[str, StringConstraints(min_length=2, max_length=_LONGEST)]


class SearchFor(BaseModel):
    """Words of a name, a number, a telephone, an account or an address, whole or in part."""

    text: Text = Field(examples=["hemtjänst"])
    kinds: list[Kind] | None = Field(default=None, examples=[["organisation"]])
    limit: int = Field(default=search.MATCHES, ge=1, le=MATCHES)


@dataclass(frozen=True, slots=True)
class ShownPaths(Paths):
    """Every shortest path between two entities, `total` in all, the first of them by id shown.

    `outcome` is found; none (the two do not hang together); none_within (no path of `max_length`
    steps or fewer); or bound (the search stopped: its next step would have made it pass more than
    `bound` relationships, and nothing is known beyond `searched` steps). Of the relationships
    along the paths the first are shown.
    """

    relationships_left_out: int


class Event(BaseModel):
    """Something dated: of the entity itself, of one of its ties, or of a finding."""

    date: datetime.date
    subject: str
    event: str
    type: str
    id: str
    other_id: str | None


class Timeline(BaseModel):
    """The last dated events of an entity, the earliest of them first; `left_out` were earlier."""

    run_id: str
    as_of: datetime.date | None
    node_id: str
    events: list[Event]
    total: Counts
    left_out: int
    entities: list[Entity]
