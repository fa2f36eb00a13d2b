"""What is published follows from the declaration, is told on the page, and is found by index."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_service.graph.declaration import LABELS, RELATIONSHIPS
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import schema
from graph_service.stores.neo4j.connection import Statement, connect
from tests.published import WORLD, show
from tests.run_files import write_run

PAGE = Path(__file__).parents[1] / "docs" / "publishing.md"


def test_every_label_and_type_of_the_graph_can_be_written() -> None:
    assert {label.name for label in LABELS} < set(schema.PUBLISHED_LABELS)
    assert {each.type for each in RELATIONSHIPS} < set(schema.PUBLISHED_TYPES)
    for label in LABELS:
        text = schema.create_nodes([label.name])
        assert all(f"{name}: " in text for name in ("node_id", "key", *label.properties))
    for each in RELATIONSHIPS:
        text = schema.create_edges(each.type)
        assert all(f"{name}: " in text for name in ("edge_id", "valid_from", *each.properties))


@pytest.mark.parametrize("label", [schema.FINDING, schema.SCORE], ids=lambda label: label.name)
def test_the_page_names_what_findings_and_scores_have(label: schema.Label) -> None:
    line = next(
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {label.name} |")
    )
    assert all(name in line for name in schema.node_columns([label.name]))
    types = ("CONCERNS", "ABOUT") if label is schema.FINDING else ("SCORES",)
    assert all(f"`{type_}`" in line for type_ in types)


def test_the_page_names_each_constraint_and_index() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(name in text for name in (*schema.CONSTRAINTS, *schema.INDEXES))


def test_no_index_is_on_what_changes_in_place() -> None:
    assert not any(
        "until" in text for text in (*schema.CONSTRAINTS.values(), *schema.INDEXES.values())
    )


def test_indexes_stand_online_after_the_first_publish(
    empty_database: Neo4jSettings, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    with connect(empty_database) as connection:
        for name in schema.INDEXES:
            connection.repeat(Statement("schema", f"DROP INDEX {name} IF EXISTS", {}))
        show(connection, home, write_run(home, *WORLD))
        rows = connection.read("SHOW INDEXES YIELD name, state RETURN name, state", {}, "indexes")
        states = {row["name"]: row["state"] for row in rows}
    assert {states[name] for name in (*schema.CONSTRAINTS, *schema.INDEXES)} == {"ONLINE"}
