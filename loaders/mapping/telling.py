"""Which cells of a record a mapped value tells, and so which may be shown where the value is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from loaders.mapping.rules import Cell, First, Join, Key, Later, Moment, Rule, cells_of

#: A date in any layout, with no more behind it than midnight; a personal number is none.
_DAY: Final = re.compile(r"(?:\W*\d){1,8}[\W0]*")


def told_by(rule: Rule, texts: Mapping[Cell, str]) -> Iterator[tuple[Cell, bool]]:
    """The cells whose text the value of a rule tells, and whether the value is that cell's alone.

    `texts` are the trimmed texts of the cells; one that the header lacks is absent. A cell that
    was passed over for another, that became `otherwise`, or that went into a digest is not told.
    """
    match rule:
        case Cell():
            if _has_value(rule, texts) and _keeps(rule, texts[rule]):
                yield rule, True
        case First(rules):
            chosen = next((part for part in rules if _has_value(part, texts)), None)
            if chosen is not None:
                yield from told_by(chosen, texts)
        case Join(parts):
            if _has_value(rule, texts):
                for part in parts:
                    yield from ((cell, False) for cell, _ in told_by(part, texts))
        case Key(readable=False):
            return
        case Moment(day=Cell() as day) if not _DAY.fullmatch(texts.get(day, "")):
            # A time that is a whole timestamp stands by itself, whatever its day reads.
            yield from ((cell, False) for cell in cells_of(rule) if cell is not day)
        case _:
            yield from ((cell, False) for cell in cells_of(rule) if texts.get(cell))


def _has_value(rule: Rule, texts: Mapping[Cell, str]) -> bool:
    match rule:
        case Cell():
            return bool(texts.get(rule)) and _meaning(rule, texts[rule]) != ""
        case First(rules):
            return any(_has_value(part, texts) for part in rules)
        case Join(parts):
            return all(_has_value(part, texts) for part in parts)
        case Key(cells):
            return any(texts.get(cell) for cell in cells)
        case Moment() | Later():
            return all(texts.get(cell) for cell in cells_of(rule))
        case _:
            return True


def _keeps(cell: Cell, text: str) -> bool:
    """Whether what a text became still says what it said."""
    return cell.otherwise is None or _meaning(cell, text) is not None


def _meaning(cell: Cell, text: str) -> str | None:
    said = text.lower()
    return next((meaning for word, meaning in cell.words if word.lower() == said), None)
