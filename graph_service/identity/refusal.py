"""Why an identifier is refused, in words that never repeat the value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_SCIENTIFIC: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+|[0-9][.,][0-9]+[eE][0-9]+")


class Why(StrEnum):
    """What is wrong with an identifier."""

    SCIENTIFIC_NOTATION = "scientific_notation"
    FORM = "form"
    CENTURY = "century"
    BIRTH_DATE = "birth_date"
    FUTURE = "future"
    BIRTH_NUMBER = "birth_number"
    SEPARATOR = "separator"
    CHECKSUM = "checksum"
    COUNTRY = "country"
    AMBIGUOUS = "ambiguous"


#: Each reason in Swedish and English.
SENTENCES: Final[Mapping[Why, Mapping[str, str]]] = MappingProxyType(
    {
        why: MappingProxyType({"sv": sv, "en": en})
        for why, sv, en in (
            (
                Why.SCIENTIFIC_NOTATION,
                "Ett kalkylblad har gjort om numret till ett tal med exponent; siffror är borta.",
                "A spreadsheet has made the number one with an exponent; digits are lost.",
            ),
            (
                Why.FORM,
                "Värdet har inte någon av identitetens former.",
                "The value has none of the identifier's forms.",
            ),
            (
                Why.CENTURY,
                "Århundradet är inte 18, 19 eller 20, eller framgår inte.",
                "The century is not 18, 19 or 20, or is not said.",
            ),
            (Why.BIRTH_DATE, "Födelsedatumet finns inte.", "There is no such date of birth."),
            (
                Why.FUTURE,
                "Födelsedatumet ligger i framtiden.",
                "The date of birth is in the future.",
            ),
            (
                Why.BIRTH_NUMBER,
                "Födelsenumret 000 delas inte ut.",
                "The birth number 000 is never given out.",
            ),
            (
                Why.SEPARATOR,
                "Tecknet + står för den som fyller minst 100 år; födelseåret säger något annat.",
                "The sign + means 100 years or more; the year of birth says otherwise.",
            ),
            (Why.CHECKSUM, "Kontrollsiffran stämmer inte.", "The check digit is wrong."),
            (
                Why.COUNTRY,
                "Landskoden är inte ett annat lands enligt ISO 3166 (XX: okänt land).",
                "The country code is not another country's in ISO 3166 (XX: unknown country).",
            ),
            (
                Why.AMBIGUOUS,
                "Det framgår inte vilket slags konto det är; skriv BG: eller PG: före siffrorna.",
                "The kind of account is not said; write BG: or PG: before the digits.",
            ),
        )
    }
)


class Refused(ValueError):
    """An identifier that is no clean key. `code` is the contract's; the value is never kept."""

    def __init__(self, why: Why) -> None:
        super().__init__(SENTENCES[why]["en"])
        self.why = why

    @property
    def code(self) -> str:
        """`bad_identifier`, or `scientific_notation` where a spreadsheet ruined the value."""
        return "scientific_notation" if self.why is Why.SCIENTIFIC_NOTATION else "bad_identifier"

    @property
    def reason(self) -> Mapping[str, str]:
        """The sentence in Swedish (`sv`) and English (`en`)."""
        return SENTENCES[self.why]


def refusal_of_form(value: str) -> Refused:
    """The refusal of a text that has no known form, told apart from one a spreadsheet ruined."""
    ruined = _SCIENTIFIC.fullmatch(value) is not None
    return Refused(Why.SCIENTIFIC_NOTATION if ruined else Why.FORM)


def trimmed(value: str) -> str:
    """The value without the blanks that the contract trims: space, tab, no-break space."""
    return value.strip(" \t\xa0")
