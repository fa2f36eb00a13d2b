"""Where the rows about one person came from, and why they are kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_service.home import Home
from graph_service.keeping.retention import Term
from graph_service.lake import Lake
from graph_service.receipt import Receipt
from graph_service.records import Table
from graph_service.room import Text


@dataclass(frozen=True, slots=True)
class Source:
    """What a source declares of itself: its title, the law it stands on, how long it is kept."""

    title: Text
    basis: str
    retention: str


class Origins:
    """Receipts by the file and table that a row names."""

    def __init__(self, receipts: Sequence[Receipt], sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._receipts = {
            (receipt.batch, receipt.table, receipt.file_sha256): receipt for receipt in receipts
        }

    def of(self, table: Table, row: Mapping[str, Any]) -> Receipt:
        """The receipt of a row."""
        return self._receipts[row["_batch"], table.name, row["_file_sha256"]]

    def told(self, names: Collection[str]) -> dict[str, Any]:
        """What these sources declare; a municipality's own mapping declares nothing."""
        return {
            name: {
                "title": {"sv": told.title.sv, "en": told.title.en},
                "basis": told.basis,
                "retention": told.retention,
            }
            for name in sorted(names)
            if (told := self._sources.get(name)) is not None
        }


def kept(table: Table, terms: Sequence[Term]) -> dict[str, Any]:
    """How long the rows of a table are kept, and whether that is decided or proposed."""
    (term,) = (each for each in terms if each.retention is table.retention)
    return {"class": term.retention.value, "months": term.months, "decision": term.decision}


def refused(home: Home, receipts: Sequence[Receipt], written: str) -> list[dict[str, Any]]:
    """Where refused rows and files hold the number, and on how many lines.

    What else stands there may be about others, so that they are looked through by hand.
    """
    pattern, found = re.compile(written.encode()), []
    for receipt in receipts:
        lines = sum(_lines(path, pattern) for path in _refused_files(home, receipt))
        if lines:
            place = {"batch": receipt.batch, "number": receipt.n, "table": receipt.table}
            found.append(place | {"lines": lines})
    return found


def _refused_files(home: Home, receipt: Receipt) -> Iterator[Path]:
    """The rows that were refused, or the whole file where it was."""
    if receipt.refused is not None and receipt.file_sha256 is not None:
        raw = Lake(home).raw(receipt.file_sha256)
        if raw is not None and raw.exists():
            yield raw
    elif receipt.rejected:
        yield from (home.rejects / receipt.batch / str(receipt.n)).glob(f"{receipt.table}.*")


def _lines(path: Path, pattern: re.Pattern[bytes]) -> int:
    with path.open("rb") as stream:
        return sum(1 for line in stream if pattern.search(line))
