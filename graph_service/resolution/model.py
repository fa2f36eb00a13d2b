"""What is compared, and what each agreement and disagreement weighs.

Fellegi and Sunter (1969): a level's weight is log2(m / u), m the chance of it between two records
of one person or firm, u between records of two. The weights add up, from `PRIOR`, to the log2 odds
that the two are one. The chances are declared, not estimated: in a small town there are too few
links to learn from, and the same data must give the same links. Where a level counts `by` a value,
u is that value's share of the records, drawn towards `typical` and never below `rarest`: a common
name says less.

No sensitive attribute is read. The birth date stands in the number and is compared as a part of
it; the digit that tells sex is not, and no weight hangs on having one kind of number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from graph_service.room import Text


@dataclass(frozen=True, slots=True)
class Level:
    """One way to agree; `when` is SQL over the columns of both cards, `_l` and `_r`."""

    name: str
    when: str
    m: float
    u: float
    text: Text
    why: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Levels tried in order; what is `unknown` weighs nothing."""

    name: str
    text: Text
    unknown: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Frequency:
    """How common a value of a column is.

    Its share of the other records, drawn towards `typical` as by one record more that has it among
    1 / `typical` that may; never below `rarest`.
    """

    column: str
    typical: float
    rarest: float
    why: str


@dataclass(frozen=True, slots=True)
class Model:
    """All that decides how alike two records of a kind are; `kind` is also that of their nodes."""

    kind: str
    table: str
    key: str
    comparisons: tuple[Comparison, ...]
    frequencies: tuple[Frequency, ...]


def weight_of(probability: float) -> float:
    """Bits: log2 of the odds."""
    return math.log2(probability / (1 - probability))


#: The chance that two records taken at random are one: two pairs in a hundred thousand, which is
#: 640 in a register of 8,000. Declared, so that people elsewhere change no link here.
PRIOR: Final = 2e-5
#: Odds of 99 to 1. A wrong link hurts somebody innocent; a missing one leaves what the records say
#: by themselves. Measured in docs/resolution.md.
THRESHOLD: Final = 0.99
#: Bits (100 to 1) by which a link must outdo another one to the same register, else neither stands.
MARGIN: Final = 6.64
#: A value that more records share is no key to compare by: pairs never exceed
#: records × keys × this / 2, and what a household shares stays below.
MOST_ON_A_KEY: Final = 20
#: How many may share what a household shares; 8 lets each of four be there twice.
HOUSEHOLD: Final = 8
#: What more than these share belongs to a house or an office, and tells nothing.
CROWD: Final = 40

_ELSE: Final = "ELSE"
_CALLED: Final = (
    "(coalesce(email_near_l = email_near_r, false) OR coalesce(phone_near_l = phone_near_r, false))"
)
_NEAR: Final = f"({_CALLED} OR list_has_any(homes_near_l, homes_near_r))"
_STREET: Final = (
    "len(list_filter(homes_near_l, lambda one: len(list_filter(homes_near_r, lambda other:"
    " jaro_winkler_similarity(one, other) >= 0.93)) > 0)) > 0"
)
_SWAPPED: Final = "given_l = family_r AND family_l = given_r"
_NOTHING_TOLD: Final = (
    "NOT (tells_email_l AND tells_email_r OR tells_phone_l AND tells_phone_r"
    " OR tells_home_l AND tells_home_r)"
)
_REACH: Final = Comparison(
    "reach",
    Text("kontaktuppgifter", "contact details"),
    _NOTHING_TOLD,
    (
        Level(
            "email",
            "email_near_l = email_near_r",
            0.30,
            1e-5,
            Text("samma e-postadress", "the same e-mail address"),
            "personal to one, though a couple may share it",
        ),
        Level(
            "phone_and_home",
            "phone_near_l = phone_near_r AND list_has_any(homes_near_l, homes_near_r)",
            0.20,
            5e-5,
            Text("samma telefon och adress", "the same telephone and address"),
            "of ten thousand persons three more live in the household, and few share a telephone",
        ),
        Level(
            "phone",
            "phone_near_l = phone_near_r",
            0.15,
            5e-5,
            Text("samma telefon", "the same telephone"),
            "a mobile telephone moves along with its owner",
        ),
        Level(
            "home",
            "list_has_any(homes_near_l, homes_near_r)",
            0.20,
            3e-4,
            Text("samma adress", "the same address"),
            "of ten thousand persons three more live in the household",
        ),
        Level(
            "crowd",
            "list_has_any(homes_far_l, homes_far_r) OR phone_far_l = phone_far_r",
            0.04,
            2e-3,
            Text("en adress eller telefon som fler delar", "an address or telephone of several"),
            "twenty neighbours on a staircase, of ten thousand persons",
        ),
        Level(
            "street",
            _STREET,
            0.06,
            5e-3,
            Text("nästan samma adress", "nearly the same address"),
            "another spelling, or a neighbour on a street of fifty",
        ),
        Level(
            "none",
            _ELSE,
            0.05,
            0.997,
            Text("inget gemensamt", "nothing in common"),
            "one in twenty has moved and changed number as well",
        ),
    ),
)

_OTHER_EMAIL: Final = Level(
    "other_email",
    "tells_email_l AND tells_email_r AND (phone_near_l = phone_near_r"
    " OR list_has_any(homes_near_l, homes_near_r))",
    0.08,
    3e-4,
    Text("samma hem eller telefon, två e-postadresser", "one home or telephone, two e-mails"),
    "so do a father and son of one name; one in four keeps two addresses",
)

_BIRTH: Final = Comparison(
    "birth",
    Text("födelsedatum i numret", "birth date in the number"),
    "born_l IS NULL OR born_r IS NULL",
    (
        Level(
            "same",
            "born_l = born_r",
            0.97,
            5e-5,
            Text("samma", "the same"),
            "one day in some 55 years; days that many have, such as 1 January, say less",
            by="born",
        ),
        Level(
            "near",
            _ELSE,
            0.03,
            2e-3,
            Text("en siffra skiljer", "one digit differs"),
            "farther apart is never compared; one date in 500 lies one digit away",
        ),
    ),
)
_GIVEN: Final = Comparison(
    "given",
    Text("förnamn", "given name"),
    "given_l IS NULL OR given_r IS NULL",
    (
        Level(
            "household",
            f"given_l = given_r AND {_CALLED}",
            0.83,
            5e-3,
            Text("samma, som hos en far och son", "the same, as of a father and son"),
            "who shares a telephone is of the household, where a name comes twice in one of 200",
        ),
        Level(
            "same",
            "given_l = given_r",
            0.83,
            5e-3,
            Text("samma", "the same"),
            "two Swedes in 200 bear the same first name",
            by="given",
        ),
        Level(
            "swapped",
            _SWAPPED,
            0.02,
            2e-5,
            Text("för- och efternamn har bytt plats", "given and family name exchanged"),
            "names of which a clerk cannot tell one from the other",
        ),
        Level(
            "part",
            "list_has_all(given_words_l, given_words_r) "
            "OR list_has_all(given_words_r, given_words_l)",
            0.10,
            2e-3,
            Text("det enas namn är del av det andras", "one is a part of the other"),
            "registers keep all given names, payrolls the one in use",
        ),
        Level(
            "near",
            _ELSE,
            0.05,
            3e-3,
            Text("nästan samma stavning", "nearly the same spelling"),
            "one slip of the key; names that differ more are never compared",
        ),
    ),
)
_FAMILY: Final = Comparison(
    "family",
    Text("efternamn", "family name"),
    f"family_l IS NULL OR family_r IS NULL OR {_SWAPPED}",
    (
        Level(
            "household",
            f"family_l = family_r AND {_NEAR}",
            0.80,
            0.70,
            Text("samma, som i ett hushåll", "the same, as in a household"),
            "a household shares its name: with a shared home it tells little",
        ),
        Level(
            "same",
            "family_l = family_r",
            0.80,
            3e-3,
            Text("samma", "the same"),
            "two Swedes in 330 bear the same family name",
            by="family",
        ),
        Level(
            "part",
            "list_has_any(family_words_l, family_words_r)",
            0.06,
            5e-3,
            Text("ett namn gemensamt", "one name in common"),
            "double names after marriage",
        ),
        Level(
            "near",
            "jaro_winkler_similarity(family_l, family_r) >= 0.9",
            0.05,
            5e-3,
            Text("nästan samma stavning", "nearly the same spelling"),
            "a slip of the key or another way to write sounds",
        ),
        Level(
            "other_household",
            _NEAR,
            0.09,
            0.28,
            Text("olika, men med samma kontaktuppgifter", "different, with shared contact details"),
            "one in ten has married or taken another name; a third of couples keep their own",
        ),
        Level(
            "other",
            _ELSE,
            0.09,
            0.98,
            Text("olika", "different"),
            "one in ten has married or taken another name",
        ),
    ),
)
_REGISTER: Final = Comparison(
    "register",
    Text("vem som gav numren", "who gave the numbers"),
    "NOT (register_l = register_r OR opaque_l OR opaque_r)",
    (
        Level(
            "one",
            "register_l = register_r",
            0.02,
            0.98,
            Text("en myndighet gav båda", "one authority gave both"),
            "whoever gives the numbers tells its own persons apart",
        ),
        Level(
            "issuer",
            _ELSE,
            0.50,
            0.05,
            Text("en annan utgivare gav det ena", "another issuer gave one of them"),
            "an employee's or region's id is of somebody who most often has a number as well",
        ),
    ),
)

_NAME: Final = Comparison(
    "name",
    Text("namn", "name"),
    "name_l IS NULL OR name_r IS NULL",
    (
        Level(
            "same",
            "name_l = name_r",
            0.85,
            1e-3,
            Text("samma utom bolagsformen", "the same but for the legal form"),
            "firms of one country may not be confused, those of two may bear one name",
            by="name",
        ),
        Level(
            "near",
            _ELSE,
            0.15,
            2e-3,
            Text("nästan samma", "nearly the same"),
            "a slip of the key or a word more; names that differ more are never compared",
        ),
    ),
)
_COUNTRY: Final = Comparison(
    "country",
    Text("land", "country"),
    "abroad_l IS NULL AND abroad_r IS NULL",
    (
        Level(
            "told",
            "abroad_l = land_r OR abroad_r = land_l",
            0.60,
            0.02,
            Text("den svenska raden anger det landet", "the Swedish row tells that country"),
            "Swedish numbers go to foreign firms too, with their country beside",
        ),
        Level(
            "open",
            _ELSE,
            0.40,
            0.98,
            Text("det utländska numrets land är okänt", "the foreign number's country is unknown"),
            "two countries that are told and differ are never compared",
        ),
    ),
)
_DOMAIN: Final = Level(
    "domain",
    "domain_near_l = domain_near_r",
    0.15,
    1e-4,
    Text("samma e-postdomän", "the same e-mail domain"),
    "of ten thousand firms one more is in the group; a domain of many is a mail provider's",
)


def _with(comparison: Comparison, level: Level, *, after: str) -> Comparison:
    """A comparison with one level more."""
    at = [each.name for each in comparison.levels].index(after) + 1
    levels = (*comparison.levels[:at], level, *comparison.levels[at:])
    return replace(comparison, levels=levels)


PERSONS: Final = Model(
    "person",
    "persons",
    "person_id",
    (_BIRTH, _GIVEN, _FAMILY, _with(_REACH, _OTHER_EMAIL, after="email"), _REGISTER),
    (
        Frequency("born", 5e-5, 4e-5, "one day in 55 years"),
        Frequency("given", 5e-3, 1e-3, "a name of one in a thousand and rarer"),
        Frequency("family", 3e-3, 1e-3, "a name of one in a thousand and rarer"),
    ),
)
ORGANISATIONS: Final = Model(
    "organisation",
    "organisations",
    "org_id",
    (
        _NAME,
        _with(_REACH, _DOMAIN, after="phone"),
        _COUNTRY,
    ),
    (Frequency("name", 1e-3, 5e-4, "few firms bear one name"),),
)
MODELS: Final = (PERSONS, ORGANISATIONS)
