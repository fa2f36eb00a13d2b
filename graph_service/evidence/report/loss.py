"""The loss: what the municipality paid, and the clients, for what the findings question.

`bounds` has the argument. The amounts of the rows come from `linking`, made over all records: they
are the same for every recipient, and name nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from graph_service.evidence.material import Material
from graph_service.evidence.report.bounds import (
    NOTHING,
    Billed,
    Meets,
    Questioned,
    groups,
    hanging_together,
    together,
)
from graph_service.evidence.report.contents import Loss, Money
from graph_service.evidence.report.standing import standing
from graph_service.evidence.report.words import ore, said
from graph_service.room import Strength

_INFINITE: Final = Decimal("Infinity")
_ZERO: Final = Decimal()
_ORE: Final = Decimal("0.01")
_METHOD: Final = ("findings", "standing", "shared", "lower", "upper", "billed", "months", "fees")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that a finding questions: the most that it can have cost, and when it was."""

    item: int
    is_line: bool
    since: date
    until: date
    client: int
    sek: Decimal
    fee: Decimal


def loss(material: Material) -> Loss:
    """The loss of a case, whole and by finding and month. `linking.link` must have been called."""
    rows = _rows(material)
    own = {each["finding_id"]: _money(each["exposure_sek"]) for each in material.findings}
    priced = {finding_id: money for finding_id, money in own.items() if money is not None}
    meets, stands = _meets(material), standing(material)
    asked = {
        each["finding_id"]: _questioned(each, priced[each["finding_id"]], rows)
        for each in material.findings
        if each["finding_id"] in priced and each["finding_id"] in stands
    }
    by_provider = _by_provider(material, asked)
    whole = [together(found, meets, billed) for found, billed in by_provider]
    total = _sum(whole) if asked else None
    months = _by_month((found for found, _ in by_provider), meets, rows)
    fees, untold = _fees(material, rows)
    return Loss(
        total=total,
        by_finding=dict(sorted(priced.items())),
        by_month=months,
        fee_effect=fees,
        unpriced=tuple(sorted(set(own) - set(priced))),
        method=tuple(said("loss_method", key) for key in _METHOD),
        undated=None if total is None else _undated(total, months),
        fees_untold=untold,
    )


def _rows(material: Material) -> Mapping[str, list[_Row]]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in material.engine.rows("FROM money_rows ORDER BY finding_id, item"):
        found[row["finding_id"]].append(
            _Row(
                row["item"],
                row["is_line"],
                row["since"],
                row["until"],
                row["client"],
                _cost(row["sek"]),
                _cost(row["fee"]),
            )
        )
    return found


def _cost(sek: Any) -> Decimal:
    """What a row can have cost, to be rounded when it is summed; infinite where it is unknown."""
    return _INFINITE if sek is None else Decimal(str(sek))


def _meets(material: Material) -> Meets:
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for row in material.engine.rows("FROM money_meets"):
        found[row["visit"]][row["line"]] = found[row["line"]][row["visit"]] = _cost(row["sek"])
    return found


def _money(told: Mapping[str, float] | None) -> Money | None:
    return None if told is None else Money(ore(told["lower"]), ore(told["upper"]))


def _questioned(
    finding: Mapping[str, Any], money: Money, rows: Mapping[str, Sequence[_Row]]
) -> Questioned:
    """The money of a finding, in its rows if it is theirs.

    A hard finding questions the rows that it cites. So does a lead whose rows cost at least what
    it questions; the others' money, and what a comparison questions, lies elsewhere.
    """
    finding_id = finding["finding_id"]
    own = {row.item: row.sek for row in rows.get(finding_id, ())}
    hard = finding["strength"] == Strength.HARD
    cost = sum(own.values(), _ZERO)
    is_theirs = finding["strength"] != Strength.STAT and cost + _ORE >= money.upper
    return Questioned(finding_id, money, own, in_rows=bool(own) and (hard or is_theirs))


def _by_provider(
    material: Material, asked: Mapping[str, Questioned]
) -> list[tuple[list[Questioned], Billed | None]]:
    """The findings of each provider, and all that it billed where that is known in SEK."""
    on_line = {row["item"] for row in material.engine.rows("FROM money_billed")}
    lines = material.engine.rows("SELECT DISTINCT item FROM money_rows WHERE is_line")
    on_line |= {row["item"] for row in lines}
    found: dict[int, list[Questioned]] = defaultdict(list)
    billed: dict[int, Decimal | None] = {}
    for row in material.engine.rows("FROM money_findings ORDER BY finding_id"):
        if row["finding_id"] in asked:
            found[row["provider"]].append(asked[row["finding_id"]])
            billed[row["provider"]] = row["billed"]
    told = []
    for provider, findings in sorted(found.items()):
        sek = billed[provider]
        outside = {item for each in findings if each.in_rows for item in each.rows} - on_line
        told.append((findings, None if sek is None else Billed(ore(sek), outside)))
    return told


def _by_month(
    providers: Iterable[Collection[Questioned]], meets: Meets, rows: Mapping[str, Sequence[_Row]]
) -> tuple[tuple[date, Money], ...]:
    """Bounds of each month by itself.

    What findings that hang together question lies in one month where all their rows do. Else
    nothing is certain of any one month, and at most what the rows of the month can have cost.
    """
    months: dict[date, list[Money]] = defaultdict(list)
    for findings in providers:
        for group in groups((each for each in findings if each.in_rows), meets):
            money = hanging_together(group, meets)
            cost = _monthly({row for each in group for row in rows[each.finding_id]})
            for month, sek in cost.items():
                alone = len(cost) == 1
                months[month].append(money if alone else Money(_ZERO, min(money.upper, sek)))
    return tuple((month, _sum(money)) for month, money in sorted(months.items()))


def _monthly(rows: Collection[_Row]) -> Mapping[date, Decimal]:
    """What rows can have cost by month; a row over several counts in each."""
    cost: dict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        for month in _months(row):
            cost[month] += row.sek
    return cost


def _months(row: _Row) -> list[date]:
    first, last = (day.year * 12 + day.month - 1 for day in (row.since, row.until))
    return [date(month // 12, month % 12 + 1, 1) for month in range(first, last + 1)]


def _undated(total: Money, months: Sequence[tuple[date, Money]]) -> Money:
    """What of the whole no month is told to hold."""
    dated = _sum(money for _, money in months)
    lower, upper = total.lower - dated.lower, total.upper - dated.upper
    return Money(ore(max(_ZERO, lower)), ore(max(_ZERO, upper)))


def _fees(
    material: Material, rows: Mapping[str, Sequence[_Row]]
) -> tuple[Money | None, tuple[str, ...]]:
    """What the clients paid too much, and the findings of which it cannot be told.

    A fee is of a client and a month, whoever gave the care, and falls until its cap: two findings
    of one client's month together may lower it by more than each alone. So only findings without
    a client's month in common add up to the lower bound, and where there is one in common the
    upper bound is what all hours in question would cost without a cap.
    """
    told: dict[str, Questioned] = {}
    untold = []
    stands = standing(material)
    for finding in material.findings:
        finding_id, known = finding["finding_id"], finding["statistics"]
        if "fee_effect_lower" not in known or finding_id not in stands:
            continue
        money = _fee_money(known)
        if money is None:
            untold.append(finding_id)
            continue
        cells = {_cell(row, month) for row in rows.get(finding_id, ()) for month in _months(row)}
        told[finding_id] = Questioned(finding_id, money, dict.fromkeys(cells, _INFINITE))
    if not told:
        return None, tuple(sorted(untold))
    effects = []
    for group in groups(told.values(), {}):
        money = hanging_together(group, {})
        hours = {row.item: row.fee for each in group for row in rows.get(each.finding_id, ())}
        uncapped = sum(hours.values(), _ZERO)
        effects.append(money if len(group) == 1 else Money(money.lower, uncapped))
    whole = _sum(effects)
    if not whole.upper.is_finite():
        return None, tuple(sorted({*untold, *told}))
    return whole, tuple(sorted(untold))


def _fee_money(known: Mapping[str, Any]) -> Money | None:
    lower, upper = known["fee_effect_lower"], known["fee_effect_upper"]
    if lower is None or upper is None:
        return None
    return Money(ore(lower), ore(upper))


def _cell(row: _Row, month: date) -> int:
    """A client's month, as one number."""
    return row.client * 12_000 + month.year * 12 + month.month


def _sum(several: Iterable[Money]) -> Money:
    lower, upper = NOTHING.lower, NOTHING.upper
    for money in several:
        lower, upper = lower + money.lower, upper + money.upper
    return Money(ore(lower), ore(upper))
