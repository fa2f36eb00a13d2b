"""An erasure: what has lapsed goes from the lake, the refused rows, the raw files and the runs.

It is recorded before anything is erased. Each step looks at what is there and may be done twice,
so that a killed erasure is finished by the next one: rows of each table by one commit, then the
bytes of its old parts; refused rows; raw files; then, when a run stands that has not seen what
was erased, the runs that have, and what may be seen of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from graph_service.casework.keeping import Keeping
from graph_service.clock import Clock
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.home import Home
from graph_service.keeping import due, redaction
from graph_service.keeping.prune import remove_runs, remove_spilled
from graph_service.keeping.redaction import Redactor
from graph_service.keeping.retention import (
    REFUSED_FILES,
    REJECTS,
    holds_of,
    lapsed_files,
    lapsed_rejects,
    months_decided,
    stockholm_day,
)
from graph_service.lake import Lake
from graph_service.receipt import Receipt
from graph_service.records import TABLES, Table
from graph_service.run_file import RunFile, RunFolder

#: Told the name of each step before it begins.
Progress = Callable[[str], None]
RUNS: Final = "runs"


@dataclass(slots=True)
class Erased:
    """What went: `counts` by table (rows, every version), and of rejects, files and runs."""

    erasure_id: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


def erase(
    home: Home,
    keeping: Keeping,
    redactor: Redactor,
    *,
    clock: Clock,
    by: str,
    rerun: Callable[[], object],
    memory: str,
    progress: Progress = lambda _: None,
) -> Erased:
    """Erase what has lapsed by the decisions in force, and finish what was begun before.

    `rerun` makes a run of what remains, and makes it the current one; asked only where a run has
    seen what was erased. Where it fails the old runs stay, and the next erasure removes them.
    Waits for a run or load under way.
    """
    with home.writing("keeping"):
        erased = Erased()
        with home.writing("run"), home.writing("load"), home.spill() as spill:
            _erase_from_files(home, keeping, redactor, clock, by, memory, spill, erased, progress)
        since = _rows_went_at(keeping)
        if since is not None:
            _replace_runs(home, since, rerun, erased, progress)
        keeping.finish(erased.counts)
    return erased


def _erase_from_files(
    home: Home,
    keeping: Keeping,
    redactor: Redactor,
    clock: Clock,
    by: str,
    memory: str,
    spill: Path,
    erased: Erased,
    progress: Progress,
) -> None:
    lake, today = Lake(home), stockholm_day(clock)
    receipts = lake.receipts()
    decisions, months, holds = keeping.decisions(), months_decided(keeping), holds_of(keeping)
    with Engine(memory=memory, spill=spill) as engine:
        progress("due")
        lapsed = due.find(engine, lake, months, holds, today=today, key=home.reference_key())
        rejects = lapsed_rejects(receipts, months, holds, today)
        rejects = [receipt for receipt in rejects if _refusals(home, receipt)]
        files = lapsed_files(receipts, lake.redactions().keys(), months, holds, today)
        erased.counts = {table: lapsed.due[table].rows for table in lapsed.tables}
        erased.counts |= {f"{REJECTS}:{r.table}": 0 for r in rejects}
        for receipt in rejects:
            erased.counts[f"{REJECTS}:{receipt.table}"] += receipt.rejected
        if files:
            erased.counts[REFUSED_FILES] = len(files)
        if erased.counts:
            told = {kind.value: decided.decision for kind, decided in decisions.items()}
            erased.erasure_id = keeping.begin(told, erased.counts, by=by)
        touched = _touched(keeping)
        for table in lapsed.tables:
            progress(table)
            _erase_rows(engine, lake, TABLES[table], clock())
        for table in touched & set(lake.tables()):
            lake.remove_unnamed(table)
        for receipt in rejects:
            for path in _refusals(home, receipt):
                path.unlink()
        for sha256 in files:
            redaction.erase_file(home, sha256, clock())
        progress("raw files")
        due.open_kept(engine, lake)
        _open_refused(engine, home, receipts)
        counts = redaction.redact(home, engine, receipts, touched, redactor, clock(), spill)
        erased.counts |= {what: count for what, count in counts.items() if count}


def _touched(keeping: Keeping) -> set[str]:
    """The tables from which an erasure that has not ended takes rows or refused rows."""
    counted = {what for each in keeping.unfinished() for what in each.counts}
    return {what.removeprefix(f"{REJECTS}:") for what in counted} & set(TABLES)


def _erase_rows(engine: Engine, lake: Lake, table: Table, at: datetime) -> None:
    """Take the lapsed records out of a table by one commit; parts without any stay as they are."""
    lapses = (
        f"EXISTS (FROM lapsed.{quoted(table.name)} AS l "
        f"WHERE NOT l.held AND {due.same_key(table, 'l', 'r')})"
    )
    removed: list[Path] = []
    added: list[Path] = []
    for part in lake.parts(table.name):
        rows = f"read_parquet({literal(str(part))}, hive_partitioning = false) AS r"
        found = engine.rows(
            f"SELECT count(*) AS rows, count(*) FILTER ({lapses}) AS lapsed FROM {rows}"
        )[0]
        if not found["lapsed"]:
            continue
        removed.append(part)
        if found["lapsed"] < found["rows"]:
            rest = part.with_name(f"rest-{at:%Y%m%dT%H%M%S%f}-{len(added)}.parquet")
            engine.execute(
                f"COPY (FROM {rows} WHERE NOT {lapses} ORDER BY _file, _row) "
                f"TO {literal(str(rest))} (FORMAT parquet)"
            )
            added.append(rest)
    lake.replace(table.name, removed, added, at, same_rows=False)


def _refusals(home: Home, receipt: Receipt) -> list[Path]:
    """The files that hold a receipt's refused rows, the index last: it says that they are there."""
    folder = home.rejects / receipt.batch
    beside = sorted((folder / str(receipt.n)).glob(f"{receipt.table}.*"))
    index = folder / "reasons" / f"{receipt.n}.{receipt.table}.parquet"
    return [*beside, *([index] if index.exists() else [])]


def _open_refused(engine: Engine, home: Home, receipts: Sequence[Receipt]) -> None:
    """Table `refused`: which rows of which receipt are refused, and kept."""
    engine.execute(
        'CREATE OR REPLACE TABLE refused (batch VARCHAR, n INTEGER, "table" VARCHAR, row BIGINT)'
    )
    for receipt in receipts:
        index = home.rejects / receipt.batch / "reasons" / f"{receipt.n}.{receipt.table}.parquet"
        if receipt.rejected and index.exists():
            engine.execute(
                "INSERT INTO refused SELECT DISTINCT $batch, $n, $of, row FROM read_parquet($file)",
                {
                    "batch": receipt.batch,
                    "n": receipt.n,
                    "of": receipt.table,
                    "file": str(index),
                },
            )


def _rows_went_at(keeping: Keeping) -> datetime | None:
    """When the last erasure that has not ended began to take rows out; None when none does."""
    begun = [each.begun_at for each in keeping.unfinished() if _rows(each.counts) > 0]
    return max(begun, default=None)


def _rows(counts: Mapping[str, int]) -> int:
    return sum(count for what, count in counts.items() if what in TABLES)


def _replace_runs(
    home: Home,
    since: datetime,
    rerun: Callable[[], object],
    erased: Erased,
    progress: Progress,
) -> None:
    """Remove the runs that were begun before rows went, once one stands that was begun after."""
    folder = RunFolder(home)
    current = folder.current()
    if current is not None and _begun(current) <= since:
        progress("run")
        rerun()
    with home.writing("run"):
        old = [run for run in folder.all() if _begun(run) <= since]
        remove_runs(home, old)
        _remove_foreign_sights(home, folder.all())
    remove_spilled(home, since)
    if old:
        erased.counts[RUNS] = len(old)


def _begun(run: RunFile) -> datetime:
    return datetime.fromisoformat(run.rows("run", order="run_id")[0]["started_at"])


def _remove_foreign_sights(home: Home, runs: Collection[RunFile]) -> None:
    """What may be seen of a run goes with it, also where its removal was interrupted."""
    known = {run.run_id for run in runs}
    for folder in home.sights.iterdir() if home.sights.is_dir() else ():
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)
