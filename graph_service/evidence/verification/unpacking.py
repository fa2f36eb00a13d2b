"""A package opened without trusting it: what is written are plain files below one folder.

A package is a zip whose entries are stored, not compressed: so equal content gives equal bytes with
every version of every compressor. Others are read too, within bounds, but are not as this program
packs; and that holds of every byte of the archive, since it must be what packing its content gives.
"""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from graph_service.errors import UsageError
from graph_service.evidence import package
from graph_service.evidence.bag.sealing import NAME, pack
from graph_service.evidence.verification.fault import Fault, FaultKind

_BLOCK: Final = 1 << 20
#: As for archives that are loaded (docs/records.md): what is larger is not unpacked.
_MOST_BYTES: Final = 4 << 30
_MOST_TIMES: Final = 100
_MOST_FILES: Final = 10_000
#: How every zip begins that nobody put anything before.
_SIGN: Final = b"PK"
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
#: What reading a damaged archive ends with.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A package's bag as a folder, and what was wrong on the way to it."""

    root: Path
    faults: tuple[Fault, ...]


class _Damaged(Exception):
    """An entry that cannot be read."""


@contextmanager
def opened(path: Path, spill: Path | None = None) -> Iterator[Unpacked]:
    """A package, zipped or as a folder; what is unpacked, below `spill`, goes when the block ends.

    Raises UsageError for what is no package at all.
    """
    if path.is_dir():
        yield Unpacked(_bag_of(path), ())
        return
    if not path.is_file():
        raise UsageError(f"{path} cannot be read: there is no such file or folder.")
    with tempfile.TemporaryDirectory(prefix="evidence-", dir=spill) as folder:
        root = Path(folder) / package.ROOT
        root.mkdir()
        with path.open("rb") as file:
            faults = _unpack(file, root)
        if not faults:
            faults = _repacked(path, root, Path(folder) / "again.zip")
        yield Unpacked(root, tuple(faults))


def _bag_of(folder: Path) -> Path:
    """The bag in a folder: the folder itself, or the one that the zip had."""
    for root in (folder, folder / package.ROOT):
        if any((root / name).exists() for name in (package.MANIFEST, package.TAG_MANIFEST)):
            return root
    raise UsageError(f"{folder} is no package of evidence: {package.MANIFEST} is not there.")


def _unpack(file: IO[bytes], root: Path) -> list[Fault]:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE as error:
        file.seek(0)
        if file.read(len(_SIGN)) == _SIGN:
            return [Fault(FaultKind.DAMAGED, Path(file.name).name)]
        raise UsageError(f"{file.name} is no package of evidence: it is not a zip.") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if not any(entry.filename.startswith(f"{package.ROOT}/") for entry in entries):
            raise UsageError(
                f"{file.name} is no package of evidence: it holds no folder {package.ROOT}."
            )
        size = sum(entry.file_size for entry in entries)
        most = min(_MOST_BYTES, _MOST_TIMES * os.fstat(file.fileno()).st_size)
        if size > most or len(entries) > _MOST_FILES:
            return [Fault(FaultKind.TOO_LARGE, Path(file.name).name)]
        return _extract(archive, entries, root)


def _extract(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], root: Path) -> list[Fault]:
    faults = []
    seen = set()
    for entry in entries:
        written = entry.orig_filename  # as it stands: `filename` ends at a NUL byte
        top, _, name = written.partition("/")
        if top != package.ROOT or not NAME.fullmatch(name) or not _is_plain(entry):
            faults.append(Fault(FaultKind.UNSAFE, shown(written)))
        elif name.casefold() in seen:
            faults.append(Fault(FaultKind.TWICE, name))
        else:
            seen.add(name.casefold())
            faults += _write(archive, entry, root, name)
    return faults


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in (0, stat.S_IFREG) and entry.compress_type in _METHODS


def _write(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, root: Path, name: str
) -> Iterator[Fault]:
    target = root / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in _blocks(archive, entry):
                file.write(block)
    except _Damaged:
        target.unlink(missing_ok=True)
        yield Fault(FaultKind.CHANGED, name)
    except (FileExistsError, NotADirectoryError):
        yield Fault(FaultKind.TWICE, name)  # one entry's file is another's folder


def _blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """An entry's bytes, never more than it says it has."""
    try:
        with archive.open(entry) as source:
            while block := source.read(_BLOCK):
                yield block
    except _DAMAGE as error:
        raise _Damaged from error


def _repacked(path: Path, root: Path, again: Path) -> list[Fault]:
    """Whether the archive differs from what packing its content gives, and at which entry."""
    pack(root, again)
    with path.open("rb") as given, again.open("rb") as made:
        at = 0
        while (block := given.read(_BLOCK)) == (other := made.read(_BLOCK)):
            if not block:
                return []
            at += len(block)
    pairs = enumerate(zip(block, other, strict=False))
    at += next((n for n, (one, two) in pairs if one != two), min(len(block), len(other)))
    return [Fault(FaultKind.REPACKED, _entry_at(again, at) or path.name)]


def _entry_at(archive: Path, at: int) -> str | None:
    """Which entry's header or bytes are at a place; None past the last."""
    with zipfile.ZipFile(archive) as made:
        before = [each for each in made.infolist() if each.header_offset <= at < made.start_dir]
    return before[-1].filename.removeprefix(f"{package.ROOT}/") if before else None


def shown(name: str) -> str:
    """A name that may hold anything, to be printed."""
    return name.encode("unicode_escape").decode("ascii")[:200]
