# ruff: noqa: E501 - a table of cases reads best a line a column
"""Every kind of bad row is refused at its row with its code, and no good row is refused.

Each case is one value in one column of one row between two good ones, through the real loader.
The contract's sentences are the oracle (records contract, Values and Identifiers).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from graph_service.engines.duckdb import Engine
from graph_service.lake import Receipt
from graph_service.records import TABLES, Kind
from tests.house import House, counts, luhn, organisation, person, row, sample

Told: TypeAlias = list[tuple[Receipt, list[tuple[int, str, str]], set[Any]]]
PERSON, ORG = person(), organisation()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def _wrong_check_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def _numbered(eight: str, birth: str = "238") -> str:
    return eight + birth + luhn(eight[2:] + birth)


DATES = {
    "bad_date": [
        "2026-02-30", "2025-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20260301", "260301",
        "2026/03/01", "2026-03-01T00:00", "01-03-2026", "2026-03-01Z", "0000-01-01", "46082", "-",
        "2026-03-", "٢٠٢٦-٠٣-٠١", "NULL", "NA", "idag",
    ],
    None: ["2026-03-01", "2024-02-29", "1900-01-01", "9999-12-31", " 2026-03-01\t", "\u00a02026-03-01\u00a0", ""],
}  # fmt: skip
TIMESTAMPS = {
    "bad_timestamp": [
        "2026-03-01", "2026-03-01T24:00", "2026-03-01T23:60", "2026-03-01T08:00:60", "2026-03-01T8:00",
        "2026-03-01T08", "2026-03-01T08:00:00.", "2026-03-01T08:00:00.1234567", "2026-03-01T08:00+1",
        "2026-03-01T08:00+0100", "2026-03-01T08:00+01", "2026-03-01T08:00 +01:00", "2026-02-30T08:00",
        "2026-03-01t08:00", "2026-03-01T08:00z", "2026-03-01  08:00", "2026-03-29T02:00",
        "2026-03-29T02:30", "2026-03-29 02:59:59.999999", "2026-03-01T08:00+25:00",
        "2026-03-01T08:00+01:60", "20260301T0800", "46082.33", "2026-03-01T08:00 CET", "08:00",
        "2026-03-01T08.00",
    ],
    None: [
        "2026-03-01T08:00", "2026-03-01 08:00", "2026-03-01T08:00:59", "2026-03-01T08:00:00.5",
        "2026-03-01T08:00:00.123456", "2026-03-01T08:00Z", "2026-03-01T08:00:00.5+05:30",
        "2026-03-01 08:00-11:00", "2026-03-01T08:00+14:00", "2026-03-29T01:59:59", "2026-03-29T03:00",
        "2026-03-29T02:30Z", "2026-03-29T02:30+01:00", "2026-10-25T02:30", "2026-03-01T00:00",
        "2026-03-01T23:59:59.999999", "9999-12-31T23:59", "1979-04-01T02:30",
    ],
}  # fmt: skip
NUMBERS = {
    "bad_number": [
        "1,5", "1 000", "1\u00a0000", "1e3", "1E+3", "NaN", "nan", "inf", "-inf", "+1", ".5", "1.",
        "--1", "1.2.3", "0x1F", "1_000", "١", "½", "kr 5", "5 kr", "-", "1.23456789", "NULL", "−1",
    ],
    None: ["0", "1", "1.5", "0.0000", "007", "1.2345", "", " 1.5 "],
}  # fmt: skip

#: table, column → code (or None where the row is good) → values
CASES: dict[tuple[str, str], dict[str | None, list[str]]] = {
    ("organisations", "registered_on"): DATES,
    ("placements", "start"): {
        "bad_date": ["2026-03-01T08:00", "2026-03-01 00:00"], "missing_required": ["", " \t"],
        None: ["2026-03-01"],
    },
    ("visits", "planned_start"): TIMESTAMPS,
    ("visits", "start"): {"missing_required": ["", "\u00a0"]},
    ("invoices", "amount"): {
        **NUMBERS, "missing_required": ["", " "],
        "bad_number": [*NUMBERS["bad_number"], "1.23456"],
        "out_of_range": ["999999999999999", "-123456789012345.5"],
        None: ["0", "-1.5", "-0.0001", "99999999999999.9999", "1.2345", "-0"],
    },
    ("contracts", "hourly_rate_sek"): {"out_of_range": ["-0.01", "-1"], None: ["0", "500.25"]},
    ("decisions", "hours_per_month"): {
        "out_of_range": ["-1"], "bad_number": ["1.1234567", "1:30", "1,5"], None: ["0", "12.123456", "900"],
    },
    ("employments", "hours_per_week"): {"out_of_range": ["168.01", "-1"], None: ["168", "0", "37.5", ""]},
    ("owners", "share"): {"out_of_range": ["1.000001", "-0.1", "25"], None: ["0", "1", "0.25", "1.0"]},
    ("tips", "credibility"): {
        "out_of_range": ["0", "6", "-1", "99999999999999999999"], "bad_number": ["1.0", "1.5", "ett"],
        None: ["1", "5", ""],
    },
    ("persons", "lat"): {"out_of_range": ["90.000001", "-91"], None: ["90", "-90", "59.329323"]},
    ("persons", "lon"): {"out_of_range": ["180.1", "-181"], None: ["180", "-180", "18.068581"]},
    ("organisations", "employees"): {"out_of_range": ["-1"], "bad_number": ["2.5", "10-19"], None: ["0"]},
    ("permits", "places"): {"out_of_range": ["-1"], None: ["0", "12"]},
    ("invoice_lines", "line_no"): {
        "bad_number": ["1.0", "a"], "missing_required": [""], "out_of_range": ["9" * 20], None: ["9", "0"],
    },
    ("invoice_lines", "hours"): {"out_of_range": ["-1"], None: ["0"]},
    ("invoice_lines", "quantity"): {None: ["-1", "2.5"], "bad_number": ["1.1234567"]},
    ("placements", "day_rate_sek"): {"out_of_range": ["-1"], None: ["0"]},
    ("fees", "hourly_fee_sek"): {"out_of_range": ["-1"], None: ["0"]},
    ("services", "needs_permit"): {
        "bad_boolean": ["True", "TRUE", "1", "0", "ja", "nej", "yes", "t", "NULL", "fals"],
        None: ["true", "false", "", " true "],
    },
    ("organisations", "status"): {"unknown_value": ["Active", "aktiv", "NULL", "NA", "none"], None: ["active", ""]},
    ("visits", "status"): {"unknown_value": ["done", "Performed"], None: ["absent", ""]},
    ("persons", "protection"): {"unknown_value": ["ja", "true", "None"], None: ["none", "marked", ""]},
    ("permits", "law"): {"unknown_value": ["SOL", "sol", "LVU"], None: ["SoL", "LSS"]},
    ("officers", "role"): {"unknown_value": ["ordförande", "CEO"], "missing_required": [""], None: ["ceo"]},
    ("organisations", "country"): {
        "unknown_value": ["se", "SWE", "Sverige", "XX", "UK", "EU", "ZZ"], None: ["SE", "NO", "GB", ""],
    },
    ("invoices", "currency"): {"unknown_value": ["kr", "sek", "SKR", "EURO"], None: ["SEK", "EUR", ""]},
    ("persons", "person_id"): {
        "bad_identifier": [
            _wrong_check_digit(PERSON), PERSON[2:], PERSON[:8] + "-" + PERSON[8:], PERSON + "0",
            PERSON[:6] + " " + PERSON[6:], _numbered("19900230"), _numbered("19901301"),
            _numbered("19900100"), _numbered("20991231"), _numbered("17991231"), "syn", ":1", "skv:",
            "SKV:1", "1a:2", "Sy n:1", "0" * 12, "TF" + PERSON[2:], _numbered("19900192", "238"),
            "åä:1", "abc", "5" * 10, PERSON.replace("1", "١"),
        ],
        "scientific_notation": ["1,99E+11", "1.99001E+11", "1.99e+11", "2E+11"],
        "missing_required": ["", " ", "\t\u00a0"],
        None: [
            _numbered("19900102"), _numbered("19900162"), _numbered("20240229"), f" {PERSON}", "skv:19900101T238",
            "syn:1", "a-b-9:x:y z", "hsa:SE2321000016-1",
        ],
    },
    ("organisations", "org_id"): {
        "bad_identifier": [
            _wrong_check_digit(ORG), ORG[:6] + "-" + ORG[6:], ORG[:-1], "16" + ORG, "1" * 10, "SE" + ORG + "01",
            "se:1", "ZZ:1", "NO:", "N:1", "syn:1", PERSON[2:], "abc", "SE:" + ORG,
        ],
        "scientific_notation": ["5,599E+09", "5.599E+09"],
        "missing_required": [""],
        None: [ORG, PERSON, "NO:987654325", "XX:abc", f"\u00a0{ORG} "],
    },
    ("accounts", "account"): {
        "bad_identifier": [
            "BG:9990-0011", "BG:99900012", "99900011", "bg:99900011", "PG:1", "PG:12345679", "BG:",
            "SE4550000000058398257467", "SE45 5000 0000 0583 9825 7466", "DE00", "8327", "8327-9,1234",
            "8327-", "-1", "83-1234", "BG99900011",
        ],
        "scientific_notation": ["1,23E+11"],
        "missing_required": [""],
        None: ["BG:99900011", "PG:18", "SE4550000000058398257466", "8327-1234567", "83279-1", "DE89370400440532013000"],
    },
    ("payments", "payee_account"): {"bad_identifier": ["123", "BG:1"], None: ["", "BG:99900011"]},
    ("payments", "payee_id"): {
        "bad_identifier": [_wrong_check_digit(ORG), _wrong_check_digit(PERSON), "123", "Ab:1", "ZZ:1"],
        None: [ORG, PERSON, "syn:1", "NO:1", ""],
    },
    ("invoices", "approved_by"): {"bad_identifier": [ORG, "kalle"], None: [PERSON, "ad:kalle", ""]},
    ("visits", "edited_by"): {None: ["system", "Kalle Anka", PERSON, ORG, "NULL"]},
    ("visits", "worker_id"): {"bad_identifier": [ORG], "missing_required": [""], None: ["syn:7"]},
    ("visits", "visit_id"): {"scientific_notation": ["1,2E+15", "1.2E+15"], "missing_required": [""],
                             None: ["1E5X", "v 1", "åäö", "NULL", "NA", "1,5", '"x"', "a\nb"]},
    ("visits", "municipality"): {"missing_required": [""], None: ["0180", "Stockholm", "NULL"]},
    ("persons", "phone"): {None: ["+46 8 123", "x", "+++", ""]},
    ("persons", "email"): {None: ["nobody", "a@b@c"]},
    ("persons", "postcode"): {None: ["1", "SE-111 22", "postlåda"]},
    ("login_events", "ip"): {None: ["999.1.1.1", "::1", "10.0.0.1"]},
    ("organisations", "industry"): {None: ["88.101", "vård"]},
    ("persons", "given_name"): {None: ["NULL", "NA", "null", "Åsa, \"Kim\"", "rad\nbruten", "😀", "1E+5"]},
}  # fmt: skip


LISTED = [
    (*place, code, values) for place, by_code in CASES.items() for code, values in by_code.items()
]
IDS = [f"{table}.{column}-{code}" for table, column, code, _ in LISTED]


def _rows(number: int, table: str, column: str, values: list[str]) -> list[dict[str, str | None]]:
    """One row a value, each with a key of its own."""
    other = next(
        (c for c in TABLES[table].columns if c.key and c.name != column), TABLES[table][column]
    )
    made = []
    for n, value in enumerate(values, start=1):
        keys = {other.name: _nth(other.kind, 100 * number + n)} if other.name != column else {}
        made.append(row(table, **{**keys, column: value}))
    return made


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All cases in one batch, a file a case: each case's receipt, rejects and stored values."""
    house = House(tmp_path_factory.mktemp("house"))
    files = [
        house.give(f"{table}.csv", _rows(number, table, column, values))
        for number, (table, column, _, values) in enumerate(LISTED)
    ]
    outcome = house.load(*files)
    reasons = defaultdict(list)
    for reject in house.rejects():
        reasons[reject["file_sha256"]].append((reject["row"], reject["column"], reject["code"]))
    found = []
    with Engine() as engine:
        house.lake.open_records(engine)
        for receipt, (table, column, _, _) in zip(outcome.receipts, LISTED, strict=True):
            sql = f'SELECT "{column}" AS v FROM known."{table}" WHERE _file = {receipt.n}'
            values = {stored["v"] for stored in engine.rows(sql)}
            found.append((receipt, reasons[receipt.file_sha256], values))
    return found


@pytest.mark.parametrize("number", range(len(LISTED)), ids=IDS)
def test_a_bad_value_is_refused_at_its_row_and_a_good_one_is_stored(told, number) -> None:
    table, column, code, values = LISTED[number]
    receipt, reasons, stored = told[number]
    if code is None:
        assert reasons == []
        assert receipt.read == receipt.stored + receipt.superseding + receipt.duplicates
        assert receipt.duplicates == 0 or column in TABLES[table].key
        if TABLES[table][column].stored_type == "VARCHAR" and TABLES[table][column].default is None:
            assert stored == {value.strip(" \t\u00a0") or None for value in values}
        return
    expected = {(n, column): code for n in range(2, len(values) + 2)}
    found = {(row, column): code for row, column, code in reasons}
    wrong = {values[place[0] - 2] for place in expected if found.get(place) != code}
    assert wrong == set()
    assert found == expected
    assert (receipt.read, receipt.rejected) == (len(values), len(values))


def _nth(kind: Kind, n: int) -> str:
    """The n-th value of a key column; n = 0 is never asked for."""
    match kind:
        case Kind.PERSON | Kind.PARTY:
            return f"syn:{n}"
        case Kind.ORGANISATION:
            return f"NO:{n}"
        case Kind.ACCOUNT:
            return f"8327-{n}"
        case Kind.DATE:
            return f"{1900 + n}-01-01"
        case Kind.INTEGER:
            return str(n)
        case Kind.ENUM:
            raise AssertionError("an enumeration is no key for many rows")
        case _:
            return f"k{n}"


def _full(table: str) -> dict[str, str | None]:
    values = {c.name: sample(c) for c in TABLES[table].columns}
    return {**values, **row(table)}


def test_every_table_takes_a_full_row_and_then_what_is_required(house) -> None:
    full = [house.give(f"{table}.csv", [_full(table)]) for table in TABLES]
    keys = {t: {c: v for c, v in _full(t).items() if c in TABLES[t].key} for t in TABLES}
    required = [house.give(f"{table}.csv", [row(table, **keys[table])]) for table in TABLES]
    outcome = house.load(*full, *required)
    assert house.reasons() == []
    assert counts(outcome)[: len(TABLES)] == [(1, 1, 0, 0, 0)] * len(TABLES)
    # What a column that is absent said before still holds.
    assert counts(outcome)[len(TABLES) :] == [(1, 0, 0, 1, 0)] * len(TABLES)


def test_a_missing_value_is_missed_in_every_required_column(house) -> None:
    files = [
        house.give(
            f"{table}.csv", [row(table), *(row(table, **{name: None}) for name in about.required)]
        )
        for table, about in TABLES.items()
    ]
    outcome = house.load(*files)
    found = [(r["table"], r["row"], r["column"], r["code"]) for r in house.rejects(outcome)]
    assert found == [
        (table, n, name, "missing_required")
        for table, about in TABLES.items()
        for n, name in enumerate(about.required, start=3)
    ]


PAIRS = [(table.name, early, late) for table in TABLES.values() for early, late in table.after]


def test_the_pairs_are_those_of_the_contract() -> None:
    validity = {name for name, t in TABLES.items() if {"valid_from", "valid_to"} <= {*t.names}}
    assert {t for t, early, _ in PAIRS if early == "valid_from"} == validity
    assert {p for p in PAIRS if p[1] != "valid_from"} == {
        ("organisations", "registered_on", "deregistered_on"),
        ("visits", "planned_start", "planned_end"),
        ("visits", "start", "end"),
        ("absences", "start", "end"),
        ("placements", "start", "end"),
        ("invoices", "period_from", "period_to"),
    }


def test_an_end_may_equal_its_start_but_not_precede_it(house) -> None:
    outcome = house.load(*(house.give(f"{pair[0]}.csv", _ends(*pair)) for pair in PAIRS))
    found = [(r["table"], r["row"], r["column"], r["code"]) for r in house.rejects(outcome)]
    assert found == [(table, 4, late, "end_before_start") for table, _, late in PAIRS]


def _ends(table: str, early: str, late: str) -> list[dict[str, str | None]]:
    clock = "T08:00" if TABLES[table][early].kind is Kind.TIMESTAMP else ""
    a, b = f"2026-03-01{clock}", f"2026-03-02{clock}"
    key = next(c for c in TABLES[table].columns if c.key and c.name != early)
    rows = [
        row(table, **{key.name: _nth(key.kind, n), early: first, late: last})
        for n, (first, last) in enumerate([(a, b), (a, a), (b, a), (a, "")], start=1)
    ]
    if TABLES[table][late].required:
        rows.pop()
    return rows


def test_an_end_is_compared_as_an_instant(house) -> None:
    rows = [
        row("visits", visit_id="1", start="2026-03-01T08:00+02:00", end="2026-03-01T07:30+01:00"),
        row("visits", visit_id="2", start="2026-03-01T08:00", end="2026-03-01T07:30Z"),
        row("visits", visit_id="3", start="2026-03-01T08:00Z", end="2026-03-01T08:30"),
    ]
    house.load_rows("visits", *rows)
    assert house.reasons() == [(4, "end", "end_before_start")]


def test_each_reason_of_a_row_is_told_once(house) -> None:
    bad = row("visits", org_id="1", worker_id="", start="x", end="2026-03-01T07:00", status="?")
    outcome = house.load_rows("visits", row("visits", visit_id="good"), bad)
    assert house.reasons() == [
        (3, "org_id", "bad_identifier"),
        (3, "start", "bad_timestamp"),
        (3, "status", "unknown_value"),
        (3, "worker_id", "missing_required"),
    ]
    assert counts(outcome) == [(2, 1, 0, 0, 1)]


def test_the_kind_of_an_owner_decides_its_number(house) -> None:
    kinds = {
        "person": [PERSON, "syn:1"],
        "organisation": [ORG, "NO:1", PERSON],
        "unknown": [ORG, "syn:1", PERSON, "NO:1"],
    }
    good = [row("owners", owner_kind=k, owner_id=v, org_id=f"NO:{k}{i}", share="0.1")
            for k, values in kinds.items() for i, v in enumerate(values)]  # fmt: skip
    bad = [row("owners", owner_kind="person", owner_id=ORG), row("owners", owner_kind="organisation", owner_id="syn:1"),
           row("owners", owner_kind="person", owner_id="NO:1")]  # fmt: skip
    house.load_rows("owners", *good, *bad)
    first = len(good) + 2
    assert house.reasons() == [(first + n, "owner_id", "bad_identifier") for n in range(3)]


def test_times_are_stored_as_utc_and_the_repeated_hour_is_the_first(house) -> None:
    times = {
        "2026-03-29T01:59": "2026-03-29 00:59:00",
        "2026-03-29T03:00": "2026-03-29 01:00:00",
        "2026-07-01 12:00": "2026-07-01 10:00:00",
        "2026-10-25T01:59:59": "2026-10-24 23:59:59",
        "2026-10-25T02:00": "2026-10-25 00:00:00",
        "2026-10-25T02:59:59": "2026-10-25 00:59:59",
        "2026-10-25T03:00": "2026-10-25 02:00:00",
        "2026-10-25T02:30+01:00": "2026-10-25 01:30:00",
        "2026-12-01T12:00:00.25": "2026-12-01 11:00:00.25",
    }
    rows = [row("login_events", event_id=str(n), at=at) for n, at in enumerate(times)]
    bad = row("login_events", event_id="bad", at="2026-10-25T02:15", event="?")
    outcome = house.load_rows("login_events", *rows, bad)
    found = house.known('SELECT "at"::VARCHAR FROM known.login_events ORDER BY _row')
    assert [at.removesuffix("+00") for (at,) in found] == list(times.values())
    assert outcome.receipts[0].ambiguous_times == 2


def test_nulls_become_defaults_and_absent_columns_too(house) -> None:
    house.load_rows("visits", row("visits", visit_id="1"), row("visits", visit_id="2", status=""))
    house.load_rows("organisations", row("organisations"))
    house.load_rows("persons", row("persons"))
    house.load_rows("invoices", row("invoices", currency=" "))
    house.load_rows("payments", row("payments"))
    sql = (
        "SELECT (SELECT list(DISTINCT status) FROM known.visits), "
        "(SELECT country FROM known.organisations), (SELECT protection FROM known.persons), "
        "(SELECT currency FROM known.invoices), (SELECT currency FROM known.payments)"
    )
    assert house.known(sql) == [(["performed"], "SE", "none", "SEK", "SEK")]


def test_references_to_rows_not_seen_are_counted_never_refused(house) -> None:
    visits = house.give("visits.csv", [
        row("visits", visit_id="1", tag_id="t1", login_id="l1", decision_id="d1"),
        row("visits", visit_id="2", client_id="syn:9", tag_id="t2"),
        row("visits", visit_id="3", status="?", tag_id="t3"),
    ])  # fmt: skip
    persons = house.give("persons.csv", [row("persons")])
    tags = house.give("tags.csv", [row("tags", tag_id="t2")])
    outcome = house.load(visits, persons, tags)
    assert outcome.receipts[0].unresolved == {
        "org_id": 2, "client_id": 1, "tag_id": 1, "login_id": 1, "decision_id": 1,
    }  # fmt: skip
    assert outcome.receipts[2].unresolved == {}
    again = house.load_rows("visits", row("visits", visit_id="9", client_id="syn:9"))
    assert again.receipts[0].unresolved == {"org_id": 1, "client_id": 1}


def test_what_no_key_can_be_made_of_is_counted(house) -> None:
    outcome = house.load_rows(
        "persons",
        row("persons", phone="08-123 456 78", email="a@example.org", postcode="11122"),
        row("persons", person_id="syn:1", phone="fråga Karin", email="saknas", postcode="?"),
        row("persons", person_id="syn:2", phone="fråga Karin", email="", postcode="11122"),
        row("persons", person_id="bad", phone="?"),
    )
    assert outcome.receipts[0].unusable == {"phone": 2, "email": 1, "postcode": 1}
