"""Where the records of delimited text begin and end, found on a whole block of bytes at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from graph_service.errors import FileRefused

#: No field of a table may be larger (records contract, `too_large`).
LARGEST_FIELD: Final = 1 << 20
_LF, _CR, _QUOTE = 10, 13, 34
_NO_BREAK: Final = "\u00a0".encode()
csv.field_size_limit(LARGEST_FIELD)
_SPACES: Final = (32, 9)
#: By byte: what ends a value, the delimiter apart.
_IS_EDGE: Final = np.isin(np.arange(256), (_LF, _CR, _QUOTE))
_Positions: TypeAlias = npt.NDArray[np.intp]
Note: TypeAlias = Callable[[int, int | None, str, bytes], None]


class IrregularError(Exception):
    """Quotes or line ends stand where RFC 4180 has none; a slower reader judges this file."""


def is_text(value: str) -> bool:
    """Whether every byte of a value, decoded with surrogateescape, was UTF-8."""
    return value.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in value)


def with_bytes_escaped(value: str) -> str:
    """A value, decoded with surrogateescape, in which each byte that was no text reads `\\xNN`."""
    return value.encode(errors="surrogateescape").decode(errors="backslashreplace")


def size_bound(values: Sequence[str]) -> int:
    """No fewer bytes than a record of `values` takes when it is written."""
    return 4 * sum(map(len, values)) + 3 * len(values)


def check_size(value: str) -> None:
    """Refuse a file that has a field over `LARGEST_FIELD` bytes; a letter has at most four."""
    if 4 * len(value) > LARGEST_FIELD and len(value.encode("utf-8", "surrogateescape")) > (
        LARGEST_FIELD
    ):
        raise FileRefused("too_large", "a field")


class Records:
    """The whole records of one block: `text` is theirs, `rest` belongs to the next block.

    Quotes come in pairs in regular text, so a newline or a delimiter is one only where the
    number of quotes before it is even. Raises `IrregularError`, or `FileRefused` with
    `not_a_table` (NUL, a quote that never closes) or `too_large`.
    """

    def __init__(self, block: bytes, delimiter: str, width: int, *, last: bool) -> None:
        if b"\0" in block:
            raise FileRefused("not_a_table", "NUL")
        self.delimiter = delimiter
        self.width = width
        self._bytes = np.frombuffer(block, dtype=np.uint8)
        self._quotes = self._find(_QUOTE) if b'"' in block else None
        ends = self._outside_quotes(self._find(_LF))
        size = int(ends[-1]) + 1 if len(ends) else 0
        self.ends = ends
        self.text = block if size == len(block) else block[:size]
        self.rest = block[size:]
        if self._quotes is not None:
            self._check_quotes(self._quotes if last else self._quotes[self._quotes < size])
        if last and self.rest:
            raise FileRefused("not_a_table", "an open quote")
        self._starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
        self._lengths = ends - self._starts
        if self.longest > LARGEST_FIELD:
            self._check_sizes()
        self._check_returns()

    def _find(self, byte: int) -> _Positions:
        return np.flatnonzero(self._bytes == byte)

    def _outside_quotes(self, positions: _Positions) -> _Positions:
        if self._quotes is None:
            return positions
        # Quotes are few and marks are many: the few are looked up among the many.
        opening = np.searchsorted(positions, self._quotes[0::2])
        closing = np.searchsorted(positions, self._quotes[1::2])
        size = len(positions) + 1
        depth = np.bincount(opening, minlength=size) - np.bincount(closing, minlength=size)
        outside: _Positions = positions[np.cumsum(depth[:-1]) == 0]
        return outside

    @staticmethod
    def _fits(beside: npt.NDArray[np.uint8], allowed: tuple[int, ...]) -> bool:
        return bool(np.isin(beside, allowed).all())

    def _check_quotes(self, quotes: _Positions) -> None:
        around = (ord(self.delimiter), _LF, _CR, _QUOTE)
        opening, closing = quotes[0::2], quotes[1::2]
        before = self._bytes[opening[opening > 0] - 1]
        after = self._bytes[closing[closing + 1 < len(self._bytes)] + 1]
        if not (self._fits(before, around) and self._fits(after, around)):
            raise IrregularError

    def _check_sizes(self) -> None:
        for index in np.flatnonzero(self._lengths > LARGEST_FIELD):
            try:
                values = self._fields(int(index))
            except csv.Error as error:
                raise FileRefused("too_large", "a field") from error
            for value in values:
                check_size(value)

    def _check_returns(self) -> None:
        """Carriage returns only before newlines, unless quoted."""
        if b"\r" not in self.text:
            return
        returns = self._outside_quotes(self._find(_CR))
        returns = returns[returns < len(self.text)]
        if (self._bytes[returns + 1] != _LF).any():
            raise IrregularError

    @property
    def longest(self) -> int:
        """The longest record, in bytes."""
        return int(self._lengths.max()) if len(self._lengths) else 0

    @property
    def newlines(self) -> set[bool]:
        """Which line ends occur: True for CR LF, False for LF."""
        before = np.zeros(len(self.ends), dtype=np.bool_)
        inside = self.ends > 0
        before[inside] = self._bytes[self.ends[inside] - 1] == _CR
        return set(np.unique(before).tolist())

    @property
    def padded(self) -> bool:
        """Whether a value may have space around it (never False when one has)."""
        text = np.frombuffer(self.text, dtype=np.uint8)
        if _NO_BREAK in self.text:
            return True
        marks = [mark for mark in _SPACES if bytes((mark,)) in self.text]
        if not marks:
            return False
        space = np.concatenate([np.flatnonzero(text == mark) for mark in marks])
        is_edge = _IS_EDGE.copy()
        is_edge[ord(self.delimiter)] = True
        before = is_edge[text[space - 1]] | (space == 0)
        after = is_edge[self._bytes[np.minimum(space + 1, len(self._bytes) - 1)]]
        space = space[before | after]
        if self._quotes is None:
            return len(space) > 0
        # Inside quotes only those beside the quotes themselves are at a value's edge.
        inside = np.searchsorted(self._quotes, space) % 2 == 1
        at_quote = (text[space - 1] == _QUOTE) | (self._bytes[space + 1] == _QUOTE)
        return bool((~inside | at_quote).any())

    @cached_property
    def _marks(self) -> _Positions:
        """The delimiters of whole records, outside quotes."""
        marks = self._outside_quotes(self._find(ord(self.delimiter)))
        return marks[marks < len(self.text)]

    @cached_property
    def _blank(self) -> npt.NDArray[np.bool_]:
        only_return = (self._lengths == 1) & (self._bytes[self._starts] == _CR)
        blank: npt.NDArray[np.bool_] = (self._lengths == 0) | only_return
        return blank

    @cached_property
    def _wrong_width(self) -> npt.NDArray[np.bool_]:
        widths = np.diff(np.searchsorted(self._marks, self.ends), prepend=0) + 1
        wrong: npt.NDArray[np.bool_] = (widths != self.width) & ~self._blank
        return wrong

    @cached_property
    def _not_text(self) -> npt.NDArray[np.bool_]:
        wrong = np.zeros(len(self.ends), dtype=np.bool_)
        try:
            self.text.decode("utf-8")
        except UnicodeDecodeError:
            high = np.flatnonzero(self._bytes[: len(self.text)] > 127)
            for index in np.unique(np.searchsorted(self.ends, high)):
                try:
                    self._record(int(index)).decode("utf-8")
                except UnicodeDecodeError:
                    wrong[index] = True
        return wrong

    def _record(self, index: int) -> bytes:
        return self.text[int(self._starts[index]) : int(self.ends[index])]

    def _fields(self, index: int) -> list[str]:
        text = self._record(index).decode("utf-8", errors="surrogateescape")
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter))

    def mend(self, row: int, note: Note) -> bytes | None:
        """The text with each odd record made an empty one, or nothing if none is odd.

        `row` is the row before the first record; `note` is told row, column, code and bytes.
        """
        odd = np.flatnonzero(self._blank | self._wrong_width | self._not_text)
        if not len(odd):
            return None
        pieces: list[bytes] = []
        done = 0
        for index in map(int, odd):
            start, end = int(self._starts[index]), int(self.ends[index])
            pieces.append(self.text[done:start])
            pieces.append(self._mended(index, row + index + 1, note))
            done = end - 1 if self.text[end - 1 : end] == b"\r" and end > start else end
        pieces.append(self.text[done:])
        return b"".join(pieces)

    def _mended(self, index: int, row: int, note: Note) -> bytes:
        record = self._record(index)
        if self._blank[index]:
            note(row, None, "", b"")
        elif self._wrong_width[index]:
            note(row, None, "wrong_column_count", record)
        else:
            return self._without_bad_bytes(index, row, note)
        return self.delimiter.encode() * (self.width - 1)

    def _without_bad_bytes(self, index: int, row: int, note: Note) -> bytes:
        values = self._fields(index)
        for column, value in enumerate(values):
            if not is_text(value):
                note(row, column, "not_text", b"")
                values[column] = with_bytes_escaped(value)
        # The csv module quotes a line end only where its own line ends hold it.
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=self.delimiter, lineterminator="\r\n").writerow(values)
        return line.getvalue().removesuffix("\r\n").encode()
