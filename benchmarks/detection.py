"""Each detector over a year's visits, beside a bare scan and sort of the columns it reads."""

from __future__ import annotations

import shutil
from argparse import Namespace
from datetime import UTC, date, datetime
from pathlib import Path

import queries
from benchmarks.timing import head, in_turn, row
from benchmarks.town import Town
from graph_service import as_of
from graph_service.detector import detect, open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.home import Home
from graph_service.lake import Lake
from loaders.load import Options, load

#: What the room's query cannot do without: the columns of its largest table, in the order it needs.
FLOORS = {
    "overlapping_visits": 'SELECT worker_id, "start", "end", client_id, org_id, status, '
    'group_visit, visit_id FROM visits ORDER BY worker_id, "start"',
    "clients_follow_worker": 'SELECT client_id, org_id, worker_id, "start", status, municipality '
    'FROM visits ORDER BY client_id, org_id, "start"',
    "shared_account": "SELECT payee_account, payee_id, paid_on, amount FROM payments "
    "ORDER BY payee_account, paid_on",
    "ownership_ring": "SELECT org_id, owner_id, interest, share, valid_from FROM owners "
    "ORDER BY org_id, owner_id",
}


def measure(town: Town, asked: Namespace) -> None:
    """Print seconds and their ratio for each room (goal: at most 2)."""
    files = town.files(asked.rows)
    home = Home(town.folder / f"home-detection-{asked.rows}")
    if not home.path.exists():
        load(home, [files], Options(), clock=lambda: datetime.now(UTC))
    day = date(2025, 12, 31)
    spill = town.folder / "spill"
    head("detector", "findings", "detector, s", "scan and sort, s", "ratio")
    with Engine(memory="2GiB", spill=spill) as engine:
        Lake(home).open_records(engine)
        as_of.open_views(engine, day)
        derive(engine, progress=lambda _: None)
        for room in open_rooms(Path(queries.__file__).parent):
            if room.name not in FLOORS:
                continue
            floor = f"CREATE OR REPLACE TEMP TABLE floor AS {FLOORS[room.name]}"
            found: list[object] = []

            def ask(room: object = room, found: list[object] = found) -> None:
                found[:] = detect(engine, room, as_of=day, overrides={})  # type: ignore[arg-type]

            ours, bare = in_turn(ask, lambda sql=floor: engine.execute(sql), asked.repeat)  # type: ignore[misc]
            row(room.name, len(found), f"{ours:.2f}", f"{bare:.2f}", f"{ours / bare:.2f}")
    shutil.rmtree(spill, ignore_errors=True)
