"""Keys of the graph: what two rows share when they share a phone, an address, a trade.

A value that cannot be normalised has no key and is counted, never refused. `email`, `postcode` and
`address_key` are the oracle of the SQL macros of `graph_service/engines/identity.sql`.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

import phonenumbers

_LETTER: Final = "A-Za-z0-9ÅÄÖÉÜåäöéü"
_EMAIL: Final = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~ÅÄÖÉÜåäöéü-]{1,64}@"
    rf"(?:[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])",
    re.ASCII,
)
_NOTE_BEHIND: Final = re.compile(r"[ \xa0]*[(A-Za-zÅÄÖåäö].*", re.DOTALL)
_POSTCODE: Final = re.compile(r"(?:[Ss][Ee]?[ \xa0-]?)?([1-9][0-9]{2})[ \xa0]?([0-9]{2})")
_INDUSTRY: Final = re.compile(r"([0-9]{2})\.?([0-9]{2})\.?([0-9])")
_CARE_OF: Final = re.compile(r"^[ \t\xa0]*c/o[^,]*,?", re.IGNORECASE | re.ASCII)
_LATIN: Final = re.compile(r"[\x01-\u024f\u0300-\u036f\u1e00-\u1eff\u2000-\u206f]*")
_SEPARATORS: Final = re.compile(r"[\x01-/:-`{-\xbf\u2000-\u206f]+")
_BLANKS_BESIDE_LETTERS: Final = re.compile(r" ?([^0-9 ]+) ?")
_KEY: Final = re.compile(r"[a-z0-9 ]+\|[a-z0-9 ]+")
_NO_ADDRESS: Final = re.compile(
    r"(?:adress|uppgift|uppgifter)?(?:okand|saknas|skyddad|skyddade|sekretess|hemlig)"
    r"(?:t|adress|uppgift|uppgifter|personuppgifter|identitet|folkbokforing|ort)?\|"
)


def phone(value: str, region: str = "SE") -> str | None:
    """E.164 of a number that its country's plan holds, or None. `region` is ISO 3166 alpha-2.

    A note behind the number ("(mobil)") is left out; two numbers in one value are none.
    """
    return _e164(value, region) or _e164(_NOTE_BEHIND.sub("", value), region)


def _e164(value: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(value: str) -> str | None:
    """The address in lower case, or None where it is none that mail could reach."""
    holds = len(value.encode(errors="replace")) <= 254 and _EMAIL.fullmatch(value)
    return value.lower() if holds else None


def ip(value: str) -> str | None:
    """The shortest form of an IPv4 or IPv6 address, or None; IPv4 inside IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:  # means something on one machine only
            return None
        address = address.ipv4_mapped or address
    return str(address)


def postcode(value: str) -> str | None:
    """Five digits of a Swedish postcode, or None."""
    parts = _POSTCODE.fullmatch(value)
    return parts[1] + parts[2] if parts else None


def industry(value: str) -> str | None:
    """Five digits of SNI, with or without its dots, or None; 00000 says that it is unknown."""
    parts = _INDUSTRY.fullmatch(value)
    code = "".join(parts.groups()) if parts else "00000"
    return None if code == "00000" else code


def address_key(street: str | None, postcode: str | None, city: str | None) -> str | None:
    """A key that case, blanks, punctuation and accents leave alone: `storgatan1a|11418`.

    The city counts only where there is no Swedish postcode. A c/o that ends with a comma is left
    out. None where the street or both others are missing, where a letter is not Latin, and
    where the words only say that the address is unknown or hidden.
    """
    place = _postcode_or_city(postcode, city)
    if street is None or place is None:
        return None
    door = _folded(_CARE_OF.sub("", street))
    key = f"{door}|{place}"
    if door is None or _KEY.fullmatch(key) is None or _NO_ADDRESS.match(key):
        return None
    return key


def _postcode_or_city(code: str | None, city: str | None) -> str | None:
    digits = postcode(code) if code is not None else None
    return digits or (_folded(city) if city is not None else None)


def _folded(value: str) -> str | None:
    """Lower case without accents or separators; a blank stays only between two digits."""
    if _LATIN.fullmatch(value) is None:
        return None
    letters = unicodedata.normalize("NFD", value)
    bare = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    nordic = bare.lower().replace("æ", "ae").replace("ø", "o")
    spaced = _SEPARATORS.sub(" ", nordic).strip(" ")
    return _BLANKS_BESIDE_LETTERS.sub(r"\1", spaced)
