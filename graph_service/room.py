"""A detector is one room: a folder that declares one claim and holds everything about it.

Here are the parts of a declaration; `opening` reads and judges them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from graph_service.errors import DeclarationError

#: A value that a threshold may take.
Value: TypeAlias = int | float | str
#: One row of a find query, by column name.
Row: TypeAlias = dict[str, Any]
#: The second half of a claim that SQL says badly: rows and thresholds in force → rows.
Refine: TypeAlias = Callable[[Sequence[Row], Mapping[str, Value]], list[Row]]


class Strength(StrEnum):
    """How much one hit says. It decides what a finding may do to a provider's band."""

    HARD = "hard"  # a rule is broken, or the thing is physically impossible
    STAT = "stat"  # odd among peers
    NET = "net"  # a lead only


class Family(StrEnum):
    """Detectors of one family see the same thing; families are independent signals."""

    IDENTITY = "identity"
    MOVEMENT = "movement"
    SHARING = "sharing"
    COMPANY = "company"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in Swedish and English."""

    sv: str
    en: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of the claim, with its unit and the reason for its value."""

    value: Value
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class SwedishThreshold:
    """A threshold's unit and the reason for its value, in Swedish."""

    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Swedish:
    """The rule as it is told in Swedish: what a declaration says in English alone."""

    claim: str
    silent_on: str
    basis: str
    thresholds: Mapping[str, SwedishThreshold]


@dataclass(frozen=True, slots=True)
class Override:
    """A municipality's own value of a threshold, from a date and for a reason."""

    value: Value
    reason: str
    since: date


@dataclass(frozen=True, slots=True)
class Innocent:
    """An innocent cause: shown silent in a case, or asked of whoever can know."""

    name: str
    story: Text
    case: str | None = None
    ask: Text | None = None


@dataclass(frozen=True, slots=True)
class Against:
    """What may speak against a finding: the query names it where its rows show it."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Risk:
    """What a finding adds: strength `weight` in (0,1) each, no more than `cap` of them."""

    family: Family
    weight: float
    cap: int


@dataclass(frozen=True, slots=True)
class Room:
    """One detector: its declaration, its query and, where needed, its refinement."""

    name: str
    title: Text
    claim: str
    silent_on: str
    basis: str
    swedish: Swedish
    audience: tuple[str, ...]
    strength: Strength
    needs: tuple[tuple[str, ...], ...]
    anchor: tuple[str, ...]
    summary: Text
    thresholds: Mapping[str, Threshold]
    innocent: tuple[Innocent, ...]
    against: tuple[Against, ...]
    risk: Risk
    query: str
    #: The same claim asked of Neo4j, with citations for evidence; None where no network is asked.
    network_query: str | None
    refine: Refine | None
    digest: str
    folder: Path

    @property
    def parameters(self) -> frozenset[str]:
        """The `$name` parameters of the query."""
        return parameters(self.query)

    @property
    def network_parameters(self) -> frozenset[str]:
        """Those of the network query."""
        return parameters(self.network_query or "", "//")

    def in_force(self, overrides: Mapping[str, Override], as_of: date) -> dict[str, Value]:
        """Each threshold's value on a day: the municipality's own from its date, else ours."""
        unknown = sorted(set(overrides) - set(self.thresholds))
        if unknown:
            raise DeclarationError(
                f"{self.name} has no threshold {unknown[0]}; it has {', '.join(self.thresholds)}."
            )
        values = {name: threshold.value for name, threshold in self.thresholds.items()}
        for name, override in overrides.items():
            if isinstance(override.value, str) != isinstance(values[name], str):
                raise DeclarationError(
                    f"{self.name}.{name} is in {self.thresholds[name].unit}; "
                    "give a value of that kind."
                )
            if override.since <= as_of:
                values[name] = override.value
        return values


def parameters(query: str, comment: str = "--") -> frozenset[str]:
    """The `$name` parameters of a query, comments left out; those of Cypher begin with `//`."""
    code = re.sub(rf"{comment}[^\n]*", "", query)
    return frozenset(re.findall(r"\$([a-z_][a-z0-9_]*)", code))
