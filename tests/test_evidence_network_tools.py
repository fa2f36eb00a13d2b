"""What is handed on, read by its own ecosystem: FollowTheMoney's model, CASE's validator."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from case_utils.case_validate import validate
from followthemoney import model
from followthemoney.types import registry
from hypothesis import given, settings

from graph_service.evidence.material import Material
from graph_service.evidence.network import case, ftm
from graph_service.evidence.network.graph import Network, network_of
from tests.evidence_case import town
from tests.evidence_networks import every_sort, networks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    with (
        town(tmp_path_factory.mktemp("town") / "town") as made,
        made.material(tmp_path_factory.mktemp("material")) as gathered,
    ):
        yield gathered


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise AssertionError("A validator that fetches is none that works offline.")

    monkeypatch.setattr(socket, "socket", refused)


def _entities(told: Network, folder: Path) -> list[dict[str, Any]]:
    ftm.write(told, folder / "network.ftm.jsonl")
    lines = (folder / "network.ftm.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _assert_valid(entities: list[dict[str, Any]]) -> None:
    """Each entity is one of the model's, unchanged by it, and points at entities in range."""
    proxies = {entity["id"]: model.get_proxy(entity, cleaned=False) for entity in entities}
    assert len(proxies) == len(entities)
    for entity in entities:
        proxy = proxies[entity["id"]]
        assert not proxy.schema.abstract
        proxy.schema.validate(entity)
        assert set(proxy.schema.required) <= set(entity["properties"]), proxy.schema.name
        taken = {name: sorted(values) for name, values in proxy.to_dict()["properties"].items()}
        assert taken == {name: sorted(values) for name, values in entity["properties"].items()}
        for prop, value in proxy.itervalues():
            if prop.type == registry.entity:
                assert proxies[value].schema.is_a(prop.range), (proxy.schema.name, prop.name)


def test_every_kind_and_tie_is_one_of_followthemoneys(folder: Path) -> None:
    told = every_sort()
    entities = _entities(told, folder)
    _assert_valid(entities)
    ids = {entity["id"] for entity in entities}
    assert {node.reference for node in told.nodes} <= ids
    assert {tie.tie_id.replace(":", "-").replace("_", "-") for tie in told.ties} <= ids


@settings(max_examples=60, deadline=None)
@given(networks())
def test_any_network_is_one_of_followthemoneys(folder: Path, told: Network) -> None:
    entities = _entities(told, folder)
    proxies = {entity["id"]: model.get_proxy(entity, cleaned=False) for entity in entities}
    for proxy in proxies.values():
        for prop, value in proxy.itervalues():
            if prop.type == registry.entity:
                assert proxies[value].schema.is_a(prop.range)


def test_the_case_is_valid_for_followthemoney(material: Material, folder: Path) -> None:
    entities = _entities(network_of(material), folder)
    _assert_valid(entities)
    assert {"Company", "Person", "Employment", "UnknownLink"} <= {
        entity["schema"] for entity in entities
    }


# The validator and what it stands on use much that is deprecated; a concept that it does not
# know is a warning of another sort, and fails.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("offline")
def test_case_validates_every_sort_and_the_files_behind_them(
    material: Material, folder: Path
) -> None:
    path = folder / "network.case.jsonld"
    case.write(every_sort(), material, path)
    result = validate(str(path), inference="none")
    assert result.undefined_concepts == set()
    assert result.conforms, result.text


def test_case_names_each_file_with_its_hash(material: Material, folder: Path) -> None:
    path = folder / "files.case.jsonld"
    case.write(network_of(material), material, path)
    graph = {each["@id"]: each for each in json.loads(path.read_text(encoding="utf-8"))["@graph"]}
    told = {
        (
            graph[facet["@id"]].get("uco-observable:fileName"),
            graph[graph[content["@id"]]["uco-observable:hash"]["@id"]]["uco-types:hashValue"][
                "@value"
            ],
        )
        for file in graph.values()
        if file["@type"] == "uco-observable:File"
        for facet, content in [file["uco-core:hasFacet"]]
    }
    rows = material.engine.rows("SELECT DISTINCT file, file_sha256 FROM taken")
    assert told == {(row["file"], row["file_sha256"]) for row in rows}
