"""How a municipality works: hours for a finding, the share drawn by lot, days of the month.

HOME/practice.toml overrides `practice.toml` beside this file, name by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_service.errors import DeclarationError

_USUAL: Final = Path(__file__).with_name("practice.toml")
FILE: Final = "practice.toml"


@dataclass(frozen=True, slots=True)
class Practice:
    """Hours are of a working day. `lock_day` and `payment_day` are in the month after a period."""

    hours_for_a_finding: float
    hours_by_detector: Mapping[str, float]
    drawn_share: float
    lock_day: int | None
    payment_day: int | None

    def hours(self, detector: str) -> float:
        """The estimated hours to look at one finding of a detector."""
        return self.hours_by_detector.get(detector, self.hours_for_a_finding)


def read(home: Path) -> Practice:
    """The practice of a home; DeclarationError, in a sentence, for a file that does not fit."""
    usual = _told(_USUAL)
    own = _told(home / FILE) if (home / FILE).is_file() else {}
    today = {**usual["today"], **_part(own, "today", usual["today"])}
    payment = _part(own, "payment", ("lock_day", "payment_day"))
    by_detector = today["hours_by_detector"]
    if not isinstance(by_detector, Mapping):
        raise DeclarationError(f"{FILE}: write [today.hours_by_detector] above the hours.")
    return Practice(
        _hours(today["hours_for_a_finding"], "today.hours_for_a_finding"),
        {
            name: _hours(value, f"today.hours_by_detector.{name}")
            for name, value in by_detector.items()
        },
        _number(today["drawn_share"], "today.drawn_share", lambda n: 0 <= n <= 1, "from 0 to 1"),
        _day(payment, "lock_day"),
        _day(payment, "payment_day"),
    )


def _told(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{path.name} is no TOML in UTF-8; mend it ({error}).") from error


def _part(own: Mapping[str, Any], name: str, known: Any) -> Mapping[str, Any]:
    foreign = sorted(set(own) - {"today", "payment"})
    part = own.get(name, {})
    if foreign or not isinstance(part, Mapping):
        raise DeclarationError(f"{FILE} has the parts [today] and [payment], each with its names.")
    unknown = sorted(set(part) - set(known))
    if unknown:
        raise DeclarationError(f"{FILE}: [{name}] has no {unknown[0]}. Use {', '.join(known)}.")
    return part


def _number(value: Any, where: str, fits: Callable[[float], bool], words: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
        raise DeclarationError(f"{FILE}: {where} is a number {words}.")
    return float(value)


def _hours(value: Any, where: str) -> float:
    return _number(value, where, lambda n: 0 < n <= 100, "of hours, above 0 and up to 100")


def _day(part: Mapping[str, Any], name: str) -> int | None:
    if name not in part:
        return None
    return int(_number(part[name], f"payment.{name}", lambda n: n in range(1, 29), "from 1 to 28"))
