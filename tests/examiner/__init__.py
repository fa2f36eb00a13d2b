"""Examines the rooms with towns that share nothing with the synthetic municipality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import queries
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run
from loaders import reject_file
from loaders.load import Options, load
from tests.examiner.innocents import INNOCENTS
from tests.examiner.schemes import SCHEMES, host
from tests.examiner.town import Row, Town
from tests.examiner.year import live
from tests.house import csv_text

ROOMS = open_rooms(Path(queries.__file__).parent)

#: Columns that a municipality's own files may well lack, drawn by lot for a thin town.
OPTIONAL = {
    "persons": ("lat", "lon", "phone", "email", "street", "postcode", "city"),
    "visits": ("login_id", "device_id", "start_method", "end_method", "double_staffed"),
    "organisations": ("phone", "email", "f_tax", "employer", "employees", "registered_on"),
    "contracts": ("end_reason", "valid_to"),
    "decisions": ("double_staffed",),
    "invoices": ("account",),
    "invoice_lines": ("day", "unit", "quantity"),
}
#: And tables.
SPARE = ("enrolments", "employments", "decisions", "accounts", "logins", "permits", "owners")


@dataclass(frozen=True, slots=True)
class Examined:
    """A town, and what a run over its files said."""

    town: Town
    findings: list[dict[str, Any]]
    scores: list[dict[str, Any]]

    @property
    def missed(self) -> list[tuple[str, str, str]]:
        said = {(found["detector"], found["provider_id"]) for found in self.findings}
        return [told for told in self.town.planted if told[:2] not in said]

    @property
    def unfounded(self) -> list[dict[str, Any]]:
        """Findings at firms where nothing of the kind was planted."""
        planted = {told[:2] for told in self.town.planted}
        return [f for f in self.findings if (f["detector"], f["provider_id"]) not in planted]

    def causes(self, finding: Mapping[str, Any]) -> list[str]:
        told = (finding["detector"], finding["provider_id"])
        return [cause for *at, cause in self.town.innocent if tuple(at) == told]

    @property
    def reviewed_clean(self) -> list[str]:
        planted = {provider for _, provider, _ in self.town.planted}
        reviewed = [s["provider_id"] for s in self.scores if s["band"] == "review"]
        return [provider for provider in reviewed if provider not in planted]


def build(
    seed: int,
    detectors: Collection[str] | None = None,
    *,
    firms: int = 16,
    weeks: int = 40,
    municipality: str = "0584",
    thin: bool = False,
) -> tuple[Town, dict[str, list[Row]]]:
    """A town and its tables; `detectors` are those planted for, six of them by lot without it."""
    town = Town(seed, firms=firms, weeks=weeks, municipality=municipality)
    by_name = {scheme.__name__: scheme for scheme in SCHEMES}
    chosen = town.random.sample(sorted(by_name), 6) if detectors is None else detectors
    for name in chosen:
        by_name[name](town, host(town), town.random.random() < 0.5)
    for innocent in INNOCENTS:
        innocent(town)
    return town, _thinned(town, live(town)) if thin else live(town)


def _thinned(town: Town, tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    for name in town.random.sample(SPARE, 2):
        tables.pop(name, None)
    for name, columns in OPTIONAL.items():
        gone = {column for column in columns if town.random.random() < 0.4}
        for row in tables.get(name, ()):
            for column in gone:
                row.pop(column, None)
    return tables


def examine(folder: Path, town: Town, tables: Mapping[str, list[Row]]) -> Examined:
    """Write, load and run, as a municipality would."""
    files = folder / "files"
    files.mkdir(parents=True)
    for name, rows in tables.items():
        told = [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]
        (files / f"{name}.csv").write_text(csv_text(told), encoding="utf-8")
    home = Home(folder / "home")
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def clock() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    outcome = load(home, [files], Options(), clock=clock)
    rejects = reject_file.listing(home, outcome.batch)
    refused = Counter((reject["table"], reject["column"], reject["code"]) for reject in rejects)
    assert not refused, refused
    made = run(home, ROOMS, clock=clock, memory="1GiB").run
    findings = [dict(row) for row in made.rows("findings", order="finding_id")]
    return Examined(town, findings, [dict(row) for row in made.rows("scores", order="rank")])
