"""Neighbourhoods and paths against networkx and a slow plain walk over the same tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice, pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.errors import UsageError
from graph_service.graph.declaration import KINDS
from graph_service.stores.answers import Entity, Neighbourhood, Paths
from graph_service.stores.neighbourhood import TYPES, around
from graph_service.stores.paths import NO_HUB, paths
from tests.networks import Network, days, edge, networks, node, reading, stands

MANY = 10_000
some_types = st.sampled_from((TYPES, ("OWNS", "SAME_AS"), ("EMPLOYED_BY",)))
some_kinds = st.sampled_from((tuple(KINDS), ("organisation", "person"), ("account",)))


def walked(network: Network, types: Sequence[str], as_of: date | None) -> list[Mapping[str, Any]]:
    return [row for row in network.edges if row["type"] in types and stands(row, as_of)]


def drawn(rows: Sequence[Mapping[str, Any]], nodes: Sequence[str] = ()) -> Any:
    made: Any = nx.MultiGraph()
    made.add_nodes_from(nodes)
    made.add_edges_from((row["source_id"], row["target_id"], row["edge_id"]) for row in rows)
    return made


def kind_of(node_id: str) -> str:
    return node_id.split(":", maxsplit=1)[0]


# -- neighbourhood ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=18)
@given(networks(), st.integers(1, 3), st.none() | days, some_types, st.data())
def test_without_hubs_or_a_limit_the_neighbourhood_is_that_of_networkx(
    network: Network, depth: int, as_of: date | None, types: Sequence[str], data: st.DataObject
) -> None:
    start = data.draw(st.sampled_from([row["node_id"] for row in network.nodes]))
    graph = drawn(walked(network, types, as_of), [start])
    wanted = nx.single_source_shortest_path_length(graph, start, cutoff=depth)
    with reading(network) as reader:
        found = ask(
            reader, start, depth=depth, as_of=as_of, types=types, hub=NO_HUB, limit=MANY, ties=MANY
        )
    assert {each.entity.node_id: each.distance for each in found.entities} == wanted
    inner = [node_id for node_id, distance in wanted.items() if distance < depth]
    assert {tie.edge_id for tie in found.relationships} == {
        key for _, _, key in graph.edges(inner, keys=True)
    }
    assert found.reached == depth
    assert not found.left_out and not found.hubs and not found.relationships_left_out


@settings(deadline=None, max_examples=18)
@given(
    networks(most=40),
    st.integers(1, 3),
    st.none() | days,
    some_types,
    some_kinds,
    st.integers(0, 4),
    st.integers(1, 6),
    st.integers(1, 8),
    st.data(),
)
def test_hubs_are_damped_and_the_limit_keeps_rare_ties_and_counts_the_rest(
    network: Network,
    depth: int,
    as_of: date | None,
    types: Sequence[str],
    kinds: Sequence[str],
    hub: int,
    limit: int,
    ties: int,
    data: st.DataObject,
) -> None:
    """The walk said once more, in plain Python."""
    start = data.draw(st.sampled_from([row["node_id"] for row in network.nodes]))
    with reading(network) as reader:
        found = ask(
            reader,
            start,
            depth=depth,
            as_of=as_of,
            types=types,
            kinds=kinds,
            hub=hub,
            limit=limit,
            ties=ties,
        )
    degrees = Counter(
        (end, row["type"]) for row in network.edges for end in {row["source_id"], row["target_id"]}
    )
    rows = walked(network, types, as_of)

    def followed(here: str, row: Mapping[str, Any]) -> bool:
        return here == start or degrees[here, row["type"]] <= hub

    distance, layer, rest, step = {start: 0}, [start], Counter[str](), 0
    while layer and step < depth and not rest:
        step += 1
        steps = [
            (row["type"], there)
            for row in rows
            for here, there in _ends(row)
            if here in layer and there not in distance and kind_of(there) in kinds
            if followed(here, row)
        ]
        of_type = Counter(type_ for type_, _ in steps)
        reached = {
            there: (
                min(of_type[type_] for type_, one in steps if one == there),
                -sum(one == there for _, one in steps),
                there,
            )
            for _, there in steps
        }
        ordered = sorted(reached, key=lambda there: reached[there])
        layer = ordered[: limit + 1 - len(distance)]
        rest = Counter(kind_of(there) for there in ordered[len(layer) :])
        distance |= dict.fromkeys(layer, step)
    inner = [node_id for node_id in distance if distance[node_id] < step]
    told = [
        row
        for row in rows
        if any(
            here in inner and there in distance and followed(here, row)
            for here, there in _ends(row)
        )
    ]
    of_type = Counter(row["type"] for row in told)
    told.sort(
        key=lambda row: (
            of_type[row["type"]],
            row["type"],
            row["source_id"],
            row["target_id"],
            row["edge_id"],
        )
    )
    assert {each.entity.node_id: each.distance for each in found.entities} == distance
    assert found.left_out == dict(rest)
    assert [tie.edge_id for tie in found.relationships] == [row["edge_id"] for row in told[:ties]]
    assert sum(found.relationships_left_out.values()) == max(0, len(told) - ties)
    assert {(each.node_id, each.type): each.relationships for each in found.hubs} == {
        (node_id, type_): number
        for (node_id, type_), number in degrees.items()
        if node_id in inner and node_id != start and type_ in types and number > hub
    }


def _ends(row: Mapping[str, Any]) -> set[tuple[str, str]]:
    there_and_back = (row["source_id"], row["target_id"])
    return {there_and_back, there_and_back[::-1]}


def ask(reader: Any, start: str, **given: Any) -> Neighbourhood:
    return around(reader, entity(reader, start), **given)


def entity(reader: Any, node_id: str) -> Entity:
    return Entity.of(reader.rows("entities", {"nodes": [node_id]})[0]["entity"])


def test_a_depth_beyond_three_is_refused() -> None:
    with (
        reading(Network([node("person", "syn:p1")], [])) as reader,
        pytest.raises(UsageError, match="1 to 3"),
    ):
        ask(reader, "person:syn:p1", depth=4)


def test_a_hub_of_many_shows_its_rare_ties_and_counts_the_others_exactly() -> None:
    """A provider with 3,000 clients, one owner and one account; a client's other provider."""
    provider, other = "organisation:5520000018", "organisation:5520000026"
    clients = [node("person", f"syn:c{number:05}") for number in range(3_000)]
    people = [node("person", "syn:o1"), *clients]
    firms = [node("organisation", key) for key in ("5520000018", "5520000026")]
    served = [edge("ENROLLED_WITH", each["node_id"], provider) for each in clients]
    network = Network(
        [*firms, *people, node("account", "BG:9912346")],
        [
            *served,
            edge("OWNS", "person:syn:o1", provider),
            edge("HOLDS_ACCOUNT", provider, "account:BG:9912346"),
            edge("ENROLLED_WITH", "person:syn:c00000", other),
        ],
    )
    with reading(network) as reader:
        star = ask(reader, provider, depth=2, limit=10)
        beside = ask(reader, other, depth=3)
    shown = [each.entity.node_id for each in star.entities]
    assert {"person:syn:o1", "account:BG:9912346"} < set(shown) and len(shown) == 11
    assert star.left_out == {"person": 3_002 - 10} and star.reached == 1
    assert [(each.node_id, each.relationships) for each in beside.hubs] == [(provider, 3_000)]
    assert {each.entity.node_id for each in beside.entities} == {
        other,
        "person:syn:c00000",
        provider,
        "person:syn:o1",
        "account:BG:9912346",
    }


# -- paths --------------------------------------------------------------------------------------


def ask_paths(reader: Any, one: str, other: str, **given: Any) -> Paths:
    return paths(reader, entity(reader, one), entity(reader, other), **given)


@settings(deadline=None, max_examples=18)
@given(
    networks(most=30),
    st.none() | days,
    some_types,
    some_kinds,
    st.integers(0, 6),
    st.integers(1, 4),
    st.data(),
)
def test_paths_are_all_the_shortest_of_networkx(
    network: Network,
    as_of: date | None,
    types: Sequence[str],
    kinds: Sequence[str],
    longest: int,
    limit: int,
    data: st.DataObject,
) -> None:
    ids = st.sampled_from([row["node_id"] for row in network.nodes])
    one, other = data.draw(ids), data.draw(ids)
    rows = [
        row
        for row in walked(network, types, as_of)
        if all(
            end in (one, other) or kind_of(end) in kinds
            for end in (row["source_id"], row["target_id"])
        )
    ]
    graph = drawn(rows, [one, other])
    with reading(network) as reader:
        found = ask_paths(
            reader,
            one,
            other,
            max_length=longest,
            as_of=as_of,
            types=types,
            kinds=kinds,
            limit=limit,
        )
    try:
        wanted = sorted(tuple(path) for path in nx.all_shortest_paths(nx.Graph(graph), one, other))
    except nx.NetworkXNoPath:
        assert found.outcome in ("none", "none_within") and found.total == 0
        if found.outcome == "none_within":
            assert found.searched == longest
        return
    length = len(wanted[0]) - 1
    if length > longest:
        assert (found.outcome, found.total, found.paths) == ("none_within", 0, ())
        return
    assert (found.outcome, found.length, found.total) == ("found", length, len(wanted))
    assert list(found.paths) == wanted[:limit]
    assert found.left_out == len(wanted) - len(found.paths)
    steps = {frozenset(step) for path in found.paths for step in pairwise(path)}
    assert {tie.edge_id for tie in found.relationships} == {
        row["edge_id"] for row in rows if frozenset((row["source_id"], row["target_id"])) in steps
    }
    assert {each.node_id for each in found.entities} == {
        each for path in found.paths for each in path
    }


@settings(deadline=None, max_examples=18)
@given(networks(most=30), st.integers(0, 3), st.data())
def test_with_hubs_left_aside_paths_pass_none(
    network: Network, hub: int, data: st.DataObject
) -> None:
    ids = st.sampled_from([row["node_id"] for row in network.nodes])
    one, other = data.draw(ids), data.draw(ids)
    degrees = Counter(
        (end, row["type"]) for row in network.edges for end in {row["source_id"], row["target_id"]}
    )

    def passable(row: Mapping[str, Any]) -> bool:
        """A tie joins two if one of them at least is no hub of its type, or an end."""
        return any(
            end in (one, other) or degrees[end, row["type"]] <= hub
            for end in (row["source_id"], row["target_id"])
        )

    with reading(network) as reader:
        found = ask_paths(reader, one, other, hub=hub)
    loose = drawn([row for row in network.edges if passable(row)], [one, other])
    if found.outcome == "found":
        assert found.length is not None
        assert found.length >= nx.shortest_path_length(loose, one, other)
    strict = drawn(
        [
            row
            for row in network.edges
            if all(
                end in (one, other) or degrees[end, row["type"]] <= hub
                for end in (row["source_id"], row["target_id"])
            )
        ],
        [one, other],
    )
    if nx.has_path(strict, one, other):
        assert found.outcome == "found" and found.length is not None
        assert found.length <= nx.shortest_path_length(strict, one, other)


def test_many_ways_are_counted_without_being_walked() -> None:
    """Eight layers of eight between the two: 8^5 shortest paths, of which three are told."""
    layers = [[f"person:syn:{layer}{number}" for number in range(8)] for layer in range(5)]
    ends = ["person:syn:a", "person:syn:z"]
    edges = [edge("SAME_AS", ends[0], each) for each in layers[0]]
    edges += [edge("SAME_AS", each, ends[1]) for each in layers[-1]]
    edges += [
        edge("SAME_AS", here, there)
        for above, below in pairwise(layers)
        for here in above
        for there in below
    ]
    ids = [*ends, *(each for layer in layers for each in layer)]
    network = Network([node("person", each.removeprefix("person:")) for each in ids], edges)
    with reading(network) as reader:
        found = ask_paths(reader, *ends, limit=3)
    assert (found.total, found.length, found.left_out) == (8**5, 6, 8**5 - 3)
    graph = nx.Graph(drawn(edges))
    first = sorted(tuple(path) for path in islice(nx.all_shortest_paths(graph, *ends), MANY * 4))
    assert list(found.paths) == first[:3]


@settings(deadline=None, max_examples=18)
@given(networks(most=30), st.integers(0, 20), st.data())
def test_the_bound_is_told_and_never_taken_for_an_answer(
    network: Network, bound: int, data: st.DataObject
) -> None:
    ids = st.sampled_from([row["node_id"] for row in network.nodes])
    one, other = data.draw(ids), data.draw(ids)
    with reading(network) as reader:
        free = ask_paths(reader, one, other)
        bounded = ask_paths(reader, one, other, bound=bound)
    if bounded.outcome == "bound":
        assert bounded.total == 0 and bounded.length is None
        assert free.length is None or free.length > bounded.searched
    else:
        assert (bounded.outcome, bounded.paths) == (free.outcome, free.paths)
