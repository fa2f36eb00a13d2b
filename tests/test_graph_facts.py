"""What single rows become in the graph: agreements, placements, mandates, events and billing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.test_graph import edges, graph, nodes

ORG, OTHER = "5520000018", "5520000026"
_BILL = {
    "invoice_id": "i1", "org_id": ORG, "municipality": "0584", "issued_on": "2025-02-03",
    "period_from": "2025-01-01", "period_to": "2025-01-31", "amount": "300",
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "type_", "ends", "told"),
    [
        ("contracts", {"contract_id": "k1", "org_id": ORG, "municipality": "0584",
                       "service": "home_care", "reimbursement": "performed",
                       "hourly_rate_sek": "400", "valid_from": "2024-01-01",
                       "valid_to": "2025-01-01", "end_reason": "terminated"},
         "CONTRACTED_BY", (f"organisation:{ORG}", "municipality:0584"),
         {"reference": "k1", "end_reason": "terminated", "valid_to": date(2025, 1, 1)}),
        ("subcontracts", {"org_id": ORG, "subcontractor_id": OTHER, "kind": "staffing",
                          "valid_from": "2024-01-01"},
         "SUBCONTRACTS_TO", (f"organisation:{ORG}", f"organisation:{OTHER}"),
         {"role": "staffing", "valid_to": None}),
        ("municipalities", {"municipality": "0584", "name": "Exkommun", "org_id": ORG},
         "GOVERNS", (f"organisation:{ORG}", "municipality:0584"), {}),
        ("placements", {"placement_id": "p1", "client_id": "syn:1", "org_id": ORG,
                        "start": "2025-01-01", "end": "2025-01-31"},
         "PLACED_WITH", ("person:syn:1", f"organisation:{ORG}"),
         # The last day of a placement is a day of it; a relationship's end is excluded.
         {"reference": "p1", "valid_from": date(2025, 1, 1), "valid_to": date(2025, 2, 1)}),
        ("mandates", {"person_id": "syn:1", "client_id": "syn:2", "kind": "guardian",
                      "valid_from": "2024-01-01"},
         "ACTS_FOR", ("person:syn:1", "person:syn:2"), {"role": "guardian"}),
        ("trading_bans", {"person_id": "syn:1", "valid_from": "2024-01-01"},
         "UNDER_BAN", ("person:syn:1", "ban:syn:1 2024-01-01"), {"valid_to": None}),
        ("organisation_changes", {"change_id": "c1", "org_id": ORG, "changed_on": "2025-01-01",
                                  "what": "name", "after": "Nya AB"},
         "CHANGED", (f"organisation:{ORG}", "change:c1"), {"first": date(2025, 1, 1)}),
        ("quality_reviews", {"review_id": "r1", "org_id": ORG, "reviewed_on": "2025-01-01",
                             "outcome": "passed"},
         "REVIEWED", (f"organisation:{ORG}", "review:r1"), {"last": date(2025, 1, 1)}),
        ("invoices", _BILL | {"account": "BG:9912346"},
         "PAYABLE_TO", ("invoice:i1", "account:BG:9912346"), {"first": date(2025, 2, 3)}),
    ],
)  # fmt: skip
def test_a_row_is_a_relationship_that_leads_back(
    table: str, row: dict[str, Any], type_: str, ends: tuple[str, str], told: dict[str, Any]
) -> None:
    with graph({table: [row]}) as engine:
        [edge] = edges(engine, type_)
        assert (edge["source_id"], edge["target_id"]) == ends
        assert {name: edge[name] for name in told} == told
        assert edge["origin_table"] == table
        assert set(ends) <= set(nodes(engine))


def test_visits_of_every_status_place_a_provider_in_a_municipality() -> None:
    visit = {
        "org_id": ORG, "worker_id": "syn:1", "client_id": "syn:2", "municipality": "0584",
        "service": "home_care",
    }  # fmt: skip
    days = (("v1", "2025-01-03", "absent"), ("v2", "2025-01-05", "performed"))
    told = [
        visit | {"visit_id": name, "start": f"{day} 10:00", "end": f"{day} 11:00", "status": status}
        for name, day, status in days
    ]
    with graph({"visits": told}) as engine:
        [place] = edges(engine, "SERVED_IN")
        [tie] = edges(engine, "VISITED")
    assert (place["visits"], place["first"], place["last"]) == (
        2, date(2025, 1, 3), date(2025, 1, 5),
    )  # fmt: skip
    assert (tie["visits"], tie["first"], tie["days"]) == (1, date(2025, 1, 5), [0])


def test_what_was_billed_for_a_client_keeps_its_days() -> None:
    line = {"invoice_id": "i1", "client_id": "syn:1", "service": "home_care"}
    lines = [
        line | {"line_no": "1", "day": "2025-01-10", "amount": "10.5"},
        line | {"line_no": "2", "day": "2025-01-10", "amount": "1"},
        line | {"line_no": "3", "amount": "7"},  # no day: the period's first
        line | {"line_no": "4", "day": "2025-01-12", "amount": "-2"},
        line | {"line_no": "5", "client_id": "syn:2", "day": "2025-01-12", "amount": "4"},
        line | {"line_no": "6", "client_id": "", "amount": "100"},  # of no client
        line | {"line_no": "7", "invoice_id": "not there", "amount": "100"},
    ]
    with graph({"invoices": [_BILL], "invoice_lines": lines}) as engine:
        billed = {edge["target_id"]: edge for edge in edges(engine, "BILLED_FOR")}
    one, two = billed.pop("person:syn:1"), billed.pop("person:syn:2")
    assert not billed
    assert (one["first"], one["last"]) == (date(2025, 1, 1), date(2025, 1, 12))
    assert one["days"] == [0, 9, 11]
    assert [float(amount) for amount in one["amounts"]] == [7, 11.5, -2]
    assert (float(one["amount"]), float(two["amount"])) == (16.5, 4)
    assert json.loads(one["origin_key"]) == {"invoice_id": "i1", "client_id": "syn:1"}


def test_a_payment_settles_an_invoice_that_is_there() -> None:
    paid = {"paid_on": "2025-02-20", "amount": "300"}
    payments = [
        paid | {"payment_id": "b1", "invoice_id": "i1"},
        paid | {"payment_id": "b2", "invoice_id": "not loaded"},
    ]
    with graph({"invoices": [_BILL], "payments": payments}) as engine:
        settled = [(edge["source_id"], edge["target_id"]) for edge in edges(engine, "SETTLES")]
    assert settled == [("payment:b1", "invoice:i1")]


def test_no_change_tells_an_address() -> None:
    changed = {"org_id": ORG, "changed_on": "2025-01-01"}
    told = [
        changed | {"change_id": "c1", "what": "address", "after": "Storgatan 1"},
        changed | {"change_id": "c2", "what": "status", "after": "bankruptcy"},
    ]
    with graph({"organisation_changes": told}) as engine:
        found = nodes(engine)
    assert found["change:c1"]["after"] is None
    assert found["change:c2"]["after"] == "bankruptcy"


def test_whether_a_firm_can_be_reached_is_known_of_registered_ones_only() -> None:
    told = {
        "organisations": [{"org_id": ORG, "phone": "growth"}, {"org_id": OTHER}],
        "employments": [{"org_id": "XX:1", "person_id": "syn:1", "valid_from": "2024-01-01"}],
    }
    with graph(told) as engine:
        reachable = {
            node["key"]: node["reachable"]
            for node in nodes(engine).values()
            if node["kind"] == "organisation"
        }
    assert reachable == {ORG: True, OTHER: False, "XX:1": None}, "told, though unreadable"


def test_every_municipality_that_is_named_is_a_node() -> None:
    told = {
        "municipalities": [{"municipality": "0584", "name": "Exkommun"}],
        "invoices": [_BILL | {"municipality": "0585"}],
    }
    with graph(told) as engine:
        found = {n["node_id"]: n["name"] for n in nodes(engine).values()}
    assert found.items() >= {"municipality:0584": "Exkommun", "municipality:0585": None}.items()
