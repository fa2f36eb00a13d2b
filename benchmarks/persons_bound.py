"""The bound on persons over a year's registrations, and over one login's fullest day."""

from __future__ import annotations

import resource
import shutil
from argparse import Namespace
from datetime import UTC, date, datetime, timedelta

from benchmarks.timing import best, head, row
from benchmarks.town import Town
from graph_service import as_of
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.persons_bound import Registration, bound_identities, persons_bound
from loaders.load import Options, load


def measure(town: Town, asked: Namespace) -> None:
    """Print seconds for all workers and logins of `--rows` visits, then for one dense day."""
    files = town.files(asked.rows)
    home = Home(town.folder / f"home-detection-{asked.rows}")
    if not home.path.exists():
        load(home, [files], Options(), clock=lambda: datetime.now(UTC))
    spill = town.folder / "spill"
    head("identity", "visits", "behind several", "most persons", "s", "peak of the process, MiB")
    with Engine(memory="2GiB", spill=spill) as engine:
        Lake(home).open_records(engine)
        as_of.open_views(engine, date(2027, 12, 31))
        for identity in ("worker", "login"):
            started = datetime.now(UTC)
            bounds = bound_identities(engine, identity)  # type: ignore[arg-type]
            seconds = (datetime.now(UTC) - started).total_seconds()
            most = max((bound.persons for bound in bounds.values()), default=1)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            row(identity, f"{asked.rows:,}", len(bounds), most, f"{seconds:.1f}", peak)
    shutil.rmtree(spill, ignore_errors=True)
    print()
    head("registrations of one login in a day", "persons", "s")
    for size in (500, 1_000, 2_000, 4_000):
        made = _dense_day(size)
        seconds = best(lambda made=made: persons_bound(made), asked.repeat)  # type: ignore[misc]
        row(f"{size:,}", persons_bound(made).persons, f"{seconds:.2f}")


def _dense_day(size: int) -> list[Registration]:
    """Registrations spread over twelve hours and 30 km by steps that share no divisor."""
    start = datetime(2025, 3, 3, 7, tzinfo=UTC)
    return [
        Registration(
            f"v{number}",
            start + timedelta(seconds=number * 7_919 % 43_200),
            start + timedelta(seconds=number * 7_919 % 43_200 + 600 + number * 104_729 % 3_000),
            None,
            59 + number * 31 % 997 / 4_000,
            18 + number * 37 % 991 / 2_000,
        )
        for number in range(size)
    ]
