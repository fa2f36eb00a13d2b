"""Search, and the entity that somebody means by an id, a key, a number or a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from stdnum import luhn

from graph_service import identity
from graph_service.errors import UsageError
from graph_service.graph.declaration import KINDS
from graph_service.stores.answers import Entity, Match, Matches, left_out
from graph_service.stores.lookups import Reader

MATCHES: Final = 20
_SHORTEST: Final = 2
#: A date of birth (60 added to a coordination number's day) and four digits, however written; the
#: month tells it from an organisation's number, whose third digit is 2 or more.
_PERSONAL: Final = re.compile(
    r"(?<!\d)(?:18|19|20)?\d{2}(?:0\d|1[0-2])(?:[0-2]\d|3[01]|[6-9]\d)"
    r"[-+ ]?[\dTRSUWXJKLMN]\d{3}(?!\d)"
)
_DIGITS: Final = 10
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")


def find(
    reader: Reader,
    text: str,
    *,
    today: date,
    kinds: Sequence[str] = tuple(KINDS),
    limit: int = MATCHES,
) -> Matches:
    """The entities that a text means or whose name or key holds its words, the best first.

    Case, accents, blanks and signs do not count (å is a, é is e); numbers are read as the
    contract reads them. Raises UsageError for a text of fewer than two letters or digits.
    """
    words = folded(text)
    if len(words.replace(" ", "")) < _SHORTEST:
        raise UsageError("Search for at least two letters or digits.")
    compact = words.replace(" ", "")
    rows = reader.rows(
        "find",
        {
            "keys": node_ids(text, today, kinds),
            "text": words,
            "words": sorted(set(words.split()), key=lambda word: (-len(word), word)),
            "compact": compact if any(map(str.isdigit, compact)) else "",
            "kinds": list(kinds),
            "limit": limit,
        },
    )
    found = dict(rows[0]["found"]) if rows else {}
    matches = tuple(Match(Entity.of(row["entity"]), row["match"]) for row in rows)
    rest = left_out(found, (match.entity for match in matches))
    return Matches(reader.run_id, matches, sum(found.values()), rest)


def resolve(
    reader: Reader, text: str, *, today: date, kinds: Sequence[str] = tuple(KINDS)
) -> Entity:
    """The one entity of `kinds` that a text names by its node_id, its key or its whole name.

    Raises UsageError where it names none, or several: which, by kind, but for personal numbers.
    """
    keyed = reader.rows("names", {"nodes": node_ids(text, today, kinds)})
    candidates = [Entity.of(row["entity"]) for row in keyed]
    exact = [one for one in candidates if one.node_id == text.strip()]
    if not candidates and folded(text):
        named = find(reader, text, today=today, kinds=kinds).matches
        candidates = [match.entity for match in named if match.match == "whole"]
    if len(exact or candidates) == 1:
        return (exact or candidates)[0]
    of_kind = f" of kind {', '.join(kinds)}" if len(kinds) < len(KINDS) else ""
    if not candidates:
        raise UsageError(
            f"Run {reader.run_id} has no entity{of_kind} with that id, key or name. "
            "Search with `graph-service find`."
        )
    choices = ", ".join(_choice(one) for one in candidates)
    raise UsageError(f"Several entities{of_kind} have that key or name: {choices}. Name one by id.")


def node_ids(text: str, today: date, kinds: Sequence[str]) -> list[str]:
    """Every node_id that a text may be: itself, or a kind and a reading of it as a key."""
    bare = text.strip()
    readings = {bare}
    number: Callable[[str], str] = lambda given: identity.person(given, today=today).number  # noqa: E731
    for read in (lambda given: identity.organisation(given, today=today), number, identity.account):
        try:
            readings.add(read(bare))
        except identity.Refused:
            continue
    readings |= {key for key in (identity.phone(bare), identity.email(bare)) if key is not None}
    # Of a run, `<kind>:<key>`; of a sight, a reference.
    whole = {bare} if re.split("[:-]", bare)[0] in kinds else set()
    return sorted(whole | {f"{kind}:{key}" for kind in kinds for key in readings})


def folded(text: str) -> str:
    """Lower-case words without accents, a blank between them; as the column `search` is made."""
    letters = unicodedata.normalize("NFD", text)
    bare = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    nordic = bare.lower().replace("æ", "ae").replace("ø", "o")
    return _BETWEEN_WORDS.sub(" ", nordic).strip(" ")


def holds_personal_number(text: str) -> bool:
    """Whether a text may hold a personal number; such a text is never logged or tagged."""
    return _PERSONAL.search(text) is not None


def names_somebody(text: str) -> bool:
    """Whether a text holds a personal number whose check digit is right, or an interim one.

    What is shown to people is asked this: of dates and running numbers nine in ten pass for no
    number, where `holds_personal_number` would take them all for one.
    """
    for found in _PERSONAL.finditer(text):
        bare = _BETWEEN_WORDS.sub("", found[0])[-_DIGITS:]
        if not bare.isdigit() or luhn.is_valid(bare):
            return True
    return False


def _choice(entity: Entity) -> str:
    return f"{entity.kind}:…" if holds_personal_number(entity.key) else entity.node_id
