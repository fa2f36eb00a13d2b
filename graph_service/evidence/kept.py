"""Packages kept for download: in the home, for its owner alone, and no longer than approved.

HOME/exports/<export_id>.zip. No backup takes them: each can be made again while it may be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Final

from graph_service.home import Home

_SUFFIX: Final = ".zip"


class Kept:
    """The packages that one home keeps."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.path / "exports"

    def place(self, export_id: str) -> Path:
        """Where the package of an export lies, or is to lie."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f"{export_id}{_SUFFIX}"

    def open(self, export_id: str, sha256: Collection[str]) -> tuple[BinaryIO, str] | None:
        """The package of an export and its hash, where that is one of `sha256`.

        It may be read to its end, also when it is removed meanwhile. Close it.
        """
        try:
            file = (self._folder / f"{export_id}{_SUFFIX}").open("rb")
        except FileNotFoundError:
            return None
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest not in sha256:
            file.close()
            return None
        file.seek(0)
        return file, digest

    def remove(self, export_id: str) -> None:
        """Keep the package of an export no more."""
        (self._folder / f"{export_id}{_SUFFIX}").unlink(missing_ok=True)

    def lapsed(self, standing: Collection[str]) -> list[Path]:
        """What is not of a standing export; and, no package being under way, what a kill left."""
        files = sorted(self._folder.iterdir()) if self._folder.is_dir() else ()
        return [each for each in files if each.suffix != _SUFFIX or each.stem not in standing]

    def sweep(self, standing: Collection[str]) -> list[str]:
        """Remove what has lapsed; the export_ids of the packages that went.

        Waits for a package that is under way.
        """
        with self.making():
            gone = self.lapsed(standing)
            for path in gone:
                path.unlink()
        return [path.stem for path in gone if path.suffix == _SUFFIX]

    def making(self, *, wait_seconds: float | None = None) -> AbstractContextManager[None]:
        """Hold the lock of those who make packages; OutOfTime after `wait_seconds`."""
        return self._home.writing("export", wait_seconds=wait_seconds)
