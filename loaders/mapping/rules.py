"""What a mapping can say about one contract column, as closed declarations.

A rule is one of: a cell of the source, a constant, parts joined, a key made of cells, a
moment (a date with a time or with minutes of the day), a moment that lies a length after
another column, or the first of several rules that has a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from graph_service.records import Kind


class Reading(StrEnum):
    """How the text of a cell becomes contract text (`as` in a mapping)."""

    TEXT = "text"
    PERSON = "person"
    ORGANISATION = "organisation"
    ACCOUNT = "account"
    BANKGIRO = "bankgiro"
    PLUSGIRO = "plusgiro"
    DATE = "date"
    TIMESTAMP = "timestamp"
    NUMBER = "number"
    PERCENT = "percent"
    BOOLEAN = "boolean"
    HOURS = "hours"  # 1:30 is 1.5 and 0,45 is 0.45 of an hour
    HOURS_MINUTES = "hours_minutes"  # 1:30 and 1,30 are 1.5; 0,45 is 45 minutes
    MINUTES = "minutes"
    SECONDS = "seconds"
    DAYS = "days"  # a spreadsheet's fraction of a day


#: Readings that give a length of time, as hours.
LENGTHS: Final = frozenset(
    {Reading.HOURS, Reading.HOURS_MINUTES, Reading.MINUTES, Reading.SECONDS, Reading.DAYS}
)

#: The reading of a column that no `as` changes; other kinds are taken as text.
READINGS: Final = MappingProxyType(
    {
        Kind.PERSON: Reading.PERSON,
        Kind.ORGANISATION: Reading.ORGANISATION,
        Kind.PARTY: Reading.ORGANISATION,  # a person's number is told by its third digit
        Kind.ACCOUNT: Reading.ACCOUNT,
        Kind.DATE: Reading.DATE,
        Kind.TIMESTAMP: Reading.TIMESTAMP,
        Kind.MONEY: Reading.NUMBER,
        Kind.DECIMAL: Reading.NUMBER,
        Kind.INTEGER: Reading.NUMBER,
        Kind.BOOLEAN: Reading.BOOLEAN,
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the source, by the first of its `names` that the header has.

    `words` are looked up before the reading, without regard to case; another word becomes
    `otherwise` where that is given and is else read as it stands.
    """

    names: tuple[str, ...]
    reading: Reading = Reading.TEXT
    words: tuple[tuple[str, str], ...] = ()
    otherwise: str | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same text in every row."""

    text: str


@dataclass(frozen=True, slots=True)
class Join:
    """Parts side by side; empty when any part is empty."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A key of cells, injective: a digest, or readable text where nothing in it is personal."""

    cells: tuple[Cell, ...]
    readable: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A local date with a time, or with minutes of the day (1440 and more: the next day).

    With `after`, a time earlier than that column's is of the next day, as long as the two
    then lie no more than `within` hours apart. A time cell that holds a whole timestamp
    stands by itself.
    """

    day: Cell | date
    time: Cell | None = None
    minutes: Cell | None = None
    after: str | None = None
    within: int = 12


@dataclass(frozen=True, slots=True)
class Later:
    """The moment that lies a length of time after another column of the same row."""

    after: str
    length: Cell


@dataclass(frozen=True, slots=True)
class First:
    """The first rule that has a value, among those whose columns the file has."""

    rules: tuple[Rule, ...]


Rule: TypeAlias = Cell | Constant | Join | Key | Moment | Later | First


def cells_of(rule: Rule) -> Iterator[Cell]:
    """Every cell that a rule reads, in the order it names them."""
    match rule:
        case Cell():
            yield rule
        case Constant():
            return
        case Join(parts=rules) | First(rules=rules):
            for part in rules:
                yield from cells_of(part)
        case Key():
            yield from rule.cells
        case Moment():
            yield from (
                cell for cell in (rule.day, rule.time, rule.minutes) if isinstance(cell, Cell)
            )
        case Later():
            yield rule.length


def afters_of(rule: Rule) -> Iterator[str]:
    """The columns that a rule's value is reckoned from."""
    match rule:
        case Moment(after=str(after)) | Later(after=after):
            yield after
        case First():
            for alternative in rule.rules:
                yield from afters_of(alternative)
        case _:
            return


@dataclass(frozen=True, slots=True)
class Target:
    """One contract column and its rule; an optional one may lack its columns in a file."""

    column: str
    rule: Rule
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Rows in which a cell is one of some words are no records (of `table`, or of any)."""

    cell: Cell
    words: tuple[str, ...]
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Which rows of a source are no records and are not read.

    A total row begins with one of `totals` and lacks something that a record must have, so
    that nothing which could be a record is ever passed over.
    """

    repeated_header: bool = False
    totals: tuple[str, ...] = ()
    skips: tuple[Skip, ...] = ()
