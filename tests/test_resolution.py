"""Links: who is one and who only looks it, against a plain oracle; undoing undoes what followed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.cli import app
from graph_service import as_of as views
from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from graph_service.graph.derive import derive
from graph_service.home import Home
from graph_service.opening import open_room, words_of_guilt
from graph_service.resolution import undone
from graph_service.resolution.model import (
    CROWD,
    HOUSEHOLD,
    MARGIN,
    MOST_ON_A_KEY,
    PRIOR,
    THRESHOLD,
    weight_of,
)
from graph_service.resolution.persons import PERSONS
from graph_service.resolution.resolve import MODELS, resolve
from graph_service.resolution.undone import Undone
from graph_service.run import run
from loaders.load import Options, load
from tests.house import csv_text, luhn
from tests.world import World, world

ROOM = Path(__file__).parents[1] / "queries" / "shared_account"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
BORN = "19810112"


def coordination(born: str = BORN, birth_number: str = "238") -> str:
    nine = f"{born[2:6]}{int(born[6:]) + 60}{birth_number}"
    return born[:2] + nine + luhn(nine)


def numbered(born: str = BORN, birth_number: str = "238") -> str:
    nine = born[2:] + birth_number
    return born[:2] + nine + luhn(nine)


def links(
    given: World, taken_back: Sequence[Undone] = (), threshold: float = THRESHOLD
) -> list[dict[str, Any]]:
    with Engine(threads=1) as engine:
        world(engine, given)
        views.open_views(engine, date(2026, 1, 1))
        derive(engine)
        found = resolve(engine, taken_back, threshold=threshold)
        ends = engine.rows("SELECT source_id, target_id FROM edges WHERE type = 'SAME_AS'")
        tables = engine.rows("SELECT table_name FROM duckdb_tables()")
    standing = [f for f in found if f["status"] == "linked"]
    assert [(e["source_id"], e["target_id"]) for e in ends] == [
        (f"{f['kind']}:{f['a']}", f"{f['kind']}:{f['b']}") for f in standing
    ]
    assert {row["table_name"] for row in tables if not row["table_name"].startswith("person_")} >= {
        "nodes",
        "edges",
    }
    return found


def linked(given: World) -> set[tuple[str, str]]:
    return {(f["a"], f["b"]) for f in links(given) if f["status"] == "linked"}


def someone(person_id: str, **told: Any) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "given_name": "Elmira",
        "family_name": "Ahlqvist",
        "street": "Storgatan 1",
        "postcode": "11111",
        "city": "Exstad",
        "phone": "070-1740605",
        "email": None,
        **told,
    }


MOVED = {"street": "Kvarnvägen 3", "postcode": "22222"}
SILENT = {"street": None, "phone": None}


# -- one person under two numbers --------------------------------------------------------------

SAME = {
    "samordningsnummer, then personnummer": ({}, {}),
    "moved, same telephone": ({}, MOVED),
    "moved, same e-mail": ({"email": "e@example.org"}, {"email": "E@EXAMPLE.ORG", **MOVED}),
    "nothing but name and birth date told": (SILENT, SILENT),
    "married name": ({}, {"family_name": "Bergdal"}),
    "double name": ({}, {"family_name": "Ahlqvist Bergdal", "phone": None}),
    "mistyped given name": ({}, {"given_name": "Elmiira"}),
    "mistyped family name": ({}, {"family_name": "Alqvist", "phone": None}),
    "accents": ({"given_name": "André"}, {"given_name": "Andre"}),
    "all given names": ({"given_name": "Eva Elmira Karin"}, {}),
    "names swapped": ({}, {"given_name": "Ahlqvist", "family_name": "Elmira"}),
    "letters that are not Latin": (
        {"given_name": "Эльмира", "family_name": "Ахметова"},
        {"given_name": "Эльмира", "family_name": "Ахметова"},
    ),
    "flat told by one": ({"street": "Storgatan 1 lgh 1101", "phone": None}, {"phone": None}),
}


def story(n: int, *told: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The people of a story among others: own names, contacts and days of birth."""
    rows = []
    for number, changed in told:
        row = someone(_id(n, number), **changed)
        for name in ("given_name", "family_name"):
            row[name] = row[name] and " ".join(word + LETTERS[n] for word in row[name].split())
        row["phone"] = row["phone"] and f"070-17406{n + 10}"
        row["email"] = row["email"] and f"{n}{row['email']}"
        row["postcode"] = f"{int(row['postcode']) + n}"
        rows.append(row)
    return rows


LETTERS = "bcdfghjklmnpqrstvwxz"


def _id(n: int, number: str) -> str:
    born = f"{1940 + 2 * n}0112"
    made = {
        "number": numbered(born),
        "another number": numbered(born, "239"),
        "coordination": coordination(born),
        "a year later": numbered(f"{1941 + 2 * n}0307"),
        "ten years later": numbered(f"{1950 + 2 * n}0112"),
    }
    return made.get(number, f"{number}{n}")


def told_apart(rows: Sequence[Sequence[dict[str, Any]]]) -> list[bool]:
    """Whether each story's two are linked; nobody is linked across stories."""
    found = linked({"persons": [row for pair in rows for row in pair]})
    pairs = [(min(ids), max(ids)) for ids in ([row["person_id"] for row in pair] for pair in rows)]
    assert found <= set(pairs)
    return [pair in found for pair in pairs]


def test_a_samordningsnummer_and_a_personnummer_of_one_person() -> None:
    rows = [
        story(n, ("number", one), ("coordination", other))
        for n, (one, other) in enumerate(SAME.values())
    ]
    assert [name for name, one in zip(SAME, told_apart(rows), strict=True) if not one] == []


def test_an_issuers_id_beside_a_number_needs_a_name_and_a_personal_contact() -> None:
    pair = (numbered(), "hsa:w1")
    assert linked({"persons": [someone(pair[0]), someone(pair[1])]}) == {pair}
    assert linked({"persons": [someone(pair[0]), someone(pair[1], **MOVED)]}) == {pair}
    nothing_personal = {"phone": None}
    assert not linked({"persons": [someone(each, **nothing_personal) for each in pair]})
    assert not linked({"persons": [someone(each, **SILENT) for each in pair]})


def test_a_telephone_that_stands_in_a_home_is_a_fathers_and_a_sons() -> None:
    """A mobile one is not, though employer and owner know different e-mails."""
    pair = (numbered(), "hsa:w1")
    for phone, one in (("070-1740605", True), ("08-46500400", False)):
        rows = [someone(each, phone=phone, email=f"{n}@example.org") for n, each in enumerate(pair)]
        assert (linked({"persons": rows}) == {pair}) is one, phone


def test_an_address_and_a_rare_name_suffice_where_many_are_known() -> None:
    crowd = [
        someone(f"syn:{n}", given_name=f"G{n:04}x", family_name=f"F{n:04}x", street=f"Väg {n}")
        | {"phone": None}
        for n in range(850)
    ]
    pair = (numbered(), "hsa:w1")
    rare = [someone(each, phone=None) for each in pair]
    assert linked({"persons": crowd + rare}) == {pair}
    common = [{**row, "given_name": "Elmira"} for row in crowd]
    assert not linked({"persons": common + rare})


def test_three_numbers_of_one_person_are_linked_pair_by_pair() -> None:
    ids = (numbered(), coordination(), "hsa:w1")
    found = linked({"persons": [someone(each, email="e@example.org") for each in ids]})
    assert found == {tuple(sorted(pair)) for pair in combinations(ids, 2)}


# -- those who only look it --------------------------------------------------------------------

DIFFERENT: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "twins": (("number", {}), ("another number", {"given_name": "Samira"})),
    "twins with names alike": (("number", {}), ("another number", {"given_name": "Elmir"})),
    "twins, one with a samordningsnummer": (
        ("number", {}),
        ("coordination", {"given_name": "Samira"}),
    ),
    "twins with one name in common": (
        ("number", {"given_name": "Karl Erik"}),
        ("coordination", {"given_name": "Karl Johan"}),
    ),
    "couple": (("number", {}), ("a year later", {"given_name": "Ivar"})),
    "couple, one with an issuer's id": (
        ("number", {"email": "e@example.org"}),
        ("hsa:", {"given_name": "Ivar", "email": "e@example.org"}),
    ),
    "parent and child": (("number", {}), ("a year later", {})),
    "parent and child of one name and home, one with an issuer's id": (
        ("number", {"email": "e@example.org", "phone": None}),
        ("hsa:", {"email": "f@example.org", "phone": None}),
    ),
    "numbers for names": (
        ("number", {"given_name": "Klient 17", "email": "e@example.org"}),
        ("hsa:", {"given_name": "Klient 18", "email": "e@example.org"}),
    ),
    "parent and child born on one day": (("number", {}), ("ten years later", {})),
    "two ids of one issuer": (
        ("hsa:a", {"email": "e@example.org"}),
        ("hsa:b", {"email": "e@example.org"}),
    ),
    "no names": (
        ("number", {"given_name": None, "family_name": None}),
        ("coordination", {"given_name": None, "family_name": None}),
    ),
}


def test_who_shares_home_telephone_and_family_name_is_not_one() -> None:
    rows = [story(n, *pair) for n, pair in enumerate(DIFFERENT.values())]
    assert [name for name, one in zip(DIFFERENT, told_apart(rows), strict=True) if one] == []


def test_one_slip_of_the_key_is_forgiven_only_where_it_made_a_rare_name() -> None:
    """Kerstin and Kristin are two names, where others bear both."""
    pair = [
        someone(numbered(), given_name="Karina"),
        someone(coordination(), given_name="Karin"),
    ]
    bearers = [
        someone(numbered(f"19{50 + n}0203"), given_name=name, street=f"Väg {n}", phone=None)
        for n, name in enumerate(("Karin", "Karina") * 3)
    ]
    assert len(linked({"persons": pair})) == 1
    assert not linked({"persons": pair + bearers})


def test_namesakes_in_a_block_of_flats_are_not_one() -> None:
    block = [
        someone(numbered(f"19{40 + n}0203"), given_name=f"G{n:02}", phone=None) for n in range(30)
    ]
    named = [someone(each, phone=None) for each in (numbered(), "hsa:w1")]
    assert not linked({"persons": block + named})


def test_birth_day_and_a_common_name_alone_link_nobody() -> None:
    """Of many who bear both names, two of one birth date are chance."""
    crowd = [
        someone(numbered(f"19{40 + n % 50}{1 + n % 12:02}{1 + n % 27:02}", "239"), street=f"V {n}")
        | {"phone": None}
        for n in range(60)
    ]
    rows = list({row["person_id"]: row for row in crowd}.values())
    pair = [someone(each, **{**MOVED, "phone": None}) for each in (numbered(),)]
    pair += [someone(coordination(), street="Ängen 9", phone=None)]
    assert not linked({"persons": rows + pair})


@pytest.mark.parametrize("protection", ["marked", "protected_registration"])
def test_persons_with_protected_identity_take_no_part(protection: str) -> None:
    rows = [someone(numbered()), someone(coordination(), protection=protection)]
    assert links({"persons": rows}) == []


def test_where_two_could_be_meant_neither_is_linked_until_one_is_undone() -> None:
    father, son, worker = numbered("19530703"), numbered(), "hsa:w1"
    rows = [someone(each) for each in (father, son, worker)]
    found = links({"persons": rows})
    assert [(f["a"], f["b"], f["status"]) for f in found] == [
        (father, worker, "rivalled"),
        (son, worker, "rivalled"),
    ]
    told = links({"persons": rows}, [Undone(father, worker, "the son works there", NOW.date())])
    assert [(f["a"], f["status"], f["reason"]) for f in told] == [
        (father, "undone", "the son works there"),
        (son, "linked", None),
    ]


def test_a_link_that_outdoes_its_rival_by_far_stands() -> None:
    father, son, worker = numbered("19530703"), numbered(), "hsa:w1"
    reached = {"email": "e@example.org"}
    rows = [someone(father), someone(son, **reached), someone(worker, **reached)]
    found = {f["a"]: f for f in links({"persons": rows}, threshold=0.5)}
    gap = found[son]["weight"] - found[father]["weight"]
    assert (found[son]["status"] == "linked") == (gap >= MARGIN)


# -- firms -------------------------------------------------------------------------------------

SWEDISH, ABROAD = "5520000018", "CY:HE400029"


def firm(org_id: str, **told: Any) -> dict[str, Any]:
    reach = {"phone": "08-46500400", "email": "info@nordomsorg.example"}
    return {"org_id": org_id, "name": "Nordomsorg Ltd", **reach, **told}


def test_a_foreign_firm_under_a_swedish_number_and_its_own() -> None:
    for swedish in (
        {"country": "CY"},
        {"country": "CY", "name": "Nordomsorg Limited"},
        {"name": "Nordomsorg Ltd filial i Sverige", "legal_form": "Utländsk filial"},
    ):
        rows = [firm(SWEDISH, **swedish), firm(ABROAD)]
        assert linked({"organisations": rows}) == {(SWEDISH, ABROAD)}, swedish


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        pytest.param(firm(SWEDISH), firm("5520000026"), {}, id="two Swedish numbers"),
        pytest.param(firm(SWEDISH, name="Nordomsorg AB"), firm(ABROAD), {}, id="company by name"),
        pytest.param(firm(SWEDISH, legal_form="Aktiebolag"), firm(ABROAD), {}, id="company"),
        pytest.param(firm(SWEDISH, country="EE"), firm(ABROAD), {}, id="another country"),
        pytest.param(firm("EE:1"), firm(ABROAD), {}, id="two countries"),
        pytest.param(firm("CY:1"), firm(ABROAD), {}, id="two numbers of one country"),
        pytest.param(firm(SWEDISH), firm(ABROAD, name="Solvik Ltd"), {}, id="another name"),
        pytest.param(
            firm(SWEDISH),
            firm(ABROAD),
            {"owners": [{"org_id": SWEDISH, "owner_id": ABROAD, "interest": "shares"}]},
            id="one owns the other",
        ),
        pytest.param(firm(numbered()), firm(ABROAD), {}, id="sole trader"),
        pytest.param(
            firm(SWEDISH, phone=None, email=None), firm(ABROAD), {}, id="nothing but the name"
        ),
    ],
)
def test_two_firms_of_one_name_and_contact(
    one: dict[str, Any], other: dict[str, Any], more: World
) -> None:
    assert not linked({"organisations": [one, other], **more})


# -- against a plain oracle --------------------------------------------------------------------

BIRTHS = ("19810112", "19810113", "19530703")
IDS = tuple(
    [numbered(b, n) for b in BIRTHS for n in ("238", "239")]
    + [coordination(b) for b in BIRTHS]
    + ["hsa:1", "hsa:2", "lmo:1"]
)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "person_id": st.sampled_from(IDS),
            "given_name": st.sampled_from((None, "Elmira", "Elmirra", "Eva Elmira", "Ivar")),
            "family_name": st.sampled_from((None, "Ahlqvist", "Alqvist", "Bergdal Ek", "Ek")),
            "phone": st.sampled_from((None, "070-1740605", "08-46500400")),
            "email": st.sampled_from((None, "a@example.org", "b@example.org")),
            "street": st.sampled_from((None, "Storgatan 1", "Storgatan 12", "Ängen 3")),
        }
    ).map(lambda row: row | {"postcode": "11111", "city": "Exstad"}),
    max_size=7,
    unique_by=lambda row: row["person_id"],
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(PEOPLE)
def test_links_and_their_weights_are_the_oracles(rows: list[dict[str, Any]]) -> None:
    found = {(f["a"], f["b"]): f for f in links({"persons": rows}, threshold=0.5)}
    expected = oracle(rows, 0.5)
    assert {pair: f["status"] for pair, f in found.items()} == {
        pair: told[0] for pair, told in expected.items()
    }
    for pair, f in found.items():
        assert {p["comparison"]: p["level"] for p in f["parts"][1:]} == expected[pair][1]
        assert f["weight"] == pytest.approx(expected[pair][2], abs=1e-5)


def oracle(
    rows: list[dict[str, Any]], threshold: float
) -> dict[tuple[str, str], tuple[str, dict[str, str | None], float]]:
    """Every pair the slow way: status, level of each comparison, weight."""
    people = [Told(row) for row in rows]
    weighed = {}
    for one, other in combinations(sorted(people, key=lambda p: p.id), 2):
        if comparable(one, other, people):
            levels = agreement(one, other)
            weight = weight_of(PRIOR) + sum(
                bits(name, level, one, people) for name, level in levels.items()
            )
            if weight >= weight_of(threshold):
                weighed[one.id, other.id] = (levels, weight)
    registers = {p.id: p.register for p in people}

    def rivalled(pair: tuple[str, str]) -> bool:
        return any(
            rival != pair
            and len(set(rival) & set(pair)) == 1
            and registers[min(set(rival) - set(pair))] == registers[min(set(pair) - set(rival))]
            and tuple(sorted(set(rival) ^ set(pair))) not in weighed
            and weighed[rival][1] > weighed[pair][1] - MARGIN
            for rival in weighed
        )

    return {
        pair: ("rivalled" if rivalled(pair) else "linked", *told) for pair, told in weighed.items()
    }


class Told:
    """What the oracle reads of one row."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.id: str = row["person_id"]
        self.opaque = ":" in self.id
        day = 0 if self.opaque else int(self.id[6:8])
        self.register = self.id.split(":")[0] if self.opaque else str(day > 60)
        self.born = None if self.opaque else f"{self.id[:6]}{day - 60 * (day > 60):02}"
        self.given_words = set((row["given_name"] or "").lower().split())
        self.family_words = set((row["family_name"] or "").lower().split())
        self.given = (row["given_name"] or "").lower().replace(" ", "") or None
        self.family = (row["family_name"] or "").lower().replace(" ", "") or None
        self.phone, self.email, self.street = row["phone"], row["email"], row["street"]

    def shares(self, other: Told, *names: str) -> bool:
        return any(
            getattr(self, n) is not None and getattr(self, n) == getattr(other, n) for n in names
        )


def comparable(one: Told, other: Told, people: list[Told]) -> bool:
    met = one.shares(other, "phone", "email", "street") or (
        one.shares(other, "born")
        and (one.given_words | one.family_words) & (other.given_words | other.family_words)
    )
    if not met or one.given is None or other.given is None:
        return False
    if one.register == other.register and not (
        one.shares(other, "born") and one.given == other.given
    ):
        return False
    if one.born and other.born and slips(one.born, other.born) > 1:
        return False
    rare = min(sum(p.given == each.given for p in people) for each in (one, other)) <= 2
    return (
        one.given == other.given
        or one.given_words <= other.given_words
        or other.given_words <= one.given_words
        or (slips(one.given, other.given) <= 1 and rare)
    )


def slips(one: str, other: str) -> int:
    """Letters changed, left out or put in; no world here has two letters exchanged."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        slips(one[1:], other[1:]) + (one[0] != other[0]),
        slips(one[1:], other) + 1 if abs(len(one) - len(other)) <= 2 else 99,
        slips(one, other[1:]) + 1 if abs(len(one) - len(other)) <= 2 else 99,
    )


def agreement(one: Told, other: Told) -> dict[str, str | None]:
    called, near = (
        one.shares(other, "phone", "email"),
        one.shares(other, "phone", "email", "street"),
    )
    return {
        "birth": None
        if one.opaque or other.opaque
        else ("same" if one.born == other.born else "near"),
        "given": _given(one, other, called),
        "family": _family(one, other, near),
        "reach": _reach(one, other),
        "register": "one"
        if one.register == other.register
        else ("issuer" if one.opaque or other.opaque else None),
    }


def _given(one: Told, other: Told, called: bool) -> str:
    if one.given == other.given:
        return "household" if called else "same"
    part = one.given_words <= other.given_words or other.given_words <= one.given_words
    return "part" if part else "near"


def _family(one: Told, other: Told, near: bool) -> str | None:
    if one.family is None or other.family is None:
        return None
    if one.family == other.family:
        return "household" if near else "same"
    if one.family_words & other.family_words:
        return "part"
    if {one.family, other.family} == {"ahlqvist", "alqvist"}:
        return "near"
    return "other_household" if near else "other"


def _reach(one: Told, other: Told) -> str | None:
    pairs = [(getattr(one, n), getattr(other, n)) for n in ("phone", "email", "street")]
    if not any(a and b for a, b in pairs):
        return None
    if one.shares(other, "email"):
        return "email"
    mobile = one.shares(other, "phone") and str(one.phone).startswith("07")
    if one.email and other.email and one.shares(other, "phone", "street") and not mobile:
        return "other_email"
    if one.shares(other, "phone"):
        return "phone_and_home" if one.shares(other, "street") else "phone"
    if one.shares(other, "street"):
        return "home"
    return "street" if {one.street, other.street} == {"Storgatan 1", "Storgatan 12"} else "none"


def bits(name: str, reached: str | None, one: Told, people: list[Told]) -> float:
    if reached is None:
        return 0.0
    comparison = next(c for c in PERSONS.comparisons if c.name == name)
    level = next(each for each in comparison.levels if each.name == reached)
    u = level.u
    if level.by is not None:
        frequency = next(f for f in PERSONS.frequencies if f.column == level.by)
        values = [getattr(p, level.by) for p in people if getattr(p, level.by) is not None]
        others = max(values.count(getattr(one, level.by)) - 2, 0)
        u = max(frequency.rarest, (others + 1) / (len(values) - 2 + 1 / frequency.typical))
    return math.log2(level.m / u)


# -- laws --------------------------------------------------------------------------------------


def neighbourhood() -> list[dict[str, Any]]:
    rows = [someone(each, email="e@example.org") for each in (numbered(), coordination(), "hsa:1")]
    rows += [someone(numbered("19790304"), given_name="Ivar"), someone("lmo:7", given_name="Ivar")]
    return rows


def test_the_same_rows_in_any_order_give_the_same_links_to_the_last_digit() -> None:
    rows = neighbourhood()
    assert links({"persons": rows}) == links({"persons": rows[::-1]}) == links({"persons": rows})


def test_the_parts_of_a_waterfall_add_up() -> None:
    for found in links({"persons": neighbourhood()}):
        assert sum(part["weight"] for part in found["parts"]) == pytest.approx(
            found["weight"], abs=1e-5
        )
        assert found["probability"] == pytest.approx(1 / (1 + 2 ** -found["weight"]), abs=1e-8)


def test_people_elsewhere_change_no_link() -> None:
    elsewhere = [
        someone(f"abc:{n}", given_name=f"G{n}", family_name=f"F{n}", street=f"Annan väg {n}")
        | {"phone": None, "postcode": "33333"}
        for n in range(200)
    ]
    assert linked({"persons": neighbourhood()}) == linked({"persons": neighbourhood() + elsewhere})


def test_the_digit_that_tells_sex_says_nothing() -> None:
    weights = {
        birth_number: links(
            {"persons": [someone(numbered(birth_number=birth_number)), someone("hsa:1")]}
        )[0]["weight"]
        for birth_number in ("238", "239")
    }
    assert weights["238"] == weights["239"]


def test_a_samordningsnummer_is_worth_neither_more_nor_less() -> None:
    weights = [
        links({"persons": [someone(number), someone("hsa:1")]})[0]["weight"]
        for number in (numbered(), coordination())
    ]
    assert weights[0] == weights[1]


def test_what_many_share_is_no_key() -> None:
    """Three hundred persons of one name, address, telephone and e-mail: no pair to weigh."""
    rows = [someone(f"i{n}:1", email="info@example.org") for n in range(300)]
    with Engine(threads=1) as engine:
        world(engine, {"persons": rows})
        views.open_views(engine, date(2026, 1, 1))
        derive(engine)
        limits = {"household": HOUSEHOLD, "crowd": CROWD, "most_on_a_key": MOST_ON_A_KEY}
        folder = Path(undone.__file__).parent
        engine.script(folder / "reach.sql", limits | {"kind": "person"})
        engine.script(folder / "persons.sql", limits | {"kind": "person"})
        assert engine.value("SELECT count(*) FROM pairs") == 0
        keys = engine.value("SELECT count(*) FROM keys")
    assert keys <= 300 * 6


def test_the_model_is_of_chances_and_reasons() -> None:
    for model in MODELS:
        columns = {f.column for f in model.frequencies}
        for comparison in model.comparisons:
            assert comparison.levels[-1].when == "ELSE"
            assert len({level.name for level in comparison.levels}) == len(comparison.levels)
            for level in comparison.levels:
                assert 0 < level.m < 1 and 0 < level.u < 1 and level.why
                assert level.text.sv and level.text.en
                assert level.by is None or level.by in columns
    assert 0.5 < THRESHOLD < 1 and 0 < PRIOR < 0.001
    read = " ".join(path.read_text("utf-8") for path in Path(undone.__file__).parent.glob("*.sql"))
    for word in ("nationality", "citizenship", "language", "religion", "sex", "income"):
        assert not re.search(rf"\b{word}\b", read)


# -- undoing -----------------------------------------------------------------------------------

UNDONE = st.builds(
    lambda pair, reason, since: Undone(*undone.pair(*pair), reason.strip(), since),
    st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True),
    st.text(min_size=1).filter(lambda text: text.strip()),
    st.dates(date(1000, 1, 1)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(UNDONE, max_size=4, unique_by=lambda each: (each.a, each.b)))
def test_what_is_undone_is_read_back_as_written(tmp_path: Path, given_: list[Undone]) -> None:
    path = tmp_path / "links.toml"
    undone.write(path, given_)
    assert sorted(undone.read(path), key=repr) == sorted(given_, key=repr)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "undone = 3",
        "[[other]]",
        "[[undone]]\na = 'x'",
        "[[undone]]\na = 'x'\nb = 'x'\nreason = 'r'\nsince = 2026-01-01",
        "[[undone]]\na = 'x'\nb = 'y'\nreason = ' '\nsince = 2026-01-01",
        "[[undone]]\na = 'x'\nb = 'y'\nreason = 'r'\nsince = '2026-01-01'",
        2 * "[[undone]]\na = 'x'\nb = 'y'\nreason = 'r'\nsince = 2026-01-01\n",
        "not toml",
    ],
)
def test_a_wrong_file_of_undone_links_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "links.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError):
        undone.read(path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two records of one worker, paid on one account: silent as long as they are linked."""
    files = tmp_path / "files"
    files.mkdir()
    org = "5520000018"
    ids = (numbered(), "hsa:w1")
    rows = {
        "organisations": [{"org_id": org, "name": "Syntetisk Omsorg AB"}],
        "contracts": [
            {
                "contract_id": "k1",
                "org_id": org,
                "municipality": "0000",
                "service": "omsorg",
                "reimbursement": "performed",
                "hourly_rate_sek": "400",
                "valid_from": "2025-01-01",
            }
        ],
        "persons": [someone(ids[0]), someone(ids[1], **MOVED)],
        "employments": [
            {"org_id": org, "person_id": each, "valid_from": "2024-01-01"} for each in ids
        ],
        "payments": [
            {
                "payment_id": f"p{n}{each[:2]}",
                "paid_on": f"2025-0{n}-25",
                "payee_id": each,
                "payee_account": "BG:55500011",
                "amount": "100",
                "purpose": "wages",
            }
            for each in ids
            for n in (1, 2, 3)
        ],
        "accounts": [
            {"account": "BG:55500011", "holder_id": ids[0], "holder_kind": "person"},
        ],
    }
    for table, told in rows.items():
        (files / f"{table}.csv").write_text(csv_text(told), encoding="utf-8")
    made = Home(tmp_path / "home")
    assert load(made, [files], Options(), clock=lambda: NOW).exit_code == 0
    return made


def command(home: Home, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home.path), "--language", "en", *arguments])


def findings(home: Home) -> int:
    return run(home, [open_room(ROOM)], clock=lambda: NOW, memory="512MiB").findings


def test_undoing_a_link_undoes_what_followed_and_restoring_brings_it_back(home: Home) -> None:
    assert findings(home) == 0
    a, b = numbered(), "hsa:w1"
    listed = command(home, "links", "--format", "jsonl")
    assert [(each["a"], each["b"]) for each in map(json.loads, listed.output.splitlines())] == [
        (a, b)
    ]
    assert command(home, "links", "undo", b, a, "--reason", "Two cousins.").exit_code == 0
    assert findings(home) == 1
    [told] = map(json.loads, command(home, "links", "--format", "jsonl").output.splitlines())
    assert (told["status"], told["reason"]) == ("undone", "Two cousins.")
    assert command(home, "links", "undo", a, b, "--reason", "Again.").exit_code != 0
    assert command(home, "links", "restore", a, b).exit_code == 0
    assert command(home, "links", "restore", a, b).exit_code != 0
    assert findings(home) == 0


def test_a_waterfall_is_drawn_in_words_of_the_reader(home: Home) -> None:
    assert findings(home) == 0
    shown = command(home, "links", "show", "hsa:w1", numbered())
    assert shown.exit_code == 0
    for word in ("given name", "the same telephone", "two records at random", "probability 99"):
        assert word in shown.output
    assert "█" in shown.output and "░" in shown.output
    assert not words_of_guilt(shown.output)
    svenska = CliRunner().invoke(
        app, ["--home", str(home.path), "--language", "sv", "links", "show", numbered(), "hsa:w1"]
    )
    assert "förnamn" in svenska.output
    missing = command(home, "links", "show", numbered(), "hsa:w9")
    assert missing.exit_code != 0 and "hsa:w9" not in str(missing.exception)
