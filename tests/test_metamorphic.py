"""What must not change a finding of any room: the order of rows, the names of things, strangers.

Each room's firing cases, and a small synthetic town with everything planted, are told again: with
the rows turned round, with every opaque name exchanged for another, and with an unrelated
municipality beside them. The findings stay, apart from `row`, `file_sha256` and what is made
from the ids.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

import queries
from graph_service.as_of import open_views
from graph_service.detector import detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.home import Home
from graph_service.opening import open_rooms
from graph_service.room import Room
from graph_service.run import run
from loaders.load import Options, load
from synth.municipality import make
from tests.house import csv_text
from tests.test_rooms import cases, stands_on_graph
from tests.world import world

Rows: TypeAlias = dict[str, list[dict[str, Any]]]
#: A finding as it is printed.
Said: TypeAlias = dict[str, Any]

FAR = "5599990008"
ROOMS = open_rooms(Path(queries.__file__).parent)
#: Columns whose values name somebody or something; a name is exchanged wherever it stands.
_NAMES = frozenset(
    """
    person_id worker_id client_id owner_id holder_id payer_id payee_id official_id about_id
    ordered_by received_by approved_by visit_id invoice_id payment_id decision_id contract_id
    permit_id change_id absence_id placement_id login_id device_id tag_id event_id incident_id
    tip_id review_id check_id credit_of
    """.split()  # noqa: SIM905
)


def in_case(room: Room, given: Rows, day: date) -> list[Said]:
    """What a room says of a case's rows."""
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, day)
        if stands_on_graph(room):
            derive(engine)
        return [finding.as_json() for finding in detect(engine, room, as_of=day)]


def in_home(folder: Path, given: Rows) -> list[Said]:
    """What all rooms say of the files of a municipality, loaded and run."""
    files = folder / "files"
    files.mkdir(parents=True)
    for table, rows in given.items():
        (files / f"{table}.csv").write_text(csv_text(rows), encoding="utf-8")
    now = datetime(2026, 2, 1, 12, tzinfo=UTC)
    home = Home(folder / "home")
    load(home, [files], Options(), clock=lambda: now)
    return list(
        run(home, ROOMS, clock=lambda: now, memory="1GiB").run.rows("findings", order="finding_id")
    )


def told(findings: Sequence[Said], names: Mapping[str, str] | None = None) -> list[str]:
    """Findings as text, without what may change; `names` exchanges the names in them."""

    def exchanged(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: exchanged(part) for key, part in value.items()}
        if isinstance(value, list):
            return sorted((exchanged(part) for part in value), key=json.dumps)
        return (names or {}).get(value, value) if isinstance(value, str) else value

    free = ("finding_id", "detector_digest", "summary", "file_sha256", "row")
    kept = [
        {
            **{name: value for name, value in said.items() if name not in free},
            "evidence": [{"table": row["table"], "key": row["key"]} for row in said["evidence"]],
        }
        for said in findings
    ]
    return sorted(json.dumps(exchanged(said), sort_keys=True, default=str) for said in kept)


# --- the worlds ---------------------------------------------------------------------------------


def firing() -> Iterator[Any]:
    """All firing cases of a room; the first alone where each world must become a graph first."""
    for room in ROOMS:
        fire = [(name, case) for name, case in cases(room).items() if case.get("expect")]
        for name, case in fire[:1] if stands_on_graph(room) else fire:
            yield pytest.param(room, case["given"], case["as_of"], id=f"{room.name}-{name}")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("town") / "made"
    make(folder, seed=3610, inhabitants=3_500, months=6, start=date(2025, 1, 1))
    return {path.stem: _read(path) for path in sorted(folder.glob("*.csv"))}


def _read(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- the changes --------------------------------------------------------------------------------


def turned(given: Rows) -> Rows:
    """The same rows, in another order."""
    return {name: Random(name).sample(rows, len(rows)) for name, rows in given.items()}


def renamed(value: str) -> str:
    """Another name of the same kind, whose order among the names is another."""
    digest = hashlib.sha256(value.encode()).hexdigest()[:12]
    issuer, colon, _ = value.partition(":")
    return f"{issuer}{colon}{digest}" if colon and issuer.islower() else f"x{digest}"


def _names(given: Rows) -> dict[str, str]:
    """Every opaque name and its new one; official numbers and accounts have a form to keep."""
    names = {
        row[column]
        for rows in given.values()
        for row in rows
        for column in _NAMES.intersection(row)
        if row[column] and not _official(row[column])
    }
    return {name: renamed(name) for name in names}


def _official(value: str) -> bool:
    return value.isdigit() or value[:2].isupper()


def under_other_names(given: Rows) -> tuple[Rows, dict[str, str]]:
    names = _names(given)
    rows = {
        table: [
            {
                column: names.get(value, value) if column in _NAMES else value
                for column, value in row.items()
            }
            for row in rows
        ]
        for table, rows in given.items()
    }
    return rows, names


def beside_strangers(given: Rows, day: date) -> Rows:
    """With a municipality of one provider, its worker, clients, money and register."""
    monday = day - timedelta(120)
    clients = [f"far:c{number}" for number in range(4)]
    care = {"org_id": FAR, "municipality": "9999", "service": "fjärran"}
    far: Rows = {
        "organisations": [{"org_id": FAR, "name": "Syntetisk Fjärran AB"}],
        "persons": [{"person_id": who, "street": f"Fjärrgatan {who}"} for who in clients],
        "enrolments": [{**care, "client_id": who, "valid_from": "2024-01-01"} for who in clients],
        "employments": [{"org_id": FAR, "person_id": "far:w1", "valid_from": "2023-01-01"}],
        "invoices": [
            {
                "invoice_id": "far-i1",
                "org_id": FAR,
                "municipality": "9999",
                "issued_on": str(day),
                "period_from": str(monday),
                "period_to": str(day),
                "amount": "1000",
            }
        ],
        "visits": [
            {
                **care,
                "visit_id": f"far-{number}-{who}",
                "worker_id": "far:w1",
                "client_id": who,
                "start": f"{monday + timedelta(number)} {8 + hour:02}:00",
                "end": f"{monday + timedelta(number)} {8 + hour:02}:40",
            }
            for number in range(0, 100, 7)
            for hour, who in enumerate(clients)
        ],
    }
    return {name: [*given.get(name, []), *far.get(name, [])] for name in {**given, **far}}


# --- the laws -----------------------------------------------------------------------------------


def otherwise(given: Rows, day: date) -> tuple[Rows, dict[str, str]]:
    """All three changes at once: what holds under all of them holds under each."""
    rows, names = under_other_names(given)
    return turned(beside_strangers(rows, day)), names


@pytest.mark.parametrize(("room", "given", "day"), list(firing()))
def test_a_case_is_found_whatever_the_order_names_and_strangers(
    room: Room, given: Rows, day: date
) -> None:
    changed, names = otherwise(given, day)
    again = [said for said in in_case(room, changed, day) if said["provider_id"] != FAR]
    assert told(again) == told(in_case(room, given, day), names)


def test_a_town_is_found_whatever_the_order_names_and_strangers(tmp_path: Path, town: Rows) -> None:
    once = in_home(tmp_path / "once", town)
    assert len({said["detector"] for said in once}) > 2
    changed, names = otherwise(town, date(2025, 6, 30))
    again = in_home(tmp_path / "again", changed)
    assert told([said for said in again if said["provider_id"] != FAR]) == told(once, names)
