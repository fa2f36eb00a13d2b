"""When a routine is due: a cron expression, read in Swedish local time as Debian's cron reads it.

A time of day in the hour that spring leaves out is due once, at the end of the gap (03:00); one in
the hour that autumn repeats is due once, the first time. What is due every so often (`*/20`)
goes on at that distance through both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

from graph_service.clock import STOCKHOLM
from graph_service.errors import UsageError

#: How far back a missed slot is looked for, step by step: the last step reaches any expression,
#: and the first ones keep one that is due every minute from being counted through for years.
_BACK: Final = (timedelta(days=1), timedelta(days=40), timedelta(days=366 * 9))


class Schedule:
    """Times of a cron expression such as `0 6 * * 1-5`: minute, hour, day, month, weekday."""

    def __init__(self, expression: str) -> None:
        if len(expression.split()) != 5:
            raise UsageError(_CURE)
        try:
            CronSim(expression, datetime(2026, 1, 1, tzinfo=STOCKHOLM))
        except CronSimError as error:
            raise UsageError(f"{_CURE} ({error})") from error
        self.expression = expression

    def next(self, after: datetime) -> datetime | None:
        """The first slot after a moment, in UTC; None for a day that never comes."""
        return next(self._slots(after), None)

    def due(self, after: datetime, now: datetime) -> datetime | None:
        """The newest slot after `after` and up to `now`, in UTC: what was missed counts once."""
        for back in _BACK:
            newest = None
            for slot in self._slots(max(after, now - back)):
                if slot > now:
                    break
                newest = slot
            if newest is not None or now - back <= after:
                return newest
        return None

    def _slots(self, after: datetime) -> Iterator[datetime]:
        for local in CronSim(self.expression, after.astimezone(STOCKHOLM)):
            slot = local.astimezone(UTC)
            if slot > after:
                yield slot


_CURE: Final = (
    "The schedule is no cron expression. Give minute, hour, day, month and weekday, "
    "such as '0 6 * * 1-5'."
)
