"""The receipt: what became of one table of one file, as stored and as printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

#: Columns of the receipts table: name → stored type. JSON texts hold what is nested.
RECEIPT_COLUMNS: Final[Mapping[str, str]] = {
    "_batch": "VARCHAR",
    "batch": "VARCHAR",
    "n": "INTEGER",
    "source": "VARCHAR",
    "mapping": "VARCHAR",
    "file": "VARCHAR",
    "file_sha256": "VARCHAR",
    "table": "VARCHAR",
    "read": "BIGINT",
    "stored": "BIGINT",
    "superseding": "BIGINT",
    "duplicates": "BIGINT",
    "rejected": "BIGINT",
    "refused": "VARCHAR",
    "detail": "VARCHAR",
    "dropped_columns": "VARCHAR",
    "unresolved": "VARCHAR",
    "unusable": "VARCHAR",
    "counted": "VARCHAR",
    "ambiguous_times": "BIGINT",
    "loaded_at": "TIMESTAMP WITH TIME ZONE",
    "loader": "VARCHAR",
    "loader_version": "VARCHAR",
}
NESTED: Final = ("dropped_columns", "unresolved", "unusable", "counted")


@dataclass(slots=True)
class Receipt:
    """What became of one table of one file; counts obey the conservation law."""

    batch: str
    n: int
    source: str | None
    mapping: str | None
    file: str
    file_sha256: str | None
    table: str | None
    loaded_at: datetime
    loader: str | None
    loader_version: str
    read: int = 0
    stored: int = 0
    superseding: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: str | None = None
    detail: str = ""
    dropped_columns: list[str] = field(default_factory=list)
    unresolved: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    ambiguous_times: int = 0

    def check(self) -> None:
        """Conservation: rows read = stored + superseding + duplicates + rejected."""
        if self.read != self.stored + self.superseding + self.duplicates + self.rejected:
            raise AssertionError(f"rows were lost or made in {self.file}, table {self.table}")

    def as_json(self) -> dict[str, Any]:
        """The receipt as the contract prints it."""
        return {
            "batch": self.batch,
            "source": self.source,
            "file": self.file,
            "file_sha256": self.file_sha256,
            "table": self.table,
            "read": self.read,
            "stored": self.stored,
            "superseding": self.superseding,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "refused": self.refused,
            "dropped_columns": self.dropped_columns,
            "unresolved": self.unresolved,
            "unusable": self.unusable,
            "ambiguous_times": self.ambiguous_times,
            "loaded_at": self.loaded_at.isoformat(),
            "loader": self.loader,
            "loader_version": self.loader_version,
        }


def repeating(receipts: Sequence[Receipt], batch: str) -> list[Receipt]:
    """Receipts later than `batch` whose duplicates may be rows that stand in it."""
    told = {r.table for r in receipts if r.batch == batch and r.stored + r.superseding}
    return [r for r in receipts if r.batch > batch and r.duplicates and r.table in told]


def nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a stored receipt that are JSON, read."""
    return {name: json.loads(row[name]) for name in NESTED}
