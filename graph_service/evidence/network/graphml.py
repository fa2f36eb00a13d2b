"""GraphML: the network for networkx, Gephi, yEd, Cytoscape and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from lxml import etree

from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.words import node_label, tie_label

NAMESPACE: Final = "http://graphml.graphdrawing.org/xmlns"
#: Types of attributes that GraphML knows (Primer 1.0, "GraphML-Attributes"), by ours.
_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "long",
    float: "double",
    Decimal: "double",
    date: "string",
    list: "string",
}


def write(network: Network, path: Path) -> None:
    """Write the network; what is not known has no attribute, days are ISO 8601."""
    nodes = [(node.reference, None, dict(_of_node(node))) for node in network.nodes]
    ties = [(tie.tie_id, (tie.source, tie.target), dict(_of_tie(tie))) for tie in network.ties]
    keys = {
        **_keys("node", (attributes for *_, attributes in nodes)),
        **_keys("edge", (attributes for *_, attributes in ties)),
    }
    with etree.xmlfile(str(path), encoding="utf-8") as file:
        file.write_declaration()
        with file.element("graphml", nsmap={None: NAMESPACE}):
            file.write("\n")
            for (domain, name), kind in keys.items():
                key = {"id": f"{domain}_{name}", "for": domain, "attr.name": name}
                file.write(etree.Element("key", {**key, "attr.type": kind}), "\n")
            with file.element("graph", edgedefault="directed"):
                file.write("\n")
                for node_id, _, attributes in nodes:
                    _element(file, "node", {"id": node_id}, attributes)
                for tie_id, (source, target), attributes in ties:
                    ends = {"id": tie_id, "source": source, "target": target}
                    _element(file, "edge", ends, attributes)
            file.write("\n")


def _element(file: Any, tag: str, named: Mapping[str, str], attributes: Mapping[str, Any]) -> None:
    element = etree.Element(tag, dict(named))
    for name, value in attributes.items():
        data = etree.SubElement(element, "data", {"key": f"{tag}_{name}"})
        data.text = _text(value)
    file.write(element, "\n")


def _of_node(node: Node) -> Iterator[tuple[str, Any]]:
    yield "label", node_label(node)
    yield "kind", node.kind
    if node.key is not None:
        yield "key", node.key
    if node.name is not None:
        yield "name", node.name
    if node.roles:
        yield "roles", list(node.roles)
    yield "linked", node.linked
    yield from node.properties.items()


def _of_tie(tie: Tie) -> Iterator[tuple[str, Any]]:
    yield "label", tie_label(tie)
    yield "type", tie.type
    if tie.valid_from is not None:
        yield "valid_from", tie.valid_from
    if tie.valid_to is not None:
        yield "valid_to", tie.valid_to
    yield from tie.properties.items()


def _keys(domain: str, told: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The attributes that occur, with their types, in order of name."""
    found = {
        (domain, name): _TYPES[type(value)]
        for attributes in told
        for name, value in attributes.items()
    }
    return dict(sorted(found.items()))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(_text(part) for part in value)
    return value.isoformat() if isinstance(value, date) else str(value)
