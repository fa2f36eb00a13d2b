"""A service that is killed while it answers, and what its log then holds."""

from __future__ import annotations

import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import ascii_lowercase

import httpx

from graph_service.access.sight import Sights
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.cases import Cases
from graph_service.casework.database import open_database
from graph_service.casework.users import Users
from graph_service.home import Home

READERS = 4


@dataclass
class Killed:
    """One kill: when, how many answers had been given, and which of them the log does not hold."""

    seconds: float
    answered: int
    missing: set[str] = field(default_factory=set)


class Killing:
    """A home with a run, served and killed; each answer has a purpose of its own."""

    def __init__(self, home: Home, log: Path) -> None:
        self._home = home
        self._log = log
        with open_database(home, None) as database:
            users = Users(database, clock=_now)
            lasts = timedelta(days=1)
            name = "reader-" + "".join(secrets.choice(ascii_lowercase) for _ in range(12))
            _, self._token = users.issue_key(name, ["reviewer"], None, lasts=lasts, by="test")
            case = Cases(database, clock=_now).open(
                users.caller_of(self._token), title="t", purpose="p", legal_ground="g"
            )
            self._case = case.case_id
        seen = Sights(home).current(units=None, insiders=False)
        assert seen is not None
        self._findings = [row["finding_id"] for row in seen.rows("findings", order="finding_id")]
        self._asked = 0

    def kill(self, times: int, seed: int) -> Iterator[Killed]:
        """Serve, read by several at once, kill at a random moment, look in the log."""
        drawn = random.Random(seed)
        for _ in range(times):
            seconds = drawn.uniform(0.05, 1.5)
            answered = self._answered_until(seconds)
            yield Killed(seconds, len(answered), answered - self._logged())

    def _answered_until(self, seconds: float) -> set[str]:
        port = _free_port()
        words = ["-m", "api.cli", "serve", "--home", str(self._home.path), "--port", str(port)]
        with (
            self._log.open("ab") as log,
            subprocess.Popen([sys.executable, *words], stdout=log, stderr=log) as process,
        ):
            _wait(f"http://127.0.0.1:{port}/health", process)
            answered: set[str] = set()
            over = threading.Event()
            readers = [
                threading.Thread(target=self._read, args=(port, answered, over))
                for _ in range(READERS)
            ]
            for reader in readers:
                reader.start()
            while not answered and any(reader.is_alive() for reader in readers):
                time.sleep(0.01)
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            over.set()
            for reader in readers:
                reader.join()
        return answered

    def _read(self, port: int, answered: set[str], over: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Case": self._case}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
        ) as client:
            while not over.is_set():
                self._asked += 1
                purpose = f"read-{threading.get_ident()}-{self._asked}-{time.monotonic_ns()}"
                finding = self._findings[self._asked % len(self._findings)]
                try:
                    answer = client.get(f"/v1/findings/{finding}", headers={"Purpose": purpose})
                except httpx.TransportError:
                    return  # it was killed in the middle: nothing was answered
                assert answer.status_code == httpx.codes.OK, answer.text
                answered.add(purpose)

    def _logged(self) -> set[str]:
        with open_database(self._home, None) as database, database.reading() as session:
            rows = session.connection().exec_driver_sql("SELECT purpose FROM audit_entries")
            return {purpose for (purpose,) in rows if purpose is not None}


@contextmanager
def demo_served(home: Home, log: Path) -> Iterator[str]:
    """The address of a demo that is served until the block ends."""
    port = _free_port()
    words = ["serve", "--demo", "--home", str(home.path), "--port", str(port)]
    with (
        log.open("ab") as told,
        subprocess.Popen([sys.executable, "-m", "api.cli", *words], stdout=told, stderr=told) as p,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", p)
            yield f"http://127.0.0.1:{port}"
        finally:
            p.terminate()


def broken(home: Home) -> list[str]:
    """What verification finds wrong in the home's log."""
    with open_database(home, None) as database, AuditLog(database, home.audit):
        pass  # the anchor follows what was committed and not yet anchored
    words = ["-m", "api.cli", "audit", "verify", "--home", str(home.path)]
    told = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    return [] if told.returncode == 0 else [told.stdout + told.stderr]


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            httpx.get(url, timeout=60).raise_for_status()
        except httpx.TransportError:
            assert process.poll() is None, "the service ended by itself"
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the service did not begin to answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _now() -> datetime:
    return datetime.now(UTC)
