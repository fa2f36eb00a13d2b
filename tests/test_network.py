"""Ownership networks against networkx and against money that is passed on by hand."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.network import (
    Link,
    effective_shares,
    longest_chain,
    owners_above,
    rings,
)

NAMES = [f"n{number}" for number in range(8)]


@st.composite
def holdings(draw: st.DrawFn) -> list[Link]:
    """Any graph of holdings; nobody's owners hold more than the whole."""
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=16, unique=True
        )
    )
    links = []
    for owned in NAMES:
        owners = [owner for owner, other in pairs if other == owned]
        weights = [draw(st.integers(1, 5)) for _ in owners]
        whole = sum(weights) + draw(st.integers(0, 3))
        links += [Link(o, owned, w / whole) for o, w in zip(owners, weights, strict=True)]
    return links


def graph(links: list[Link]) -> nx.DiGraph[str]:
    made: nx.DiGraph[str] = nx.DiGraph()
    made.add_nodes_from(NAMES)
    made.add_edges_from((link.owner, link.owned) for link in links)
    return made


@given(holdings())
def test_rings_are_the_strong_components(links: list[Link]) -> None:
    wanted = {
        tuple(sorted(members))
        for members in nx.strongly_connected_components(graph(links))
        if len(members) > 1
    }
    assert rings(links) == sorted(wanted)


@given(holdings(), st.sampled_from(NAMES))
def test_owners_above_are_the_ancestors(links: list[Link], owned: str) -> None:
    made = graph(links)
    wanted = set(nx.ancestors(made, owned))
    within = any(owned in ring for ring in rings(links)) or made.has_edge(owned, owned)
    assert owners_above(links, owned) == wanted | ({owned} if within else set())


@given(holdings(), st.sampled_from(NAMES))
def test_the_longest_chain_is_the_longest_of_the_condensed_graph(
    links: list[Link], owned: str
) -> None:
    small = nx.condensation(graph(links))
    place = small.graph["mapping"]
    above = nx.ancestors(small, place[owned]) | {place[owned]}
    wanted = nx.dag_longest_path_length(small.subgraph(above))
    chain = longest_chain(links, owned)
    assert len(chain) == wanted
    steps = [place[name] for name in (owned, *chain)]
    assert all(small.has_edge(upper, lower) for lower, upper in pairwise(steps))


@settings(deadline=None)
@given(holdings(), st.sampled_from(NAMES))
def test_effective_shares_are_where_money_ends_when_it_is_passed_on(
    links: list[Link], owned: str
) -> None:
    """A unit is paid out of `owned` and passed on, owner by owner, until almost none moves."""
    owners: dict[str, list[Link]] = {}
    for link in links:
        if link.owner != link.owned:
            owners.setdefault(link.owned, []).append(link)
    sealed = {
        name: ring[0]
        for ring in rings([link for link in links if link.owner != link.owned])
        if all(link.owner in ring for name in ring for link in owners.get(name, ()))
        for name in ring
    }
    kept: dict[str, float] = {}
    moving = {owned: 1.0} if owned in owners and owned not in sealed else {}
    for _ in range(4_000):
        following: dict[str, float] = {}
        for name, amount in moving.items():
            for link in owners[name]:
                part = amount * link.share
                if link.owner in owners and link.owner not in sealed:
                    following[link.owner] = following.get(link.owner, 0.0) + part
                else:
                    final = sealed.get(link.owner, link.owner)
                    kept[final] = kept.get(final, 0.0) + part
        moving = {name: amount for name, amount in following.items() if amount > 1e-15}
    if owned in sealed:
        kept = {sealed[owned]: 1.0}
    found = effective_shares(links, owned)
    wanted = {name: share for name, share in kept.items() if share > 1e-6}
    assert {n: s for n, s in found.items() if s > 1e-6} == pytest.approx(wanted, abs=1e-6)
    assert sum(found.values()) <= 1 + 1e-9


def test_two_companies_that_own_each_other_end_and_hold_no_more_than_all() -> None:
    links = [Link("alpha", "beta", 1.0), Link("beta", "alpha", 1.0)]
    assert rings(links) == [("alpha", "beta")]
    assert effective_shares(links, "alpha") == {"alpha": 1.0}
    assert longest_chain(links, "alpha") == ()


def test_money_leaves_a_ring_where_an_owner_stands_outside() -> None:
    links = [Link("b", "a", 1.0), Link("a", "b", 0.9), Link("person", "b", 0.1)]
    assert effective_shares(links, "a") == pytest.approx({"person": 1.0})


def test_a_share_of_nothing_is_no_owner() -> None:
    assert effective_shares([Link("x", "a", 0.0)], "a") == {}
    assert effective_shares([], "a") == {}
