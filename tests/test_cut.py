"""The lines of a delivered file, cut by bytes: each is the row that was loaded, and no other."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import FileRefused
from graph_service.evidence.lines.cutting import Cut, Lines, NoLines, Why
from graph_service.keeping.redaction import Form, Source
from graph_service.receipt import Receipt
from loaders.cut import cut
from loaders.delimited import prepare
from loaders.header import Dialect
from loaders.mapping.rules import Cell, Constant, First, Join, Key, Moment, Reading
from loaders.mapping.telling import told_by
from loaders.record_places import records
from loaders.rooms import rooms
from tests.house import House, csv_text, organisation, person, row
from tests.mapped import mapped, read_mapping

ENCODINGS = ("utf-8", "cp1252", "latin-1")
ROOM = rooms()["visit_export"]


def receipt(name: str, room: str, table: str = "visits", **values: object) -> Receipt:
    mapping = rooms()[room].digest if room in rooms() else None
    told = {"mapping": mapping} | values
    return Receipt(
        batch="20260101T000000000000Z",
        n=1,
        source=room,
        file=name,
        file_sha256="0" * 64,
        table=table,
        loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        loader="graph-service",
        loader_version="1",
        **told,  # type: ignore[arg-type]
    )


def source(path: Path, room: str = "canonical", *, form: Form | None = None) -> Source:
    return Source(path, path.name, form, [receipt(path.name, room)])


def lines_of(path: Path, room: str, rows: Collection[int], table: str = "visits") -> Lines:
    found = cut(source(path, room), [(table, row) for row in rows])
    assert isinstance(found, Lines)
    return found


def oracle(content: bytes, encoding: str, delimiter: str) -> dict[int, list[str]]:
    """Every record by its number, as Python's csv has them on the whole file."""
    text = content.decode(encoding).removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return dict(enumerate(rows, start=1))


values = st.text(st.sampled_from('aåÄ 0;,\t"\n\r'), max_size=6)
odd_texts = st.lists(st.sampled_from(["a", "é", ";", '"', '""', "\n", "\r\n", "\r", " ", "b;c\n"]))


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, str, str]:
    """A file as some system writes it: its bytes, encoding and delimiter."""
    encoding, delimiter = draw(st.sampled_from(ENCODINGS)), draw(st.sampled_from(";,\t"))
    quoting = draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    ending = draw(st.sampled_from(("\n", "\r\n", "\r")))
    width = draw(st.integers(1, 4))
    text = io.StringIO(newline="")
    # The writer quotes a line end only where its own line ends hold it.
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")
    writer.writerow([f"k{n}" for n in range(width)])
    for _ in range(draw(st.integers(0, 8))):
        match draw(st.sampled_from(("row", "row", "row", "blank", "header", "total"))):
            case "row":
                writer.writerow(draw(st.lists(values, min_size=width, max_size=width)))
            case "blank":
                text.write("\r\n")
            case "header":
                writer.writerow([f"k{n}" for n in range(width)])
            case _:
                writer.writerow(["Summa", *[""] * (width - 1)])
    whole = text.getvalue()
    if draw(st.booleans()):
        whole = whole.removesuffix("\r\n")
    if '"' not in whole:
        whole = whole.replace("\r\n", ending)
    mark = b"\xef\xbb\xbf" if encoding == "utf-8" and draw(st.booleans()) else b""
    return mark + whole.encode(encoding), encoding, delimiter


@st.composite
def torn(draw: st.DrawFn) -> tuple[bytes, str, str]:
    """A file of odd quotes and line ends, which some system wrote by hand."""
    encoding = draw(st.sampled_from(ENCODINGS))
    return ("k0;k1\n" + "".join(draw(odd_texts))).encode(encoding), encoding, ";"


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(file=st.one_of(written(), torn()), chosen=st.sets(st.integers(2, 12)))
def test_the_bytes_of_a_row_are_that_row_as_the_whole_file_has_it(
    tmp_path: Path, file: tuple[bytes, str, str], chosen: set[int]
) -> None:
    content, encoding, delimiter = file
    path = tmp_path / "given"
    path.write_bytes(content)
    try:
        prepare(path, Dialect(delimiter, (encoding,)), tmp_path, "prepared")
    except FileRefused:
        assume(False)
    every = oracle(content, encoding, delimiter)
    header, *found = records(path, delimiter, sorted(chosen))
    assert every[header.row] == next(values for values in every.values() if any(values))
    assert [each.row for each in found] == sorted(chosen & {n for n in every if n > header.row})
    for each in (header, *found):
        assert content[each.first_byte : each.end_byte] == each.content
        text = each.content.decode(encoding)
        parsed = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        assert parsed == ([every[each.row]] if every[each.row] else [])
    for one, other in zip([header, *found], found, strict=False):
        assert one.end_byte < other.first_byte
        if other.row == one.row + 1:
            assert content[one.end_byte : other.first_byte] in (b"\n", b"\r", b"\r\n")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(file=st.one_of(written(), torn()))
def test_the_fields_of_a_line_are_its_text_and_its_values(
    tmp_path: Path, file: tuple[bytes, str, str]
) -> None:
    content, encoding, delimiter = file
    path = tmp_path / "visits.csv"
    path.write_bytes(content.decode(encoding).replace(delimiter, ",").encode())
    try:
        prepare(path, Dialect(), tmp_path, "prepared")
    except FileRefused:
        assume(False)
    every = oracle(path.read_bytes(), "utf-8", ",")
    found = lines_of(path, "canonical", list(every)[1:])
    width = len(found.header)
    for each in found.cuts:
        if each.fields is None:
            assert len(every[each.row]) != width
        else:
            assert ",".join(field.text for field in each.fields).encode() == each.content
            assert [field.value for field in each.fields] == every[each.row]


EXPORT = (
    "Besöks-ID;Kommun;Utförare orgnr;Personal personnummer;Personal HSA-id;Kund personnummer;"
    "Kundens namn;Insats;Datum;Faktisk start;Faktisk slut;Status;Tagg;Diagnos;Anteckning"
)


def visit(name: str, **said: str) -> str:
    told = {
        "Besöks-ID": name,
        "Kommun": "0180",
        "Utförare orgnr": organisation(1),
        "Personal personnummer": person(1),
        "Kund personnummer": person(2),
        "Kundens namn": "Åsa Öberg",
        "Insats": "Omsorg",
        "Datum": "2026-03-01",
        "Faktisk start": "08:00",
        "Faktisk slut": "09:00",
        "Diagnos": "F20",
    } | said
    text = io.StringIO(newline="")
    names = EXPORT.split(";")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(told.get(n, "") for n in names)
    return text.getvalue()


def messy(*visits: str) -> str:
    """An export with lines between its visits that are none."""
    total = "Summa;;;;;;;;;;;;;;\r\n"
    first, second, *rest = visits
    return "".join([EXPORT, "\r\n", first, "\r\n", EXPORT, "\r\n", second, total, "\r\n", *rest])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_rows_of_the_lake_are_found_in_an_export_of_odd_rows(tmp_path: Path, encoding: str) -> None:
    house = House(tmp_path)
    note = 'två\nrader; och "citat"'
    text = messy(visit("1"), visit("2", Anteckning=note), visit("3", Anteckning="sist"))
    path = house.give("export.csv", text.encode(encoding))
    told = house.load(path).receipts[0]
    assert (told.source, told.stored) == ("visit_export", 3)
    stored = dict(house.known("SELECT _row, visit_id FROM known.visits ORDER BY _row"))
    raw = house.lake.raw(str(told.file_sha256))
    assert raw is not None
    found = cut(Source(raw, "export.csv", None, [told]), [("visits", row) for row in stored])
    assert isinstance(found, Lines)
    assert found.encoding == encoding.removesuffix("-sig")
    cuts = list(found.cuts)
    assert [each.row for each in cuts] == list(stored) == [2, 5, 8]
    for each in cuts:
        assert each.fields is not None
        assert f"0180:{each.fields[0].value}" == stored[each.row]
        at = slice(each.first_byte, each.first_byte + len(each.content))
        assert raw.read_bytes()[at] == each.content
    assert cuts[1].fields is not None
    assert cuts[1].fields[-1].value == note


def told_in(each: Cut, header: str = EXPORT) -> dict[str, tuple[set[str], set[str]]]:
    """Of each column of a line, which columns of the contract tell it: alone, and with others."""
    assert each.fields is not None
    return {
        name: ({column for _, column in field.alone}, {column for _, column in field.part})
        for name, field in zip(header.split(";"), each.fields, strict=True)
    }


def test_a_field_is_told_by_the_columns_that_were_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    both = visit("2", **{"Personal HSA-id": "SE1-2", "Tagg": "T9"})
    other = visit("3", **{"Personal personnummer": "", "Personal HSA-id": "SE1-2"})
    path.write_text(EXPORT + "\r\n" + visit("1") + both + other, encoding="utf-8", newline="")
    found = lines_of(path, "visit_export", [2, 3, 4])
    first, second, third = map(told_in, found.cuts)
    assert first["Kund personnummer"] == ({"client_id"}, set())
    assert first["Kundens namn"] == first["Diagnos"] == (set(), set())
    assert first["Datum"] == (set(), {"start", "end"})
    assert first["Kommun"] == ({"municipality"}, {"visit_id"})
    assert second["Kommun"] == ({"municipality"}, {"visit_id", "tag_id"})
    assert second["Tagg"] == (set(), {"tag_id"})
    # A second identity, which the number was preferred to, became nothing in the row.
    assert second["Personal HSA-id"] == (set(), set())
    assert third["Personal HSA-id"] == ({"worker_id"}, set())
    # What a source is known to have is named; another column's name may be anybody's.
    names = dict(zip(EXPORT.split(";"), found.names, strict=True))
    assert names.pop("Kundens namn") is None
    assert all(name == shown for name, shown in names.items())


def test_what_a_value_does_not_say_is_not_told_by_it() -> None:
    name, number = Cell(("namn",)), Cell(("nr",))
    word = Cell(("typ",), words=(("Hund", "dog"), ("Ingen", "")), otherwise="other")
    texts = {name: "Åsa", number: "7", word: "hund"}
    assert set(told_by(name, texts)) == {(name, True)}
    assert set(told_by(word, texts)) == {(word, True)}
    assert set(told_by(word, texts | {word: "Åsa Öberg"})) == set()
    assert set(told_by(word, texts | {word: "ingen"})) == set()
    assert set(told_by(Key((name, number)), texts)) == set()
    assert set(told_by(Key((name, number), readable=True), texts)) == {
        (name, False),
        (number, False),
    }
    assert set(told_by(Join((number, Constant(":"), name)), texts)) == {
        (number, False),
        (name, False),
    }
    assert set(told_by(Join((number, name)), texts | {name: ""})) == set()
    assert set(told_by(First((word, name)), texts | {word: "Ingen"})) == {(name, True)}
    assert set(told_by(First((number, name)), texts)) == {(number, True)}
    moment = Moment(Cell(("dag",), Reading.DATE), Cell(("tid",)))
    assert set(told_by(First((moment, name)), texts)) == {(name, True)}
    assert set(told_by(Constant("x"), texts)) == set()


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-03-01", True),
        ("1.3.2026", True),
        ("20260301", True),
        ("2026-03-01 00:00:00", True),
        ("Åsa Öberg", False),
        ("19900101-2384", False),
        ("900101-2384", False),
        ("2026-03-01 kl", False),
    ],
)
def test_a_day_beside_a_whole_timestamp_is_told_only_if_it_is_a_day(day: str, told: bool) -> None:
    date, time = Cell(("dag",), Reading.DATE), Cell(("tid",))
    texts = {date: day, time: "2026-03-01 08:00"}
    expected = {(date, False), (time, False)} if told else {(time, False)}
    assert set(told_by(Moment(date, time), texts)) == expected


RULES = """
name = "some_source"
[dialect]
encodings = ["utf-8"]
[tables.tips]
tip_id = { first = [ { from = "a", lookup = { Hund = "dog", Ingen = "" } }, { from = "b" } ] }
received_on = { value = "2026-01-01" }
channel = { from = "a", lookup = { Hund = "phone" }, otherwise = "web" }
about_kind = { value = "organisation" }
about_id = { join = [ { from = "b" }, "/", { first = [ { from = "c" }, { from = "a" } ] } ] }
text = { first = [{ join = [{ from = "a" }, "-", { from = "c" }] }, { from = "c", prefix = "c:" }] }
"""


def test_a_told_cell_is_one_that_the_value_follows(tmp_path: Path) -> None:
    """Whatever else a cell that is told had held, the value would be another."""
    mapping = read_mapping(tmp_path, RULES)
    texts = {
        "a": ("", " ", "x", "y", "Hund", "Ingen"),
        "b": ("", "k", "l"),
        "c": ("", " ", "p", "q"),
    }
    lines = list(product(*texts.values()))
    header = ["a", "b", "c"]
    with Engine() as engine:
        values = mapped(engine, mapping, header, lines, table="tips")
    given = {lines[each["_row"] - 2]: each for each in values}
    followed = 0
    for target, cells in mapping.targets("tips", header):
        places = {cell: header.index(name) for cell, name in cells.items()}
        for line, made in given.items():
            trimmed = {cell: line[place].strip() for cell, place in places.items()}
            for cell, alone in told_by(target.rule, trimmed):
                assert made[target.column] is not None
                for other in texts[cells[cell]]:
                    instead = list(line)
                    instead[places[cell]] = other
                    changed = given.get(tuple(instead))
                    if changed is not None and other.strip() not in ("", trimmed[cell]):
                        assert changed[target.column] != made[target.column]
                        followed += 1
                if alone:
                    assert trimmed[cell] in str(made[target.column]) or trimmed[cell] == "Hund"
    assert followed > 300


def test_a_line_that_fed_several_tables_is_told_by_each(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(csv_text([row("visits", note="x")]), encoding="utf-8", newline="")
    found = cut(source(path), [("visits", 2), ("absences", 2)])
    assert isinstance(found, Lines)
    (each,) = found.cuts
    assert each.fields is not None
    told = dict(zip(found.names, (field.alone for field in each.fields), strict=True))
    assert told["client_id"] == (("absences", "client_id"), ("visits", "client_id"))
    assert told["visit_id"] == (("visits", "visit_id"),)


def test_a_mapping_that_says_something_else_now_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT + "\r\n" + visit("1"), encoding="utf-8", newline="")
    for room, digest in (("visit_export", "f" * 64), ("own_export", "f" * 64), ("", None)):
        told = receipt(path.name, room, mapping=digest)
        assert cut(Source(path, path.name, None, [told]), [("visits", 2)]) == NoLines(Why.MAPPING)


def test_what_has_no_lines_says_why_and_where_its_records_stand(tmp_path: Path) -> None:
    book, asked = openpyxl.Workbook(), [("visits", 7)]
    path = tmp_path / "bok.xlsx"
    book.save(path)
    book.close()
    assert cut(source(path), asked) == NoLines(Why.WORKBOOK, {("visits", 7): "visits!7"})
    path = tmp_path / "visits.parquet"
    with Engine() as engine:
        engine.execute(
            "COPY (SELECT 'a' AS visit_id) TO $path (FORMAT parquet)", {"path": str(path)}
        )
    assert cut(source(path), asked) == NoLines(Why.PARQUET)
    assert cut(source(path, form=Form.REBUILT), asked) == NoLines(Why.REBUILT)


def test_a_record_of_a_nested_document_is_found_by_its_path() -> None:
    folder = Path(__file__).parents[1] / "loaders"
    path = folder / "ubl_invoice" / "sample.xml"
    room = rooms()["ubl_invoice"]
    assert room.parser is not None
    found = cut(source(path, "ubl_invoice"), [("invoice_lines", 2), ("invoices", 1)])
    assert isinstance(found, NoLines)
    assert found.why is Why.DOCUMENT
    assert found.places[("invoices", 1)] == "/Invoice"
    assert found.places[("invoice_lines", 2)] == "/Invoice/InvoiceLine[2]"
    path = folder / "bods" / "sample.json"
    found = cut(source(path, "bods"), [("owners", 1), ("owners", 999)])
    where = {("owners", 1): "$[0].recordDetails.interests[1]"}
    assert found == NoLines(Why.DOCUMENT, where)


def test_a_record_that_is_not_there_any_more_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("visit_id,note\na,b\n\nc\nd,e\n", encoding="utf-8", newline="")
    found = lines_of(path, "canonical", [2, 3, 4, 5, 9])
    assert [(each.row, each.fields is None) for each in found.cuts] == [
        (2, False),
        (3, True),
        (4, True),
        (5, False),
    ]


@pytest.mark.parametrize(
    ("encoding", "cuts"),
    [
        *((name, True) for name in ("utf-8", "utf8", "cp1252", "latin-1", "iso8859-15", "cp850")),
        *((name, False) for name in ("cp037", "utf-7", "utf-16-le", "iso2022_jp", "hz")),
        *((name, False) for name in ("shift_jis", "gbk", "gb18030", "big5")),
    ],
)
def test_lines_are_cut_where_a_byte_of_ascii_is_its_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, cuts: bool
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT + "\r\n" + visit("1"), encoding="utf-8", newline="")
    monkeypatch.setattr("loaders.cut.encoding_of", lambda *_: encoding)
    found = cut(source(path, "visit_export"), [("visits", 2)])
    assert isinstance(found, Lines) if cuts else found == NoLines(Why.ENCODING)


def test_few_rows_of_a_long_file_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    width = 200
    with path.open("wb") as stream:
        stream.write(b"visit_id,note\r\n")
        for n in range(150_000):
            stream.write(b"%d,%s\r\n" % (n, b"x" * width))
    wanted = list(range(2, 150_000, 1_500))
    tracemalloc.start()
    try:
        found = lines_of(path, "canonical", wanted)
        ids = [each.fields[0].value for each in found.cuts if each.fields is not None]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ids == [str(row - 2) for row in wanted]
    # A block of 1 MiB, the next, and what is reckoned of one; the file has 31 MB.
    assert peak < 15_000_000
