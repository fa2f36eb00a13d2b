"""Where the records of given numbers lie in a delimited file, as bytes; it is read once, in blocks.

Records are numbered as they were when the file was loaded: the header's line is 1, and records
are counted, not lines (see `delimited`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import numpy as np

from loaders.header import read_header
from loaders.record_bounds import IrregularError, Records

_BLOCK: Final = 1 << 20
_LATIN: Final = "latin-1"  # a letter for each byte, so that letters count bytes
_MARK: Final = "\u00ef\u00bb\u00bf"  # UTF-8's byte order mark, read so


class Record(NamedTuple):
    """The bytes of one record without its line end, and the place of the first in the file."""

    row: int
    first_byte: int
    content: bytes

    @property
    def end_byte(self) -> int:
        """One beyond the last byte."""
        return self.first_byte + len(self.content)


def records(path: Path, delimiter: str, rows: Sequence[int]) -> Iterator[Record]:
    """The header and then the records of these numbers, those that there are, in their order.

    Memory does not grow with the file. Raises FileRefused for what could not be loaded either.
    """
    wanted = sorted(set(rows))
    row = 0
    try:
        for record in _by_blocks(path, delimiter, wanted):
            row = record.row
            yield record
    except IrregularError:
        # What came before was regular, and so is counted alike.
        yield from (each for each in _one_by_one(path, delimiter, wanted) if each.row > row)


def _by_blocks(path: Path, delimiter: str, rows: Sequence[int]) -> Iterator[Record]:
    """A file of regular quotes and line ends, whole blocks at once."""
    wanted = np.asarray(rows, dtype=np.int64)
    with path.open("rb") as stream:
        row, header, at = read_header(stream, delimiter, ("utf-8", _LATIN))
        stream.seek(0)
        yield _header(row, stream.read(at))
        rest, block = b"", stream.read(_BLOCK)
        while block and len(wanted) and row < wanted[-1]:
            following = stream.read(_BLOCK)
            last = not following
            if last and not block.endswith(b"\n"):
                block += b"\n"
            part = Records(rest + block, delimiter, len(header), last=last)
            starts = np.concatenate(([0], part.ends[:-1] + 1))
            here = wanted[(wanted > row) & (wanted <= row + len(part.ends))]
            for number in here.tolist():
                index = number - row - 1
                start, end = int(starts[index]), int(part.ends[index])
                yield Record(number, at + start, part.text[start:end].removesuffix(b"\r"))
            row, at = row + len(part.ends), at + len(part.text)
            rest, block = part.rest, following


def _header(row: int, start: bytes) -> Record:
    mark = _MARK.encode(_LATIN)
    first = len(mark) if start.startswith(mark) else 0
    return Record(row, first, start[first:].removesuffix(b"\n").removesuffix(b"\r"))


def _one_by_one(path: Path, delimiter: str, rows: Sequence[int]) -> Iterator[Record]:
    """A file of odd quotes or line ends, record by record, as it is read when it is loaded."""
    wanted, last = frozenset(rows), max(rows, default=0)
    header_met = False
    with path.open(encoding=_LATIN, newline="") as stream:
        at = len(_MARK) if stream.read(len(_MARK)) == _MARK else 0
        stream.seek(at)
        taken: list[str] = []
        for row, values in enumerate(csv.reader(_noted(stream, taken), delimiter=delimiter), 1):
            record = "".join(taken)
            taken.clear()
            is_header = not header_met and any(values)
            header_met = header_met or is_header
            if is_header or (header_met and row in wanted):
                content = record.removesuffix("\n").removesuffix("\r")
                yield Record(row, at, content.encode(_LATIN))
            at += len(record)
            if header_met and row >= last:
                return


def _noted(stream: TextIO, taken: list[str]) -> Iterator[str]:
    for line in stream:
        taken.append(line)
        yield line
