"""The SQL that carries out a mapping's rules; every part of it is a closed declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from graph_service.engines.known import literal, quoted
from graph_service.records import TABLES
from loaders.mapping.phrases import among, begins_with_word, trimmed
from loaders.mapping.readings import UNREADABLE, Readings
from loaders.mapping.rules import (
    Cell,
    Constant,
    First,
    Join,
    Key,
    Later,
    Moment,
    Reading,
    Rule,
    Target,
    afters_of,
    cells_of,
)

#: A longer length than a year is no length of a visit, and would overflow.
_LONGEST_S: Final = 366 * 86_400
_ZONE: Final = "'Europe/Stockholm'"
_STAMP: Final = "'%Y-%m-%d %H:%M:%S.%f'"


@dataclass(frozen=True, slots=True)
class Expressions:
    """Makes the SQL of a rule.

    `cells` give the name of the trimmed column behind each cell, `columns` the name of each
    contract column that other rules may reckon from.
    """

    readings: Readings
    cells: Mapping[Cell, str]
    columns: Mapping[str, str]

    def rule(self, rule: Rule) -> str:
        """The value of a rule, as text or null."""
        match rule:
            case Constant(text):
                sql = literal(text)
            case Cell():
                sql = self.cell(rule)
            case Join(parts):
                sql = f"({' || '.join(self.rule(part) for part in parts)})"
            case Key():
                sql = self.key(rule)
            case Moment():
                sql = self._or_halves(self.moment(rule), [rule])
            case Later():
                sql = self.later(rule)
            case First(rules):
                values = (
                    self.moment(part) if isinstance(part, Moment) else self.rule(part)
                    for part in rules
                )
                sql = self._or_halves(", ".join(values), rules)
        return sql

    def _or_halves(self, values: str, rules: Sequence[Rule]) -> str:
        """The first value; a time without its day stays, since half a timestamp is a fault."""
        halves = [
            f"{literal(UNREADABLE)} || {self.cells[half]}"
            for rule in rules
            if isinstance(rule, Moment) and (half := rule.time or rule.minutes) is not None
        ]
        return f"coalesce({', '.join([values, *halves])})"

    def cell(self, cell: Cell) -> str:
        """A cell with its words looked up, else read, then prefixed."""
        text = self.cells[cell]
        value = self.readings.read(text, cell.reading)
        if cell.otherwise is not None:
            value = f"CASE WHEN {text} IS NOT NULL THEN {literal(cell.otherwise)} END"
        if cell.words:
            cases = " ".join(
                f"WHEN lower({literal(word)}) THEN nullif({literal(meaning)}, '')"
                for word, meaning in cell.words
            )
            value = f"CASE lower({text}) {cases} ELSE {value} END"
        return f"({literal(cell.prefix)} || {value})" if cell.prefix else value

    def key(self, key: Key) -> str:
        """A text that only equal cells share: parts are escaped, or counted and digested."""
        texts = [self.cells[cell] for cell in key.cells]
        if key.readable:
            value = " || '/' || ".join(
                f"replace(replace(coalesce({text}, ''), '%', '%25'), '/', '%2F')" for text in texts
            )
        else:
            counted = " || ".join(
                f"coalesce(length({text})::VARCHAR || ':' || {text}, '-')" for text in texts
            )
            value = f"left(sha256({counted}), 32)"  # 128 bits: no two of a billion rows meet
        return (
            f"CASE WHEN coalesce({', '.join(texts)}) IS NOT NULL "
            f"THEN {literal(key.prefix)} || {value} END"
        )

    def moment(self, moment: Moment) -> str:
        """A local timestamp of a date and a time or minutes of the day; null without either."""
        day = (
            literal(moment.day.isoformat())
            if isinstance(moment.day, date)
            else self.readings.read(self.cells[moment.day], Reading.DATE)
        )
        if moment.minutes is not None:
            return self._minutes(day, self.cells[moment.minutes])
        assert moment.time is not None  # noqa: S101 - the reader sees to one of the two
        text = self.cells[moment.time]
        joined = self.readings.on_day(day, text)
        if moment.after is None:
            return joined
        start, end = self._local(self.columns[moment.after]), f"TRY_CAST({joined} AS TIMESTAMP)"
        return (
            f"CASE WHEN {self.readings.is_clock(text)} AND {end} < {start} "
            f"AND {end} + INTERVAL 1 DAY <= {start} + INTERVAL {moment.within} HOUR "
            f"THEN strftime({end} + INTERVAL 1 DAY, {_STAMP}) ELSE {joined} END"
        )

    def _minutes(self, day: str, text: str) -> str:
        """Minutes of a day; two days of them, since a night shift is counted on."""
        minutes = f"TRY_CAST({self.readings.number(text)} AS DECIMAL(18, 6))"
        at = (
            f"CASE WHEN {minutes} >= 0 AND {minutes} < 2880 AND {day} LIKE '____-__-__' "
            f"THEN TRY_CAST({day} AS TIMESTAMP) "
            f"+ to_microseconds(TRY_CAST({minutes} * 60000000 AS BIGINT)) END"
        )
        return (
            f"CASE WHEN {day} IS NOT NULL "
            f"THEN coalesce(strftime({at}, {_STAMP}), {literal(UNREADABLE)} || {text}) END"
        )

    def later(self, later: Later) -> str:
        """The moment a length after another column, in UTC, since a length is of real time."""
        start, text = self.columns[later.after], self.cells[later.length]
        wall = f"TRY_CAST({start} AS TIMESTAMP)"
        # The repeated hour of autumn is taken as its first; DuckDB takes the second.
        earlier = f"timezone({_ZONE}, {wall}) - INTERVAL 1 HOUR"
        instant = (
            f"CASE WHEN {_has_offset(start)} THEN TRY_CAST({start} AS TIMESTAMPTZ) "
            f"WHEN timezone({_ZONE}, {earlier}) = {wall} THEN {earlier} "
            f"ELSE timezone({_ZONE}, {wall}) END"
        )
        seconds = f"CAST({self.readings.seconds(text, later.length.reading)} AS DECIMAL(38, 6))"
        end = (
            f"CASE WHEN abs({seconds}) <= {_LONGEST_S} THEN timezone('UTC', {instant}) "
            f"+ to_microseconds(TRY_CAST({seconds} * 1000000 AS BIGINT)) END"
        )
        return (
            f"CASE WHEN {text} IS NOT NULL AND {start} IS NOT NULL "
            f"THEN coalesce(strftime({end}, {_STAMP}) || 'Z', {literal(UNREADABLE)}) END"
        )

    @staticmethod
    def _local(stamp: str) -> str:
        """A timestamp's text as Stockholm's wall clock."""
        return (
            f"CASE WHEN {_has_offset(stamp)} "
            f"THEN timezone({_ZONE}, TRY_CAST({stamp} AS TIMESTAMPTZ)) "
            f"ELSE TRY_CAST({stamp} AS TIMESTAMP) END"
        )

    def is_blank(self, rule: Rule) -> str:
        """Whether the cells that a rule needs are empty, told without making its value."""
        match rule:
            case Constant():
                sql = "false"
            case Join(parts):
                sql = " OR ".join(self.is_blank(part) for part in parts)
            case First(rules):
                sql = " AND ".join(self.is_blank(part) for part in rules)
            case Key(cells):
                sql = " AND ".join(f"{self.cells[cell]} IS NULL" for cell in cells)
            case Cell() | Moment() | Later():
                sql = " OR ".join(f"{self.cells[cell]} IS NULL" for cell in cells_of(rule))
        return f"({sql})"

    def inferred(self, rule: Rule) -> str:
        """How many identifiers of a rule's value had their century inferred; '0' for never."""
        match rule:
            case Cell(reading=Reading.PERSON | Reading.ORGANISATION):
                return self.readings.is_inferred(self.cells[rule])
            case Join(parts):
                counts = [count for part in parts if (count := self.inferred(part)) != "0"]
                return " + ".join(counts) or "0"
            case First(rules) if any(self.inferred(part) != "0" for part in rules):
                cases = " ".join(
                    f"WHEN NOT {self.is_blank(part)} THEN {self.inferred(part)}" for part in rules
                )
                return f"CASE {cases} ELSE 0 END"
            case _:
                return "0"


def _has_offset(stamp: str) -> str:
    return f"({stamp}[-1] = 'Z' OR {stamp}[-6] IN ('+', '-'))"


@dataclass(frozen=True, slots=True)
class Selection:
    """The records of one table in a source: which rows they are and what they become.

    `columns` are the header's names, `targets` the rules that they can fulfil, `skips` the
    (column, words) of rows that are no records. `padded` says that texts may have space
    around them.
    """

    table: str
    targets: Sequence[Target]
    columns: Sequence[str]
    totals: Sequence[str]
    repeated_header: bool
    skips: Sequence[tuple[str, tuple[str, ...]]]
    expressions: Expressions
    padded: bool = True

    def select(self, relation: str) -> str:
        """`_row` and each target's value, as contract text."""
        values = ", ".join(
            f"{self._value(place)} AS {quoted(target.column)}"
            for place, target in enumerate(self.targets)
        )
        return f"SELECT _row, {values} FROM ({self._mapped(relation)})"

    def inferred(self, relation: str) -> str | None:
        """One row: how many centuries were inferred in each column that can have any."""
        counts = [
            f"coalesce(sum({counted}), 0)::BIGINT AS {quoted(target.column)}"
            for target in self.targets
            if (counted := self.expressions.inferred(target.rule)) != "0"
        ]
        return f"SELECT {', '.join(counts)} FROM ({self._mapped(relation)})" if counts else None

    def _value(self, place: int) -> str:
        """Values that reckon from other columns are made last."""
        target = self.targets[place]
        return self.expressions.rule(target.rule) if _is_last(target) else f"m{place}"

    def _mapped(self, relation: str) -> str:
        """Cells `c<n>` and values `m<n>`, the last ones aside, of the rows that are records."""
        cells = "".join(
            f", {self._cell(self.columns[int(cell[1:])])} AS {cell}"
            for cell in sorted(set(self.expressions.cells.values()))
        )
        values = "".join(
            f", {self.expressions.rule(target.rule)} AS m{place}"
            for place, target in enumerate(self.targets)
            if not _is_last(target)
        )
        every = ", ".join(self._cell(name) for name in self.columns)
        raw = f"SELECT _row, coalesce({every}) AS first_cell{cells} FROM {relation}{self._kept()}"
        # A blank row is no record.
        return f"SELECT *{values} FROM ({raw}) WHERE first_cell IS NOT NULL{self._no_total()}"

    def _cell(self, name: str) -> str:
        """The text of a raw column, null when empty; trimming is for files that need it."""
        return trimmed(quoted(name)) if self.padded else f"nullif({quoted(name)}, '')"

    def _no_total(self) -> str:
        """A total row lacks what a record must have: so nothing that could be one is skipped."""
        if not self.totals:
            return ""
        lacks = " OR ".join(
            self.expressions.is_blank(target.rule)
            for target in self.targets
            if TABLES[self.table][target.column].required
        )
        total = begins_with_word("first_cell", self.totals)
        return f" AND NOT CASE WHEN {lacks or 'false'} THEN {total} ELSE false END"

    def _kept(self) -> str:
        """Conditions on raw cells that a record fulfils."""
        conditions = [
            f"NOT coalesce({among(self._cell(name), words)}, false)" for name, words in self.skips
        ]
        if self.repeated_header:
            same = [
                f"lower({self._cell(name)}) = lower({trimmed(literal(name))})"
                for name in self.columns
            ]
            others = " AND ".join(f"coalesce({test}, true)" for test in same)
            conditions.append(f"NOT CASE WHEN {same[0]} THEN {others} ELSE false END")
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _is_last(target: Target) -> bool:
    return any(afters_of(target.rule))
