"""Each detector beside a bare scan and sort of what it reads, and as the work grows."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import queries
from benchmarks.timing import head, in_turn, row
from benchmarks.town import LAST, Town
from graph_service import as_of
from graph_service.detector import detect, open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.room import Room
from loaders.load import Options, load

#: What the room's query cannot do without: the columns of its largest table, in the order it needs.
FLOORS = {
    "billed_over_decision": 'SELECT client_id, service, org_id, "start", "end", status, '
    'decision_id FROM visits ORDER BY client_id, service, "start"',
    "billed_without_decision": 'SELECT client_id, service, org_id, "start", "end", status, '
    'decision_id FROM visits ORDER BY client_id, service, "start"',
    "clients_follow_worker": 'SELECT client_id, org_id, worker_id, "start", status, municipality '
    'FROM visits ORDER BY client_id, org_id, "start"',
    "hollow_company": 'SELECT org_id, municipality, worker_id, "start", status FROM visits '
    'ORDER BY org_id, "start"',
    "login_on_two_devices": 'SELECT login_id, device_id, worker_id, "start", "end", visit_id '
    'FROM visits ORDER BY login_id, "start"',
    "overlapping_visits": 'SELECT worker_id, "start", "end", client_id, org_id, status, '
    'group_visit, visit_id FROM visits ORDER BY worker_id, "start"',
    "ownership_ring": "SELECT org_id, owner_id, interest, share, valid_from FROM owners "
    "ORDER BY org_id, owner_id",
    "phoenix_company": 'SELECT org_id, client_id, worker_id, "start", status FROM visits '
    'ORDER BY org_id, client_id, "start"',
    "shared_account": "SELECT payee_account, payee_id, paid_on, amount FROM payments "
    "ORDER BY payee_account, paid_on",
    "shared_contact": "SELECT org_id, client_id, worker_id FROM visits ORDER BY org_id",
}


def rooms() -> list[Room]:
    """Every room, in order of name."""
    return open_rooms(Path(queries.__file__).parent)


@contextmanager
def records(town: Town, visits: int) -> Iterator[Engine]:
    """The town's records and graph, loaded once and kept while the folder is."""
    files = town.files(visits)
    home = Home(files.with_name(f"home-{files.name}"))
    if not home.path.exists():
        load(home, [files], Options(), clock=lambda: datetime.now(UTC))
    spill = town.folder / "spill"
    with Engine(memory="2GiB", spill=spill) as engine:
        Lake(home).open_records(engine)
        as_of.open_views(engine, LAST)
        derive(engine, progress=lambda _: None)
        yield engine
    shutil.rmtree(spill, ignore_errors=True)


def measure(town: Town, asked: Namespace) -> None:
    """Print seconds and their ratio for each room and size (goal: at most 2), then the growth."""
    seconds: dict[str, list[float]] = {room.name: [] for room in rooms()}
    head("visits", "detector", "findings", "detector, s", "scan and sort, s", "ratio")
    for visits in asked.sizes:
        with records(town, visits) as engine:
            for room in rooms():
                ours, bare, found = _beside_floor(engine, room, asked.repeat)
                seconds[room.name].append(ours)
                ratio = f"{ours / bare:.1f}"
                row(f"{visits:,}", room.name, found, f"{ours:.2f}", f"{bare:.2f}", ratio)
    print()
    steps = [f"{visits:,}, s" for visits in asked.sizes]
    growth = [f"grows by, of {b / a:.0f}" for a, b in pairwise(asked.sizes)]
    head("detector", *steps, *growth)
    for name, taken in seconds.items():
        times = [f"{b / a:.1f}" for a, b in pairwise(taken)]
        row(name, *(f"{each:.2f}" for each in taken), *times)


def _beside_floor(engine: Engine, room: Room, repeat: int) -> tuple[float, float, int]:
    """Seconds of the detector and of its floor, and how many findings there are."""
    floor = f"CREATE OR REPLACE TEMP TABLE floor AS {FLOORS[room.name]}"
    found: list[int] = []

    def ask() -> None:
        found[:] = [len(detect(engine, room, as_of=LAST))]

    ours, bare = in_turn(ask, lambda: engine.execute(floor), repeat)
    return ours, bare, found[0]
