"""How two records are reached: what weighs in comparing contact details (see reach.sql)."""

from __future__ import annotations

from typing import Final

from graph_service.resolution.model import ELSE, Comparison, Level
from graph_service.room import Text

#: Both are called by one e-mail or telephone.
CALLED: Final = (
    "(coalesce(email_near_l = email_near_r, false) OR coalesce(phone_near_l = phone_near_r, false))"
)
#: As that, or at home in one place.
NEAR: Final = f"({CALLED} OR list_has_any(homes_near_l, homes_near_r))"
_STREET: Final = (
    "len(list_filter(homes_near_l, lambda one: len(list_filter(homes_near_r, lambda other:"
    " jaro_winkler_similarity(one, other) >= 0.93)) > 0)) > 0"
)
_NOTHING_TOLD: Final = (
    "NOT (tells_email_l AND tells_email_r OR tells_phone_l AND tells_phone_r"
    " OR tells_home_l AND tells_home_r)"
)

REACH: Final = Comparison(
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
            ELSE,
            0.05,
            0.997,
            Text("inget gemensamt", "nothing in common"),
            "one in twenty has moved and changed number as well",
        ),
    ),
)
