"""Delimited text: the block reader against Python's own csv module, record by record."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import FileRefused
from loaders import delimited
from loaders.delimited import Delimited, Dialect, prepare

FIELD = st.text(alphabet=' ab,"\n\r\u00e5', max_size=5)
NEWLINE = st.sampled_from(["\n", "\r\n"])


def _prepared(data: bytes, folder: Path, dialect: Dialect | None = None) -> Delimited:
    path = folder / "given.csv"
    path.write_bytes(data)
    return prepare(path, dialect or Dialect(), folder, "given")


def _rows_in_engine(found: Delimited) -> list[tuple[str | None, ...]]:
    from loaders.decode import delimited_sql

    with Engine() as engine:
        return [tuple(row.values()) for row in engine.rows(*delimited_sql(found, ","))]


def _odd(found: Delimited) -> dict[int, str]:
    if found.odd is None:
        return {}
    lines = found.odd.read_text().splitlines()
    return {int(row): code for row, _, code in (line.split(",") for line in lines)}


@given(
    header=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
    rows=st.lists(st.lists(FIELD, min_size=1, max_size=3), max_size=8),
    newline=NEWLINE,
    ended=st.booleans(),
    block=st.integers(1, 40),
)
@example(header=["a", "b"], rows=[["x", "y"], ["z"]], newline="\r\n", ended=False, block=3)
def test_every_record_is_a_row_or_odd_at_its_place(header, rows, newline, ended, block) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=newline).writerows([header, *rows])
    data = text.getvalue().encode()
    data = data if ended else data.removesuffix(newline.encode())
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
    assert _rows_in_engine(found) == [("1", None), ("2", "å")]
    assert found.odd is not None
    assert found.odd.read_text() == "2,1,not_text\n"
    assert found.unreadable is not None
    assert "\\xe5" in found.unreadable.read_text()


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
