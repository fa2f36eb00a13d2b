"""The server killed at random moments of a publish: what readers see, what the next one does."""

from __future__ import annotations

import shutil
from argparse import Namespace

from benchmarks.grown import grow
from benchmarks.timing import head, row
from benchmarks.town import SEED, Town
from graph_service import settings
from graph_service.home import Home
from graph_service.stores.neo4j import server
from tests.killing import Killing

_RELATIONSHIPS = 10_000


def measure(town: Town, asked: Namespace) -> None:
    """Print each kill. Ends in an error where readers see a mixture or the next publish errs."""
    home = Home(town.folder / "home-killed")
    shutil.rmtree(home.path, ignore_errors=True)
    runs = grow(home, _RELATIONSHIPS), grow(home, _RELATIONSHIPS - 2_000, day=1)
    head("kill", "after, s", "stage", "that publish", "next publish")
    try:
        killing = Killing(home, settings.read().cache, {"heap": "768m", "page_cache": "128m"})
        for n, kill in enumerate(killing.kill(runs, asked.kills, SEED), start=1):
            row(n, f"{kill.seconds:.2f}", kill.stage, kill.ended, "the right graph")
    finally:
        server.stop(home)
