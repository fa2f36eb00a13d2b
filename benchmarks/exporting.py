"""Cases of growing size exported for the police: seconds a step, and the peak of memory.

Each export is a process of its own. The goal is 5,000 rows of evidence in a minute, and memory
that does not grow with the rows.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import queries
from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service.access.sight import Sights
from graph_service.access.table import Caller, Role
from graph_service.casework.case_file import Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases
from graph_service.casework.database import open_database
from graph_service.casework.exports import Exports
from graph_service.detector import open_rooms
from graph_service.evidence.bag.signature import KeyFile
from graph_service.evidence.export import STEPS, export
from graph_service.home import Home
from graph_service.results.subjects import finding_seen
from graph_service.run import run
from graph_service.run_file import RunFile
from loaders.batch import Options
from loaders.cut import cut
from loaders.load import load

_SIZES = (500, 5_000, 20_000)
_GROUND = "OSL 10 kap. 24 §"
_ASKS = Caller("bench", "bench", frozenset({Role.REVIEWER}))
_APPROVES = Caller("other", "other", frozenset({Role.LAWYER}))


def measure(town: Town, asked: Namespace) -> None:
    """Print what each export took."""
    home = _home(town, asked.inhabitants)
    names = ("cited", "rows", "findings", "seconds", "peak")
    head("cited rows", "packaged", "findings", "seconds", "peak, MiB", *STEPS)
    for size in _SIZES:
        told = _exported(home, size)
        row(*(told[name] for name in names), *(told["steps"].get(step, "") for step in STEPS))


def _home(town: Town, inhabitants: int) -> Home:
    """A home with a run of a town by the rooms that are installed now."""
    home = Home(town.folder / f"home-exporting-{inhabitants}")
    if not home.path.exists():
        load(home, [town.of(inhabitants)], Options(), clock=_now)
    run(home, open_rooms(Path(queries.__file__).parent), clock=_now, memory="4GiB")
    return home


def _exported(home: Home, size: int) -> dict[str, Any]:
    line = [sys.executable, "-m", "benchmarks.exporting", str(home.path), str(size)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


class _Steps:
    """How many seconds each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._step, self._since = "", time.monotonic()

    def __call__(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[self._step] = round(now - self._since, 1)
        self._step, self._since = step, now


def _one(home: Home, size: int) -> dict[str, Any]:
    """Open a case of findings with about so many rows, and export it."""
    seen = Sights(home).current(units=None, insiders=False)
    assert seen is not None
    found = list(_findings(seen, size))
    with open_database(home, None) as database:
        cases = Cases(database, clock=_now)
        case = cases.open(
            _ASKS,
            title="benchmark",
            purpose="benchmark",
            legal_ground=_GROUND,
            about=[subject for subject, _ in found],
        )
        exports = Exports(database, clock=_now)
        asked = exports.ask(
            case.case_id, _ASKS, recipient="police", legal_ground=_GROUND, run_id=seen.run_id
        )
        exports.approve(asked.export_id, _APPROVES)
        began, steps = time.monotonic(), _Steps()

        made = export(
            home,
            database,
            exports.request(asked.export_id, _ASKS),
            _ASKS,
            home.path / "benchmark.zip",
            clock=_now,
            rooms=open_rooms(Path(queries.__file__).parent),
            cutter=cut,
            signer=KeyFile(home, None).signer(),
            progress=steps,
        )
        steps("")
    return {
        "cited": sum(rows for _, rows in found),
        "rows": made.rows,
        "findings": made.findings,
        "seconds": round(time.monotonic() - began, 1),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "steps": steps.seconds,
        "again": {how.value: n for how, n in made.reruns.items()},
    }


def _findings(seen: RunFile, size: int) -> Iterator[tuple[Subject, int]]:
    """Findings until their rows are as many; the ones that rest on most rows first."""
    rows = seen.rows("findings", order="len(evidence) DESC, finding_id")
    with seen.open() as engine:
        for told in rows:
            found = finding_seen(engine, told["finding_id"])
            if found is None or found.insider or len(told["evidence"]) > size:
                continue
            size -= len(told["evidence"])
            kind = LinkKind.FINDING
            yield (
                Subject(kind, told["finding_id"], found.subjects, seen.run_id),
                len(told["evidence"]),
            )


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    print(json.dumps(_one(Home(Path(sys.argv[1])), int(sys.argv[2]))))
