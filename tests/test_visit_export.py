"""The room of visit systems' exports: its samples, one fault a file, and the layouts met."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.engines.macros import MACROS
from graph_service.home import Home
from graph_service.lake import Lake
from loaders.load import Options, Outcome, load
from loaders.mapping import Mapping
from tests.mapped import DELIVERED, mapped, relation

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "loaders" / "visit_export"
EXAMPLES = ROOT / "docs" / "examples"
SCHEDULES = ROOT.parent / "shared" / "data" / "home_care_schedules"
IDENTITIES = ROOT.parent / "shared" / "data" / "identity_numbers"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)

HEADER = [
    "Besöks-ID",
    "Kommun",
    "Utförare orgnr",
    "Personal personnummer",
    "Kund personnummer",
    "Insats",
    "Faktisk start",
    "Faktisk slut",
]
VISIT = ["17", "0180", "402000-0016", "850114-2387", "400305-9807", "Service"]
SPAN = ["2026-03-02 07:30", "2026-03-02 08:00"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def room() -> Mapping:
    return Mapping.read(ROOM / "source.toml")


def load_files(home: Home, *paths: Path, mapping: Path | None = None) -> Outcome:
    return load(home, paths, Options(mapping=mapping), clock=lambda: NOW)


def known(home: Home, sql: str) -> list[dict[str, Any]]:
    with Engine(threads=1) as opened:
        Lake(home).open_records(opened)
        return opened.rows(sql)


def write(path: Path, lines: Sequence[Sequence[str]], encoding: str = "cp1252") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(lines)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


# ── whole files through the whole chain ──────────────────────────────────────────────────


def test_both_samples_hold_the_same_visits(tmp_path: Path) -> None:
    found = []
    for name in ("sample.csv", "sample_utf8_bom.csv"):
        home = Home(tmp_path / name)
        outcome = load_files(home, ROOM / name)
        [receipt] = outcome.receipts
        counts = (receipt.source, receipt.read, receipt.stored, receipt.rejected)
        assert counts == ("visit_export", 7, 7, 0)
        assert receipt.dropped_columns == ["Kön"]
        assert outcome.exit_code == 0
        found.append(
            known(home, "SELECT * EXCLUDE (_batch, _file_sha256) FROM known.visits ORDER BY _row")
        )
    assert found[0] == found[1]
    visits = {row["visit_id"]: row for row in found[0]}
    assert [row["_row"] for row in found[0]] == [2, 3, 4, 5, 7, 8, 9]  # row 6 repeats the header
    assert {row["org_id"] for row in found[0]} == {"4020000016"}
    first = visits["0180:100001"]
    assert (first["worker_id"], first["client_id"]) == ("198501142387", "194003059807")
    assert first["start"] == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert (first["start_method"], first["status"], first["double_staffed"]) == (
        "tag", "performed", False,
    )  # fmt: skip
    assert visits["0180:100002"]["client_id"] == "192106119809"
    night = visits["0180:100003"]
    assert (night["end"] - night["start"]).total_seconds() == 90 * 60
    assert night["note"] == 'Kunden ville vila; återkom "senare"'
    assert night["edited_by"] == "Samordnare Öst"
    unended = visits["0180:100004"]
    assert (unended["end"] - unended["start"]).total_seconds() == 27 * 60
    assert visits["0180:100005"]["client_id"] == "skv:20000101T220"
    spring, autumn = visits["0180:100006"], visits["0180:100007"]
    assert (spring["end"] - spring["start"]).total_seconds() == 60 * 60
    assert autumn["start"] == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)


ROWS_REFUSED = {
    "missing_required": (3, "service", "missing_required"),
    "bad_timestamp": (3, "start", "bad_timestamp"),
    "bad_boolean": (3, "double_staffed", "bad_boolean"),
    "unknown_value": (3, "status", "unknown_value"),
    "bad_identifier": (3, "client_id", "bad_identifier"),
    "scientific_notation": (3, "client_id", "scientific_notation"),
    "end_before_start": (3, "end", "end_before_start"),
    "wrong_column_count": (3, None, "wrong_column_count"),
    "unreadable_length": (3, "end", "bad_timestamp"),
    "not_text": (3, None, "not_text"),
}
FILES_REFUSED = {
    "missing_column": "missing_column",
    "duplicate_header": "duplicate_header",
    "empty_file": "empty_file",
    "not_a_table": "not_a_table",
}


def test_every_malformed_file_is_expected() -> None:
    names = {path.stem for path in (ROOM / "malformed").iterdir()}
    assert names == {*ROWS_REFUSED, *FILES_REFUSED, "conflicting_key"}


@pytest.mark.parametrize("name", ROWS_REFUSED)
def test_one_bad_row_is_refused_for_one_reason_and_the_good_one_is_read(
    tmp_path: Path, name: str
) -> None:
    row, column, code = ROWS_REFUSED[name]
    outcome = load(
        Home(tmp_path), [ROOM / "malformed" / f"{name}.csv"],
        Options(source="visit_export", check=True), clock=lambda: NOW,
    )  # fmt: skip
    [receipt] = outcome.receipts
    assert (receipt.read, receipt.stored, receipt.rejected, receipt.refused) == (2, 1, 1, None)
    found = [(reject["row"], reject["code"]) for reject in outcome.rejects]
    assert found == [(row, code)]
    if column is not None:
        assert outcome.rejects[0]["column"] == column


def test_two_rows_of_one_key_that_differ_are_both_refused(tmp_path: Path) -> None:
    path = ROOM / "malformed" / "conflicting_key.csv"
    outcome = load(Home(tmp_path), [path], Options(check=True), clock=lambda: NOW)
    found = [(reject["row"], reject["code"]) for reject in outcome.rejects]
    assert found == [(2, "conflicting_key"), (3, "conflicting_key")]


@pytest.mark.parametrize("name", FILES_REFUSED)
def test_a_file_that_is_no_such_export_is_refused_whole(tmp_path: Path, name: str) -> None:
    path = ROOM / "malformed" / f"{name}.csv"
    options = Options(source="visit_export", check=True)
    [receipt] = load(Home(tmp_path), [path], options, clock=lambda: NOW).receipts
    assert (receipt.refused, receipt.read) == (FILES_REFUSED[name], 0)


def test_two_municipalities_numbers_do_not_meet(tmp_path: Path) -> None:
    for name, municipality in (("one", "0180"), ("two", "1480")):
        cells = [VISIT[0], municipality, *VISIT[2:], *SPAN]
        load_files(Home(tmp_path / "home"), write(tmp_path / f"{name}.csv", [HEADER, cells]))
    found = known(Home(tmp_path / "home"), "SELECT visit_id FROM known.visits ORDER BY ALL")
    assert [row["visit_id"] for row in found] == ["0180:17", "1480:17"]


# ── layouts that exports have ────────────────────────────────────────────────────────────


def spans(
    engine: Engine, room: Mapping, columns: Sequence[str], *cells: Sequence[str | None]
) -> list[tuple[str, str]]:
    header = [*HEADER[:6], *columns]
    assert room.missing(header) == []
    rows = mapped(engine, room, header, [[*VISIT, *row] for row in cells])
    return [(row["start"], row["end"]) for row in rows]


def test_dates_and_times_may_stand_apart(engine: Engine, room: Mapping) -> None:
    assert spans(
        engine, room, ["Datum", "Start", "Slut"],
        ["2026-03-02", "07:30", "8.15"],
        ["20260302", "23:30", "00:15"],
        ["2026-03-02 00:00:00", "0730", "0815"],
        ["2026-03-02", "1899-12-30 07:30:00", "1900-01-01 08:15:00"],
        ["2026-03-02", "10:00", "09:30"],
    ) == [
        ("2026-03-02 07:30", "2026-03-02 08:15"),
        ("2026-03-02 23:30", "2026-03-03 00:15:00.000000"),
        ("2026-03-02 07:30", "2026-03-02 08:15"),
        ("2026-03-02 07:30:00", "2026-03-02 08:15:00"),
        ("2026-03-02 10:00", "2026-03-02 09:30"),  # no night of 23 hours: left to be refused
    ]  # fmt: skip
    assert spans(
        engine, room, ["Startdatum", "Starttid", "Slutdatum", "Sluttid"],
        ["2026-03-02", "22:00", "2026-03-03", "06:30"],
        ["2026-03-02", "22:00", None, "06:30"],
    ) == [
        ("2026-03-02 22:00", "2026-03-03 06:30"),
        ("2026-03-02 22:00", "2026-03-03 06:30:00.000000"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text", "minutes"),
    [
        ("Tid", "1:30", 90),
        ("Tid", "0,45", 27),
        ("Tid", "1,5", 90),
        ("Timmar", "0,5", 30),
        ("Tid (tt,mm)", "0,45", 45),
        ("Tid (tt,mm)", "1:30", 90),
        ("Tid (min)", "45", 45),
    ],
)
def test_a_visit_without_an_end_takes_its_registered_time(
    engine: Engine, room: Mapping, column: str, text: str, minutes: int
) -> None:
    [(start, end)] = spans(engine, room, ["Faktisk start", column], ["2026-07-01 10:00", text])
    begun = datetime.fromisoformat(f"{start}+02:00")
    assert (datetime.fromisoformat(end) - begun).total_seconds() == minutes * 60


NO_RECORDS = [
    ["Summa", "", "", "", "", "", "", "12,5"],
    ["", "", "", "", "", "Totalt:", "", ""],
    ["Antal besök: 3", "", "", "", "", "", "", ""],
    ["SUMMA", "0180", "402000-0016", "850114-2387", "", "", "", ""],
    ["", " ", "", "\u00a0", "", "", "", ""],
    HEADER,
    [name.upper() for name in HEADER],
]
RECORDS = [
    [*VISIT, *SPAN],
    ["Summa-1", *VISIT[1:], *SPAN],  # complete, so it is a visit, whatever it is called
    ["Summary", "", "", "", "", "", "", ""],
    ["17", "", "", "", "", "Summa", "", ""],
]


@settings(max_examples=40, deadline=None)
@given(st.permutations([(row, False) for row in NO_RECORDS] + [(row, True) for row in RECORDS]))
def test_headers_totals_and_blank_rows_are_no_records_and_nothing_else_is_passed_over(
    engine: Engine, room: Mapping, rows: list[tuple[list[str], bool]]
) -> None:
    found = mapped(engine, room, HEADER, [row for row, _ in rows])
    kept = [number for number, (_, record) in enumerate(rows, start=2) if record]
    assert [row["_row"] for row in found] == kept


def test_inferred_centuries_are_counted(engine: Engine, room: Mapping) -> None:
    rows = [
        [*VISIT, *SPAN],
        [*VISIT[:2], "19850114-2387", "19850114-2387", "210611+9809", "Service", *SPAN],
        [*VISIT[:2], "850114-2387", "hsa:x", "x", "Service", *SPAN],
        ["Summa", *[""] * 7],
    ]
    sql = room.inferred_centuries("visits", HEADER, relation(HEADER, rows), today=DELIVERED)
    assert sql is not None
    assert engine.rows(sql) == [{"org_id": 1, "worker_id": 1, "client_id": 2}]


def test_a_worker_may_be_known_by_hsa_id_alone(engine: Engine, room: Mapping) -> None:
    header = [*HEADER[:3], "HSA-ID", *HEADER[4:]]
    assert room.missing(header) == []
    [row] = mapped(engine, room, header, [[*VISIT[:3], "SE2321000016-1AB2", *VISIT[4:], *SPAN]])
    assert row["worker_id"] == "hsa:SE2321000016-1AB2"


def test_the_room_knows_its_own_header_and_no_other(room: Mapping) -> None:
    assert room.recognises(HEADER)
    assert room.recognises([name for name in HEADER if name != "Insats"])
    assert room.missing(HEADER[:-2]) == ["Faktisk start", "Faktisk slut"]
    assert not room.recognises(["visit_id", "municipality", "org_id", "start", "end"])
    assert not room.recognises(["Kommun", "Datum", "Belopp", "Utförare"])


# ── the public home care schedules, by a mapping of our own ──────────────────────────────


@pytest.mark.skipif(not SCHEDULES.exists(), reason="../shared/data/home_care_schedules is absent")
def test_the_public_schedules_load_whole_and_nobody_is_in_two_places(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name, table, rows in (("visits", "visits", 6951), ("patients", "persons", 5500)):
        mapping = EXAMPLES / f"home_care_{'schedules' if name == 'visits' else name}.toml"
        [receipt] = load_files(home, SCHEDULES / f"{name}.csv", mapping=mapping).receipts
        assert (receipt.table, receipt.read, receipt.stored) == (table, rows, rows)
    [found] = known(
        home,
        "SELECT count(DISTINCT worker_id) AS workers, count(DISTINCT client_id) AS clients, "
        "count(DISTINCT municipality) AS schedules, "
        'min(start) AS first, max("end") AS last FROM known.visits',
    )
    with (SCHEDULES / "visits.csv").open(encoding="utf-8") as lines:
        source = list(csv.DictReader(lines))
    assert found["workers"] == len({(r["schedule"], r["caregiver_id"]) for r in source})
    assert found["clients"] == len({(r["schedule"], r["patient_id"]) for r in source})
    assert found["schedules"] == len({r["schedule"] for r in source})
    assert (found["first"], found["last"]) == (
        datetime(2026, 3, 1, 23, 5, tzinfo=UTC),  # minute 5 of 2 March in Stockholm
        datetime(2026, 3, 2, 10, 59, tzinfo=UTC),
    )
    overlaps = known(
        home,
        "SELECT 1 FROM known.visits a JOIN known.visits b USING (worker_id) "
        'WHERE a.visit_id < b.visit_id AND a.start < b."end" AND b.start < a."end"',
    )
    assert overlaps == []
    unknown = known(
        home,
        "SELECT 1 FROM known.visits ANTI JOIN known.persons ON person_id = client_id "
        "UNION ALL SELECT 1 FROM known.persons WHERE lat < lon OR lat IS NULL",
    )
    assert unknown == []  # every patient lies in Italy, north of 36 and west of 19 degrees


# ── anything at all ──────────────────────────────────────────────────────────────────────

ANY = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
DIGITS = st.text("0123456789:,.-+ TES", max_size=24)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_no_text_in_any_cell_stops_a_file(
    engine: Engine, room: Mapping, data: st.DataObject
) -> None:
    extra = data.draw(
        st.sets(st.sampled_from(["Datum", "Startdatum", "Slutdatum", "Status", "Skapad"]))
    )
    length = data.draw(st.sampled_from(["Tid", "Tid (min)", "Tid (tt,mm)"]))
    header = [*HEADER, length, *sorted(extra)]
    cells = st.lists(ANY | DIGITS, min_size=len(header), max_size=len(header))
    rows = [
        [*VISIT, SPAN[0], None, "9" * 12, *[""] * len(extra)],
        *data.draw(st.lists(cells, max_size=30)),
    ]
    found = mapped(engine, room, header, rows)
    assert len(found) <= len(rows)
    counted = room.inferred_centuries("visits", header, relation(header, rows), today=DELIVERED)
    assert counted is not None
    engine.rows(counted)


@pytest.mark.skipif(not IDENTITIES.exists(), reason="../shared/data/identity_numbers is absent")
def test_test_numbers_in_every_form_are_judged_as_their_files_say(
    engine: Engine, room: Mapping
) -> None:
    engine.script(MACROS)
    forms = ("long_format", "short_format", "separated_format", "separated_long")
    given_ = [
        (entry[form], entry["valid"], entry["long_format"] if "separated" in form else None)
        for name in ("list.json", "interim.json")
        for entry in json.loads((IDENTITIES / name).read_text(encoding="utf-8"))
        for form in forms
    ]
    structured = json.loads((IDENTITIES / "structured.json").read_text(encoding="utf-8"))
    for numbers in structured.values():
        given_ += [(text, True, None) for text in numbers["string"]["valid"]]
        given_ += [(text, False, None) for text in numbers["string"]["invalid"]]
    rows = [[*VISIT[:4], text, "Service", *SPAN] for text, _, _ in given_]
    sql = room.select("visits", HEADER, relation(HEADER, rows), today=DELIVERED)
    judged = engine.rows(
        "SELECT client_id, person_fault(client_id, DATE '2026-11-01') AS fault "
        f"FROM ({sql}) ORDER BY _row"
    )
    for (_, valid, long), row in zip(given_, judged, strict=True):
        assert (row["fault"] is None) == valid
        if valid and long is not None:
            assert row["client_id"].removeprefix("skv:") == long
