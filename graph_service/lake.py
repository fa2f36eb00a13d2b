"""The lake: Delta tables of records, and the receipts that make a batch visible.

A batch writes Parquet parts in a workshop outside the lake, moves them in, commits each table
to its Delta log, and last commits its receipts. Readers see the rows of batches that have a
receipt and are not withdrawn; everything else is swept by the next load. Every table is
partitioned by `_batch`, so that seeing, sweeping and erasing a batch touch no other file.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import known_sql, quoted, stored_columns
from graph_service.home import Home
from graph_service.receipt import NESTED, RECEIPT_COLUMNS, Receipt, nested, repeating
from graph_service.records import TABLES

RECEIPTS: Final = "receipts"
WITHDRAWALS: Final = "withdrawals"
REDACTIONS: Final = "redactions"

_WITHDRAWAL_COLUMNS: Final[Mapping[str, str]] = {
    "_batch": "VARCHAR",
    "batch": "VARCHAR",
    "withdrawn_at": "TIMESTAMP WITH TIME ZONE",
    "reason": "VARCHAR",
}
_REDACTION_COLUMNS: Final[Mapping[str, str]] = {
    "_batch": "VARCHAR",
    "file_sha256": "VARCHAR",
    "stands_sha256": "VARCHAR",
    "form": "VARCHAR",
    "redacted_at": "TIMESTAMP WITH TIME ZONE",
}
_DELTA_TYPES: Final = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "DECIMAL(18,4)": "decimal(18,4)",
    "DECIMAL(18,6)": "decimal(18,6)",
}


@dataclass(frozen=True, slots=True)
class Redaction:
    """What stands for a delivered file after an erasure: other bytes, or none."""

    file_sha256: str
    stands_sha256: str | None
    form: str
    redacted_at: datetime


class Lake:
    """The Delta tables of one home folder."""

    def __init__(self, home: Home) -> None:
        self._home = home

    # -- reading ---------------------------------------------------------------------------

    def receipts(self, known_by: datetime | None = None) -> list[Receipt]:
        """Receipts up to and with `known_by`, withdrawn batches included, oldest first."""
        files = self._all_files(RECEIPTS)
        if not files:
            return []
        with Engine() as engine:
            rows = engine.rows(
                f"SELECT {', '.join(quoted(name) for name in RECEIPT_COLUMNS if name != '_batch')} "
                'FROM read_parquet($files) ORDER BY batch, n, "table"',
                {"files": files},
            )
        found = [Receipt(**{**row, **nested(row)}) for row in rows]
        return [r for r in found if known_by is None or r.loaded_at <= known_by]

    def withdrawn(self, known_by: datetime | None = None) -> dict[str, datetime]:
        """Withdrawn batches, as known at a time."""
        files = self._all_files(WITHDRAWALS)
        if not files:
            return {}
        with Engine() as engine:
            rows = engine.rows(
                "SELECT batch, withdrawn_at FROM read_parquet($files)", {"files": files}
            )
        return {
            row["batch"]: row["withdrawn_at"]
            for row in rows
            if known_by is None or row["withdrawn_at"] <= known_by
        }

    def redactions(self) -> dict[str, Redaction]:
        """The last redaction of each delivered file that has one, by the file's own hash."""
        files = self._all_files(REDACTIONS)
        if not files:
            return {}
        with Engine() as engine:
            rows = engine.rows(
                "SELECT file_sha256, stands_sha256, form, redacted_at FROM read_parquet($files) "
                "ORDER BY redacted_at",
                {"files": files},
            )
        return {row["file_sha256"]: Redaction(**row) for row in rows}

    def raw(self, sha256: str, redactions: Mapping[str, Redaction] | None = None) -> Path | None:
        """Where the bytes lie that stand for a delivered file; None when they were erased."""
        found = (self.redactions() if redactions is None else redactions).get(sha256)
        stands = sha256 if found is None else found.stands_sha256
        return None if stands is None else self._home.raw / stands[:2] / stands

    def standing_receipts(self) -> list[Receipt]:
        """Visible receipts of tables whose every row is still seen, or superseded.

        Where a batch was withdrawn after a later file repeated its rows, that file stands no more.
        """
        receipts, withdrawn = self.receipts(), self.withdrawn()
        fallen = {
            (receipt.batch, receipt.n, receipt.table)
            for batch, at in withdrawn.items()
            for receipt in repeating(receipts, batch)
            if receipt.loaded_at <= at
        }
        return [
            receipt
            for receipt in receipts
            if receipt.refused is None
            and receipt.batch not in withdrawn
            and (receipt.batch, receipt.n, receipt.table) not in fallen
        ]

    def visible_batches(self, known_by: datetime | None = None) -> list[str]:
        """Batches that readers see at a time, oldest first."""
        withdrawn = self.withdrawn(known_by)
        return sorted({r.batch for r in self.receipts(known_by)} - withdrawn.keys())

    def files(self, table: str, batches: Iterable[str]) -> list[str]:
        """Parquet parts of a table that belong to `batches`."""
        wanted = {f"_batch={batch}" for batch in batches}
        return [path for path in self._all_files(table) if Path(path).parent.name in wanted]

    def open_records(self, engine: Engine, known_by: datetime | None = None) -> list[str]:
        """Make a view `known.<table>` for every table of the contract, as known at a time.

        Superseded, withdrawn and unreceipted rows are left out; a table that nothing was
        loaded into is there and empty. Returns the batches seen, oldest first.
        """
        batches = self.visible_batches(known_by)
        engine.execute("CREATE SCHEMA IF NOT EXISTS known")
        for table in TABLES.values():
            self.open_table(engine, table.name, batches, f"known.{quoted(table.name)}")
        return batches

    def open_table(
        self,
        engine: Engine,
        table: str,
        batches: Sequence[str],
        view: str,
        extra: Sequence[str] = (),
    ) -> bool:
        """Make one view of what is known of a table; `extra` parts lie outside the lake.

        Returns whether there is any part to read.
        """
        files = [*self.files(table, batches), *extra]
        engine.execute(f"CREATE OR REPLACE VIEW {view} AS {known_sql(TABLES[table], files)}")
        return bool(files)

    def _all_files(self, table: str) -> list[str]:
        path = self._home.lake / table
        if not DeltaTable.is_deltatable(str(path)):
            return []
        return sorted(
            unquote(uri.removeprefix("file://")) for uri in DeltaTable(str(path)).file_uris()
        )

    # -- writing (under the home's load lock) ----------------------------------------------

    def commit(self, batch: str, workshop: Path) -> None:
        """Move a batch's parts from `workshop/<table>/_batch=…/` in and commit each table."""
        for folder in sorted(workshop.iterdir()) if workshop.is_dir() else []:
            target = self._home.lake / folder.name / f"_batch={batch}"
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / f"_batch={batch}").rename(target)
            columns = dict(stored_columns(TABLES[folder.name]))
            self._add(folder.name, columns, batch, sorted(target.glob("*.parquet")))

    def commit_receipts(self, batch: str, receipts: Sequence[Receipt]) -> None:
        """Make a batch visible. Nothing of it is seen before this, all of it after."""
        rows = []
        for receipt in receipts:
            receipt.check()
            values = {name: getattr(receipt, name, None) for name in RECEIPT_COLUMNS}
            values |= {name: json.dumps(values[name], ensure_ascii=False) for name in NESTED}
            rows.append(values)
        self._append(RECEIPTS, RECEIPT_COLUMNS, batch, rows)

    def withdraw(self, batch: str, at: datetime, reason: str) -> None:
        """Record that a batch is wrong; later views leave it out."""
        row = {"batch": batch, "withdrawn_at": at, "reason": reason}
        self._append(WITHDRAWALS, _WITHDRAWAL_COLUMNS, batch, [row])

    def redact(self, sha256: str, stands: str | None, form: str, at: datetime) -> None:
        """Record which bytes stand for a delivered file from now on."""
        row = {"file_sha256": sha256, "stands_sha256": stands, "form": form, "redacted_at": at}
        stamp = f"{at:%Y%m%dT%H%M%S%f}Z-{sha256[:16]}"
        self._append(REDACTIONS, _REDACTION_COLUMNS, stamp, [row])

    def sweep(self, batch: str) -> None:
        """Remove every trace of a batch that has no receipt."""
        if not self._home.lake.is_dir():
            return
        for folder in self._home.lake.iterdir():
            if not DeltaTable.is_deltatable(str(folder)):
                shutil.rmtree(folder)  # a first batch that never came to its log
                continue
            for begun in (folder / "_delta_log").glob("*.tmp"):
                begun.unlink()
            parts = folder / f"_batch={batch}"
            if parts.exists():
                DeltaTable(str(folder)).delete(f"_batch = '{batch}'")
                shutil.rmtree(parts, ignore_errors=True)

    # -- keeping (under the home's keeping and load locks) ------------------------------------

    def tables(self) -> list[str]:
        """Every Delta table that is there, receipts and withdrawals too."""
        found = self._home.lake.iterdir() if self._home.lake.is_dir() else ()
        return sorted(path.name for path in found if DeltaTable.is_deltatable(str(path)))

    def parts(self, table: str) -> list[Path]:
        """Every Parquet part of a table, of every batch, seen by readers or not."""
        return [Path(path) for path in self._all_files(table)]

    def replace(
        self,
        table: str,
        removed: Sequence[Path],
        added: Sequence[Path],
        at: datetime,
        *,
        same_rows: bool,
    ) -> None:
        """Put parts in the place of others by one commit; each lies in its batch's folder."""
        root = self._home.lake / table
        standing = DeltaTable(str(root))
        adds = [_add_action(part, root, _batch_of(part)) for part in added]
        for action in adds:
            action.data_change = not same_rows
        removes = [
            RemoveAction(
                path=str(part.relative_to(root)),
                data_change=not same_rows,
                deletion_timestamp=int(at.timestamp() * 1000),
                partition_values={"_batch": _batch_of(part)},
            )
            for part in removed
        ]
        changes: list[AddAction | RemoveAction] = [*adds, *removes]
        standing.create_write_transaction(
            changes, mode="append", schema=standing.schema(), partition_by=["_batch"]
        )

    def vacuum(self, table: str, *, hours: int) -> int:
        """Remove the bytes of parts replaced longer ago than `hours`; returns how many."""
        gone = DeltaTable(str(self._home.lake / table)).vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False
        )
        return len(gone)

    def remove_unnamed(self, table: str) -> None:
        """Remove at once the bytes of every part that the table does not name now."""
        named = set(self.parts(table))
        for part in (self._home.lake / table).glob("_batch=*/*.parquet"):
            if part not in named:
                part.unlink()

    def standing_files(self) -> tuple[list[str], list[Path]]:
        """The batches that have a receipt now, and the files that tell of them and of no other.

        Logs are only added to, and a batch's receipt is its last commit: so of each table the
        newest version that names only such batches is what readers see, whatever a load that is
        under way adds meanwhile.
        """
        _, told = self._standing(RECEIPTS, None)
        batches = {_batch_of(part) for part in told}
        files: list[Path] = []
        for table in self.tables():
            version, parts = self._standing(table, None if table == REDACTIONS else batches)
            log = self._home.lake / table / "_delta_log"
            named = (path for path in log.iterdir() if path.name[:20].isdigit())
            files += [path for path in named if _last_version(path.name) <= version]
            files += parts
        return sorted(batches), sorted(files)

    def _standing(self, table: str, batches: Collection[str] | None) -> tuple[int, list[Path]]:
        """The newest version of a table that names only these batches, and its parts."""
        root = self._home.lake / table
        if not DeltaTable.is_deltatable(str(root)):
            return -1, []
        seen = DeltaTable(str(root))
        for version in range(seen.version(), -1, -1):
            seen.load_as_version(version)
            parts = [Path(unquote(uri.removeprefix("file://"))) for uri in seen.file_uris()]
            if batches is None or all(_batch_of(part) in batches for part in parts):
                return version, parts
        return -1, []

    def _append(
        self,
        table: str,
        columns: Mapping[str, str],
        batch: str,
        rows: Sequence[Mapping[str, Any]],
    ) -> None:
        target = self._home.lake / table / f"_batch={batch}"
        target.mkdir(parents=True, exist_ok=True)
        stored = {name: kind for name, kind in columns.items() if name != "_batch"}
        with Engine() as engine:
            described = ", ".join(f"{quoted(name)} {kind}" for name, kind in stored.items())
            engine.execute(f"CREATE TABLE rows ({described})")
            engine.load_rows("rows", [[row[name] for name in stored] for row in rows])
            engine.execute(
                "COPY rows TO $part (FORMAT parquet)", {"part": str(target / "0.parquet")}
            )
        self._add(table, columns, batch, [target / "0.parquet"])

    def _add(
        self, table: str, columns: Mapping[str, str], batch: str, parts: Sequence[Path]
    ) -> None:
        root = self._home.lake / table
        schema = Schema(
            [Field(name, PrimitiveType(_DELTA_TYPES[kind])) for name, kind in columns.items()]
        )
        actions = [_add_action(part, root, batch) for part in parts]
        changes: list[AddAction | RemoveAction] = [*actions]
        if DeltaTable.is_deltatable(str(root)):
            DeltaTable(str(root)).create_write_transaction(
                changes, mode="append", schema=schema, partition_by=["_batch"]
            )
        else:
            create_table_with_add_actions(
                str(root), schema, actions, mode="error", partition_by=["_batch"]
            )


def _batch_of(part: Path) -> str:
    """The batch whose folder a part lies in."""
    return part.parent.name.removeprefix("_batch=")


def _last_version(name: str) -> int:
    """The last version that a file of a Delta log tells of; a compacted one tells of several."""
    return max(int(digits) for digits in re.findall(r"(?<!\d)\d{20}(?!\d)", name))


def _add_action(part: Path, root: Path, batch: str) -> AddAction:
    status = part.stat()
    with Engine() as engine:
        records = engine.value("SELECT count(*) FROM read_parquet($part)", {"part": str(part)})
    return AddAction(
        path=str(part.relative_to(root)),
        size=status.st_size,
        partition_values={"_batch": batch},
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": records}),
    )


__all__ = ["Lake", "Receipt", "repeating"]
