"""Packages kept for download: in the home, for its owner alone, and no longer than approved.

HOME/exports/<export_id>.zip. No backup takes them: each can be made again while it may be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from graph_service.home import Home

_SUFFIX: Final = ".zip"


class Kept:
    """The packages that one home keeps."""

    def __init__(self, home: Home) -> None:
        self._folder = home.path / "exports"

    def place(self, export_id: str) -> Path:
        """Where the package of an export lies, or is to lie."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f"{export_id}{_SUFFIX}"

    def found(self, export_id: str, sha256: Collection[str]) -> tuple[Path, str] | None:
        """The package of an export and its hash, where that is one of `sha256`."""
        path = self._folder / f"{export_id}{_SUFFIX}"
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        return (path, digest) if digest in sha256 else None

    def sweep(self, standing: Collection[str]) -> list[str]:
        """Remove what is not of a standing export, drafts too; the export_ids that went."""
        gone = []
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            if path.suffix != _SUFFIX or path.stem not in standing:
                path.unlink()
                gone.append(path.stem)
        return gone
