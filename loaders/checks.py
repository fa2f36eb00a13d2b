"""SQL that checks and types a table's text columns, made from its declaration.

The one place where the record contract's rules for values become SQL. Input is a query whose
columns are the contract's names as text; output is the same rows, in the same order, with
stored types, `_faults` (column and code of each reason found, or NULL) and `_ambiguous`
(how many local times fell in the repeated hour).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, partial
from typing import Final

import pycountry

from graph_service.engines.known import literal, quoted
from graph_service.records import Column, Kind, Table

_CLOCK: Final = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_DAY: Final = r"(\d{3}[1-9]|\d{2}[1-9]0|\d[1-9]00|[1-9]000)-\d{2}-\d{2}"
_LOCAL: Final = rf"{_DAY}[T ]{_CLOCK}"
_WITH_OFFSET: Final = rf"{_LOCAL}(Z|[+-](0\d|1[0-5]):[0-5]\d)"
_SHAPES: Final = {
    Kind.TIMESTAMP: _LOCAL,
    Kind.DATE: _DAY,
    Kind.MONEY: r"-?\d+(\.\d{1,4})?",
    Kind.DECIMAL: r"-?\d+(\.\d{1,6})?",
    Kind.INTEGER: r"-?\d+",
    Kind.PERSON: r"\d{12}",
    Kind.ORGANISATION: r"\d{10}(\d{2})?",
    Kind.PARTY: r"\d{10}(\d{2})?",
}
_READ_AS: Final = dict.fromkeys((Kind.PERSON, Kind.ORGANISATION, Kind.PARTY), "BIGINT")
#: SQL for the fault of an identifier: its text is {x}, its digits as an integer {u}.
_JUDGES: Final = {
    Kind.ID: "id_fault({x})",
    Kind.PERSON: "person_number_fault({x}, {u}, $today)",
    Kind.ORGANISATION: "organisation_number_fault({x}, {u}, $today)",
    Kind.PARTY: "party_number_fault({x}, {u}, $today)",
    Kind.ACCOUNT: "account_fault({x})",
}
#: What may stand around a value that are not part of it (records contract, Values).
SPACE: Final = " \t\u00a0"


def staging_sql(
    table: Table,
    present: Sequence[str],
    source: str,
    *,
    padded: bool = True,
    passing: Sequence[str] = (),
    may_lack: Collection[str] = (),
) -> str:
    """A query that types and judges every row of `source`, a query over text columns.

    `present` are the contract's columns that the source has; `passing` ones are handed on as
    they are, and `may_lack` ones may be null although the contract requires them.
    `$today` is the day on which nobody is yet unborn.
    """
    columns = [table[name] for name in present]
    query = source
    judged = partial(_judged, may_lack=may_lack)
    for layer in (partial(_trimmed, padded=padded), _shaped, _read, _instant, _placed, judged):
        made = [part for i, column in enumerate(columns) for part in layer(i, column, present)]
        kept = ", ".join(passing) if query is source else "*"
        query = f"SELECT {', '.join(filter(None, [kept, *made]))} FROM ({query})"
    values = [f"v{i} AS {quoted(column.name)}" for i, column in enumerate(columns)]
    ambiguous = [f"a{i}" for i, column in enumerate(columns) if column.kind is Kind.TIMESTAMP]
    return (
        f"SELECT {', '.join([*passing, *values])}, {' + '.join(ambiguous) or '0'} AS _ambiguous, "
        f"{_reasons(table, columns, present)} AS _faults FROM ({query})"
    )


def _reasons(table: Table, columns: Sequence[Column], present: Sequence[str]) -> str:
    """A list of (column, code), made only for rows that have any."""
    found = [(column.name, f"f{i}") for i, column in enumerate(columns)]
    sound = [f"f{i} IS NULL" for i in range(len(columns))]
    for early, late in table.after:
        if early in present and late in present:
            wrong = f"(v{present.index(late)} < v{present.index(early)}) IS TRUE"
            sound.append(f"NOT {wrong}")
            found.append((late, f"CASE WHEN {wrong} THEN 'end_before_start' END"))
    listed = ", ".join(f"{{'column': {literal(name)}, 'code': {code}}}" for name, code in found)
    return (
        f"CASE WHEN NOT ({' AND '.join(sound)}) "
        f"THEN list_filter([{listed}], lambda reason: reason.code IS NOT NULL) END"
    )


def _trimmed(i: int, column: Column, _: Sequence[str], *, padded: bool) -> list[str]:
    """The value without the space around it; trimming costs more than looking whether to."""
    name = quoted(column.name)
    if not padded:
        return [f"{name} AS x{i}"]
    loose = " OR ".join(
        [
            f"starts_with({name}, ' ') OR ends_with({name}, ' ')",
            *(f"contains({name}, {literal(mark)})" for mark in SPACE[1:]),
        ]
    )
    return [
        f"nullif(CASE WHEN {loose} THEN trim({name}, {literal(SPACE)}) ELSE {name} END, '') AS x{i}"
    ]


def _shaped(i: int, column: Column, _: Sequence[str]) -> list[str]:
    """Whether the text has the shape of its kind."""
    shape = _SHAPES.get(column.kind)
    if shape is None:
        return []
    return [f"regexp_full_match(x{i}, {literal(shape)}) AS s{i}"]


def _read(i: int, column: Column, _: Sequence[str]) -> list[str]:
    """The text as a value; a number of a person or organisation as an integer, cast once."""
    if column.kind is Kind.TIMESTAMP:
        return [f"CASE WHEN s{i} THEN try_cast(x{i} AS TIMESTAMP) END AS l{i}"]
    if column.kind in _SHAPES:
        kind = _READ_AS.get(column.kind, column.stored_type)
        return [f"CASE WHEN s{i} THEN try_cast(x{i} AS {kind}) END AS u{i}"]
    return []


def _instant(i: int, column: Column, _: Sequence[str]) -> list[str]:
    """A time as an instant: as the zone had it, or as its own offset says."""
    if column.kind is not Kind.TIMESTAMP:
        return []
    return [
        f"CASE WHEN l{i} IS NOT NULL THEN stockholm_instant(l{i}) "
        f"WHEN regexp_full_match(x{i}, {literal(_WITH_OFFSET)}) "
        f"THEN try_cast(x{i} AS TIMESTAMPTZ) END AS u{i}"
    ]


def _placed(i: int, column: Column, _: Sequence[str]) -> list[str]:
    """Whether a local time lies in the hour that does not exist, or in the repeated one."""
    if column.kind is not Kind.TIMESTAMP:
        return []
    return [
        f"stockholm_gap(l{i}, u{i}) AS g{i}",
        f"coalesce(stockholm_twice(l{i}, u{i})::INTEGER, 0) AS a{i}",
    ]


def _judged(
    i: int, column: Column, present: Sequence[str], *, may_lack: Collection[str]
) -> list[str]:
    value, fault = _value_and_fault(i, column, present)
    if column.default is not None and not column.keeps_until_said:
        value = f"coalesce({value}, {literal(column.default)})"
    needed = column.required and column.name not in may_lack
    empty = "'missing_required'" if needed else "NULL"
    missing = f"WHEN x{i} IS NULL THEN {empty}"
    return [f"{value} AS v{i}", f"CASE {missing} {fault} END AS f{i}"]


def _value_and_fault(i: int, column: Column, present: Sequence[str]) -> tuple[str, str]:
    kind = column.kind
    if kind is Kind.TIMESTAMP:
        value = f"CASE WHEN g{i} THEN NULL WHEN a{i} = 1 THEN u{i} - INTERVAL 1 HOUR ELSE u{i} END"
        return value, f"WHEN u{i} IS NULL OR g{i} THEN 'bad_timestamp'"
    if kind is Kind.DATE:
        return f"u{i}", f"WHEN u{i} IS NULL THEN 'bad_date'"
    if kind in _SHAPES and kind not in _JUDGES:
        return f"u{i}", _number_fault(i, column)
    if kind is Kind.BOOLEAN:
        value = f"CASE x{i} WHEN 'true' THEN true WHEN 'false' THEN false END"
        return value, f"WHEN x{i} NOT IN ('true', 'false') THEN 'bad_boolean'"
    return f"x{i}", _word_fault(i, column, present)


def _number_fault(i: int, column: Column) -> str:
    beyond = [f"u{i} IS NULL"]
    beyond += [f"u{i} < {column.low}"] if column.low is not None else []
    beyond += [f"u{i} > {column.high}"] if column.high is not None else []
    return f"WHEN NOT s{i} THEN 'bad_number' WHEN {' OR '.join(beyond)} THEN 'out_of_range'"


def _word_fault(i: int, column: Column, present: Sequence[str]) -> str:
    if column.kind in (Kind.ENUM, Kind.COUNTRY, Kind.CURRENCY):
        # One text to look in: a long IN list becomes a join, which loses the rows' order.
        words = literal(f"|{'|'.join(_words(column))}|")
        return f"WHEN contains(x{i}, '|') OR NOT contains({words}, '|' || x{i} || '|') " + (
            "THEN 'unknown_value'"
        )
    if column.kind in _JUDGES:
        return f"ELSE {_identifier_fault(i, column, present)}"
    return ""


def _identifier_fault(i: int, column: Column, present: Sequence[str]) -> str:
    if column.kind_column not in present:
        return _JUDGES[column.kind].format(x=f"x{i}", u=f"u{i}")
    person, organisation, either = (
        _JUDGES[kind].format(x=f"x{i}", u=f"u{i}")
        for kind in (Kind.PERSON, Kind.ORGANISATION, Kind.PARTY)
    )
    return (
        f"CASE x{present.index(column.kind_column)} WHEN 'person' THEN {person} "
        f"WHEN 'organisation' THEN {organisation} ELSE {either} END"
    )


@cache
def _iso_words(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.COUNTRY:
        return tuple(sorted(country.alpha_2 for country in pycountry.countries))
    return tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))


def _words(column: Column) -> tuple[str, ...]:
    return column.values or _iso_words(column.kind)
