"""shared_account against a slow oracle: plain loops over parties, intervals and homes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "shared_account")
AS_OF = date(2025, 12, 31)
FIRST = date(2025, 1, 1)
HANDOVER = 60
FIRMS = ["5520000018", "5520000026", "5520000034"]  # the last gives no care
WORKERS = ["hsa:w1", "hsa:w2", "hsa:w3"]
#: Days apart by the length of a handover, and a day more or less.
OFTEN = [0, 1, 59, 60, 61, 119, 120, 121, 122, 180, 181, 182, 240, 300, 301, 340]
ACCOUNTS = ["BG:55500003", "BG:55500011"]


def find(given: Mapping[str, Any]) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        derive(engine)
        return detect(engine, ROOM, as_of=AS_OF)


@st.composite
def town(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    days = st.sampled_from(OFTEN).map(lambda number: FIRST + timedelta(number))
    held = []
    for number in range(draw(st.integers(0, 3))):
        since, until = sorted([draw(days), draw(days)])
        holder = draw(st.sampled_from(FIRMS + WORKERS))
        held.append(
            {
                "account": draw(st.sampled_from(ACCOUNTS)),
                "holder_id": holder,
                "holder_kind": "organisation" if holder in FIRMS else "person",
                "valid_from": draw(st.sampled_from([since, None])) if number == 0 else since,
                "valid_to": draw(st.sampled_from([until, None])),
                "purpose": draw(st.sampled_from([None, None, None, "own", "group", "factoring"])),
            }
        )
    invoices = [
        {
            "invoice_id": f"i{number}",
            "org_id": draw(st.sampled_from(FIRMS[:2])),
            "municipality": "0000",
            "issued_on": draw(days),
            "period_from": FIRST,
            "period_to": FIRST,
            "amount": "100",
            "account": draw(st.sampled_from(ACCOUNTS)),
            "factoring": draw(st.sampled_from([None, None, None, True])),
        }
        for number in range(draw(st.integers(0, 5)))
    ]
    payments = [
        {
            "payment_id": f"p{number}",
            "paid_on": draw(days),
            "payee_id": draw(st.sampled_from([*FIRMS, *WORKERS])),
            "payee_account": draw(st.sampled_from(ACCOUNTS)),
            "amount": draw(st.integers(1, 900)),
        }
        for number in range(draw(st.integers(0, 6)))
    ]
    homes = draw(
        st.dictionaries(st.sampled_from(WORKERS), st.sampled_from(["Ekgatan 1", "Alvägen 2"]))
    )
    linked = draw(st.sampled_from([None, ("5520000018", "0.5"), ("5520000026", "0.49")]))
    return {
        "accounts": list(
            {(a["account"], a["holder_id"], a["valid_from"]): a for a in held}.values()
        ),
        "invoices": invoices,
        "payments": payments,
        "contracts": [_contract(firm) for firm in FIRMS[:2]],
        "employments": [
            {"org_id": FIRMS[0], "person_id": who, "valid_from": "2020-01-01"}
            for who in draw(st.sets(st.sampled_from(WORKERS)))
        ],
        "persons": [
            {"person_id": who, "street": street, "postcode": "11111"}
            for who, street in homes.items()
        ],
        "owners": []
        if linked is None
        else [
            {
                "org_id": linked[0],
                "owner_id": FIRMS[2],
                "owner_kind": "organisation",
                "interest": "shares",
                "share": linked[1],
            }
        ],
    }


def _contract(firm: str) -> dict[str, Any]:
    return {
        "contract_id": firm,
        "org_id": firm,
        "municipality": "0000",
        "service": "omsorg",
        "reimbursement": "granted",
        "hourly_rate_sek": "1",
        "valid_from": "2020-01-01",
    }


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=town())
def test_equals_plain_loops(rows: dict[str, list[dict[str, Any]]]) -> None:
    found = {
        (f.provider_id, _shared(f)): {s.id for s in f.subjects if s.role != "shared"}
        for f in find(rows)
    }
    assert found == dict(expected(rows))


def _shared(finding: Finding) -> str:
    return next(subject.id for subject in finding.subjects if subject.role == "shared")


def expected(rows: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], set[str]]:
    shares: dict[tuple[str, str], set[str]] = {}
    providers = {r["org_id"] for r in rows["contracts"]} | {r["org_id"] for r in rows["invoices"]}
    employed = {r["person_id"] for r in rows["employments"]}
    homes = {r["person_id"]: r["street"] for r in rows["persons"]}
    parents = {r["org_id"]: r["owner_id"] for r in rows["owners"] if float(r["share"]) >= 0.5}
    seen = _seen(rows)
    known = dict.fromkeys((*providers, *employed), seen)
    for account in ACCOUNTS:
        if _common(rows, account, providers):
            continue
        stretches = _stretches(rows, account)
        strange: list[tuple[str, str]] = []
        for a, b in combinations(sorted(stretches), 2):
            meets = any(s <= t and u <= e for s, e in stretches[a] for u, t in stretches[b])
            told = [known.get(a) or known.get(b) or AS_OF, known.get(b) or known.get(a) or AS_OF]
            if not meets or _handed_over(stretches[a], stretches[b], told):
                continue
            if a in FIRMS and b in FIRMS:
                if {a, parents.get(a)} & {b, parents.get(b)} - {None}:
                    continue
                strange.append((a, b))
            elif a in FIRMS or b in FIRMS or homes.get(a, a) != homes.get(b, b):
                strange.append((a, b))
        for a, b in strange:
            for who, other in ((a, b), (b, a)):
                if who in providers:
                    shares.setdefault((who, account), {who}).add(other)
        colleagues = [
            (a, b) for a, b in strange if a in employed and b in employed and {a, b} <= set(WORKERS)
        ]
        for a, b in colleagues:
            for who in (a, b):
                met = sum(who in pair for pair in colleagues) + 1
                if (a in homes and b in homes) or met >= 3:
                    shares.setdefault((FIRMS[0], account), {FIRMS[0]}).add(who)
    return shares


def _common(rows: dict[str, list[dict[str, Any]]], account: str, providers: set[str]) -> bool:
    held = [r for r in rows["accounts"] if r["account"] == account]
    sold = any(r["account"] == account and r["factoring"] for r in rows["invoices"])
    return any(r["purpose"] in ("group", "factoring") for r in held) or (
        sold and not any(r["holder_id"] in providers for r in held)
    )


def _stretches(
    rows: dict[str, list[dict[str, Any]]], account: str
) -> dict[str, list[tuple[date, date]]]:
    stretches: dict[str, list[tuple[date, date]]] = {}
    for row in rows["accounts"]:
        since, until = row["valid_from"] or date.min, row["valid_to"] or AS_OF + timedelta(1)
        if row["account"] == account and since < until:
            stretches.setdefault(row["holder_id"], []).append((since, until - timedelta(1)))
    used: dict[str, list[date]] = {}
    for row in rows["invoices"]:
        if row["account"] == account and not row["factoring"]:
            used.setdefault(row["org_id"], []).append(row["issued_on"])
    for row in rows["payments"]:
        if row["payee_account"] == account:
            used.setdefault(row["payee_id"], []).append(row["paid_on"])
    for party, days in used.items():
        stretches.setdefault(party, []).append((min(days), max(days)))
    return stretches


def _seen(rows: dict[str, list[dict[str, Any]]]) -> date | None:
    """The last day of anything known of the municipality: both providers' money."""
    days = [row["issued_on"] for row in rows["invoices"]]
    days += [row["paid_on"] for row in rows["payments"] if row["payee_id"] in FIRMS[:2]]
    return max(days, default=None)


def _handed_over(a: list[tuple[date, date]], b: list[tuple[date, date]], seen: list[date]) -> bool:
    """Whether the earlier of the two stops, as far as its own municipality's data tell."""

    def ends(spans: list[tuple[date, date]]) -> tuple[date, date]:
        return min(since for since, _ in spans), max(until for _, until in spans)

    (first_a, last_a), (first_b, last_b) = ends(a), ends(b)
    reach = seen[0]
    if first_a > first_b:
        (first_a, last_a), (first_b, last_b) = (first_b, last_b), (first_a, last_a)
        reach = seen[1]
    return (
        (first_b - first_a).days > HANDOVER
        and (last_a - first_b).days <= HANDOVER
        and (reach - last_a).days > HANDOVER
        and last_b > last_a
    )


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=town(),
    last=st.sampled_from(OFTEN),
    status=st.sampled_from(["performed", "absent"]),
    payer=st.sampled_from([None, *FIRMS]),
)
def test_what_is_known_of_a_provider_reaches_to_its_last_record(
    rows: dict[str, list[dict[str, Any]]], last: int, status: str, payer: str | None
) -> None:
    rows["payments"] = [{**row, "payer_id": payer} for row in rows["payments"]]
    when = FIRST + timedelta(last)
    visit = {"visit_id": "v", "municipality": "0001", "org_id": FIRMS[0], "worker_id": WORKERS[0]}
    visit |= {"client_id": "syn:c", "service": "omsorg", "status": status}
    visits = [visit | {"start": f"{when} 23:30", "end": f"{when + timedelta(1)} 00:10"}]
    told: dict[tuple[str, str], list[date]] = {(FIRMS[0], "0001"): [when]}
    for row in rows["contracts"]:
        told.setdefault((row["org_id"], row["municipality"]), [])
    for row in rows["invoices"]:
        told[row["org_id"], row["municipality"]].append(row["issued_on"])
    for (firm, _), days in told.items():
        parties = [(row["paid_on"], row["payer_id"], row["payee_id"]) for row in rows["payments"]]
        days += [day for day, *both in parties if firm in both]
    with Engine(threads=1) as engine:
        world(engine, {**rows, "visits": visits})
        open_views(engine, AS_OF)
        derive(engine)
        active = engine.rows("FROM edges WHERE type = 'ACTIVE_IN'")
    assert {
        (edge["source_id"], edge["target_id"]): (edge["first"], edge["last"]) for edge in active
    } == {
        (f"organisation:{firm}", f"municipality:{place}"): (
            min(days, default=None),
            max(days, default=None),
        )
        for (firm, place), days in told.items()
    }
