"""IBAN, bankgiro, plusgiro and clearing number with account number.

An IBAN is judged by `schwifty` (ISO 13616: structure of its country, modulo 97); bankgiro and
plusgiro by Luhn. The check digits of domestic accounts differ from bank to bank and are not judged.
"""

from __future__ import annotations

import re
from typing import Final

from schwifty import IBAN
from schwifty.exceptions import InvalidChecksumDigits, SchwiftyException
from stdnum import luhn

from graph_service.identity.refusal import Refused, Why, refusal_of_form, trimmed

_BANKGIRO: Final = re.compile(r"(?:(?:BG|BANKGIRO)[ \xa0:.]*)?([0-9]{3,4}-[0-9]{4})", re.I | re.A)
_PLUSGIRO: Final = re.compile(
    r"(?:(?:PG|PLUSGIRO|POSTGIRO)[ \xa0:.]*)?([0-9]{1,3}(?:[ \xa0]?[0-9]{2}){0,3}-[0-9])",
    re.I | re.A,
)
_NAMED_GIRO: Final = re.compile(
    r"(?:(?P<bg>BG|BANKGIRO)|PG|PLUSGIRO|POSTGIRO)[ \xa0:.]*(?P<digits>[0-9][0-9 \xa0]{0,11})",
    re.I | re.A,
)
_CLEARING: Final = re.compile(
    r"(?P<clearing>[0-9]{4,5}|8[0-9]{3}-[0-9])(?:-|,[ \xa0]?|[ \xa0])"
    r"(?P<number>[0-9]+(?:[ \xa0.-][0-9]+)*)"
)
_IBAN: Final = re.compile(
    r"(?:IBAN[ \xa0:]*)?([A-Z]{2}[ \xa0]?[0-9]{2}[A-Z0-9 \xa0]+)", re.I | re.A
)
_BARE_GIRO: Final = re.compile(r"[0-9]{2,8}")
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")


def account(value: str) -> str:
    """Read an account: `<IBAN>`, `BG:<digits>`, `PG:<digits>` or `<clearing>-<number>`.

    Without a name, `123-4567` and `1234-5678` are bankgiro, and one digit after the hyphen is
    plusgiro. Bare digits could be either and are refused. Raises Refused.
    """
    text = trimmed(value)
    if giro := _BANKGIRO.fullmatch(text):
        return _giro("BG", giro[1])
    if giro := _PLUSGIRO.fullmatch(text):
        return _giro("PG", giro[1])
    if giro := _NAMED_GIRO.fullmatch(text):
        return _giro("BG" if giro["bg"] else "PG", giro["digits"])
    if domestic := _CLEARING.fullmatch(text):
        number = _NOT_DIGITS.sub("", domestic["number"])
        if len(number) <= 12:
            return f"{domestic['clearing'].replace('-', '')}-{number}"
    if iban := _IBAN.fullmatch(text):
        return _iban(iban[1])
    if _BARE_GIRO.fullmatch(text):
        raise Refused(Why.AMBIGUOUS)
    raise refusal_of_form(text)


def _giro(kind: str, written: str) -> str:
    digits = _NOT_DIGITS.sub("", written)
    if not (7 if kind == "BG" else 2) <= len(digits) <= 8:
        raise Refused(Why.FORM)
    if not luhn.is_valid(digits):
        raise Refused(Why.CHECKSUM)
    return f"{kind}:{digits}"


def _iban(text: str) -> str:
    try:
        return str(IBAN(text))
    except SchwiftyException as error:  # its message repeats the number
        wrong = Why.CHECKSUM if isinstance(error, InvalidChecksumDigits) else Why.FORM
        raise Refused(wrong) from None
