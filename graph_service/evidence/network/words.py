"""How the network is worded: kinds, roles, ties, in Swedish and English."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from graph_service.evidence.network.graph import Node, Tie
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


def tie_label(tie: Tie, language: str = "sv") -> str:
    """A relationship in a few words: "äger 60 %", "besökte (12 besök)"."""
    return " ".join(part for part in (tie_type(tie, language), tie_detail(tie, language)) if part)


def tie_detail(tie: Tie, language: str = "sv") -> str:
    """How much of it, or as what: a share, how likely, a role, visits, money; or nothing."""
    told = tie.properties
    parts = []
    if isinstance(share := told.get("share"), Decimal):
        parts.append(f"{number(100 * share, language)} %")
    if isinstance(probability := told.get("probability"), float):
        parts.append(f"({round(100 * probability)} %)")
    if isinstance(role := told.get("role"), str):
        known = role in keys("network_as")
        parts.append(f"({text(language, 'network_as', role) if known else role})")
    if "visits" in told:
        word = text(language, "network_count", "visit" if told["visits"] == 1 else "visits")
        parts.append(f"({number(told['visits'], language)} {word})")
    if isinstance(amount := told.get("amount"), Decimal):
        parts.append(f"{money(amount, language)} {told.get('currency', 'SEK')}")
    return " ".join(parts)


def number(value: object, language: str = "sv") -> str:
    """A number as the language writes it, without needless decimals."""
    plain = f"{value:f}" if isinstance(value, Decimal) else str(value)
    whole, _, decimals = plain.partition(".")
    grouped = f"{int(whole):,}".replace(",", "\N{NO-BREAK SPACE}" if language == "sv" else ",")
    if whole.startswith("-") and not grouped.startswith("-"):
        grouped = f"-{grouped}"
    decimals = decimals.rstrip("0")
    if not decimals:
        return grouped
    return f"{grouped}{',' if language == 'sv' else '.'}{decimals}"


def money(amount: Decimal, language: str = "sv") -> str:
    """An amount, with both decimals where it has any."""
    words = number(amount, language)
    mark = "," if language == "sv" else "."
    return f"{words}0" if words.partition(mark)[2].isdigit() and words[-2] == mark else words
