"""`python -m benchmarks.scorecard`: what is found, missed and wrongly said on fresh towns.

Makes towns of seeds that nobody has seen, some with schemes and some without, runs every room
once on each, and writes docs/scorecard.md with its figures. `--seed` is the first town's; take
one that was not used before, since seeds that led to a change are used up.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import queries
from benchmarks import scorecard_page
from benchmarks.scored_town import ScoredTown, score_town
from benchmarks.tally import Scorecard
from graph_service.opening import open_rooms
from synth.plants import DETECTORS

#: Schemes in a town of 20,000: as many as leave half of its private providers clean.
SCHEMES = 4
DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Measure, and write the page."""
    asked = _asked()
    begun = time.monotonic()
    rooms = [room.name for room in open_rooms(Path(queries.__file__).parent)]
    towns = []
    for town in _towns(asked):
        towns.append(town)
        minutes = (time.monotonic() - begun) / 60
        done = f"{len(towns)}/{asked.towns + asked.clean} ({minutes:.1f} min)"
        print(f"{done} town {town.seed}: {_told(town)}", file=sys.stderr, flush=True)
    card = Scorecard(rooms, sorted(towns, key=lambda town: town.seed))
    scorecard_page.write(asked.docs, card, asked.inhabitants, asked.months)
    print(f"{asked.docs / 'scorecard.md'} is written.", file=sys.stderr)


def _told(town: ScoredTown) -> str:
    """What went well and wrong in a town, for whoever waits."""
    missed = Counter(plant.detector for plant in town.schemes if not town.is_found(plant))
    untrue = Counter(said.detector for said in town.said if not town.is_true(said))
    wrong = [f"{count} of {name} missed" for name, count in sorted(missed.items())]
    wrong += [f"{count} of {name} of no scheme" for name, count in sorted(untrue.items())]
    return f"{len(town.schemes)} schemes; {', '.join(wrong) or 'none missed, nothing else said'}"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.scorecard", description=__doc__)
    parser.add_argument("--seed", type=int, default=3_900_000, help="the first town's seed")
    parser.add_argument("--towns", type=int, default=25, help="towns with schemes")
    parser.add_argument("--clean", type=int, default=10, help="towns without")
    parser.add_argument("--inhabitants", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of the page")
    return parser.parse_args()


def _towns(asked: argparse.Namespace) -> Iterator[ScoredTown]:
    """Every town as it is done; each detector is planted for in turn, equally often."""
    with (
        tempfile.TemporaryDirectory(prefix="graph-service-scorecard-") as work,
        ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool,
    ):
        jobs = []
        for number in range(asked.towns + asked.clean):
            first = number * SCHEMES
            turn = [DETECTORS[(first + step) % len(DETECTORS)] for step in range(SCHEMES)]
            schemes = turn if number < asked.towns else []
            seed = asked.seed + number
            jobs.append(
                pool.submit(score_town, Path(work), seed, asked.inhabitants, asked.months, schemes)
            )
        for job in as_completed(jobs):
            yield job.result()


if __name__ == "__main__":
    main()
