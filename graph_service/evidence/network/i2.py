"""i2 Analyst's Notebook and iBase: two CSV files, and a page that says which column is what.

Commas, since the importer knows a comma-separated .csv unasked; one item a line, since it reads
no item across lines (i2 user help, "Import data formats"); UTF-8 with a byte order mark; days as
yyyy-MM-dd. Direction and strength stand in words and in iBase's codes ("Specifying information
about links"). A text that a spreadsheet would run as a formula gets an apostrophe before it
(OWASP, "CSV Injection"); numbers of our own do not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.words import (
    kind_word,
    node_label,
    role_words,
    tie_label,
    tie_type,
)
from graph_service.texts import text

ENTITY_COLUMNS: Final = (
    "identity",
    "type",
    "label",
    "kind",
    "number",
    "roles",
    "in_case",
    "status",
    "registered_on",
    "deregistered_on",
    "street",
    "postcode",
    "city",
    "latitude",
    "longitude",
)
LINK_COLUMNS: Final = (
    "identity",
    "end1_identity",
    "end1_type",
    "end1_label",
    "end2_identity",
    "end2_type",
    "end2_label",
    "type",
    "label",
    "kind",
    "direction",
    "direction_code",
    "date",
    "valid_from",
    "valid_to",
    "first",
    "last",
    "strength",
    "strength_code",
    "visits",
    "minutes",
    "share",
    "role",
    "payments",
    "amount",
    "currency",
    "service",
    "municipality",
    "provider",
)
_BEGINS_FORMULA: Final = ("=", "+", "-", "@")
_CONFIRMED, _UNCONFIRMED, _TENTATIVE = ("Confirmed", 0), ("Unconfirmed", 1), ("Tentative", 2)
#: How an account is known where no register gives it to its holder.
_CONCLUDED: Final = frozenset({"invoiced", "paid"})


def write_entities(network: Network, path: Path) -> None:
    """One row an entity."""
    _write(path, ENTITY_COLUMNS, (_of_node(node) for node in network.nodes))


def write_links(network: Network, path: Path) -> None:
    """One row a relationship, with both its ends."""
    nodes = {node.reference: node for node in network.nodes}
    _write(path, LINK_COLUMNS, (_of_tie(tie, nodes) for tie in network.ties))


def write_guide(path: Path) -> None:
    """Which column is what in the import wizard, in Swedish and in English."""
    path.write_text("\n\n".join(_guide(language) for language in ("sv", "en")), encoding="utf-8")


def _guide(language: str) -> str:
    parts = [text(language, "i2", "intro")]
    for file, columns in (("entities", ENTITY_COLUMNS), ("links", LINK_COLUMNS)):
        parts.append(text(language, "i2", file))
        width = max(map(len, columns))
        parts += [
            f"  {column:<{width}}  {text(language, f'i2_{file}', column)}" for column in columns
        ]
    parts.append(text(language, "i2", "after"))
    return "\n".join(parts) + "\n"


def _of_node(node: Node) -> dict[str, Any]:
    told = node.properties
    return {
        "identity": node.reference,
        "type": text("en", "i2_type", node.kind),
        "label": node_label(node),
        "kind": kind_word(node.kind),
        "number": node.key,
        "roles": ", ".join(role_words(node)),
        "in_case": "ja" if node.linked else "nej",
        "latitude": told.get("lat"),
        "longitude": told.get("lon"),
    } | {name: told.get(name) for name in ENTITY_COLUMNS if name in told}


def _of_tie(tie: Tie, nodes: Mapping[str, Node]) -> dict[str, Any]:
    told = tie.properties
    strength, strength_code = _strength(tie)
    return {
        "identity": tie.tie_id,
        **_end("end1", nodes[tie.source]),
        **_end("end2", nodes[tie.target]),
        "type": tie_type(tie, "en"),
        "label": tie_label(tie),
        "kind": tie.type,
        "direction": "End 1 to End 2" if tie.directed else "None",
        "direction_code": 1 if tie.directed else 0,
        "date": told.get("first", tie.valid_from),
        "valid_from": tie.valid_from,
        "valid_to": tie.valid_to,
        "strength": strength,
        "strength_code": strength_code,
        "provider": told.get("provider_id"),
    } | {name: told.get(name) for name in LINK_COLUMNS if name in told}


def _end(end: str, node: Node) -> dict[str, Any]:
    kind = text("en", "i2_type", node.kind)
    return {
        f"{end}_identity": node.reference,
        f"{end}_type": kind,
        f"{end}_label": node_label(node),
    }


def _strength(tie: Tie) -> tuple[str, int]:
    """What the records say is confirmed, what follows from them not, a likeness is tentative."""
    if tie.type == "SAME_AS":
        return _TENTATIVE
    if tie.type == "HOLDS_ACCOUNT" and tie.properties.get("role") in _CONCLUDED:
        return _UNCONFIRMED
    return _CONFIRMED


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        line = " ".join(value.split())
        return f"'{line}" if line.startswith(_BEGINS_FORMULA) else line
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)
