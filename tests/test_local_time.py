"""Local time in Stockholm against Python's own zone table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import STOCKHOLM

ZONE = ZoneInfo("Europe/Stockholm")


def _oracle(local: datetime) -> tuple[datetime | None, bool]:
    """The instant, the first of two, or none; and whether there were two."""
    first = local.replace(tzinfo=ZONE, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=ZONE, fold=1).astimezone(UTC)
    if first.astimezone(ZONE).replace(tzinfo=None) != local:
        return None, False
    return first, first != second


def _asked(engine: Engine, times: list[datetime]) -> list[tuple[datetime | None, bool]]:
    engine.execute("CREATE OR REPLACE TEMP TABLE times (n INTEGER, p TIMESTAMP)")
    engine.execute(
        "INSERT INTO times SELECT i, list_extract($times, i::INTEGER + 1) FROM range($n) AS r(i)",
        {"times": times, "n": len(times)},
    )
    rows = engine.rows(
        "SELECT CASE WHEN stockholm_gap(p, u) THEN NULL WHEN stockholm_twice(p, u) "
        "THEN u - INTERVAL 1 HOUR ELSE u END AS instant, stockholm_twice(p, u) AS twice "
        "FROM (SELECT n, p, stockholm_instant(p) AS u FROM times) ORDER BY n"
    )
    return [(row["instant"], row["twice"]) for row in rows]


@pytest.mark.parametrize("year", range(1980, 2038))
def test_every_hour_of_the_clock_is_the_zone_tables(year: int) -> None:
    start = datetime(year, 1, 1, 0, 30)
    times = [start + timedelta(hours=hour) for hour in range(366 * 24)]
    with Engine() as engine:
        engine.script(STOCKHOLM)
        assert _asked(engine, times) == [_oracle(time) for time in times]


def test_microseconds_survive() -> None:
    with Engine() as engine:
        engine.script(STOCKHOLM)
        time = datetime(2026, 6, 1, 12, 0, 0, 123457)
        assert _asked(engine, [time]) == [(datetime(2026, 6, 1, 10, 0, 0, 123457, UTC), False)]
