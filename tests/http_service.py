"""A municipality that is served over HTTP: two units, protected persons, callers of every role.

Its findings are of workers who are registered at two clients at once, each told by hand in
`OVERLAPS`: so a test can say who may see which.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI

import queries
from api.http.app import create_app
from api.http.service import Service, open_service
from graph_service.access.reference import reference
from graph_service.detector import open_rooms
from graph_service.run import run as make_run
from graph_service.run_file import RunFile, RunFolder
from graph_service.settings import Settings
from tests.house import House, luhn, person
from tests.house_once import house_once

NORTH: Final = "Norr"
SOUTH: Final = "Söder"
FIRM: Final = "5520000018"
SISTER: Final = "5520000026"
#: A sole trader: the number is a person's.
TRADER: Final = person(90)
#: Clients by their place in the lists below: the first six are the north's.
CLIENTS: Final = tuple(person(n) for n in range(12))
HIDDEN_CLIENTS: Final = (CLIENTS[5], CLIENTS[11])
WORKERS: Final = tuple(person(n, "19800301") for n in range(12))
HIDDEN_WORKER: Final = WORKERS[11]
OWNER: Final = person(70, "19600501")


@dataclass(frozen=True)
class Overlap:
    """A worker of a firm who is at two clients at once."""

    firm: str
    worker: str
    clients: tuple[str, str]
    month: int = 3


def _overlap(firm: str, worker: int, one: int, other: int, month: int = 3) -> Overlap:
    return Overlap(firm, WORKERS[worker], (CLIENTS[one], CLIENTS[other]), month)


OVERLAPS: Final = (
    _overlap(FIRM, 0, 0, 1),
    _overlap(FIRM, 1, 1, 2, month=4),
    _overlap(FIRM, 2, 2, 3),
    _overlap(FIRM, 3, 3, 4, month=5),
    _overlap(FIRM, 4, 4, 5),  # one of them is protected
    _overlap(SISTER, 5, 6, 7),
    _overlap(SISTER, 6, 7, 8, month=4),
    _overlap(SISTER, 7, 8, 11),  # one of them is protected
    _overlap(TRADER, 8, 9, 10),
    _overlap(FIRM, 9, 0, 6),  # one in each unit
    _overlap(FIRM, 11, 0, 1, month=2),  # the worker is protected
)
#: What the first run finds and the second no more: the overlap is corrected in between.
CORRECTED: Final = _overlap(FIRM, 10, 2, 4)


def unit_of(client: str) -> str:
    return NORTH if CLIENTS.index(client) < 6 else SOUTH


def secrets_of(number: str) -> tuple[str, ...]:
    """What would tell who somebody is: number, name, street, telephone and address."""
    return tuple(str(value) for value in _person(number).values() if value != "none")


def _person(number: str) -> dict[str, Any]:
    digits = f"{luhn(number[2:11])}{number[4:11]}"
    return {
        "person_id": number,
        "given_name": f"Förnamn{digits}",
        "family_name": f"Efternamn{digits}",
        "street": f"Gata{digits} {1 + int(digits) % 97}",
        "postcode": "111 22",
        "city": f"Ort{digits}",
        "phone": f"070{digits[:7]}",
        "email": f"post{digits}@example.org",
        "protection": "marked" if number in (CLIENTS[5], HIDDEN_WORKER) else "none",
    } | ({"protection": "protected_registration"} if number == CLIENTS[11] else {})


def _visits(overlap: Overlap, *, apart: bool = False) -> Iterator[dict[str, Any]]:
    for day in (3, 4, 5):
        for place, client in enumerate(overlap.clients):
            start = "10:00" if apart and place else f"08:{15 * place:02}"
            stamp = f"{date(2025, overlap.month, day)}"
            yield {
                "visit_id": f"v{WORKERS.index(overlap.worker)}-{overlap.month}-{day}-{place}",
                "municipality": "0000",
                "org_id": overlap.firm,
                "worker_id": overlap.worker,
                "client_id": client,
                "service": "omsorg",
                "start": f"{stamp} {start}",
                "end": f"{stamp} {'10:45' if apart and place else f'08:{45 + 10 * place}'}",
                "start_method": "tag",
                "end_method": "tag",
            }


def rows() -> Mapping[str, list[dict[str, Any]]]:
    """The municipality's records."""
    firms = ((FIRM, "Linden Omsorg AB"), (SISTER, "Eken Hemtjänst AB"), (TRADER, "Eget Namn"))
    return {
        "organisations": [
            {"org_id": org, "name": name, "city": "Exstad", "registered_on": "2015-01-01"}
            for org, name in firms
        ],
        "persons": [_person(number) for number in (*CLIENTS, *WORKERS, OWNER)],
        "owners": [
            {"org_id": owned, "owner_id": owner, "owner_kind": kind, "interest": "shares"}
            | {"share": share, "valid_from": "2016-01-01"}
            for owned, owner, kind, share in (
                (FIRM, OWNER, "person", "0.6"),
                (SISTER, FIRM, "organisation", "0.5"),
            )
        ],
        "contracts": [
            {"contract_id": f"k-{org}", "org_id": org, "municipality": "0000", "service": "omsorg"}
            | {"reimbursement": "performed", "hourly_rate_sek": "400", "valid_from": "2020-01-01"}
            for org, _ in firms
        ],
        "decisions": [
            {"decision_id": f"d-{n}", "client_id": client, "municipality": "0000"}
            | {"service": "omsorg", "hours_per_month": "40", "valid_from": "2024-01-01"}
            | {"unit": unit_of(client)}
            for n, client in enumerate(CLIENTS)
        ],
        "visits": [visit for overlap in (*OVERLAPS, CORRECTED) for visit in _visits(overlap)],
    }


@dataclass
class Served:
    """The service, its address, and what it serves."""

    house: House
    service: Service
    url: str
    _clients: dict[tuple[Any, ...], httpx.Client] = field(default_factory=dict)

    def client(self, *roles: str, units: Collection[str] | None = None) -> httpx.Client:
        """A caller of those roles and units."""
        asked = (roles, None if units is None else tuple(units))
        if asked not in self._clients:
            _, secret = self.service.users.issue_key(
                f"robot{len(self._clients)}", roles, units, lasts=timedelta(days=90), by="test"
            )
            self._clients[asked] = self.with_token(secret)
        return self._clients[asked]

    def with_token(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def ref(self, kind: str, key: str) -> str:
        """The reference of an entity."""
        return reference(self.house.home.reference_key(), f"{kind}:{key}")

    def run(self) -> RunFile:
        """Make another run; it is the current one."""
        return _run(self.house)

    @property
    def runs(self) -> RunFolder:
        return RunFolder(self.house.home)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """The municipality loaded and run twice, served from a port of its own."""
    house = house_once("served", folder, _run_twice)
    with ExitStack() as stack:
        settings = Settings(home=house.home.path)
        service = stack.enter_context(open_service(settings, lambda: datetime.now(UTC)))
        served = Served(house, service, stack.enter_context(listening(create_app(service))))
        stack.callback(served.close)
        yield served


def _run_twice(house: House) -> None:
    given = [house.give(f"{table}.csv", told) for table, told in rows().items()]
    assert house.load(*given).exit_code == 0
    _run(house)
    house.load_rows("visits", *_visits(CORRECTED, apart=True))
    _run(house)


def _run(house: House) -> RunFile:
    rooms = open_rooms(Path(queries.__file__).parent)
    return make_run(house.home, rooms, clock=house.clock, memory="1GiB").run


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of an application that answers from a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
