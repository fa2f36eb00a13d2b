"""The home folder: where each kind of state lies, and the lock that lets one writer in.

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
HOME/sights/<run>/      what may be seen of a run, one file a reach; made anew at will
HOME/spill/             what does not fit in memory; emptied when a command ends
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from graph_service.errors import HomeError


class Home:
    """One home folder. Nothing is created until something is written."""

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

    def create(self) -> None:
        """Make the folders, readable by their owner only: they hold personal data."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
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
    def writing(self, what: str) -> Iterator[None]:
        """Hold the lock of one kind of work; a second process waits for the first.

        The kernel drops the lock when its holder dies, however it dies.
        """
        self.create()
        with FileLock(self.path / f".{what}.lock"):
            yield

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
