"""What is compared of two persons, and what it weighs (the columns: persons.sql)."""

from __future__ import annotations

from typing import Final

from graph_service.resolution.model import ELSE, Comparison, Frequency, Level, Model
from graph_service.resolution.reach import CALLED, NEAR, REACH
from graph_service.room import Text

_SWAPPED: Final = "given_l = family_r AND family_l = given_r"

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
            ELSE,
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
            f"given_l = given_r AND {CALLED}",
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
            ELSE,
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
            f"family_l = family_r AND {NEAR}",
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
            NEAR,
            0.09,
            0.28,
            Text("olika, men med samma kontaktuppgifter", "different, with shared contact details"),
            "one in ten has married or taken another name; a third of couples keep their own",
        ),
        Level(
            "other",
            ELSE,
            0.09,
            0.98,
            Text("olika", "different"),
            "one in ten has married or taken another name",
        ),
    ),
)

#: A Swedish mobile telephone is one person's, another one stands in a home.
_ONE_MOBILE: Final = (
    "coalesce(phone_near_l = phone_near_r AND phone_near_l SIMILAR TO '[+]467[02369].*', false)"
)
_OTHER_EMAIL: Final = Level(
    "other_email",
    f"tells_email_l AND tells_email_r AND NOT {_ONE_MOBILE} AND {NEAR}",
    0.08,
    3e-4,
    Text("samma hem, två e-postadresser", "one home, two e-mail addresses"),
    "so do a father and son of one name; one in four keeps two addresses",
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
            ELSE,
            0.50,
            0.05,
            Text("en annan utgivare gav det ena", "another issuer gave one of them"),
            "an employee's or region's id is of somebody who most often has a number as well",
        ),
    ),
)

PERSONS: Final = Model(
    "person",
    "persons",
    "person_id",
    (_BIRTH, _GIVEN, _FAMILY, REACH.with_level(_OTHER_EMAIL, after="email"), _REGISTER),
    (
        Frequency("born", 5e-5, 4e-5, "one day in 55 years"),
        Frequency("given", 5e-3, 1e-3, "a name of one in a thousand and rarer"),
        Frequency("family", 3e-3, 1e-3, "a name of one in a thousand and rarer"),
    ),
)
