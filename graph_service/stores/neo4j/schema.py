"""Cypher made from the closed declaration of the graph; every such text is made here.

Each node of ours carries `GraphService` beside its own labels, and each node and relationship
`since` and `until`: the publishes that show it, `until` excluded. Names come from declarations
alone; values always travel as parameters, a row as a list in the order of `columns`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    LABELS,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    RELATIONSHIPS,
    Label,
    Property,
    Relationship,
)

#: The label that every node of ours carries; constraints and look-ups stand on it.
OURS: Final = "GraphService"
#: `until` of what no publish has closed: the largest integer that Neo4j holds.
OPEN: Final = 2**63 - 1

FINDING: Final = Label(
    "Finding",
    "finding",
    "an indicator about one provider; whole, with its evidence, in the run file",
    (
        "detector",
        "strength",
        "provider_id",
        "first",
        "last",
        "events",
        "days",
        "exposure_lower",
        "exposure_upper",
        "summary_sv",
        "summary_en",
    ),
)
SCORE: Final = Label(
    "Score",
    "score",
    "a provider's score and what it is made of",
    (
        "provider_id",
        "score",
        "band",
        "rank",
        "detectors",
        "points",
        "cannot_assess",
        "not_assessed",
    ),
)
INDICATOR_PROPERTIES: Final = (
    Property("detector", "VARCHAR", "the room that found it"),
    Property("strength", "VARCHAR", "hard, stat or net"),
    Property("provider_id", "VARCHAR", "org_id of the provider"),
    Property("first", "DATE", "included"),
    Property("last", "DATE", "included"),
    Property("events", "BIGINT", ""),
    Property("days", "BIGINT", ""),
    Property("exposure_lower", "DOUBLE", "SEK; null where it cannot be computed"),
    Property("exposure_upper", "DOUBLE", "SEK; null where it cannot be computed"),
    Property("summary_sv", "VARCHAR", ""),
    Property("summary_en", "VARCHAR", ""),
    Property("score", "DOUBLE", "0 to 100; null where it cannot be assessed"),
    Property("band", "VARCHAR", "review, watch, none or cannot_assess"),
    Property("rank", "BIGINT", ""),
    Property("detectors", "VARCHAR[]", "what contributes, the same order as `points`"),
    Property("points", "DOUBLE[]", "they sum to the score"),
    Property("cannot_assess", "VARCHAR[]", "the data that is missing"),
    Property("not_assessed", "VARCHAR[]", "families that lack their data"),
)
CONCERNS: Final = Relationship(
    "CONCERNS",
    "is about this one, in a role",
    (),
    ("findings",),
    ("role",),
)
ABOUT: Final = Relationship("ABOUT", "is about this provider", (), ("findings",))
SCORES: Final = Relationship("SCORES", "is the score of this provider", (), ("scores",))

_INDICATORS: Final = (FINDING, SCORE)
_POINTERS: Final = (CONCERNS, ABOUT, SCORES)
#: Every label and relationship type that a publish writes.
PUBLISHED_LABELS: Final[Mapping[str, Label]] = MappingProxyType(
    {label.name: label for label in (*LABELS, *_INDICATORS)}
)
PUBLISHED_TYPES: Final[Mapping[str, Relationship]] = MappingProxyType(
    {each.type: each for each in (*RELATIONSHIPS, *_POINTERS)}
)

_ENDS: Final = ("source_id", "target_id")
_NODE_KEYS: Final = tuple(column.name for column in NODE_COLUMNS if column.name != "labels")
_EDGE_KEYS: Final = tuple(
    column.name for column in EDGE_COLUMNS if column.name not in {"type", *_ENDS}
)
_DECLARED: Final = (
    *NODE_COLUMNS,
    *NODE_PROPERTIES,
    *EDGE_COLUMNS,
    *EDGE_PROPERTIES,
    *INDICATOR_PROPERTIES,
)
_DATES: Final = frozenset(each.name for each in _DECLARED if each.type == "DATE")
#: Findings and scores lead back to the run file, not to records.
_INDICATOR_KEYS: Final = ("node_id", "kind", "key")

#: What must stand before anything is written: an element is one version of one node.
CONSTRAINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "graph_service_version": (
            "CREATE CONSTRAINT graph_service_version IF NOT EXISTS "
            f"FOR (n:{OURS}) REQUIRE (n.node_id, n.since) IS UNIQUE"
        ),
        "graph_service_state": (
            "CREATE CONSTRAINT graph_service_state IF NOT EXISTS "
            "FOR (n:GraphServiceState) REQUIRE n.id IS UNIQUE"
        ),
    }
)
#: What readers need; filled at once after a first publish, since that is faster. None is on
#: `until`, the one property that changes in place: an entry that moves under a scan is missed.
INDEXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "graph_service_node": (
            f"CREATE INDEX graph_service_node IF NOT EXISTS FOR (n:{OURS}) ON (n.node_id)"
        ),
        "graph_service_text": (
            f"CREATE TEXT INDEX graph_service_text IF NOT EXISTS FOR (n:{OURS}) ON (n.search)"
        ),
    }
)

#: How much of ours there is, from the counts that the store keeps: one look, however large.
COUNT: Final = (
    f"CALL () {{ MATCH (n:{OURS}) RETURN count(n) AS nodes }} "
    f"CALL () {{ MATCH (:{OURS})-[r:{'|'.join(PUBLISHED_TYPES)}]->() "
    "RETURN count(r) AS relationships } RETURN nodes, relationships"
)


def node_columns(labels: Iterable[str]) -> tuple[str, ...]:
    """The columns that nodes with these labels publish, in the order of a row."""
    declared = [PUBLISHED_LABELS[name] for name in labels]
    keys = _INDICATOR_KEYS if declared[0] in _INDICATORS else _NODE_KEYS
    return (*keys, *dict.fromkeys(name for label in declared for name in label.properties))


def edge_columns(type_: str) -> tuple[str, ...]:
    """The columns that relationships of a type publish, after the places of their two ends."""
    declared = PUBLISHED_TYPES[type_]
    keys = ("edge_id",) if declared in _POINTERS else _EDGE_KEYS
    return (*keys, *declared.properties)


def create_nodes(labels: Sequence[str]) -> str:
    """Writes nodes of one set of labels; returns each one's place, by which its ends are found."""
    marked = "".join(f":{name}" for name in (OURS, *labels))
    return (
        "MATCH (:GraphServiceState {id: 'shown', claim: $claim}) UNWIND $rows AS row "
        f"CREATE (n{marked} {_properties(node_columns(labels), 0)}) "
        "RETURN n.node_id AS node_id, id(n) AS place"
    )


def create_edges(type_: str) -> str:
    """Writes relationships of one type; a row begins with the places of its two ends."""
    return (
        "MATCH (:GraphServiceState {id: 'shown', claim: $claim}) UNWIND $rows AS row "
        f"MATCH (source:{OURS}) WHERE id(source) = row[0] "
        f"MATCH (target:{OURS}) WHERE id(target) = row[1] "
        f"CREATE (source)-[:{PUBLISHED_TYPES[type_].type} {_properties(edge_columns(type_), 2)}]->"
        "(target)"
    )


def close_edges(type_: str, *, outgoing: bool) -> str:
    """Closes relationships of one type; a row is one end of them, and their ids."""
    there, back = ("-", "->") if outgoing else ("<-", "-")
    return (
        "MATCH (:GraphServiceState {id: 'shown', claim: $claim}) UNWIND $rows AS row "
        f"MATCH (n:{OURS} {{node_id: row[0]}}) WHERE n.since <= $shown AND n.until > $shown "
        f"MATCH (n){there}[r:{PUBLISHED_TYPES[type_].type}]{back}() "
        "WHERE r.edge_id IN row[1] AND r.since <= $shown AND r.until > $shown "
        "SET r.until = $number RETURN id(r) AS place"
    )


def published_type(declared: str) -> str:
    """The SQL type that a column is sent as: Neo4j has floats, not decimals.

    A date goes as text: the driver takes ten times as long over one of its own.
    """
    if declared == "DATE":
        return "VARCHAR"
    if not declared.startswith("DECIMAL"):
        return declared
    return "DOUBLE[]" if declared.endswith("[]") else "DOUBLE"


def digest() -> str:
    """Differs whenever what is published of an unchanged run file would."""
    texts = [
        *(create_nodes([name]) for name in PUBLISHED_LABELS),
        *(create_edges(type_) for type_ in PUBLISHED_TYPES),
        *(f"{each.name} {each.type}" for each in _DECLARED),
    ]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _properties(columns: Sequence[str], first: int) -> str:
    given = [
        f"{name}: date(row[{place}])" if name in _DATES else f"{name}: row[{place}]"
        for place, name in enumerate(columns, start=first)
    ]
    return "{" + ", ".join([*given, "since: $number", f"until: {OPEN}"]) + "}"
