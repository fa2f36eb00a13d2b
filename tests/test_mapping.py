"""Each reading against a slow obvious twin, and every wrong mapping against its refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stdnum import luhn

from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError, FileRefused
from graph_service.records import DROPPED_COLUMNS
from loaders.mapping import Mapping
from loaders.mapping.dialect import Dialect, Layout
from loaders.mapping.readings import UNREADABLE, Readings
from loaders.mapping.rules import Reading
from tests.mapped import mapped, read_mapping, relation

SWEDISH = Dialect(decimal=(",",), thousands=(" ", "\u00a0", "."))
REFERENCE = date(2026, 3, 15)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
COLUMN = TEXT.filter(lambda name: name.strip() and name.strip().lower() not in DROPPED_COLUMNS)
quickly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(threads=1) as opened:
        yield opened


def read_all(
    engine: Engine,
    texts: list[str],
    reading: Reading,
    dialect: Dialect = SWEDISH,
    reference: date | None = REFERENCE,
) -> list[str | None]:
    sql = Readings(dialect, reference).read("x", reading)
    rows = engine.rows(
        f"SELECT {sql} AS y FROM {relation(['x'], [[t] for t in texts])} ORDER BY _row"
    )
    return [row["y"] for row in rows]


# ── numbers ──────────────────────────────────────────────────────────────────────────────


def number_twin(text: str) -> str:
    """A Swedish number read by hand, a character at a time."""
    body, sign = text, ""
    if body[:1] in ("-", "−"):
        body, sign = body[1:], "-"
    elif body[-1:] in ("-", "−"):
        body, sign = body[:-1], "-"
    whole, comma, decimals = body.partition(",")
    used = [mark for mark in " \u00a0." if mark in whole]
    if comma and not (decimals and set(decimals) <= set("0123456789")):
        return UNREADABLE + text
    if len(used) > 1:
        return UNREADABLE + text
    if used:
        groups = whole.split(used[0])
        if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
            return UNREADABLE + text
        whole = "".join(groups)
    if not whole or not set(whole) <= set("0123456789"):
        return UNREADABLE + text
    return sign + whole + ("." + decimals if comma else "")


@quickly
@given(
    st.lists(
        st.text("0123456789,. \u00a0-−+e", min_size=1, max_size=9) | TEXT.filter(bool),
        min_size=1,
        max_size=40,
    )
)
@example(
    [
        "1.234,50",
        "1 234,50-",
        "1\u00a0234",
        "−5",
        "0,45",
        "1.234",
        "1.23",
        "1,234,5",
        ",5",
        "5,",
        "--5",
        "-5-",
    ]
)
def test_a_swedish_number_is_read_as_a_person_reads_it(engine: Engine, texts: list[str]) -> None:
    assert read_all(engine, texts, Reading.NUMBER) == [number_twin(text) for text in texts]


def test_a_point_in_a_file_with_decimal_commas_is_never_taken_for_a_decimal_point(
    engine: Engine,
) -> None:
    found = read_all(engine, ["1.5", "1.234", "12.34"], Reading.NUMBER)
    assert found == ["?1.5", "1234", "?12.34"]
    assert read_all(engine, ["1.5", "1,5"], Reading.NUMBER, Dialect(decimal=(",", "."))) == [
        "1.5",
        "1.5",
    ]


def test_percentages_become_shares(engine: Engine) -> None:
    found = read_all(engine, ["51,5", "100", "0", "33,333", "halva"], Reading.PERCENT)
    assert found == ["0.515", "1", "0", "0.33333", "?halva"]


# ── lengths of time ──────────────────────────────────────────────────────────────────────


def hours_twin(text: str, reading: Reading) -> Decimal | None:
    marks = ":," if reading is Reading.HOURS_MINUTES else ":"
    clock = re.fullmatch(rf"([0-9]{{1,4}})[{marks}]([0-5][0-9])(?::([0-5][0-9]))?", text)
    if reading in (Reading.HOURS, Reading.HOURS_MINUTES) and clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return Decimal(hours) + Decimal(minutes) / 60 + Decimal(seconds) / 3600
    if reading is Reading.HOURS_MINUTES and not re.fullmatch("[0-9]+", text):
        return None
    plain = number_twin(text)
    if plain.startswith(UNREADABLE):
        return None
    per_hour = {Reading.MINUTES: 60, Reading.SECONDS: 3600, Reading.DAYS: Decimal(1) / 24}
    return Decimal(plain) / per_hour.get(reading, 1)


lengths = st.sampled_from(
    [Reading.HOURS, Reading.HOURS_MINUTES, Reading.MINUTES, Reading.SECONDS, Reading.DAYS]
)


@quickly
@given(lengths, st.lists(st.text("0123456789:,", min_size=1, max_size=6), min_size=1, max_size=40))
@example(Reading.HOURS, ["1:30", "0,45", "1,5", "25:00", "1:60", "1:5", "0:45:30"])
@example(Reading.DAYS, ["1,5", "9999999"])
@example(Reading.HOURS_MINUTES, ["1:30", "0,45", "1,30", "1,5", "0,75", "2"])
def test_a_length_of_time_is_read_as_declared(
    engine: Engine, reading: Reading, texts: list[str]
) -> None:
    for text, found in zip(texts, read_all(engine, texts, reading), strict=True):
        expected = hours_twin(text, reading)
        if expected is None:
            assert found == UNREADABLE + text
        else:
            assert found is not None
            assert abs(Decimal(found) - expected) <= Decimal("0.000001")


def test_forty_five_after_the_comma_is_what_the_mapping_declares(engine: Engine) -> None:
    assert read_all(engine, ["0,45"], Reading.HOURS) == ["0.45"]
    [minutes] = read_all(engine, ["0,45"], Reading.HOURS_MINUTES)
    assert Decimal(minutes or "0") == Decimal("0.75")


# ── persons and organisations ────────────────────────────────────────────────────────────


def short_twin(birth: date, reference: date, sign: str) -> str:
    """The century by the calendar: each year that could be meant is looked at."""
    if sign == "+":
        years = [y for y in range(1600, reference.year - 99) if y % 100 == birth.year % 100]
    else:
        years = [
            y
            for y in range(1600, reference.year + 1)
            if y % 100 == birth.year % 100
            and (y, birth.month, birth.day) <= reference.timetuple()[:3]
        ]
    return f"{max(years)}{birth:%m%d}"


@quickly
@given(
    st.dates(date(1900, 1, 1), date(2026, 12, 31)),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["-", "", "+"]),
    st.booleans(),
    st.sampled_from(["238", "239", "T23"]),
)
@example(date(1926, 12, 1), date(2026, 3, 15), "+", False, "238")
@example(date(1926, 12, 1), date(2026, 3, 15), "-", False, "238")
@example(date(2026, 3, 15), date(2026, 3, 15), "-", True, "238")
@example(date(2026, 3, 16), date(2026, 3, 15), "", True, "239")
def test_a_short_number_gets_the_century_that_the_calendar_gives(
    engine: Engine, birth: date, reference: date, sign: str, coordination: bool, number: str
) -> None:
    day = birth.day + 60 * coordination
    digits = f"{birth:%y%m}{day:02}{number}"
    check = luhn.calc_check_digit(digits.replace("T", "1"))
    [found] = read_all(
        engine, [f"{digits[:6]}{sign}{number}{check}"], Reading.PERSON, reference=reference
    )
    year = short_twin(birth, reference, sign)[:4]
    prefix = "skv:" if "T" in number else ""
    assert found == f"{prefix}{year}{birth:%m}{day:02}{number}{check}"


def test_long_numbers_lose_their_sign_and_others_stay_as_they_are(engine: Engine) -> None:
    given_ = ["19850114-2387", "198501142387", "19210611+9809", "20000101-T220", "20000101T220"]
    assert read_all(engine, given_, Reading.PERSON) == [
        "198501142387",
        "198501142387",
        "192106119809",
        "skv:20000101T220",
        "skv:20000101T220",
    ]
    kept = [
        "850114 2387",
        "19850114 2387",
        "85011-2387",
        "1,99E+11",
        "hsa:SE1-2",
        "50114-2387",
        "ÅÄÖ",
        "850114--2387",
    ]
    assert read_all(engine, kept, Reading.PERSON) == kept


def test_without_a_century_rule_a_short_number_stays_short(engine: Engine) -> None:
    assert read_all(engine, ["850114-2387"], Reading.PERSON, reference=None) == ["850114-2387"]


def test_organisation_numbers_lose_hyphen_prefix_and_vat_dress(engine: Engine) -> None:
    given_ = ["402000-0016", "4020000016", "164020000016", "16402000-0016", "SE402000001601"]
    assert read_all(engine, given_, Reading.ORGANISATION) == ["4020000016"] * 5
    sole = ["850114-2387", "19850114-2387", "SE850114238701"]
    assert read_all(engine, sole, Reading.ORGANISATION) == ["198501142387"] * 3
    kept = ["NO:987654321", "402000 0016", "Omsorg AB", "40200-0016"]
    assert read_all(engine, kept, Reading.ORGANISATION) == kept


def test_accounts_take_the_contract_form(engine: Engine) -> None:
    assert read_all(engine, ["5050-1055", "991-2346", "x"], Reading.BANKGIRO) == [
        "BG:50501055",
        "BG:9912346",
        "x",
    ]
    assert read_all(engine, ["28 65 43-4", "1-8"], Reading.PLUSGIRO) == ["PG:2865434", "PG:18"]
    found = read_all(engine, ["SE45 5000 0000 0583 9825 7466", "6000-123"], Reading.ACCOUNT)
    assert found == ["SE4550000000058398257466", "6000-123"]


# ── dates and times ──────────────────────────────────────────────────────────────────────


@quickly
@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.booleans())
def test_a_declared_layout_is_rewritten_in_the_contracts_order(
    engine: Engine, day: date, short: bool
) -> None:
    layout = Layout.read("D/M YYYY" if short else "DD/MM YYYY", day=True, clock=False)
    text = f"{day.day}/{day.month} {day.year}" if short else f"{day:%d/%m %Y}"
    found = read_all(engine, [text], Reading.DATE, Dialect(dates=(layout,)))
    assert found == [day.isoformat()]


@pytest.mark.parametrize(
    ("layout", "text", "expected"),
    [
        ("YYYY-MM-DD h.mm", "2026-03-01 7.05", "2026-03-01 07:05"),
        ("DDMMYYYYhhmmss", "01032026070559", "2026-03-01 07:05:59"),
        ("YY-MM-DD hh:mm", "26-03-01 07:05", "2026-03-01 07:05"),
        ("D.M.YYYY kl h:mm", "1.12.2026 kl 17:05", "2026-12-01 17:05"),
        ("YYYY-MM-DD h.mm", "2026-03-01 7.0", "2026-03-01 7.0"),
        ("YYYY-MM-DD h.mm", "2026-03-01", "2026-03-01"),
        ("YYYY-MM-DD h.mm", "2026-02-30 25.61", "2026-02-30 25:61"),
    ],
)
def test_layouts_only_reorder_and_never_judge(
    engine: Engine, layout: str, text: str, expected: str
) -> None:
    dialect = Dialect(timestamps=(Layout.read(layout, day=True, clock=True),))
    assert read_all(engine, [text], Reading.TIMESTAMP, dialect) == [expected]


VISITS = """
[tables.visits]
visit_id = { from = "id" }
municipality = { value = "0180" }
org_id = { value = "4020000008" }
worker_id = { from = "worker" }
client_id = { from = "client" }
service = { from = "service" }
"""
HEADER = ["id", "worker", "client", "service"]
CELLS = ["1", "hsa:w", "hsa:c", "s"]


@quickly
@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.decimals(0, 2879, places=2, allow_nan=False)
)
@example(date(2026, 3, 2), Decimal("40.0"))
@example(date(2026, 12, 31), Decimal("1440"))
def test_minutes_of_the_day_pass_midnight(
    engine: Engine, tmp_path: Path, day: date, minutes: Decimal
) -> None:
    mapping = read_mapping(
        tmp_path,
        VISITS + 'start = { date = "day", minutes = "from" }\n'
        f'end = {{ date = {day.isoformat()}, minutes = "from" }}\n',
    )
    [row] = mapped(
        engine, mapping, [*HEADER, "day", "from"], [[*CELLS, day.isoformat(), str(minutes)]]
    )
    expected = datetime(day.year, day.month, day.day) + timedelta(
        microseconds=int(minutes * 60_000_000)
    )
    assert datetime.fromisoformat(row["start"]) == datetime.fromisoformat(row["end"]) == expected


@pytest.mark.parametrize("minutes", ["-1", "2880", "x", "9" * 12, "9" * 20, "1e3"])
def test_minutes_that_are_no_minutes_of_a_day_are_left_to_be_refused(
    engine: Engine, tmp_path: Path, minutes: str
) -> None:
    rule = '{ date = 2026-03-02, minutes = "from" }'
    mapping = read_mapping(tmp_path, VISITS + f"start = {rule}\nend = {rule}\n")
    [row] = mapped(engine, mapping, [*HEADER, "from"], [[*CELLS, minutes]])
    assert row["start"] == UNREADABLE + minutes


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    return read_mapping(
        tmp_path_factory.mktemp("clocks"),
        '[dialect]\ntimes = ["h.mm"]\n' + VISITS + 'start = { date = "day", time = "from" }\n'
        'end = { date = "day", time = "to", after = "start", within_hours = 12 }\n',
    )


@quickly
@given(st.dates(date(2000, 1, 1), date(2098, 12, 31)), st.integers(0, 1439), st.integers(0, 1439))
@example(date(2026, 3, 2), 1410, 15)
@example(date(2026, 3, 2), 600, 570)
@example(date(2026, 3, 2), 600, 600)
def test_an_end_before_its_start_is_of_the_next_day_when_that_is_near(
    engine: Engine, clocks: Mapping, day: date, start: int, end: int
) -> None:
    cells = [
        *CELLS,
        day.isoformat(),
        f"{start // 60:02}:{start % 60:02}",
        f"{end // 60}.{end % 60:02}",
    ]
    [row] = mapped(engine, clocks, [*HEADER, "day", "from", "to"], [cells])
    midnight = datetime(day.year, day.month, day.day)
    expected = midnight + timedelta(minutes=end)
    if end < start and end + 1440 - start <= 12 * 60:
        expected += timedelta(days=1)
    assert datetime.fromisoformat(row["start"]) == midnight + timedelta(minutes=start)
    assert datetime.fromisoformat(row["end"]) == expected


def test_halves_of_a_timestamp_are_refused_and_whole_ones_stand(
    engine: Engine, clocks: Mapping
) -> None:
    header = [*HEADER, "day", "from", "to"]
    rows = [
        [*CELLS, "2026-03-02", "2026-03-01 23:00", "00:30"],  # whole: the day column does not count
        [*CELLS, None, "07:00", "08:00"],
        [*CELLS, "2026-03-02", None, "08:00"],
        [*CELLS, "2026-03-02", "24:00", "99:99"],
    ]
    found = [(row["start"], row["end"]) for row in mapped(engine, clocks, header, rows)]
    assert found == [
        ("2026-03-01 23:00", "2026-03-02 00:30"),
        ("?07:00", "?08:00"),
        (None, "2026-03-02 08:00"),
        ("2026-03-02 24:00", "2026-03-02 99:99"),
    ]


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        ("2026-03-02 09:30", "0:45", "2026-03-02T09:15:00Z"),
        ("2026-03-29 01:30", "1:00", "2026-03-29T01:30:00Z"),  # an hour is lost: 03:30 local
        ("2026-10-25 01:30", "1:00", "2026-10-25T00:30:00Z"),  # the first 02:30
        ("2026-10-25 02:30", "1:00", "2026-10-25T01:30:00Z"),  # from the first 02:30 to the second
        ("2026-10-25 02:30+01:00", "1:00", "2026-10-25T02:30:00Z"),
        ("2026-12-31 23:50", "0,25", "2026-12-31T23:05:00Z"),
    ],
)
def test_a_length_is_of_real_time(
    engine: Engine, tmp_path: Path, start: str, length: str, end: str
) -> None:
    mapping = read_mapping(
        tmp_path,
        '[dialect]\ndecimal = ","\n' + VISITS + 'start = { from = "from" }\n'
        'end = { from = "took", after = "start" }\n',
    )
    [row] = mapped(engine, mapping, [*HEADER, "from", "took"], [[*CELLS, start, length]])
    assert datetime.fromisoformat(row["end"]) == datetime.fromisoformat(end)


# ── keys, joins, words and quoting ───────────────────────────────────────────────────────

KEYED = """
[tables.persons]
person_id = {{ key_of = ["a", "b"], prefix = "x:"{readable} }}
"""


@quickly
@given(st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=20, unique=True), st.booleans())
@example([("a/", "b"), ("a", "/b"), ("a%2F", "b"), ("a", "b"), ("", "a"), ("a", "")], True)
@example([("1:a", "b"), ("1", ":ab"), ("-", ""), ("", "-")], False)
def test_a_key_is_shared_by_equal_cells_only(
    engine: Engine, tmp_path: Path, pairs: list[tuple[str, str]], readable: bool
) -> None:
    spec = KEYED.format(readable=", readable = true" if readable else "")
    mapping = read_mapping(tmp_path, spec)
    rows = mapped(engine, mapping, ["a", "b"], [*pairs, *pairs], table="persons")
    trimmed = {(a.strip(" \t\u00a0"), b.strip(" \t\u00a0")) for a, b in pairs} - {("", "")}
    assert len({row["person_id"] for row in rows}) == len(trimmed)


def test_a_join_is_empty_when_a_part_is(engine: Engine, tmp_path: Path) -> None:
    spec = '[persons]\ncentury = "latest_past"\n[tables.persons]\n'
    spec += 'person_id = { join = ["hhc:", { from = "a" }, "-", { from = "b", as = "person" }] }'
    mapping = read_mapping(tmp_path, spec)
    rows = [["x", "850114-2387"], ["x", " "], [None, "y"]]
    found = mapped(engine, mapping, ["a", "b"], rows, table="persons")
    assert [row["person_id"] for row in found] == ["hhc:x-198501142387", None, None]


def toml(text: str) -> str:
    escaped = "".join(c if c.isalnum() or c == " " else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


@quickly
@given(COLUMN, TEXT, TEXT.filter(str.strip), TEXT.filter(bool), TEXT)
@example('a"b', "'); DROP TABLE x; --", "O'Brien", "\\'", "$1 {} %s")
def test_no_text_of_a_mapping_or_a_header_can_break_out_of_its_place(
    engine: Engine, tmp_path: Path, column: str, constant: str, word: str, meaning: str, cell: str
) -> None:
    mapping = read_mapping(
        tmp_path,
        f'[tables.persons]\nperson_id = {{ from = {toml(column)}, as = "text" }}\n'
        f"street = {{ value = {toml(constant)} }}\n"
        f"city = {{ from = {toml(column)}, prefix = {toml(constant)}, "
        f"lookup = {{ {toml(word)} = {toml(meaning)} }} }}\n"
        f"[records]\nskip = [{{ from = {toml(column)}, is = {toml('no ' + word)} }}]\n"
        f"totals = [{toml('total ' + word)}]",
    )
    header = [column, "other"]
    if " ".join(column.split()).lower() == "other":
        header = [column]
    rows = [[word, "o"][: len(header)], [cell, "o"][: len(header)], ["x", "o"][: len(header)]]
    found = mapped(engine, mapping, header, rows, table="persons")
    assert {row["street"] for row in found} == {constant}
    assert found[-1]["person_id"] == "x"
    stripped = word.strip(" \t\u00a0")
    first = [row["city"] for row in found if row["_row"] == 2]
    if stripped and stripped.lower() == word.strip().lower():
        assert first == [constant + meaning]


def test_words_are_looked_up_without_regard_to_case_and_unknown_ones_stay(
    engine: Engine, tmp_path: Path
) -> None:
    mapping = read_mapping(
        tmp_path,
        VISITS + 'start = { from = "t" }\nend = { from = "t" }\n'
        'status = { from = "status", lookup = "status" }\n'
        'start_method = { from = "in", lookup = { "NFC" = "tag" }, otherwise = "manual" }\n'
        'edited_at = { from = "t", lookup = { "9999-12-31 00:00" = "" } }\n'
        'double_staffed = { from = "double" }\n'
        '[words.status]\n"Utförd" = "performed"\n"AVBÖJD" = "declined"\n',
    )
    header = [*HEADER, "t", "status", "in", "double"]
    rows = [
        [*CELLS, "9999-12-31 00:00", " UTFÖRD\u00a0", "nfc", "Ja"],
        [*CELLS, "2026-03-01 07:30", "avböjd", "Okänd", "nej"],
        [*CELLS, "2026-03-01 07:30", "Påbörjad", None, "kanske"],
    ]
    found = mapped(engine, mapping, header, rows)
    assert [row["status"] for row in found] == ["performed", "declined", "Påbörjad"]
    assert [row["start_method"] for row in found] == ["tag", "manual", None]
    assert [row["edited_at"] for row in found] == [None, "2026-03-01 07:30", "2026-03-01 07:30"]
    assert [row["double_staffed"] for row in found] == ["true", "false", "kanske"]


def test_one_file_yields_several_tables_and_each_skips_its_own_rows(
    engine: Engine, tmp_path: Path
) -> None:
    mapping = read_mapping(
        tmp_path,
        VISITS + 'start = { from = "t" }\nend = { from = "t" }\n'
        '[tables.persons]\nperson_id = { from = "client" }\nlat = { from = "lat" }\n'
        '[records]\nskip = [{ from = "kind", is = ["Kringtid"], table = "visits" }, '
        '{ from = "kind", is = "Test" }]\n',
    )
    header = [*HEADER, "t", "lat", "kind"]
    rows = [
        [*CELLS, "2026-03-01 07:30", "59.3", "Besök"],
        [*CELLS, "2026-03-01 07:30", "59.4", "KRINGTID"],
        [*CELLS, "2026-03-01 07:30", "59.5", "test"],
        [None] * len(header),
    ]
    assert [row["_row"] for row in mapped(engine, mapping, header, rows)] == [2]
    persons = mapped(engine, mapping, header, rows, table="persons")
    assert [(row["_row"], row["lat"]) for row in persons] == [(2, "59.3"), (3, "59.4")]


# ── headers ──────────────────────────────────────────────────────────────────────────────


def test_a_header_is_matched_by_alias_without_regard_to_case_and_space(tmp_path: Path) -> None:
    mapping = read_mapping(
        tmp_path,
        VISITS
        + 'start = { from = "t" }\nend = { from = "t" }\nnote = { from = "n", optional = true }\n'
        '[aliases]\nworker = ["Utförd av", "staff"]\n',
    )
    header = ["ID ", "utförd\u00a0AV", "client", "service", "t"]
    assert mapping.missing(header) == []
    assert "note" not in mapping.columns("visits", header)
    assert mapping.missing(["id", "client", "service"]) == ["worker", "t"]
    assert mapping.recognises(["id", "staff", "client", "service", "x"])
    assert not mapping.recognises(["id", "x"])
    with pytest.raises(FileRefused, match="duplicate_header"):
        mapping.missing([*header, "Id"])


def test_dropped_columns_are_named_and_cannot_be_mapped(tmp_path: Path) -> None:
    body = VISITS + 'start = { from = "t" }\nend = { from = "t" }\n'
    mapping = read_mapping(tmp_path, 'dropped = ["Kön"]\n' + body)
    assert mapping.dropped(["KÖN", "id", "diagnosis"]) == ["KÖN", "diagnosis"]
    with pytest.raises(DeclarationError, match="dropped"):
        read_mapping(tmp_path, 'dropped = ["service"]\n' + body)


def test_a_digest_is_of_what_is_declared_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    one = read_mapping(
        tmp_path, '[tables.persons]\nperson_id = { from = "a" }\ncity = { from = "b" }'
    )
    same = read_mapping(tmp_path, '# why\n[tables.persons]\ncity.from = "b"\nperson_id.from = "a"')
    other = read_mapping(tmp_path, '[tables.persons]\nperson_id = { from = "b" }')
    assert one.digest == same.digest != other.digest


# ── refusals ─────────────────────────────────────────────────────────────────────────────

PERSON = '[tables.persons]\nperson_id = { from = "a" }\n'
TIMES = VISITS + 'start = { from = "t" }\n'
WRONG = [
    ("not toml", "is not TOML"),
    ("", "tables"),
    ("[tables.dogs]\n", "dogs"),
    (PERSON + 'shoe_size = { from = "b" }', "shoe_size"),
    ('[tables.persons]\ncity = { from = "a" }', "person_id is required"),
    (PERSON + 'person_id = { from = "b" }', "is not TOML"),
    (PERSON + 'city = { from = "b", value = "c" }', "two sources"),
    (PERSON + "city = { }", "no source"),
    (PERSON + 'city = "b"', "in braces"),
    (PERSON + 'city = { from = "b", lokup = {} }', "unknown key 'lokup'"),
    (PERSON + 'city = { from = "b", as = "swedish" }', "readings are"),
    (PERSON + 'city = { from = "b", lookup = "none" }', "words.none"),
    (PERSON + 'city = { from = "b", lookup = { "A" = "x", "a" = "y" } }', "two meanings"),
    (PERSON + "city = { from = [] }", "list of texts"),
    (PERSON + 'city = { date = "b", time = "c" }', "only a timestamp"),
    (PERSON + 'protection = { value = "secret" }', "none of the contract's"),
    (PERSON + 'protection = { from = "b", lookup = { "Ja" = "yes" } }', "none of the contract's"),
    (PERSON + 'given_name = { value = "a\\u0000b" }', "NUL"),
    ('[tables.persons]\nperson_id = { from = "a", optional = true }', "cannot be optional"),
    (PERSON + '[persons]\ncentury = "guess"', "latest_past"),
    (PERSON + '[dialect]\ndecimal = ";"', "decimal"),
    (PERSON + '[dialect]\ndecimal = ","\nthousands = ","', "thousands"),
    (PERSON + '[dialect]\nencodings = ["utf-99"]', "no encoding"),
    (PERSON + '[dialect]\ndates = ["YYYY-MM"]', "must hold"),
    (PERSON + '[dialect]\ndates = ["DMYYYY"]', "keep them apart"),
    (PERSON + '[dialect]\ntimestamps = ["YYYY-MM-DD"]', "must hold"),
    (PERSON + '[aliases]\na = ["b"]\nc = ["B"]', "twice"),
    (PERSON + '[records]\nskip = [{ from = "a" }]', "`is`"),
    (PERSON + "[recods]", "unknown key 'recods'"),
    (TIMES + 'end = { from = "u", after = "begin" }', "names a timestamp"),
    (TIMES + 'end = { from = "u", after = "end" }', "itself after"),
    (TIMES + 'end = { from = "u", after = "start", as = "number" }', "takes a length"),
    (TIMES + 'end = { date = "d" }', "`time` or the `minutes`"),
    (TIMES + 'end = { date = "d", minutes = "m", after = "start" }', "leave `after` out"),
    (TIMES + 'end = { date = "d", time = "m", after = "start", within_hours = 24 }', "1 to 23"),
    (
        TIMES.replace(
            'visit_id = { from = "id" }', 'visit_id = { key_of = ["worker"], readable = true }'
        )
        + 'end = { from = "t" }',
        "readable",
    ),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_mapping_is_refused_with_its_cure(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(says)) as refused:
        read_mapping(tmp_path, text)
    assert str(refused.value).startswith("some_source.toml: ")


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        Mapping.read(tmp_path / "none.toml")


# ── the documentation ────────────────────────────────────────────────────────────────────


def test_the_mapping_in_the_documentation_opens_and_names_every_reading(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "mappings.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    assert set(read_mapping(tmp_path, shown).tables) == {"visits", "persons"}
    assert all(f"`{reading}`" in page for reading in Reading)
