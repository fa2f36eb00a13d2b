"""Loading visits from CSV, validated and with provenance, beside bare CSV → Parquet."""

from __future__ import annotations

import shutil
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.timing import head, in_turn, row
from benchmarks.town import Town
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from loaders.load import Options, load


def measure(town: Town, asked: Namespace) -> None:
    """Print seconds and their ratio (goal: at most 2.5)."""
    visits = town.files(asked.rows) / "visits.csv"
    home = town.folder / "home-loading"
    parquet = town.folder / "bare.parquet"

    read: list[int] = []

    def loaded() -> None:
        shutil.rmtree(home, ignore_errors=True)
        outcome = load(Home(home), [visits], Options(), clock=lambda: datetime.now(UTC))
        read[:] = [receipt.read - receipt.rejected for receipt in outcome.receipts]

    ours, bare = in_turn(loaded, lambda: _bare(visits, parquet), asked.repeat)
    head("visits", "MB", "load, s", "bare CSV → Parquet, s", "ratio")
    size = round(visits.stat().st_size / 1e6)
    row(f"{read[0]:,}", size, f"{ours:.1f}", f"{bare:.1f}", f"{ours / bare:.2f}")
    shutil.rmtree(home)
    parquet.unlink()


def _bare(visits: Path, parquet: Path) -> None:
    with Engine() as engine:
        engine.execute(
            "COPY (SELECT * FROM read_csv($visits)) TO $parquet (FORMAT parquet)",
            {"visits": str(visits), "parquet": str(parquet)},
        )
