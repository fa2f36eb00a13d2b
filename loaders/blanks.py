"""A delimited file in which some records are empty lines; every other byte is as it was."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

import numpy as np
import numpy.typing as npt

from loaders.header import read_header
from loaders.record_bounds import IrregularError, Records

_BLOCK: Final = 8 << 20
_LATIN: Final = "latin-1"  # a letter for each byte, so that no byte is lost on the way
_MARK: Final = "\u00ef\u00bb\u00bf"  # UTF-8's byte order mark, read so


def blank(source: Path, target: Path, delimiter: str, rows: Sequence[int]) -> None:
    """Copy `source` to `target` with the records of these numbers emptied.

    The header's line is 1, as a spreadsheet shows it, and records are counted, not lines.
    """
    try:
        _blank_blocks(source, target, delimiter, rows)
    except IrregularError:
        _blank_records(source, target, delimiter, frozenset(rows))


def _blank_blocks(source: Path, target: Path, delimiter: str, rows: Sequence[int]) -> None:
    """A file of regular quotes and line ends, whole blocks at once."""
    wanted = np.asarray(rows, dtype=np.int64)
    with source.open("rb") as stream, target.open("wb") as copy:
        row, header, begin = read_header(stream, delimiter, ("utf-8", _LATIN))
        stream.seek(0)
        copy.write(stream.read(begin))
        rest, block = b"", stream.read(_BLOCK)
        while block:
            following = stream.read(_BLOCK)
            last = not following
            if last and not block.endswith(b"\n"):
                block += b"\n"
            part = Records(rest + block, delimiter, len(header), last=last)
            copy.write(_emptied(part, np.isin(np.arange(len(part.ends)) + row + 1, wanted)))
            row, rest, block = row + len(part.ends), part.rest, following


def _emptied(part: Records, chosen: npt.NDArray[np.bool_]) -> bytes:
    """The records of a block, of the chosen ones their line ends alone."""
    text = np.frombuffer(part.text, dtype=np.uint8)
    if not chosen.any():
        return part.text
    starts = np.concatenate(([0], part.ends[:-1] + 1))[chosen]
    stops = part.ends[chosen]
    stops = stops - ((stops > starts) & (text[stops - 1] == ord("\r")))
    steps = np.zeros(len(text) + 1, dtype=np.int8)
    np.add.at(steps, starts, 1)
    np.add.at(steps, stops, -1)
    return bytes(text[np.cumsum(steps[:-1], dtype=np.int8) == 0])


def _blank_records(source: Path, target: Path, delimiter: str, rows: frozenset[int]) -> None:
    """A file of odd quotes or line ends, record by record, as it is read when it is loaded."""
    with (
        source.open(encoding=_LATIN, newline="") as stream,
        target.open("w", encoding=_LATIN, newline="") as copy,
    ):
        if stream.read(len(_MARK)) == _MARK:
            copy.write(_MARK)
        else:
            stream.seek(0)
        taken: list[str] = []
        for row, _ in enumerate(csv.reader(_noted(stream, taken), delimiter=delimiter), start=1):
            record = "".join(taken)
            taken.clear()
            copy.write(record[len(record.rstrip("\r\n")) :] if row in rows else record)


def _noted(stream: TextIO, taken: list[str]) -> Iterator[str]:
    for line in stream:
        taken.append(line)
        yield line
