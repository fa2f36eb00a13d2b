"""hollow_company: its list of signs beside plain loops over the rows, and its bounds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.identity import address_key
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "hollow_company")
AS_OF = date(2025, 12, 31)
A, B, C = "5520000018", "5520000026", "5520000034"
OTHERS = [f"55300{n:05}" for n in range(12)]
Tables = dict[str, list[dict[str, Any]]]


def find(given: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        derive(engine)
        return detect(engine, ROOM, as_of=AS_OF)


def contract(org_id: str, since: str, **more: Any) -> dict[str, Any]:
    return {
        "contract_id": f"k-{org_id}-{since}",
        "org_id": org_id,
        "municipality": "0000",
        "service": "omsorg",
        "reimbursement": "performed",
        "hourly_rate_sek": "400",
        "valid_from": since,
        **more,
    }


def visit(number: int, org_id: str, worker: str, day: date) -> dict[str, Any]:
    return {
        "visit_id": f"v{number}",
        "municipality": "0000",
        "org_id": org_id,
        "worker_id": worker,
        "client_id": "syn:c1",
        "service": "omsorg",
        "start": f"{day} 08:00",
        "end": f"{day} 09:00",
        "status": "performed",
    }


# --- the list, read aloud over the rows -------------------------------------------------------


def day(text: Any) -> date | None:
    return date.fromisoformat(text) if text else None


class Town:
    """The rows of one municipality, asked one question at a time."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.rows = defaultdict(list, {name: list(of) for name, of in rows.items()})
        self.firm = {row["org_id"]: row for row in self.rows["organisations"]}
        self.work: dict[str, list[date]] = defaultdict(list)
        for row in self.rows["visits"]:
            self.work[row["org_id"]].append(date.fromisoformat(row["start"][:10]))
        self.begun = {org: list(days) for org, days in self.work.items()}
        for row in self.rows["contracts"]:
            self.begun.setdefault(row["org_id"], []).append(date.fromisoformat(row["valid_from"]))
        self.last_here = max((max(days) for days in self.work.values()), default=None)

    def signs(self, org: str) -> set[str]:
        firm = self.firm.get(org)
        if firm is None:
            return set()
        first, last = min(self.begun[org]), max(self.begun[org])
        worked = max(self.work[org], default=None)
        works = worked is None or (
            self.last_here is not None and (self.last_here - worked).days <= 60
        )
        restrained_on = day(firm.get("status_on"))
        restrained = firm.get("status", "active") != "active"
        liquidator = any(
            r["org_id"] == org and r["role"] == "liquidator" for r in self.rows["officers"]
        )
        over = (
            restrained_on is not None and worked is not None and (worked - restrained_on).days > 90
        )
        ended = firm.get("status") in ("bankruptcy", "liquidation")
        leaderless = firm.get("status") == "liquidation" and any(
            row["org_id"] == org for row in self.rows["officers"]
        )
        wound_up = ended and (liquidator or not (over or leaderless))
        found = self.dated(org, firm, first, last)
        if restrained and not wound_up and over:
            found.add("restraint")
        if not wound_up and (works or not restrained):
            found |= self.of_the_address(org, firm)
        if not wound_up and works:
            found |= self.of_the_registers(org, firm, last)
        return found

    def dated(self, org: str, firm: Mapping[str, Any], first: date, last: date) -> set[str]:
        found = set()
        registered = day(firm.get("registered_on"))
        if registered and (first - registered).days < 365 and (last - registered).days <= 1095:
            found.add("new_company")
        if any(self.is_straw(org, who, last) for who in self.run_by(org, last)):
            found.add("straw_management")
        if any(self.is_banned(org, ban, first, last) for ban in self.rows["trading_bans"]):
            found.add("trading_ban")
        changed = {
            what: [
                date.fromisoformat(row["changed_on"])
                for row in self.rows["organisation_changes"]
                if row["org_id"] == org
                and row["what"] == what
                and (last - date.fromisoformat(row["changed_on"])).days <= 1095
            ]
            for what in ("board", "industry", "address")
        }
        for three in product(*changed.values()):
            shelf = registered and first >= min(three) and (min(three) - registered).days <= 365
            if (max(three) - min(three)).days <= 30 and not shelf:
                found.add("makeover")
        own = [
            (first - date.fromisoformat(row["valid_from"])).days
            for row in self.rows["officers"]
            if row["org_id"] == org
            and row["role"] in ("director", "chair", "ceo")
            and (not row.get("valid_to") or date.fromisoformat(row["valid_to"]) > last)
        ]
        if own and registered and (first - registered).days >= 365 and 0 <= max(own) <= 90:
            found.add("new_board")
        return found

    def run_by(self, org: str, last: date) -> set[str]:
        return {
            row["person_id"]
            for row in self.rows["officers"]
            if row["org_id"] == org
            and row["role"] in ("director", "chair", "ceo")
            and (not row.get("valid_to") or date.fromisoformat(row["valid_to"]) > last)
        }

    def is_straw(self, org: str, person: str, last: date) -> bool:
        boards, failed = set(), set()
        for row in self.rows["officers"]:
            if row["person_id"] != person or row["role"] not in ("director", "chair"):
                continue
            other = self.firm.get(row["org_id"], {})
            left = day(row.get("valid_to"))
            if (left is None or left > last) and other.get("status") != "deregistered":
                boards.add(row["org_id"])
            broke = day(other.get("status_on")) if other.get("status") == "bankruptcy" else None
            if (
                broke
                and row["org_id"] != org
                and date.fromisoformat(row["valid_from"]) < broke
                and (left is None or (broke - left).days <= 90)
                and (last - broke).days <= 1826
            ):
                failed.add(row["org_id"])
        return len(boards) >= 5 and len(failed) >= 2

    def is_banned(self, org: str, ban: Mapping[str, Any], first: date, last: date) -> bool:
        since = date.fromisoformat(ban["valid_from"])
        until = day(ban.get("valid_to")) or date.max
        holds = [
            (day(row.get("valid_from")) or date.min, day(row.get("valid_to")) or date.max)
            for row in self.rows["officers"]
            if row["org_id"] == org
            and row["person_id"] == ban["person_id"]
            and row["role"] not in ("auditor", "liquidator")
        ] + [
            (day(row.get("valid_from")) or date.min, date.max)
            for row in self.rows["owners"]
            if row["org_id"] == org
            and row["owner_id"] == ban["person_id"]
            and float(row["share"]) > 0.5
        ]
        return any(
            came < until
            and (left == date.max or (left - since).days > 30)
            and min(left, until) > first
            for came, left in holds
        )

    def of_the_address(self, org: str, firm: Mapping[str, Any]) -> set[str]:
        found = set()
        street = firm.get("street") or ""
        key = address_key(street, firm.get("postcode"), firm.get("city"))
        homes = {
            address_key(row.get("street"), row.get("postcode"), row.get("city"))
            for row in self.rows["persons"]
            if any(
                r["org_id"] == org
                and row["person_id"] in (r.get("person_id"), r.get("owner_id"))
                and r.get("role") not in ("auditor", "liquidator")
                for r in self.rows["officers"] + self.rows["owners"]
            )
        }
        own_home = key is not None and key in {
            re.sub("lgh[0-9]+", "", home) for home in homes if home
        }
        if re.match(r"(?i)box \d", street) or (firm.get("care_of") and not own_home):
            found.add("care_of")
        group = {row["owner_id"] for row in self.rows["owners"] if row["org_id"] == org}
        near = [
            other
            for other, row in self.firm.items()
            if other != org
            and key is not None
            and address_key(row.get("street"), row.get("postcode"), row.get("city")) == key
            and not row.get("deregistered_on")
            and not any(
                r["org_id"] == other and r["owner_id"] in group for r in self.rows["owners"]
            )
        ]
        if len(near) >= 9 or sum(other in self.begun for other in near) >= 2:
            found.add("mass_address")
        if (
            not firm.get("phone")
            and not firm.get("email")
            and self.most(org, "reached", absent=False)
        ):
            found.add("no_contact")
        if firm.get("industry") and firm["industry"][:2] not in ("78", "86", "87", "88"):
            found.add("other_industry")
        return found

    def most(self, org: str, what: str, *, absent: bool) -> bool:
        """Whether most other providers have it; `absent` is the answer when nobody tells."""
        told = []
        for other in set(self.begun) - {org}:
            row = self.firm.get(other)
            if row is None:
                continue
            if what == "reached":
                told.append(bool(row.get("phone") or row.get("email")))
            elif row.get(what):
                told.append(row[what] == "true")
        return sum(told) / len(told) > 0.5 if told else absent

    def of_the_registers(self, org: str, firm: Mapping[str, Any], last: date) -> set[str]:
        found = set()
        exempt = "stiftelse" in (firm.get("legal_form") or "").lower()
        if firm.get("f_tax") == "false" and not exempt and self.most(org, "f_tax", absent=True):
            found.add("no_f_tax")
        roles = self.rows["officers"] + self.rows["owners"]
        runs = {
            person
            for row in roles
            if row["org_id"] == org and row.get("role") not in ("auditor", "liquidator")
            for person in (row.get("person_id"), row.get("owner_id"))
        }
        employed = {r["person_id"] for r in self.rows["employments"] if r["org_id"] == org}
        hired = {r["person_id"] for r in self.rows["employments"] if r["org_id"] != org}
        visiting = {
            r["worker_id"]
            for r in self.rows["visits"]
            if r["org_id"] == org and (last - date.fromisoformat(r["start"][:10])).days <= 365
        }
        staff = len((employed | (visiting - hired)) - runs)
        if (
            firm.get("employer") == "false"
            and staff >= 3
            and self.most(org, "employer", absent=True)
        ):
            found.add("no_employer")
        registered = day(firm.get("registered_on"))
        if (
            firm.get("employees") is not None
            and staff >= 3
            and int(firm["employees"]) < 0.1 * staff
            and registered
            and (last - registered).days > 760
        ):
            found.add("few_employees")
        return found


KINDS = {
    "care_of": ("premises", 1.0),
    "mass_address": ("premises", 1.0),
    "no_contact": ("contact", 1.5),
    "new_company": ("age", 1.0),
    "no_f_tax": ("register", 1.5),
    "no_employer": ("register", 1.5),
    "few_employees": ("register", 1.0),
    "restraint": ("status", 1.0),
    "other_industry": ("industry", 0.5),
    "trading_ban": ("management", 2.5),
    "straw_management": ("management", 2.0),
    "makeover": ("change", 2.0),
    "new_board": ("change", 1.0),
}


def weight(signs: set[str]) -> float:
    by_kind: dict[str, list[float]] = defaultdict(list)
    for sign in signs:
        by_kind[KINDS[sign][0]].append(KINDS[sign][1])
    return sum(max(of) + (sum(of) - max(of)) / 2 for of in by_kind.values())


def is_hollow(signs: set[str]) -> bool:
    return len({KINDS[sign][0] for sign in signs}) >= 2 and weight(signs) >= 3.0


# --- drawn towns ------------------------------------------------------------------------------

PLACE = {"postcode": "99110", "city": "Exempelstad"}


@st.composite
def towns(draw: st.DrawFn) -> Tables:
    def some(values: Sequence[Any]) -> Any:
        return draw(st.sampled_from(values))

    def days(*texts: str) -> str:
        return str(date.fromisoformat(some(texts)) + timedelta(some((-1, 0, 0, 1))))

    rows: Tables = {name: [] for name in ("organisations", "contracts", "visits", "officers")}
    for table in ("owners", "persons", "employments", "trading_bans", "organisation_changes"):
        rows[table] = []
    busy = some((True, True, True, False))
    seats = some((("director",), ("director", "chair"), ("director", "liquidator", "ceo")))
    holding = some((True, False))
    for org in (A, B, C):
        status = some((None, None, None, "active", "liquidation", "reconstruction", "bankruptcy"))
        rows["organisations"].append(
            {
                "org_id": org,
                "legal_form": some((None, "Aktiebolag", "Stiftelse")),
                "registered_on": some((None, "2015-01-01", days("2024-01-01", "2023-12-02"))),
                "status": status,
                "status_on": days("2025-09-02", "2025-11-20")
                if status not in (None, "active")
                else None,
                "industry": some((None, "88101", "41200")),
                "care_of": some((None, None, "Kontoret")),
                "street": some(("Storgatan 1", "Storgatan 1", "Eken 2", "Box 3")),
                "phone": some((None, "070-1740605")),
                "email": some((None, None, "info@ett.example")),
                "f_tax": some((None, "true", "false")),
                "employer": some((None, "true", "false")),
                "employees": some((None, "0", "1", "20")),
                **PLACE,
            }
        )
        rows["contracts"].append(contract(org, some(("2024-12-31", "2025-02-01", "2020-01-01"))))
        for number in range(some((0, 2, 3, 5, 6)) if busy else 0):
            stopped = some((False, False, False, True))
            when = date(2025, 9, 1) if stopped else date(2025, 12, 1)
            rows["visits"].append(visit(len(rows["visits"]), org, f"syn:w{number}", when))
    for number in range(some((0, 1, 2, 3))):
        rows["employments"].append(
            {
                "org_id": some((A, B, OTHERS[0])),
                "person_id": f"syn:w{number}",
                "valid_from": "2023-01-01",
            }
        )
    for other in OTHERS[: some((0, 6, 8, 9, 10))]:
        failed = some((None, None, "bankruptcy"))
        rows["organisations"].append(
            {
                "org_id": other,
                "street": some(("Storgatan 1", "Storgatan 1", "Storgatan 1", "Eken 9")),
                "status": failed,
                "status_on": days("2023-05-01", "2020-12-01") if failed else None,
                **PLACE,
            }
        )
        if holding or some((True, False)):
            since = "2019-01-01" if holding else days("2020-01-01", "2023-05-01")
            left = None if holding else some((None, days("2023-01-31", "2023-05-01")))
            rows["officers"].append(
                {
                    "org_id": other,
                    "person_id": "syn:p1",
                    "role": some(seats),
                    "valid_from": since,
                    "valid_to": left if left is None or left >= since else None,
                }
            )
    rows["officers"].append(
        {
            "org_id": A,
            "person_id": some(("syn:p1", "syn:p1", "syn:w1")),
            "role": some(("director", "director", "ceo", "auditor", "deputy", "liquidator")),
            "valid_from": days("2019-01-01", "2024-10-02"),
            "valid_to": some((None, None, days("2025-03-01", "2024-05-01"))),
        }
    )
    if (left := rows["officers"][-1]["valid_to"]) and left < rows["officers"][-1]["valid_from"]:
        rows["officers"][-1]["valid_to"] = None
    for owner, org in (("syn:p2", A), ("syn:p2", OTHERS[0])) if some((True, False)) else ():
        rows["owners"].append(
            {
                "org_id": org,
                "owner_id": owner,
                "owner_kind": "person",
                "interest": "votes",
                "share": some(("0.5", "0.51", "1")),
                "valid_from": "2020-01-01",
            }
        )
    if some((True, False)):
        rows["persons"].append(
            {"person_id": some(("syn:p1", "syn:p2")), "street": "Storgatan 1 lgh 1101", **PLACE}
        )
    if some((True, False, False)):
        rows["trading_bans"].append(
            {
                "person_id": some(("syn:p1", "syn:p2")),
                "valid_from": days("2024-04-01", "2025-01-30"),
                "valid_to": some((None, None, "2025-06-30")),
            }
        )
    if some((True, False)):
        for number, what in enumerate(("board", "industry", "address", "auditor", "board")):
            rows["organisation_changes"].append(
                {
                    "change_id": f"c{number}",
                    "org_id": some((A, A, A, B)),
                    "changed_on": days("2024-12-01", "2024-12-20", "2024-12-31", "2022-12-02"),
                    "what": what,
                }
            )
    return rows


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(towns())
def test_the_list_read_aloud_over_the_rows(rows: Tables) -> None:
    town = Town(rows)
    expected = {org: town.signs(org) for org in town.begun}
    found = {f.provider_id: f for f in find(rows)}
    assert set(found) == {org for org, signs in expected.items() if is_hollow(signs)}
    for org, finding in found.items():
        assert {told["sign"] for told in finding.statistics["by_sign"]} == expected[org]
        assert finding.statistics["weight"] == pytest.approx(weight(expected[org]))
        assert finding.events == len(expected[org])
        assert finding.since <= finding.until == max(town.begun[org])


# --- which rows show it -------------------------------------------------------------------------

VISITS = st.lists(
    st.tuples(
        st.sampled_from(("0000", "0001")),
        st.integers(1, 3),
        st.integers(0, 23),
        st.sampled_from(("syn:w1", "syn:w2", "syn:w3", "syn:w4")),
        st.sampled_from((None, "performed", "performed", "absent")),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(VISITS, st.integers(1, 3), st.permutations(range(8)))
def test_the_first_and_the_last_visit_are_shown(
    drawn: Sequence[tuple[str, int, int, str, str | None]], began: int, names: Sequence[int]
) -> None:
    """A firm in reconstruction, new, c/o, without phone and not registered as employer."""
    visits = [
        {
            **visit(name, A, worker, date(2025, 6, of)),
            "municipality": municipality,
            "start": f"2025-06-{of:02} {hour:02}:00",
            "end": f"2025-06-{of:02} {hour:02}:30",
            "status": status,
        }
        for name, (municipality, of, hour, worker, status) in zip(names, drawn, strict=False)
    ]
    others = {"legal_form": "Aktiebolag", "phone": "070-1740605", "employer": "true"}
    hollow = {"registered_on": "2024-12-01", "status": "reconstruction", "status_on": "2025-01-01"}
    [finding] = find(
        {
            "organisations": [
                {"org_id": A, "care_of": "Kontoret", "employer": "false", **hollow},
                {"org_id": B, **others},
            ],
            "contracts": [
                contract(A, f"2025-06-{began:02}"),
                contract(B, "2020-01-01"),
                contract(B, "2020-01-02", municipality="0001"),
            ],
            "visits": visits,
        }
    )

    def moment(row: Mapping[str, Any]) -> tuple[str, str]:
        return row["start"], row["visit_id"]

    first = min(visits, key=lambda row: (row["start"][:10], row["municipality"], moment(row)))
    last = max(visits, key=lambda row: (row["start"][:10], row["municipality"], moment(row)))
    expected = {last["visit_id"]}
    if first["start"][:10] < f"2025-06-{began:02}":
        expected.add(first["visit_id"])  # else the contract came first, or with it
    performed = [row for row in visits if row["status"] != "absent"]
    staff = sorted({row["worker_id"] for row in performed})
    if len(staff) >= 3:
        for worker in staff[:3]:
            own = [row for row in performed if row["worker_id"] == worker]
            expected.add(min(own, key=moment)["visit_id"])
    assert {row.key[0] for row in finding.evidence if row.table == "visits"} == expected


@pytest.mark.parametrize(
    ("seat", "home", "silent"),
    [
        ("Storgatan 1 lgh 1101", "STORGATAN 1", True),
        ("Storgatan 1 lgh 1101", "Storgatan 1 LGH 1202", True),
        ("Älghagen 3", "Älghagen 3 lgh 1001", True),
        ("Storgatan 1", "Storgatan 11 lgh 1101", False),
    ],
)
def test_the_house_of_an_owner_is_no_one_elses(seat: str, home: str, silent: bool) -> None:
    firm = {"registered_on": "2024-12-01", "care_of": "Kontoret", "street": seat, **PLACE}
    town = {
        "organisations": [{"org_id": A, **firm}, {"org_id": B, "phone": "070-1740605"}],
        "contracts": [contract(A, "2025-06-01"), contract(B, "2020-01-01")],
        "officers": [
            {"org_id": A, "person_id": "syn:p1", "role": "ceo", "valid_from": "2024-12-01"}
        ],
        "persons": [{"person_id": "syn:p1", "street": home, **PLACE}],
    }
    assert (find(town) == []) == silent
