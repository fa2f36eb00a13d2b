"""The graph: its columns, labels and relationship types, each spelled once, in the files beside.

The tables `nodes` and `edges`, the reference in `docs/graph.md` and what a store publishes
follow from these declarations; a test holds the SQL files beside them to what is declared.
"""

from __future__ import annotations

from typing import Final

from graph_service.graph.columns import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    NODE_COLUMNS,
    NODE_PROPERTIES,
    Property,
)
from graph_service.graph.labels import KINDS, LABELS, Label
from graph_service.graph.relationships import RELATIONSHIPS, Relationship

__all__ = [
    "DERIVATIONS",
    "EDGE_COLUMNS",
    "EDGE_PROPERTIES",
    "KINDS",
    "LABELS",
    "NODE_COLUMNS",
    "NODE_PROPERTIES",
    "RELATIONSHIPS",
    "Label",
    "Property",
    "Relationship",
]

#: The SQL files beside this one, in the order in which they run: what others read comes first.
DERIVATIONS: Final = (
    "macros",
    "ties",
    "mentions",
    "owns",
    "officer_of",
    "employed_by",
    "enrolled_with",
    "visited",
    "worked_for",
    "cared_for_by",
    "served_in",
    "active_in",
    "uses_login",
    "signed_in_on",
    "has_tag",
    "resides_at",
    "registered_at",
    "reached_at",
    "holds_account",
    "holds_permit",
    "decided_for",
    "contracted_by",
    "governs",
    "subcontracts_to",
    "placed_with",
    "acts_for",
    "under_ban",
    "changed",
    "reviewed",
    "invoiced",
    "billed_for",
    "payable_to",
    "settles",
    "paid_to",
    "transferred_to",
    "organisations",
    "persons",
    "addresses",
    "contacts",
    "identifiers",
    "municipalities",
    "events",
    "documents",
    "finish",
)
