"""A town of two districts with people whose identity is protected, and who may see what of it.

`Oracle` says by plain loops over the records which entities and findings a reach may see. It
shares no code with graph_service/access.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from graph_service import as_of, run_file
from graph_service.access import scope
from graph_service.access.reference import reference
from graph_service.access.sight import Reach, build
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.run_file import RunFile
from graph_service.stores import adjacency
from tests.world import FILE_SHA256, World, world

KEY = bytes(range(32))
DAY = date(2025, 6, 30)
TOWN = "9901"
NORTH, SOUTH = "Norr", "Söder"
EVERYTHING = Reach(None, True)
REACHES = [
    Reach(None, False),
    Reach(frozenset({NORTH}), False),
    Reach(frozenset({SOUTH}), False),
    Reach(frozenset({NORTH, SOUTH}), True),
    Reach(frozenset(), False),
]


def run_of(
    path: Path,
    tables: World,
    findings: Sequence[Mapping[str, Any]] = (),
    same: Sequence[tuple[str, str]] = (),
) -> RunFile:
    """A run file of records as they are stored, with findings as a detector might make them.

    `same` are pairs of numbers that are likely one person's.
    """
    run = RunFile("20250701T000000Z", path)
    with Engine(path) as engine:
        world(engine, tables)
        as_of.open_views(engine, DAY)
        derive(engine)
        run_file.write(engine, "links", ())
        for one, other in same:
            engine.execute(
                "INSERT INTO edges BY NAME SELECT 'SAME_AS:' || $one AS edge_id, "
                "'SAME_AS' AS type, 'person:' || $one AS source_id, "
                "'person:' || $other AS target_id",
                {"one": one, "other": other},
            )
        run_file.write(engine, "findings", findings)
        scores = ({"provider_id": each} for each in sorted({f["provider_id"] for f in findings}))
        run_file.write(engine, "scores", ({**each, **_SCORED} for each in scores))
        run_file.write(engine, "changes", ())
        run_file.write(
            engine, "rooms", [{"room": "room", "digest": "d", "findings": len(findings)}]
        )
        run_file.write(engine, "set_aside", ())
        about = {"run_id": run.run_id, "as_of": DAY.isoformat(), "findings": len(findings)}
        run_file.write(engine, "run", [about])
        scope.lay(engine, KEY)
        engine.execute("DROP SCHEMA known CASCADE")
        adjacency.lay(engine)
    return run


def sight_of(run: RunFile, reach: Reach, path: Path) -> RunFile:
    """What the reach sees of a run, in a file of its own."""
    build(run, reach, KEY, path, spill=path.parent)
    return RunFile(run.run_id, path)


_SCORED: Mapping[str, Any] = {
    "score": 50.0,
    "band": "watch",
    "rank": 1,
    "not_assessed": [],
    "contributions": [
        {
            "detector": "room",
            "family": "billing",
            "points": 50.0,
            "findings": 1,
            "exposure_sek": None,
        }
    ],
}


def finding(
    name: str,
    provider: str,
    subjects: Iterable[tuple[str, str, str]],
    rows: Iterable[tuple[str, int, Mapping[str, Any]]],
) -> dict[str, Any]:
    """A finding; a subject is (role, kind, id), a row (table, its number in the file, its key)."""
    return {
        "finding_id": name,
        "detector": "room",
        "strength": "net",
        "provider_id": provider,
        "subjects": [{"role": r, "kind": k, "id": i} for r, k, i in subjects],
        "since": "2025-01-01",
        "until": "2025-02-01",
        "events": 3,
        "days": 2,
        "statistics": {},
        "summary": {"sv": "Ett uppslag.", "en": "A lead."},
        "evidence": [
            {"table": table, "key": dict(key), "file_sha256": FILE_SHA256, "row": row}
            for table, row, key in rows
        ],
    }


def cells(run: RunFile) -> dict[str, set[str]]:
    """Every value of every table of a file, as text, by table."""
    with run.open() as engine:
        tables = [row["table_name"] for row in engine.rows("FROM duckdb_tables()")]
        return {
            table: {
                str(value)
                for row in engine.rows(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {table}")
                for value in row.values()
                if value is not None
            }
            for table in tables
        }


def hold_together(seen: RunFile) -> bool:
    """No relationship, link or finding of a sight leads out of it."""
    with seen.open() as engine:
        loose = engine.value(
            "SELECT count(*) FROM edges WHERE source_id NOT IN (SELECT node_id FROM nodes) "
            "OR target_id NOT IN (SELECT node_id FROM nodes)"
        )
    return bool(loose == 0)


def found_in(seen: RunFile) -> dict[str, dict[str, Any]]:
    return {row["finding_id"]: row for row in seen.rows("findings", order="finding_id")}


def ref(kind: str, key: str) -> str:
    return reference(KEY, f"{kind}:{key}")


class Oracle:
    """Who may see what of a world, told slowly."""

    def __init__(self, tables: World, reach: Reach) -> None:
        self.tables = tables
        self.reach = reach
        self.hidden = {
            row["person_id"]
            for row in self.rows("persons")
            if row.get("protection", "none") != "none"
        }

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        return self.tables.get(table, ())

    # -- units ---------------------------------------------------------------------------------

    def units_of_client(self, client: str) -> set[str]:
        found = {row.get("unit") for row in self.rows("decisions") if row["client_id"] == client}
        billed = {
            row["invoice_id"]
            for row in self.rows("invoice_lines")
            if row.get("client_id") == client
        }
        found |= {row.get("unit") for row in self.rows("invoices") if row["invoice_id"] in billed}
        return {unit for unit in found if unit}

    def clients_of(self, who: str) -> set[str]:
        """Through whom somebody is in care: oneself, those visited, helped, paid for."""
        found = set()
        for table in (
            "tags",
            "decisions",
            "enrolments",
            "visits",
            "invoice_lines",
            "payments",
            "mandates",
        ):
            found |= {who for row in self.rows(table) if row.get("client_id") == who}
        found |= {row["client_id"] for row in self.rows("visits") if row["worker_id"] == who}
        found |= {row["client_id"] for row in self.rows("mandates") if row["person_id"] == who}
        for row in self.rows("payments"):
            if row.get("client_id") and who in (row.get("payer_id"), row.get("payee_id")):
                found.add(row["client_id"])
        return found

    def registered(self, who: str) -> bool:
        """Whether a public register tells of somebody."""
        of_firms = {row["person_id"] for row in self.rows("officers")}
        of_firms |= {row["owner_id"] for row in self.rows("owners")}
        of_firms |= {row["person_id"] for row in self.rows("trading_bans")}
        return who in of_firms or who in self.sole_traders()

    def sole_traders(self) -> set[str]:
        firms = {
            row["org_id"]
            for name in ("organisations", "contracts", "visits", "invoices", "enrolments")
            for row in self.rows(name)
        }
        return {firm for firm in firms if len(firm) == 12 and firm.isdigit()}

    def units_of_payment(self, row: Mapping[str, Any]) -> set[str]:
        invoice = {
            each.get("unit")
            for each in self.rows("invoices")
            if each["invoice_id"] == row.get("invoice_id")
        }
        if invoice:
            return {unit for unit in invoice if unit}
        if row.get("client_id") and self.units_of_client(row["client_id"]):
            return self.units_of_client(row["client_id"])
        found: set[str] = set()
        for party in (row.get("payer_id"), row.get("payee_id")):
            for client in self.clients_of(party) if party else ():
                found |= self.units_of_client(client)
        return found

    def in_reach(self, units: Iterable[str]) -> bool:
        return self.reach.units is None or bool(self.reach.units & set(units))

    # -- entities ------------------------------------------------------------------------------

    def person(self, who: str) -> bool:
        return who not in self.hidden and self.person_within(who)

    def person_within(self, who: str) -> bool:
        clients = self.clients_of(who)
        if not clients or self.registered(who):
            return True
        return self.in_reach({unit for client in clients for unit in self.units_of_client(client)})

    def party(self, who: str) -> bool:
        """A person, or a firm: a sole trader is hidden as the person, restricted by no unit."""
        if len(who) == 12 and who in self.sole_traders():
            return who not in self.hidden
        return True if len(who) == 10 else self.person(who)

    def invoice(self, row: Mapping[str, Any]) -> bool:
        clients = {
            each["client_id"]
            for each in self.rows("invoice_lines")
            if each["invoice_id"] == row["invoice_id"] and each.get("client_id")
        }
        if row["org_id"] in self.hidden or (clients and clients <= self.hidden):
            return False
        return self.in_reach({row["unit"]} if row.get("unit") else ())

    def payment(self, row: Mapping[str, Any]) -> bool:
        named = {row.get("client_id"), row.get("payer_id"), row.get("payee_id")}
        settled = [
            each for each in self.rows("invoices") if each["invoice_id"] == row.get("invoice_id")
        ]
        everything = Oracle(self.tables, Reach(None, True))
        if named & self.hidden or not all(everything.invoice(each) for each in settled):
            return False
        return self.in_reach(self.units_of_payment(row))

    def sees(self, kind: str, key: str) -> bool | None:
        """Whether an entity may be seen; None of a kind that this oracle does not judge."""
        if kind == "person":
            return self.person(key)
        if kind == "organisation":
            return self.party(key)
        for table, judge in (("invoice", self.invoice), ("payment", self.payment)):
            if kind == table:
                return any(judge(row) for row in self.rows(f"{kind}s") if row[f"{kind}_id"] == key)
        if kind == "decision":
            return any(
                row["client_id"] not in self.hidden
                and self.in_reach({row["unit"]} if row.get("unit") else ())
                for row in self.rows("decisions")
                if row["decision_id"] == key
            )
        if kind in ("tag", "login"):
            holders = self.holders(kind, key)
            return not holders & self.hidden and self.thing_within(holders)
        if kind == "device":
            holders = self.holders(kind, key)
            return not (holders and holders <= self.hidden) and self.thing_within(holders)
        if kind == "account":
            return not self.account_hidden(key) and self.account_within(key)
        return None

    # -- things --------------------------------------------------------------------------------

    def thing_within(self, holders: set[str]) -> bool:
        return self.reach.units is None or any(map(self.person_within, holders))

    def holders(self, kind: str, key: str) -> set[str]:
        whom = "client_id" if kind == "tag" else "worker_id"
        found = {row[whom] for row in self.rows("visits") if row.get(f"{kind}_id") == key}
        if kind == "device":
            return found
        register, who = ("tags", "client_id") if kind == "tag" else ("logins", "person_id")
        return found | {row[who] for row in self.rows(register) if row[f"{kind}_id"] == key}

    def parties_of_account(self, key: str) -> set[str]:
        found = {row["org_id"] for row in self.rows("invoices") if row.get("account") == key}
        paying = [row for row in self.rows("payments") if row.get("payer_account") == key]
        return found | {row["payer_id"] for row in paying if row.get("payer_id")}

    def account_hidden(self, key: str) -> bool:
        parties = self.parties_of_account(key)
        if parties:
            return parties <= self.hidden
        papers = [row for row in self.rows("payments") if row.get("payer_account") == key]
        everything = Oracle(self.tables, Reach(None, True))
        return not any(everything.payment(row) for row in papers)

    def account_within(self, key: str) -> bool:
        parties = self.parties_of_account(key)
        if parties:
            return any(
                len(each) == 10 or each in self.sole_traders() or self.person_within(each)
                for each in parties
            )
        papers = [row for row in self.rows("payments") if row.get("payer_account") == key]
        return any(self.in_reach(self.units_of_payment(row)) for row in papers)

    # -- findings ------------------------------------------------------------------------------

    def row_within(self, table: str, row: Mapping[str, Any]) -> bool:
        """Whether all that a row names lies within the reach, hidden or not."""
        persons = ("person_id", "client_id", "worker_id")
        told = [self.person_within(row[name]) for name in persons if row.get(name)]
        told += [self.party_within(row[name]) for name in ("payer_id", "payee_id") if row.get(name)]
        told += [
            self.thing_within(self.holders(kind, row[f"{kind}_id"]))
            for kind in ("tag", "login", "device")
            if row.get(f"{kind}_id")
        ]
        told += [
            self.account_within(row[name]) for name in ("account", "payer_account") if row.get(name)
        ]
        told += [
            self.in_reach({each["unit"]} if each.get("unit") else ())
            for each in self.rows("invoices")
            if each["invoice_id"] == row.get("invoice_id")
        ]
        if table == "decisions":
            told.append(self.in_reach({row["unit"]} if row.get("unit") else ()))
        if table == "payments":
            told.append(self.in_reach(self.units_of_payment(row)))
        return all(told)

    def party_within(self, who: str) -> bool:
        return len(who) == 10 or who in self.sole_traders() or self.person_within(who)

    def names_hidden(self, table: str, row: Mapping[str, Any]) -> bool:
        """Whether a row names somebody or something that is hidden."""
        everything = Oracle(self.tables, Reach(None, True))
        names = ("org_id", "person_id", "client_id", "worker_id", "payer_id", "payee_id")
        things = [("tag", "tag_id"), ("login", "login_id"), ("device", "device_id")]
        things += [("account", "account"), ("account", "payer_account"), ("invoice", "invoice_id")]
        things += [("decision", "decision_id"), ("payment", "payment_id")]
        found = [everything.sees(kind, row[name]) for kind, name in things if row.get(name)]
        return False in found or any(row.get(name) in self.hidden for name in names)

    def finding(self, told: Mapping[str, Any]) -> tuple[bool, set[tuple[str, int]] | None]:
        """Whether a finding may be seen, and which of its rows; None where a subject is hidden."""
        whole = [
            (row["table"], row["row"], self.rows(row["table"])[row["row"] - 2])
            for row in told["evidence"]
        ]
        subjects = [each["id"] for each in told["subjects"] if each["kind"] == "person"]
        seen = (
            told["provider_id"] not in self.hidden
            and all(self.person_within(who) for who in subjects)
            and all(self.row_within(table, row) for table, _, row in whole)
        )
        if self.hidden & set(subjects):
            return seen, None
        return seen, {(table, n) for table, n, row in whole if not self.names_hidden(table, row)}
