"""Raw files after an erasure: a redacted copy takes a file's place, and nothing when all has gone.

Which bytes stand for a delivered file is told in the lake, by both hashes, so that a row's
`_file_sha256` leads somewhere as long as the row is there. A copy is written, then told, and
then the bytes that nothing leads to are removed: whatever is killed in between is done again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.receipt import Receipt


class Form(StrEnum):
    """What stands for a delivered file."""

    BLANKED = "blanked"  # the file itself, what has lapsed made empty lines
    REBUILT = "rebuilt"  # JSON lines of the records that remain, where no line can be blanked
    ERASED = "erased"  # nothing


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes that stand for a delivered file now, and what was delivered with it.

    `form` is None for the file as it came. `refused` gives, for a receipt's number, batch and
    table, the rows whose refusal is still kept.
    """

    path: Path
    name: str
    form: Form | None
    receipts: Sequence[Receipt]


class Redactor(Protocol):
    """Knows the formats; the loaders are one."""

    def __call__(self, engine: Engine, source: Source, target: Path) -> Form | None:
        """Write to `target` what may stay of a file; None where all of it may.

        In the engine, `kept.<table>` are the stored rows that remain, and the table `refused`
        (batch, n, table, row) the refused ones whose refusal is kept.
        """
        ...


def redact(
    home: Home,
    engine: Engine,
    receipts: Sequence[Receipt],
    touched: Collection[str],
    redactor: Redactor,
    at: datetime,
    workshop: Path,
) -> dict[str, int]:
    """Redact every raw file that may hold what was erased from the tables `touched`.

    Needs the load lock. Returns how many files were redacted and how many erased.
    """
    lake = Lake(home)
    standing = lake.redactions()
    counts = {"files_redacted": 0, "files_erased": 0}
    for sha256, delivered in _by_file(receipts).items():
        original = home.raw / sha256[:2] / sha256
        told = standing.get(sha256)
        again = told is not None and original.exists()
        if not (again or any(receipt.table in touched for receipt in delivered)):
            continue
        form = None if told is None or again else Form(told.form)
        path = original if form is None else lake.raw(sha256, standing)
        if path is None or not path.exists():
            continue
        draft = workshop / sha256
        became = redactor(engine, Source(path, delivered[0].file, form, delivered), draft)
        if became is None:
            continue
        stands = None if became is Form.ERASED else _take_in(home, draft)
        lake.redact(sha256, stands, became.value, at)
        counts["files_erased" if stands is None else "files_redacted"] += 1
    _remove_unnamed(home, lake, {each.file_sha256 for each in receipts if each.file_sha256})
    return counts


def erase_file(home: Home, sha256: str, at: datetime) -> None:
    """Note that nothing stands for a file any more; its bytes go with the next redaction."""
    Lake(home).redact(sha256, None, Form.ERASED.value, at)


def _by_file(receipts: Sequence[Receipt]) -> dict[str, list[Receipt]]:
    found: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        if receipt.file_sha256 is not None:
            found.setdefault(receipt.file_sha256, []).append(receipt)
    return found


def _take_in(home: Home, draft: Path) -> str:
    """Lay a copy among the raw files, by its own hash."""
    with draft.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    target = home.raw / sha256[:2] / sha256
    target.parent.mkdir(exist_ok=True, mode=0o700)
    draft.chmod(0o600)
    shutil.move(draft, target)
    return sha256


def _remove_unnamed(home: Home, lake: Lake, delivered: Collection[str]) -> None:
    """Remove every raw file that stands for no delivered file."""
    standing = lake.redactions()
    named = {lake.raw(sha256, standing) for sha256 in delivered}
    for folder in home.raw.iterdir() if home.raw.is_dir() else ():
        for path in folder.iterdir():
            if path not in named:
                path.unlink()
