"""Files for the benchmarks, made once and kept while the folder is."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from synth import municipality
from synth.plants import DETECTORS

SEED = 424_242
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
#: A year of an inhabitant holds about this many visits.
_VISITS_A_HEAD = 15


class Town:
    """A folder with towns, each a year of as many inhabitants as give so many visits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, visits: int) -> Path:
        """The files of a town with about so many visits."""
        return self.of(max(2_000, visits // _VISITS_A_HEAD))

    def of(self, inhabitants: int) -> Path:
        """The files of a town with so many inhabitants, and a scheme for each detector."""
        home = self.folder / f"town-{inhabitants}"
        if not home.exists():
            made = home.with_suffix(".part")
            shutil.rmtree(made, ignore_errors=True)
            municipality.make(
                made,
                seed=SEED,
                inhabitants=inhabitants,
                months=12,
                start=FIRST,
                schemes=DETECTORS,
            )
            made.rename(home)
        return home
