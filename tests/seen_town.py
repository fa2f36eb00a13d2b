"""A small town in which everybody's data can be told from everybody else's by its letters alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import pytest

from graph_service.access.sight import Reach
from graph_service.run_file import RunFile
from tests.house import organisation, person
from tests.seen_world import NORTH, SOUTH, TOWN, finding, run_of, sight_of

#: What a reach sees of the town; made once.
See: TypeAlias = Callable[[Reach], RunFile]

FIRM, OTHER = organisation(11), organisation(12)
TRADER, HIDDEN_TRADER = person(30), person(31)
NORTH_CLIENT, NORTH_CLIENT_2, SOUTH_CLIENT, HIDDEN_CLIENT = (person(n) for n in range(10, 14))
NORTH_WORKER, SOUTH_WORKER, BOTH_WORKER, HIDDEN_WORKER = (person(n) for n in range(14, 18))
GUARDIAN, OWNER, OFFICIAL = person(18), person(19), person(20)
PEOPLE = (
    *(NORTH_CLIENT, NORTH_CLIENT_2, SOUTH_CLIENT, HIDDEN_CLIENT),
    *(NORTH_WORKER, SOUTH_WORKER, BOTH_WORKER, HIDDEN_WORKER, GUARDIAN, OWNER, OFFICIAL),
    *(TRADER, HIDDEN_TRADER),
)
HIDDEN = (HIDDEN_CLIENT, HIDDEN_WORKER, HIDDEN_TRADER)


@dataclass
class Town:
    """The records; what identifies each person; and the papers that each person's care left."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    identity: dict[str, set[str]] = field(default_factory=dict)
    papers: dict[str, set[str]] = field(default_factory=dict)

    def add(self, table: str, *whose: str, **row: Any) -> int:
        """Add a row of somebody's; its number in the table's file."""
        rows = self.tables.setdefault(table, [])
        rows.append(row)
        for name in ("visit_id", "decision_id", "payment_id", "placement_id", "invoice_id"):
            for who in whose:
                self.papers.setdefault(who, set()).update({row[name]} if name in row else ())
        return len(rows) + 1

    def person(self, n: int, who: str, *, hidden: bool) -> None:
        letters = "".join("abcdefghij"[int(digit)] for digit in who)
        told = {
            "given_name": f"Given{letters}",
            "family_name": f"Family{letters}",
            "street": f"Street{letters} {n}",
            "phone": f"08-1234{n:04}",
            "email": f"{letters}@example.org",
        }
        protection = "protected_registration" if hidden else "none"
        row = {"postcode": "111 11", "city": "Exstad", "protection": protection}
        self.tables.setdefault("persons", []).append({"person_id": who, **told, **row})
        account = f"8000-{100000 + n}"
        self.add(
            "accounts", who, account=account, holder_id=who, holder_kind="person",
            valid_from="2024-01-01",
        )  # fmt: skip
        self.identity[who] = {who, *told.values(), account, f"+4681234{n:04}", letters.lower()}

    def visit(self, worker: str, client: str, day: str, firm: str = FIRM) -> int:
        n = len(self.tables.get("visits", []))
        self.identity[worker].add(f"login-of-{PEOPLE.index(worker)}-")
        self.identity[client].add(f"tag-of-{PEOPLE.index(client)}-")
        return self.add(
            "visits", worker, client, visit_id=f"visit-{n:03}-", municipality=TOWN, org_id=firm,
            worker_id=worker, client_id=client, service="omsorg", start=f"{day} 08:00",
            end=f"{day} 08:45", login_id=f"login-of-{PEOPLE.index(worker)}-",
            tag_id=f"tag-of-{PEOPLE.index(client)}-", device_id=f"device-{PEOPLE.index(worker)}-",
            note="Ringde dottern",
        )  # fmt: skip

    def bill(self, client: str, unit: str, firm: str) -> int:
        n = len(self.tables.get("invoices", []))
        invoice = f"{firm}:{n:04}"
        self.add(
            "invoices", client, invoice_id=invoice, org_id=firm, municipality=TOWN, unit=unit,
            issued_on="2025-03-31", period_from="2025-03-01", period_to="2025-03-31",
            amount=f"{1000 + n}", account="BG:99900011",
        )  # fmt: skip
        self.add("payments", client, payment_id=f"payment-{n:03}-", paid_on="2025-04-10",
                 payee_id=firm, payee_account="BG:99900011", amount=f"{1000 + n}",
                 invoice_id=invoice)  # fmt: skip
        return self.add("invoice_lines", client, invoice_id=invoice, line_no=1, client_id=client,
                        service="omsorg", amount=f"{1000 + n}")  # fmt: skip


def town() -> tuple[Town, list[dict[str, Any]]]:
    """The town's records and findings about it, each citing the very rows it rests on."""
    made = Town()
    for n, who in enumerate(PEOPLE):
        made.person(n, who, hidden=who in HIDDEN)
    for org in (FIRM, OTHER, TRADER, HIDDEN_TRADER):
        made.tables.setdefault("organisations", []).append(
            {"org_id": org, "name": f"Firma {'abcd'[len(made.tables.get('organisations', []))]}",
             "street": f"Firmagatan {org[:4] if len(org) == 10 else ''}", "postcode": "111 22",
             "city": "Exstad"}
        )  # fmt: skip
    units = {NORTH_CLIENT: NORTH, NORTH_CLIENT_2: NORTH, SOUTH_CLIENT: SOUTH, HIDDEN_CLIENT: NORTH}
    for client, unit in units.items():
        made.add("decisions", client, decision_id=f"decision-{PEOPLE.index(client)}-", unit=unit,
                 client_id=client, municipality=TOWN, service="omsorg", hours_per_month="9",
                 valid_from="2025-01-01", official_id=OFFICIAL)  # fmt: skip
    lines = {client: made.bill(client, unit, FIRM) for client, unit in units.items()}
    made.bill(NORTH_CLIENT, NORTH, TRADER)
    visits: dict[tuple[str, str], int] = {}
    for worker, client in (
        *((NORTH_WORKER, each) for each in (NORTH_CLIENT, NORTH_CLIENT_2, HIDDEN_CLIENT)),
        *((BOTH_WORKER, each) for each in (NORTH_CLIENT, SOUTH_CLIENT)),
        *((SOUTH_WORKER, SOUTH_CLIENT), (HIDDEN_WORKER, NORTH_CLIENT)),
    ):
        for day in ("2025-03-03", "2025-03-04"):
            visits[worker, client] = made.visit(worker, client, day)
    made.visit(HIDDEN_TRADER, NORTH_CLIENT, "2025-03-05", HIDDEN_TRADER)
    made.visit(TRADER, NORTH_CLIENT, "2025-03-05", TRADER)
    made.add("mandates", person_id=GUARDIAN, client_id=HIDDEN_CLIENT, kind="guardian")
    made.add("owners", org_id=FIRM, owner_id=OWNER, owner_kind="person", interest="shares")
    made.add("officials", person_id=OFFICIAL, municipality=TOWN)
    made.add("incidents", incident_id="i1", occurred_on="2025-03-03", official_id=OFFICIAL,
             org_id=FIRM, kind="threat")  # fmt: skip
    return made, _findings(visits, lines)


def _findings(
    visits: Mapping[tuple[str, str], int], lines: Mapping[str, int]
) -> list[dict[str, Any]]:
    def about(worker: str) -> list[tuple[str, str, str]]:
        return [("provider", "organisation", FIRM), ("worker", "person", worker)]

    def rows(worker: str) -> list[tuple[str, int, dict[str, Any]]]:
        return [
            ("visits", row, {"visit_id": f"visit-{row - 2:03}-"})
            for (who, _), row in visits.items() if who == worker
        ]  # fmt: skip

    def billed(client: str) -> dict[str, Any]:
        subjects = [("client", "person", client), ("provider", "organisation", FIRM)]
        return finding(f"billed-{PEOPLE.index(client)}", FIRM, subjects,
                       [("invoice_lines", lines[client], {"line_no": 1}),
                        ("invoices", lines[client], {})])  # fmt: skip

    certificate = {"certificate": [f"visit-{n:03}-" for n in range(16)], "worst": NORTH_CLIENT}
    talks = {"sv": f"Om {NORTH_CLIENT}.", "en": f"About {NORTH_CLIENT[2:8]}-{NORTH_CLIENT[8:]}."}
    return [
        *(finding(f"visits-{PEOPLE.index(who)}", FIRM, about(who), rows(who))
          for who in (BOTH_WORKER, SOUTH_WORKER, HIDDEN_WORKER)),
        {**finding("visits-north", FIRM, about(NORTH_WORKER), rows(NORTH_WORKER)),
         "statistics": certificate, "summary": talks},
        *(
            {**billed(client), "statistics": {"p_value": 0.001, "hours": 4.5, "q_value": 0.01}}
            for client in lines
        ),
        finding("trader", TRADER, [("provider", "organisation", TRADER)], []),
        finding("hidden-trader", HIDDEN_TRADER, [("provider", "organisation", HIDDEN_TRADER)], []),
        finding("inside", FIRM, [("official", "person", OFFICIAL)], [("decisions", 2, {})]),
        {**finding("was", OTHER, [("provider", "organisation", OTHER)], []),
         "statistics": {"old_id": TRADER, "older_id": HIDDEN_TRADER, "at": FIRM, "town": TOWN}},
    ]  # fmt: skip


@pytest.fixture(scope="session")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> RunFile:
    made, findings = town()
    return run_of(tmp_path_factory.mktemp("whole") / "run.duckdb", made.tables, findings)


@pytest.fixture(scope="session")
def see_town(whole_town: RunFile, tmp_path_factory: pytest.TempPathFactory) -> See:
    @cache
    def seen(reach: Reach) -> RunFile:
        return sight_of(whole_town, reach, tmp_path_factory.mktemp("seen") / "sight.duckdb")

    return seen
