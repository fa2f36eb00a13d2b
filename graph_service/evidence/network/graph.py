"""The case's network as it is handed on: whom it is about, and what ties them together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

from graph_service.evidence.material import Entity, Material
from graph_service.evidence.recipients import Recipient
from graph_service.graph.declaration import (
    EDGE_PROPERTIES,
    KINDS,
    NODE_PROPERTIES,
    RELATIONSHIPS,
)

Value: TypeAlias = str | bool | int | float | Decimal | date | list[Any]

#: What XML 1.0 cannot hold (section 2.2), and no other format need.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
#: Record tables that each type leads back to; `*` is whichever names the parties.
_ORIGINS: Final = {each.type: frozenset(each.origins) for each in RELATIONSHIPS}
_ANY: Final = "*"
#: Tables that tell the number of an account.
_TELL_ACCOUNTS: Final = frozenset({"accounts", "invoices", "payments"})


@dataclass(frozen=True, slots=True)
class Node:
    """Somebody or something. `key` and `name` are None unless the recipient is told them.

    `roles` are role labels (`Worker`), `linked` that the case itself is about it.
    """

    reference: str
    kind: str
    key: str | None
    name: str | None
    roles: tuple[str, ...]
    linked: bool
    properties: Mapping[str, Value]

    @property
    def is_provider(self) -> bool:
        return "Provider" in self.roles


@dataclass(frozen=True, slots=True)
class Tie:
    """One relationship. Half-open validity: `valid_from` included, `valid_to` excluded."""

    tie_id: str
    type: str
    source: str
    target: str
    valid_from: date | None
    valid_to: date | None
    properties: Mapping[str, Value]

    @property
    def directed(self) -> bool:
        """Whether it reads from source to target only."""
        return self.type != "SAME_AS"


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes by reference; ties by type, ends and id. Every end is a node."""

    nodes: tuple[Node, ...]
    ties: tuple[Tie, ...]


def network_of(material: Material) -> Network:
    """The network that a package tells, in an order that only the facts decide.

    A tie goes along where the recipient is given a table that it leads back to; what no tie
    holds then, and the case is not about, stays out.
    """
    needed = sorted(each for each in _ORIGINS if _is_needed(each, material.recipient))
    ties = tuple(
        Tie(
            tie_id=row["edge_id"],
            type=row["type"],
            source=row["source_id"],
            target=row["target_id"],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            properties=_properties(material, row, [each.name for each in EDGE_PROPERTIES]),
        )
        for row in material.engine.rows(
            "FROM evidence_edges WHERE list_contains($needed, type) "
            "ORDER BY type, source_id, target_id, edge_id",
            {"needed": needed},
        )
    )
    tied = {end for tie in ties for end in (tie.source, tie.target)}
    entities = {each.reference: each for each in material.entities}
    nodes = tuple(
        _node(material, entities[row["node_id"]], row)
        for row in material.engine.rows("FROM evidence_nodes ORDER BY node_id")
        if row["node_id"] in tied or entities[row["node_id"]].linked
    )
    return Network(nodes, ties)


def _is_needed(tie_type: str, recipient: Recipient) -> bool:
    return _ANY in _ORIGINS[tie_type] or bool(_ORIGINS[tie_type] & recipient.tables)


def _node(material: Material, entity: Entity, row: Mapping[str, Any]) -> Node:
    is_told = entity.kind != "account" or bool(_TELL_ACCOUNTS & material.recipient.tables)
    return Node(
        reference=entity.reference,
        kind=entity.kind,
        key=_told(entity.key, entity) if is_told else None,
        name=_told(entity.name, entity) if is_told else None,
        roles=tuple(label for label in sorted(row["labels"]) if label != KINDS[entity.kind].name),
        linked=entity.linked,
        properties=_properties(material, row, [each.name for each in NODE_PROPERTIES]),
    )


def _told(value: str | None, entity: Entity) -> str | None:
    return None if value is None or value == entity.reference else xml_safe(value)


def _properties(
    material: Material, row: Mapping[str, Any], names: list[str]
) -> Mapping[str, Value]:
    return {
        name: xml_safe(material.told(value)) if isinstance(value, str) else value
        for name, value in ((name, row[name]) for name in names)
        if value is not None
    }


def xml_safe(text: str) -> str:
    """The text, with a replacement character for each that XML cannot hold."""
    return _UNPRINTABLE.sub(_REPLACEMENT, text)
