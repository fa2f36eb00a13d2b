"""Weighs the signs of each provider: several, of different kinds, heavy enough together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from graph_service.room import Row, Value


@dataclass(frozen=True, slots=True)
class Sign:
    """One line of the checklist: its kind, the threshold that weighs it, and its words."""

    kind: str
    weight: str
    sv: str
    en: str


SIGNS: Final[Mapping[str, Sign]] = {
    "care_of": Sign(
        "premises",
        "premises_weight",
        "adressen är en box eller c/o någon annan",
        "its address is a box or c/o somebody else",
    ),
    "mass_address": Sign(
        "premises",
        "premises_weight",
        "många bolag delar adressen",
        "many companies share its address",
    ),
    "no_contact": Sign(
        "contact",
        "contact_weight",
        "varken telefon eller e-post är känd",
        "neither phone nor e-mail is known",
    ),
    "new_company": Sign(
        "age",
        "new_weight",
        "bolaget var nytt vid sitt första uppdrag",
        "it was new at its first assignment",
    ),
    "no_f_tax": Sign(
        "register",
        "register_weight",
        "det är inte godkänt för F-skatt",
        "it is not approved for F-tax",
    ),
    "no_employer": Sign(
        "register",
        "register_weight",
        "det har personal men är inte registrerat som arbetsgivare",
        "it has staff but is not registered as employer",
    ),
    "few_employees": Sign(
        "register",
        "few_weight",
        "det har få anställda mot dem som arbetar där",
        "it has few employees beside those who work there",
    ),
    "restraint": Sign(
        "status",
        "restraint_weight",
        "det arbetar vidare under konkurs, likvidation, rekonstruktion eller efter avregistrering",
        "it works on in bankruptcy, liquidation, reconstruction or after deregistration",
    ),
    "other_industry": Sign(
        "industry",
        "industry_weight",
        "den registrerade branschen ligger långt från omsorg",
        "its registered line of business is far from care",
    ),
    "trading_ban": Sign(
        "management",
        "ban_weight",
        "någon med näringsförbud leder eller styr det",
        "somebody under a trading ban runs or controls it",
    ),
    "straw_management": Sign(
        "management",
        "straw_weight",
        "en företrädare sitter i många styrelser och har suttit i flera bolag som gått i konkurs",
        "an officer sits on many boards and sat in several companies that went bankrupt",
    ),
    "makeover": Sign(
        "change",
        "makeover_weight",
        "styrelse, bransch och adress byttes på en gång",
        "board, line of business and address changed at once",
    ),
    "new_board": Sign(
        "change",
        "new_board_weight",
        "hela styrelsen tillträdde strax före det första uppdraget",
        "its whole board was appointed just before its first assignment",
    ),
}

#: Which innocent story stays untested where a sign was shown without the data to test it.
_UNTESTED: Final = {
    "care_of": "owner_home",
    "no_employer": "hired_staff",
    "few_employees": "hired_staff",
    "makeover": "shelf_company",
}


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """One row for each provider whose signs are of enough kinds and weigh enough."""
    found = []
    ordered = sorted(rows, key=_order)
    for provider, told in itertools.groupby(ordered, key=lambda row: str(row["provider_id"])):
        row = _weighed(provider, list(told), thresholds)
        if row is not None:
            found.append(row)
    return found


def _order(row: Row) -> tuple[str, ...]:
    shown = row["evidence"][0]
    return row["provider_id"], row["sign"], shown["table"], *(part or "" for part in shown["key"])


def _weighed(provider: str, told: Sequence[Row], thresholds: Mapping[str, Value]) -> Row | None:
    straw = _straw(told, thresholds)
    by_sign = {
        **{
            name: list(rows)
            for name, rows in itertools.groupby(told, key=lambda row: str(row["sign"]))
            if name in SIGNS
        },
        "straw_management": list(straw.rows),
        "makeover": _makeover(told, thresholds),
        "new_board": _new_board(told, thresholds),
    }
    shown = {name: rows for name, rows in by_sign.items() if rows}
    weights = {name: float(thresholds[SIGNS[name].weight]) for name in shown}
    weight = _together(weights, float(thresholds["further_share"]))
    kinds = {SIGNS[name].kind for name in shown}
    if len(kinds) < int(thresholds["kinds_min"]) or weight < float(thresholds["weight_min"]):
        return None
    first = told[0]
    evidence = [row for name in shown for fact in shown[name] for row in fact["evidence"]]
    begun = [fact["since"] for name in shown for fact in shown[name] if fact["since"] is not None]
    return {
        **{name: first[name] for name in ("provider_id", "subjects", "until")},
        # It stands as it is since the last dated sign, and no earlier than it began to work.
        "since": min(first["until"], max([first["first"], *begun])),
        "events": len(shown),
        "days": max(1, len(set(begun))),
        # The signs question who the company is, and no single invoice of it.
        "exposure_lower": None,
        "exposure_upper": None,
        "evidence": evidence,
        "weight": weight,
        "signs": len(shown),
        "kinds": len(kinds),
        "by_sign": [
            {"sign": name, "kind": SIGNS[name].kind, "weight": weights[name]}
            for name in sorted(weights, key=lambda name: (-weights[name], name))
        ],
        "signs_sv": _listed(SIGNS[name].sv for name in SIGNS if name in shown),
        "signs_en": _listed(SIGNS[name].en for name in SIGNS if name in shown),
        "at_address": first["at_address"],
        "staff": first["staff"],
        "employees": first["employees"],
        "boards": straw.boards,
        "bankruptcies": straw.bankruptcies,
        "seats": straw.seats,
        "untested": sorted(
            {_UNTESTED[name] for name in shown for fact in shown[name] if fact["unsure"]}
        ),
        "against": _against(told, shown, straw, thresholds),
    }


def _together(weights: Mapping[str, float], further_share: float) -> float:
    """The heaviest sign of each kind in full, every further one of that kind by its share."""
    whole = 0.0
    for kind in {SIGNS[name].kind for name in weights}:
        first, *others = sorted(
            (weight for name, weight in weights.items() if SIGNS[name].kind == kind), reverse=True
        )
        whole += first + further_share * sum(others)
    return round(whole, 4)


@dataclass(frozen=True, slots=True)
class Straw:
    """The officer who sits on the most failed companies' boards, and the rows that show it."""

    boards: int | None = None
    bankruptcies: int | None = None
    seats: int | None = None
    rows: tuple[Row, ...] = ()


def _straw(told: Sequence[Row], thresholds: Mapping[str, Value]) -> Straw:
    """Whoever meets both numbers of the rule, with just so many seats and bankruptcies shown."""
    boards_min, failed_min = int(thresholds["boards_min"]), int(thresholds["bankruptcies_min"])
    found = []
    for person in sorted({row["person_id"] for row in told if row["sign"] == "seat"}):
        own = [row for row in told if row["person_id"] == person]
        seats = _first_of_each(row for row in own if row["sign"] == "seat" and row["held"])
        failed = _first_of_each(row for row in own if row["sign"] == "bankruptcy")
        if len(seats) < boards_min or len(failed) < failed_min:
            continue
        here = [
            row for row in own if row["sign"] == "seat" and row["other_id"] == row["provider_id"]
        ]
        gone = sorted(failed.values(), key=lambda row: (row["since"], row["other_id"]))[
            -failed_min:
        ]
        ran = _first_of_each(row for row in own if row["sign"] == "seat" and row["unsure"])
        shown = {
            id(row): row for row in [*here[:1], *gone, *(ran[row["other_id"]] for row in gone)]
        }
        held = {row["other_id"] for row in shown.values() if row["sign"] == "seat" and row["held"]}
        more = [row for other, row in seats.items() if other not in held]
        rows = [*shown.values(), *more[: boards_min - len(held)]]
        every = {row["other_id"] for row in own if row["sign"] == "seat"}
        found.append(Straw(len(seats), len(failed), len(every), tuple(_certain(rows))))
    return max(found, key=lambda straw: (straw.bankruptcies, straw.boards), default=Straw())


def _first_of_each(rows: Iterable[Row]) -> dict[str, Row]:
    """One row for each company, the first in order."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["other_id"], row)
    return first


def _certain(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that show a sign together, none of them dating it by itself but the last."""
    kept = sorted(rows, key=_order)
    last = max((row["since"] for row in kept), default=None)
    for row in kept:
        yield {**row, "since": last, "unsure": False}


def _makeover(told: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """The last three changes of board, line of business and address within the days.

    What a shelf company changes before its first assignment is its beginning.
    """
    changes = [
        [row for row in told if row["sign"] == f"changed_{what}"]
        for what in ("board", "industry", "address")
    ]
    triples = [
        triple
        for triple in itertools.product(*changes)
        if _span(triple) <= int(thresholds["makeover_days"])
        and not _shelf(triple, int(thresholds["shelf_days"]))
    ]
    if not triples:
        return []
    last = max(triples, key=lambda triple: (max(row["since"] for row in triple), -_span(triple)))
    unsure = last[0]["registered_on"] is None
    return [{**row, "unsure": unsure} for row in last]


def _span(rows: Sequence[Row]) -> int:
    days: list[date] = [row["since"] for row in rows]
    return (max(days) - min(days)).days


def _shelf(rows: Sequence[Row], shelf_days: int) -> bool:
    registered, began = rows[0]["registered_on"], rows[0]["first"]
    changed: date = min(row["since"] for row in rows)
    if registered is None or began < changed:
        return False
    return bool((changed - registered).days <= shelf_days)


def _new_board(told: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """The provider's own seats, where all were taken just before the first assignment."""
    own = [row for row in told if row["sign"] == "seat" and row["other_id"] == row["provider_id"]]
    if not own or own[0]["registered_on"] is None:
        return []
    began, registered = own[0]["first"], own[0]["registered_on"]
    if (began - registered).days < int(thresholds["new_days"]):
        return []
    ages = [(began - row["since"]).days for row in own]
    if max(ages) < 0 or max(ages) > int(thresholds["appointed_days"]):
        return []
    return [{**row, "unsure": False} for row in own]


def _against(
    told: Sequence[Row],
    shown: Mapping[str, Sequence[Row]],
    straw: Straw,
    thresholds: Mapping[str, Value],
) -> list[str]:
    """What speaks against the signs shown."""
    board = {
        row["person_id"]
        for row in told
        if row["sign"] == "seat" and row["held"] and row["other_id"] == row["provider_id"]
    }
    managed = any(SIGNS[name].kind == "management" for name in shown)
    changed = [row["since"] for row in shown.get("makeover", ())]
    owners = [row["since"] for row in told if row["sign"] == "changed_owner"]
    near = int(thresholds["makeover_days"])
    texts = {
        "others_on_board": managed and len(board) > 1,
        "few_of_many": bool(
            straw.seats and straw.bankruptcies and straw.seats >= 5 * straw.bankruptcies
        ),
        "owner_told": any(abs((day - of).days) <= near for day in owners for of in changed),
        "permit": any(row["sign"] == "permit" for row in told),
        "review": any(row["sign"] == "review" for row in told),
    }
    return [name for name, holds in texts.items() if holds]


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words)
