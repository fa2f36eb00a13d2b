"""How a document says things: its language, its numbers, and how a row of the package is named."""

from __future__ import annotations

from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from graph_service.texts import text

#: The language of the report and the dossier.
LANGUAGE: Final = "sv"
_ORE: Final = Decimal("0.01")
_SECTION: Final = "evidence"
#: How a sight calls a subject whose identity is protected.
_PROTECTED: Final = "protected"


def said(section: str, key: str, **words: object) -> str:
    """A text of the document."""
    return text(LANGUAGE, f"{_SECTION}_{section}", key, **words)


def whom(identifier: str) -> str:
    """Somebody as the findings name them; in words where the identity is protected."""
    return said("subject", "protected") if identifier == _PROTECTED else identifier


def named(table: str, file_sha256: str, row: int) -> str:
    """How a document names a row of the package."""
    return f"{table}:{file_sha256[:8]}:{row}"


def ore(amount: Decimal | float) -> Decimal:
    """An amount in SEK to the öre, halves upwards; an infinite one as it is."""
    told = Decimal(str(amount))
    return told.quantize(_ORE, ROUND_HALF_UP) if told.is_finite() else told


def kronor(amount: Decimal) -> str:
    """An amount as Swedish prints it: 1 234,50 kr, with no-break spaces."""
    return f"{ore(amount):,.2f} kr".replace(",", " ").replace(".", ",").replace(" ", "\N{NBSP}")


def listed(items: Collection[str]) -> str:
    """Several things in a sentence."""
    *first, last = items
    return f"{', '.join(first)} {said('list', 'and')} {last}" if first else last


def number(value: Decimal | float) -> str:
    """A number as Swedish prints it, without idle zeros: 37,5."""
    return f"{float(value):,.10g}".replace(",", "\N{NBSP}").replace(".", ",")
