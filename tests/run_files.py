"""Run files made straight from nodes and edges, for tests of what reads and publishes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from graph_service import run_file
from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    KINDS,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    Property,
)
from graph_service.home import Home
from graph_service.run_file import RunFile, RunFolder

Row = Mapping[str, Any]


def node(kind: str, key: str, *roles: str, **properties: Any) -> dict[str, Any]:
    """A node's row; the labels are its kind's and the roles given."""
    return {
        "node_id": f"{kind}:{key}",
        "kind": kind,
        "key": key,
        "labels": sorted([KINDS[kind].name, *roles]),
        "protected": False,
        **properties,
    }


def edge(type_: str, source: Row, target: Row, **properties: Any) -> dict[str, Any]:
    """An edge's row, with the id that its ends and origin give it."""
    ends = (source["node_id"], target["node_id"], str(properties.get("origin_key")))
    name = hashlib.md5("\x1f".join(ends).encode(), usedforsecurity=False).hexdigest()
    return {
        "edge_id": f"{type_}:{name}",
        "type": type_,
        "source_id": source["node_id"],
        "target_id": target["node_id"],
        **properties,
    }


def finding(name: str, provider: Row, *subjects: tuple[str, Row], **more: Any) -> dict[str, Any]:
    """A finding's row; a subject is a role and a node."""
    return {
        "finding_id": name,
        "detector": "shared_account",
        "strength": "net",
        "provider_id": provider["key"],
        "subjects": [
            {"role": role, "kind": about["kind"], "id": about["key"]} for role, about in subjects
        ],
        "since": "2025-01-01",
        "until": "2025-02-01",
        "events": 3,
        "days": 2,
        "summary": {"sv": "Ett uppslag.", "en": "A lead."},
        **more,
    }


def score(provider: Row, points: float, **more: Any) -> dict[str, Any]:
    """A score's row, from one detector."""
    part: dict[str, Any] = {
        "detector": "shared_account",
        "family": "sharing",
        "points": points,
        "findings": 1,
    }
    part["exposure_sek"] = None
    return {
        "provider_id": provider["key"],
        "score": points,
        "cannot_assess": [],
        "not_assessed": ["billing"],
        "band": "none",
        "rank": 1,
        "contributions": [part],
        **more,
    }


def write_tables(engine: Engine, nodes: Sequence[Row], edges: Sequence[Row]) -> None:
    """The tables `nodes` and `edges` of an engine, sorted as a run leaves them."""
    _table(engine, "nodes", (*NODE_COLUMNS, *NODE_PROPERTIES), nodes, "node_id")
    order = "type, source_id, target_id, edge_id"
    _table(engine, "edges", (*EDGE_COLUMNS, *EDGE_PROPERTIES), edges, order)


def write_run(
    home: Home,
    nodes: Sequence[Row],
    edges: Sequence[Row] = (),
    findings: Sequence[Row] = (),
    scores: Sequence[Row] = (),
) -> RunFile:
    """The next run of a home, made current: what it holds is what is given."""
    home.create()
    folder = RunFolder(home)
    with folder.building(f"20260101T{len(folder.all()):06}Z") as built:
        with Engine(built.path) as engine:
            write_tables(engine, nodes, edges)
            run_file.write(engine, "findings", findings)
            run_file.write(engine, "scores", scores)
            run_file.write(engine, "run", [{"run_id": built.run_id, "complete": True}])
        return folder.publish(built, current=True)


def _table(
    engine: Engine, name: str, columns: Sequence[Property], rows: Sequence[Row], order: str
) -> None:
    declared = ", ".join(f'"{column.name}" {column.type}' for column in columns)
    engine.execute(f"CREATE OR REPLACE TABLE {name} ({declared})")
    values = [[row.get(column.name) for column in columns] for row in rows]
    engine.load_rows(name, values)
    engine.execute(f"CREATE OR REPLACE TABLE {name} AS FROM {name} ORDER BY {order}")
