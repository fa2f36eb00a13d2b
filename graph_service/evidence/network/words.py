"""How the network is worded: in Swedish, and kinds and types in English too."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from graph_service.evidence.network.graph import Node, Tie
from graph_service.evidence.report.printed import amount, number
from graph_service.texts import keys, text

#: Letters of a reference that tell entities of a case apart by eye.
_SHORT: Final = 6
_HOLDING: Final = "shares"


def kind_word(kind: str, language: str = "sv") -> str:
    """The word for a kind of entity."""
    return text(language, "network_kind", kind)


def role_words(node: Node, language: str = "sv") -> tuple[str, ...]:
    """The words for what an entity is in the records: worker, client, provider."""
    return tuple(text(language, "network_role", role) for role in node.roles)


def short(reference: str) -> str:
    """A reference as a picture can show it."""
    return reference.partition("-")[2][:_SHORT]


def node_label(node: Node, language: str = "sv") -> str:
    """The name where it is told, else the number, else what it is and its short reference."""
    if node.name or node.key:
        return node.name or node.key or ""
    what = role_words(node, language)[:1] or (kind_word(node.kind, language),)
    return f"{what[0]} {short(node.reference)}"


def tie_type(tie: Tie, language: str = "sv") -> str:
    """The word for a type of relationship, read from source to target."""
    interest = tie.properties.get("interest", _HOLDING)
    if tie.type == "OWNS" and interest != _HOLDING:
        return text(language, "network_interest", str(interest))
    return text(language, "network_tie", tie.type)


def tie_label(tie: Tie) -> str:
    """A relationship in a few words: "äger 60 %", "besökte (12 besök)"."""
    return " ".join(part for part in (tie_type(tie), tie_detail(tie)) if part)


def tie_detail(tie: Tie) -> str:
    """How much of it, or as what: a share, how likely, a role, visits, money; or nothing."""
    told = tie.properties
    parts = []
    if isinstance(share := told.get("share"), Decimal):
        parts.append(f"{number(percent(share))} %")
    if isinstance(probability := told.get("probability"), float):
        parts.append(f"({round(100 * probability)} %)")
    if isinstance(role := told.get("role"), str):
        parts.append(f"({text('sv', 'network_as', role) if role in keys('network_as') else role})")
    if isinstance(visits := told.get("visits"), int):
        parts.append(f"({visits_word(visits)})")
    if isinstance(money := told.get("amount"), Decimal):
        parts.append(f"{amount(money)} {told.get('currency', 'SEK')}")
    return " ".join(parts)


def visits_word(visits: int) -> str:
    """So many visits."""
    return text("sv", "network_count", "visit" if visits == 1 else "visits", count=number(visits))


def percent(share: Decimal) -> Decimal:
    """A share of 1 as one of 100, without needless decimals."""
    hundredths = 100 * share
    whole = hundredths.to_integral_value()
    return whole if whole == hundredths else hundredths.normalize()
