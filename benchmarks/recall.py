"""What is found of what is planted, on towns of seeds that no test uses."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import queries
from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run
from loaders.load import Options, load
from synth import municipality


def measure(town: Town, asked: Namespace) -> None:
    """Print recall and precision for each room, and what was said of innocent causes."""
    rooms = open_rooms(Path(queries.__file__).parent)
    planted, found, findings, true, innocent, alarms = (Counter[str]() for _ in range(6))
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        truth, said = _town(town.folder / "recall", seed, asked.inhabitants, rooms)
        for plant in truth:
            kind = planted if plant["kind"] == "scheme" else innocent
            hit = any(_same(plant, finding) for finding in said)
            kind[plant["detector"]] += 1
            (found if plant["kind"] == "scheme" else alarms)[plant["detector"]] += hit
        schemes = [plant for plant in truth if plant["kind"] == "scheme"]
        for finding in said:
            findings[finding["detector"]] += 1
            true[finding["detector"]] += any(_same(plant, finding) for plant in schemes)
    seeds = f"{asked.first_seed} to {asked.first_seed + asked.seeds - 1}"
    print(f"{asked.seeds} towns of {asked.inhabitants:,} inhabitants × 12 months, seeds {seeds}\n")
    head(
        "detector",
        "schemes",
        "found",
        "recall",
        "findings",
        "true",
        "precision",
        "innocent",
        "alarms",
    )
    for room in rooms:
        name = room.name
        row(
            name,
            planted[name],
            found[name],
            _share(found[name], planted[name]),
            findings[name],
            true[name],
            _share(true[name], findings[name]),
            innocent[name],
            alarms[name],
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "–"


def _same(plant: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    """Whether a finding tells of a plant: its detector, and the provider or a subject of it."""
    told = {subject["id"] for subject in finding["subjects"]} - {finding["provider_id"]}
    about = set(plant["subjects"]) - {finding["provider_id"]}
    of_provider = plant["provider"] == finding["provider_id"]
    return plant["detector"] == finding["detector"] and (
        bool(told & about) or (of_provider and not (told and about))
    )


def _town(
    folder: Path, seed: int, inhabitants: int, rooms: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shutil.rmtree(folder, ignore_errors=True)
    files = folder / "files"
    folder.mkdir(parents=True)
    municipality.make(files, seed=seed, inhabitants=inhabitants, months=12, start=date(2025, 1, 1))
    home = Home(folder / "home")

    def clock() -> datetime:
        return datetime.now(UTC)

    load(home, [files], Options(), clock=clock)
    made = run(home, rooms, clock=clock, memory="2GiB")
    truth = [json.loads(line) for line in (folder / "files.truth.jsonl").read_text().splitlines()]
    said = list(_plain(made.run.rows("findings", order="finding_id")))
    shutil.rmtree(folder)
    return truth, said


def _plain(rows: Any) -> Iterator[dict[str, Any]]:
    yield from (dict(found) for found in rows)
