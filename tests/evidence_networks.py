"""Networks told by hand and drawn at random, for tests of what is handed on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from graph_service.evidence.network.graph import Network, Node, Tie, Value, xml_safe
from graph_service.graph.declaration import (
    EDGE_PROPERTIES,
    KINDS,
    NODE_PROPERTIES,
    RELATIONSHIPS,
    Property,
)
from tests.house import organisation, person

HOSTILE = '=cmd|"/C calc"!A1 <&>\'\n\t]]> Åsa\x00\x1b \N{RIGHT-TO-LEFT OVERRIDE}Ö \U0001f600'
_KEYS = {
    "person": person(3),
    "organisation": organisation(4),
    "account": "BG:99900011",
    "municipality": "0000",
    "address": "storgatan 5|11122|exstad",
    "phone": "+46701740605",
    "email": "post@example.org",
}


def ref(kind: str, number: object = 0) -> str:
    """A reference that looks as one of a home."""
    digest = hashlib.sha256(f"{kind}:{number}".encode()).digest()
    return f"{kind}-{base64.b32encode(digest).decode().lower()[:26]}"


def node(kind: str, number: object = 0, **told: Any) -> Node:
    given: dict[str, Any] = {"key": _KEYS.get(kind, f"{kind} {number}"), "name": None}
    given |= {"roles": (), "linked": True, "properties": {}}
    return Node(reference=ref(kind, number), kind=kind, **given | told)


def tie(tie_type: str, source: Node, target: Node, number: int = 0, **properties: Value) -> Tie:
    tie_id = f"{tie_type}:{ref('x', (source.reference, target.reference, number))[2:]}"
    days = date(2020, 1, 1), date(2021, 1, 1)
    return Tie(tie_id, tie_type, source.reference, target.reference, *days, properties)


def network(nodes: Iterable[Node], ties: Iterable[Tie]) -> Network:
    return Network(
        tuple(sorted(nodes, key=lambda each: each.reference)),
        tuple(sorted(ties, key=lambda each: (each.type, each.source, each.target, each.tie_id))),
    )


def every_sort() -> Network:
    """Every kind of entity, told and masked, every type of tie, every property."""
    nodes, masked = {}, {}
    for kind, label in KINDS.items():
        properties = {
            each.name: _value(each) for each in NODE_PROPERTIES if each.name in label.properties
        }
        nodes[kind] = node(kind, name=f"Namn på {kind}", properties=properties)
        masked[kind] = node(kind, 1, key=None, linked=False)
    ties = []
    for each in RELATIONSHIPS:
        properties = {
            column.name: _value(column)
            for column in EDGE_PROPERTIES
            if column.name in each.properties
        }
        for number, (source, target) in enumerate(each.ends):
            ties.append(tie(each.type, nodes[source], nodes[target], number, **properties))
            ties.append(tie(each.type, masked[source], nodes[target], number))
    return network([*nodes.values(), *masked.values()], ties)


def _value(column: Property) -> Value:
    """A value of a column's type, and one of its own where it is a code."""
    codes = {"currency": "SEK", "country": "SE", "interest": "votes"}
    if column.name in codes:
        return codes[column.name]
    if column.type.endswith("[]"):
        return [1, 2]
    if column.type.startswith("DECIMAL"):
        return Decimal("0.5000")
    values: dict[str, Value] = {"DATE": date(2020, 2, 29), "BOOLEAN": True, "DOUBLE": 7.5}
    values |= {"BIGINT": 3, "VARCHAR": "uppgift"}
    return values[column.type]


def star(workers: int, clients: int) -> Network:
    """A provider, whom its workers visit clients for, each worker two of them."""
    provider = node("organisation", name="Linden Omsorg AB", roles=("Provider",))
    staff = [
        node("person", f"w{n}", name=f"Medarbetare {n}", roles=("Worker",)) for n in range(workers)
    ]
    cared = [
        node("person", f"c{n}", key=None, roles=("Client",), linked=False) for n in range(clients)
    ]
    ties = [tie("WORKED_FOR", each, provider, visits=12) for each in staff]
    ties += [tie("CARED_FOR_BY", each, provider, visits=3) for each in cared]
    for number, each in enumerate(staff):
        for client in {
            cared[number % clients].reference,
            cared[(7 * number + 1) % clients].reference,
        }:
            seen = next(one for one in cared if one.reference == client)
            ties.append(tie("VISITED", each, seen, visits=3, provider_id=provider.key or ""))
    return network([provider, *staff, *cared], ties)


#: Texts of every character that a file can hold, as a network tells them.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).map(xml_safe)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks with several ties between the same two, ties to oneself, and hostile texts."""
    nodes = [
        node(
            draw(st.sampled_from(["organisation", "person", *sorted(KINDS)])),
            number,
            key=draw(st.none() | texts),
            name=draw(st.none() | texts),
            linked=draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 6)))
    ]
    possible = [
        (each.type, one, other)
        for each in RELATIONSHIPS
        for one in nodes
        for other in nodes
        if (one.kind, other.kind) in each.ends
    ]
    ties = []
    for number in range(draw(st.integers(0, 12)) if possible else 0):
        tie_type, one, other = draw(st.sampled_from(possible))
        properties: dict[str, Value] = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "visits": st.integers(0, 10**6),
                    "share": st.decimals(0, 1, places=6),
                    "role": texts,
                    "amount": st.decimals(-(10**9), 10**9, places=4),
                    "first": st.dates(),
                },
            )
        )
        ties.append(tie(tie_type, one, other, number, **properties))
    return network(nodes, ties)
