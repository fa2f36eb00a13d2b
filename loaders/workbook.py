"""Workbooks: a sheet a table, read row by row, each cell as the text the contract would have."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from graph_service.errors import FileRefused
from graph_service.records import TABLES, Kind, Table
from loaders.delimited import Delimited

#: An archive may unpack to at most this (records contract, `too_large`).
LARGEST_ARCHIVE: Final = 4 << 30
LARGEST_RATIO: Final = 100
#: Small parts compress well and harm nobody; the ratio is of the whole archive.
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORDS: Final = (Kind.ID, Kind.TEXT, Kind.PHONE, Kind.EMAIL, Kind.IP, Kind.POSTCODE, Kind.INDUSTRY)


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
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise FileRefused("unreadable_archive") from error


def sheets(path: Path, folder: Path, name: str) -> Iterator[tuple[str, Delimited | FileRefused]]:
    """Each sheet's name with its rows as a prepared file, or why it is refused."""
    check_archive(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise FileRefused("unreadable_archive") from error
    try:
        for number, sheet in enumerate(book.worksheets):
            title = sheet.title.strip()
            rows = sheet.iter_rows()
            try:
                if title in TABLES:
                    yield title, _sheet(TABLES[title], rows, folder / f"{name}.{number}")
                elif any(cell.value is not None for row in rows for cell in row):
                    yield title, FileRefused("unknown_source", f"sheet {number + 1}")
            except FileRefused as refused:
                yield title, refused
            except (KeyError, ValueError, zipfile.BadZipFile, SyntaxError) as error:
                raise FileRefused("unreadable_archive") from error
    finally:
        book.close()


def _sheet(table: Table, rows: Iterator[tuple[Any, ...]], target: Path) -> Delimited:
    numbered = enumerate(rows, start=1)
    header_row, header = next(
        ((row, names) for row, cells in numbered if (names := _names(cells))), (0, [])
    )
    if not header:
        raise FileRefused("empty_file", table.name)
    kinds = [table[name].kind if name in table.names else None for name in header]
    found = Delimited(target.with_suffix(".csv"), tuple(header), header_row, padded=True)
    odd = io.StringIO()
    with found.path.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, lineterminator="\n")
        writer.writerows([[""] * len(header)] * (header_row - 1))
        writer.writerow(header)
        for row, cells in numbered:
            writer.writerow(_values(row, cells, kinds, odd))
            found.records += 1
    if odd.tell():
        found.odd = target.with_suffix(".odd")
        found.odd.write_text(odd.getvalue(), encoding="ascii")
    found.longest = 1 << 20
    return found


def _names(cells: tuple[Any, ...]) -> list[str]:
    names = [_text(cell, None).strip(" \t\u00a0") for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _values(
    row: int, cells: tuple[Any, ...], kinds: list[Kind | None], odd: io.StringIO
) -> list[str]:
    width = len(kinds)
    blank = all(cell.value is None for cell in cells)
    if blank or any(cell.value is not None for cell in cells[width:]):
        odd.write(f"{row},,{'' if blank else 'wrong_column_count'}\n")
        return [""] * width
    values = [""] * width
    for column, (cell, kind) in enumerate(zip(cells, kinds, strict=False)):
        if cell.value is None:
            continue
        if cell.data_type == "e" and kind in _WORDS:
            # An error is no text; other kinds refuse its letters by themselves.
            odd.write(f"{row},{column},not_text\n")
        values[column] = _text(cell, kind)
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
