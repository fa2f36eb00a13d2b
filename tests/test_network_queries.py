"""The same claim asked of Neo4j and of the records: the same findings, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from graph_service.as_of import open_views
from graph_service.counted import ask_and_keep
from graph_service.detector import Finding, conclude
from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import LABELS, RELATIONSHIPS
from graph_service.graph.derive import derive
from graph_service.resolution.resolve import resolve
from graph_service.room import Room
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.connection import Connection, connect
from graph_service.stores.neo4j.detect import NetworkQueries
from graph_service.stores.neo4j.publish import publish_graph
from tests.test_rooms import ROOMS, cases
from tests.world import world

ASKED = {name: room for name, room in ROOMS.items() if room.network_query is not None}


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as opened:
        yield opened


def answers(
    connection: Connection, room: Room, case: Mapping[str, Any]
) -> tuple[list[Finding], list[Finding]]:
    """What the records say and what the network says, of one small world."""
    with Engine(threads=1) as engine:
        world(engine, case["given"])
        open_views(engine, case["as_of"])
        derive(engine)
        resolve(engine)
        thresholds = room.in_force({}, case["as_of"])
        given = {**thresholds, "as_of": case["as_of"]}
        said = conclude(room, ask_and_keep(engine, room, given), thresholds)
        publish_graph(connection, engine, 1)
        ask = NetworkQueries(connection, 1)
        return said, conclude(room, ask_and_keep(engine, room, given, ask), thresholds)


def every_case() -> Iterator[Any]:
    for room in ASKED.values():
        for name, case in cases(room).items():
            yield pytest.param(room, case, id=f"{room.name}-{name}")


@pytest.mark.parametrize(("room", "case"), list(every_case()))
def test_a_case_has_one_answer(connection: Connection, room: Room, case: dict[str, Any]) -> None:
    records, network = answers(connection, room, case)
    assert [found.as_json() for found in network] == [found.as_json() for found in records]
    assert bool(network) == bool(case.get("expect")), "and it is the answer that the case expects"


def test_the_network_detectors_are_asked() -> None:
    assert set(ASKED) == {
        "shared_account",
        "shared_contact",
        "clients_follow_worker",
        "phoenix_company",
        "ownership_ring",
        "hollow_company",
    }


@pytest.mark.parametrize("name", ASKED)
class TestLaw:
    def test_an_empty_world_is_silent(self, connection: Connection, name: str) -> None:
        empty = {"given": {}, "as_of": date(2025, 1, 1)}
        assert answers(connection, ASKED[name], empty) == ([], [])

    def test_only_declared_labels_and_types_are_named(self, name: str) -> None:
        query = re.sub(r"//[^\n]*", "", ASKED[name].network_query or "")
        labels = {label.name for label in LABELS} | {"GraphService"}
        types = {kind.type for kind in RELATIONSHIPS}
        named = set(re.findall(r"[:|&]([A-Z][A-Za-z_]+)", query))
        assert named - labels - types == set()
        assert named & labels
        assert named & types

    def test_it_can_be_pasted_into_the_browser(self, connection: Connection, name: str) -> None:
        """The third line gives the parameters; the rest is one statement."""
        room = ASKED[name]
        lines = (room.network_query or "").splitlines()
        assert lines[2].startswith("// :params {")
        given = set(re.findall(r"(\w+): ", lines[2].removeprefix("// :params ")))
        assert given == room.network_parameters
        assert ";" not in "\n".join(line.partition("//")[0] for line in lines)

    def test_files_are_small(self, name: str) -> None:
        assert len((ASKED[name].network_query or "").splitlines()) <= 360
