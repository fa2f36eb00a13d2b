"""What a published graph shows, told beside what its run file holds."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from graph_service.home import Home
from graph_service.run_file import RunFile
from graph_service.stores.neo4j.connection import Connection
from graph_service.stores.neo4j.publish import Published, publish
from graph_service.stores.neo4j.schema import OPEN
from tests.run_files import edge, finding, node

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
STAMPS = {"since", "until"}
_tokens = itertools.count()


ORG = node(
    "organisation",
    "5590000012",
    "Provider",
    name="Syntetisk Omsorg AB",
    share_capital_sek=Decimal("25000.5000"),
    registered_on=date(2020, 2, 29),
    f_tax=True,
    employees=12,
)
OTHER = node("organisation", "5590000020", name="Syntetisk Hjälp AB")
OWNER = node("person", "199001012385", "Owner", "Officer", name="Åsa Öberg")
HIDDEN = node("person", "syn:p1", "Client", protected=True)
ACCOUNT = node("account", "BG:99900011")
OWNS = edge(
    "OWNS", OWNER, ORG, interest="shares", share=Decimal("0.333333"), valid_from=date(2021, 1, 1)
)
HOLDS = edge("HOLDS_ACCOUNT", ORG, ACCOUNT, role="registered")
ALSO = edge("HOLDS_ACCOUNT", OTHER, ACCOUNT, role="invoiced", payments=3)
LOOP = edge(
    "TRANSFERRED_TO", ACCOUNT, ACCOUNT, payments=1, amount=Decimal("10.2500"), currency="SEK"
)
VISITED = edge(
    "VISITED", OWNER, HIDDEN, provider_id="5590000012", visits=2, minutes=90.5,
    first=date(2025, 1, 1), last=date(2025, 2, 3), by_month=[1, 1],
)  # fmt: skip
WORLD = ([ORG, OTHER, OWNER, HIDDEN, ACCOUNT], [OWNS, HOLDS, ALSO, LOOP, VISITED])
FOUND = finding("f1", ORG, ("provider", ORG), ("shared", ACCOUNT), ("other", OTHER))


def show(connection: Connection, home: Home, run: RunFile, **options: Any) -> Published:
    return publish(
        connection,
        home,
        run,
        clock=lambda: NOW,
        token=lambda: f"token-{next(_tokens)}",
        memory="512MiB",
        **options,
    )


def shown(connection: Connection) -> tuple[Counter[Any], Counter[Any]]:
    """What a reader of the pointer sees, as multisets without stamps."""
    nodes = connection.read(
        "MATCH (state:GraphServiceState {id: 'shown'}) MATCH (n:GraphService) "
        "WHERE n.since <= state.number AND state.number < n.until "
        "RETURN labels(n) AS labels, properties(n) AS properties",
        {},
        "nodes",
    )
    edges = connection.read(
        "MATCH (state:GraphServiceState {id: 'shown'}) "
        "MATCH (a:GraphService)-[r]->(b:GraphService) "
        "WHERE r.since <= state.number AND state.number < r.until "
        "AND a.since <= state.number AND state.number < a.until "
        "AND b.since <= state.number AND state.number < b.until "
        "RETURN type(r) AS type, a.node_id AS a, b.node_id AS b, properties(r) AS properties",
        {},
        "edges",
    )
    return (
        Counter(
            (frozenset(row["labels"]) - {"GraphService"}, told(row["properties"])) for row in nodes
        ),
        Counter((row["type"], row["a"], row["b"], told(row["properties"])) for row in edges),
    )


def told(properties: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in properties.items()
        if name not in STAMPS
    )


def sent(value: Any) -> Any:
    """A value of the run file as Neo4j holds it."""
    if isinstance(value, Decimal):
        return float(value)
    return tuple(sent(part) for part in value) if isinstance(value, list) else value


def plain(row: dict[str, Any], *without: str) -> frozenset[tuple[str, Any]]:
    return frozenset(
        (name, sent(value))
        for name, value in row.items()
        if value is not None and name not in without
    )


def expected(run: RunFile) -> tuple[Counter[Any], Counter[Any]]:
    """The same of the run file, row by row."""
    nodes: Counter[Any] = Counter()
    edges: Counter[Any] = Counter()
    with run.open() as engine:
        there = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
        for row in engine.rows("FROM nodes"):
            nodes[frozenset(row["labels"]), plain(row, "labels")] += 1
        for row in engine.rows("FROM edges"):
            of = plain(row, "type", "source_id", "target_id")
            edges[row["type"], row["source_id"], row["target_id"], of] += 1
        found = engine.rows("FROM findings")
        scored = engine.rows("FROM scores")
    pointed: list[tuple[str, str, str, dict[str, Any]]] = []
    for row in found:
        own = f"finding:{row['finding_id']}"
        exposure = row["exposure_sek"] or {"lower": None, "upper": None}
        properties = {
            "node_id": own,
            "kind": "finding",
            "key": row["finding_id"],
            **{name: row[name] for name in ("detector", "strength", "provider_id")},
            **{name: row[name] for name in ("events", "days")},
            "first": row["since"],
            "last": row["until"],
            "exposure_lower": exposure["lower"],
            "exposure_upper": exposure["upper"],
            "summary_sv": row["summary"]["sv"],
            "summary_en": row["summary"]["en"],
        }
        nodes[frozenset({"Finding"}), plain(properties)] += 1
        pointed += [
            ("CONCERNS", own, f"{who['kind']}:{who['id']}", {"role": who["role"]})
            for who in row["subjects"]
        ]
        pointed.append(("ABOUT", own, f"organisation:{row['provider_id']}", {}))
    for row in scored:
        own = f"score:{row['provider_id']}"
        properties = {
            "node_id": own,
            "kind": "score",
            "key": row["provider_id"],
            **{name: row[name] for name in ("provider_id", "score", "band", "rank")},
            **{name: row[name] for name in ("cannot_assess", "not_assessed")},
            "detectors": [part["detector"] for part in row["contributions"]],
            "points": [part["points"] for part in row["contributions"]],
        }
        nodes[frozenset({"Score"}), plain(properties)] += 1
        pointed.append(("SCORES", own, f"organisation:{row['provider_id']}", {}))
    for type_, source, target, properties in pointed:
        if target in there:
            edges[type_, source, target, plain(properties)] += 1
    return nodes, edges


def equal(connection: Connection, run: RunFile) -> None:
    """What is shown is what the run file holds; edge ids of indicators are ours to choose."""
    nodes, edges = shown(connection)
    wanted_nodes, wanted_edges = expected(run)
    assert nodes == wanted_nodes
    without = {"CONCERNS", "ABOUT", "SCORES"}
    assert wanted_edges == Counter(
        (type_, a, b, frozenset(p for p in of if type_ not in without or p[0] != "edge_id"))
        for (type_, a, b, of), n in edges.items()
        for _ in range(n)
    )


def leftovers(connection: Connection) -> tuple[int, int]:
    """Elements of ours that readers do not see."""
    row = connection.read(
        "MATCH (state:GraphServiceState {id: 'shown'}) WITH state.number AS run "
        "OPTIONAL MATCH (n:GraphService) WHERE NOT (n.since <= run AND n.until = $open) "
        "WITH run, count(n) AS nodes "
        "OPTIONAL MATCH (:GraphService)-[r]->(:GraphService) WHERE r.edge_id IS NOT NULL "
        "AND NOT (r.since <= run AND r.until = $open) RETURN nodes, count(r) AS edges",
        {"open": OPEN},
        "leftovers",
    )[0]
    return row["nodes"], row["edges"]
