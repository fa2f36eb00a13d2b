"""The header of a delimited file: its names, its row, and where the records begin."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from graph_service.errors import FileRefused
from loaders.record_bounds import LARGEST_FIELD, IrregularError

_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited file is written. The first encoding that fits the whole file is its own."""

    delimiter: str = ","
    encodings: tuple[str, ...] = ("utf-8",)


def head(path: Path, dialect: Dialect) -> tuple[str, ...]:
    """The header of a file, or nothing where it has none. For telling rooms apart."""
    try:
        with path.open("rb") as stream:
            start = stream.read(LARGEST_FIELD)
            stream.seek(0)
            try:
                _, header, _ = read_header(stream, dialect.delimiter, dialect.encodings)
                return header
            except IrregularError:
                text = _decoded(start, dialect.encodings).removeprefix("\ufeff")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter)
        return next((column_names(row) for row in rows if any(row)), ())
    except (FileRefused, csv.Error):
        return ()


def _decoded(text: bytes, encodings: Sequence[str]) -> str:
    """Text in the first of the encodings that fits it, else with what does not fit replaced."""
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return text.decode(encoding)
    return text.decode(encodings[-1], errors="replace")


def column_names(record: Sequence[str]) -> tuple[str, ...]:
    """The fields of a header as names, trimmed like any value."""
    return tuple(name.strip(" \t\u00a0") for name in record)


def read_header(
    stream: BinaryIO, delimiter: str, encodings: Sequence[str] = ()
) -> tuple[int, tuple[str, ...], int]:
    """The header's row and names, and where the records begin; UTF-8 unless told otherwise."""
    start = stream.read(4)
    if start[:2] in _UTF16_MARKS:
        raise FileRefused("not_a_table", "UTF-16")
    mark = 3 if start[:3] == codecs.BOM_UTF8 else 0
    stream.seek(mark)
    row = 0
    while line := _whole_line(stream, row + 1):
        row += 1
        if not line.strip():
            continue
        if row > 1 or any(end in line.removesuffix(b"\n").removesuffix(b"\r") for end in b"\r\n"):
            raise IrregularError
        try:
            text = _decoded(line, encodings) if encodings else line.decode()
        except UnicodeDecodeError as error:
            raise FileRefused("not_a_table", f"row {row}") from error
        names = next(csv.reader([text], delimiter=delimiter))
        return row, column_names(names), stream.tell()
    raise FileRefused("empty_file")


def _whole_line(stream: BinaryIO, row: int) -> bytes:
    """The next line, with those that its quotes reach over."""
    line = stream.readline(LARGEST_FIELD + 1)
    while line.count(b'"') % 2:
        more = stream.readline(LARGEST_FIELD + 1)
        if not more:
            raise FileRefused("not_a_table", f"row {row}")
        line += more
        if len(line) > LARGEST_FIELD:
            break
    if b"\0" in line:
        raise FileRefused("not_a_table", "NUL")
    if b"\r" in line.rstrip(b"\r\n"):
        raise IrregularError
    if len(line) > LARGEST_FIELD:
        raise FileRefused("too_large", f"row {row}")
    return line
