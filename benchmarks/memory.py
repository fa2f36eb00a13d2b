"""Peak memory of a load as the file grows: it should not grow with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from argparse import Namespace

from benchmarks.timing import head, row
from benchmarks.town import Town

_LOAD = (
    "import resource, sys; from api.cli import main\n"
    "try:\n    main()\nfinally:\n"
    "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)"
)


def measure(town: Town, asked: Namespace) -> None:
    """Print the peak resident set of a whole process, for each size of `--sizes`."""
    head("visits", "file, MB", "peak, MiB", "--memory")
    for rows in asked.sizes:
        visits = town.files(rows) / "visits.csv"
        home = town.folder / "home-memory"
        shutil.rmtree(home, ignore_errors=True)
        command = [sys.executable, "-c", _LOAD, "load", str(visits), "--home", str(home)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
        peak = int(done.stderr.split()[-1])
        row(f"{rows:,}", round(visits.stat().st_size / 1e6), peak, "2 GiB")
        shutil.rmtree(home)
