"""Look-ups on a synthetic municipality against networkx on the same tables."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import queries
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.run import run
from graph_service.stores.answers import Entity
from graph_service.stores.embedded import EmbeddedReader, open_reader
from graph_service.stores.neighbourhood import around
from graph_service.stores.ownership import ownership
from graph_service.stores.paths import NO_HUB, paths
from synth import municipality
from tests.house import House
from tests.networks import LOOKUPS

ASKED = 12


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedReader, Any]]:
    """A reader of the town's run, and the same network in networkx."""
    house = House(tmp_path_factory.mktemp("town"))
    files = house.folder / "town"
    municipality.make(
        files,
        seed=61,
        inhabitants=1_000,
        months=2,
        start=date(2025, 1, 1),
        schemes=("ownership_ring",),
    )
    house.load(files)
    room = "ownership_ring"
    rooms = open_rooms(Path(queries.__file__).parent)
    made = run(house.home, rooms, clock=house.clock, memory="1GiB", only=[room])
    with open_reader(made.run, LOOKUPS) as reader, made.run.open() as engine:
        yield reader, _drawn(engine)


def _drawn(engine: Engine) -> Any:
    graph: Any = nx.MultiGraph()
    graph.add_nodes_from(row["node_id"] for row in engine.rows("SELECT node_id FROM nodes"))
    graph.add_edges_from(
        (row["source_id"], row["target_id"], row["edge_id"])
        for row in engine.rows("SELECT source_id, target_id, edge_id FROM edges")
    )
    return graph


def entity(reader: EmbeddedReader, node_id: str) -> Entity:
    return Entity.of(reader.rows("names", {"nodes": [node_id]})[0]["entity"])


def chosen(graph: Any, kind: str | None = None) -> list[str]:
    """Some entities of the town, the same at each run; of one kind, or of any that has ties."""
    ids = sorted(
        node_id
        for node_id in graph
        if graph.degree(node_id) and kind in (None, node_id.split(":", maxsplit=1)[0])
    )
    return random.Random(61).sample(ids, min(ASKED, len(ids)))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_neighbourhoods_are_those_of_networkx(town: tuple[EmbeddedReader, Any], depth: int) -> None:
    reader, graph = town
    for node_id in chosen(graph)[:: 1 if depth < 3 else 4]:
        wanted = nx.single_source_shortest_path_length(graph, node_id, cutoff=depth)
        whole = {"hub": NO_HUB, "limit": len(graph), "ties": graph.size()}
        found = around(reader, entity(reader, node_id), depth=depth, **whole)
        assert {each.entity.node_id: each.distance for each in found.entities} == wanted
        inner = [each for each, distance in wanted.items() if distance < depth]
        assert {tie.edge_id for tie in found.relationships} == {
            key for _, _, key in graph.edges(inner, keys=True)
        }


def test_with_the_limits_as_they_stand_every_one_left_out_is_counted(
    town: tuple[EmbeddedReader, Any],
) -> None:
    reader, graph = town
    for node_id in chosen(graph, "organisation"):
        found = around(reader, entity(reader, node_id))
        assert len(found.entities) + sum(found.left_out.values()) == 1 + len(
            set(graph.neighbors(node_id)) - {node_id}
        )
        assert not found.hubs


def test_paths_are_those_of_networkx(town: tuple[EmbeddedReader, Any]) -> None:
    reader, graph = town
    simple = nx.Graph(graph)
    ends = [*chosen(graph, "person"), *chosen(graph, "organisation")]
    random.Random(16).shuffle(ends)
    for one, other in zip(ends[::2], ends[1::2], strict=True):
        found = paths(reader, entity(reader, one), entity(reader, other), limit=5)
        if not nx.has_path(simple, one, other):
            assert (found.outcome, found.total) == ("none", 0)
            continue
        wanted = sorted(tuple(path) for path in nx.all_shortest_paths(simple, one, other))
        assert (found.outcome, found.total) == ("found", len(wanted))
        assert list(found.paths) == wanted[:5]


def test_who_holds_a_firm_in_the_end_holds_the_whole_at_most(
    town: tuple[EmbeddedReader, Any],
) -> None:
    """Owners above are those that networkx reaches; what they hold together is no more than all."""
    reader, graph = town
    firms = sorted(node_id for node_id in graph if node_id.startswith("organisation:"))
    longest = 0
    for node_id in firms:
        found = ownership(reader, entity(reader, node_id))
        owned = nx.DiGraph((each.owned_id, each.owner_id) for each in found.above)
        owned.add_node(node_id)
        assert set(owned) - {node_id} == set(nx.descendants(owned, node_id)) - {node_id}
        final = {each for each in owned if not set(owned.successors(each)) - {each}}
        for interest in found.interests:
            held = sum(each.share for each in interest.owners)
            assert held + interest.unaccounted == pytest.approx(1)
            ring_members = {member for ring in found.rings for member in ring}
            assert {each.owner_id for each in interest.owners} <= final | ring_members
        longest = max([longest, *(each.distance for each in found.above)])
    assert longest > 1, "somebody owns through another firm"
