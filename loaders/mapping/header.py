"""What of a rule a file's header can fulfil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loaders.mapping.rules import Cell, First, Join, Later, Moment, Rule, cells_of


def header_key(name: str) -> str:
    """What two spellings of a column name share: case and the kind of space do not count."""
    return " ".join(name.split()).lower()


def column_of(cell: Cell, columns: Mapping[str, str]) -> str:
    """The header's own name of the column that a cell stands in."""
    return next(columns[key] for key in map(header_key, cell.names) if key in columns)


def available(rule: Rule, columns: Mapping[str, str]) -> Rule | None:
    """The rule without alternatives whose columns the header lacks; None when nothing is left."""
    if isinstance(rule, First):
        left = tuple(
            found for part in rule.rules if (found := available(part, columns)) is not None
        )
        return First(left) if left else None
    if isinstance(rule, Join):
        parts = tuple(
            found for part in rule.parts if (found := available(part, columns)) is not None
        )
        return Join(parts) if len(parts) == len(rule.parts) else None
    for cell in cells_of(rule):
        if not any(header_key(name) in columns for name in cell.names):
            return None
    return rule


def lacking(rule: Rule, columns: Mapping[str, str]) -> list[str]:
    """The columns that a rule lacks; of several rules, of the one that lacks fewest."""
    if isinstance(rule, First):
        return min((lacking(part, columns) for part in rule.rules), key=len)
    return [
        cell.names[0]
        for cell in cells_of(rule)
        if not any(header_key(name) in columns for name in cell.names)
    ]


def reckoned(rule: Rule, present: set[str]) -> Rule | None:
    """The rule where a column that it reckons from may be absent from the file."""
    match rule:
        case Later(after=after):
            return rule if after in present else None
        case Moment(after=str(after)):
            return rule if after in present else replace(rule, after=None)
        case First(rules):
            left = tuple(found for part in rules if (found := reckoned(part, present)) is not None)
            return First(left) if left else None
        case _:
            return rule
