"""A municipality's own thresholds: one dated file in the home folder, each with its reason.

[shared_account.min_payments]
value = 5
reason = "the agreement on collected wages, decision 2026-114"
since = 2026-01-01
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from graph_service.errors import DeclarationError
from graph_service.room import Override, Room

#: Room → threshold → the municipality's value.
Overrides: TypeAlias = Mapping[str, Mapping[str, Override]]

_KEYS: Final = frozenset({"value", "reason", "since"})


def read(path: Path, rooms: Sequence[Room]) -> Overrides:
    """The thresholds in a file; none if there is no file. A wrong one is refused in a sentence."""
    if not path.is_file():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path.name} is no TOML in UTF-8; mend it ({error}).") from error
    known = {room.name: room for room in rooms}
    overrides = {}
    for name, thresholds in given.items():
        if name not in known:
            raise DeclarationError(
                f"{path.name}: there is no detector {name}; use one of {', '.join(sorted(known))}."
            )
        if not isinstance(thresholds, Mapping):
            raise DeclarationError(f"{path.name}: write [{name}.<threshold>] above the value.")
        overrides[name] = {
            threshold: _override(f"{path.name}: {name}.{threshold}", told)
            for threshold, told in thresholds.items()
        }
        known[name].in_force(overrides[name], date.max)
    return overrides


def _override(where: str, told: Any) -> Override:
    if not isinstance(told, Mapping) or set(told) != _KEYS:
        raise DeclarationError(f"{where} needs exactly value, reason and since.")
    value, reason, since = told["value"], told["reason"], told["since"]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise DeclarationError(f"{where}: value is a number or a text.")
    if not isinstance(reason, str) or not reason.strip():
        raise DeclarationError(f"{where}: reason is empty; say why in a sentence.")
    if not isinstance(since, date) or isinstance(since, datetime):
        raise DeclarationError(f"{where}: since is a date, such as 2026-01-31 without quotes.")
    return Override(value, reason.strip(), since)
