"""The server's process: begun so that it outlives us, known by a lock, ended by its number.

HOME/neo4j/alive is locked by the server's own process. The kernel drops the lock when the process
ends, however it ends, so no other process that got its number (HOME/neo4j/pid) is taken for it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from graph_service.errors import StoreError
from graph_service.stores.neo4j.server_log import meaning

#: How long a server may take to write what it holds, and how long one that nobody has used.
_STOP_SECONDS: Final = 180
_KILL_SECONDS: Final = 10


def lives(folder: Path) -> bool:
    """Whether a server's process holds the lock that it was born with."""
    try:
        with (folder / "alive").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def begin(command: Sequence[str], folder: Path) -> None:
    """Begin a server in a session of its own, holding the lock from its birth.

    The shell leaves it behind and writes its number: we have no child to wait for.
    """
    with (
        (folder / "alive").open("wb") as alive,
        (folder / "logs" / "console.log").open("wb") as log,
    ):
        fcntl.flock(alive, fcntl.LOCK_EX)
        subprocess.run(  # noqa: S603 - nothing of it comes from outside but sizes, as arguments
            ["/bin/sh", "-c", '"$@" & echo $! >"$0"', str(folder / "pid"), *command],
            check=True,
            cwd=folder,
            pass_fds=(alive.fileno(),),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def end(folder: Path) -> bool:
    """SIGTERM, and wait: Neo4j writes what it holds before it goes."""
    if not lives(folder):
        return False
    pid = _signal(folder, signal.SIGTERM)
    if not _gone(folder, _STOP_SECONDS):
        known = meaning(folder / "logs")
        raise StoreError(
            f"The server, process {pid}, has not ended within {_STOP_SECONDS} s"
            f"{': ' + known if known else ''}. Its log is in {folder / 'logs'}."
        )
    return True


def kill(folder: Path) -> None:
    """End a server that nobody has used yet, at once if it does not end by itself."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if lives(folder):
            _signal(folder, kind)
            _gone(folder, _KILL_SECONDS)


def _signal(folder: Path, kind: signal.Signals) -> int:
    """Signal the process that holds the lock, so that none that got its number is meant."""
    pid = int((folder / "pid").read_text(encoding="ascii"))
    with suppress(ProcessLookupError):  # it has ended in this moment
        os.kill(pid, kind)
    return pid


def _gone(folder: Path, seconds: int) -> bool:
    asked = time.monotonic()
    while lives(folder):
        if time.monotonic() - asked > seconds:
            return False
        time.sleep(0.1)
    return True
