"""The home folder: where each kind of state lies, and the lock that lets one writer in.

HOME/version            which layout this is; a home without it is of the first one
HOME/lake/<table>/      Delta tables: the records, and `receipts` and `withdrawals`
HOME/raw/<aa>/<sha256>  the bytes of every loaded file
HOME/rejects/<batch>/   refused rows, ready to be corrected and loaded again
HOME/runs/              one file a run, and which one is current
HOME/pending/           what a load has begun; empty when nothing is under way
HOME/neo4j/             the home's own graph server: data, password, settings, logs
HOME/neo4j-home         the name by which a database knows this home
HOME/casework.sqlite    people's own work, unless DATABASE_URL names a PostgreSQL
HOME/audit/             the anchor of the log: where it ended, kept outside the database
HOME/reference.key      makes the opaque references of entities; keep it as you keep a password
HOME/signing.key        signs packages of evidence; in no backup, keep it as you keep a seal
HOME/signing/           the public keys that have signed
HOME/exports/           packages that may be downloaded, as long as they are approved
HOME/sights/<run>/      what may be seen of a run, one file a reach; made anew at will
HOME/jobs/              a lock for each job that runs, and what one that failed said
HOME/practice.toml      how the municipality works: hours for a finding, days of payment
HOME/spill/             what does not fit in memory; emptied when a command ends
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from graph_service.errors import HomeError, OutOfTime

#: The layout that this program writes; `graph_service/keeping/version.py` carries older ones up.
NEWEST_VERSION: Final = 2
_FIRST_VERSION: Final = 1
#: What a restore that was interrupted leaves in the home.
RESTORING: Final = ".restoring"


class Home:
    """One home folder. Nothing is created until something is written.

    Raises HomeError for a home that a newer program wrote, or that is half restored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lake = path / "lake"
        self.raw = path / "raw"
        self.rejects = path / "rejects"
        self.runs = path / "runs"
        self.pending = path / "pending"
        self.thresholds = path / "thresholds.toml"
        self.links = path / "links.toml"
        self.casework = path / "casework.sqlite"
        self.audit = path / "audit"
        self.sights = path / "sights"
        self._reference_key = path / "reference.key"
        self._version = path / "version"
        self._refuse_unreadable()

    @property
    def version(self) -> int:
        """The layout of a home that is there; the newest where nothing is there yet."""
        try:
            return int(self._version.read_text(encoding="ascii"))
        except FileNotFoundError:
            return _FIRST_VERSION if self.lake.exists() else NEWEST_VERSION
        except (OSError, ValueError) as error:
            raise HomeError(
                f"{self._version} cannot be read as a number. Restore it from a backup."
            ) from error

    def set_version(self, version: int) -> None:
        """Note that the home is of a layout now."""
        handle, draft = tempfile.mkstemp(dir=self.path, prefix=".version")
        with open(handle, "w", encoding="ascii") as stream:  # noqa: PTH123 - a handle, no path
            stream.write(f"{version}\n")
        Path(draft).rename(self._version)

    def _refuse_unreadable(self) -> None:
        if self.version > NEWEST_VERSION:
            raise HomeError(
                f"The home folder {self.path} is of version {self.version}, written by a newer "
                f"program; this one knows versions up to {NEWEST_VERSION}. Install the newer one."
            )
        if (self.path / RESTORING).exists():
            raise HomeError(
                f"A restore into {self.path} was not finished. "
                "Run `graph-service restore` with the same backup again."
            )

    def create(self) -> None:
        """Make the folders, readable by their owner only: they hold personal data."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._version.exists() and not self.lake.exists():
                self.set_version(NEWEST_VERSION)
            for folder in (self.lake, self.raw, self.rejects, self.runs, self.pending):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise HomeError(
                f"The home folder {self.path} cannot be written ({error.strerror}). "
                "Give another one with --home."
            ) from error

    def reference_key(self) -> bytes:
        """The home's own secret of 32 bytes, made when first asked for."""
        if not self._reference_key.exists():
            with self.writing("key"):
                if not self._reference_key.exists():
                    draft = self._reference_key.with_suffix(".building")
                    draft.touch(mode=0o600)
                    draft.write_bytes(secrets.token_bytes(32))
                    draft.rename(self._reference_key)
        return self._reference_key.read_bytes()

    @contextmanager
    def writing(self, what: str, *, wait_seconds: float | None = None) -> Iterator[None]:
        """Hold the lock of one kind of work; a second process waits for the first.

        The kernel drops the lock when its holder dies, however it dies. Raises OutOfTime where
        the first is not done within `wait_seconds`; None waits for as long as it takes.
        """
        self.create()
        lock = FileLock(self.path / f".{what}.lock")
        try:
            lock.acquire(timeout=-1 if wait_seconds is None else wait_seconds)
        except Timeout as busy:
            raise OutOfTime(
                f"Other work of the same kind ({what}) is under way. Try again when it is done."
            ) from busy
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def spill(self) -> Iterator[Path]:
        """A folder for what does not fit in memory, gone when the work ends."""
        self.create()
        root = self.path / "spill"
        root.mkdir(exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
