"""Reads one rule of a mapping; a wrong one is refused in one sentence that says the cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from graph_service.errors import DeclarationError
from graph_service.records import Kind
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
    Rule,
)
from loaders.mapping.toml import closed, constant, texts, typed

#: The keys of each form of rule, by the key that tells the form.
_FORMS: Final[Mapping[str, frozenset[str]]] = {
    "value": frozenset({"value"}),
    "join": frozenset({"join"}),
    "key_of": frozenset({"key_of", "readable", "prefix"}),
    "first": frozenset({"first"}),
    "date": frozenset({"date", "time", "minutes", "after", "within_hours"}),
    "from": frozenset({"from", "as", "lookup", "otherwise", "prefix", "after"}),
}


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
    prefix = typed(given, "prefix", str, "", where)
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
        return Later(typed(given, "after", str, "", where), Cell(names, reading))
    otherwise = given.get("otherwise")
    return Cell(
        names,
        reading,
        _words(given.get("lookup", {}), f"{where}.lookup"),
        None if otherwise is None else constant(otherwise, f"{where}.otherwise"),
        prefix,
    )


def _words(spec: object, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(spec, dict):
        raise DeclarationError(f'{where}: {{ "their word" = "the contract\'s" }} belongs here')
    found: dict[str, str] = {}
    for word, meaning in spec.items():
        text = constant(meaning, where)
        if not word.strip() or found.setdefault(word.strip().lower(), text) != text:
            raise DeclarationError(
                f"{where}: {word!r} is empty or stands there twice with two meanings; "
                "case does not count"
            )
    return tuple(found.items())


def _read_constant(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    return Constant(constant(given["value"], f"{where}.value"))


def _read_join(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    parts = typed(given, "join", list, [], where)
    if not parts:
        raise DeclarationError(f'{where}.join: give texts and rules, such as [{{ from = … }}, ":"]')
    return Join(tuple(read_rule(part, None, f"{where}.join") for part in parts))


def _read_key(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    columns = typed(given, "key_of", list, [], where)
    cells = tuple(Cell(texts(column, f"{where}.key_of")) for column in columns)
    if not cells:
        raise DeclarationError(f"{where}.key_of: name the columns that make a row unique")
    readable = typed(given, "readable", bool, False, where)
    return Key(cells, readable, typed(given, "prefix", str, "", where))


def _read_first(given: dict[str, Any], kind: Kind | None, where: str) -> Rule:
    rules = typed(given, "first", list, [], where)
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
    within = typed(given, "within_hours", int, 12, where)
    if not 0 < within < 24:
        raise DeclarationError(f"{where}.within_hours: 1 to 23 belongs here")
    time, minutes = (
        Cell(texts(given[key], f"{where}.{key}"), reading) if key in given else None
        for key, reading in (("time", Reading.TIMESTAMP), ("minutes", Reading.NUMBER))
    )
    after = typed(given, "after", str, "", where) or None
    return Moment(day, time, minutes, after, within)


_READERS: Final[Mapping[str, Callable[[dict[str, Any], Kind | None, str], Rule]]] = {
    "value": _read_constant,
    "join": _read_join,
    "key_of": _read_key,
    "first": _read_first,
    "date": _read_moment,
    "from": _read_cell,
}
