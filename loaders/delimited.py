"""Delimited text made safe to read in parallel: where records end, and which cannot be read.

A file that is regular (RFC 4180, UTF-8, as many fields in each record as the header has) is
read as it lies. Anything else gets a mended copy in which each record that cannot be laid in
columns is an empty one in the same place, so that the n-th record is the n-th row all along.
Boundaries are found on whole blocks of bytes; memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, Self

from graph_service.errors import FileRefused
from loaders.header import Dialect, column_names, read_header
from loaders.record_bounds import (
    LARGEST_FIELD,
    IrregularError,
    Records,
    check_size,
    is_text,
    size_bound,
    with_bytes_escaped,
)

_BLOCK: Final = 8 << 20


@dataclass(slots=True)
class Delimited:
    """A delimited file that an engine can read in parallel.

    `path` is UTF-8, regular, with the header as record number `header_row` (1 unless empty
    lines stand before it). `odd` lists records that are no rows, as CSV lines of
    row, column number (or empty) and code; an empty code is an empty line. Bytes that are no text
    stand escaped in their value. `unreadable` holds the records that cannot be laid in columns,
    as lines of row, code and the record escaped. `longest` is the longest record in bytes.
    """

    path: Path
    header: tuple[str, ...]
    header_row: int = 1
    records: int = 0
    longest: int = 0
    padded: bool = False
    odd: Path | None = None
    unreadable: Path | None = None
    encoding: str = "utf-8"


@dataclass(slots=True)
class _Notes:
    """Odd records met so far, written out as they come so that memory stays flat."""

    folder: Path
    name: str
    _odd: io.TextIOWrapper | None = field(default=None, repr=False)
    _raw: io.TextIOWrapper | None = field(default=None, repr=False)

    def note(self, row: int, column: int | None, code: str, record: bytes = b"") -> None:
        if self._odd is None:
            self._odd = (self.folder / f"{self.name}.odd").open("w", encoding="ascii")
        self._odd.write(f"{row},{'' if column is None else column},{code}\n")
        if code == "wrong_column_count":
            if self._raw is None:
                self._raw = (self.folder / f"{self.name}.unreadable").open("w", encoding="ascii")
            self._raw.write(f"{row}\t{code}\t{_escaped(record)}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> tuple[Path | None, Path | None]:
        paths = []
        for stream in (self._odd, self._raw):
            if stream is not None:
                stream.close()
            paths.append(None if stream is None else Path(stream.name))
        return paths[0], paths[1]


def _escaped(record: bytes) -> str:
    return record.rstrip(b"\r\n").decode("latin-1").encode("unicode_escape").decode("ascii")


def prepare(path: Path, dialect: Dialect, folder: Path, name: str) -> Delimited:
    """Make `path` readable; copies and notes are written to `folder` under `name`.

    Raises `FileRefused`: `empty_file`, `not_a_table`, `too_large`.
    """
    encoding = encoding_of(path, dialect)
    source = path if encoding == "utf-8" else _transcoded(path, encoding, folder / f"{name}.utf8")
    try:
        return _scan(source, dialect.delimiter, folder, name, encoding)
    except IrregularError:
        return _reread(source, dialect.delimiter, folder, name, encoding)


def encoding_of(path: Path, dialect: Dialect) -> str:
    """The first of the dialect's encodings in which every byte can be read, else the last."""
    if len(dialect.encodings) == 1:
        return dialect.encodings[0].removesuffix("-sig")
    for encoding in dialect.encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    if not block.isascii():
                        decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding.removesuffix("-sig")
    return dialect.encodings[-1].removesuffix("-sig")


def _transcoded(path: Path, encoding: str, target: Path) -> Path:
    """A UTF-8 copy; a byte that the encoding does not have becomes one that UTF-8 does not."""
    with path.open("rb") as source, target.open("wb") as copy:
        while block := source.read(_BLOCK):
            text = block.decode(encoding, errors="surrogateescape")
            copy.write(text.encode("utf-8", errors="surrogateescape"))
    return target


def _blocks(stream: BinaryIO, newline: bytes) -> Iterator[tuple[bytes, bool]]:
    """Blocks of bytes, the last one marked and ended by a newline."""
    block = stream.read(_BLOCK)
    while block:
        following = stream.read(_BLOCK)
        last = not following
        if last and not block.endswith(b"\n"):
            block += newline
        yield block, last
        block = following


def _scan(path: Path, delimiter: str, folder: Path, name: str, encoding: str) -> Delimited:
    with path.open("rb") as stream, _Notes(folder, name) as notes, ExitStack() as stack:
        copy: BinaryIO | None = None
        header_row, header, begin = read_header(stream, delimiter)
        found = Delimited(path, header, header_row, encoding=encoding)
        newline = _newline_before(stream, begin)
        rest, taken, newlines = b"", begin, {newline == b"\r\n"}
        for block, last in _blocks(stream, newline):
            part = Records(rest + block, delimiter, len(header), last=last)
            rest = part.rest
            if len(rest) > (len(header) + 1) * LARGEST_FIELD:
                _refuse_open_quote(stream, header_row + found.records + 1)
            newlines |= part.newlines
            if len(newlines) > 1:
                raise IrregularError
            mended = part.mend(header_row + found.records, notes.note)
            if mended is not None and copy is None:
                copy = stack.enter_context((folder / f"{name}.mended").open("wb"))
                _copy_start(path, copy, taken)
            if copy is not None:
                copy.write(part.text if mended is None else mended)
            taken += len(part.text)
            found.records += len(part.ends)
            # A byte that is no text is four when it is escaped.
            found.longest = max(found.longest, part.longest * (1 if mended is None else 4))
            found.padded = found.padded or part.padded
        found.odd, found.unreadable = notes.close()
    if copy is not None:
        found.path = Path(copy.name)
    return found


def _newline_before(stream: BinaryIO, begin: int) -> bytes:
    stream.seek(max(0, begin - 2))
    before = stream.read(2)
    stream.seek(begin)
    return b"\r\n" if before == b"\r\n" else b"\n"


def _refuse_open_quote(stream: BinaryIO, row: int) -> NoReturn:
    """A quote has been open for longer than any field may be: does it close at all?"""
    closes = any(b'"' in block for block in iter(lambda: stream.read(_BLOCK), b""))
    raise FileRefused("too_large" if closes else "not_a_table", f"row {row}")


def _copy_start(path: Path, copy: BinaryIO, size: int) -> None:
    with path.open("rb") as stream:
        while size > 0 and (block := stream.read(min(size, _BLOCK))):
            copy.write(block)
            size -= len(block)


_LAST: Final = "\u0003 the end \u0003"


def _reread(path: Path, delimiter: str, folder: Path, name: str, encoding: str) -> Delimited:
    """Read a file whose quotes or line ends are odd, record by record, and write it out regular.

    A quote inside an unquoted field is a letter like any other, as spreadsheets have it.
    """
    target = folder / f"{name}.mended"
    with (
        path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as copy,
        _Notes(folder, name) as notes,
    ):
        # The csv module quotes a line end only where its own line ends hold it.
        writer = csv.writer(copy, delimiter=delimiter, lineterminator="\r\n")
        # A quote that is still open at the end swallows this last record: that is how it shows.
        lines = chain(_without_nul(source), ["\n", f'"{_LAST}"\n'])
        rows = enumerate(csv.reader(lines, delimiter=delimiter), start=1)
        row, values = 0, list[str]()
        try:
            header_row, values = next((row, names) for row, names in rows if any(names))
            header = column_names(values)
            if not all(map(is_text, header)):
                raise FileRefused("not_a_table", f"row {header_row}")
            found = Delimited(target, header, header_row, padded=True, encoding=encoding)
            copy.write("\r\n" * header_row)
            held: list[tuple[int, list[str]]] = []
            for row, values in rows:
                held.append((row, values))
                if len(held) > 2:
                    number, record = held.pop(0)
                    found.longest = max(found.longest, size_bound(record))
                    _write_row(number, record, len(header), writer, notes)
                    found.records += 1
        except csv.Error as error:
            raise FileRefused("too_large", f"row {row + 1}") from error
        # Of the two records still held, the first is the empty line put before the mark.
        if values != [_LAST]:
            raise FileRefused("not_a_table", f"row {row}")
        found.odd, found.unreadable = notes.close()
    return found


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if "\0" in line:
            raise FileRefused("not_a_table", "NUL")
        yield line


def _write_row(row: int, values: list[str], width: int, writer: Any, notes: _Notes) -> None:
    if not values:
        notes.note(row, None, "")
    elif len(values) != width:
        record = "\u241f".join(values).encode("utf-8", errors="surrogateescape")
        notes.note(row, None, "wrong_column_count", record)
    else:
        for column, value in enumerate(values):
            check_size(value)
            if not is_text(value):
                notes.note(row, column, "not_text")
                values[column] = with_bytes_escaped(value)
        writer.writerow(values)
        return
    writer.writerow([""] * width)
