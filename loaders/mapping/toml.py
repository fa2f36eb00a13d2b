"""The first look at a piece of a mapping: its keys and the types of its values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from graph_service.errors import DeclarationError

_T = TypeVar("_T")
_NAMES: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
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


def typed(spec: Mapping[str, Any], key: str, wanted: type[_T], default: _T, where: str) -> _T:
    """The value of a key, of the wanted type, or the default."""
    value = spec.get(key, default)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise DeclarationError(f"{where}.{key}: {_NAMES[wanted]} belongs here")
    return value


def constant(value: object, where: str) -> str:
    """A TOML value as contract text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise DeclarationError(f"{where}: a text, a number, true, false or a date belongs here")
