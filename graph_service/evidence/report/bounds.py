"""What several findings question together: bounds on the whole, no krona counted twice.

The argument. Each finding that is right says of the rows R that it questions: the loss in them is
at least `lower` and at most `upper`; and no row can have cost more than what was charged for it.
Take findings one after the other, and call C the rows of those taken so far.

lower   The loss in R outside C is at least `lower` less what the rows in R and C can have cost.
        The parts "R outside C" have no row in common, so these remainders (none below nothing)
        add up to a lower bound of the whole. Where findings share nothing it is their sum; two
        on the same rows count as the greater; a set without a row in common, taken first, is
        always counted in full.
upper   The loss in R outside C is at most `upper`, and at most what the rows of R outside C can
        have cost. The parts cover all rows, so these add up to an upper bound of the whole.

A visit and an invoice line that may bill it share krona too: for the lower bound so much of the
line as the visit can have cost counts as taken with the visit, and the visit with the line; for
the upper one they count apart, until the sum exceeds all that the provider billed.

Every order gives sound bounds; the best of all orders is told for up to five findings that hang
together, and for more the order of the amounts, the greatest first.

A finding whose money does not lie in its own rows (an account, a circle of clients) may question
any krona of the provider: of these, alone, the greatest lower bound counts, if it exceeds the
others' together, and all uppers are added, up to what the provider billed. Findings of different
providers question what was paid to each, and never the same krona.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations
from typing import Final

from graph_service.evidence.report.contents import Money

#: Findings that hang together, of which every order is tried: 120.
ALL_ORDERS: Final = 5
NOTHING: Final = Money(Decimal(), Decimal())
_INFINITE: Final = Decimal("Infinity")
_ZERO: Final = Decimal()

#: What a row can have cost at most, in SEK, by the row's number.
Rows = Mapping[int, Decimal]
#: A row and the rows with which it may share krona: so much of either, at most.
Meets = Mapping[int, Mapping[int, Decimal]]
_Order = Sequence["Questioned"]


@dataclass(frozen=True, slots=True)
class Questioned:
    """What one finding questions. `rows` are of its own provider; unknown costs are infinite."""

    finding_id: str
    money: Money
    rows: Rows = field(default_factory=dict)
    in_rows: bool = True


@dataclass(frozen=True, slots=True)
class Billed:
    """All that a provider billed; `outside` are rows in question that lie on none of its lines."""

    sek: Decimal
    outside: Collection[int] = ()


def together(
    findings: Collection[Questioned], meets: Meets | None = None, billed: Billed | None = None
) -> Money:
    """Bounds on what the findings of one provider question together."""
    meets = meets or {}
    in_rows = [finding for finding in findings if finding.in_rows]
    others = [finding.money for finding in findings if not finding.in_rows]
    parts = [hanging_together(group, meets) for group in groups(in_rows, meets)]
    lower = max([sum((part.lower for part in parts), _ZERO), *(one.lower for one in others)])
    upper = sum((part.upper for part in parts), _ZERO) + sum((one.upper for one in others), _ZERO)
    if billed is not None:
        cost = {row: sek for finding in in_rows for row, sek in finding.rows.items()}
        upper = min(upper, billed.sek + sum((cost[row] for row in billed.outside), _ZERO))
    return Money(lower, max(lower, upper))


def hanging_together(group: _Order, meets: Meets) -> Money:
    """Bounds on what findings question together that share rows; no row is anybody else's."""
    return Money(
        max(_lower(order, meets) for order in _orders(group, lambda each: each.money.lower)),
        min(_upper(order) for order in _orders(group, lambda each: each.money.upper)),
    )


def groups(findings: Iterable[Questioned], meets: Meets) -> Iterator[list[Questioned]]:
    """The findings that hang together by rows in common, or by rows that share krona."""
    of_row: dict[int, list[Questioned]] = defaultdict(list)
    left = {finding.finding_id: finding for finding in findings}
    for finding in left.values():
        for row in finding.rows:
            of_row[row].append(finding)
    while left:
        _, first = left.popitem()
        group = [first]
        reached: set[int] = set()
        for finding in group:  # grows as it is walked
            near = {other for row in finding.rows for other in (row, *meets.get(row, ()))} - reached
            reached |= near
            found = (other for row in sorted(near) for other in of_row.get(row, ()))
            group += [left.pop(each.finding_id) for each in found if each.finding_id in left]
        yield group


def _orders(group: _Order, by: Callable[[Questioned], Decimal]) -> Iterable[_Order]:
    if len(group) <= ALL_ORDERS:
        return permutations(group)
    return [sorted(group, key=lambda each: (-by(each), each.finding_id))]


def _lower(order: _Order, meets: Meets) -> Decimal:
    taken: set[int] = set()
    told = _ZERO
    for finding in order:
        shared = sum((_shared(row, finding.rows[row], taken, meets) for row in finding.rows), _ZERO)
        told += max(_ZERO, finding.money.lower - shared)
        taken.update(finding.rows)
    return told


def _shared(row: int, cost: Decimal, taken: Collection[int], meets: Meets) -> Decimal:
    """So much of a row's krona, at most, lies in the rows that are taken."""
    if row in taken:
        return cost
    met = (sek for other, sek in meets.get(row, {}).items() if other in taken)
    return min(cost, sum(met, _ZERO))


def _upper(order: _Order) -> Decimal:
    taken: set[int] = set()
    told = _ZERO
    for finding in order:
        new = sum((sek for row, sek in finding.rows.items() if row not in taken), _ZERO)
        told += min(finding.money.upper, new)
        taken.update(finding.rows)
    return told
