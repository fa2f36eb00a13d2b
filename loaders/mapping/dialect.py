"""How a source writes: its bytes, its numbers and its layouts of dates and times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from graph_service.errors import DeclarationError

#: Parts of a layout → (unit, pattern, rewrite of the matched digits).
_PARTS: Final = MappingProxyType(
    {
        "YYYY": ("year", "[0-9]{4}", "{}"),
        "YY": ("year", "[0-9]{2}", "20{}"),
        "MM": ("month", "[0-9]{2}", "{}"),
        "M": ("month", "[0-9]{1,2}", "0{}"),
        "DD": ("day", "[0-9]{2}", "{}"),
        "D": ("day", "[0-9]{1,2}", "0{}"),
        "hh": ("hour", "[0-9]{2}", "{}"),
        "h": ("hour", "[0-9]{1,2}", "0{}"),
        "mm": ("minute", "[0-9]{2}", "{}"),
        "ss": ("second", "[0-9]{2}", "{}"),
    }
)
_DAY: Final = ("year", "month", "day")
_CLOCK: Final = ("hour", "minute")


@dataclass(frozen=True, slots=True)
class Layout:
    r"""A layout of dates or times, such as `D.M.YYYY hh:mm`.

    YYYY, MM, DD, hh, mm and ss take all their digits, M, D and h one or two, YY is 20YY.
    `pattern` (RE2) matches a whole text; `rewrite` (with \1 …) puts it in the contract's
    order, short parts with one zero too many where `padded`. Whether the day exists is
    judged where every timestamp is judged.
    """

    text: str
    pattern: str
    rewrite: str
    padded: bool

    @classmethod
    def read(cls, text: str, *, day: bool, clock: bool) -> Layout:
        """Compile a layout that holds a day, a clock time or both; seconds may be left out."""
        found: dict[str, str] = {}
        pattern, padded = "", False
        pieces = re.split("(YYYY|YY|MM|DD|hh|mm|ss|M|D|h)", text)
        for place, piece in enumerate(pieces):
            if place % 2 == 0:
                pattern += re.escape(piece)
                continue
            before, after = pieces[place - 1] or place == 1, pieces[place + 1]
            if len(piece) == 1 and not (before and (after or place == len(pieces) - 2)):
                raise DeclarationError(
                    f"the layout {text!r} sets {piece} beside another part; two digits "
                    f"({piece * 2}) or a separator keep them apart"
                )
            unit, digits, rewrite = _PARTS[piece]
            if unit in found:
                raise DeclarationError(f"the layout {text!r} holds the {unit} twice; keep one")
            pattern += f"({digits})"
            found[unit] = rewrite.format(f"\\{len(found) + 1}")
            padded = padded or len(piece) == 1
        needed = _DAY * day + _CLOCK * clock
        if set(found) - {"second"} != set(needed) or ("second" in found and not clock):
            raise DeclarationError(
                f"the layout {text!r} must hold {', '.join(needed)}, each once and nothing else "
                "(YYYY MM DD hh mm ss; M, D, h for one or two digits)"
            )
        halves = (
            "-".join(found[unit] for unit in _DAY if unit in found),
            ":".join(found[unit] for unit in (*_CLOCK, "second") if unit in found),
        )
        return cls(text, pattern, " ".join(half for half in halves if half), padded)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the source's files are written. Encodings and delimiters are tried in their order.

    The contract's own layouts are always read; `dates`, `times` and `timestamps` add to them.
    """

    encodings: tuple[str, ...] = ("utf-8-sig",)
    delimiters: tuple[str, ...] = (",",)
    quote: str = '"'
    decimal: tuple[str, ...] = (".",)
    thousands: tuple[str, ...] = ()
    dates: tuple[Layout, ...] = ()
    times: tuple[Layout, ...] = ()
    timestamps: tuple[Layout, ...] = ()
