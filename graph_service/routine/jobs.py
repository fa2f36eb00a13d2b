"""A job is a process of its own: neither its death nor its memory is that of who asked for it.

HOME/jobs/<job_id>.alive is locked by the job's process from its birth. The kernel drops the lock
when the process ends, however it ends; a job that is put down as running and whose lock nobody
holds has died, and whoever looks says so.
"""

from __future__ import annotations

import fcntl
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from graph_service.casework.database import Database
from graph_service.casework.routines import Job, JobState, Routines, RunMade
from graph_service.clock import Clock
from graph_service.errors import CaseworkError
from graph_service.home import Home

#: How the program is begun anew, as it is installed (-P: never from where one happens to stand);
#: it takes `routine --job ID` from there.
PROGRAM: Final = (sys.executable, "-P", "-m", "api.cli")
DIED: Final = (
    "The process of this run ended before the run did: it was killed, or the machine had no more "
    "memory. The last good run stands; start another."
)
_NOT_BEGUN: Final = "The process of this run could not be begun. Start another."


class Jobs:
    """The jobs of one home: begun here, known of anywhere that shares the home and its casework."""

    def __init__(
        self,
        home: Home,
        database: Database,
        *,
        clock: Clock,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.routines = Routines(database, clock=clock)
        self._home = home
        self._clock = clock
        self._program = tuple(program)
        self._folder = home.path / "jobs"

    def start(
        self,
        asked_by: str,
        *,
        slot: datetime | None = None,
        asked_key: str | None = None,
        drop: Path | None = None,
    ) -> Job:
        """Begin a routine in a process of its own, and return while it runs.

        The same caller with the same `asked_key` gets the job that it began before. Conflict if
        another one runs or the slot is taken.
        """
        job_id = self._fresh_id()
        with self._held(job_id) as alive:
            job = self._begin(job_id, asked_by, slot, asked_key)
            if job.job_id == job_id:
                self._spawn(job_id, alive, drop)
        return job

    @contextmanager
    def within(self, asked_by: str) -> Iterator[Job]:
        """A job that is this very process; Conflict if another one runs. End it with `end`."""
        job_id = self._fresh_id()
        with self._held(job_id):
            yield self._begin(job_id, asked_by, None, None)

    def end(
        self,
        job_id: str,
        outcome: JobState,
        *,
        reason: str | None = None,
        run: RunMade | None = None,
        loaded_batch: str | None = None,
        published: bool | None = None,
    ) -> None:
        """Put down what became of a job, as the last thing that its process does."""
        self.routines.end(
            job_id,
            outcome,
            reason=reason,
            run=run,
            loaded_batch=loaded_batch,
            published=published,
        )
        self._forget(job_id)

    def job(self, job_id: str) -> Job:
        """A job as it stands, the dead told from the living; NotThere for none."""
        job = self.routines.job(job_id)
        if job.state is JobState.RUNNING and not self._lives(job_id):
            self.end(job_id, JobState.FAILED, reason=DIED)
            return self.routines.job(job_id)
        return job

    def running(self) -> Job | None:
        """The job that runs now."""
        seen = [self.job(each.job_id) for each in self.routines.running()]
        return next((job for job in seen if job.state is JobState.RUNNING), None)

    def _begin(
        self, job_id: str, asked_by: str, slot: datetime | None, asked_key: str | None
    ) -> Job:
        self.running()  # one that died gives way
        begun = None
        try:
            begun = self.routines.begin(job_id, asked_by, slot=slot, asked_key=asked_key)
        finally:
            if begun is None or begun.job_id != job_id:
                self._forget(job_id)
        return begun

    def _spawn(self, job_id: str, alive: IO[bytes], drop: Path | None) -> None:
        command = [*self._program, "routine", "--job", job_id, "--home", str(self._home.path)]
        if drop is not None:
            command += ["--drop", str(drop)]
        try:
            with self._log(job_id).open("wb") as log:
                child = subprocess.Popen(  # noqa: S603 - of ours, and of a folder given at start
                    command,
                    pass_fds=(alive.fileno(),),
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
        except OSError as error:
            self.end(job_id, JobState.FAILED, reason=_NOT_BEGUN)
            raise CaseworkError(_NOT_BEGUN) from error
        threading.Thread(target=child.wait, daemon=True).start()

    @contextmanager
    def _held(self, job_id: str) -> Iterator[IO[bytes]]:
        """The lock of a job, held by this process and by those that are handed the file."""
        self._home.create()
        self._folder.mkdir(exist_ok=True, mode=0o700)
        with self._alive(job_id).open("wb") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            yield alive

    def _lives(self, job_id: str) -> bool:
        try:
            with self._alive(job_id).open("rb") as alive:
                fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _forget(self, job_id: str) -> None:
        """Remove what a job that has ended leaves, but for its words, if it said any."""
        self._alive(job_id).unlink(missing_ok=True)
        log = self._log(job_id)
        if log.exists() and not log.stat().st_size:
            log.unlink(missing_ok=True)

    def _alive(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.alive"

    def _log(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.log"

    def _fresh_id(self) -> str:
        return f"job-{self._clock():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
