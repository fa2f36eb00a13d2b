"""shared_contact against a slow oracle: plain loops over people, their firms and their homes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service import identity
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "shared_contact")
AS_OF = date(2025, 12, 31)
ALWAYS = (date.min, date.max)
FIRMS = ["5520000018", "5520000026", "5520000034"]
HOLDING = "5520000042"  # gives no care
PEOPLE = [f"hsa:p{number}" for number in range(6)]
PHONES = ["070-1740605", "+46 70 174 06 06", "0701740606", "070-0000000"]
STREETS = ["Ekgatan 1", "Alvägen 2", "Torget 3"]
DAYS = [date(2024, 1, 1), date(2025, 1, 1), date(2025, 3, 1), date(2025, 9, 1)]

Rows: TypeAlias = dict[str, list[dict[str, Any]]]
Span: TypeAlias = tuple[date, date]
#: (provider, party, other provider, stranger) -> the two roles.
Strange: TypeAlias = dict[tuple[str, str, str, str], tuple[str, str]]
ROLES = ["provider", "owner", "officer", "worker", "client"]
RUNS = set(ROLES[:3])


def find(rows: Mapping[str, Any]) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, rows)
        open_views(engine, AS_OF)
        derive(engine)
        return detect(engine, ROOM, as_of=AS_OF)


@st.composite
def town(draw: st.DrawFn) -> Rows:
    phones = st.sampled_from([None, *PHONES[:3], *PHONES])
    streets = st.sampled_from([None, *STREETS])
    ends = st.sampled_from([None, None, date(2025, 2, 1), date(2025, 10, 1)])
    people, firms = st.sampled_from(PEOPLE), st.sampled_from([*FIRMS, HOLDING])
    care = st.sampled_from(FIRMS)

    def spells(first: str, second: str, *pair: st.SearchStrategy[str]) -> list[dict[str, Any]]:
        keys = draw(st.lists(st.tuples(*pair), max_size=4, unique=True))
        return [
            {
                first: a,
                second: b,
                "valid_from": draw(st.sampled_from(DAYS[:2])),
                "valid_to": draw(ends),
            }
            for a, b in keys
        ]

    return {
        "organisations": [
            {
                "org_id": firm,
                "phone": draw(phones),
                "street": draw(streets),
                "postcode": "99001",
                "industry": draw(st.sampled_from([None, None, None, "69.201"])),
            }
            for firm in [*FIRMS, HOLDING]
        ],
        "persons": [
            {
                "person_id": person,
                "phone": draw(phones),
                "street": draw(streets),
                "postcode": "99001",
                "protection": draw(st.sampled_from(["none"] * 9 + ["marked"])),
            }
            for person in PEOPLE
        ],
        "contracts": [
            {
                "contract_id": firm,
                "org_id": firm,
                "municipality": "0000",
                "service": "omsorg",
                "reimbursement": "granted",
                "hourly_rate_sek": "1",
                "valid_from": draw(st.sampled_from(DAYS)),
                "valid_to": draw(st.sampled_from([None, None, date(2025, 10, 1)])),
            }
            for firm in FIRMS
        ],
        "owners": [
            {**row, "interest": "shares"} for row in spells("org_id", "owner_id", firms, people)
        ]
        + [
            {"org_id": firm, "owner_id": HOLDING, "interest": "votes", "share": "0.5"}
            for firm in draw(st.sets(care, max_size=1))
        ],
        "officers": [
            {**row, "role": draw(st.sampled_from(["chair", "chair", "auditor"]))}
            for row in spells("org_id", "person_id", firms, people)
        ],
        "employments": spells("org_id", "person_id", care, people),
        "enrolments": [
            {**row, "municipality": "0000", "service": "omsorg"}
            for row in spells("org_id", "client_id", care, people)
        ],
        "subcontracts": [
            {"org_id": a, "subcontractor_id": b, "valid_from": DAYS[0]}
            for a, b in draw(st.lists(st.tuples(care, firms), max_size=1))
            if a != b
        ],
        "mandates": [
            {"person_id": a, "client_id": b, "kind": "agent"}
            for a, b in draw(st.lists(st.tuples(people, people), max_size=1))
        ],
    }


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=town())
def test_equals_plain_loops(rows: Rows) -> None:
    found = {
        (f.provider_id, _shared(f)): {s.id for s in f.subjects if s.role != "shared"}
        for f in find(rows)
        if f.statistics["contact"] == "phone"
    }
    assert found == Oracle(rows).findings()


def _shared(finding: Finding) -> str:
    return next(f"{s.kind}:{s.id}" for s in finding.subjects if s.role == "shared")


class Oracle:
    """The claim, said over again in loops."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.open = {
            firm: (min(since for since, _ in spans), min(AS_OF, max(until for _, until in spans)))
            for firm in FIRMS
            for spans in [
                [
                    _span(row)
                    for row in rows["contracts"] + rows["enrolments"]
                    if row["org_id"] == firm
                ]
            ]
        }
        hidden = {row["person_id"] for row in rows["persons"] if row["protection"] != "none"}
        self.given: dict[str, set[str]] = {}
        self.home: dict[str, str] = {}
        for row in rows["organisations"] + rows["persons"]:
            who = row.get("org_id") or row["person_id"]
            if who in hidden:
                continue
            phone = identity.phone(row["phone"]) if row["phone"] else None
            if phone is not None and not phone.endswith("000000"):
                self.given.setdefault(f"phone:{phone}", set()).add(who)
            home = identity.address_key(row["street"], row["postcode"], None)
            if home is not None:
                self.home[who] = home

    def up(self, org: str) -> Iterator[tuple[str, str, Span]]:
        """A firm and whoever stands above it: id, role, time."""
        yield org, "provider", ALWAYS
        for row in self.rows["owners"]:
            if row["org_id"] == org:
                for who, role, span in self.up(row["owner_id"]):
                    met = _meet(span, _span(row))
                    if met:
                        yield who, "owner" if role == "provider" else role, met
        for row in self.rows["officers"]:
            if row["org_id"] == org and row["role"] != "auditor":
                yield row["person_id"], "officer", _span(row)

    def roles(self, firm: str) -> Iterator[tuple[str, str, Span]]:
        found = list(self.up(firm))
        found += [
            (row[column], role, _span(row))
            for table, column, role in (
                ("employments", "person_id", "worker"),
                ("enrolments", "client_id", "client"),
            )
            for row in self.rows[table]
            if row["org_id"] == firm
        ]
        for who, role, span in found:
            met = _meet(span, self.open[firm])
            if met and not self.left(who, role, span):
                yield who, role, met

    def left(self, who: str, role: str, span: Span) -> bool:
        """Whether the number of today says nothing of a tie that ended before another one."""
        table = {"worker": "employments", "client": "enrolments"}.get(role)
        column = "person_id" if role == "worker" else "client_id"
        others = [_span(row)[1] for row in self.rows.get(table or "", ()) if row[column] == who]
        return any((other - span[1]).days >= 60 for other in others)

    def ties(self, who: str) -> Iterator[tuple[str, Span]]:
        """What somebody stands for: firms worked for or helped by ever, firms run for a time."""
        orgs = [(who, ALWAYS)]
        for table, column in (
            ("employments", "person_id"),
            ("enrolments", "client_id"),
            ("owners", "owner_id"),
            ("officers", "person_id"),
        ):
            for row in self.rows[table]:
                if row[column] == who:
                    runs = table == "owners" or row.get("role") == "chair"
                    orgs.append((row["org_id"], _span(row) if runs else ALWAYS))
        for org, span in orgs:
            yield org, span
            for above, _, time in self.up(org):
                met = _meet(span, time)
                if met:
                    yield above, met
                for row in self.rows["subcontracts"]:
                    met = _meet(met, _span(row)) if met else None
                    if met and above in (row["org_id"], row["subcontractor_id"]):
                        yield f"{row['org_id']} {row['subcontractor_id']}", met

    def kin(self, a: str, b: str, until: date, both_run: bool) -> bool:
        for (x, s), (y, t) in product(self.ties(a), self.ties(b)):
            met_since, met_until = max(s[0], t[0]), min(s[1], t[1])
            if x == y and met_since <= until and (until - met_until).days <= 365:
                return True
        mandate = {(row["person_id"], row["client_id"]) for row in self.rows["mandates"]}
        at_home = a in self.home and self.home[a] == self.home.get(b)
        return bool({(a, b), (b, a)} & mandate) or (at_home and not both_run)

    def is_office(self, parties: set[str]) -> bool:
        auditors = {row["person_id"] for row in self.rows["officers"] if row["role"] == "auditor"}
        accountant = any(
            row["org_id"] == HOLDING and row["industry"] for row in self.rows["organisations"]
        )
        lent = {row["subcontractor_id"] for row in self.rows["subcontracts"]} & {HOLDING}
        offices = auditors | lent | ({HOLDING} if accountant else set())
        return bool(offices & parties)

    def findings(self) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for value, parties in self.given.items():
            if self.is_office(parties):
                continue
            pairs: dict[tuple[str, str, str, str], list[tuple[str, str, date]]] = {}
            for one, two in product(FIRMS, FIRMS):
                if one == two:
                    continue
                for (a, role, s), (b, other, t) in product(self.roles(one), self.roles(two)):
                    if a != b and {a, b} <= parties and (role, other) != ("client", "client"):
                        met = _meet(s, t)
                        if met and not _handed_over(s, t, met):
                            pairs.setdefault((one, a, two, b), []).append((role, other, met[1]))
            strange = {}
            for (one, a, two, b), seen in pairs.items():
                mine = min((role for role, _, _ in seen), key=ROLES.index)
                theirs = min((role for _, role, _ in seen), key=ROLES.index)
                if not self.kin(a, b, max(day for *_, day in seen), {mine, theirs} <= RUNS):
                    strange[one, a, two, b] = mine, theirs
            strange = self.without_families(self.without_lodgers(strange, parties))
            people = {who for _, a, _, b in strange for who in (a, b)}
            for (one, a, two, b), roles in strange.items():
                known = a in self.home and b in self.home
                if RUNS.intersection(roles) or known or len(people) >= 3:
                    found.setdefault((one, value), {one}).update({a, b, two})
        return found

    def without_lodgers(self, strange: Strange, parties: set[str]) -> Strange:
        lodgers = set()
        for (_, a, _, b), roles in strange.items():
            if roles[0] == "client" and b not in PEOPLE and a in self.home:
                door = [p for p in parties & set(PEOPLE) if self.home.get(p) == self.home[a]]
                if len(door) >= 3:
                    lodgers.add(a)
        return {pair: roles for pair, roles in strange.items() if not lodgers & set(pair)}

    def without_families(self, strange: Strange) -> Strange:
        homes: dict[str, set[str | None]] = {}
        for (_, a, _, b), roles in strange.items():
            if roles == ("client", "worker"):
                homes.setdefault(b, set()).add(self.home.get(a))
        children = {worker for worker, doors in homes.items() if len(doors) < 2}
        return {
            pair: roles
            for pair, roles in strange.items()
            if set(roles) != {"worker", "client"} or not children & set(pair)
        }


def _span(row: Mapping[str, Any]) -> Span:
    until = row.get("valid_to")
    return row.get("valid_from") or date.min, until - timedelta(1) if until else date.max


def _meet(one: Span, two: Span) -> Span | None:
    since, until = max(one[0], two[0]), min(one[1], two[1])
    return (since, until) if since <= until else None


def _handed_over(one: Span, two: Span, met: Span) -> bool:
    in_order = (one[0] < two[0] and one[1] < two[1]) or (two[0] < one[0] and two[1] < one[1])
    return in_order and (met[1] - met[0]).days < 60


def case() -> Rows:
    """Two owners of unrelated firms, known under one number each, on one telephone."""
    contract = {"municipality": "0000", "service": "omsorg", "reimbursement": "granted"}
    return {
        "contracts": [
            {
                **contract,
                "contract_id": firm,
                "org_id": firm,
                "hourly_rate_sek": 1,
                "valid_from": day,
            }
            for firm, day in zip(FIRMS[:2], DAYS, strict=False)
        ],
        "owners": [
            {"org_id": firm, "owner_id": person, "interest": "shares"}
            for firm, person in zip(FIRMS[:2], PEOPLE, strict=False)
        ],
        "persons": [{"person_id": person, "phone": PHONES[0]} for person in PEOPLE[:2]],
    }


def test_two_records_of_one_person_are_no_strangers() -> None:
    rows = case()
    assert len(find(rows)) == 2
    with Engine(threads=1) as engine:
        world(engine, rows)
        open_views(engine, AS_OF)
        derive(engine)
        engine.execute(
            "INSERT INTO edges BY NAME SELECT 'SAME_AS:1' AS edge_id, 'SAME_AS' AS type, "
            "'person:hsa:p0' AS source_id, 'person:hsa:p1' AS target_id, "
            "'persons' AS origin_table, '{}' AS origin_key"
        )
        assert detect(engine, ROOM, as_of=AS_OF) == []


def test_another_municipality_with_later_days_changes_nothing() -> None:
    rows = case()
    visit = {"org_id": FIRMS[0], "worker_id": "hsa:w", "client_id": "hsa:c", "service": "omsorg"}
    rows["visits"] = [
        {
            **visit,
            "visit_id": "v1",
            "municipality": "0000",
            "start": "2025-06-01T08:00",
            "end": "2025-06-01T09:00",
        }
    ]
    before = [(f.finding_id, f.since, f.until) for f in find(rows)]
    assert {until for _, _, until in before} == {date(2025, 6, 1)}
    rows["visits"].append(
        {
            **visit,
            "visit_id": "v2",
            "org_id": FIRMS[2],
            "municipality": "1111",
            "start": "2025-12-01T08:00",
            "end": "2025-12-01T09:00",
        }
    )
    assert [(f.finding_id, f.since, f.until) for f in find(rows)] == before
