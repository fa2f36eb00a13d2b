"""What of a line a recipient is told: what the packaged rows that were made of it tell, no more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graph_service.evidence.lines.cutting import Field, Told
from graph_service.evidence.lines.spellings import holds, spellings
from graph_service.records import TABLES, Kind, Masking

#: A field that the recipient is not told, and one that no packaged row was made of.
MASKED: Final = "[maskerat]"
UNREAD: Final = "[ej läst]"
_WHO: Final = frozenset({Kind.PERSON, Kind.ORGANISATION, Kind.PARTY})
_BY_WORD: Final = frozenset({Masking.NAME, Masking.ADDRESS})


@dataclass(frozen=True, slots=True)
class Packaged:
    """One packaged row of a line: what the recipient is told, what is stored, what is masked."""

    table: str
    told: Mapping[str, Any]
    stored: Mapping[str, Any]
    masked: frozenset[str]

    @property
    def sought(self) -> Iterator[str]:
        """Every spelling of what is masked."""
        for name in self.masked:
            by_word = TABLES[self.table][name].masking in _BY_WORD
            yield from spellings(self.stored[name], by_word=by_word)


def is_of(fields: Sequence[Field], rows: Collection[Packaged]) -> bool:
    """Whether a line names just those whom the rows name that are said to be made of it."""
    of_table = {row.table: row for row in rows}
    return all(
        holds(field.value, sought)
        for field in fields
        for table, name in field.alone
        if table in of_table and TABLES[table][name].kind in _WHO
        for value in [of_table[table].stored[name]]
        if value is not None and (sought := spellings(value))
    )


def redacted(fields: Sequence[Field], rows: Collection[Packaged]) -> list[str | None]:
    """For each field what stands in its place, None where it is told as it stands.

    A field is told where a told column says the same; hidden where a masked one does, and where
    it holds anything that is masked in the row, in whichever spelling.
    """
    of_table = {row.table: row for row in rows}
    sought = frozenset(each for row in rows for each in row.sought)
    return [_instead(field, of_table, sought) for field in fields]


def _instead(field: Field, rows: Mapping[str, Packaged], sought: Collection[str]) -> str | None:
    of_rows = any(table in rows for table, _ in (*field.alone, *field.part))
    if field.padding or (of_rows and not field.value.strip()):
        return None
    alone = [column for column in field.alone if _is_said(column, rows)]
    part = [column for column in field.part if _is_said(column, rows)]
    hidden = [column for column in alone if _is_masked(column, rows)]
    if not alone:
        hidden = [column for column in part if _is_masked(column, rows)]
    if hidden:
        table, name = hidden[0]
        told = rows[table].told[name]
        return MASKED if told is None else str(told)
    if not (alone or part) or not _is_text(field.text):
        return UNREAD
    return MASKED if holds(field.value, sought) else None


def _is_said(column: Told, rows: Mapping[str, Packaged]) -> bool:
    """Whether a packaged row has a value there: what became nothing was judged by nobody."""
    table, name = column
    return table in rows and rows[table].stored[name] is not None


def _is_masked(column: Told, rows: Mapping[str, Packaged]) -> bool:
    table, name = column
    return name in rows[table].masked


def _is_text(text: str) -> bool:
    """Whether every byte was a letter of the file's encoding."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
