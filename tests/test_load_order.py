"""A row's number is its place in the file, however many threads read it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import MACROS, STOCKHOLM
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.records import TABLES, Table
from loaders.checks import staging_sql
from loaders.load import Options, load

HEADER = "visit_id,municipality,org_id,worker_id,client_id,service,start,end,note\n"


def _visits(path: Path, rows: int, width: int) -> None:
    note = "x" * width
    with path.open("w", encoding="ascii") as file:
        file.write(HEADER)
        for row in range(2, rows + 2):
            file.write(
                f"V{row},0180,2021005489,syn:{row % 90},syn:{row % 70},hemtjanst,"
                f"2026-02-01T08:00,2026-02-01T08:30,{note}\n"
            )


def _misplaced(home: Home) -> int:
    with Engine() as engine:
        Lake(home).open_records(engine)
        return int(engine.value("SELECT count(*) FROM known.visits WHERE visit_id <> 'V' || _row"))


@pytest.mark.parametrize("planned_in_order", [True, False])
def test_rows_of_a_file_read_by_several_threads_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planned_in_order: bool
) -> None:
    # More bytes than the engine hands one thread at a time.
    _visits(tmp_path / "visits.csv", rows=150_000, width=900)
    if not planned_in_order:
        monkeypatch.setattr(Engine, "keeps_order", lambda *_: False)
    home = Home(tmp_path / "home")
    files = [tmp_path / "visits.csv"]
    outcome = load(home, files, Options(), clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    assert outcome.receipts[0].stored == 150_000
    assert _misplaced(home) == 0


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_no_table_is_judged_by_a_plan_that_loses_the_order(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text(",".join(table.names) + "\n", encoding="ascii")
    described = ", ".join(f"'{name}': 'VARCHAR'" for name in table.names)
    source = (
        "SELECT * FROM read_csv($path, auto_detect = false, header = false, skip = 1, "
        f"columns = {{{described}}}, delim = ',')"
    )
    sql = staging_sql(table, table.names, source)
    given: dict[str, object] = {"path": str(path)}
    if "$today" in sql:
        given["today"] = date(2026, 3, 1)
    with Engine() as engine:
        engine.script(MACROS)
        engine.script(STOCKHOLM)
        assert engine.keeps_order(f"CREATE TEMP TABLE staged AS {sql}", given)


def test_a_plan_with_a_join_is_told_from_one_that_keeps_the_order(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text("a\nb\n", encoding="ascii")
    scan = "CREATE TEMP TABLE t AS SELECT * FROM read_csv($path, all_varchar = true)"
    listed = ", ".join(f"'{letter}'" for letter in "abcdefgh")
    with Engine(threads=2) as engine:
        assert engine.keeps_order(scan, {"path": str(path)})
        assert not engine.keeps_order(f"{scan} WHERE a IN ({listed})", {"path": str(path)})
