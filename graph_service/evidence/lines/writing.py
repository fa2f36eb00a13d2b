"""The original lines: of each packaged row, the line that it was made of, as it stands in its file.

`lines.csv` has one row for each packaged row; its line lies at bytes [first_byte, end_byte) of the
raw file whose SHA-256 is `raw_sha256`: the delivered file, or the copy that took its place when
some of its rows were erased. A field is told where the packaged row tells the same; one that is
masked has the row's reference or `[maskerat]` in its place, one that no packaged row was made of
`[ej läst]`. `line_sha256` is of the line's bytes, and there only where nothing is hidden: numbers
could be tried on the hash of a line of which all else is known. `headers.csv` tells of each file
how it is written, or why it has no lines.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.lines.cutting import Cut, Cutter, Lines, NoLines, Why
from graph_service.evidence.lines.places import Delivery, Places, places_of
from graph_service.evidence.lines.redaction import UNREAD, Packaged, is_of, redacted
from graph_service.evidence.material import Material
from graph_service.evidence.package import LINE_HEADERS, LINES
from graph_service.evidence.workspace import file_name
from graph_service.keeping.redaction import Form, Source
from graph_service.lake import Lake, Redaction
from graph_service.texts import both

#: Lines that are held at a time; memory does not grow with their number.
_AT_A_TIME: Final = 2_000
_LINE: Final = (
    *("table", "file", "file_sha256", "raw_sha256", "row", "first_byte", "end_byte", "encoding"),
    *("line", "line_sha256", "redacted", "why", "place"),
)
_HEADER: Final = (
    *("file", "file_sha256", "raw_sha256", "room", "encoding", "delimiter", "header"),
    *("why", "note_sv", "note_en"),
)


def write(material: Material, root: Path, cutter: Cutter) -> None:
    """Write `lines.csv` and `headers.csv` below a package's folder."""
    lake = Lake(material.home)
    redactions = lake.redactions()
    with (
        places_of(material) as places,
        _table(root / LINES, _LINE) as lines,
        _table(root / LINE_HEADERS, _HEADER) as headers,
    ):
        for delivery in places.deliveries():
            asked = places.asked(delivery)
            source = _source(lake, delivery, redactions.get(delivery.file_sha256))
            found = cutter(source, asked) if isinstance(source, Source) else NoLines(source)
            raw = lake.raw(delivery.file_sha256, redactions)
            origin = {
                "file": file_name(delivery.file, delivery.file_sha256),
                "file_sha256": delivery.file_sha256,
                "raw_sha256": None if raw is None else raw.name,
            }
            headers.writerow(origin | _header(delivery, source, found))
            if isinstance(found, Lines):
                told = _lines(places, delivery, found, asked)
            else:
                told = _without(found, asked)
            lines.writerows(origin | each for each in told)


@contextmanager
def _table(path: Path, columns: Sequence[str]) -> Iterator[csv.DictWriter[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        yield writer


def _source(lake: Lake, delivery: Delivery, redaction: Redaction | None) -> Source | Why:
    """The bytes that stand for a delivered file, if they are those that were taken in."""
    form = None if redaction is None else Form(redaction.form)
    standing = {} if redaction is None else {delivery.file_sha256: redaction}
    path = lake.raw(delivery.file_sha256, standing)
    if path is None:
        return Why.ERASED
    if not path.is_file():
        return Why.MISSING
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != path.name:
            return Why.DAMAGED
    return Source(path, delivery.file, form, delivery.receipts)


def _header(
    delivery: Delivery, source: Source | Why, found: Lines | NoLines
) -> dict[str, str | None]:
    """How a file is written; a name that no source is known to have may be anybody's."""
    row = {"room": delivery.room}
    if isinstance(found, NoLines):
        note = both("evidence_lines", found.why)
        return row | {"why": found.why, "note_sv": note["sv"], "note_en": note["en"]}
    fields = [
        text if name is not None else _quoted(UNREAD, found.delimiter)
        for text, name in zip(found.header, found.names, strict=True)
    ]
    row |= {"encoding": found.encoding, "delimiter": found.delimiter}
    row["header"] = found.delimiter.join(fields)
    if isinstance(source, Source) and source.form is not None:
        note = both("evidence_lines", source.form)
        row |= {"note_sv": note["sv"], "note_en": note["en"]}
    return row


def _without(found: NoLines, asked: Iterable[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    for table, row in asked:
        place = found.places.get((table, row))
        yield {"table": table, "row": row, "why": found.why, "place": place}


def _lines(
    places: Places, delivery: Delivery, found: Lines, asked: Sequence[tuple[str, int]]
) -> Iterator[dict[str, Any]]:
    """The rows of `lines.csv` for one file."""
    tables: dict[int, list[str]] = {}
    for table, row in asked:
        tables.setdefault(row, []).append(table)
    pairs = _paired(sorted(tables), found.cuts)
    while some := list(islice(pairs, _AT_A_TIME)):
        packaged = places.packaged(delivery.file_sha256, [row for row, _ in some])
        for row, cut in some:
            told = _line(found, cut, packaged[row])
            yield from ({"table": table, "row": row} | told for table in tables[row])


def _paired(rows: Iterable[int], cuts: Iterator[Cut]) -> Iterator[tuple[int, Cut | None]]:
    """Each row with its cut, where there is one; both come in their order."""
    cut = next(cuts, None)
    for row in rows:
        if cut is not None and cut.row == row:
            yield row, cut
            cut = next(cuts, None)
        else:
            yield row, None


def _line(found: Lines, cut: Cut | None, rows: Sequence[Packaged]) -> dict[str, Any]:
    if cut is None or cut.fields is None or not is_of(cut.fields, rows):
        return {"why": Why.CHANGED}
    instead = redacted(cut.fields, rows)
    shown = [
        field.text if text is None else _quoted(text, found.delimiter)
        for field, text in zip(cut.fields, instead, strict=True)
    ]
    hidden = [
        name or f"#{place}"
        for place, (name, text) in enumerate(zip(found.names, instead, strict=True), start=1)
        if text is not None
    ]
    return {
        "first_byte": cut.first_byte,
        "end_byte": cut.first_byte + len(cut.content),
        "encoding": found.encoding,
        "line": found.delimiter.join(shown),
        "line_sha256": None if hidden else hashlib.sha256(cut.content).hexdigest(),
        "redacted": "; ".join(hidden),
    }


def _quoted(text: str, delimiter: str) -> str:
    """A text as a field of the file."""
    if delimiter in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


__all__ = ["Cutter", "write"]
