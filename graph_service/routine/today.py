"""The day's queue: which findings to look at first, for the hours that there are.

A finding is worth, for each hour that it takes, the least money that it questions × how often its
detector held × 1 / its hours. How often a detector held is learnt from people's own judgements by
Laplace's rule of succession, (confirmed + 1) / (judged + 2): one half where nobody has judged,
which claims nothing. A share of the places is drawn by lot among all that wait, so that a rule is
judged by more than what it ranks highest. The lot is a hash of the day, the run and the finding:
everybody sees the same draw, and anybody can repeat it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.routine.practice import Practice

_OPEN: Final = Path(__file__).with_name("today.sql").read_text(encoding="utf-8")
#: The most that a queue holds, whatever the hours.
MOST: Final = 200
#: What orders findings, in this order; `lot` is the last and never equal.
ORDER: Final = ("worth_per_hour_sek", "provider_score", "strength", "lot")
_STRENGTHS: Final = ("hard", "stat", "net")


@dataclass(frozen=True, slots=True)
class Held:
    """How often people who looked held a detector's findings to be what it claims."""

    confirmed: int = 0
    judged: int = 0

    @property
    def share(self) -> float:
        """Laplace's rule of succession (1774), between 0 and 1."""
        return (self.confirmed + 1) / (self.judged + 2)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A finding that waits to be looked at. Money in SEK; `exposure_lower` is None if unknown."""

    finding_id: str
    detector: str
    strength: str
    provider_score: float | None
    exposure_lower: Decimal | None


@dataclass(frozen=True, slots=True)
class Place:
    """A finding's place in the queue, and all that its order rests on.

    `drawn_from` is how many findings waited when it was drawn by lot; None where it was not.
    """

    finding_id: str
    hours: float
    precision: float
    expected_recovery_sek: float | None
    worth_per_hour_sek: float | None
    lot: str
    drawn_from: int | None


def queue(
    waiting: Iterable[Waiting],
    hours: float,
    *,
    day: date,
    run_id: str,
    held: Mapping[str, Held],
    practice: Practice,
) -> list[Place]:
    """The findings for so many hours, in the order in which to look at them.

    Each place is filled by the best finding that fits in the hours left, or, in a share of the
    places, by the one that the lot names among those. What has no known money comes after all
    that has. Ties are broken by the provider's score, the strength of the finding, and the lot.
    """
    left = sorted((_weighed(each, day, run_id, held, practice) for each in waiting), key=_order)
    places: list[Place] = []
    minutes = _minutes(hours)
    while len(places) < MOST:
        left = [each for each in left if _minutes(each[1].hours) <= minutes]
        if not left:
            break
        by_lot = _chance(f"{day}|{run_id}|place {len(places)}") < practice.drawn_share
        chosen = min(left, key=lambda each: each[1].lot) if by_lot else left[0]
        place = chosen[1]
        if by_lot:
            place = replace(place, drawn_from=len(left))
        places.append(place)
        left.remove(chosen)
        minutes -= _minutes(place.hours)
    return places


def open_findings(
    engine: Engine, *, asleep: Sequence[str] = (), providers_asleep: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The findings of a run that are not put off, nor their providers, by finding_id."""
    return engine.rows(_OPEN, {"asleep": list(asleep), "providers_asleep": list(providers_asleep)})


def waiting_of(row: Mapping[str, Any]) -> Waiting:
    """A row of `open_findings` as the queue weighs it."""
    money = row["exposure_sek"]
    return Waiting(
        row["finding_id"],
        row["detector"],
        row["strength"],
        row["provider_score"],
        None if money is None or money["lower"] is None else Decimal(str(money["lower"])),
    )


def _weighed(
    each: Waiting, day: date, run_id: str, held: Mapping[str, Held], practice: Practice
) -> tuple[Waiting, Place]:
    hours = practice.hours(each.detector)
    precision = held.get(each.detector, Held()).share
    expected = None if each.exposure_lower is None else float(each.exposure_lower) * precision
    return each, Place(
        each.finding_id,
        hours,
        precision,
        None if expected is None else round(expected, 2),
        None if expected is None else round(expected / hours, 2),
        _lot(f"{day}|{run_id}|{each.finding_id}"),
        None,
    )


def _order(weighed: tuple[Waiting, Place]) -> tuple[bool, float, float, int, str]:
    each, place = weighed
    worth = place.worth_per_hour_sek
    score = each.provider_score
    return (
        worth is None,
        -(worth or 0.0),
        -(score if score is not None else -1.0),
        _STRENGTHS.index(each.strength),
        place.lot,
    )


def _minutes(hours: float) -> int:
    return round(hours * 60)


def _lot(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _chance(what: str) -> float:
    """A number from 0 up to 1, as good as drawn, and the same for everybody."""
    return int(_lot(what), 16) / 16**16
