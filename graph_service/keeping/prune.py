"""What is no longer needed goes: old runs with what was made of them, and many small parts.

Kept of the runs are the current one, the last thirty, and the last full one of each month for two
years; and those that the caller names, such as the runs in which a case saw what it links.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from graph_service.clock import STOCKHOLM, Clock
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.run_file import RunFile, RunFolder

#: A month of daily runs: what a reviewer compares with.
LAST_RUNS: Final = 30
#: Two years of month ends: as long as visits are kept by proposal.
MONTHS: Final = 24
#: Longer than any run or load takes: what is older was left by a process that was killed.
SPILLED_HOURS: Final = 24
#: A reader that has listed a table's parts has read them within a week, or reads another day.
KEPT_HOURS: Final = 7 * 24


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went: runs by id, parts that were put together, parts whose bytes were removed."""

    runs: Sequence[str]
    merged: int
    removed: int


def prune(home: Home, *, clock: Clock, keep: Collection[str] = (), dry_run: bool = False) -> Pruned:
    """Remove runs by the rule, and lay each batch's parts of a table together.

    `keep` are further runs to be kept. A dry run says what would go, and removes nothing.
    """
    with home.writing("keeping"):
        with home.writing("run"):
            gone = to_go(RunFolder(home), clock(), keep)
            if not dry_run:
                remove_runs(home, gone)
        with home.writing("load"):
            merged = removed = 0
            lake = Lake(home)
            for table in lake.tables():
                merged += _merge(lake, table, clock(), dry_run=dry_run)
                removed += 0 if dry_run else lake.vacuum(table, hours=KEPT_HOURS)
        if not dry_run:
            remove_spilled(home, clock())
    return Pruned([run.run_id for run in gone], merged, removed)


def to_go(folder: RunFolder, now: datetime, keep: Collection[str]) -> list[RunFile]:
    """The runs that the rule does not keep, oldest first."""
    runs, current = folder.all(), folder.current()
    kept = {run.run_id for run in runs[-LAST_RUNS:]} | set(keep)
    kept |= set() if current is None else {current.run_id}
    ends: dict[tuple[int, int], str] = {}
    for run in runs:
        about = run.rows("run", order="run_id")[0]
        made = datetime.fromisoformat(about["started_at"]).astimezone(STOCKHOLM)
        if about["complete"] and _months_between(made, now) < MONTHS:
            ends[made.year, made.month] = run.run_id
    return [run for run in runs if run.run_id not in kept | set(ends.values())]


def remove_runs(home: Home, runs: Collection[RunFile]) -> None:
    """Remove runs and what may be seen of them. Needs the run lock; who reads one reads on."""
    with home.writing("sight"):
        for run in runs:
            shutil.rmtree(home.sights / run.run_id, ignore_errors=True)
            run.path.unlink(missing_ok=True)


def remove_spilled(home: Home, now: datetime) -> None:
    """Remove what processes that were killed had spilled to disk: rows may stand there."""
    folders = (home.path / "spill").iterdir() if (home.path / "spill").is_dir() else ()
    for folder in folders:
        if now.timestamp() - folder.stat().st_mtime > SPILLED_HOURS * 3600:
            shutil.rmtree(folder, ignore_errors=True)


def _months_between(made: datetime, now: datetime) -> int:
    here = now.astimezone(STOCKHOLM)
    return (here.year - made.year) * 12 + here.month - made.month


def _merge(lake: Lake, table: str, at: datetime, *, dry_run: bool) -> int:
    """Put the parts of each batch together; readers get the same rows. Returns how many went."""
    folders: dict[Path, list[Path]] = {}
    for part in lake.parts(table):
        folders.setdefault(part.parent, []).append(part)
    many = {folder: parts for folder, parts in folders.items() if len(parts) > 1}
    if many and not dry_run:
        # A number that no earlier merge had: what one that was killed left is in nobody's way.
        made = [folder / f"merged-{at:%Y%m%dT%H%M%S%f}.parquet" for folder in many]
        for parts, whole in zip(many.values(), made, strict=True):
            _write_whole(parts, whole)
        lake.replace(
            table, [part for parts in many.values() for part in parts], made, at, same_rows=True
        )
    return sum(map(len, many.values()))


def _write_whole(parts: Sequence[Path], whole: Path) -> None:
    listed = ", ".join(literal(str(part)) for part in parts)
    with Engine() as engine:
        engine.execute(
            f"COPY (FROM read_parquet([{listed}], union_by_name = true, "
            f"hive_partitioning = false)) TO {literal(str(whole))} (FORMAT parquet)"
        )
