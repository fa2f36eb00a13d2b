"""FollowTheMoney: the network as Aleph and its kin read it, one entity a line.

Ids are the package's references; a relationship is an entity too, with an id of its own. What
FollowTheMoney has no schema for is told as the nearest one, and `summary` says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.words import (
    kind_word,
    node_label,
    role_words,
    tie_detail,
    tie_label,
    tie_type,
)

_SCHEMAS: Final[Mapping[str, str]] = {
    "person": "Person",
    "account": "BankAccount",
    "address": "Address",
    "municipality": "PublicBody",
    "login": "UserAccount",
    "phone": "UserAccount",
    "email": "UserAccount",
    "payment": "Payment",
}
#: Of what an organisationsnummer begins with: state and municipalities 2, associations 7 and 8.
_PUBLIC, _ASSOCIATIONS = "2", ("7", "8")
_ELSE: Final = "Asset"
_SOURCES: Final[Mapping[str, tuple[str, str, str]]] = {
    # type: (schema, property of the source, property of the target)
    "OWNS": ("Ownership", "owner", "asset"),
    "HOLDS_ACCOUNT": ("Ownership", "owner", "asset"),
    "OFFICER_OF": ("Directorship", "director", "organization"),
    "EMPLOYED_BY": ("Employment", "employee", "employer"),
    "ACTS_FOR": ("Representation", "agent", "client"),
}
_ASSETS: Final = frozenset({"Company", "BankAccount"})


def write(network: Network, path: Path) -> None:
    """Write entities, then relationships."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entity in _entities(network):
            file.write(json.dumps(entity, ensure_ascii=False, sort_keys=True) + "\n")


def _entities(network: Network) -> Iterator[Mapping[str, Any]]:
    nodes = {node.reference: node for node in network.nodes}
    addresses: dict[str, list[str]] = {}
    paid: dict[str, list[Tie]] = {}
    for tie in network.ties:
        if nodes[tie.target].kind == "address":
            addresses.setdefault(tie.source, []).append(tie.target)
        if nodes[tie.source].kind == "payment":
            paid.setdefault(tie.source, []).append(tie)
    for node in network.nodes:
        more: dict[str, Any] = {"addressEntity": sorted(set(addresses.get(node.reference, ())))}
        if node.kind == "payment":
            more = _of_payment(node, paid.get(node.reference, ()), nodes)
        yield _entity(node.reference, schema_of(node), _of_node(node) | more)
    for tie in network.ties:
        if "payment" not in (nodes[tie.source].kind, nodes[tie.target].kind):
            yield _of_tie(tie, nodes[tie.source], nodes[tie.target])


def schema_of(node: Node) -> str:
    """The schema of an entity."""
    if node.kind != "organisation":
        return _SCHEMAS.get(node.kind, _ELSE)
    number = node.key or ""
    if number.startswith(_PUBLIC) and len(number) == 10:
        return "PublicBody"
    return "Organization" if number.startswith(_ASSOCIATIONS) else "Company"


def _of_node(node: Node) -> dict[str, Any]:
    told = node.properties
    common = {
        "name": node_label(node) if node.name or node.key else node.reference,
        "summary": ", ".join(role_words(node)) or kind_word(node.kind),
    }
    match node.kind:
        case "person":
            return common | {"idNumber": node.key, "deathDate": told.get("deceased_on")}
        case "organisation":
            return common | {
                "registrationNumber": node.key,
                "legalForm": told.get("legal_form"),
                "jurisdiction": str(told.get("country", "")).lower() or None,
                "sector": told.get("industry"),
                "status": told.get("status"),
                "incorporationDate": told.get("registered_on"),
                "dissolutionDate": told.get("deregistered_on"),
            }
        case "account":
            is_iban = node.key is not None and node.key[:2].isalpha() and node.key[2:4].isdigit()
            return common | {"iban" if is_iban else "accountNumber": node.key}
        case "address":
            return common | {
                "full": node.key,
                "street": told.get("street"),
                "postalCode": told.get("postcode"),
                "city": told.get("city"),
                "latitude": told.get("lat"),
                "longitude": told.get("lon"),
            }
        case "login" | "phone" | "email":
            number = {"phone": "number", "email": "email"}.get(node.kind)
            return (
                common
                | {"username": node.key or node.reference}
                | ({number: node.key} if number else {})
            )
        case _:
            return common


def _of_payment(node: Node, ties: Iterable[Tie], nodes: Mapping[str, Node]) -> dict[str, Any]:
    told = node.properties
    paid = {
        "date": told.get("paid_on"),
        "amount": told.get("amount"),
        "currency": told.get("currency"),
        "purpose": told.get("purpose"),
        "transactionNumber": node.key,
        "name": None,
    }
    for tie in ties:
        target = nodes[tie.target]
        if tie.type == "PAID_TO":
            paid[_money_end("beneficiary", target)] = target.reference
        else:
            paid["description"] = f"{tie_label(tie)} {node_label(target)}"
    return paid


def _of_tie(tie: Tie, source: Node, target: Node) -> Mapping[str, Any]:
    told = tie.properties
    common = {
        "startDate": tie.valid_from or told.get("first"),
        "endDate": tie.valid_to or told.get("last"),
        "summary": tie_label(tie),
        "recordId": told.get("reference"),
    }
    tie_id = tie.tie_id.replace(":", "-")
    if tie.type == "TRANSFERRED_TO":
        ends = {
            _money_end("payer", source): source.reference,
            _money_end("beneficiary", target): target.reference,
        }
        money = {"amount": told.get("amount"), "currency": told.get("currency")}
        return _entity(tie_id, "Payment", common | ends | money)
    if tie.type in _SOURCES and (tie.type != "OWNS" or schema_of(target) in _ASSETS):
        schema, of_source, of_target = _SOURCES[tie.type]
        ends = {of_source: source.reference, of_target: target.reference}
        return _entity(tie_id, schema, common | ends | {"role": _role(tie)} | _holding(tie))
    ends = {"subject": source.reference, "object": target.reference}
    return _entity(tie_id, "UnknownLink", common | ends | {"role": tie_type(tie)})


def _role(tie: Tie) -> object:
    return tie.properties.get("title") or tie.properties.get("role")


def _holding(tie: Tie) -> dict[str, Any]:
    share = tie.properties.get("share")
    if tie.type != "OWNS":
        return {}
    return {
        "percentage": tie_detail(tie).partition(" %")[0] if share is not None else None,
        "ownershipType": tie.properties.get("interest"),
    }


def _money_end(end: str, node: Node) -> str:
    return f"{end}Account" if node.kind == "account" else end


def _entity(entity_id: str, schema: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {name: _values(value) for name, value in told.items() if value}
    return {"id": entity_id, "schema": schema, "properties": properties}


def _values(value: Any) -> list[str]:
    if isinstance(value, list):
        return value
    if isinstance(value, Decimal):
        return [f"{value:f}"]
    return [value.isoformat() if isinstance(value, date) else str(value)]
