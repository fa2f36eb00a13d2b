"""Accounts and the keys of the graph are the same in Python and SQL, however they are written."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schwifty import IBAN
from schwifty import exceptions as schwifty_errors
from schwifty import registry as iban_registry
from stdnum.se import postnummer

from graph_service import identity
from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import MACROS

BAD = "bad_identifier"
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(threads=1) as opened:
        opened.script(MACROS)
        yield opened


def ask(engine: Engine, macro: str, values: list[str | None]) -> list[str | None]:
    """What `macro`, an expression over `v`, says of each value."""
    sql = f"SELECT {macro} AS said FROM (SELECT unnest($given::VARCHAR[]) AS v)"
    return [row["said"] for row in engine.rows(sql, {"given": values})]


# --- accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("SE45 5000 0000 0583 9825 7466", "SE4550000000058398257466"),
        ("SE 45 50000000058398257466", "SE4550000000058398257466"),
        ("iban: nl91abna0417164300", "NL91ABNA0417164300"),
        ("5050-1055", "BG:50501055"),
        ("Bankgiro 5050-1055", "BG:50501055"),
        ("BG:50501055", "BG:50501055"),
        ("bg 50501055", "BG:50501055"),
        ("991-2346", "BG:9912346"),
        ("PG 1 23 45 6-6", None),
        ("12 34 56-6", "PG:1234566"),
        ("plusgiro 1234566", "PG:1234566"),
        ("1-8", "PG:18"),
        ("8327-9, 123 456 789-0", "83279-1234567890"),
        ("6000 123 456 789", "6000-123456789"),
        ("3300-8001019801", "3300-8001019801"),
        ("5050-1056", None),
        ("50501055", None),
        ("BG:505010", None),
        ("SE4550000000058398257467", None),
        ("ZZ4550000000058398257466", None),
        ("900101-2384", None),
        ("", None),
    ],
)
def test_accounts_take_the_form_of_the_contract(
    engine: Engine, written: str, key: str | None
) -> None:
    if key is None:
        with pytest.raises(identity.Refused) as refused:
            identity.account(written)
        assert refused.value.code == BAD
    else:
        assert identity.account(written) == identity.account(key) == key
        assert ask(engine, "account_fault(v)", [key]) == [None]


def _iban_countries() -> dict[str, str]:
    """The structure of each country's IBAN as schwifty's registry holds it."""
    found = {}
    for country in (a + b for a in string.ascii_uppercase for b in string.ascii_uppercase):
        try:
            found[country] = iban_registry.get_iban_spec(country).bban_spec
        except schwifty_errors.InvalidCountryCode:
            continue
    return found


def _sample(spec: str) -> str:
    """A BBAN of the structure: digits, letters or both."""
    filler = {"n": "4071938", "a": "KQZ", "c": "7B0"}
    parts = re.findall(r"(\d+)!([nac])", spec)
    return "".join((filler[kind] * int(count))[: int(count)] for count, kind in parts)


def test_ibans_follow_the_registry_and_every_check_digit_counts(engine: Engine) -> None:
    countries = _iban_countries()
    assert len(countries) > 100
    for country, spec in countries.items():
        iban = str(IBAN.from_bban(country, _sample(spec)))
        check_digits: list[str | None] = [f"{country}{n:02}{iban[4:]}" for n in range(100)]
        faults = ask(engine, "account_fault(v)", check_digits)
        assert [v for v, fault in zip(check_digits, faults, strict=True) if fault is None] == [iban]
        broken = [iban[:-1], iban + "0", iban.lower(), f"{iban[:4]} {iban[4:]}", iban[:4] + "Ö"]
        assert ask(engine, "account_fault(v)", [*broken]) == [BAD] * len(broken)


@many
@given(st.data())
def test_sql_and_schwifty_judge_structures_alike(engine: Engine, data: st.DataObject) -> None:
    country, spec = data.draw(st.sampled_from(sorted(_COUNTRIES.items())))
    at = data.draw(st.integers(0, len(_sample(spec)) - 1))
    bban = list(_sample(spec))
    bban[at] = data.draw(st.sampled_from("0Z"))
    rearranged = "".join(bban) + country + "00"
    numeric = int("".join(str(int(letter, 36)) for letter in rearranged))
    value = f"{country}{98 - numeric % 97:02}{''.join(bban)}"
    valid = IBAN(value, allow_invalid=True).is_valid
    assert (ask(engine, "account_fault(v)", [value]) == [None]) == valid


_COUNTRIES = _iban_countries()


# --- keys of the graph --------------------------------------------------------------------------

swedish = st.text("aåäöAÅÄÖéÉüøæßñ1234567890 .,-–:/'´\u0301\u030a\u00a0\tgGcCoO@İıKſ", max_size=25)
texts = st.one_of(st.text(max_size=12), swedish)


@many
@given(st.lists(st.tuples(texts, st.none() | texts, st.none() | texts), min_size=1, max_size=15))
def test_sql_and_python_make_the_same_address_keys(
    engine: Engine, rows: list[tuple[str, str | None, str | None]]
) -> None:
    for street, code, city in rows:
        for postcode in (code, "114 18"):
            said = engine.value(
                "SELECT address_key($s::VARCHAR, $p::VARCHAR, $c::VARCHAR)",
                {"s": street, "p": postcode, "c": city},
            )
            assert said == identity.address_key(street, postcode, city)


emails = st.one_of(
    texts, st.emails(), st.from_regex(r"[\w.+-]{1,5}@[\wåÄ-]{1,4}\.[a-zA-Z0-9]{1,3}")
)
postcodes = st.one_of(texts, st.from_regex(r"(SE?|se)?[ -]?[0-9]{3} ?[0-9]{2}", fullmatch=True))


@many
@given(st.lists(emails, min_size=1, max_size=20), st.lists(postcodes, min_size=1, max_size=20))
def test_sql_and_python_make_the_same_email_and_postcode_keys(
    engine: Engine, mails: list[str], codes: list[str]
) -> None:
    assert ask(engine, "email_key(v)", [*mails]) == [identity.email(mail) for mail in mails]
    keys = [identity.postcode(code) for code in codes]
    assert ask(engine, "postcode_key(v)", [*codes]) == keys
    for code, key in zip(codes, keys, strict=True):
        if key is not None:
            assert postnummer.compact(code.replace("\xa0", " ").replace("S-", "")) in (
                key,
                "S" + key,
            )
            assert identity.postcode(key) == key


SAME_DOOR = [
    ("Storgatan 1 A", "114 18", "Ängelholm"),
    ("STORGATAN 1A", "SE-11418", None),
    ("storgatan  1a", "11418", "Angelholm"),
    ("c/o Andersson, Storgatan 1 A", "114\xa018", ""),
    ("Störgatan 1 A", "S-114 18", None),
    ("Sto\u0308rgatan 1 A", "11418", None),
]


def test_one_door_has_one_key_however_it_is_written() -> None:
    assert {identity.address_key(*door) for door in SAME_DOOR} == {"storgatan1a|11418"}


@pytest.mark.parametrize(
    "other",
    [
        ("Storgatan 1 B", "11418", None),
        ("Storgatan 1", "11418", None),
        ("Storgatan 11 A", "11418", None),
        ("Storgatan 1 A", "11419", None),
        ("Storgatan 1 A", None, "Lund"),
        ("Storgatan 1 A lgh 1101", "11418", None),
    ],
)
def test_another_door_has_another_key(other: tuple[str, str | None, str | None]) -> None:
    assert identity.address_key(*other) not in (None, "storgatan1a|11418")


def test_numbers_that_touch_are_not_run_together() -> None:
    keys = {identity.address_key(street, "11418", None) for street in ("Väg 1 11", "Väg 11 1")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("street", "code", "city"),
    [
        (None, "11418", "Lund"),
        ("Storgatan 1", None, None),
        ("Storgatan 1", "", " "),
        ("-", "11418", None),
        ("c/o Andersson", "11418", None),
        ("Okänd", "11418", None),
        ("Skyddad adress", "11418", None),
        ("UPPGIFT SAKNAS", "11418", None),
    ],
)
def test_no_address_links_nobody(street: str | None, code: str | None, city: str | None) -> None:
    assert identity.address_key(street, code, city) is None


@pytest.mark.parametrize(
    "written",
    [
        "070-174 06 05",
        "+46 (0)70-174 06 05",
        "0046701740605",
        "46701740605",
        "701740605",
        "Tel: 070-1740605",
        "0701740605 (mobil)",
        "070–174 06 05 dagtid",
    ],
)
def test_one_phone_has_one_key_however_it_is_written(written: str) -> None:
    assert identity.phone(written) == "+46701740605"


@pytest.mark.parametrize("written", ["", "112", "070", "okänt", "0701740605, 0701740606", "+999 1"])
def test_what_is_no_phone_has_no_key(written: str) -> None:
    assert identity.phone(written) is None


def test_a_phone_is_read_by_its_region() -> None:
    assert identity.phone("70 10 10 10", "DK") == "+4570101010"
    assert identity.phone("+45 70 10 10 10") == "+4570101010"


@given(texts)
def test_keys_are_total_and_stable(value: str) -> None:
    for key in (identity.email, identity.ip, identity.postcode, identity.industry, identity.phone):
        made = key(value)
        assert made is None or key(made) == made
    number = identity.phone(value)
    assert number is None or phonenumbers.is_valid_number(phonenumbers.parse(number))


@pytest.mark.parametrize(
    ("read", "written", "key"),
    [
        (identity.email, "Anna.Öberg@Exempel.SE", "anna.öberg@exempel.se"),
        (identity.email, "a+b@sub.exempel.se", "a+b@sub.exempel.se"),
        (identity.email, "anna@exempel", None),
        (identity.email, "anna@exempel..se", None),
        (identity.email, "anna @exempel.se", None),
        (identity.email, "a@b@exempel.se", None),
        (identity.ip, "192.0.2.1", "192.0.2.1"),
        (identity.ip, "2001:DB8:0:0::1", "2001:db8::1"),
        (identity.ip, "::ffff:192.0.2.1", "192.0.2.1"),
        (identity.ip, "192.0.2.256", None),
        (identity.ip, "fe80::1%eth0", None),
        (identity.industry, "88.101", "88101"),
        (identity.industry, "88101", "88101"),
        (identity.industry, "88.10.1", "88101"),
        (identity.industry, "8810", None),
        (identity.industry, "00000", None),
        (identity.postcode, "114 18", "11418"),
        (identity.postcode, "014 18", None),
        (identity.postcode, "1141 8", None),
    ],
)
def test_keys_as_people_write_them(read: Any, written: str, key: str | None) -> None:
    assert read(written) == key
