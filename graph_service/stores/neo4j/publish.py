"""Publishes a run in Neo4j: readers see the publish before it, and then all of it."""

from __future__ import annotations

from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    NODE_COLUMNS,
    NODE_PROPERTIES,
)
from graph_service.stores.neo4j import schema
from graph_service.stores.neo4j.connection import Connection, Statement
from graph_service.stores.neo4j.publish_write import Writer

_CLAIM: Final = (
    "MERGE (state:GraphServiceState {id: 'shown'}) ON CREATE SET state.number = 0 "
    "SET state.claim = $claim"
)


def publish_graph(connection: Connection, engine: Engine, number: int) -> None:
    """Write the engine's `nodes` and `edges` as a candidate that publish `number` would show.

    Nothing is closed and the pointer stays: a question asks of the candidate with `$run` = number.
    """
    for text in schema.CONSTRAINTS.values():
        connection.repeat(Statement("schema", text, {}))
    claim = f"candidate {number}"
    connection.write(Statement("claim", _CLAIM, {"claim": claim}))
    writer = Writer(connection, number=number, claim=claim)
    engine.execute("CREATE OR REPLACE TEMP TABLE places (node_id VARCHAR, place BIGINT)")
    columns = ", ".join(
        f'CAST("{each.name}" AS {schema.published_type(each.type)}) AS "{each.name}"'
        for each in (*NODE_COLUMNS, *NODE_PROPERTIES)
    )
    engine.execute(f"CREATE OR REPLACE TEMP TABLE writing_nodes AS SELECT {columns} FROM nodes")
    writer.nodes(engine, "writing_nodes")
    columns = ", ".join(
        f'CAST("{each.name}" AS {schema.published_type(each.type)}) AS "{each.name}"'
        for each in (*EDGE_COLUMNS, *EDGE_PROPERTIES)
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE writing_edges AS SELECT source.place AS source_place, "
        f"target.place AS target_place, {columns} FROM edges "
        "JOIN places AS source ON source.node_id = edges.source_id "
        "JOIN places AS target ON target.node_id = edges.target_id"
    )
    writer.edges(engine, "writing_edges")
