"""Load files into the lake: snapshot → room → rows → accept or refuse → parts → receipt.

One call is one batch. It works in a folder of its own under `HOME/pending` and becomes visible
by its last step; a process that dies before that leaves only what the next load sweeps away.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

from graph_service import settings
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.engines.macros import MACROS, STOCKHOLM
from graph_service.errors import FileRefused, UsageError
from graph_service.home import Home
from graph_service.lake import Lake, Receipt
from graph_service.records import TABLES
from loaders import reject_file
from loaders.accept import Delivery, accept, has_faults, open_mentions, unresolved
from loaders.decode import (
    Decoded,
    canonical_delimited,
    canonical_parquet,
    documents,
    mapped,
    tabular,
)
from loaders.mapping import Mapping
from loaders.rooms import CANONICAL, Room, named, room_of
from loaders.workbook import sheets

_BLOCK: Final = 8 << 20
LOADER: Final = "graph-service"
READ_NOTHING, REFUSED_SOME = 2, 3


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


def load(
    home: Home,
    paths: Sequence[Path],
    options: Options,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> Outcome:
    """Load `paths` (files and folders) as one batch; a second load waits for the first."""
    if not paths:
        raise UsageError("Name the files or folders to load.")
    room = _chosen(options)
    if options.check:
        with home.spill() as workshop:
            work = _Work(home, Lake(home), options, room, "check", clock(), workshop)
            return work.run(paths, progress)
    with home.writing("load"):
        sweep(home)
        lake = Lake(home)
        now = clock()
        batch = _next_batch(lake, now)
        workshop = home.pending / batch
        workshop.mkdir()
        try:
            outcome = _Work(home, lake, options, room, batch, now, workshop).run(paths, progress)
            _publish(home, lake, batch, workshop, outcome.receipts)
        finally:
            sweep(home)
        return outcome


def withdraw(home: Home, batch: str, *, reason: str, clock: Callable[[], datetime]) -> None:
    """Take a wrong batch out of every later view; that it was done is itself recorded."""
    with home.writing("load"):
        sweep(home)
        lake = Lake(home)
        if batch not in {receipt.batch for receipt in lake.receipts()}:
            raise UsageError("There is no such batch. `graph-service batches` lists them.")
        if batch in lake.withdrawn():
            raise UsageError("That batch is withdrawn already.")
        lake.withdraw(batch, clock(), reason)


def _chosen(options: Options) -> Room | None:
    if options.mapping is not None:
        mapping = Mapping.read(options.mapping)
        return Room(options.source or mapping.name, mapping=mapping)
    return None if options.source is None else named(options.source)


def _next_batch(lake: Lake, now: datetime) -> str:
    """A name that sorts after every earlier batch, whatever the clock does."""
    last = max((receipt.batch for receipt in lake.receipts()), default="")
    name = f"{now:%Y%m%dT%H%M%S%f}Z"
    while name <= last:
        at = datetime.strptime(last, "%Y%m%dT%H%M%S%fZ") + timedelta(microseconds=1)
        name = f"{at:%Y%m%dT%H%M%S%f}Z"
    return name


def _publish(
    home: Home, lake: Lake, batch: str, workshop: Path, receipts: Sequence[Receipt]
) -> None:
    """Move everything where it belongs; the receipts come last and make it visible."""
    copies = sorted((workshop / "raw").glob("*"))
    manifest = workshop / "manifest.json"
    manifest.write_text(json.dumps([copy.name for copy in copies]), encoding="ascii")
    for copy in copies:
        target = home.raw / copy.name[:2] / copy.name
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            copy.rename(target)
    if (workshop / "rejects").exists():
        (workshop / "rejects").rename(home.rejects / batch)
    lake.commit(batch, workshop / "lake")
    lake.commit_receipts(batch, receipts)


def sweep(home: Home) -> None:
    """Remove what loads left behind that died before their receipt. Needs the load lock."""
    begun = sorted(home.pending.iterdir())
    if not begun:
        return
    lake = Lake(home)
    receipts = lake.receipts()
    visible = {receipt.batch for receipt in receipts}
    kept = {receipt.file_sha256 for receipt in receipts}
    for workshop in begun:
        if workshop.name not in visible:
            lake.sweep(workshop.name)
            shutil.rmtree(home.rejects / workshop.name, ignore_errors=True)
            manifest = workshop / "manifest.json"
            for sha256 in json.loads(manifest.read_text()) if manifest.exists() else []:
                if sha256 not in kept:
                    (home.raw / sha256[:2] / sha256).unlink(missing_ok=True)
        shutil.rmtree(workshop)


def expand(paths: Sequence[Path]) -> Iterator[tuple[Path, str | None]]:
    """The files to load, each with the code of what keeps it from being read, if anything.

    A folder gives the files that lie in it, by name; sub-folders are not entered, and a link
    that leads out of the folder is not followed.
    """
    for path in paths:
        if not path.is_dir():
            yield path, None if path.is_file() else "not_readable"
            continue
        try:
            inside = sorted(path.iterdir())
        except OSError:
            yield path, "not_readable"
            continue
        for entry in inside:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not entry.resolve().is_relative_to(path.resolve()):
                yield entry, "not_readable"
            elif entry.is_dir():
                if entry.suffix:
                    yield entry, "not_readable"
            else:
                yield entry, None if entry.is_file() else "not_readable"


class _Work:
    """One batch on its way: files in, parts and receipts out, nothing visible yet."""

    def __init__(
        self,
        home: Home,
        lake: Lake,
        options: Options,
        room: Room | None,
        batch: str,
        now: datetime,
        workshop: Path,
    ) -> None:
        self.home, self.lake, self.options, self.room = home, lake, options, room
        self.batch, self.now, self.workshop = batch, now, workshop
        self.seen = lake.visible_batches()
        shown = set(self.seen)
        self.told = {
            (receipt.file_sha256, receipt.source, receipt.mapping)
            for receipt in lake.receipts()
            if receipt.batch in shown and receipt.refused is None
        }
        self.parts: dict[str, list[str]] = {}
        self.columns: dict[tuple[int, str], tuple[str, ...]] = {}
        for name in ("raw", "decoded", "spill"):
            (workshop / name).mkdir()

    def run(self, paths: Sequence[Path], progress: Progress | None) -> Outcome:
        outcome = Outcome(self.batch)
        files = list(expand(paths))
        if not files:
            raise UsageError("There are no files in the folder.")
        with Engine(memory=self.options.memory, spill=self.workshop / "spill") as engine:
            engine.script(MACROS)
            engine.script(STOCKHOLM)
            open_mentions(engine)
            for n, (path, code) in enumerate(files, start=1):
                shown = (
                    nullcontext()
                    if progress is None
                    else progress.file(path.name, n, len(files), engine)
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
            file=path.name,
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
            found = self._decode(engine, room, raw, path.name, str(n))
        except FileRefused as refused:
            receipt.refused, receipt.detail = refused.code, refused.detail
            return [receipt]
        receipts = [self._table(engine, n, table, receipt) for table in found]
        self.told.add((receipt.file_sha256, receipt.source, receipt.mapping))
        shutil.rmtree(self.workshop / "decoded")
        (self.workshop / "decoded").mkdir()
        return receipts

    def _snapshot(self, path: Path) -> Path:
        """Copy the bytes once; hash and rows are both of this copy."""
        copy = self.workshop / "decoded" / "snapshot"
        digest = hashlib.sha256()
        try:
            with path.open("rb") as source, copy.open("wb") as target:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    target.write(block)
        except OSError as error:
            raise FileRefused("not_readable") from error
        return copy.rename(self.workshop / "raw" / digest.hexdigest())

    def _decode(
        self, engine: Engine, room: Room, raw: Path, name: str, stem: str
    ) -> list[Decoded | tuple[str | None, FileRefused]]:
        folder = self.workshop / "decoded"
        if room.mapping is not None:
            return [*mapped(engine, room.mapping, raw, folder, stem, self.now.date())]
        if room.parser is not None:
            found = [*documents(room.parser, raw, folder, stem)]
            if room.whole and any(has_faults(engine, d, self.now.date()) for d in found):
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

    def _table(
        self,
        engine: Engine,
        n: int,
        found: Decoded | tuple[str | None, FileRefused],
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
            today=self.now.date(),
            seen_before=(file.file_sha256, file.source, file.mapping) in self.told,
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


def _sheet(title: str, found: Any) -> Decoded | tuple[str | None, FileRefused]:
    if isinstance(found, FileRefused):
        return (title if title in TABLES else None), found
    try:
        return tabular(title, found, ",")
    except FileRefused as refused:
        return title, refused


__all__ = ["CANONICAL", "Options", "Outcome", "Progress", "load", "sweep", "withdraw"]
