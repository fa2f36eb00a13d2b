"""A folder where other systems leave files: taken when complete, loaded, and put away.

FOLDER/<file>            waits: taken when nothing of it has changed for a while, or when
FOLDER/<file>.done       lies beside it
FOLDER/.taking/<job>/    is being loaded; taken up again if that died
FOLDER/taken/<job>/      was loaded, with the receipts beside it
FOLDER/refused/<job>/    could not be read at all, with the receipts beside it

Ordinary files count, and neither links nor sub-folders nor names that say that a file is still
being written. A file is moved out of reach before it is read, so no two watchers load it; that a
delivery taken up again is not loaded twice is the loader's law (the same bytes are duplicates).
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from filelock import FileLock

from graph_service.errors import HomeError

STEADY_SECONDS: Final = 10.0
_DONE: Final = ".done"
_UNFINISHED: Final = (_DONE, ".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")
_TAKING: Final = ".taking"
_TAKEN: Final = "taken"
_REFUSED: Final = "refused"
#: What changes when a file is written to or replaced.
_State: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Files that were taken for one job, out of reach of who left them."""

    job_id: str
    files: tuple[Path, ...]


class DropFolder:
    """One watched folder. `steady` is for how many seconds a file must lie unchanged."""

    def __init__(
        self,
        folder: Path,
        *,
        steady: float = STEADY_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self._steady = steady
        self._seconds = seconds
        self._sleep = sleep
        self._seen: dict[bytes, tuple[_State, float]] = {}

    def complete(self) -> list[Path]:
        """The files that are complete by what this and earlier looks saw."""
        now = self._seconds()
        names = {os.fsencode(entry.name): entry for entry in self._entries()}
        seen = {name: self._since(name, entry, now) for name, entry in names.items()}
        self._seen = {name: state for name, state in seen.items() if state is not None}
        return [
            self.folder / entry.name
            for name, entry in sorted(names.items())
            if name in self._seen and self._is_complete(name, now)
        ]

    @contextmanager
    def taking(self, job_id: str) -> Iterator[Delivery]:
        """Take what is complete, and what an earlier job had taken when it died.

        Waits for the steadiness of what has come; a second taker waits for the first.
        """
        self._ready()
        with FileLock(self.folder / ".lock"):
            self.complete()
            if any(not self._is_complete(name, self._seconds()) for name in self._seen):
                self._sleep(self._steady)
            yield Delivery(job_id, tuple(self._take(job_id)))
            for folder in (self.folder / _TAKING).iterdir():
                if not any(folder.iterdir()):
                    folder.rmdir()

    def put_away(
        self,
        delivery: Delivery,
        refused: Iterable[Path],
        receipts: Iterable[Mapping[str, Any]],
    ) -> None:
        """Move what was loaded to `taken`, what was not to `refused`, receipts beside both."""
        refused = set(refused)
        told = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in receipts)
        for name in (_TAKEN, _REFUSED):
            files = [file for file in delivery.files if (file in refused) == (name == _REFUSED)]
            if not files:
                continue
            place = self.folder / name / delivery.job_id
            place.mkdir(mode=0o700, exist_ok=True)
            (place / "receipts.jsonl").write_text(told, encoding="utf-8", errors="replace")
            for file in files:
                file.rename(_free(place, file.name))

    def _take(self, job_id: str) -> Iterator[Path]:
        """What was taken before and is not put away, then what is complete now."""
        place = self.folder / _TAKING / job_id
        for died in sorted((self.folder / _TAKING).iterdir()):
            yield from sorted(died.iterdir(), key=os.fsencode)
        place.mkdir(mode=0o700)
        for file in self.complete():
            target = place / file.name
            file.rename(target)
            (self.folder / (file.name + _DONE)).unlink(missing_ok=True)
            if stat.S_ISREG(target.lstat().st_mode):
                yield target
            else:  # put there while we looked away
                target.unlink()

    def _ready(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in (_TAKING, _TAKEN, _REFUSED):
                (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise HomeError(
                f"The drop folder {self.folder} cannot be written ({error.strerror}). "
                "Give another one with --drop."
            ) from error
        for name in (_TAKING, _TAKEN, _REFUSED):
            if not stat.S_ISDIR((self.folder / name).lstat().st_mode):
                raise HomeError(f"{name} in the drop folder is a link. Remove it.")

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                return [
                    entry
                    for entry in entries
                    if not entry.name.startswith(".")
                    and not entry.name.lower().endswith(_UNFINISHED)
                    and entry.is_file(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise HomeError(
                f"The drop folder {self.folder} cannot be read ({error.strerror})."
            ) from error

    def _since(
        self, name: bytes, entry: os.DirEntry[str], now: float
    ) -> tuple[_State, float] | None:
        """What a file is like, and since when it has been so; None where it has just gone."""
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        before = self._seen.get(name)
        return before if before is not None and before[0] == state else (state, now)

    def _is_complete(self, name: bytes, now: float) -> bool:
        marked = self.folder / (os.fsdecode(name) + _DONE)
        return now - self._seen[name][1] >= self._steady or marked.is_file()


def _free(folder: Path, name: str) -> Path:
    """A place of that name in a folder, numbered where one is taken; the ending stays."""
    found, n = folder / name, 1
    while found.exists():
        n += 1
        found = folder / f"{n}-{name}"
    return found
