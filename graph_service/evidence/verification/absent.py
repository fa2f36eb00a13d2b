"""Which packaged rows are not there any more, told by the original lines that are beside them.

`lines.csv` has a row for each packaged row, so it knows what a table that was changed has lost.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from graph_service.evidence import package

#: How much of a file's hash names it on a screen.
_SHOWN: Final = 8


class Absent(NamedTuple):
    """A row that should be in a packaged table: its row in the file that it came from."""

    row: str
    source: str


def absent(root: Path, table: str) -> list[Absent]:
    """The rows that a packaged table lacks, in order; none where either file cannot be read."""
    try:
        there = {(each["file_sha256"], each["row"]) for each in _rows(root, f"{table}.csv")}
        with (root / package.LINES).open(encoding="utf-8", newline="") as file:
            return [
                Absent(each["row"], f"{each['file']} ({each['file_sha256'][:_SHOWN]})")
                for each in csv.DictReader(file, restval="")
                if each["table"] == table and (each["file_sha256"], each["row"]) not in there
            ]
    except (OSError, ValueError, KeyError, csv.Error):
        return []  # that the file is not as it was packed is a fault already


def _rows(root: Path, name: str) -> Iterator[dict[str, str]]:
    with (root / package.ROWS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, restval="")
