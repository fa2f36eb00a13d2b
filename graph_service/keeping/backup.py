"""A backup of a home while it serves and loads; and the way back into an empty folder.

What is copied agrees with itself: the end of the log before the log, the receipts before the
tables that they speak of, the pointer to the current run before the runs. What a load under way
has not told by a receipt is left out. The keeping lock keeps erasures and pruning waiting.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from graph_service.casework.database import Database
from graph_service.casework.keeping import Keeping, copy_sqlite
from graph_service.clock import Clock
from graph_service.errors import UsageError
from graph_service.home import NEWEST_VERSION, RESTORING, Home
from graph_service.keeping.manifest import FILES, Copied, Manifest
from graph_service.lake import Lake
from graph_service.run_file import RunFolder

_BLOCK: Final = 8 << 20
_BUILDING: Final = ".building"
_REPLACED: Final = ".replaced"
#: Files of these folders are written once: one of the same path, size and time is the same.
_IMMUTABLE: Final = ("lake", "raw", "rejects", "runs")
#: Small files of the home that people or the program have written.
_NOTES: Final = (
    "version",
    "thresholds.toml",
    "links.toml",
    "practice.toml",
    "reference.key",
    "neo4j-home",
)


def back_up(
    home: Home, target: Path, *, database: Database | None, anchor: Path, clock: Clock
) -> Manifest:
    """Write a backup to `target`, whole or not at all.

    Where `target` holds an earlier backup it is replaced, and what has not changed since is
    taken over by a hard link. `database` is None where there is no casework yet; one that is not
    SQLite is left to its own server's tools.
    """
    building = target.with_name(target.name + _BUILDING)
    with home.writing("keeping"):
        _settle(target)
        earlier = _earlier(target)
        shutil.rmtree(building, ignore_errors=True)
        try:
            (building / FILES).mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise UsageError(
                f"{target} cannot be written ({error.strerror}). Name a folder on another disk."
            ) from error
        copying = _Copying(home.path, building / FILES, target / FILES, earlier)
        copying.take_folder(anchor, "audit")
        _take_casework(copying, database)
        batches, told = Lake(home).standing_files()
        current = RunFolder(home).current()
        for path in (*_of_runs(home), *told, *_of_batches(home, set(batches))):
            copying.take(path)
        if current is not None:
            copying.write("runs/current", f"{current.run_id}\n".encode())
        for name in _NOTES:
            copying.take(home.path / name)
        # The public ones: a private key that lies in two places signs for nobody.
        for path in sorted((home.path / "signing").glob("*.pem")):
            copying.take(path)
        if "version" not in copying.files:
            copying.write("version", f"{home.version}\n".encode())
        keeping = None if database is None else Keeping(database, clock=clock)
        made = Manifest(
            made_at=clock().isoformat(),
            program=version("graph-service"),
            home_version=home.version,
            casework=None if database is None else "sqlite" if database.is_sqlite else "elsewhere",
            batches=len(batches),
            current_run=None if current is None else current.run_id,
            retention={} if keeping is None else _retention(keeping),
            last_erasure=None if keeping is None else _last_erasure(keeping),
            files=dict(sorted(copying.files.items())),
        )
        made.write(building)
        _put_in_place(building, target)
    return made


def restore(source: Path, target: Path) -> Manifest:
    """Put a backup into an empty or missing home.

    Every byte is checked first: raises BackupError where one differs, and then nothing was
    written. One that was interrupted is done again from its start.
    """
    manifest = Manifest.read(source)
    if manifest.home_version > NEWEST_VERSION:
        raise UsageError("The backup is of a newer program. Install that one to restore it.")
    staged = target / RESTORING
    entries = list(target.iterdir()) if target.is_dir() else []
    if entries and staged not in entries:
        raise UsageError(f"{target} is not empty. Restore into a folder that is, or is not there.")
    manifest.check(source)
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    staged.mkdir(parents=True, mode=0o700)
    target.chmod(0o700)
    for path in manifest.files:
        copy = staged / path
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _copy(source / FILES / path, copy)
    for entry in sorted(staged.iterdir()):
        entry.rename(target / entry.name)
    staged.rmdir()
    _sync(target)
    return manifest


class _Copying:
    """Files of a home on their way into a backup."""

    def __init__(self, home: Path, target: Path, earlier: Path, known: dict[str, Copied]) -> None:
        self._home, self._target, self._earlier, self._known = home, target, earlier, known
        self.files: dict[str, Copied] = {}

    def take(self, path: Path, name: str | None = None) -> None:
        """Copy a file, or link the earlier backup's copy of it; nothing where it is not there."""
        if not path.is_file():
            return
        name = name or path.relative_to(self._home).as_posix()
        status, known = path.stat(), self._known.get(name)
        copy = self._target / name
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        same = known is not None and (known.bytes, known.written_ns) == (
            status.st_size,
            status.st_mtime_ns,
        )
        if known is not None and same and name.partition("/")[0] in _IMMUTABLE:
            os.link(self._earlier / name, copy)
            self.files[name] = known
        else:
            self.files[name] = Copied(_copy(path, copy), copy.stat().st_size, status.st_mtime_ns)

    def take_folder(self, folder: Path, name: str) -> None:
        """Copy the files of one folder, wherever it lies."""
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not path.name.endswith((".lock", ".building")):
                self.take(path, f"{name}/{path.name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file that says what was true when the backup began."""
        draft = self._target / name
        draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_bytes(content)
        self.took(name)

    def took(self, name: str) -> None:
        """Note a file that was written here."""
        path = self._target / name
        path.chmod(0o600)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self.files[name] = Copied(digest, path.stat().st_size, 0)

    def place(self, name: str) -> Path:
        """Where a file of the home will lie in the backup."""
        return self._target / name


def _take_casework(copying: _Copying, database: Database | None) -> None:
    if database is not None and database.is_sqlite:
        copy_sqlite(database, copying.place("casework.sqlite"))
        copying.took("casework.sqlite")


def _of_runs(home: Home) -> Iterator[Path]:
    """The runs; readers hold them open, and none is ever changed."""
    for run in RunFolder(home).all():
        yield run.path


def _of_batches(home: Home, batches: set[str]) -> Iterator[Path]:
    """Raw bytes and refused rows of the batches."""
    lake = Lake(home)
    redactions = lake.redactions()
    told = [receipt for receipt in lake.receipts() if receipt.batch in batches]
    for sha256 in sorted({receipt.file_sha256 for receipt in told if receipt.file_sha256}):
        if (raw := lake.raw(sha256, redactions)) is not None:
            yield raw
    for batch in sorted(batches):
        yield from _files_below(home.rejects / batch)


def _files_below(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _retention(keeping: Keeping) -> dict[str, str]:
    """Until when what is in the backup may be kept, in the words of the decisions."""
    return {
        kind.value: f"{decided.months} months, {decided.decision}"
        for kind, decided in sorted(keeping.decisions().items())
    }


def _last_erasure(keeping: Keeping) -> str | None:
    ends = [each.finished_at for each in keeping.erasures() if each.finished_at is not None]
    return max(ends).isoformat() if ends else None


def _earlier(target: Path) -> dict[str, Copied]:
    """The files of the backup that stands there; refuses a folder that is something else."""
    if not target.exists() or not any(target.iterdir()):
        return {}
    return dict(Manifest.read(target).files)


def _settle(target: Path) -> None:
    """After a kill between the two renames the earlier backup is put back."""
    replaced = target.with_name(target.name + _REPLACED)
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)


def _put_in_place(building: Path, target: Path) -> None:
    replaced = target.with_name(target.name + _REPLACED)
    _sync(building)
    with suppress(FileNotFoundError):
        target.rename(replaced)
    building.rename(target)
    _sync(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _copy(source: Path, target: Path) -> str:
    """Copy bytes to the disk; returns their SHA-256."""
    digest = hashlib.sha256()
    target.touch(mode=0o600)
    with source.open("rb") as given, target.open("wb") as copy:
        while block := given.read(_BLOCK):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
