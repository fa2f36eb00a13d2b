"""What a nested-format room (XML, JSON) hands to the loader, and how it reads Swedish numbers.

A room turns one document into rows of the contract. It says only what it alone can see:
sums that disagree and a structure that breaks the format's own schema. Identifiers, dates,
numbers and ranges are checked once, by the contract's validator, for every room alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import pycountry

#: The contract's largest field; a longer one refuses the file as `too_large`.
MAX_FIELD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason to refuse a row: the contract's column and code, and the place in the document."""

    column: str | None
    code: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One row for `table`, as canonical contract text.

    `row` is the record's ordinal in the document, from 1. A column that the document does not
    speak of is absent from `values`; one that it leaves empty is None.
    """

    table: str
    row: int
    path: str
    values: Mapping[str, str | None]
    faults: tuple[Fault, ...] = ()


class DocumentRoom(Protocol):
    """A room that reads one document in bounded memory."""

    def read(
        self, path: Path, *, counted: Counter[str], folder: Path | None = None
    ) -> Iterator[DocumentRow]:
        """Yield the rows of `path`; a file refused as a whole raises before the first row.

        `counted` takes what was dropped, missing or merged, by name. What must wait until the
        whole document is read waits in `folder`, else in a private file of the system.
        Raises FileRefused.
        """
        ...


@cache
def is_country(code: str) -> bool:
    """Tell whether `code` is an ISO 3166-1 alpha-2 code in capitals."""
    return code.isupper() and pycountry.countries.get(alpha_2=code) is not None


#: As written: with hyphen or blanks, the register's prefix 16, or as a VAT number (SE + 10 + 01).
_ORGANISATION: Final = re.compile(r"(?:16)?([0-9]{10})|SE([0-9]{10})[0-9]{2}", re.ASCII)
_PERSONAL: Final = re.compile(r"(?:18|19|20)[0-9]{10}", re.ASCII)


def swedish_organisation(text: str, year: int) -> str | None:
    """Give a Swedish organisation's number in the contract's form, or None if it has no such shape.

    A sole trader's ten digits are a personnummer (third digit 0 or 1). Their century is the one in
    which the trader is 16 to 115 years old in `year`: under 16 nobody may run a business alone
    (föräldrabalken 13:13). The checksum is left to the contract's validator.
    """
    compact = re.sub(r"[\s\-\u2010-\u2015]", "", text).upper()
    if _PERSONAL.fullmatch(compact):
        return compact
    match = _ORGANISATION.fullmatch(compact)
    if match is None:
        return None
    digits = match[1] or match[2]
    if digits[2] >= "2":
        return digits
    youngest = year - 16
    return f"{youngest - (youngest - int(digits[:2])) % 100:04}"[:2] + digits
