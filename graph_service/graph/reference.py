"""The reference page of the graph, made from its declaration.

`python -m graph_service.graph.reference` writes it to `docs/graph.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    KINDS,
    LABELS,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    RELATIONSHIPS,
    Property,
)

PAGE: Final = Path(__file__).parents[2] / "docs" / "graph.md"

_INTRODUCTION: Final = """\
# The graph

Made from `graph_service/graph/declaration.py`; do not edit by hand.

A run file has the graph in two tables, `nodes` and `edges`, derived from the records by the SQL
files in `graph_service/graph/`. Single visits stay in the lake. Days and months are those of
Stockholm. A node or an edge leads back to the records: `origin_table`, and in `origin_key` the
values that its rows there have (null: the column is empty). As of a day, what starts later is
unseen and later ends are open."""


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield from ("", "## nodes", "")
    yield from _columns(NODE_COLUMNS)
    yield from ("", "## Labels", "")
    yield from ("| label | on | means | properties |", "| --- | --- | --- | --- |")
    for label in LABELS:
        kind = label.kind if label.role else f"**{label.kind}**"
        yield f"| {label.name} | {kind} | {label.means} | {', '.join(label.properties)} |"
    yield from ("", "## Properties of nodes", "")
    yield from _columns(NODE_PROPERTIES)
    yield from ("", "## edges", "")
    yield from _columns(EDGE_COLUMNS)
    yield from ("", "## Relationship types", "")
    yield from ("| type | from → to | means | properties |", "| --- | --- | --- | --- |")
    for relationship in RELATIONSHIPS:
        ends = ", ".join(
            f"{KINDS[source].name} → {KINDS[target].name}" for source, target in relationship.ends
        )
        properties = ", ".join(relationship.properties)
        yield f"| {relationship.type} | {ends} | {relationship.means} | {properties} |"
    yield from ("", "## Properties of edges", "")
    yield from _columns(EDGE_PROPERTIES)


def _columns(columns: Iterable[Property]) -> Iterator[str]:
    yield from ("| column | type | means |", "| --- | --- | --- |")
    for column in columns:
        yield f"| {column.name} | {column.type} | {column.means} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
