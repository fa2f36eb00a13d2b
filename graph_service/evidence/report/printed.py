"""How values are written on the pages: Swedish numbers, ISO days, and text that cannot deceive.

A file's text may hold anything. What the pages' typefaces lack, what has no form, and what turns
the direction of reading is printed by its code point, `[U+202E]`, so that nothing is unseen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from graph_service.evidence.report.contents import Money

#: What stands between groups of three digits, and before a unit: a line never breaks there.
_SPACE: Final = "\N{NO-BREAK SPACE}"
_MINUS: Final = "\N{MINUS SIGN}"
_ORE: Final = Decimal("0.01")
#: Letters of a word after which it may break; identifiers and digests are shorter.
_UNBROKEN: Final = 40
_PIECE: Final = 20
_BREAK: Final = "\N{ZERO WIDTH SPACE}"
#: What every bundled typeface that the pages use can draw (tests/test_evidence_pages.py).
_DRAWN: Final = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x17F),
    (0x1FA, 0x21B),
    (0x391, 0x3A1),
    (0x3A3, 0x3A9),
    (0x3B1, 0x3C9),
    (0x400, 0x45F),
    (0x1E02, 0x1EF9),
    (0x2010, 0x2015),
    (0x2018, 0x201E),
    (0x2020, 0x2022),
    (0x2026, 0x2026),
    (0x2030, 0x2030),
    (0x2039, 0x203A),
    (0x20AC, 0x20AC),
    (0x2122, 0x2122),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
    (0x2260, 0x2260),
    (0x2264, 0x2265),
)
_HAS_FORM: Final = frozenset("LMNPS")


def printable(text: str) -> str:
    """A text on one or more lines in which each character can be seen."""
    return "".join(_seen(letter) for letter in unicodedata.normalize("NFC", text))


def _seen(letter: str) -> str:
    if letter in "\n\N{NO-BREAK SPACE} ":
        return letter
    if letter == "\t":
        return " "
    code = ord(letter)
    drawn = any(first <= code <= last for first, last in _DRAWN)
    if drawn and unicodedata.category(letter)[0] in _HAS_FORM:
        return letter
    return f"[U+{code:04X}]"


def breakable(text: str) -> str:
    """The text, where a word too long for any line may be broken."""
    if len(text) <= _UNBROKEN:
        return text
    return " ".join(
        word
        if len(word) <= _UNBROKEN
        else _BREAK.join(word[at : at + _PIECE] for at in range(0, len(word), _PIECE))
        for word in text.split(" ")
    )


def shortened(text: str, most: int) -> str:
    """At most so many letters of a text; that there was more shows."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def number(value: Decimal | int | float) -> str:
    """`1 234,5`: groups of three, a decimal comma, every digit."""
    told = f"{abs(value):,f}" if isinstance(value, Decimal) else f"{abs(value):,}"
    return (_MINUS if value < 0 else "") + told.replace(",", _SPACE).replace(".", ",")


def amount(value: Decimal) -> str:
    """`1 234,50`: to the öre."""
    return number(value.quantize(_ORE, rounding=ROUND_HALF_EVEN))


def kronor(value: Decimal) -> str:
    """`1 234,50 kr`."""
    return f"{amount(value)}{_SPACE}kr"


def told(value: Any, name: str = "") -> Any:
    """Any part of the contents as JSON of which every value is ready to be printed."""
    if isinstance(value, Money):
        return {"lower": kronor(value.lower), "upper": kronor(value.upper)}
    if is_dataclass(value):
        return {each.name: told(getattr(value, each.name), each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): told(part, str(key)) for key, part in value.items()}
    if isinstance(value, str):
        return breakable(printable(value))
    if isinstance(value, Sequence):
        return [told(part) for part in value]
    if isinstance(value, bool):
        return "ja" if value else "nej"
    if isinstance(value, Decimal):
        return amount(value) if name.endswith("_sek") else number(value.normalize())
    if isinstance(value, (int, float)):
        return number(value)
    return value.isoformat() if isinstance(value, date) else value
