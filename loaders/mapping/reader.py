"""Reads the parts of a mapping; a wrong one is refused in one sentence that says the cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graph_service.errors import DeclarationError
from graph_service.records import TABLES, Column, Kind
from loaders.mapping.dialect import Dialect, Layout
from loaders.mapping.header import header_key
from loaders.mapping.rule_reader import read_rule
from loaders.mapping.rules import (
    Cell,
    Constant,
    First,
    Key,
    Reading,
    Records,
    Rule,
    Skip,
    Target,
    afters_of,
    cells_of,
)
from loaders.mapping.toml import closed, texts, typed


def read_dialect(spec: object, where: str) -> Dialect:
    """How the source's files are written; without it, UTF-8 with commas and decimal points."""
    names = ("encodings", "delimiters", "quote", "decimal", "thousands")
    given = closed(spec, {*names, "dates", "times", "timestamps"}, where)
    for encoding in (encodings := texts(given.get("encodings", "utf-8-sig"), f"{where}.encodings")):
        try:
            "".encode(encoding)
        except LookupError as error:
            raise DeclarationError(f"{where}.encodings: no encoding {encoding!r}") from error
    delimiters = given.get("delimiters", ",")
    marks = {
        "delimiters": tuple([delimiters] if isinstance(delimiters, str) else delimiters),
        "decimal": tuple(given.get("decimal", ".")),
        "thousands": tuple(given.get("thousands", "")),
    }
    for name, found in marks.items():
        if any(not isinstance(mark, str) or len(mark) != 1 or mark.isalnum() for mark in found):
            raise DeclarationError(f"{where}.{name}: marks of one character belong here")
    if not marks["delimiters"] or not set(marks["decimal"]) <= {",", "."} or not marks["decimal"]:
        raise DeclarationError(f"{where}: decimal is , or . or both, and a delimiter is needed")
    if set(marks["decimal"]) & set(marks["thousands"]) or set(marks["thousands"]) & set("-−"):
        raise DeclarationError(f"{where}: a mark of thousands is neither sign nor decimal mark")
    return Dialect(
        encodings=encodings,
        quote=typed(given, "quote", str, '"', where),
        dates=_layouts(given, "dates", where, day=True, clock=False),
        times=_layouts(given, "times", where, day=False, clock=True),
        timestamps=_layouts(given, "timestamps", where, day=True, clock=True),
        **marks,
    )


def _layouts(
    spec: Mapping[str, Any], key: str, where: str, *, day: bool, clock: bool
) -> tuple[Layout, ...]:
    if key not in spec:
        return ()
    found = texts(spec[key], f"{where}.{key}")
    try:
        return tuple(Layout.read(text, day=day, clock=clock) for text in found)
    except DeclarationError as error:
        raise DeclarationError(f"{where}.{key}: {error}") from error


def read_records(spec: object, where: str) -> Records:
    """Which rows are no records."""
    given = closed(spec, {"repeated_header", "totals", "skip"}, where)
    skips = []
    for number, rule in enumerate(typed(given, "skip", list, [], where), start=1):
        here = f"{where}.skip {number}"
        found = closed(rule, {"from", "is", "table"}, here)
        if not {"from", "is"} <= set(found):
            raise DeclarationError(f"{here}: `from` and `is` are needed")
        if (table := found.get("table")) is not None and table not in TABLES:
            raise DeclarationError(f"{here}: the contract has no table {table!r}")
        cell = Cell(texts(found["from"], here))
        skips.append(Skip(cell, texts(found["is"], here), table))
    totals = texts(given["totals"], f"{where}.totals") if "totals" in given else ()
    return Records(typed(given, "repeated_header", bool, False, where), totals, tuple(skips))


def read_aliases(spec: object, where: str) -> dict[str, tuple[str, ...]]:
    """The other names of each column of the source; no name stands for two columns."""
    if not isinstance(spec, dict):
        raise DeclarationError(f'{where}: "a column" = ["its other names"] belongs here')
    aliases = {name: texts(others, f"{where}.{name}") for name, others in spec.items()}
    seen: set[str] = set()
    for name in (*aliases, *(other for others in aliases.values() for other in others)):
        if (key := header_key(name)) in seen:
            raise DeclarationError(f"{where}: {name!r} stands there twice; keep one")
        seen.add(key)
    return aliases


def with_words(spec: object, words: object, where: str) -> object:
    """Rules in which each look-up that is given by name holds the words of that name."""
    if isinstance(spec, list):
        return [with_words(part, words, where) for part in spec]
    if not isinstance(spec, dict):
        return spec
    found = {key: with_words(value, words, where) for key, value in spec.items()}
    if isinstance(name := spec.get("lookup"), str):
        if not isinstance(words, dict) or name not in words:
            raise DeclarationError(f"{where}: there are no [words.{name}]")
        found["lookup"] = words[name]
    return found


def read_table(name: str, spec: object, where: str) -> tuple[Target, ...]:
    """The rules of one contract table, in the contract's order of columns."""
    if name not in TABLES:
        raise DeclarationError(f"{where}: the contract has no table {name!r}; see docs/records.md")
    table = TABLES[name]
    given = closed(spec, table.names, where)
    for column in table.columns:
        if column.required and column.name not in given:
            raise DeclarationError(
                f"{where}: {column.name} is required; say where it comes from "
                '(`from = "…"`) or what it always is (`value = "…"`)'
            )
    targets = tuple(
        _target(column, given[column.name], f"{where}.{column.name}")
        for column in table.columns
        if column.name in given
    )
    _check_afters(targets, table.name, where)
    _check_readable(targets, where)
    return targets


def _target(column: Column, spec: object, where: str) -> Target:
    optional = isinstance(spec, dict) and typed(spec, "optional", bool, False, where)
    if optional and column.required:
        raise DeclarationError(f"{where}: the contract requires it, so it cannot be optional")
    if isinstance(spec, dict):
        spec = {key: value for key, value in spec.items() if key != "optional"}
    rule = read_rule(spec, column.kind, where)
    allowed = column.values if column.kind is Kind.ENUM else ("true", "false")
    if column.kind in (Kind.ENUM, Kind.BOOLEAN):
        for text in _outcomes(rule):
            if text not in allowed:
                raise DeclarationError(
                    f"{where}: {text!r} is none of the contract's {', '.join(allowed)}"
                )
    return Target(column.name, rule, optional)


def _outcomes(rule: Rule) -> Iterator[str]:
    """The texts that a rule itself gives as a value; an empty one is null."""
    match rule:
        case Constant(text):
            yield text
        case Cell(prefix=""):
            yield from (meaning for _, meaning in rule.words if meaning)
            if rule.otherwise is not None:
                yield rule.otherwise
        case First(rules):
            for alternative in rules:
                yield from _outcomes(alternative)
        case _:
            return


def _check_afters(targets: Sequence[Target], table: str, where: str) -> None:
    for target in targets:
        for after in afters_of(target.rule):
            found = [other for other in targets if other.column == after]
            if not found or TABLES[table][after].kind is not Kind.TIMESTAMP:
                raise DeclarationError(
                    f"{where}.{target.column}: `after` names a timestamp that this table maps"
                )
            if any(afters_of(found[0].rule)):
                raise DeclarationError(
                    f"{where}.{target.column}: {after} is itself after another column; "
                    "name the one it comes from"
                )


def _check_readable(targets: Sequence[Target], where: str) -> None:
    """A readable key must not carry a personal number into a column that nothing masks."""
    personal = {
        name
        for target in targets
        for cell in cells_of(target.rule)
        if cell.reading in (Reading.PERSON, Reading.ORGANISATION)
        for name in cell.names
    }
    for target in targets:
        if isinstance(target.rule, Key) and target.rule.readable:
            for cell in target.rule.cells:
                if personal & set(cell.names):
                    raise DeclarationError(
                        f"{where}.{target.column}: a readable key would show personal numbers; "
                        "leave `readable` out"
                    )
