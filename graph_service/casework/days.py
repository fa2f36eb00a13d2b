"""Days as people in Sweden count them, told from moments and put as bounds on them."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

from graph_service.clock import STOCKHOLM


def day_of(at: datetime) -> date:
    """The Stockholm day of a moment."""
    return at.astimezone(STOCKHOLM).date()


def end_of(day: date) -> datetime:
    """The moment at which a Stockholm day is over."""
    return datetime.combine(day + timedelta(days=1), time(), STOCKHOLM).astimezone(UTC)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
