"""Delimited text: the block reader against Python's own csv module, record by record."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import FileRefused
from loaders import delimited
from loaders.decode import delimited_sql
from loaders.delimited import Delimited, prepare
from loaders.header import Dialect, head

FIELD = st.text(alphabet=' ab,"\n\r\u00e5', max_size=5)
NEWLINE = st.sampled_from(["\n", "\r\n"])


def _prepared(data: bytes, folder: Path, dialect: Dialect | None = None) -> Delimited:
    path = folder / "given.csv"
    path.write_bytes(data)
    return prepare(path, dialect or Dialect(), folder, "given")


def _written(value: str) -> str:
    """A field as RFC 4180 has it; the csv module leaves a carriage return and "" unquoted."""
    if value and not set(value) & set(',"\r\n'):
        return value
    return '"' + value.replace('"', '""') + '"'


def _rows_in_engine(found: Delimited) -> list[tuple[str | None, ...]]:
    with Engine() as engine:
        return [tuple(row.values()) for row in engine.rows(*delimited_sql(found, ","))]


def _odd(found: Delimited) -> dict[int, str]:
    if found.odd is None:
        return {}
    lines = found.odd.read_text().splitlines()
    return {int(row): code for row, _, code in (line.split(",") for line in lines)}


@settings(deadline=None)
@given(
    header=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
    rows=st.lists(st.lists(FIELD, min_size=1, max_size=3), max_size=8),
    newline=NEWLINE,
    ended=st.booleans(),
    block=st.integers(1, 40),
)
@example(header=["a", "b"], rows=[["x", "y"], ["z"]], newline="\r\n", ended=False, block=3)
def test_every_record_is_a_row_or_odd_at_its_place(header, rows, newline, ended, block) -> None:
    data = newline.join(",".join(map(_written, record)) for record in [header, *rows]).encode()
    data += newline.encode() if ended else b""
    whole, delimited._BLOCK = delimited._BLOCK, block
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = _prepared(data, Path(folder))
            read = _rows_in_engine(found)
            odd = _odd(found)
    finally:
        delimited._BLOCK = whole
    assert found.header == tuple(header)
    assert found.records == len(rows) == len(read)
    for number, (expected, got) in enumerate(zip(rows, read, strict=True), start=2):
        if len(expected) != len(header):
            assert odd[number] == "wrong_column_count"
        else:
            assert number not in odd
            assert [value or "" for value in got] == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n\r\n\n", "empty_file"),
        ("a,b\n1,2\n".encode("utf-16"), "not_a_table"),
        (b"a,b\n1,\x002\n", "not_a_table"),
        (b'a,b\n1,"2\n3,4\n', "not_a_table"),
        (b'a,"b\n1,2\n', "not_a_table"),
        (b"a,b\n1," + b"x" * (1 << 20) + b"x\n", "too_large"),
        (b'a,b\n1,5" pipe\n2,"' + b"x" * (1 << 20) + b'x"\n', "too_large"),
        (b"a,b\n1," + "å".encode() * (1 << 19) + b"x\n", "too_large"),
        (b'a,b\n1,5" pipe\n2,' + "å".encode() * (1 << 19) + b"x\n", "too_large"),
        (b'a,b\n1,"' + b"x" * (25 << 20) + b'"\n', "too_large"),
        (b'a,b\n1,"' + b"x" * (25 << 20) + b"\n", "not_a_table"),
        (b'a,b\n1,5" pipe\n2,\0\n', "not_a_table"),
        (b'a,b\n1,5" pipe\n2,"3\n4,5\n', "not_a_table"),
        (b"\xe5,b\n1,2\n", "not_a_table"),
        (b"\n\xe5,b\n1,2\n", "not_a_table"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        _prepared(data, tmp_path)
    assert refused.value.code == code


def test_a_quote_inside_a_word_is_a_letter(tmp_path: Path) -> None:
    found = _prepared(b'a,b\n1,5" pipe\n\n2,"x ""y"""\n', tmp_path)
    assert _rows_in_engine(found) == [("1", '5" pipe'), (None, None), ("2", 'x "y"')]
    assert _odd(found) == {3: ""}


def test_bad_bytes_spoil_their_own_value_only(tmp_path: Path) -> None:
    found = _prepared(b"a,b\n1,\xe5\n2,\xc3\xa5\n", tmp_path)
    assert _rows_in_engine(found) == [("1", "\\xe5"), ("2", "å")]
    assert found.odd is not None
    assert found.odd.read_text() == "2,1,not_text\n"
    assert found.unreadable is None


def test_windows_1252_is_read_and_its_gaps_are_not_text(tmp_path: Path) -> None:
    dialect = Dialect(";", ("utf-8-sig", "cp1252"))
    path = tmp_path / "export.csv"
    path.write_bytes("namn;ort\nÅsa;Malmö\n".encode("cp1252") + b"\x81;x\n")
    found = prepare(path, dialect, tmp_path, "export")
    assert found.header == ("namn", "ort")
    assert _odd(found) == {3: "not_text"}


def test_a_single_column_keeps_its_empty_lines(tmp_path: Path) -> None:
    found = _prepared(b"a\n1\n\n2\n", tmp_path)
    assert found.records == 3
    assert _odd(found) == {3: ""}


def test_a_field_of_exactly_one_mebibyte_is_read(tmp_path: Path) -> None:
    found = _prepared(b"a,b\n1," + b"\xc3\xa5" * (1 << 19) + b"\n2,3\n", tmp_path)
    assert [len(row[1] or "") for row in _rows_in_engine(found)] == [1 << 19, 1]


@pytest.mark.parametrize(
    ("data", "rows", "odd"),
    [
        (b"a,b\r\n1,2\n3,4\r\n", [("1", "2"), ("3", "4")], {}),
        (b"a,b\n1,2\n3,4\r\n", [("1", "2"), ("3", "4")], {}),
        (b"a,b\r\n1,2\r\n3,4\n", [("1", "2"), ("3", "4")], {}),
        (b"a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")], {}),
        (b"a,b\r1,2\r3,4", [("1", "2"), ("3", "4")], {}),
        (b"a\n1\n\n\n", [("1",), (None,), (None,)], {3: "", 4: ""}),
        (b"a,b\n\n\n1,2\n\n", [(None, None), (None, None), ("1", "2"), (None, None)],
         {2: "", 3: "", 5: ""}),
        (b'"a","b"\n"1","2"\n', [("1", "2")], {}),
        (b'\xef\xbb\xbf"a",b\r\n"1","2"', [("1", "2")], {}),
        (b"a,b\n", [], {}),
        (b"a,b", [], {}),
    ],
)  # fmt: skip
def test_line_ends_and_blank_lines(tmp_path: Path, data: bytes, rows, odd) -> None:
    found = _prepared(data, tmp_path)
    assert (_rows_in_engine(found), found.records, _odd(found)) == (rows, len(rows), odd)


@pytest.mark.parametrize(("data", "row"), [(b"\n\na,b\n1,2\n", 3), (b'\r\n"a","b"\r\n1,2\r\n', 2)])
def test_blank_lines_before_the_header_count(tmp_path: Path, data: bytes, row: int) -> None:
    found = _prepared(data, tmp_path)
    assert (_rows_in_engine(found), found.header) == ([("1", "2")], ("a", "b"))
    assert found.header_row == row


@settings(deadline=None)
@given(
    data=st.lists(
        st.sampled_from([b"a", b",", b",", b'"', b'"', b"\n", b"\r\n", b"\xe5", b" "]), max_size=30
    ).map(b"".join),
    block=st.integers(1, 40),
)
def test_any_bytes_are_read_or_refused_whole(data: bytes, block: int) -> None:
    """Never a row more or less than there are records, whatever stands in the file."""
    whole, delimited._BLOCK = delimited._BLOCK, block
    try:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = _prepared(b"a,b\n" + data, Path(folder))
            except FileRefused as refused:
                assert refused.code == "not_a_table"
                assert data.count(b'"') % 2 or b'"' in data
                return
            read = _rows_in_engine(found)
    finally:
        delimited._BLOCK = whole
    assert found.records == len(read)
    assert all(len(row) == 2 for row in read)


@pytest.mark.parametrize(
    "text",
    [
        "Namn\tÅr\r\nx\ty\r\n",
        "\r\n\r\nNamn\tÅr\r\nx\ty\r\n",
        "Namn\tÅr\rx\ty\r",
        '"Namn"\t"År"\nx\ty\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_header_is_seen_in_its_own_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    dialect = Dialect("\t", ("utf-8-sig", "cp1252"))
    path = tmp_path / "export.txt"
    path.write_bytes(text.encode(encoding))
    assert head(path, dialect) == ("Namn", "År")
    assert prepare(path, dialect, tmp_path, "export").header == ("Namn", "År")


@given(
    rows=st.lists(st.lists(st.text(alphabet=' \t\u00a0a,"', max_size=4), min_size=2, max_size=2)),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    newline=NEWLINE,
)
def test_space_around_a_value_is_never_overlooked(rows, quoting, newline) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=newline).writerows([["a", "b"], *rows])
    loose = any(value != value.strip(" \t\u00a0") for row in rows for value in row)
    with tempfile.TemporaryDirectory() as folder:
        found = _prepared(text.getvalue().encode(), Path(folder))
    assert found.padded or not loose


def test_space_inside_a_value_asks_for_no_trimming(tmp_path: Path) -> None:
    found = _prepared('a,b\n1 2,"x, y""z å"\r\n'.replace("\r", "").encode(), tmp_path)
    assert not found.padded
