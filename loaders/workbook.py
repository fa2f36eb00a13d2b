"""Workbooks: a sheet a table, read row by row, each cell as the text the contract would have."""

from __future__ import annotations

import csv
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from graph_service.errors import FileRefused
from graph_service.records import TABLES, Kind, Table
from loaders.delimited import Delimited
from loaders.record_bounds import check_size, size_bound

#: An archive may unpack to at most this (records contract, `too_large`).
LARGEST_ARCHIVE: Final = 4 << 30
LARGEST_RATIO: Final = 100
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: An error cell in a column of any other kind is refused by what it reads: #N/A is no date.
_ERROR_CODES: Final = {
    Kind.ID: "bad_identifier",
    **dict.fromkeys(
        (Kind.TEXT, Kind.PHONE, Kind.EMAIL, Kind.IP, Kind.POSTCODE, Kind.INDUSTRY), "not_text"
    ),
}
#: What the libraries raise over an archive that is cut or damaged inside.
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    SyntaxError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


def check_archive(path: Path) -> None:
    """Refuse an archive that is cut, encrypted, swollen, or holds XML with a document type."""
    with path.open("rb") as stream:
        mark = stream.read(8)
    if mark == _OLE:
        raise FileRefused("unreadable_archive", "OLE")
    if not mark.startswith(b"PK"):
        raise FileRefused("not_a_table")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            packed = max(1, sum(part.compress_size for part in parts))
            if unpacked > LARGEST_ARCHIVE or unpacked > LARGEST_RATIO * packed:
                raise FileRefused("too_large", "archive")
            if any(part.flag_bits & 1 for part in parts):
                raise FileRefused("unreadable_archive", "encrypted")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as stream:
                        if b"<!DOCTYPE" in stream.read(4096):
                            raise FileRefused("unsafe_xml", part.filename)
            if "[Content_Types].xml" not in archive.namelist():
                raise FileRefused("not_a_table", "ZIP")
    except _BROKEN as error:
        raise FileRefused("unreadable_archive") from error


def sheets(path: Path, folder: Path, name: str) -> Iterator[tuple[str, Delimited | FileRefused]]:
    """Each sheet's name with its rows as a prepared file, or why it is refused.

    Raises `FileRefused`: `not_a_table`, `unreadable_archive`, `too_large`, `unsafe_xml`, or
    `empty_file` where no sheet holds anything.
    """
    check_archive(path)
    found = False
    # The library judges a path by its ending, which a snapshot does not have.
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")  # its warnings quote cells
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            for number, sheet in enumerate(book.worksheets):
                sheet.reset_dimensions()  # what a sheet says of its own size is often wrong
                title = sheet.title.strip()
                prepared = _prepared(title, number, sheet.iter_rows(), folder / f"{name}-{number}")
                if prepared is not None:
                    found = True
                    yield title, prepared
        except _BROKEN as error:
            raise FileRefused("unreadable_archive") from error
    if not found:
        raise FileRefused("empty_file")


def _prepared(
    title: str, number: int, rows: Iterator[tuple[Any, ...]], target: Path
) -> Delimited | FileRefused | None:
    """One sheet; nothing where it is empty and named after no table."""
    try:
        if title in TABLES:
            return _sheet(TABLES[title], rows, target)
        if any(cell.value is not None for row in rows for cell in row):
            raise FileRefused("unknown_source", f"sheet {number + 1}")
    except FileRefused as refused:
        return refused
    return None


def _sheet(table: Table, rows: Iterator[tuple[Any, ...]], target: Path) -> Delimited:
    numbered = enumerate(rows, start=1)
    header_row, header = next(
        ((row, names) for row, cells in numbered if (names := _names(cells))), (0, [])
    )
    if not header:
        raise FileRefused("empty_file", table.name)
    kinds = [table[name].kind if name in table.names else None for name in header]
    found = Delimited(target.with_suffix(".csv"), tuple(header), header_row, padded=True)
    found.odd, found.unreadable = target.with_suffix(".odd"), target.with_suffix(".unreadable")
    with ExitStack() as stack:
        copy, odd, unreadable = (
            stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            for path in (found.path, found.odd, found.unreadable)
        )
        copy.write("\r\n" * header_row)
        writer = csv.writer(copy, lineterminator="\r\n")
        for row, cells in numbered:
            values = _values(row, cells, kinds, odd, unreadable)
            writer.writerow(values)
            found.records += 1
            found.longest = max(found.longest, size_bound(values))
    return found


def _names(cells: tuple[Any, ...]) -> list[str]:
    names = [_text(cell, None).strip(" \t\u00a0") for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _values(
    row: int, cells: tuple[Any, ...], kinds: list[Kind | None], odd: TextIO, unreadable: TextIO
) -> list[str]:
    width = len(kinds)
    if all(cell.value is None for cell in cells):
        odd.write(f"{row},,\n")
        return [""] * width
    if any(cell.value is not None for cell in cells[width:]):
        odd.write(f"{row},,wrong_column_count\n")
        record = "\u241f".join(_text(cell, None) for cell in cells)
        escaped = record.encode("unicode_escape").decode("ascii")
        unreadable.write(f"{row}\twrong_column_count\t{escaped}\n")
        return [""] * width
    values = [""] * width
    for column, (cell, kind) in enumerate(zip(cells, kinds, strict=False)):
        if cell.value is None:
            continue
        if cell.data_type == "e" and kind in _ERROR_CODES:
            odd.write(f"{row},{column},{_ERROR_CODES[kind]}\n")
        values[column] = _text(cell, kind)
        check_size(values[column])
    return values


def _text(cell: Any, kind: Kind | None) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        midnight = value.time() == time()
        if midnight and kind is not Kind.TIMESTAMP:
            return value.date().isoformat()
        # A serial number holds a time to about a hundredth of a second.
        rounded = value + timedelta(microseconds=500)
        return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        # Spreadsheets keep fifteen digits; the rest is noise of the binary form.
        return format(Decimal(f"{value:.15g}"), "f")
    return str(value)
