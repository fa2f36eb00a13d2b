"""An erasure wired: the loaders know the files, and a new run takes the place of those before."""

from __future__ import annotations

import subprocess
import threading

from api.cli_publish import publish_if_configured
from api.cli_run import ROOMS
from api.session import Session
from graph_service.casework.database import Database
from graph_service.casework.days import day_of
from graph_service.casework.dispositions import Dispositions
from graph_service.casework.history import History
from graph_service.casework.keeping import Keeping
from graph_service.detector import open_rooms
from graph_service.evidence.kept import Kept
from graph_service.home import Home
from graph_service.keeping.erase import RUNS, Erased, Progress, erase
from graph_service.routine.jobs import PROGRAM
from graph_service.run import run
from graph_service.run_file import RunFolder
from loaders import load as loading
from loaders.redact import redact


def carry_out(
    session: Session, database: Database, *, by: str, memory: str, progress: Progress
) -> Erased:
    """Erase what has lapsed, make a run where one had seen it, and show that run in Neo4j.

    What a killed load had left is swept first: it may hold the same rows.
    """
    home = session.home

    def rerun() -> None:
        now = session.now
        aside = Dispositions(database, clock=now).set_aside(day_of(now()))
        run(home, open_rooms(ROOMS), clock=now, memory=memory, set_aside=aside)
        History(database).record(home)

    with home.writing("load"):
        loading.sweep(home)
    keeping = Keeping(database, clock=session.now)
    erased = erase(
        home,
        keeping,
        redact,
        clock=session.now,
        by=by,
        rerun=rerun,
        memory=memory,
        progress=progress,
    )
    # What was erased may stand in a package; each can be made again of what remains.
    Kept(home).sweep(standing=())
    current = RunFolder(home).current()
    if RUNS in erased.counts and current is not None:
        publish_if_configured(session, current, memory=memory)
    return erased


def start(home: Home) -> None:
    """Begin an erasure in a process of its own, which outlives the worker that was asked."""
    child = subprocess.Popen(  # noqa: S603 - of ours, and of a folder given at start
        [*PROGRAM, "retention", "run", "--home", str(home.path.resolve())],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    threading.Thread(target=child.wait, daemon=True).start()
