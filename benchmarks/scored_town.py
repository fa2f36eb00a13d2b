"""One town made, loaded and run: what was planted, what was said, and of whom."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import queries
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.run import run
from loaders.load import Options, load
from synth import municipality

START = date(2025, 1, 1)
UNKNOWN_AGE = "unknown"
#: Bands of age at the end of the town's time; home care is given mostly above 80.
BANDS = ((0, 65, "under 65"), (65, 80, "65–79"), (80, 90, "80–89"), (90, 200, "90 and over"))


@dataclass(frozen=True)
class Plant:
    """A scheme or an innocent cause as the generator tells it; `subjects` without the provider."""

    detector: str
    name: str
    scheme: bool
    strength: str
    provider: str
    subjects: frozenset[str]


@dataclass(frozen=True)
class Said:
    """A finding; `subjects` without the provider, `clients` among them."""

    detector: str
    provider: str
    subjects: frozenset[str]
    clients: frozenset[str]

    def tells_of(self, plant: Plant) -> bool:
        """Whether it is the plant's: its detector, and somebody beside the provider in common.

        A plant or a finding that names nobody else is met by the provider alone.
        """
        if self.detector != plant.detector:
            return False
        if plant.subjects and self.subjects:
            return bool(plant.subjects & self.subjects)
        return self.provider == plant.provider


@dataclass(frozen=True)
class Scored:
    """A provider with visits, by what may make a difference."""

    provider: str
    months: int
    tercile: int  # of its town's providers by clients: 1 the smallest
    municipal: bool
    rank: int | None
    band: str


@dataclass(frozen=True)
class ScoredTown:
    """All that a scorecard counts, of one town."""

    seed: int
    planted: bool
    plants: tuple[Plant, ...]
    said: tuple[Said, ...]
    providers: tuple[Scored, ...]
    ages: Mapping[str, str]  # client: band

    @property
    def schemes(self) -> list[Plant]:
        return [plant for plant in self.plants if plant.scheme]

    @property
    def touched(self) -> set[str]:
        """Providers that carry a scheme, or are named in one."""
        return {who for plant in self.schemes for who in (plant.provider, *plant.subjects)}

    def is_true(self, said: Said) -> bool:
        return any(said.tells_of(plant) for plant in self.schemes)

    def is_found(self, plant: Plant) -> bool:
        return any(said.tells_of(plant) for said in self.said)


def score_town(
    folder: Path, seed: int, inhabitants: int, months: int, schemes: Sequence[str]
) -> ScoredTown:
    """Make a town in a folder of its own, ask every room once, and clear the folder away."""
    place = folder / f"town-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    files = place / "files"
    municipality.make(
        files, seed=seed, inhabitants=inhabitants, months=months, start=START, schemes=schemes
    )
    home = Home(place / "home")

    def clock() -> datetime:
        return datetime.now(UTC)

    load(home, [files], Options(), clock=clock)
    rooms = open_rooms(Path(queries.__file__).parent)
    made = run(home, rooms, clock=clock, memory="2GiB")
    with Engine() as engine:
        served = engine.rows(_SERVED, {"visits": str(files / "visits.csv")})
        clients = engine.rows(_CLIENTS, {"visits": str(files / "visits.csv")})
        municipal = engine.rows(_MUNICIPAL, {"file": str(files / "municipalities.csv")})
    truth = (place / "files.truth.jsonl").read_text(encoding="utf-8").splitlines()
    ages = {row["client_id"]: _band(row["client_id"], made.as_of) for row in clients}
    town = ScoredTown(
        seed,
        bool(schemes),
        tuple(_plant(json.loads(line)) for line in truth),
        tuple(_said(row) for row in made.run.rows("findings", order="finding_id")),
        tuple(
            _providers(
                served,
                {row["provider_id"]: row for row in made.run.rows("scores", order="provider_id")},
                {row["org_id"] for row in municipal},
                months,
            )
        ),
        ages,
    )
    shutil.rmtree(place)
    return town


_SERVED = """
SELECT org_id, count(DISTINCT strftime(CAST("start" AS TIMESTAMP), '%Y-%m')) AS months,
    count(DISTINCT client_id) AS clients
FROM read_csv($visits, all_varchar = true) GROUP BY org_id
"""
_CLIENTS = "SELECT DISTINCT client_id FROM read_csv($visits, all_varchar = true)"
_MUNICIPAL = "SELECT org_id FROM read_csv($file, all_varchar = true)"


def _plant(told: Mapping[str, Any]) -> Plant:
    return Plant(
        told["detector"],
        told["scheme"],
        told["kind"] == "scheme",
        told.get("strength", "–"),
        told["provider"],
        frozenset(told["subjects"]) - {told["provider"]},
    )


def _said(row: Mapping[str, Any]) -> Said:
    subjects = row["subjects"]
    others = frozenset(who["id"] for who in subjects) - {row["provider_id"]}
    clients = frozenset(who["id"] for who in subjects if who["role"] == "client")
    return Said(row["detector"], row["provider_id"], others, clients)


def _providers(
    served: Sequence[Mapping[str, Any]],
    scores: Mapping[str, Mapping[str, Any]],
    municipal: Collection[str],
    months: int,
) -> list[Scored]:
    by_size = sorted(served, key=lambda row: (row["clients"], row["org_id"]))
    return [
        Scored(
            row["org_id"],
            min(row["months"], months),  # a night may begin on the eve of the first
            1 + 3 * place // len(by_size),
            row["org_id"] in municipal,
            scores[row["org_id"]]["rank"],
            scores[row["org_id"]]["band"],
        )
        for place, row in enumerate(by_size)
    ]


def _band(client: str, day: date) -> str:
    """The band of age that a client's personal number tells; opaque ids tell none."""
    if len(client) != 12 or not client.isdigit():
        return UNKNOWN_AGE
    # A coordination number's day is sixty more; the year and month suffice here.
    age = day.year - int(client[:4]) - (int(client[4:6]) > day.month)
    return next((name for low, high, name in BANDS if low <= age < high), UNKNOWN_AGE)
