"""ownership_ring: the bounds of its claim on drawn networks, and metamorphic laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import networkx as nx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "ownership_ring")
AS_OF = date(2025, 12, 31)
FIRMS = ["5520000018", "5520000026", "5520000034", "5520000042", "5520000059"]
PEOPLE = ["syn:p1", "syn:p2"]
CONTRACT = {
    "contract_id": "k",
    "org_id": FIRMS[0],
    "municipality": "0000",
    "service": "omsorg",
    "reimbursement": "granted",
    "hourly_rate_sek": "1",
    "valid_from": "2020-01-01",
}


def find(owners: Sequence[Mapping[str, Any]]) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, {"contracts": [CONTRACT], "owners": owners})
        open_views(engine, AS_OF)
        return detect(engine, ROOM, as_of=AS_OF)


@st.composite
def whole_holdings(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Each company has at most one owner, who holds all of it: what a ring is cannot be argued."""
    owners = []
    for firm in FIRMS:
        owner = draw(st.sampled_from([None, *FIRMS, *PEOPLE]))
        if owner is not None and owner != firm:
            owners.append(
                {
                    "org_id": firm,
                    "owner_id": owner,
                    "owner_kind": "person" if owner in PEOPLE else "organisation",
                    "interest": draw(st.sampled_from(["shares", "votes"])),
                    "share": draw(st.sampled_from(["1", None])),
                    "valid_from": "2020-01-01",
                }
            )
    return owners


@settings(max_examples=35, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_holdings())
def test_following_single_owners_by_hand(owners: list[dict[str, Any]]) -> None:
    """Walk up from the provider: it ends with a person, with nobody, or comes round."""
    above = {row["org_id"]: row["owner_id"] for row in owners}
    walked = [FIRMS[0]]
    while (upper := above.get(walked[-1])) is not None and upper not in walked:
        walked.append(upper)
    round_again = upper is not None
    chain = len(walked) - 1
    found = find(owners)
    if walked[-1] in PEOPLE:
        assert found == []
    elif round_again:
        assert [f.statistics["rings"] for f in found] == [1]
        assert {s.id for s in found[0].subjects} == set(walked)
    else:
        assert len(found) == (1 if chain > 3 else 0)


@st.composite
def any_holdings(draw: st.DrawFn) -> list[dict[str, Any]]:
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(FIRMS), st.sampled_from(FIRMS + PEOPLE)),
            max_size=10,
            unique=True,
        )
    )
    return [
        {
            "org_id": owned,
            "owner_id": owner,
            "owner_kind": "person" if owner in PEOPLE else "organisation",
            "interest": "shares",
            "share": str(draw(st.integers(0, 20)) / 20),
            "valid_from": "2020-01-01",
        }
        for owned, owner in pairs
        if owned != owner
    ]


@settings(max_examples=35, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_holdings())
def test_what_is_found_is_a_ring_or_a_chain_without_an_owner(owners: list[dict[str, Any]]) -> None:
    held: nx.DiGraph[str] = nx.DiGraph()
    held.add_edges_from((row["owner_id"], row["org_id"]) for row in owners)
    for finding in find(owners):
        rows = [owners[row.row - 2] for row in finding.evidence]
        shown: nx.DiGraph[str] = nx.DiGraph()
        shown.add_edges_from((row["owner_id"], row["org_id"]) for row in rows)
        assert finding.provider_id == FIRMS[0]
        assert not set(PEOPLE) & set(shown)
        circular = [c for c in nx.strongly_connected_components(shown) if len(c) > 1]
        assert len(circular) == finding.statistics["rings"]
        assert circular or nx.dag_longest_path_length(shown) > 3
        # No person holds more than a quarter of the provider or of the ring by a row of their own.
        touched = {FIRMS[0]}.union(*circular)
        straight = [r for r in owners if r["owner_id"] in PEOPLE and r["org_id"] in touched]
        sums = {o: sum(float(r["share"]) for r in owners if r["org_id"] == o) for o in touched}
        assert all(float(r["share"]) / max(1.0, sums[r["org_id"]]) <= 0.25 for r in straight)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_holdings(), st.permutations(range(10)))
def test_the_order_of_rows_changes_nothing(
    owners: list[dict[str, Any]], order: Sequence[int]
) -> None:
    turned = [owners[place] for place in order if place < len(owners)]
    assert [f.finding_id for f in find(owners)] == [f.finding_id for f in find(turned)]
    assert [f.summary for f in find(owners)] == [f.summary for f in find(turned)]
