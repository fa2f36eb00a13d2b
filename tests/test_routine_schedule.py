"""When a routine is due, held to a clock that counts every minute of Swedish time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.errors import UsageError
from graph_service.routine.schedule import Schedule

STOCKHOLM = ZoneInfo("Europe/Stockholm")
MINUTE = timedelta(minutes=1)
#: 2027-03-28: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
SPRING = datetime(2027, 3, 28, 1, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC)


def slots(
    hour: int, minute: int, weekdays: set[int], since: datetime, until: datetime
) -> list[datetime]:
    """The slow way: walk the minutes of UTC after `since` up to `until`, and look at the wall."""
    return [at for at in minutes(since, until) if strikes(at, hour, minute, weekdays)]


def minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    at = since.replace(second=0, microsecond=0)
    while (at := at + MINUTE) <= until:
        if at > since:
            yield at


def strikes(at: datetime, hour: int, minute: int, weekdays: set[int]) -> bool:
    """A wall time strikes once; where the wall skips it, as the skipped hour is over."""
    wall = at.astimezone(STOCKHOLM)
    if wall.isoweekday() % 7 not in weekdays:
        return False
    if at == SPRING and hour == 2:
        return True
    return (wall.hour, wall.minute, wall.fold) == (hour, minute, 0)


@settings(max_examples=60, deadline=None)
@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    change=st.sampled_from([SPRING, AUTUMN, datetime(2026, 7, 1, tzinfo=UTC)]),
    before=st.integers(0, 3 * 24 * 60),
    length=st.integers(0, 4 * 24 * 60),
)
def test_a_time_of_day_is_due_once_a_day_through_every_change_of_the_clock(
    hour: int, minute: int, weekdays: set[int], change: datetime, before: int, length: int
) -> None:
    schedule = Schedule(f"{minute} {hour} * * {','.join(map(str, sorted(weekdays)))}")
    since = change - before * MINUTE
    until = since + length * MINUTE
    expected = slots(hour, minute, weekdays, since, until)
    found = []
    at: datetime | None = since
    while at is not None and (at := schedule.next(at)) is not None and at <= until:
        found.append(at)
    assert found == expected
    assert schedule.due(since, until) == (expected[-1] if expected else None)


def test_what_is_due_every_so_often_goes_on_through_the_change() -> None:
    schedule = Schedule("*/30 * * * *")
    for change in (SPRING, AUTUMN):
        at, seen = change - timedelta(hours=2), []
        for _ in range(8):
            following = schedule.next(at)
            assert following is not None
            seen.append(following - at)
            at = following
        assert set(seen) == {timedelta(minutes=30)}


@pytest.mark.parametrize(
    ("expression", "down_since", "now", "due"),
    [
        ("0 6 * * 1-5", (2026, 1, 9, 6), (2026, 1, 12, 4), None),  # a weekend
        ("0 6 * * 1-5", (2026, 1, 9, 5), (2026, 1, 23, 12), (2026, 1, 23, 5)),  # two weeks
        ("* * * * *", (2016, 1, 1), (2026, 1, 1), (2026, 1, 1)),  # ten years of minutes
        ("0 0 29 2 *", (2020, 1, 1), (2026, 1, 1), (2024, 2, 28, 23)),  # leap days
        ("0 0 1 1 *", (2020, 1, 1), (2026, 6, 1), (2025, 12, 31, 23)),
    ],
)
def test_what_was_missed_is_made_up_for_once(
    expression: str,
    down_since: tuple[int, ...],
    now: tuple[int, ...],
    due: tuple[int, ...] | None,
) -> None:
    found = Schedule(expression).due(
        datetime(*down_since, tzinfo=UTC),  # type: ignore[misc, arg-type]
        datetime(*now, tzinfo=UTC),  # type: ignore[misc, arg-type]
    )
    assert found == (due and datetime(*due, tzinfo=UTC))  # type: ignore[misc, arg-type]


@pytest.mark.parametrize("text", ["", "6", "0 6 * *", "0 6 * * 1-5 *", "60 6 * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="'0 6 \\* \\* 1-5'"):
        Schedule(text)
