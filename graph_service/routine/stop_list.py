"""The stop-list: invoices to look at before they are paid, with the reason and the amount.

Between the day on which a period's registrations are locked and the day on which its invoices are
paid, looking is worth the most. A finding alone never stops a payment: a person does.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from graph_service.engines.duckdb import Engine
from graph_service.errors import UsageError
from graph_service.routine.practice import Practice

_QUESTIONED: Final = Path(__file__).with_name("stop_list.sql").read_text(encoding="utf-8")
#: The findings that are shown with an invoice; all are counted.
REASONS: Final = 20
#: Where an invoice stands in the list: what is at risk, its amount, its reference.
After: TypeAlias = tuple[float, str, str]


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month; both days are included."""

    first: date

    @classmethod
    def read(cls, text: str) -> Period:
        """`2026-10`; UsageError for what is no month."""
        try:
            return cls(date.fromisoformat(f"{text}-01"))
        except ValueError:
            raise UsageError("The period is no month. Give one such as 2026-10.") from None

    @property
    def last(self) -> date:
        return self.first.replace(day=monthrange(self.first.year, self.first.month)[1])

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class PaymentCalendar:
    """When a period is locked and paid; `is_open` whether today lies between, None if unknown."""

    locked_on: date | None
    paid_on: date | None
    is_open: bool | None


def calendar_of(period: Period, practice: Practice, today: date) -> PaymentCalendar:
    """The days of the month after the period, as the municipality's practice says."""
    month = period.last + timedelta(days=1)
    locked_on, paid_on = (
        None if day is None else month.replace(day=day)
        for day in (practice.lock_day, practice.payment_day)
    )
    if locked_on is None or paid_on is None:
        return PaymentCalendar(locked_on, paid_on, None)
    return PaymentCalendar(locked_on, paid_on, locked_on <= today < paid_on)


def newest_period(engine: Engine) -> Period | None:
    """The last month that an invoice of the run bills; None where there is none."""
    last = engine.value("SELECT max(period_to) FROM nodes WHERE kind = 'invoice'")
    return Period(last.replace(day=1)) if isinstance(last, date) else None


def questioned(
    engine: Engine,
    period: Period,
    *,
    set_aside: Collection[str],
    limit: int,
    after: After | None = None,
) -> list[dict[str, Any]]:
    """Invoices of a period, unpaid and questioned by a finding; the most at risk first.

    `set_aside` are the findings that people dismissed. `at_risk_sek` of a reason is what the
    invoice bills of the care that the finding is about, and no more than the finding's upper
    exposure; of an invoice the largest of its reasons, since two may question the same hours.
    """
    weight, amount, ref = after or (None, None, None)
    return engine.rows(
        _QUESTIONED,
        {
            "first": period.first,
            "last": period.last,
            "set_aside": sorted(set_aside),
            "reasons": REASONS,
            "weight": weight,
            "amount": amount,
            "ref": ref,
            "limit": limit,
        },
    )
