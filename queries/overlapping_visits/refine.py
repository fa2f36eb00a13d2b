"""How many persons one worker's registrations take, what clients paid, what speaks against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from graph_service.persons_bound import Registration, persons_bound
from graph_service.room import Row, Value

_Visit: TypeAlias = Mapping[str, Any]
_Month: TypeAlias = tuple[str, Any]
_NOTHING: Final = Decimal(0)
_HANDED_OVER: Final = ("registrations", "pairs", "edges", "visits", "unplaced")
_PLACES: Final = ("cohabitants", "one_building", "one_spot", "one_stay")


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """Each finding with its bound on persons, its effect on fees and what speaks against it."""
    return [_told(row, thresholds) for row in rows]


def _told(row: Row, thresholds: Mapping[str, Value]) -> Row:
    kept = {name: value for name, value in row.items() if name not in _HANDED_OVER}
    bound = persons_bound(
        _placed(row["registrations"]),
        tolerance_s=float(thresholds["tolerance_s"]),
        same_building_m=float(thresholds["same_building_m"]),
    )
    lower, upper = fee_effect(row["registrations"], row["pairs"] or ())
    share = row["visits"] / max(row["visits"], row["worker_visits"])
    told = {
        "by_hand": row["by_hand"] > 0,
        "edges_only": row["edges"],
        "homes_not_compared": row["unplaced"] > 0,
        "other_provider": row["across"] > 0,
        "few_of_many": share <= float(thresholds["few_share"]),
    }
    return {
        **kept,
        "questioned_visits": row["visits"],
        "visit_share": share,
        "homes_not_compared": row["unplaced"],
        "persons_at_least": max(1, bound.persons),
        "certificate": list(bound.certificate) if bound.persons > 1 else [],
        "fee_effect_lower": lower,
        "fee_effect_upper": upper,
        "untested": list(_PLACES) if row["unplaced"] else [],
        "against": [name for name, shown in told.items() if shown],
    }


def _placed(visits: Sequence[_Visit]) -> list[Registration]:
    """What the bound may count: no group activities; a street with its town, if all tell theirs.

    A time that the autumn night repeats stands as its later reading begins and its earlier one
    ends, which is within both; where nothing is left, the registration says nothing.
    """
    untold = {visit["building"] for visit in visits if visit["postcode"] is None}
    return [
        Registration(
            visit["id"],
            visit["start"],
            visit["end"],
            visit["building"]
            if visit["building"] in untold
            else f"{visit['building']}, {visit['postcode']}",
            visit["lat"],
            visit["lon"],
        )
        for visit in visits
        if not visit["group"] and visit["start"] < visit["end"]
    ]


def fee_effect(
    visits: Sequence[_Visit], pairs: Sequence[_Visit]
) -> tuple[Decimal | None, Decimal | None]:
    """What the clients paid too much in SEK, at least and at most; None where a fee is unknown.

    A month's fee is the least of its cap and of hours times the hourly fee. At most: none of the
    provider's questioned visits took place. At least: of each two at once one did not last, and
    it is the one that costs its client less; what either client's month held above the cap
    falls away first.
    """
    own = {visit["id"]: visit for visit in visits if visit["own"]}
    if any(visit["cost"] is None or visit["due"] is None for visit in own.values()):
        return None, None
    months: dict[_Month, list[_Visit]] = defaultdict(list)
    for visit in own.values():
        months[visit["client"], visit["month"]].append(visit)
    upper = sum((_fallen(part) for part in months.values()), _NOTHING)
    at_once: dict[frozenset[_Month], Decimal] = defaultdict(Decimal)
    for pair in pairs:
        two = own[pair["a"]], own[pair["b"]]
        met = frozenset((visit["client"], visit["month"]) for visit in two)
        at_once[met] += pair["seconds"] * min(visit["hourly"] for visit in two)
    lower = sum(
        (
            max(_NOTHING, cost - sum(_above(months[of][0]) for of in met))
            for met, cost in at_once.items()
        ),
        _NOTHING,
    )
    return _sek(lower), _sek(upper)


def _fallen(visits: Sequence[_Visit]) -> Decimal:
    """By how much a client's month gets cheaper without these visits."""
    due: Decimal = visits[0]["due"]
    left = due - sum((visit["cost"] for visit in visits), _NOTHING)
    cap: Decimal | None = visits[0]["greatest_cap"]
    return due - left if cap is None else min(due, cap * 3600) - min(left, cap * 3600)


def _above(visit: _Visit) -> Decimal:
    """What the client's month would cost above its cap, and so does not."""
    cap = visit["least_cap"]
    return _NOTHING if cap is None else max(_NOTHING, visit["due"] - cap * 3600)


def _sek(cost: Decimal) -> Decimal:
    """Kronor of seconds at an hourly fee, to the öre."""
    return (cost / 3600).quantize(Decimal("0.01"))
