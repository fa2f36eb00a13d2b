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


@settings(max_examples=18, deadline=None, suppress_health_check=list(HealthCheck))
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


@settings(max_examples=18, deadline=None, suppress_health_check=list(HealthCheck))
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


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_holdings())
def test_equals_money_followed_upwards(owners: list[dict[str, Any]]) -> None:
    found = [(f.statistics["rings"], {s.id for s in f.subjects} - {FIRMS[0]}) for f in find(owners)]
    wanted = expected(owners)
    assert [rings for rings, _ in found] == [rings for rings, _ in wanted]
    for (rings, companies), (_, members) in zip(found, wanted, strict=True):
        # A ring stands with the way to it; of several longest chains any will do.
        assert companies >= members - {FIRMS[0]} if rings else len(companies) == len(members)


def expected(owners: Sequence[Mapping[str, Any]]) -> list[tuple[int, set[str]]]:
    """Each ring that holds the provider, or else its chain, from the claim alone."""
    told: dict[str, float] = {}
    for row in owners:
        told[row["org_id"]] = told.get(row["org_id"], 0.0) + float(row["share"])
    shares: dict[tuple[str, str], float] = {
        (row["owner_id"], row["org_id"]): float(row["share"]) / max(1.0, told[row["org_id"]])
        for row in owners
    }
    large = nx.DiGraph([pair for pair, share in shares.items() if share > 0.25 + 1e-6])
    large.add_node(FIRMS[0])
    above: nx.DiGraph[str] = large.subgraph({FIRMS[0]} | nx.ancestors(large, FIRMS[0]))
    circles = [set(c) for c in nx.strongly_connected_components(above) if len(c) > 1]
    found = [(1, c) for c in circles if _ring_hides(shares, c)]
    if circles:
        return sorted(found, key=lambda ring: sorted(ring[1]))
    companies = above.subgraph(set(above) - set(PEOPLE))
    longest = nx.dag_longest_path(companies)[:-1]  # every way in it leads down to the provider
    ends = _followed(shares, FIRMS[0])
    people = sum(ends.get(who, 0.0) for who in PEOPLE)
    others = sum(share for who, share in ends.items() if who not in PEOPLE)
    if len(longest) > 3 and people <= 0.25 + 1e-6 and others > 0.5 + 1e-6:
        return [(0, set(longest))]
    return []


def _ring_hides(shares: Mapping[tuple[str, str], float], ring: set[str]) -> bool:
    for member in ring:
        inner = sum(s for (o, d), s in shares.items() if d == member and o in ring)
        if inner <= 0.5 + 1e-6:
            return False
    outside = {p: s for p, s in shares.items() if not (p[0] in ring and p[1] in ring)}
    if any(
        _followed(outside, owned).get(who, 0.0) > 0.25 + 1e-6
        for owned in {FIRMS[0], *ring}
        for who in PEOPLE
    ):
        return False
    through = sum(s for who, s in _followed(outside, FIRMS[0]).items() if who in ring)
    return FIRMS[0] in ring or through > 0.5 + 1e-6


def _followed(shares: Mapping[tuple[str, str], float], owned: str) -> dict[str, float]:
    """Where each krona of the provider ends when it is passed up again and again.

    It stops with whom nobody owns in, and in a ring that nobody outside it owns in.
    """
    graph = nx.DiGraph([pair for pair, share in shares.items() if share > 0])
    graph.add_node(owned)
    closed: set[str] = set()
    for circle in nx.strongly_connected_components(graph):
        leaves = any(upper not in circle for m in circle for upper in graph.predecessors(m))
        if len(circle) > 1 and not leaves:
            closed |= circle
    money, ended = {owned: 1.0}, dict[str, float]()
    for _ in range(3000):
        passed: dict[str, float] = {}
        for name, amount in money.items():
            uppers = list(graph.predecessors(name))
            if name in closed or not uppers:
                if name != owned or name in closed:
                    ended[name] = ended.get(name, 0.0) + amount
                continue
            for upper in uppers:
                passed[upper] = passed.get(upper, 0.0) + amount * shares[upper, name]
        money = {name: amount for name, amount in passed.items() if amount > 1e-12}
    return ended


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_holdings(), st.permutations(range(10)))
def test_the_order_of_rows_changes_nothing(
    owners: list[dict[str, Any]], order: Sequence[int]
) -> None:
    turned = [owners[place] for place in order if place < len(owners)]
    assert [f.finding_id for f in find(owners)] == [f.finding_id for f in find(turned)]
    assert [f.summary for f in find(owners)] == [f.summary for f in find(turned)]
