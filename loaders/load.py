"""Load files into the lake as one batch, or take a batch out of sight.

One call is one batch. It works in a folder of its own under `HOME/pending` and becomes visible
by its last step; a process that dies before that leaves only what the next load sweeps away.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from graph_service.engines.duckdb import Engine
from graph_service.errors import UsageError
from graph_service.home import Home
from graph_service.lake import Lake, Receipt, repeating
from loaders.batch import Batch, Options, Outcome, Progress
from loaders.mapping import Mapping
from loaders.rooms import Room, named


def load(
    home: Home,
    paths: Sequence[Path],
    options: Options,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
    wait_seconds: float | None = None,
) -> Outcome:
    """Load `paths` (files and folders) as one batch; a second load waits for the first.

    Raises OutOfTime where the first is not done within `wait_seconds`.
    """
    if not paths:
        raise UsageError("Name the files or folders to load.")
    room = _chosen(options)
    files = list(expand(paths))
    if not files:
        raise UsageError("There are no files in the folder.")
    with home.writing("load", wait_seconds=wait_seconds):
        sweep(home)
        lake = Lake(home)
        now = clock()
        batch = "check" if options.check else _next_batch(lake, now)
        workshop = home.pending / batch
        workshop.mkdir(mode=0o700)
        try:
            outcome = Batch(lake, options, room, batch, now, workshop).run(files, progress)
            if not options.check:
                _publish(home, lake, batch, workshop, outcome.receipts, clock)
        except Engine.out_of_memory as error:
            raise UsageError("The memory does not suffice; give more with --memory.") from error
        except Engine.interrupted:
            raise
        except Engine.failure as error:
            # The engine's messages quote rows; the place alone tells us enough.
            told = RuntimeError(f"the engine failed: {type(error).__name__}")
            raise told.with_traceback(error.__traceback__) from None
        finally:
            sweep(home)
        return outcome


def withdraw(
    home: Home, batch: str, *, reason: str, clock: Callable[[], datetime]
) -> list[Receipt]:
    """Take a wrong batch out of every later view; that it was done is itself recorded.

    Returns the receipts of later batches that counted rows as duplicates which may have stood in
    this one: they are seen no more, until those files are loaded again.
    """
    with home.writing("load"):
        sweep(home)
        lake = Lake(home)
        receipts, withdrawn = lake.receipts(), lake.withdrawn()
        if batch not in {receipt.batch for receipt in receipts}:
            raise UsageError("There is no such batch. `graph-service batches` lists them.")
        if batch in withdrawn:
            raise UsageError("That batch is withdrawn already.")
        lake.withdraw(batch, clock(), reason)
        seen = [receipt for receipt in receipts if receipt.batch not in withdrawn]
        return repeating(seen, batch)


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
    home: Home,
    lake: Lake,
    batch: str,
    workshop: Path,
    receipts: Sequence[Receipt],
    clock: Callable[[], datetime],
) -> None:
    """Move everything where it belongs; the receipts come last and make it visible.

    They bear the time at which they do so: a view of what was known before never changes.
    """
    copies = sorted((workshop / "raw").glob("*"))
    manifest = workshop / "manifest.json"
    manifest.write_text(json.dumps([copy.name for copy in copies]), encoding="ascii")
    for copy in copies:
        target = home.raw / copy.name[:2] / copy.name
        target.parent.mkdir(exist_ok=True, mode=0o700)
        if not target.exists():
            copy.rename(target)
    rejects = workshop / "rejects"
    if rejects.exists():
        for path in (rejects, *rejects.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        rejects.rename(home.rejects / batch)
    lake.commit(batch, workshop / "lake")
    at = clock()
    for receipt in receipts:
        receipt.loaded_at = at
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
        try:
            inside = sorted(path.iterdir()) if path.is_dir() else None
            if inside is None:
                yield path, None if path.is_file() else "not_readable"
        except (OSError, ValueError):
            yield path, "not_readable"
            continue
        for entry in inside or ():
            if not entry.name.startswith("."):
                yield from _entry(path, entry)


def _entry(folder: Path, entry: Path) -> Iterator[tuple[Path, str | None]]:
    try:
        leaves = entry.is_symlink() and not entry.resolve().is_relative_to(folder.resolve())
        if leaves:
            yield entry, "not_readable"
        elif not entry.is_dir():
            yield entry, None if entry.is_file() else "not_readable"
        elif entry.suffix:  # a folder where a file belongs
            yield entry, "not_readable"
    except (OSError, RuntimeError):  # no right to look, or a link that leads to itself
        yield entry, "not_readable"


__all__ = ["Options", "Outcome", "Progress", "load", "sweep", "withdraw"]
