"""What is compared of two firms, and what it weighs (the columns: organisations.sql)."""

from __future__ import annotations

from typing import Final

from graph_service.resolution.model import ELSE, Comparison, Frequency, Level, Model
from graph_service.resolution.reach import REACH
from graph_service.room import Text

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
            ELSE,
            0.15,
            2e-3,
            Text("nästan samma", "nearly the same"),
            "a slip of the key or a word more; names that differ more are never compared",
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
            ELSE,
            0.40,
            0.98,
            Text("det utländska numrets land är okänt", "the foreign number's country is unknown"),
            "two countries that are told and differ are never compared",
        ),
    ),
)

ORGANISATIONS: Final = Model(
    "organisation",
    "organisations",
    "org_id",
    (
        _NAME,
        REACH.with_level(_DOMAIN, after="phone"),
        _COUNTRY,
    ),
    (Frequency("name", 1e-3, 5e-4, "few firms bear one name"),),
)
