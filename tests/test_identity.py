"""Identifiers are judged alike by Python, by SQL and by the libraries, as their issuers say."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pycountry
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.se import orgnr, personnummer

from graph_service import identity
from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import MACROS
from graph_service.identity.refusal import SENTENCES

TODAY = date(2026, 11, 22)
NUMBERS = Path(__file__).parents[1] / ".." / "shared" / "data" / "identity_numbers"
BAD, RUINED = "bad_identifier", "scientific_notation"
RUINED_FORMS = ["1,99E+11", "1.99001E+11", "2E+11", "1.99001E11", "1.99e+11", "5,56036E+09"]
INTERIM_LETTERS = "TRSUWXJKLMN"

needs_numbers = pytest.mark.skipif(
    not NUMBERS.is_dir(), reason="../shared/data/identity_numbers is not beside the project"
)
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


def person_faults(engine: Engine, values: list[str | None]) -> list[str | None]:
    return ask(engine, f"person_fault(v, DATE '{TODAY}')", values)


def organisation_faults(engine: Engine, values: list[str | None]) -> list[str | None]:
    return ask(engine, f"organisation_fault(v, DATE '{TODAY}')", values)


def party_faults(engine: Engine, values: list[str | None]) -> list[str | None]:
    return ask(engine, f"party_fault(v, DATE '{TODAY}')", values)


def person_code(value: str) -> str | None:
    """None where the value is a person's key of the contract already, else the code."""
    try:
        return None if identity.person(value, today=TODAY).number == value else BAD
    except identity.Refused as refused:
        return refused.code


def organisation_code(value: str) -> str | None:
    try:
        return None if identity.organisation(value, today=TODAY) == value else BAD
    except identity.Refused as refused:
        return refused.code


def account_code(value: str) -> str | None:
    if re.fullmatch("[0-9]{4,5}-[0-9]{1,12}", value):  # short ones read as a giro number
        return None
    try:
        return None if identity.account(value) == value else BAD
    except identity.Refused as refused:
        return refused.code


def personal_number(born: date, birth_number: str, shift: int = 0) -> str:
    digits = f"{born:%y%m}{born.day + shift:02}{birth_number}"
    return f"{born.year // 100}{digits}{luhn.calc_check_digit(digits)}"


births = st.dates(date(1890, 1, 1), TODAY)


@st.composite
def personal_numbers(draw: st.DrawFn) -> str:
    born = draw(births)
    test_range = ["238", "239"] if born.year >= 1970 else ["980", "981"]
    return personal_number(born, draw(st.sampled_from(test_range)), draw(st.sampled_from([0, 60])))


@st.composite
def organisation_numbers(draw: st.DrawFn) -> str:
    digits = draw(st.from_regex(r"[1-9][0-9][2-9][0-9]{6}", fullmatch=True))
    return digits + luhn.calc_check_digit(digits)


identifiers = st.one_of(
    st.text(max_size=20),
    st.text("0123456789-+:.,E eTRXSBGP", max_size=14),
    st.from_regex(r"(1[6-9]|2[01])?[0-9]{2}[01][0-9][0-9]{6}", fullmatch=True),
    st.from_regex(r"[a-zA-Z]{1,3}-?:.{0,3}", fullmatch=True),
    st.from_regex(r"SE:[0-9-]{10,12}", fullmatch=True),
    st.from_regex(r"(BG|PG):[0-9]{1,9}|[0-9]{3,6}-[0-9]{1,13}|SE[0-9]{21,23}", fullmatch=True),
    st.from_regex(r"[0-9]{1,2}[.,]?[0-9]{0,5}[eE]\+?[0-9]{1,2}", fullmatch=True),
    personal_numbers(),
    organisation_numbers(),
)


# --- what others have said of real numbers ----------------------------------------------------


@needs_numbers
@pytest.mark.parametrize(("file", "count"), [("allPins.json", 41129), ("allCoords.json", 2264)])
def test_every_test_number_of_skatteverket_is_a_person(
    engine: Engine, file: str, count: int
) -> None:
    numbers = json.loads((NUMBERS / file).read_text())
    assert len(numbers) == count
    assert set(person_faults(engine, numbers)) == {None}
    assert set(organisation_faults(engine, numbers)) == {None}  # a sole trader
    for number in numbers:
        read = identity.person(number, today=TODAY)
        assert (read.number, read.century_inferred) == (number, False)
        assert read.coordination == (file == "allCoords.json")


@needs_numbers
@pytest.mark.parametrize("file", ["list.json", "interim.json"])
def test_each_written_form_is_judged_as_the_file_says(engine: Engine, file: str) -> None:
    for case in json.loads((NUMBERS / file).read_text()):
        interim = case["type"] == "interim"
        forms = ("long_format", "short_format", "separated_format", "separated_long")
        for form in forms if interim or case["integer"] == 0 else (*forms, "integer"):
            value = str(case[form])
            assert _reads_as_person(value) == case["valid"], (form, case["type"])
            if case["valid"] and form != "short_format":  # its century is lost
                key = identity.person(value, today=TODAY).number
                assert key == ("skv:" if interim else "") + case["long_format"]
        canonical = case["valid"] and not interim
        assert (person_faults(engine, [case["long_format"]]) == [None]) == canonical


def _reads_as_person(value: str) -> bool:
    try:
        identity.person(value, today=TODAY)
    except identity.Refused:
        return False
    return True


@needs_numbers
def test_structured_cases_are_judged_as_the_file_says() -> None:
    for cases in json.loads((NUMBERS / "structured.json").read_text()).values():
        for verdicts in cases.values():
            assert all(_reads_as_person(str(value)) for value in verdicts["valid"])
            assert not any(_reads_as_person(str(value)) for value in verdicts["invalid"])


@needs_numbers
def test_organisation_numbers_are_organisations_and_no_persons(engine: Engine) -> None:
    for case in json.loads((NUMBERS / "orgnumber.json").read_text()):
        number = case["short_format"]
        assert organisation_faults(engine, [number]) == party_faults(engine, [number]) == [None]
        assert identity.organisation(number) == number
        assert identity.organisation(case["separated_format"]) == number
        assert not _reads_as_person(number)
        assert person_faults(engine, [number]) == [BAD]


# --- persons ------------------------------------------------------------------------------------


@many
@given(st.lists(personal_numbers(), min_size=1, max_size=20), st.data())
def test_valid_numbers_are_accepted_and_one_wrong_digit_is_not(
    engine: Engine, numbers: list[str], data: st.DataObject
) -> None:
    right = [number for number in numbers if _birth_is_not_ahead(number)]
    wrong = [_with_a_wrong_digit(number, data.draw(st.randoms())) for number in right]
    for number in right:
        coordination = int(number[6:8]) > 31
        assert identity.person(number, today=TODAY) == identity.Person(
            number, coordination=coordination
        )
        assert coordination or personnummer.is_valid(number)
    assert [person_code(number) for number in wrong] == [BAD] * len(wrong)
    for faults in (person_faults, organisation_faults, party_faults):
        said = faults(engine, [*right, *wrong])
        assert said == [None] * len(right) + [BAD] * len(wrong)


def _with_a_wrong_digit(number: str, random: Random) -> str:
    """The number with one of its last ten digits changed."""
    at = random.randrange(len(number) - 10, len(number))
    digit = random.choice([digit for digit in string.digits if digit != number[at]])
    return number[:at] + digit + number[at + 1 :]


def _birth_is_not_ahead(number: str) -> bool:
    return int(number[:8]) % 100 >= 60 or int(number[:8]) <= int(f"{TODAY:%Y%m%d}")


@many
@given(st.lists(identifiers, min_size=1, max_size=30))
def test_sql_and_python_judge_any_text_alike(engine: Engine, values: list[str]) -> None:
    given_values: list[str | None] = [value.strip(" \t\xa0") for value in values]
    texts = [value.strip(" \t\xa0") for value in values]
    persons = [person_code(text) for text in texts]
    organisations = [organisation_code(text) for text in texts]
    assert person_faults(engine, given_values) == persons
    assert organisation_faults(engine, given_values) == organisations
    assert party_faults(engine, given_values) == [
        None if None in pair else pair[0] for pair in zip(persons, organisations, strict=True)
    ]
    assert ask(engine, "account_fault(v)", given_values) == [account_code(text) for text in texts]


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "syn:",
        "syn: 1",
        "Syn:1",
        "1syn:1",
        "syn",
        personal_number(date(1799, 1, 1), "980"),
        personal_number(date(2026, 11, 23), "238"),
        personal_number(date(2026, 11, 23), "238", 60),
        personal_number(date(1980, 1, 1), "000"),
        personal_number(date(1980, 1, 1), "000", 60),
        personal_number(date(1980, 1, 1), "238", 31),
        personal_number(date(1980, 1, 1), "238", 91),
        personal_number(date(1980, 1, 1), "238")[2:],
        personal_number(date(1980, 1, 1), "238") + "0",
        "１９" + personal_number(date(1980, 1, 1), "238")[2:],
        "0x2E55B4C8AA",
        "20000101T220",
    ],
)
def test_what_is_no_person_is_refused(engine: Engine, value: str) -> None:
    assert person_faults(engine, [value]) == [BAD]


@pytest.mark.parametrize("day", ["0229", "0230", "0431", "1301", "0001", "0100", "1132"])
def test_an_impossible_date_is_refused(engine: Engine, day: str) -> None:
    digits = f"81{day}238"
    number = f"19{digits}{luhn.calc_check_digit(digits)}"
    assert person_faults(engine, [number]) == [BAD]
    with pytest.raises(identity.Refused) as refused:
        identity.person(number, today=TODAY)
    assert refused.value.why is identity.Why.BIRTH_DATE


@pytest.mark.parametrize("year", [1800, 1900, 1904, 2000, 2023, 2024])
def test_the_leap_day_is_there_in_leap_years_only(engine: Engine, year: int) -> None:
    is_leap = year in (1904, 2000, 2024)
    digits = f"{year % 100:02}0229238"
    number = f"{year // 100}{digits}{luhn.calc_check_digit(digits)}"
    assert (person_faults(engine, [number]) == [None]) is is_leap
    assert _reads_as_person(number) is is_leap


def test_a_samordningsnummer_may_have_an_unknown_month_or_day(engine: Engine) -> None:
    for day in ("0060", "0061", "0160"):
        digits = f"85{day}238"
        number = f"19{digits}{luhn.calc_check_digit(digits)}"
        assert person_faults(engine, [number]) == [None]
        assert identity.person(number, today=TODAY).coordination


@given(births, st.sampled_from(["238", "239"]), st.sampled_from([0, 60]))
def test_ten_digits_take_the_latest_century_and_say_so(
    born: date, birth_number: str, shift: int
) -> None:
    number = personal_number(born, birth_number, shift)
    turns_100 = TODAY.year - born.year >= 100
    short = f"{number[2:8]}{'+' if turns_100 else '-'}{number[8:]}"
    assert identity.person(short, today=TODAY) == identity.Person(number, True, shift == 60)
    assert identity.person(f"{number[:8]}-{number[8:]}", today=TODAY).number == number
    if born > date(TODAY.year - 100, TODAY.month, TODAY.day):
        assert identity.person(number[2:], today=TODAY).number == number


def test_a_plus_sign_contradicts_a_young_persons_century() -> None:
    number = personal_number(date(1980, 1, 1), "238")
    with pytest.raises(identity.Refused) as refused:
        identity.person(f"{number[:8]}+{number[8:]}", today=TODAY)
    assert refused.value.why is identity.Why.SEPARATOR


def test_a_birthday_yet_to_come_this_year_is_of_the_last_century() -> None:
    number = personal_number(TODAY + timedelta(days=1), "238")
    assert identity.person(number[2:], today=TODAY).number == f"19{number[2:]}"
    assert identity.person(number[2:], today=TODAY + timedelta(days=1)).number == number


@pytest.mark.parametrize("letter", INTERIM_LETTERS)
def test_interim_numbers_are_opaque_in_every_form(engine: Engine, letter: str) -> None:
    forms = [f"20000101{letter}220", f"20000101-{letter}220", f"000101-{letter}220"]
    keys = {identity.person(form, today=TODAY).number for form in forms}
    assert keys == {f"skv:20000101{letter}220"}
    assert person_faults(engine, [*keys]) == [None]
    assert organisation_faults(engine, [*keys]) == [BAD]


# --- organisations ------------------------------------------------------------------------------


@many
@given(st.lists(organisation_numbers(), min_size=1, max_size=20), st.data())
def test_organisation_numbers_are_accepted_and_one_wrong_digit_is_not(
    engine: Engine, numbers: list[str], data: st.DataObject
) -> None:
    wrong = [_with_a_wrong_digit(number, data.draw(st.randoms())) for number in numbers]
    for number in numbers:
        assert orgnr.is_valid(number)
        forms = [f"{number[:6]}-{number[6:]}", f"16{number}", f"SE{number}01"]
        assert {identity.organisation(form) for form in forms} == {number}
        assert [organisation_code(form) for form in forms] == [BAD] * 3
    assert [organisation_code(number) for number in wrong] == [BAD] * len(wrong)
    for faults in (organisation_faults, party_faults):
        said = faults(engine, [*numbers, *wrong])
        assert said == [None] * len(numbers) + [BAD] * len(wrong)


def test_countries_are_those_of_iso_3166_and_the_unknown(engine: Engine) -> None:
    pairs = [a + b for a in string.ascii_uppercase for b in string.ascii_uppercase]
    faults = organisation_faults(engine, [f"{pair}:HRB 1-2" for pair in pairs])
    accepted = {pair for pair, fault in zip(pairs, faults, strict=True) if fault is None}
    assert accepted == {country.alpha_2 for country in pycountry.countries} | {"XX"}


def test_a_swedish_number_is_not_hidden_behind_its_country(engine: Engine) -> None:
    forms = ["SE:5560000001", "SE:556000-0001", "SE:165560000001"]
    assert organisation_faults(engine, [*forms]) == [BAD] * 3
    assert organisation_faults(engine, ["SE:branch 7", "XX: 1", "XX:", "xx:1"]) == [
        None,
        BAD,
        BAD,
        BAD,
    ]


def test_a_sole_trader_is_a_personal_number() -> None:
    number = personal_number(date(1980, 1, 1), "238")
    assert identity.organisation(number) == number
    assert identity.organisation(f"{number[2:8]}-{number[8:]}", today=TODAY) == number
    with pytest.raises(identity.Refused):
        identity.organisation(number[2:])  # no century without a clock


# --- ruined and opaque identifiers --------------------------------------------------------------


@pytest.mark.parametrize("value", RUINED_FORMS)
def test_what_a_spreadsheet_ruined_is_told_apart(engine: Engine, value: str) -> None:
    assert person_faults(engine, [value]) == organisation_faults(engine, [value]) == [RUINED]
    assert party_faults(engine, [value]) == ask(engine, "account_fault(v)", [value]) == [RUINED]
    assert person_code(value) == organisation_code(value) == account_code(value) == RUINED


def test_ids_are_refused_only_when_unmistakably_ruined(engine: Engine) -> None:
    ruined: list[str | None] = ["1,99E+11", "1.2E+5", "2E+11"]
    opaque: list[str | None] = ["", "E+1", "1E5", "A1E+05", "2.1E7", "1E+5-2", "B 12", "NULL", None]
    assert ask(engine, "id_fault(v)", ruined) == [RUINED] * len(ruined)
    assert ask(engine, "id_fault(v)", opaque) == [None] * len(opaque)


def test_null_has_no_fault_and_no_key(engine: Engine) -> None:
    for macro in (
        f"person_fault(v, DATE '{TODAY}')",
        f"organisation_fault(v, DATE '{TODAY}')",
        f"party_fault(v, DATE '{TODAY}')",
        "account_fault(v)",
        "id_fault(v)",
        "email_key(v)",
        "postcode_key(v)",
        "address_key(v, '11418', 'Stockholm')",
    ):
        assert ask(engine, macro, [None]) == [None], macro


def test_columns_named_as_the_macros_own_words_are_safe(engine: Engine) -> None:
    number = personal_number(date(1980, 1, 1), "238")
    (row,) = engine.rows(
        """SELECT person_fault(n, today) AS a, address_key(street, postcode, city) AS b,
                  address_key(city, postcode, street) AS c, account_fault(v) AS d
           FROM (SELECT $number AS n, DATE '2026-11-22' AS today, 'Ågatan 1' AS street,
                        '11418' AS postcode, 'Ort' AS city, 'NL91ABNA0417164300' AS v)""",
        {"number": number},
    )
    assert row == {"a": None, "b": "agatan1|11418", "c": "ort|11418", "d": None}


# --- refusals -------------------------------------------------------------------------------------


@given(identifiers)
def test_identifiers_are_read_the_same_twice_or_refused_without_the_value(value: str) -> None:
    for read in (
        lambda text: identity.person(text, today=TODAY).number,
        lambda text: identity.organisation(text, today=TODAY),
        identity.organisation,
        identity.account,
    ):
        try:
            key = read(value)
        except identity.Refused as refused:
            assert refused.code in (BAD, RUINED)
            assert refused.args == (SENTENCES[refused.why]["en"],)
            assert refused.__cause__ is None
        else:
            assert read(key) == key


def test_every_reason_is_said_in_both_languages() -> None:
    assert set(SENTENCES) == set(identity.Why)
    assert all(words["sv"] and words["en"] for words in SENTENCES.values())
