"""A municipality with a case in it, for tests of evidence: small, and told by hand.

It is the one of `http_service` with what billing needs beside it: client 0 was granted 40 hours a
month and billed for 60 in March; one invoice, one payment. The case is Anna's, about every
finding of FIRM whose people nobody protects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import queries
from graph_service.access.reference import reference
from graph_service.access.sight import Sights
from graph_service.casework.case_file import CaseFile, Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database, open_database
from graph_service.casework.snapshot import snapshot
from graph_service.detector import open_rooms
from graph_service.evidence.material import Material, gathered
from graph_service.evidence.request import Request
from graph_service.home import Home
from graph_service.results.subjects import finding_seen
from graph_service.run import run
from tests.casework import ANNA, Clock, opened
from tests.house import House
from tests.house_once import house_once
from tests.http_service import CLIENTS, FIRM, WORKERS, rows

MADE_AT = datetime(2026, 3, 3, 9, tzinfo=UTC)
ACCOUNT = "BG:99900011"
TOWN_HALL = "2120009994"
ROOMS = open_rooms(Path(queries.__file__).parent)


def told() -> Mapping[str, list[dict[str, Any]]]:
    """The municipality's records, by table."""
    billed = {"invoice_id": "F-1", "line_no": "1", "client_id": CLIENTS[0], "service": "omsorg"}
    return {
        **rows(),
        "municipalities": [{"municipality": "0000", "name": "Exstad", "org_id": TOWN_HALL}],
        "fees": [
            {"client_id": CLIENTS[0], "valid_from": "2024-01-01", "hourly_fee_sek": "100"}
            | {"monthly_cap_sek": "99999"}
        ],
        "enrolments": [
            {"client_id": CLIENTS[0], "org_id": FIRM, "municipality": "0000", "service": "omsorg"}
            | {"valid_from": "2024-01-01"}
        ],
        "employments": [{"org_id": FIRM, "person_id": WORKERS[0], "valid_from": "2020-01-01"}],
        "accounts": [
            {"account": ACCOUNT, "holder_id": FIRM, "holder_kind": "organisation"}
            | {"valid_from": "2020-01-01"}
        ],
        "invoices": [
            {"invoice_id": "F-1", "org_id": FIRM, "municipality": "0000", "issued_on": "2025-04-02"}
            | {"period_from": "2025-03-01", "period_to": "2025-03-31", "amount": "24000"}
            | {"currency": "SEK", "unit": "Norr", "account": ACCOUNT, "factoring": "false"}
        ],
        "invoice_lines": [
            billed | {"hours": "60", "unit": "hour", "unit_price": "400", "amount": "24000"}
        ],
        "payments": [
            {"payment_id": "B-1", "paid_on": "2025-04-20", "payer_id": TOWN_HALL}
            | {"payee_id": FIRM, "payee_account": ACCOUNT, "amount": "24000", "currency": "SEK"}
            | {"invoice_id": "F-1", "purpose": "provider"}
        ],
    }


@dataclass
class Town:
    """The municipality, its casework, and the case."""

    house: House
    database: Database
    clock: Clock
    case: CaseFile

    @property
    def home(self) -> Home:
        return self.house.home

    def ref(self, kind: str, key: str) -> str:
        return reference(self.home.reference_key(), f"{kind}:{key}")

    def request(self, recipient: str = "police", **given: Any) -> Request:
        """An approved request to export the case as it stands."""
        standing = Sights(self.home).standing()
        assert standing is not None
        case = Cases(self.database, clock=self.clock).file(self.case.case_id, ANNA)
        asked: dict[str, Any] = {
            "export_id": "export-0000000000000001",
            "case_id": case.case_id,
            "case_version": case.version,
            "run_id": standing.run_id,
            "recipient": recipient,
            "legal_ground": "OSL 10 kap. 24 §",
            "authority_reference": None,
            "contact": None,
            "damages": None,
            "lifted": frozenset(),
            "units": None,
            "insiders": False,
            "asked_by": "anna",
            "asked_at": MADE_AT,
            "approved_by": "bo",
            "approved_at": MADE_AT,
        }
        return Request(**asked | given)

    @contextmanager
    def material(self, folder: Path, recipient: str = "police", **given: Any) -> Iterator[Material]:
        """The case gathered for a recipient."""
        request = self.request(recipient, **given)
        case = snapshot(self.database, self.case.case_id, ANNA, clock=self.clock)
        folder.mkdir(parents=True, exist_ok=True)
        with gathered(
            self.home,
            case,
            request,
            ROOMS,
            made_at=MADE_AT,
            file=folder / "material.duckdb",
            spill=folder,
        ) as material:
            yield material


def delivered(house: House) -> list[Path]:
    """The records as files of the contract."""
    return [house.give(f"{table}.csv", rows) for table, rows in told().items()]


@contextmanager
def town(folder: Path, deliver: Callable[[House], list[Path]] = delivered) -> Iterator[Town]:
    """Load the municipality, make a run, open the case."""
    name = f"town-{deliver.__module__}"
    with with_case(house_once(name, folder, lambda house: run_on(house, deliver))) as made:
        yield made


@contextmanager
def with_case(house: House) -> Iterator[Town]:
    """Open the case in a house that has its run."""
    clock = Clock()
    with open_database(house.home, None) as database:
        about = list(_findings(house.home))
        case = opened(Cases(database, clock=clock), about=about)
        yield Town(house, database, clock, case)


def run_on(house: House, deliver: Callable[[House], list[Path]] = delivered) -> None:
    """Load what is delivered, and make a run."""
    assert house.load(*deliver(house)).exit_code == 0
    run(house.home, ROOMS, clock=house.clock, memory="1GiB")


def _findings(home: Home) -> Iterator[Subject]:
    """Every finding of FIRM that names nobody protected, to be linked."""
    seen = Sights(home).current(units=None, insiders=False)
    assert seen is not None
    with seen.open() as engine:
        for row in seen.rows("findings", order="finding_id", where={"provider_id": FIRM}):
            found = finding_seen(engine, row["finding_id"])
            assert found is not None
            if all(subject["ref"] for subject in row["subjects"]):
                kind = LinkKind.FINDING
                yield Subject(kind, row["finding_id"], found.subjects, seen.run_id)
