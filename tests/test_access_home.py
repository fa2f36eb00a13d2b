"""Sights of a home's runs: made once, their owner's alone, of the run that stands; and rows."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from api.cli_run import ROOMS
from graph_service.access.reference import reference as reference_of
from graph_service.access.rows import CitedRow, Standing, rows_of
from graph_service.access.sight import Sights
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.errors import NotThere, RunError
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.room import Room
from graph_service.run import run
from graph_service.run_file import RunFile, RunFolder
from loaders.load import Options, load, withdraw
from tests.house import csv_text, person
from tests.seen_world import NORTH, SOUTH

FIRM = "5520000018"
ONE, TWO, HIDDEN, FAR, WORKER = (person(n) for n in range(50, 55))
OVERLAPPING = [room for room in open_rooms(ROOMS) if room.name == "overlapping_visits"]
NOBODY_SPECIAL: dict[str, Any] = {"units": None, "insiders": False}


@pytest.fixture(scope="module")
def clock() -> Callable[[], datetime]:
    def ticking() -> Iterator[datetime]:
        now = datetime(2026, 1, 15, 12, tzinfo=UTC)
        while True:
            now += timedelta(seconds=1)
            yield now

    return ticking().__next__


def _visit(name: str, client: str, start: str, end: str, **other: Any) -> dict[str, Any]:
    return {
        "visit_id": name, "municipality": "9901", "org_id": FIRM, "worker_id": WORKER,
        "client_id": client, "service": "omsorg", "start": start, "end": end,
        "tag_id": f"tag-{name}", "note": "Ringde Astrid", "device_id": "telefon 1", **other,
    }  # fmt: skip


TABLES: dict[str, list[dict[str, Any]]] = {
    "organisations": [{"org_id": FIRM, "name": "Syntetisk Omsorg Ett AB"}],
    "persons": [
        {"person_id": who, "given_name": f"Astrid{n}", "street": f"Storgatan {n}",
         "postcode": "111 11", "city": "Exstad",
         "protection": "marked" if who == HIDDEN else "none"}
        for n, who in enumerate((ONE, TWO, HIDDEN, FAR, WORKER))
    ],
    "decisions": [
        {"decision_id": f"b{n}", "client_id": who, "municipality": "9901", "service": "omsorg",
         "hours_per_month": "9", "valid_from": "2025-01-01",
         "unit": SOUTH if who == FAR else NORTH}
        for n, who in enumerate((ONE, TWO, HIDDEN, FAR))
    ],
    "visits": [
        _visit("v1", ONE, "2025-03-03 08:00", "2025-03-03 08:45"),
        _visit("v2", TWO, "2025-03-03 08:15", "2025-03-03 09:00"),
        _visit("v3", ONE, "2025-03-04 08:00", "2025-03-04 08:45"),
        _visit("v4", HIDDEN, "2025-03-04 08:15", "2025-03-04 09:00"),
    ],
}  # fmt: skip


def _deliver(home: Home, clock: Callable[[], datetime], tables: dict[str, Any]) -> str:
    folder = home.path.parent / f"files-{clock().timestamp()}"
    folder.mkdir()
    for table, rows in tables.items():
        (folder / f"{table}.csv").write_text(csv_text(rows), encoding="utf-8")
    outcome = load(home, [folder], Options(), clock=clock)
    assert outcome.exit_code == 0, outcome.receipts
    return outcome.batch


def _run(home: Home, clock: Callable[[], datetime], rooms: list[Room] = OVERLAPPING) -> RunFile:
    return run(home, rooms, clock=clock, memory="1GiB").run


@pytest.fixture
def home(tmp_path: Path, clock: Callable[[], datetime]) -> Home:
    made = Home(tmp_path / "home")
    _deliver(made, clock, TABLES)
    return made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, clock: Callable[[], datetime]) -> Home:
    """A home with a run, for tests that only read it."""
    made = Home(tmp_path_factory.mktemp("standing") / "home")
    _deliver(made, clock, TABLES)
    _run(made, clock)
    return made


# -- the files ------------------------------------------------------------------------------------


def test_a_sight_is_made_once_and_is_its_owners_alone(
    home: Home, clock: Callable[[], datetime]
) -> None:
    sights = Sights(home)
    assert sights.standing() is None
    assert sights.current(**NOBODY_SPECIAL) is None
    whole = _run(home, clock)
    assert sights.standing() == whole
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(Sights(home).current, **NOBODY_SPECIAL) for _ in range(4)]
        found = {each.result() for each in asked}
    (seen,) = found
    assert seen is not None
    assert seen.run_id == whole.run_id
    made = seen.path.stat()
    assert stat.S_IMODE(made.st_mode) == 0o600
    assert sights.current(**NOBODY_SPECIAL) == seen
    assert seen.path.stat().st_mtime_ns == made.st_mtime_ns
    other = sights.current(units=frozenset({NORTH}), insiders=False)
    assert other is not None
    assert other.path != seen.path
    assert {path.suffix for path in seen.path.parent.iterdir()} == {".duckdb"}


def test_another_run_has_another_sight_and_those_of_runs_that_are_gone_go(
    home: Home, clock: Callable[[], datetime]
) -> None:
    sights = Sights(home)
    first = _run(home, clock)
    before = sights.current(**NOBODY_SPECIAL)
    _run(home, clock)
    after = sights.current(**NOBODY_SPECIAL)
    assert before is not None and after is not None
    assert before.run_id == first.run_id != after.run_id
    assert sights.of(first, **NOBODY_SPECIAL) == before
    first.path.unlink()
    (before.path.parent / "died.building").write_text("")
    (after.path.parent / "died.building").write_text("")
    sights.current(units=frozenset({SOUTH}), insiders=False)
    assert [folder.name for folder in home.sights.iterdir()] == [after.run_id]
    assert {path.suffix for path in after.path.parent.iterdir()} == {".duckdb"}


def test_a_run_from_before_the_rules_is_refused_with_a_cure(
    home: Home, clock: Callable[[], datetime]
) -> None:
    whole = _run(home, clock)
    with Engine(whole.path) as engine:
        engine.execute("DROP TABLE scope_nodes")
    with pytest.raises(RunError, match="Make a new one"):
        Sights(home).current(**NOBODY_SPECIAL)


def test_what_is_gone_is_told_to_those_who_saw_it(
    home: Home, clock: Callable[[], datetime]
) -> None:
    first = _run(home, clock)
    (found,) = first.rows("findings", order="finding_id")
    moved = [_visit(name, ONE, f"2025-03-{day} 08:00", f"2025-03-{day} 08:45")
             for name, day in (("v2", "05"), ("v4", "06"))]  # fmt: skip
    _deliver(home, clock, {"visits": moved})
    _run(home, clock)
    gone = {"finding_id": found["finding_id"], "change": "gone"}

    def told(units: frozenset[str] | None) -> tuple[Any, Any]:
        seen = Sights(home).current(units=units, insiders=False)
        assert seen is not None
        (run,) = seen.rows("run", order="run_id")
        return seen.rows("changes", order="finding_id"), run["gone"]

    assert told(None) == ([gone], 1)
    assert told(frozenset({NORTH})) == ([gone], 1)
    assert told(frozenset({SOUTH})) == ([], 0)


def test_a_detector_for_security_is_seen_by_security_alone(
    home: Home, clock: Callable[[], datetime]
) -> None:
    (room,) = OVERLAPPING
    _run(home, clock, [replace(room, audience=("security",))])

    def told(insiders: bool) -> list[Any]:
        seen = Sights(home).current(units=None, insiders=insiders)
        assert seen is not None
        (score,) = seen.rows("scores", order="provider_id")
        rooms = seen.rows("rooms", order="room")
        return [
            len(seen.rows("findings", order="finding_id")),
            len(score["contributions"]),
            len(rooms),
        ]

    assert told(insiders=True) == [1, 1, 1]
    assert told(insiders=False) == [0, 0, 0]


# -- the rows -------------------------------------------------------------------------------------


def _rows(home: Home, **how: Any) -> dict[str, CitedRow]:
    seen = Sights(home).current(**NOBODY_SPECIAL)
    assert seen is not None
    (found,) = seen.rows("findings", order="finding_id")
    return {
        row.key["visit_id"]: row for row in rows_of(home, seen, found["finding_id"], **how).rows
    }


def test_a_row_leads_back_to_its_file_and_names_nobody(
    standing: Home,
) -> None:
    rows = _rows(standing)
    assert sorted(rows) == ["v1", "v2", "v3"]  # v4 was to somebody protected
    key = standing.reference_key()
    told = rows["v2"]
    assert (told.table, told.file, told.row, told.standing) == ("visits", "visits.csv", 3, "stands")
    (receipt,) = [each for each in Lake(standing).receipts() if each.table == "visits"]
    assert (told.batch, told.loaded_at) == (receipt.batch, receipt.loaded_at)
    assert told.loader_version == receipt.loader_version
    assert told.columns is not None
    named = {name: value for name, value in told.columns.items() if value is not None}
    assert named == {
        "visit_id": "v2", "municipality": "9901", "org_id": FIRM,
        "worker_id": reference_of(key, f"person:{WORKER}"),
        "client_id": reference_of(key, f"person:{TWO}"), "service": "omsorg",
        "start": "2025-03-03T07:15:00+00:00", "end": "2025-03-03T08:00:00+00:00",
        "tag_id": reference_of(key, "tag:tag-v2"), "device_id": "telefon 1",
        "status": "performed",
    }  # fmt: skip
    assert set(told.columns) - set(named) >= {"note", "edited_by"}


def test_a_case_shows_a_row_in_clear_when_all_whom_it_names_are_its_own(
    standing: Home,
) -> None:
    key = standing.reference_key()
    worker, client = (reference_of(key, f"person:{who}") for who in (WORKER, TWO))
    half = _rows(standing, clear={worker})["v2"].columns
    assert half is not None
    assert (half["worker_id"], half["client_id"], half["note"]) == (WORKER, client, None)
    whole = _rows(standing, clear={worker, client})["v2"].columns
    assert whole is not None
    assert (whole["worker_id"], whole["client_id"], whole["note"]) == (WORKER, TWO, "Ringde Astrid")
    other = _rows(standing, clear={worker, client})["v1"].columns
    assert other is not None
    assert (other["client_id"], other["note"]) == (reference_of(key, f"person:{ONE}"), None)


def test_rows_come_a_page_at_a_time(standing: Home) -> None:
    assert sorted(_rows(standing, limit=2)) == ["v1", "v2"]
    assert sorted(_rows(standing, offset=2, limit=2)) == ["v3"]
    assert _rows(standing, offset=9) == {}
    seen = Sights(standing).current(units=frozenset({SOUTH}), insiders=False)
    assert seen is not None
    (found,) = RunFolder(standing).named(seen.run_id).rows("findings", order="finding_id")
    with pytest.raises(NotThere):
        rows_of(standing, seen, found["finding_id"])
    with pytest.raises(NotThere):
        rows_of(standing, seen, "no such finding")


def test_a_row_says_what_became_of_it(home: Home, clock: Callable[[], datetime]) -> None:
    _run(home, clock)
    later = [_visit("v2", TWO, "2025-03-03 09:15", "2025-03-03 09:30")]
    _deliver(home, clock, {"visits": later})
    assert {name: row.standing for name, row in _rows(home).items()} == {
        "v1": Standing.STANDS, "v2": Standing.SUPERSEDED, "v3": Standing.STANDS
    }  # fmt: skip
    DeltaTable(str(home.lake / "visits")).delete("visit_id = 'v3'")
    erased = _rows(home)["v3"]
    assert (erased.standing, erased.columns, erased.row) == (Standing.ERASED, None, 4)
    withdraw(home, Lake(home).receipts()[0].batch, reason="fel fil", clock=clock)
    assert _rows(home)["v1"].standing is Standing.WITHDRAWN
