"""Every kind of bad file is refused as a whole with its code, and the other files load."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.errors import UsageError
from tests.house import House, counts, csv_text, organisation, person, row

BAN = "person_id,valid_from,valid_to\n"
PERSON, ORG = person(), organisation()
GOOD = f"{BAN}{PERSON},2026-01-01,\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def parquet(house: House, name: str, select: str) -> Path:
    """A Parquet file of what `select` gives."""
    path = house.give(name, b"")
    with Engine() as engine:
        engine.execute(f"COPY ({select}) TO {literal(str(path))} (FORMAT parquet)")
    return path


REFUSED: list[tuple[str, str | bytes, str]] = [
    ("trading_bans.csv", b"", "empty_file"),
    ("trading_bans.csv", b"\xef\xbb\xbf", "empty_file"),
    ("trading_bans.csv", b"\n\n", "empty_file"),
    ("trading_bans.parquet", b"", "empty_file"),
    ("book.xlsx", b"", "empty_file"),
    ("invoice.xml", b"", "empty_file"),
    ("owners.json", b"", "empty_file"),
    ("owners.jsonl", b" \n", "unknown_source"),
    ("trading_bans.csv", GOOD.encode("utf-16"), "not_a_table"),
    ("trading_bans.csv", GOOD.encode("utf-16-le"), "not_a_table"),
    ("trading_bans.csv", GOOD.encode("utf-32"), "not_a_table"),
    ("trading_bans.csv", GOOD.replace(",2026", ",\x002026"), "not_a_table"),
    ("trading_bans.csv", GOOD + f'{PERSON},"2026-02-01,\n{PERSON},2026-03-01,\n', "not_a_table"),
    ("trading_bans.csv", '"person_id,valid_from\nsyn:1,2026-01-01\n', "not_a_table"),
    ("trading_bans.parquet", b"no parquet at all", "not_a_table"),
    ("book.xlsx", b"no workbook at all", "not_a_table"),
    ("trading_bans.csv", f"person_id,valid_to\n{PERSON},\n", "missing_column"),
    ("trading_bans.csv", f"valid_from\n{PERSON}\n", "missing_column"),
    ("trading_bans.csv", f"Person_id,valid_from\n{PERSON},2026-01-01\n", "unknown_column"),
    ("trading_bans.csv", f"person_id;valid_from\n{PERSON};2026-01-01\n", "unknown_column"),
    ("trading_bans.csv", f"{PERSON},2026-01-01\n", "unknown_column"),
    ("trading_bans.csv", f"person_id,valid_from,why\n{PERSON},2026-01-01,x\n", "unknown_column"),
    ("trading_bans.csv", f"person_id,valid_from,\n{PERSON},2026-01-01,\n", "unknown_column"),
    ("trading_bans.csv", "person_id,valid_from,valid_from\n", "duplicate_header"),
    ("trading_bans.csv", "person_id,valid_from, person_id\n", "duplicate_header"),
    ("unknown.csv", GOOD, "unknown_source"),
    ("trading_bans.txt", GOOD, "unknown_source"),
    ("trading_bans", GOOD, "unknown_source"),
    ("trading_bans.csv.gz", gzip.compress(GOOD.encode()), "unknown_source"),
    ("notes.xml", "<notes/>", "unknown_source"),
    ("notes.json", "{}", "unknown_source"),
    ("bans.parquet", b"PAR1", "unknown_source"),
    ("trading_bans.parquet", b"PAR1 and then nothing PAR1", "unreadable_archive"),
    ("book.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unreadable_archive"),
    ("book.xlsx", b"PK\x03\x04 cut", "unreadable_archive"),
    ("trading_bans.csv", GOOD + f"{PERSON},2026-02-01," + "x" * (1 << 20) + "x\n", "too_large"),
    ("trading_bans.csv", GOOD + f"{PERSON},2026-02-01,{'å' * (1 << 19)}x\n", "too_large"),
    ("invoice.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "unsafe_xml"),
    ("invoice.xml", "<!DOCTYPE a><a/>".encode("utf-16"), "unsafe_xml"),
    (
        "invoice.xml",
        '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><a>',
        "bad_structure",
    ),
    ("owners.json", '[{"statementId": "x", "recordDetails": {}', "bad_structure"),
]


def test_each_bad_file_is_refused_with_its_code_and_the_good_one_loads(house) -> None:
    bad = [house.give(name, data) for name, data, _ in REFUSED]
    good = house.give("trading_bans.csv", GOOD)
    outcome = house.load(*bad, good)
    found = [
        (name, data[:80], receipt.refused)
        for (name, data, _), receipt in zip(REFUSED, outcome.receipts[:-1], strict=True)
    ]
    assert found == [(name, data[:80], code) for name, data, code in REFUSED]
    assert counts(outcome) == [(0, 0, 0, 0, 0)] * len(REFUSED) + [(1, 1, 0, 0, 0)]
    assert outcome.exit_code == 3
    listed = [(r["row"], r["column"], r["code"]) for r in house.rejects()]
    assert listed == [(None, None, code) for _, _, code in REFUSED]
    assert all(set(r["reason"]) == set(r["cure"]) == {"sv", "en"} for r in house.rejects())
    assert house.leftovers() == []


@pytest.mark.parametrize(("name", "data", "code"), [REFUSED[0], REFUSED[13], REFUSED[25]])
def test_where_nothing_is_read_the_exit_is_2(house, name, data, code) -> None:
    assert house.load_text(name, data).exit_code == 2
    assert house.lake.receipts()[0].refused == code


def test_refused_files_name_their_columns_but_no_values(house) -> None:
    house.load_text("trading_bans.csv", f"person_id,valid_from,why_not\n{PERSON},2026-01-01,x\n")
    house.load_text("trading_bans.csv", f"{PERSON},2026-01-01\n")
    reasons = [r["reason"]["en"] for r in house.rejects()]
    assert "why_not" in reasons[0]
    assert PERSON not in str(house.rejects())


# ── what is not there, or may not be followed ────────────────────────────────────────────


def test_paths_that_cannot_be_read(house, tmp_path) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "trading_bans.csv").write_text(GOOD)
    (folder / "tags.csv").mkdir()
    (folder / "persons.csv").symlink_to(tmp_path / "outside.csv")
    (tmp_path / "outside.csv").write_text(f"person_id\n{PERSON}\n")
    (folder / "logins.csv").symlink_to(folder / "logins.csv")
    (folder / "fees.csv").symlink_to(folder / "nothing.csv")
    os.mkfifo(folder / "visits.csv")
    (folder / ".hidden").write_text("x")
    missing = tmp_path / "missing" / "organisations.csv"
    outcome = house.load(folder, missing, tmp_path / ("x" * 300))
    found = {receipt.file[:20]: receipt.refused for receipt in outcome.receipts}
    assert found == {
        "trading_bans.csv": None,
        **dict.fromkeys(("tags.csv", "persons.csv", "logins.csv", "fees.csv"), "not_readable"),
        "visits.csv": "not_readable",
        "organisations.csv": "not_readable",
        "x" * 20: "not_readable",
    }
    assert outcome.exit_code == 3
    assert [r.file_sha256 for r in outcome.receipts if r.refused] == [None] * 7


def test_a_file_that_cannot_be_read(house) -> None:
    path = house.give("trading_bans.csv", GOOD)
    path.chmod(0)
    if os.geteuid() == 0:  # who may read everything, but not what has no bytes at its beginning
        path = Path("/proc/self/mem")
    assert house.load(path).receipts[0].refused == "not_readable"


def test_a_link_inside_the_folder_is_followed(house, tmp_path) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "bans.data").write_text(GOOD)
    (folder / "trading_bans.csv").symlink_to(folder / "bans.data")
    outcome = house.load(folder)
    assert {r.file: r.refused for r in outcome.receipts} == {
        "bans.data": "unknown_source",
        "trading_bans.csv": None,
    }


def test_an_empty_folder_is_wrong_usage(house, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        house.load(tmp_path / "empty")


def test_a_file_name_that_is_no_text(house, tmp_path) -> None:
    path = tmp_path / os.fsdecode(b"f\xf6rteckning.csv")
    path.write_text(GOOD)
    outcome = house.load(path)
    assert (outcome.receipts[0].file, outcome.receipts[0].refused) == (
        "f\\xf6rteckning.csv",
        "unknown_source",
    )


# ── CSV ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        f"valid_to,person_id,valid_from\n,{PERSON},2026-01-01\n",
        f"\ufeff{GOOD}",
        f'\ufeff"person_id","valid_from"\r\n"{PERSON}","2026-01-01"',
        f" person_id ,\tvalid_from\u00a0\n {PERSON}\t,\u00a02026-01-01 \n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        f"person_id,valid_from,_row,_column,_code,_reason\n{PERSON},2026-01-01,7,a,b,c\n",
        f"person_id,valid_from,sex,diagnosis\n{PERSON},2026-01-01,secret-1,secret-2\n",
        f"\n\nperson_id,valid_from\n{PERSON},2026-01-01\n",
    ],
)
def test_forms_of_one_table(house, text) -> None:
    outcome = house.load_text("trading_bans.csv", text)
    assert counts(outcome) == [(1, 1, 0, 0, 0)]
    sql = "SELECT person_id, valid_from::VARCHAR, valid_to FROM known.trading_bans"
    assert house.known(sql) == [(PERSON, "2026-01-01", None)]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(house) -> None:
    text = (
        "tip_id,received_on,channel,about_kind,about_id,text\n"
        f'1,2026-01-01,web,person,{PERSON},"line\nline\n\nline"\n'
        "\n"
        f"2,bad,web,person,{PERSON},\n"
        "\r\n"
        "\n"
        f"3,2026-01-01,web,person\n"
        f"4,2026-01-01,web,person,{PERSON},a,b\n"
        ",,,,,\n"
        f"5,2026-01-01,web,person,{PERSON},x"
    )
    outcome = house.load_text("tips.csv", text)
    required = ("about_id", "about_kind", "channel", "received_on", "tip_id")
    assert house.reasons() == [
        (4, "received_on", "bad_date"),
        (7, None, "wrong_column_count"),
        (8, None, "wrong_column_count"),
        *((9, name, "missing_required") for name in required),
    ]
    assert counts(outcome) == [(6, 2, 0, 0, 4)]
    assert house.known("SELECT tip_id, _row FROM known.tips ORDER BY _row") == [("1", 2), ("5", 10)]


def test_bytes_that_are_no_text_are_refused_in_their_column(house) -> None:
    head = b"person_id,given_name,family_name\n"
    rows = [
        b"syn:1,\xe5sa,x",
        b"syn:2,\xc3\xa5sa,\xff\xfe",
        b"syn:3,\xed\xa0\x80,x",
        b"syn:4,x,\xc3\xa4",
        b'syn:5,"a\nb","\xe5""c"',
        b"\xe5yn:6,\xc0\x80,x",
    ]
    outcome = house.load_text("persons.csv", head + b"\n".join(rows))
    assert house.reasons() == [
        (2, "given_name", "not_text"),
        (3, "family_name", "not_text"),
        (4, "given_name", "not_text"),
        (6, "family_name", "not_text"),
        (7, "given_name", "not_text"),
        (7, "person_id", "not_text"),
    ]
    assert counts(outcome) == [(6, 1, 0, 0, 5)]
    again = house.reject_path(outcome, "persons").read_text(encoding="utf-8")
    assert "syn:1,\\xe5sa,x,2,given_name,not_text" in again


def test_dropped_columns_are_reported_and_stand_in_the_raw_copy_alone(house) -> None:
    secret = b"hemlig-uppgift-4711"
    rows = [
        b"person_id,diagnosis,given_name,sex",
        b"syn:1," + secret + b",A,K",
        b"bad," + secret + b",B,K",
        b"syn:2," + secret + b",C,K,too,many",
        b"syn:3," + secret + b"\xe5,D,K",
        b"syn:4,x,\xe5" + b",\xe5" + secret,
    ]
    outcome = house.load_text("persons.csv", b"\n".join(rows) + b"\n")
    assert outcome.receipts[0].dropped_columns == ["diagnosis", "sex"]
    assert house.reasons() == [
        (3, "person_id", "bad_identifier"),
        (4, None, "wrong_column_count"),
        (6, "given_name", "not_text"),
    ]
    holding = [p for p in house.home.path.rglob("*") if p.is_file() and secret in p.read_bytes()]
    assert [p.relative_to(house.home.path).parts[0] for p in holding] == ["raw"]
    assert counts(outcome) == [(5, 2, 0, 0, 3)]


# ── Parquet ──────────────────────────────────────────────────────────────────────────────


def test_parquet_types_are_read_as_what_they_hold(house) -> None:
    path = parquet(
        house,
        "invoices.parquet",
        f"SELECT 'i1' AS invoice_id, {ORG}::BIGINT AS org_id, 180::USMALLINT AS municipality, "
        "DATE '2026-01-31' AS issued_on, TIMESTAMP '2026-01-01 00:00:00' AS period_from, "
        "TIMESTAMP_NS '2026-01-31 00:00:00' AS period_to, 100.5::DECIMAL(18,6) AS amount, "
        f"true AS factoring, {PERSON}::DOUBLE AS approved_by, NULL AS unit",
    )
    rates = parquet(
        house,
        "contracts.parquet",
        f"SELECT 'c' || n AS contract_id, '{ORG}' AS org_id, 'm' AS municipality, 's' AS service, "
        "'granted' AS reimbursement, rate AS hourly_rate_sek, DATE '2026-01-01' AS valid_from "
        "FROM (VALUES (1, 0.1::DOUBLE + 0.2::DOUBLE), (2, 450.0), (3, 0.0001), (4, 1e12), "
        "(5, 'NaN'), (6, 'inf'), (7, 1e16), (8, 1e300), (9, 0.00001), (10, -1)) AS given(n, rate)",
    )
    times = parquet(
        house,
        "login_events.parquet",
        "SELECT 'e' || n AS event_id, 'l' AS login_id, t AS \"at\", 'scan' AS event FROM (VALUES "
        "(1, TIMESTAMP '2026-07-01 12:00:00.5'), (2, TIMESTAMP '2026-03-29 02:30:00'), "
        "(3, TIMESTAMP '2026-10-25 02:30:00')) AS given(n, t)",
    )
    zoned = parquet(
        house,
        "absences.parquet",
        "SELECT 'a' AS absence_id, 'syn:1' AS client_id, 'travel' AS kind, "
        "TIMESTAMPTZ '2026-10-25 00:30:00+00' AS start, "
        "TIMESTAMPTZ '2026-10-25 01:30:00+00' AS \"end\"",
    )
    lines = parquet(
        house,
        "invoice_lines.parquet",
        "SELECT 'i1' AS invoice_id, n::DOUBLE AS line_no, 's' AS service, 1.5::FLOAT AS hours, "
        "0.1::FLOAT AS quantity, 12::HUGEINT AS amount FROM range(1, 3) AS r(n)",
    )
    outcome = house.load(path, rates, times, zoned, lines)
    assert house.reasons() == [
        (6, "hourly_rate_sek", "bad_number"),
        (7, "hourly_rate_sek", "bad_number"),
        (8, "hourly_rate_sek", "bad_number"),
        (9, "hourly_rate_sek", "bad_number"),
        (10, "hourly_rate_sek", "bad_number"),
        (11, "hourly_rate_sek", "out_of_range"),
        (3, "at", "bad_timestamp"),
    ]
    assert [r.ambiguous_times for r in outcome.receipts] == [0, 0, 1, 0, 0]
    assert house.known(
        "SELECT org_id, municipality, amount::VARCHAR, period_to::VARCHAR, factoring, approved_by "
        "FROM known.invoices"
    ) == [(ORG, "180", "100.5000", "2026-01-31", True, PERSON)]
    assert house.known(
        "SELECT hourly_rate_sek::VARCHAR, _row FROM known.contracts ORDER BY _row"
    ) == [("0.3000", 2), ("450.0000", 3), ("0.0001", 4), ("1000000000000.0000", 5)]
    assert house.known("SELECT line_no, quantity::VARCHAR FROM known.invoice_lines ORDER BY 1") == [
        (1, "0.100000"),
        (2, "0.100000"),
    ]
    assert house.known('SELECT start::VARCHAR, "end"::VARCHAR FROM known.absences') == [
        ("2026-10-25 00:30:00+00", "2026-10-25 01:30:00+00")
    ]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ("['syn:1'] AS person_id, DATE '2026-01-01' AS valid_from", "not_a_table"),
        ("{'a': 'syn:1'} AS person_id, DATE '2026-01-01' AS valid_from", "not_a_table"),
        ("map {'a': 1} AS person_id, DATE '2026-01-01' AS valid_from", "not_a_table"),
        ("TIME '10:00' AS person_id, DATE '2026-01-01' AS valid_from", "not_a_table"),
        ("'syn:1' AS person_id", "missing_column"),
        ("'syn:1' AS person_id, DATE '2026-01-01' AS valid_from, 1 AS x", "unknown_column"),
        ("'syn:1' AS Person_id, DATE '2026-01-01' AS valid_from", "unknown_column"),
        ("repeat('x', 1048577) AS person_id, DATE '2026-01-01' AS valid_from", "too_large"),
    ],
)
def test_parquet_that_is_refused(house, columns, code) -> None:
    path = parquet(house, "trading_bans.parquet", f"SELECT {columns}")
    assert house.load(path).receipts[0].refused == code


def test_parquet_ignores_and_drops_columns_of_any_type(house) -> None:
    path = parquet(
        house,
        "trading_bans.parquet",
        "SELECT 'syn:1' AS person_id, DATE '2026-01-01' AS valid_from, [1] AS sex, "
        "{'a': [1]} AS diagnosis, 7 AS _row",
    )
    outcome = house.load(path)
    assert counts(outcome) == [(1, 1, 0, 0, 0)]
    assert outcome.receipts[0].dropped_columns == ["sex", "diagnosis"]


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_parquet_file_is_an_unreadable_archive(house, keep) -> None:
    whole = parquet(
        house,
        "trading_bans.parquet",
        "SELECT 'syn:' || hash(n) AS person_id, DATE '2026-01-01' AS valid_from "
        "FROM range(5000) AS r(n)",
    ).read_bytes()
    outcome = house.load_text("trading_bans.parquet", whole[: int(len(whole) * keep)])
    assert outcome.receipts[0].refused == "unreadable_archive"


def test_a_parquet_file_that_is_damaged_inside_is_an_unreadable_archive(house) -> None:
    whole = bytearray(
        parquet(
            house,
            "trading_bans.parquet",
            "SELECT 'syn:' || hash(n) AS person_id, DATE '2026-01-01' AS valid_from "
            "FROM range(5000) AS r(n)",
        ).read_bytes()
    )
    whole[100:20000] = b"\xff" * 19900
    outcome = house.load_text("trading_bans.parquet", bytes(whole))
    assert outcome.receipts[0].refused == "unreadable_archive"


# ── archives ─────────────────────────────────────────────────────────────────────────────


def _zipped(parts: dict[str, bytes], folder: Path) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"[Content_Types].xml": b"<a/>", "xl/sheet.xml": b"0" * (5 << 20)}, "too_large"),
        ({"word.txt": b"a"}, "not_a_table"),
        ({"[Content_Types].xml": b"<a/>"}, "unreadable_archive"),
        ({"[Content_Types].xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}, "unsafe_xml"),
    ],
)
def test_archives_that_are_no_workbooks(house, tmp_path, parts, code) -> None:
    outcome = house.load_text("book.xlsx", _zipped(parts, tmp_path))
    assert outcome.receipts[0].refused == code


# ── reject files ─────────────────────────────────────────────────────────────────────────


def test_a_reject_file_can_be_corrected_and_loaded_as_it_is(house) -> None:
    rows = [
        row("tips", tip_id="1", about_id=PERSON, text='said "x",\n\rand; y'),
        row("tips", tip_id="2", about_id="1,9E+11", text='said "x",\n\rand; y', channel="mejl"),
        row("tips", tip_id="3", about_id=PERSON, received_on="2026-02-30", text=" NULL "),
    ]
    first = house.load_rows("tips", *rows)
    path = house.reject_path(first, "tips")
    text = path.read_bytes().decode()
    assert text.splitlines()[0] == ",".join([*rows[0], "_row", "_column", "_code", "_reason"])
    assert "3,about_id; channel,scientific_notation; unknown_value," in text
    uncorrected = house.load_text("tips.csv", text)
    assert counts(uncorrected) == [(2, 0, 0, 0, 2)]
    corrected = text.replace('"1,9E+11"', PERSON).replace("mejl", "web").replace("-30", "-28")
    again = house.load_text("tips.csv", corrected)
    assert counts(again) == [(2, 2, 0, 0, 0)]
    found = house.known("SELECT tip_id, text FROM known.tips ORDER BY tip_id")
    assert found == [("1", 'said "x",\n\rand; y'), ("2", 'said "x",\n\rand; y'), ("3", "NULL")]


def test_what_cannot_be_laid_in_columns_stands_escaped_beside_the_reject_file(house) -> None:
    text = f'{BAN}{PERSON},2026-01-01\n{PERSON},"2026\n-01-01",,x\nbad,2026-01-01,\n'
    outcome = house.load_text("trading_bans.csv", text)
    path = house.reject_path(outcome, "trading_bans")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert path.with_suffix(".unreadable").read_text(encoding="utf-8").splitlines() == [
        f"2\twrong_column_count\t{PERSON},2026-01-01",
        f'3\twrong_column_count\t{PERSON},"2026\\n-01-01",,x',
    ]


def test_personal_data_is_kept_from_other_users(house) -> None:
    house.load_text("trading_bans.csv", GOOD + "bad,2026-01-01,\nx\n")
    for part in ("raw", "rejects"):
        for path in (house.home.path / part, *(house.home.path / part).rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_is_one_snapshot(house) -> None:
    """The raw copy is byte for byte what was read, whatever the source becomes later."""
    path = house.give("trading_bans.csv", GOOD)
    sha256 = house.load(path).receipts[0].file_sha256
    path.write_text("something else")
    assert (house.home.raw / sha256[:2] / sha256).read_text() == GOOD


def test_csv_text_of_the_test_is_what_the_loader_reads() -> None:
    assert csv_text([{"a": "1", "b": 'x"y'}]) == 'a,b\n1,"x""y"\n'


# ── rooms ────────────────────────────────────────────────────────────────────────────────

ROOMS = Path(__file__).parents[1] / "loaders"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_invoice_is_recognised_in_any_encoding_that_xml_knows(house, encoding) -> None:
    text = (ROOMS / "ubl_invoice" / "sample.xml").read_text(encoding="utf-8")
    declared = text.replace('encoding="UTF-8"', f'encoding="{encoding.removesuffix("-sig")}"')
    outcome = house.load_text("any name.XML", declared.encode(encoding))
    assert [(r.source, r.table, r.stored) for r in outcome.receipts] == [
        ("ubl_invoice", "invoices", 1),
        ("ubl_invoice", "invoice_lines", 3),
    ]


def test_a_refused_statement_has_its_own_reasons_only(house) -> None:
    good = (ROOMS / "bods" / "sample.jsonl").read_bytes().splitlines()
    outcome = house.load_text("o.jsonl", b"\n".join([*good, b'{"x": "\xe5"}', b"no json"]))
    rows = [(r["row"], r["column"], r["code"]) for r in house.rejects()]
    assert rows == [(len(good) + 1, None, "not_text"), (len(good) + 2, None, "bad_structure")]
    assert outcome.exit_code == 3
    assert all("path" in reject for reject in house.rejects())


def test_a_reject_file_of_an_export_is_in_its_own_dialect(house) -> None:
    lines = (ROOMS / "visit_export" / "sample.csv").read_bytes().splitlines()
    bad = lines[1].split(b";")
    bad[0] = b"\xe5\xe4\xf6-1"
    bad[3] = b"fel \xe5r"
    outcome = house.load_text("export.csv", b"\r\n".join([lines[0], b";".join(bad), lines[2]]))
    [receipt] = outcome.receipts
    assert (receipt.source, receipt.rejected, receipt.stored) == ("visit_export", 1, 1)
    rejected = house.reject_path(outcome, "visits").read_bytes()
    assert b"\xe5\xe4\xf6-1;" in rejected
    assert len(rejected.splitlines()) == 2
    again = house.load_text("export.csv", rejected)
    assert counts(again) == [(1, 0, 0, 0, 1)]
