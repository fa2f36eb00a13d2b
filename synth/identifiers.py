"""Identifiers of persons, organisations and accounts that exist nowhere but pass every check.

Persons take the birth numbers the Tax Agency keeps for tests (238/239; 980/981 for those born
before 1970). Two a day of birth suffice for a town; beyond that a person gets `syn:<n>`.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

#: First digits by legal form. The third digit is 2 or more, as the law asks, and none of the
#: series is one that the register hands out to companies today.
_ORGANISATION_SERIES = {
    "Kommun": "222",
    "Aktiebolag": "552",
    "Publikt aktiebolag": "553",
    "Ekonomisk förening": "772",
    "Stiftelse": "882",
    "Handelsbolag": "992",
    "Utländsk juridisk person": "512",
}


class Identifiers:
    """Hands out each identifier once. `people` drives the days of birth only."""

    def __init__(self, people: np.random.Generator) -> None:
        self._people = people
        self._persons: set[str] = set()
        self._opaque = 0
        self._organisations = dict.fromkeys(_ORGANISATION_SERIES, 0)
        self._accounts = 0
        self._giros = 0

    def person(self, youngest: date, oldest: date) -> str:
        """A personnummer of someone born between `oldest` and `youngest`, or `syn:<n>`."""
        return self.person_born(
            oldest + timedelta(int(self._people.integers((youngest - oldest).days)))
        )

    def person_born(self, born: date) -> str:
        """A personnummer of someone born on a day, or `syn:<n>`."""
        for number in ("980", "981") if born.year < 1970 else ("238", "239"):
            digits = f"{born:%Y%m%d}{number}"
            candidate = digits + str(luhn.calc_check_digit(digits[2:]))
            if candidate not in self._persons:
                self._persons.add(candidate)
                return candidate
        self._opaque += 1
        return f"syn:{self._opaque}"

    def organisation(self, legal_form: str) -> str:
        """An organisationsnummer with a valid checksum."""
        self._organisations[legal_form] += 1
        digits = f"{_ORGANISATION_SERIES[legal_form]}{self._organisations[legal_form]:06d}"
        return digits + str(luhn.calc_check_digit(digits))

    def bankgiro(self) -> str:
        """A bankgiro of eight digits: `BG:<digits>`."""
        return self._giro("BG:58")

    def plusgiro(self) -> str:
        """A plusgiro of eight digits: `PG:<digits>`."""
        return self._giro("PG:49")

    def iban(self) -> str:
        """A Swedish IBAN whose two check digits are right."""
        self._accounts += 1
        bban = f"500{self._accounts:017d}"
        return f"SE{mod_97_10.calc_check_digits(bban + 'SE')}{bban}"

    def clearing(self) -> str:
        """A bank account as `<clearing>-<number>`."""
        self._accounts += 1
        return f"6{self._accounts % 1000:03d}-{100_000_000 + self._accounts}"

    def _giro(self, prefix: str) -> str:
        self._giros += 1
        digits = f"{prefix[3:]}{self._giros:05d}"
        return prefix[:3] + digits + str(luhn.calc_check_digit(digits))
