"""Reads the parts of a mapping; a wrong one is refused in one sentence that says the cure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from graph_service.errors import DeclarationError
from graph_service.records import TABLES, Column, Kind
from loaders.mapping.dialect import Dialect, Layout
from loaders.mapping.rules import (
    LENGTHS,
    READINGS,
    Cell,
    Constant,
    First,
    Join,
    Key,
    Later,
    Moment,
    Reading,
    Records,
    Rule,
    Skip,
    Target,
    afters_of,
    cells_of,
)

_T = TypeVar("_T")


def header_key(name: str) -> str:
    """What two spellings of a column name share: case and the kind of space do not count."""
    return " ".join(name.split()).lower()


#: The keys of each form of rule, by the key that tells the form.
_FORMS: Final[Mapping[str, frozenset[str]]] = {
    "value": frozenset({"value"}),
    "join": frozenset({"join"}),
    "key_of": frozenset({"key_of", "readable", "prefix"}),
    "first": frozenset({"first"}),
    "date": frozenset({"date", "time", "minutes", "after", "within_hours"}),
    "from": frozenset({"from", "as", "lookup", "otherwise", "prefix", "after"}),
}


def closed(spec: object, allowed: Collection[str], where: str) -> dict[str, Any]:
    """A TOML table that holds only allowed keys."""
    if not isinstance(spec, dict):
        raise DeclarationError(f"{where}: a table in braces or brackets belongs here")
    for key in spec:
        if key not in allowed:
            known = ", ".join(sorted(allowed))
            raise DeclarationError(f"{where}: unknown key {key!r}; the keys are {known}")
    return spec


def texts(spec: object, where: str) -> tuple[str, ...]:
    """One text or a list of them, none empty."""
    found = [spec] if isinstance(spec, str) else spec
    if not isinstance(found, list) or not found:
        raise DeclarationError(f"{where}: give a text or a list of texts")
    for text in found:
        if not isinstance(text, str) or not text.strip():
            raise DeclarationError(f"{where}: give texts that are not empty")
    return tuple(found)


def _typed(spec: Mapping[str, Any], key: str, wanted: type[_T], default: _T, where: str) -> _T:
    value = spec.get(key, default)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise DeclarationError(f"{where}.{key}: {wanted.__name__} belongs here")
    return value


def _constant(value: object, where: str) -> str:
    """A TOML value as contract text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise DeclarationError(f"{where}: a text, a number, true, false or a date belongs here")


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
        quote=_typed(given, "quote", str, '"', where),
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
    for number, rule in enumerate(_typed(given, "skip", list, [], where), start=1):
        here = f"{where}.skip {number}"
        found = closed(rule, {"from", "is", "table"}, here)
        if not {"from", "is"} <= set(found):
            raise DeclarationError(f"{here}: `from` and `is` are needed")
        if (table := found.get("table")) is not None and table not in TABLES:
            raise DeclarationError(f"{here}: the contract has no table {table!r}")
        cell = Cell(texts(found["from"], here))
        skips.append(Skip(cell, texts(found["is"], here), table))
    totals = texts(given["totals"], f"{where}.totals") if "totals" in given else ()
    return Records(_typed(given, "repeated_header", bool, False, where), totals, tuple(skips))


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
    optional = isinstance(spec, dict) and _typed(spec, "optional", bool, False, where)
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


def read_rule(spec: object, kind: Kind | None, where: str) -> Rule:
    """One rule, for a column of a kind or (without one) a part of a joined text."""
    if kind is None and isinstance(spec, str):
        return Constant(spec)
    if not isinstance(spec, dict):
        raise DeclarationError(f'{where}: a rule in braces belongs here, such as {{ from = "…" }}')
    forms = [form for form in _FORMS if form in spec]
    if len(forms) != 1:
        said = f"{' and '.join(forms)} are two sources; keep one" if forms else "no source"
        raise DeclarationError(f"{where}: {said} ({', '.join(_FORMS)})")
    form = forms[0]
    given = closed(spec, _FORMS[form], where)
    return _READERS[form](given, kind, where)


def _read_cell(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    names = texts(given["from"], f"{where}.from")
    prefix = _typed(given, "prefix", str, "", where)
    usual = Reading.TEXT if prefix or kind is None else READINGS.get(kind, Reading.TEXT)
    if "after" in given:
        usual = Reading.HOURS
    try:
        reading = Reading(given.get("as", usual))
    except ValueError:
        known = ", ".join(Reading)
        raise DeclarationError(f"{where}.as: unknown reading; the readings are {known}") from None
    if "after" in given:
        _needs_timestamp(kind, where)
        if reading not in LENGTHS or {"lookup", "otherwise", "prefix"} & set(given):
            raise DeclarationError(f"{where}: after takes a length: {', '.join(sorted(LENGTHS))}")
        return Later(_typed(given, "after", str, "", where), Cell(names, reading))
    otherwise = given.get("otherwise")
    return Cell(
        names,
        reading,
        _words(given.get("lookup", {}), f"{where}.lookup"),
        None if otherwise is None else _constant(otherwise, f"{where}.otherwise"),
        prefix,
    )


def _words(spec: object, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(spec, dict):
        raise DeclarationError(f'{where}: {{ "their word" = "the contract\'s" }} belongs here')
    found: dict[str, str] = {}
    for word, meaning in spec.items():
        text = _constant(meaning, where)
        if not word.strip() or found.setdefault(word.strip().lower(), text) != text:
            raise DeclarationError(
                f"{where}: {word!r} is empty or stands there twice with two meanings; "
                "case does not count"
            )
    return tuple(found.items())


def _read_constant(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    return Constant(_constant(given["value"], f"{where}.value"))


def _read_join(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    parts = _typed(given, "join", list, [], where)
    if not parts:
        raise DeclarationError(f'{where}.join: give texts and rules, such as [{{ from = … }}, ":"]')
    return Join(tuple(read_rule(part, None, f"{where}.join") for part in parts))


def _read_key(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    columns = _typed(given, "key_of", list, [], where)
    cells = tuple(Cell(texts(column, f"{where}.key_of")) for column in columns)
    if not cells:
        raise DeclarationError(f"{where}.key_of: name the columns that make a row unique")
    readable = _typed(given, "readable", bool, False, where)
    return Key(cells, readable, _typed(given, "prefix", str, "", where))


def _read_first(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    rules = _typed(given, "first", list, [], where)
    if not rules:
        raise DeclarationError(f"{where}.first: give the rules to try, in order")
    return First(
        tuple(
            read_rule(rule, kind, f"{where}.first {number}")
            for number, rule in enumerate(rules, start=1)
        )
    )


def _needs_timestamp(kind: Kind | None, where: str) -> None:
    if kind is not Kind.TIMESTAMP:
        raise DeclarationError(f"{where}: only a timestamp is made of a date and a time")


def _read_moment(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    _needs_timestamp(kind, where)
    day = given["date"]
    if isinstance(day, datetime) or not isinstance(day, date):
        day = Cell(texts(day, f"{where}.date"), Reading.DATE)
    if ("time" in given) == ("minutes" in given):
        raise DeclarationError(f"{where}: give either the `time` or the `minutes` of the day")
    if "after" in given and "minutes" in given:
        raise DeclarationError(f"{where}: minutes pass midnight by themselves; leave `after` out")
    within = _typed(given, "within_hours", int, 12, where)
    if not 0 < within < 24:
        raise DeclarationError(f"{where}.within_hours: 1 to 23 belongs here")
    time, minutes = (
        Cell(texts(given[key], f"{where}.{key}"), reading) if key in given else None
        for key, reading in (("time", Reading.TIMESTAMP), ("minutes", Reading.NUMBER))
    )
    after = _typed(given, "after", str, "", where) or None
    return Moment(day, time, minutes, after, within)


_READERS: Final[Mapping[str, Callable[[dict[str, Any], Kind | None, str], Rule]]] = {
    "value": _read_constant,
    "join": _read_join,
    "key_of": _read_key,
    "first": _read_first,
    "date": _read_moment,
    "from": _read_cell,
}
