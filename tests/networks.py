"""Small networks in the tables of a run file, for the look-ups and their oracles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import queries
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
from graph_service.graph.derive import FOLDER
from graph_service.stores import adjacency
from graph_service.stores.embedded import EmbeddedReader

LOOKUPS = Path(queries.__file__).parent / "lookup"
TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Network:
    """Rows of `nodes` and `edges`, findings and scores; what is not told is null."""

    nodes: Sequence[Mapping[str, Any]]
    edges: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]] = field(default=())
    scores: Sequence[Mapping[str, Any]] = field(default=())

    def node(self, node_id: str) -> Mapping[str, Any]:
        return next(row for row in self.nodes if row["node_id"] == node_id)


def node(kind: str, key: str, name: str | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "node_id": f"{kind}:{key}",
        "kind": kind,
        "key": key,
        "labels": [KINDS[kind].name],
        "name": name,
        "protected": False,
        **properties,
    }


def edge(type_: str, source: str, target: str, **properties: Any) -> dict[str, Any]:
    told = repr((source, target, sorted(properties.items())))
    digest = hashlib.md5(told.encode()).hexdigest()
    return {
        "edge_id": f"{type_}:{digest}",
        "type": type_,
        "source_id": source,
        "target_id": target,
        "origin_table": "owners",
        "origin_key": '{"org_id":"1"}',
        **properties,
    }


def write(engine: Engine, network: Network) -> None:
    """The network as a run would leave it in an engine's main schema."""
    engine.script(FOLDER / "macros.sql")
    _fill(engine, "nodes", NODE_COLUMNS + NODE_PROPERTIES, network.nodes, "node_id")
    engine.execute("UPDATE nodes SET search = search_lines(name, key)")
    order = "type, source_id, target_id, edge_id"
    _fill(engine, "edges", EDGE_COLUMNS + EDGE_PROPERTIES, network.edges, order)
    run_file.write(engine, "findings", network.findings)
    run_file.write(engine, "scores", network.scores)
    adjacency.lay(engine)


@contextmanager
def reading(network: Network) -> Iterator[EmbeddedReader]:
    """A reader of the network in memory."""
    with Engine(threads=1) as engine:
        write(engine, network)
        yield EmbeddedReader("run", engine, LOOKUPS)


def _fill(
    engine: Engine,
    table: str,
    columns: Sequence[Property],
    rows: Sequence[Mapping[str, Any]],
    order: str,
) -> None:
    structure = {
        column.name: [column.type[:-2]] if column.type.endswith("[]") else column.type
        for column in columns
    }
    lines = [json.dumps({name: row.get(name) for name in structure}, default=str) for row in rows]
    engine.execute(
        f"CREATE TABLE {table} AS FROM (SELECT unnest(json_transform_strict(line, $structure)) "
        f"FROM (SELECT unnest($lines::VARCHAR[]) AS line)) ORDER BY {order}",
        {"structure": json.dumps(structure), "lines": lines},
    )


# -- networks at random -------------------------------------------------------------------------

_KEYS = {
    "organisation": ("5520000018", "5520000026", "5520000034", "198001022386"),
    "person": ("198001022386", "198001022394", "syn:p1", "syn:p2"),
    "account": ("BG:9912346", "8327-90001"),
    "address": ("storgatan1|11418",),
}
_NAMES = ("Åsa Lind", "Asa Lind", "Lindén Omsorg AB", "Omsorg", None)
_TYPES = ("OWNS", "EMPLOYED_BY", "TRANSFERRED_TO", "SAME_AS")
FIRST = date(2025, 1, 1)
days = st.integers(0, 9).map(lambda number: FIRST + timedelta(days=number))


@st.composite
def networks(draw: st.DrawFn, most: int = 24) -> Network:
    """A few entities of some kinds, and ties of some types between any two, dated or not."""
    ids = [(kind, key) for kind, keys in _KEYS.items() for key in keys]
    chosen = draw(st.lists(st.sampled_from(ids), min_size=2, unique=True))
    nodes = [
        node(
            kind,
            key,
            draw(st.sampled_from(_NAMES)),
            registered_on=draw(st.none() | days) if kind == "organisation" else None,
        )
        for kind, key in sorted(chosen)
    ]
    ends = st.sampled_from([row["node_id"] for row in nodes])
    edges = []
    for _ in range(draw(st.integers(0, most))):
        type_ = draw(st.sampled_from(_TYPES))
        dated = draw(st.sampled_from(("not", "valid", "seen")))
        since = draw(st.none() | days) if dated == "valid" else None
        until = draw(st.none() | days) if dated == "valid" else None
        money = type_ == "TRANSFERRED_TO"
        first = draw(days) if dated == "seen" and money else None
        edges.append(
            edge(
                type_,
                draw(ends),
                draw(ends),
                valid_from=since,
                valid_to=until,
                first=first,
                last=None if first is None else first + timedelta(days=draw(st.integers(0, 3))),
                amount=draw(st.none() | st.integers(-5, 500)) if money else None,
                currency=draw(st.sampled_from(("SEK", "EUR"))) if money else None,
                interest=draw(st.sampled_from(("shares", "votes", "control")))
                if type_ == "OWNS"
                else None,
                share=draw(st.sampled_from((None, 0.25, 0.5, 1.0))) if type_ == "OWNS" else None,
            )
        )
    unique = {row["edge_id"]: row for row in edges}
    return Network(nodes, list(unique.values()))


def stands(row: Mapping[str, Any], as_of: date | None) -> bool:
    """Whether a relationship stands on a day, said once more."""
    if as_of is None:
        return True
    begun = all(row[name] is None or row[name] <= as_of for name in ("valid_from", "first"))
    return begun and (row["valid_to"] is None or row["valid_to"] > as_of)
