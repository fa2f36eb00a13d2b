"""What a cutter gives: the lines of a delivered file that rows were made of, field by field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from graph_service.keeping.redaction import Source

#: A column of the contract, by its table.
Told: TypeAlias = tuple[str, str]


class Why(StrEnum):
    """Why a row has no line."""

    WORKBOOK = "workbook"
    PARQUET = "parquet"
    DOCUMENT = "document"
    REBUILT = "rebuilt"  # records stand for the file since an erasure, and no lines
    ERASED = "erased"
    MISSING = "missing"
    DAMAGED = "damaged"  # the bytes have not the hash that they were taken in by
    MAPPING = "mapping"  # what read the file is not there, or says something else now
    ENCODING = "encoding"
    CHANGED = "changed"  # what stands in the row's place is not what it was made of


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line: `text` as it stands, quotes and all, and the `value` that it has.

    `alone` are columns that were made of this field and no other, `part` those of this and others:
    only such as tell what the field says. An empty field of a column without a name is `padding`.
    """

    text: str
    value: str
    alone: tuple[Told, ...] = ()
    part: tuple[Told, ...] = ()
    padding: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The bytes of one record, its line end apart. `fields` joined by the delimiter are its text;
    None where it is no record of the file's columns.
    """

    row: int
    first_byte: int
    content: bytes
    fields: tuple[Field, ...] | None


@dataclass(frozen=True, slots=True)
class Lines:
    """A delimited file: `header` as it stands, `names` the columns that a source is known to
    have, None for any other. `cuts` come once, in the order of their rows.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    names: tuple[str | None, ...]
    cuts: Iterator[Cut]


@dataclass(frozen=True, slots=True)
class NoLines:
    """A file that has no lines to cut; `places` say where its records stand, by table and row."""

    why: Why
    places: Mapping[tuple[str, int], str] = field(default_factory=dict)


class Cutter(Protocol):
    """Knows the formats; the loaders are one."""

    def __call__(self, source: Source, asked: Collection[tuple[str, int]]) -> Lines | NoLines:
        """The lines of the rows asked for (table, row); the receipts are all of one reading."""
        ...
