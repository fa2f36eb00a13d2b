"""The service killed at random moments under load: whether each answered read is in the log."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.serving import served_home
from benchmarks.timing import head, row
from benchmarks.town import SEED, Town
from tests.serving_killed import Killing, broken

_KILLS = 30


def measure(town: Town, asked: Namespace) -> None:
    """Print each kill. Ends in an error where an answer is not in the log, or the log is broken."""
    home = served_home(town)
    head("kill", "after, s", "answered", "not in the log")
    missing = 0
    for n, kill in enumerate(Killing(home, town.folder / "serve.log").kill(_KILLS, SEED), start=1):
        row(n, f"{kill.seconds:.2f}", kill.answered, len(kill.missing))
        missing += len(kill.missing)
    wrong = broken(home)
    print(f"\nThe log {'does not hold' if wrong else 'holds'}.")
    if missing or wrong:
        raise SystemExit(1)
