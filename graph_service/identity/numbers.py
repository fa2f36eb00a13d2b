"""Personnummer, samordningsnummer, interim numbers and organisationsnummer.

Sources: SKV 704 and SKV M 2010:3 (construction, centuries 18, 19 and 20), folkbokföringslagen
(1991:481) 18 and 18 a §§ (`+` from the year in which one turns 100). Skatteverket gives
samordningsnummer with month 00 or day 60 where the date of birth is unknown, and its test numbers
hold days beyond the end of a month, so only the ranges 00-12 and 60-91 are asked of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

import pycountry
from stdnum import luhn

from graph_service.identity.refusal import Refused, Why, refusal_of_form, trimmed

_PERSON: Final = re.compile(
    r"(?P<century>[0-9]{2})?(?P<day>[0-9]{6})(?P<sign>[-+]?)(?P<tail>[0-9TRSUWXJKLMN][0-9]{3})"
)
_ISSUED: Final = re.compile(r"[a-z][a-z0-9-]*:[^ \t\n\r\f\v\xa0].*", re.DOTALL)
_ORGANISATION: Final = re.compile(
    r"(?:16)?(?P<plain>[0-9]{6}-?[0-9]{4})|SE(?P<vat>[0-9]{10})01", re.ASCII
)
_FOREIGN: Final = re.compile(r"(?P<country>[A-Z]{2}):(?P<id>[^ \t\n\r\f\v\xa0].*)", re.DOTALL)
_SWEDISH_IN_DISGUISE: Final = re.compile(r"(?:16)?[0-9]{6}-?[0-9]{4}")
_UNKNOWN_COUNTRY: Final = "XX"
_FIRST_YEAR, _CENTENARIAN = 1800, 100


@dataclass(frozen=True, slots=True)
class Person:
    """A person's key: 12 digits, or `<issuer>:<id>`; `skv:` issues the interim numbers."""

    number: str
    century_inferred: bool = False
    coordination: bool = False


def person(value: str, *, today: date) -> Person:
    """Read a person's number in any Swedish form: 12 or 10 digits, bare or with `-` or `+`.

    Ten digits take the latest century that is not in the future of `today`, or with `+` the latest
    in which the person turned 100 by the end of the year. `<issuer>:<id>` is returned as it is.
    Raises Refused.
    """
    text = trimmed(value)
    if _ISSUED.fullmatch(text):
        return Person(text)
    parts = _PERSON.fullmatch(text)
    if parts is None:
        raise refusal_of_form(text)
    century = parts["century"] or _century(parts["day"], parts["sign"], today)
    born, tail = century + parts["day"], parts["tail"]
    _check_birth_date(born, parts["sign"], today)
    inferred, coordination = parts["century"] is None, int(born[6:]) >= 60
    if not tail.isdigit():
        return Person(f"skv:{born}{tail}", inferred, coordination)
    if tail.startswith("000"):
        raise Refused(Why.BIRTH_NUMBER)
    if not luhn.is_valid(parts["day"] + tail):
        raise Refused(Why.CHECKSUM)
    return Person(born + tail, inferred, coordination)


def _century(day: str, sign: str, today: date) -> str:
    """The century of a six-digit day, by the sign."""
    latest = today.year // 100
    for century in (latest, latest - 1):
        if sign == "+":
            fits = today.year - (century * 100 + int(day[:2])) >= _CENTENARIAN
        else:
            fits = _ordinal(f"{century}{day}") <= _ordinal(f"{today:%Y%m%d}")
        if fits:
            return str(century)
    return str(latest - 2)


def _ordinal(day: str) -> int:
    """YYYYMMDD as an integer that sorts by date, the 60 of a samordningsnummer taken off."""
    number = int(day)
    return number - 60 if number % 100 >= 60 else number


def _check_birth_date(born: str, sign: str, today: date) -> None:
    year, month, day = int(born[:4]), int(born[4:6]), int(born[6:])
    if year < _FIRST_YEAR:
        raise Refused(Why.CENTURY)
    if day >= 60:
        holds = month <= 12 and day <= 91
    else:
        try:
            holds = bool(date(year, month, day))
        except ValueError:
            holds = False
    if not holds:
        raise Refused(Why.BIRTH_DATE)
    if _ordinal(born) > _ordinal(f"{today:%Y%m%d}"):
        raise Refused(Why.FUTURE)
    if sign == "+" and today.year - year < _CENTENARIAN:
        raise Refused(Why.SEPARATOR)


def organisation(value: str, *, today: date | None = None) -> str:
    """Read an organisation's number: 10 digits, with `-`, with 16 before, a Swedish VAT number.

    `<ISO 3166 alpha-2>:<id>` of a foreign organisation is returned as it is. A sole trader's is the
    personal number, which needs `today`; without it only 12 digits are read, and a date of birth is
    not compared with the clock. Raises Refused.
    """
    text = trimmed(value)
    if foreign := _FOREIGN.fullmatch(text):
        return _foreign(foreign["country"], foreign["id"])
    parts = _ORGANISATION.fullmatch(text)
    digits = (parts["plain"] or parts["vat"]).replace("-", "") if parts else ""
    if digits and int(digits[2]) >= 2:
        if not luhn.is_valid(digits):
            raise Refused(Why.CHECKSUM)
        return digits
    return _sole_trader(parts["vat"] or text if parts else text, today)


def _sole_trader(text: str, today: date | None) -> str:
    if _ISSUED.fullmatch(text):
        raise Refused(Why.FORM)
    trader = person(text, today=today or date.max)
    if trader.century_inferred and today is None:
        raise Refused(Why.CENTURY)
    if trader.number.startswith("skv:"):
        raise Refused(Why.FORM)
    return trader.number


def _foreign(country: str, identifier: str) -> str:
    known = country == _UNKNOWN_COUNTRY or pycountry.countries.get(alpha_2=country) is not None
    in_disguise = country == "SE" and _SWEDISH_IN_DISGUISE.fullmatch(identifier)
    if not known or in_disguise:
        raise Refused(Why.COUNTRY)
    return f"{country}:{identifier}"
