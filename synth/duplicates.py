"""Persons and firms that stand twice in the registers, and those who only look as if they did.

Told in the truth as kind `same` and `different`, two subjects each. They have rows in `persons` and
`organisations` alone and act nowhere, so that no detector's answer hangs on them. Chance is drawn
from a generator of their own: the town is the same with and without them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final, Literal

import numpy as np
from stdnum import luhn

from synth.companies import add_organisation, add_owner
from synth.people import any_name
from synth.world import Row, World

#: Of the persons in the registers, each kind of both taken together.
_SHARE: Final = 0.04
#: The tax agency's number for a foreign firm tells its country beside.
_FOREIGN_FORM: Final = "Utländsk juridisk person"
_FLAT: Final = " lgh "
_PHONES: Final = [f"0980-3192{n:02d}" for n in range(100)]


class _Register:
    """Who may stand twice, in a random order, and what has been handed out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = np.random.Generator(np.random.PCG64([world.seed, 2]))
        rows = world.rows["persons"]
        known = [row for row in rows if row.get("street") and str(row["person_id"]).isdigit()]
        self.count = max(len(_CAUSES), round(len(known) * _SHARE))
        self.people: list[Row] = [known[i] for i in self.rng.permutation(len(known))]
        self.taken = {str(row["person_id"]) for row in rows}
        self.phones = iter(_PHONES)

    def someone(self, cause: Callable[[_Register, Row], None]) -> Row | None:
        """A person whom a cause may concern, once; None when there is none left."""
        for at, person in enumerate(self.people):
            suits = cause is not issuers_id or person.get("email")
            if suits and (cause is not namesakes or _FLAT in str(person["street"])):
                return self.people.pop(at)
        return None

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def copy(self, original: Row, person_id: str, **changed: object) -> str:
        """A second row of a person; half of them have moved, most keep an e-mail or telephone."""
        row = {**original, "person_id": person_id, "deceased_on": None, **changed}
        reached = bool(original.get("email")) and self.chance(0.6)
        if not reached:
            row["email"] = None
            number = next(self.phones, None) if self.chance(0.6) else None
            if number is not None:
                reached = True
                original["phone"] = original.get("phone") or number
                row["phone"] = original["phone"]
        if reached and self.chance(0.5):
            row |= dict.fromkeys(("street", "postcode", "city", "lat", "lon"))
        self.taken.add(person_id)
        self.world.rows["persons"].append(row)
        return person_id

    def coordination(self, original: Row) -> str | None:
        """A samordningsnummer with the birth date of a person, of the numbers kept for tests."""
        born = str(original["person_id"])[:8]
        for birth_number in ("980", "981") if born < "1970" else ("238", "239"):
            digits = f"{born[:6]}{int(born[6:]) + 60}{birth_number}"
            number = digits + str(luhn.calc_check_digit(digits[2:]))
            if number not in self.taken:
                return number
        return None

    def tell(self, kind: Literal["same", "different"], cause: str, *subjects: object) -> None:
        world = self.world
        told = [str(subject) for subject in subjects]
        world.tell("resolution", kind, cause, world.municipal_id, told, world.start, world.end)


def samordningsnummer(register: _Register, person: Row) -> None:
    """Came with a samordningsnummer, and got a personnummer later."""
    _copy_numbered(register, person, "samordningsnummer")


def mistyped(register: _Register, person: Row) -> None:
    """The earlier record has a slip of the key in one of the names."""
    column = "given_name" if register.chance(0.5) else "family_name"
    name = str(person[column])
    at = 1 + int(register.rng.integers(len(name) - 1))
    letter = "bdfghkmpqvwxz"[int(register.rng.integers(13))]
    _copy_numbered(register, person, "mistyped", **{column: name[:at] + letter + name[at + 1 :]})


def married(register: _Register, person: Row) -> None:
    """The earlier record has the name from before the marriage."""
    _copy_numbered(register, person, "married", family_name=any_name(register.rng)[1])


def issuers_id(register: _Register, person: Row) -> None:
    """An employee's own id at the region beside the personnummer; employees have an e-mail."""
    twin = register.copy(person, f"hsa:{len(register.taken)}")
    register.tell("same", "issuers_id", person["person_id"], twin)


def twins(register: _Register, person: Row) -> None:
    """Born the same day, at one address, with one family name."""
    born = str(person["person_id"])[:8]
    sibling = _neighbour(register, person, date(int(born[:4]), int(born[4:6]), int(born[6:])))
    while sibling["given_name"] == person["given_name"]:
        sibling["given_name"] = any_name(register.rng)[0]
    register.tell("different", "twins", person["person_id"], sibling["person_id"])


def father_and_son(register: _Register, person: Row) -> None:
    """One name, one address and one telephone in two generations."""
    year = int(str(person["person_id"])[:4])
    born = date(year + 27 if year < 1978 else year - 27, 1 + int(register.rng.integers(12)), 9)
    person["phone"] = next(register.phones, None)
    son = _neighbour(register, person, born)
    register.tell("different", "father_and_son", person["person_id"], son["person_id"])


def namesakes(register: _Register, person: Row) -> None:
    """Two of one common name in one block of flats, one of them known by an issuer's id."""
    street = str(person["street"]).partition(_FLAT)[0]
    twin = {**person, "person_id": f"hsa:{len(register.taken)}", "street": street, "email": None}
    twin["phone"] = None
    register.taken.add(str(twin["person_id"]))
    register.world.rows["persons"].append(twin)
    register.tell("different", "namesakes", person["person_id"], twin["person_id"])


_CAUSES: Final[tuple[Callable[[_Register, Row], None], ...]] = (
    samordningsnummer,
    mistyped,
    married,
    issuers_id,
    samordningsnummer,
    twins,
    father_and_son,
    namesakes,
)


def add_duplicates(world: World) -> None:
    """Some persons and firms a second time, and some who are taken for another easily."""
    register = _Register(world)
    for number in range(register.count):
        cause = _CAUSES[number % len(_CAUSES)]
        person = register.someone(cause)
        if person is not None:
            cause(register, person)
    for number in range(1 + register.count // 20):
        _add_foreign_firms(register, number)


def _copy_numbered(register: _Register, person: Row, cause: str, **changed: object) -> None:
    number = register.coordination(person)
    if number is not None:
        twin = register.copy(person, number, **changed)
        register.tell("same", cause, person["person_id"], twin)


def _neighbour(register: _Register, person: Row, born: date, **changed: object) -> Row:
    """Another person of the household; the number is handed out by who hands out all of them."""
    world = register.world
    person_id = world.identifiers.person_born(born)
    row = {**person, "person_id": person_id, "email": None, "deceased_on": None, **changed}
    register.taken.add(person_id)
    world.rows["persons"].append(row)
    return row


def _add_foreign_firms(register: _Register, number: int) -> None:
    """One firm with a Swedish number beside its own; and a parent named like its daughter."""
    world = register.world
    abroad = f"CY:HE4{number:05d}"
    swedish = add_organisation(world, f"Assistansen {number} Ltd", legal_form=_FOREIGN_FORM)
    row = world.rows["organisations"][-1]
    row["country"] = "CY"
    _add_abroad(world, row, abroad, f"Assistansen {number} Limited (syntetisk)")
    register.tell("same", "foreign_firm", swedish, abroad)
    daughter = add_organisation(world, f"Hemstödet {number} AB")
    parent = f"CY:HE5{number:05d}"
    row = world.rows["organisations"][-1]
    _add_abroad(world, row, parent, f"Hemstödet {number} Ltd (syntetisk)")
    add_owner(world, daughter, parent, 1.0, kind="organisation")
    register.tell("different", "parent_abroad", daughter, parent)


def _add_abroad(world: World, row: Row, org_id: str, name: str) -> None:
    """The same contact details under a foreign number."""
    kept = ("phone", "email", "registered_on", "status")
    reach = {column: row[column] for column in kept}
    world.add("organisations", org_id=org_id, name=name, country="CY", legal_form="Ltd", **reach)
