"""Where the rows about one person came from, and why they are kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph_service.home import Home
from graph_service.keeping.retention import Term
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
    """Files of refused rows in which the number stands, and how often. What else stands there may
    be about others, so that they are looked through by hand.
    """
    found = []
    pattern = re.compile(written.encode())
    for receipt in receipts:
        folder = home.rejects / receipt.batch / str(receipt.n)
        for path in sorted(folder.glob(f"{receipt.table}.*")) if receipt.rejected else ():
            with path.open("rb") as lines:
                times = sum(1 for line in lines if pattern.search(line))
            if times:
                found.append(
                    {"batch": receipt.batch, "number": receipt.n, "table": receipt.table}
                    | {"lines": times}
                )
    return found
