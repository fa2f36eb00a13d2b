"""FollowTheMoney: the network as Aleph and its kin read it, one entity a line.

Ids are the package's references; a relationship is an entity too, with an id of its own. What
FollowTheMoney has no schema for is an Asset, where it can be had, or else a Note; `summary` says
what it is. A payment needs parties: money between accounts is told of the one who holds each by
the ties at hand, and where nobody or several do it is a plain link.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.words import (
    kind_word,
    node_label,
    percent,
    role_words,
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
    "decision": "Note",
    "ban": "Note",
    "change": "Note",
    "review": "Note",
}
#: Of what an organisationsnummer begins with: state and municipalities 2, associations 7 and 8.
_PUBLIC, _ASSOCIATIONS = "2", ("7", "8")
_ORGANISATIONSNUMMER: Final = 10
_ELSE: Final = "Asset"
_TIES: Final[Mapping[str, tuple[str, str, str]]] = {
    # type: (schema, property of the source, property of the target)
    "OWNS": ("Ownership", "owner", "asset"),
    "HOLDS_ACCOUNT": ("Ownership", "owner", "asset"),
    "OFFICER_OF": ("Directorship", "director", "organization"),
    "EMPLOYED_BY": ("Employment", "employee", "employer"),
    "ACTS_FOR": ("Representation", "agent", "client"),
    "SAME_AS": ("Similar", "candidate", "match"),
}


def write(network: Network, path: Path) -> None:
    """Write entities, then relationships."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entity in _entities(network):
            file.write(json.dumps(entity, ensure_ascii=False, sort_keys=True) + "\n")


def _entities(network: Network) -> Iterator[Mapping[str, Any]]:
    nodes = {node.reference: node for node in network.nodes}
    addresses: dict[str, set[str]] = {}
    holders: dict[str, set[str]] = {}
    for tie in network.ties:
        if nodes[tie.target].kind == "address":
            addresses.setdefault(tie.source, set()).add(tie.target)
        if tie.type == "HOLDS_ACCOUNT":
            holders.setdefault(tie.target, set()).add(tie.source)
    for node in network.nodes:
        located = {"addressEntity": sorted(addresses.get(node.reference, ()))}
        yield _entity(node.reference, schema_of(node), _of_node(node) | located)
    for tie in network.ties:
        ends = nodes[tie.source], nodes[tie.target]
        parties = [_party(end, holders) for end in ends]
        if tie.type == "TRANSFERRED_TO" and all(parties):
            yield _payment(tie, ends, parties)
        else:
            yield _of_tie(tie, *ends)


def _party(node: Node, holders: Mapping[str, set[str]]) -> str | None:
    """Whose money it is: the party, or the one party that holds the account."""
    if node.kind != "account":
        return node.reference
    known = holders.get(node.reference, set())
    return next(iter(known)) if len(known) == 1 else None


def schema_of(node: Node) -> str:
    """The schema of an entity."""
    if node.kind != "organisation":
        return _SCHEMAS.get(node.kind, _ELSE)
    key = node.key or ""
    if len(key) == _ORGANISATIONSNUMMER and key.startswith(_PUBLIC):
        return "PublicBody"
    if len(key) == _ORGANISATIONSNUMMER and key.startswith(_ASSOCIATIONS):
        return "Organization"
    return "Company"


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
                "full": node.name or node.key,
                "street": told.get("street"),
                "postalCode": told.get("postcode"),
                "city": told.get("city"),
                "latitude": told.get("lat"),
                "longitude": told.get("lon"),
            }
        case "login" | "phone" | "email":
            contact = {} if node.kind == "login" else {node.kind: node.key}
            return common | {"username": node.key or node.reference} | contact
        case "decision" | "ban" | "change" | "review":
            facts = (f"{name}: {_values(value)[0]}" for name, value in told.items())
            return common | {"description": ", ".join(facts)}
        case _:
            return common | {"amount": told.get("amount"), "currency": told.get("currency")}


def _of_tie(tie: Tie, source: Node, target: Node) -> Mapping[str, Any]:
    common = _common(tie)
    if tie.type in _TIES and (tie.type != "OWNS" or schema_of(target) == "Company"):
        schema, of_source, of_target = _TIES[tie.type]
        ends = {of_source: source.reference, of_target: target.reference}
        more = {"confidenceScore": tie.properties.get("probability")}
        if tie.type != "SAME_AS":
            more = common | {"role": _role(tie)} | _holding(tie)
        return _entity(_tie_id(tie), schema, ends | more)
    ends = {"subject": source.reference, "object": target.reference}
    return _entity(_tie_id(tie), "UnknownLink", common | ends | {"role": tie_type(tie)})


def _payment(tie: Tie, ends: tuple[Node, Node], parties: Sequence[str | None]) -> Mapping[str, Any]:
    told = tie.properties
    money = {"amount": told.get("amount"), "currency": told.get("currency")}
    for name, end, party in zip(("payer", "beneficiary"), ends, parties, strict=True):
        money[name] = party
        if end.kind == "account":
            money[f"{name}Account"] = end.reference
    return _entity(_tie_id(tie), "Payment", _common(tie) | money)


def _common(tie: Tie) -> dict[str, Any]:
    told = tie.properties
    return {
        "startDate": tie.valid_from or told.get("first"),
        "endDate": tie.valid_to or told.get("last"),
        "summary": tie_label(tie),
        "recordId": told.get("reference"),
    }


def _tie_id(tie: Tie) -> str:
    """An id of letters, digits and hyphens, as the model wants them."""
    return tie.tie_id.replace(":", "-").replace("_", "-")


def _role(tie: Tie) -> object:
    return tie.properties.get("title") or tie.properties.get("role")


def _holding(tie: Tie) -> dict[str, Any]:
    share = tie.properties.get("share")
    return {
        "percentage": f"{percent(share):f}" if isinstance(share, Decimal) else None,
        "ownershipType": tie.properties.get("interest"),
    }


def _entity(entity_id: str, schema: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {name: _values(value) for name, value in told.items() if value}
    return {"id": entity_id, "schema": schema, "properties": properties}


def _values(value: Any) -> list[str]:
    if isinstance(value, list):
        return value
    if isinstance(value, Decimal):
        return [f"{value:f}"]
    if isinstance(value, str):
        return [" ".join(value.split())]
    return [value.isoformat() if isinstance(value, date) else str(value)]
