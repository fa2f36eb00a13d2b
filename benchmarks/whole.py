"""From files to scores in one process: seconds, peak memory, and where the time goes."""

from __future__ import annotations

import resource
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import queries
from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run
from loaders.load import Options, load

_GOAL_S, _GOAL_MIB = 60, 2048
_MEMORY = "2GiB"


def measure(town: Town, asked: Namespace) -> None:
    """Print a year of so many inhabitants, whole and step by step (goal: 60 s and 2 GiB)."""
    files = town.of(asked.inhabitants)
    # A process of its own, so that the peak is that of the work alone.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        steps, peak, providers, findings = pool.submit(_whole, files, town.folder).result()
    whole = sum(steps.values())
    head("inhabitants", "providers", "findings", "seconds", "goal", "peak, MiB", "goal")
    size = f"{asked.inhabitants:,}"
    row(size, providers, findings, f"{whole:.1f}", _GOAL_S, round(peak), _GOAL_MIB)
    print()
    head("step", "seconds", "share")
    for name, seconds in _told(steps, whole):
        row(name, f"{seconds:.1f}", f"{seconds / whole:.0%}")


def _whole(files: Path, folder: Path) -> tuple[dict[str, float], float, int, int]:
    """Seconds of each step, the process's peak in MiB, and what came of it."""
    home = folder / "home-whole"
    shutil.rmtree(home, ignore_errors=True)
    steps: dict[str, float] = {}
    running = [("load", time.perf_counter())]

    def begin(step: str) -> None:
        (before, since), now = running.pop(), time.perf_counter()
        steps[before] = steps.get(before, 0.0) + now - since
        running.append((step, now))

    def clock() -> datetime:
        return datetime.now(UTC)

    load(Home(home), [files], Options(), clock=clock)
    rooms = open_rooms(Path(queries.__file__).parent)
    made = run(Home(home), rooms, clock=clock, memory=_MEMORY, progress=begin)
    begin("end")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shutil.rmtree(home)
    return steps, peak, made.providers, made.findings


def _told(steps: dict[str, float], whole: float) -> Iterator[tuple[str, float]]:
    """The steps that take a hundredth and more, the longest first, and the others together."""
    large = {name: seconds for name, seconds in steps.items() if seconds >= whole / 100}
    yield from sorted(large.items(), key=lambda step: -step[1])
    yield f"{len(steps) - len(large)} others", whole - sum(large.values())
