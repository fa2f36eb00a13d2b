"""The links that people have taken back: one dated file in the home folder, each with its reason.

[[undone]]
a = "hsa:w1"
b = "198101122383"
reason = "Two colleagues, seen at the visit of 3 March."
since = 2026-03-04
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from graph_service.errors import DeclarationError

_KEYS: Final = frozenset({"a", "b", "reason", "since"})
_TITLE: Final = "# Links that people have undone; the next run leaves them out.\n"


@dataclass(frozen=True, slots=True)
class Undone:
    """A link that is no link; `a` is the lower id of the two."""

    a: str
    b: str
    reason: str
    since: date


def pair(one: str, other: str) -> tuple[str, str]:
    """Two ids in the order in which links keep them."""
    return min(one, other), max(one, other)


def read(path: Path) -> list[Undone]:
    """What a file undoes; nothing if there is no file. A wrong one is refused in a sentence."""
    if not path.is_file():
        return []
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path.name} is no TOML in UTF-8; mend it.") from error
    entries = given.get("undone", [])
    if set(given) - {"undone"} or not isinstance(entries, list):
        raise DeclarationError(f"{path.name} holds entries [[undone]] and nothing else.")
    found = [_undone(f"{path.name}: entry {n}", told) for n, told in enumerate(entries, start=1)]
    if len({(each.a, each.b) for each in found}) < len(found):
        raise DeclarationError(f"{path.name} undoes one link twice; remove one entry.")
    return found


def write(path: Path, undone: Sequence[Undone]) -> None:
    """Replace the file, whole or not at all; only its owner may read it."""
    entries = [
        f"\n[[undone]]\na = {_text(each.a)}\nb = {_text(each.b)}\n"
        f"reason = {_text(each.reason)}\nsince = {each.since.isoformat()}\n"
        for each in sorted(undone, key=lambda each: (each.since, each.a, each.b))
    ]
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write((_TITLE + "".join(entries)).encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _text(value: str) -> str:
    """A basic string of TOML: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _undone(where: str, told: Any) -> Undone:
    if not isinstance(told, Mapping) or set(told) != _KEYS:
        raise DeclarationError(f"{where} needs exactly a, b, reason and since.")
    a, b, reason, since = told["a"], told["b"], told["reason"], told["since"]
    if not isinstance(a, str) or not isinstance(b, str) or a == b:
        raise DeclarationError(f"{where}: a and b are the identifiers of two records.")
    if not isinstance(reason, str) or not reason.strip():
        raise DeclarationError(f"{where}: reason is empty; say why in a sentence.")
    if not isinstance(since, date) or isinstance(since, datetime):
        raise DeclarationError(f"{where}: since is a date, such as 2026-01-31 without quotes.")
    return Undone(*pair(a, b), reason.strip(), since)
