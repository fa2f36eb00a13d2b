"""One batch on its way: snapshot → room → rows → accept or refuse → parts; nothing visible yet."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from graph_service import settings
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.engines.macros import MACROS, STOCKHOLM
from graph_service.errors import FileRefused
from graph_service.lake import Lake, Receipt
from graph_service.records import TABLES
from loaders import reject_file
from loaders.accept import Delivery, accept, has_faults
from loaders.decode import Decoded, canonical_delimited, documents, mapped, tabular
from loaders.delimited import Delimited
from loaders.parquet import canonical_parquet
from loaders.references import open_mentions, unresolved
from loaders.rooms import Room, room_of
from loaders.workbook import sheets

_BLOCK: Final = 8 << 20
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
LOADER: Final = "graph-service"
READ_NOTHING, REFUSED_SOME = 2, 3
#: One table of a file, or its name (if it has one) and why it is refused.
Found: TypeAlias = Decoded | tuple[str | None, FileRefused]


class Progress(Protocol):
    """Shows how far a load has come."""

    def file(self, name: str, n: int, total: int, engine: Engine) -> AbstractContextManager[None]:
        """Work on one file; `engine.progress()` tells the share of the query that runs."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How to load: a named room or a user's mapping, or neither; `check` stores nothing."""

    source: str | None = None
    mapping: Path | None = None
    check: bool = False
    memory: str = settings.DEFAULT_MEMORY
    language: str = settings.LANGUAGES[0]


@dataclass(slots=True)
class Outcome:
    """What a load did: its receipts, and its refusals where nothing was stored."""

    batch: str
    receipts: list[Receipt] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done; 2 nothing could be read; 3 something was read and something refused."""
        if all(receipt.refused for receipt in self.receipts):
            return READ_NOTHING
        refused = any(receipt.refused or receipt.rejected for receipt in self.receipts)
        return REFUSED_SOME if refused else 0


class Batch:
    """Files in, parts and receipts out, all in a workshop of its own."""

    def __init__(
        self,
        lake: Lake,
        options: Options,
        room: Room | None,
        batch: str,
        now: datetime,
        workshop: Path,
    ) -> None:
        self.lake, self.options, self.room = lake, options, room
        self.batch, self.now, self.workshop = batch, now, workshop
        self.today = now.astimezone(_STOCKHOLM).date()
        self.seen = lake.visible_batches()
        self.told = {_delivery(receipt) for receipt in lake.standing_receipts()}
        self.parts: dict[str, list[str]] = {}
        self.columns: dict[tuple[int, str], tuple[str, ...]] = {}
        for name in ("raw", "decoded", "spill"):
            (workshop / name).mkdir()

    def run(self, files: Sequence[tuple[Path, str | None]], progress: Progress | None) -> Outcome:
        """Judge `files`, each with the code of what keeps it from being read, if anything."""
        outcome = Outcome(self.batch)
        with Engine(memory=self.options.memory, spill=self.workshop / "spill") as engine:
            engine.script(MACROS)
            engine.script(STOCKHOLM)
            open_mentions(engine)
            for n, (path, code) in enumerate(files, start=1):
                shown = (
                    nullcontext()
                    if progress is None
                    else progress.file(_name(path), n, len(files), engine)
                )
                with shown:
                    outcome.receipts += self._file(engine, n, path, code)
            self._resolve(engine, outcome.receipts)
        for receipt in outcome.receipts:
            receipt.check()
            if self.options.check and receipt.rejected:
                outcome.rejects += reject_file.of_receipt(self.workshop / "rejects", receipt)
        return outcome

    def _file(self, engine: Engine, n: int, path: Path, code: str | None) -> list[Receipt]:
        receipt = Receipt(
            batch=self.batch,
            n=n,
            source=None,
            mapping=None,
            file=_name(path),
            file_sha256=None,
            table=path.stem if path.stem in TABLES else None,
            loaded_at=self.now,
            loader=LOADER,
            loader_version=version("graph-service"),
        )
        try:
            if code is not None:
                raise FileRefused(code)
            raw = self._snapshot(path)
            receipt.file_sha256 = raw.name
            room = self.room or room_of(raw, path.name)
            receipt.source, receipt.mapping = room.name, room.digest
            folder = self.workshop / "decoded"
            found = decode(engine, room, raw, path.name, folder, str(n), self.today)
            receipts = [self._table(engine, n, table, receipt) for table in found]
        except FileRefused as refused:
            receipt.refused, receipt.detail = refused.code, refused.detail
            receipts = [receipt]
        self.told |= {_delivery(each) for each in receipts if each.refused is None}
        shutil.rmtree(self.workshop / "decoded")
        (self.workshop / "decoded").mkdir()
        return receipts

    def _snapshot(self, path: Path) -> Path:
        """Copy the bytes once; hash and rows are both of this copy."""
        copy = self.workshop / "decoded" / "snapshot"
        try:
            copy.touch(mode=0o600)
            shutil.copyfile(path, copy)
            with copy.open("rb") as snapshot:
                digest = hashlib.file_digest(snapshot, "sha256")
        except OSError as error:
            raise FileRefused("not_readable") from error
        return copy.rename(self.workshop / "raw" / digest.hexdigest())

    def _table(
        self,
        engine: Engine,
        n: int,
        found: Found,
        file: Receipt,
    ) -> Receipt:
        receipt = Receipt(
            **{name: getattr(file, name) for name in Receipt.__dataclass_fields__}
            | {"dropped_columns": [], "unresolved": {}, "unusable": {}, "counted": {}}
        )
        if isinstance(found, tuple):
            receipt.table, refused = found
            receipt.refused, receipt.detail = refused.code, refused.detail
            return receipt
        receipt.table = found.table
        part = self.workshop / "lake" / found.table / f"_batch={self.batch}" / f"{n}.parquet"
        delivery = Delivery(
            n=n,
            file_sha256=str(file.file_sha256),
            part=part,
            today=self.today,
            seen_before=_delivery(receipt) in self.told,
        )
        known = self.lake.open_table(
            engine, found.table, self.seen, "known_now", self.parts.get(found.table, [])
        )
        counts = accept(engine, found, delivery, known=known)
        if part.exists():
            self.parts.setdefault(found.table, []).append(str(part))
        if counts.rejected:
            reject_file.write(engine, found, self.workshop / "rejects", n, self.options.language)
        self.columns[n, found.table] = found.columns
        receipt.read, receipt.rejected = counts.read, counts.rejected
        receipt.stored, receipt.superseding = counts.stored, counts.superseding
        receipt.duplicates, receipt.ambiguous_times = counts.duplicates, counts.ambiguous_times
        receipt.dropped_columns = list(found.dropped)
        receipt.unusable, receipt.counted = counts.unusable, found.counted
        return receipt

    def _resolve(self, engine: Engine, receipts: Sequence[Receipt]) -> None:
        """Count references to rows that neither the lake nor this batch has."""
        targets = {
            column.refers_to[0]
            for (_, table), columns in self.columns.items()
            for name in columns
            if (column := TABLES[table][name]).refers_to is not None
        }
        for target in targets:
            view = quoted(f"target_{target}")
            self.lake.open_table(engine, target, self.seen, view, self.parts.get(target, []))
        for receipt in receipts:
            if receipt.refused is None and receipt.table is not None:
                columns = self.columns[receipt.n, receipt.table]
                receipt.unresolved = unresolved(engine, receipt.n, receipt.table, columns)


def decode(
    engine: Engine, room: Room, raw: Path, name: str, folder: Path, stem: str, today: date
) -> list[Found]:
    """The tables of a file that was called `name`, by its room; copies are made in `folder`."""
    if raw.stat().st_size == 0:
        raise FileRefused("empty_file")
    if room.mapping is not None:
        return [*mapped(engine, room.mapping, raw, folder, stem, today)]
    if room.parser is not None:
        found = [*documents(room.parser, raw, folder, stem)]
        for decoded in found:
            decoded.may_lack = tuple(room.may_lack.get(decoded.table, ()))
        if room.whole and any(has_faults(engine, d, today) for d in found):
            for decoded in found:
                decoded.condemned = True
        return [*found]
    table, ending = Path(name).stem, Path(name).suffix.lower()
    if ending == ".xlsx":
        return [_sheet(title, found) for title, found in sheets(raw, folder, stem)]
    if table not in TABLES or ending not in (".csv", ".parquet"):
        raise FileRefused("unknown_source")
    if ending == ".parquet":
        return [canonical_parquet(engine, table, raw, folder, stem)]
    return [canonical_delimited(table, raw, folder, stem)]


def _delivery(receipt: Receipt) -> tuple[str | None, ...]:
    """What makes two receipts tell of the same rows: bytes, room, mapping and table."""
    return receipt.file_sha256, receipt.source, receipt.mapping, receipt.table


def _name(path: Path) -> str:
    """A file's name as text, whatever bytes the file system has there."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def _sheet(title: str, found: Delimited | FileRefused) -> Found:
    if isinstance(found, FileRefused):
        return (title if title in TABLES else None), found
    try:
        return tabular(title, found, ",")
    except FileRefused as refused:
        return title, refused
