"""The anchor: where the log ended, kept outside the database, so that a cut-off tail shows.

One line of JSON, replaced as a whole. It only moves forward, and only along the chain that it
stands on: once the log no longer holds the entry that the anchor names, the anchor stays where it
is, and every verification says so until somebody renews it by hand.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from graph_service.errors import AuditError, UsageError

_LINE: Final = re.compile(r"(0|[1-9]\d{0,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest entry's number, digest and moment (UTC, ISO 8601; None for an empty log)."""

    seq: int
    digest: str
    at: str | None = None

    def __str__(self) -> str:
        """The line to paste into a diary."""
        return f"{self.seq}:{self.digest}"


def parse(line: str) -> Anchor:
    """An anchor as somebody wrote it down."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise UsageError("An anchor is written seq:digest. Take one from `audit anchor`.")
    return Anchor(int(match[1]), match[2])


class AnchorFile:
    """The file `anchor` in a folder; several processes may move it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "anchor"

    def read(self) -> Anchor | None:
        """The anchor that stands, or None; AuditError where the file is no anchor."""
        try:
            told = json.loads(self.path.read_text(encoding="ascii"))
            anchor = Anchor(told["seq"], told["digest"], told["at"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditError(
                f"The log's anchor {self.path} cannot be read ({error.strerror}). "
                "Let the service read it."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise AuditError(
                f"The file {self.path} is not an anchor of the log. Take it from a backup."
            ) from error
        if type(anchor.seq) is not int or not _LINE.fullmatch(str(anchor)):
            raise AuditError(
                f"The file {self.path} is not an anchor of the log. Take it from a backup."
            )
        return anchor

    def advance(self, to: Anchor, along: Callable[[Anchor], bool]) -> None:
        """Move the anchor to `to`, where it is behind and `along` says that the log holds it.

        A log that has entries but no anchor gets none here: `renew` gives it one.
        """
        with self._locked():
            stands = self.read()
            if stands is not None and stands.seq < to.seq and along(stands):
                self._write(to)

    def begin(self, empty: Anchor) -> None:
        """Set the anchor of an empty log, unless one stands."""
        with self._locked():
            if self.read() is None:
                self._write(empty)

    def renew(self, to: Anchor) -> None:
        """Set the anchor whatever stands there: somebody has looked into it."""
        with self._locked():
            self._write(to)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.path.with_suffix(".lock")):
                yield
        except OSError as error:
            raise AuditError(
                f"The log's anchor {self.path} cannot be written ({error.strerror}). "
                "See that its disk has room and that the folder is ours to write."
            ) from error

    def _write(self, anchor: Anchor) -> None:
        draft = self.path.with_suffix(".building")
        with draft.open("w", encoding="ascii") as file:
            json.dump({"seq": anchor.seq, "digest": anchor.digest, "at": anchor.at}, file)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o600)
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
