"""The lines of a delivered file that rows of the lake were made of, and what each field became.

A file is met as when it was loaded: by the room that read it, in its encoding, with its delimiter.
Where that cannot be had again, or a record is no line of its own, no line is cut.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from graph_service.errors import FileRefused
from graph_service.evidence.lines.cutting import Cut, Field, Lines, NoLines, Told, Why
from graph_service.keeping.redaction import Form, Source
from graph_service.records import DROPPED_COLUMNS, TABLES
from loaders.checks import SPACE
from loaders.decode import CANONICAL, REJECT_COLUMNS, delimiter_of
from loaders.delimited import encoding_of
from loaders.document import DocumentRoom
from loaders.header import Dialect, column_names
from loaders.mapping import Mapping
from loaders.mapping.rules import Cell, Rule
from loaders.mapping.telling import told_by
from loaders.record_places import Record, records
from loaders.rooms import that_read

#: Of the values of a record, which columns each tells: those made of it alone, and with others.
_Teller: TypeAlias = Callable[[Sequence[str]], Sequence[tuple[Sequence[Told], Sequence[Told]]]]


def cut(source: Source, asked: Collection[tuple[str, int]]) -> Lines | NoLines:
    """The lines of a file (see `evidence.cutting.Cutter`)."""
    if source.form is Form.REBUILT:
        return NoLines(Why.REBUILT)
    receipt = source.receipts[0]
    room = that_read(receipt.source, receipt.mapping)
    if room is None:
        return NoLines(Why.MAPPING)
    if room.parser is not None:
        return NoLines(Why.DOCUMENT, _places(room.parser, source.path, asked))
    ending = Path(source.name).suffix.lower()
    if room.mapping is None and ending == ".xlsx":
        return NoLines(Why.WORKBOOK, {(table, row): f"{table}!{row}" for table, row in asked})
    if room.mapping is None and ending == ".parquet":
        return NoLines(Why.PARQUET)
    dialect = CANONICAL
    if room.mapping is not None:
        delimiter = delimiter_of(room.mapping, source.path)
        dialect = Dialect(delimiter, room.mapping.dialect.encodings)
    encoding = encoding_of(source.path, dialect)
    if not _is_plain(encoding, dialect.delimiter):
        return NoLines(Why.ENCODING)
    return _lines(source.path, dialect, encoding, room.mapping, asked)


def _places(
    parser: DocumentRoom, path: Path, asked: Collection[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    """Where the records stand in a nested document."""
    wanted = frozenset(asked)
    try:
        found = parser.read(path, counted=Counter())
        return {at: row.path for row in found if (at := (row.table, row.row)) in wanted}
    except FileRefused:
        return {}


@cache
def _is_plain(encoding: str, delimiter: str) -> bool:
    """Whether a byte below 128 is ASCII's letter, whatever stands before it: so ends are found.

    So it is in UTF-8, and where each byte is a letter.
    """
    if not delimiter.isascii():
        return False
    if codecs.lookup(encoding).name in ("utf-8", "ascii"):
        return True
    try:
        letters = bytes(range(256)).decode(encoding, errors="replace")
    except UnicodeError:
        return False
    one_by_one = [bytes((byte,)).decode(encoding, errors="replace") for byte in range(256)]
    return (
        list(letters) == one_by_one
        and letters[:128] == bytes(range(128)).decode("ascii")
        and set(letters[128:]) != {"\ufffd"}
    )


def _lines(
    path: Path,
    dialect: Dialect,
    encoding: str,
    mapping: Mapping | None,
    asked: Collection[tuple[str, int]],
) -> Lines:
    found = records(path, dialect.delimiter, [row for _, row in asked])
    header = _parts(_text(next(found), encoding), dialect.delimiter)
    names = column_names([value for _, value in header])
    tables = sorted({table for table, _ in asked})
    known, teller = _contract(names, tables) if mapping is None else _mapped(mapping, names, tables)
    reading = _Reading(dialect.delimiter, encoding, names, teller)
    return Lines(
        encoding,
        dialect.delimiter,
        tuple(text for text, _ in header),
        tuple(name if name in known or not name else None for name in names),
        reading.cuts(found),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the records of one file are read, field by field."""

    delimiter: str
    encoding: str
    names: Sequence[str]
    teller: _Teller

    def cuts(self, found: Iterator[Record]) -> Iterator[Cut]:
        """Each record as far as the file can be read."""
        try:
            for record in found:
                fields = self._fields(_text(record, self.encoding))
                yield Cut(record.row, record.first_byte, record.content, fields)
        except FileRefused:
            return

    def _fields(self, text: str) -> tuple[Field, ...] | None:
        parts = _parts(text, self.delimiter)
        if not text or len(parts) != len(self.names):
            return None
        told = self.teller([value for _, value in parts])
        return tuple(
            Field(text, value, tuple(alone), tuple(part), padding=not (name or value))
            for name, (text, value), (alone, part) in zip(self.names, parts, told, strict=True)
        )


def _text(record: Record, encoding: str) -> str:
    """A record's text; a byte that the encoding does not have is a lone surrogate."""
    return record.content.decode(encoding, errors="surrogateescape")


@cache
def _field_pattern(delimiter: str) -> re.Pattern[str]:
    """One field as RFC 4180 has it, and the csv module: a quote opens it or is a letter."""
    other = f"[^{re.escape(delimiter)}]*"
    return re.compile(f'"(?:[^"]++|"")*+"{other}|{other}')


def _parts(text: str, delimiter: str) -> list[tuple[str, str]]:
    """Each field of a record as it stands, and its value; none where the two do not agree."""
    pattern, stands, at = _field_pattern(delimiter), list[str](), 0
    while at <= len(text):
        found = pattern.match(text, at)
        assert found is not None  # noqa: S101 - an empty field matches
        stands.append(found[0])
        at = found.end() + 1
    values = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    return list(zip(stands, values, strict=True)) if len(stands) == len(values) else []


def _contract(names: Sequence[str], tables: Sequence[str]) -> tuple[frozenset[str], _Teller]:
    """A file of the contract: a column is its namesake."""
    told: list[tuple[list[Told], list[Told]]] = [
        ([(t, name) for t in tables if name in TABLES[t].names], []) for name in names
    ]
    of_tables = (name for table in tables for name in TABLES[table].names)
    return frozenset({*of_tables, *DROPPED_COLUMNS, *REJECT_COLUMNS}), lambda _: told


def _mapped(
    mapping: Mapping, names: Sequence[str], tables: Sequence[str]
) -> tuple[frozenset[str], _Teller]:
    """A file that a mapping reads: a column is what the rules make of it, row by row."""
    header = [name for name in names if name and name not in REJECT_COLUMNS]
    dropped = mapping.dropped(header)
    shown = [name for name in header if name not in dropped]
    rules: list[tuple[Told, Rule, dict[Cell, int]]] = [
        ((table, target.column), target.rule, {c: names.index(name) for c, name in cells.items()})
        for table in tables
        for target, cells in mapping.targets(table, shown)
    ]
    read = {names[place] for _, _, cells in rules for place in cells.values()}

    def teller(values: Sequence[str]) -> list[tuple[list[Told], list[Told]]]:
        told: list[tuple[list[Told], list[Told]]] = [([], []) for _ in names]
        for column, rule, cells in rules:
            texts = {cell: values[place].strip(SPACE) for cell, place in cells.items()}
            for cell, is_alone in told_by(rule, texts):
                told[cells[cell]][0 if is_alone else 1].append(column)
            for cell, place in cells.items():
                if not texts[cell]:
                    told[place][1].append(column)  # which says that there is nothing
        return told

    return frozenset({*read, *dropped, *REJECT_COLUMNS}), teller
