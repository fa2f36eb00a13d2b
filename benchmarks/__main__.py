"""`python -m benchmarks [PART …]`: measure, and print ratios.

`--rows` sets about how many visits (5 million), `--work` a folder to keep the made files in between
runs. Figures of a shared machine are noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from benchmarks import (
    comparison,
    detection,
    exporting,
    killed_publishing,
    killed_serving,
    loading,
    lookups,
    memory,
    persons_bound,
    publishing,
    resolution,
    serving,
    whole,
)
from benchmarks.town import Town

PARTS = {
    "loading": loading,
    "detection": detection,
    "comparison": comparison,
    "memory": memory,
    "persons_bound": persons_bound,
    "whole": whole,
    "resolution": resolution,
    "publishing": publishing,
    "killed_publishing": killed_publishing,
    "lookups": lookups,
    "serving": serving,
    "killed_serving": killed_serving,
    "exporting": exporting,
}


def main() -> None:
    """Run the parts asked for, in order."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--inhabitants", type=int, default=100_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[140_000, 1_400_000, 14_000_000])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--relationships", type=int, default=300_000)
    parser.add_argument("--networks", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--neo4j", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="graph-service-bench-") as scratch:
        folder = asked.work or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for part in asked.parts or PARTS:
            print(f"\n## {part}\n", flush=True)
            PARTS[part].measure(Town(folder), asked)


if __name__ == "__main__":
    main()
