"""Files for the benchmarks, made once and kept while the folder is."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from graph_service.engines.duckdb import Engine
from synth import municipality
from synth.plants import DETECTORS

SEED = 424_242
#: A year of 100,000 inhabitants holds about this many visits.
_VISITS_A_HEAD = 15
#: Twenty million visits are one year of so many; more are those repeated.
_ONCE = 1_500_000
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)


class Town:
    """A folder with a year of a town whose visits are at least as many as asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, rows: int) -> Path:
        """The town's files, with `visits.csv` cut or repeated to just `rows` visits."""
        home = self.folder / f"town-{rows}"
        if home.exists():
            return home
        inhabitants = max(2_000, min(_ONCE, int(rows / _VISITS_A_HEAD)))
        made = home.with_suffix(".part")
        shutil.rmtree(made, ignore_errors=True)
        make(made, inhabitants)
        _resize(made / "visits.csv", rows)
        made.rename(home)
        return home


def make(folder: Path, inhabitants: int) -> None:
    """A year of a town with a scheme for each detector, so that each has something to find."""
    municipality.make(
        folder, seed=SEED, inhabitants=inhabitants, months=12, start=FIRST, schemes=DETECTORS
    )


def _resize(visits: Path, rows: int) -> None:
    """Repeat the visits under new ids, 52 weeks later each time, until there are enough."""
    whole = visits.with_name("visits.all")
    visits.rename(whole)
    with Engine(memory="4GiB", spill=visits.parent / "spill") as engine:
        # Fifty-two weeks on, the clock changes on the same visits' nights.
        moved = ", ".join(
            f"strftime(try_cast({name} AS TIMESTAMP) + to_days(364 * time::INTEGER), "
            f"'%Y-%m-%dT%H:%M:%S') AS {name}"
            for name in ('"start"', '"end"', "planned_start", "planned_end")
        )
        engine.execute(_resized(moved), {"whole": str(whole), "rows": rows, "visits": str(visits)})
    whole.unlink()
    shutil.rmtree(visits.parent / "spill", ignore_errors=True)


def _resized(moved: str) -> str:
    return (
        f"COPY (SELECT * EXCLUDE (time) REPLACE (visit_id || '-' || time AS visit_id, {moved}) "
        "FROM (SELECT v.*, t.time FROM read_csv($whole, all_varchar = true) AS v, "
        "(SELECT unnest(range(1 + $rows // (SELECT count(*) FROM read_csv($whole, "
        "all_varchar = true)))) AS time) AS t) LIMIT $rows) TO $visits (FORMAT csv, HEADER true)"
    )
