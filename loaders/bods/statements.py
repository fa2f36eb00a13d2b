"""Reads the statements of a BODS file one at a time: a JSON array, or JSON lines."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Final, NoReturn

import ijson

from graph_service.errors import FileRefused
from loaders.document import MAX_FIELD_BYTES, Fault

#: A line is one statement; the standard's largest known are some hundred kilobytes.
_MAX_LINE: Final = 16 << 20
_SPACE: Final = b" \t\r\n"

#: Deeper than any statement of the standard by far; keeps a hostile one from exhausting memory.
_MAX_DEPTH: Final = 64
_OPENS: Final = frozenset({"start_map", "start_array"})
_CLOSES: Final = frozenset({"end_map", "end_array"})

#: Index from 0, the statement, the faults of its own line.
Read = tuple[int, object, tuple[Fault, ...]]


def read_statements(path: Path) -> Iterator[Read]:
    """Yield each statement in the file's order.

    Numbers that are not whole are Decimal. Raises FileRefused: `empty_file`; `bad_structure` when
    it is neither an array nor JSON lines, or an array that is not well-formed; `too_large` for a
    field over 1 MiB or a line over 16 MiB.
    """
    with path.open("rb") as source:
        start = _skip_to_content(source)
        if start == b"[":
            yield from _array(source)
        elif start == b"{" and _has_one_a_line(source):
            yield from _lines(source)
        else:
            raise FileRefused("bad_structure" if start else "empty_file", "$")


def _skip_to_content(source: IO[bytes]) -> bytes:
    """Stand at the first byte that is no blank, after a byte order mark if there is one."""
    if source.read(3) != codecs.BOM_UTF8:
        source.seek(0)
    while (byte := source.read(1)) and byte in _SPACE:
        pass
    if byte:
        source.seek(-1, io.SEEK_CUR)
    return byte


class _Bounded:
    """Passes bytes on and refuses a run of more than a field without a quotation mark."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._run = 0

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes. Raises FileRefused."""
        chunk = self._source.read(size)
        first = chunk.find(b'"')
        if self._run + (len(chunk) if first < 0 else first) > MAX_FIELD_BYTES:
            raise FileRefused("too_large", "$")
        self._run = self._run + len(chunk) if first < 0 else len(chunk) - chunk.rfind(b'"') - 1
        return chunk


def _array(source: IO[bytes]) -> Iterator[Read]:
    index, depth, begun, builder = 0, 0, False, ijson.ObjectBuilder()
    try:
        for event, value in ijson.basic_parse(_Bounded(source)):
            depth += (event in _OPENS) - (event in _CLOSES)
            if depth > _MAX_DEPTH:
                raise FileRefused("too_large", f"$[{index}]: nested deeper than {_MAX_DEPTH}")
            outermost = depth == 0 or (depth == 1 and event == "start_array" and not begun)
            begun = True
            if outermost:
                continue
            builder.event(event, value)
            if depth == 1:
                yield index, builder.value, ()
                index, builder = index + 1, ijson.ObjectBuilder()
    except (ijson.JSONError, ValueError, OverflowError):
        raise FileRefused("bad_structure", f"$[{index}]") from None


def _has_one_a_line(source: IO[bytes]) -> bool:
    """Tell JSON lines from one object laid out over several lines, which the standard refuses."""
    start = source.tell()
    first, second = source.readline(_MAX_LINE), source.readline(_MAX_LINE).strip()
    source.seek(start)
    return not second or second.startswith(b"{") or isinstance(_parsed(first, 0)[1], dict)


def _lines(source: IO[bytes]) -> Iterator[Read]:
    index = -1
    while line := source.readline(_MAX_LINE + 1):
        if not line.strip():
            continue
        index += 1
        if len(line) > _MAX_LINE or max(map(len, line.split(b'"'))) > MAX_FIELD_BYTES:
            raise FileRefused("too_large", f"$[{index}]")
        yield _parsed(line, index)


def _parsed(line: bytes, index: int) -> Read:
    try:
        text = line.decode()
        statement = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half a character, escaped, is no text either
            json.dumps(statement, ensure_ascii=False, default=str).encode()
        return index, statement, ()
    except UnicodeError:
        return index, None, (Fault(None, "not_text", f"$[{index}]"),)
    except (ValueError, RecursionError):
        return index, None, (Fault(None, "bad_structure", f"$[{index}]"),)


def _refuse_constant(_: str) -> NoReturn:
    """JSON has no NaN and no infinity."""
    raise ValueError
