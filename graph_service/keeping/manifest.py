"""The manifest of a backup: what it holds, byte for byte, and what may no longer be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from graph_service.errors import BackupError, UsageError

MANIFEST: Final = "manifest.json"
DIGEST: Final = "manifest.sha256"
#: The folder of a backup that holds the home's files, by their own paths.
FILES: Final = "home"
_FORM: Final = 1


@dataclass(frozen=True, slots=True)
class Copied:
    """One file of a backup, and when the file that it is a copy of was last written."""

    sha256: str
    bytes: int
    written_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    `casework` is `sqlite` where people's work is in the backup, `elsewhere` where DATABASE_URL
    keeps it on a server, and None where there was none. `retention` is the decision of each
    class; `last_erasure` tells after which erasure it was made.
    """

    made_at: str
    program: str
    home_version: int
    casework: str | None
    batches: int
    current_run: str | None
    retention: Mapping[str, str]
    last_erasure: str | None
    files: Mapping[str, Copied] = field(repr=False)

    def write(self, folder: Path) -> None:
        """Write it, with its own digest beside it."""
        text = json.dumps({"backup": _FORM} | asdict(self), ensure_ascii=False, indent=1)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        (folder / DIGEST).write_text(f"{digest}\n", encoding="ascii")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a backup. Raises UsageError where there is none, BackupError where it
        was changed.
        """
        try:
            text = (folder / MANIFEST).read_bytes()
            digest = (folder / DIGEST).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{folder} holds no backup. Name a folder that `graph-service backup` made."
            ) from error
        if hashlib.sha256(text).hexdigest() != digest:
            raise BackupError(f"{MANIFEST} is not as it was written. Take another backup.")
        told: dict[str, Any] = json.loads(text)
        if told.pop("backup") != _FORM:
            raise UsageError("The backup is of a newer program. Install that one to restore it.")
        told["files"] = {path: Copied(**about) for path, about in told["files"].items()}
        return cls(**told)

    def check(self, folder: Path) -> None:
        """Read every file; raises BackupError that names the first one that is not as written."""
        for path, about in self.files.items():
            try:
                with (folder / FILES / path).open("rb") as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError:
                found = "nothing"
            if found != about.sha256:
                raise BackupError(
                    f"{path} of the backup is not as it was written. Nothing was restored; "
                    "take another backup."
                )
