"""On towns where nobody leads anybody, chance is found no oftener than it is said to be.

Two hundred towns stand in one home as municipalities, each a family of tests of its own, as the
room promises. Clients change provider for reasons of their own, at one rate for all, households
together; workers change provider without them. The room's own query and refinement judge them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

import queries
from graph_service.as_of import open_views
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_room
from graph_service.room import Row
from tests.world import world

SEEDS = range(5000, 5200)
ROOM = open_room(Path(queries.__file__).parent / "clients_follow_worker")
THRESHOLDS = {name: threshold.value for name, threshold in ROOM.thresholds.items()}

FIRST = date(2025, 1, 1)
LAST = 240
PROVIDERS, CIRCLES, CLIENTS, COUPLES, MOVERS = 3, 3, 225, 20, 6
#: A test that is right may still fail with this chance for one level; the seeds are fixed.
DOUBT = 1e-4


@dataclass
class Circle:
    """Workers who share clients; the roster holds from its day."""

    rosters: list[tuple[int, list[str]]]

    def change(self, day: int, leaves: str | None, comes: str) -> None:
        roster = [worker for worker in self.rosters[-1][1] if worker != leaves]
        self.rosters.append((day, [*roster, comes]))

    def on(self, day: int) -> list[str]:
        return [roster for since, roster in self.rosters if since <= day][-1]


@dataclass
class Town:
    """One municipality: who is served where and by whom, and who moved."""

    number: int
    clients: list[Row] = field(default_factory=list)
    stays: list[Row] = field(default_factory=list)
    spells: list[Row] = field(default_factory=list)
    led: set[str] = field(default_factory=set)


def town(seed: int, *, led: int) -> Town:
    """Everyone moves at one rate, but for the circles of the first `led` workers who leave."""
    random = np.random.default_rng(seed)
    made = Town(seed)
    places = [(provider, circle) for provider in range(PROVIDERS) for circle in range(CIRCLES)]
    circles = {
        place: Circle([(0, [f"hsa:w{seed}-{place[0]}-{place[1]}-{n}" for n in range(3)])])
        for place in places
    }
    moves = _moves(random, places, circles)
    made.led = {worker for worker, *_ in moves[:led]}
    follows = {place: (day, target) for _, place, day, target in moves[:led]}
    place, leaves = places[0], (LAST, 0)
    for number in range(CLIENTS):
        if number >= 2 * COUPLES or number % 2 == 0:  # the first live two and two, and move so
            place = places[int(random.integers(len(places)))]
            leaves = _leaves(random, place, follows)
        _settle(made, random, number, place, leaves, circles)
    return made


def _moves(
    random: np.random.Generator, places: list[tuple[int, int]], circles: dict[Any, Circle]
) -> list[tuple[str, tuple[int, int], int, int]]:
    """Workers of different circles who leave for another provider, in the order of their days."""
    chosen = [places[int(n)] for n in random.permutation(len(places))[:MOVERS]]
    days = sorted(int(day) for day in random.integers(120, 138, MOVERS))
    moves = []
    for place, day in zip(chosen, days, strict=True):
        target = _elsewhere(random, place[0])
        worker = circles[place].rosters[0][1][0]
        circles[place].change(day - int(random.integers(0, 6)), worker, f"{worker}-after")
        moves.append((worker, place, day, target))
    for worker, _, day, target in moves:
        circles[target, int(random.integers(CIRCLES))].change(day, None, worker)
    return moves


def _elsewhere(random: np.random.Generator, provider: int) -> int:
    return (provider + int(random.integers(1, PROVIDERS))) % PROVIDERS


def _leaves(
    random: np.random.Generator, place: tuple[int, int], follows: dict[Any, tuple[int, int]]
) -> tuple[int, int]:
    """The day of leaving, past the last for those who stay, and where to."""
    if place in follows and random.random() < 0.7:
        day, target = follows[place]
        return day + int(random.integers(0, 60)), target
    day = int(random.integers(140, 205)) if random.random() < 0.5 else LAST
    return day, _elsewhere(random, place[0])


def _settle(
    made: Town,
    random: np.random.Generator,
    number: int,
    place: tuple[int, int],
    leaves: tuple[int, int],
    circles: dict[Any, Circle],
) -> None:
    client = f"syn:c{made.number}-{number}"
    home = number // 2 if number < 2 * COUPLES else number
    made.clients.append({"person_id": client, "street": f"Gatan {made.number}-{home}"})
    often = made.number % 2 == 1 and bool(random.random() < 0.3)
    day, target = leaves
    later = (target, int(random.integers(CIRCLES)))
    for here, since, until in ((place, 0, day), (later, day, LAST)):
        if since == until:
            continue
        org_id = f"CY:HE{made.number}0{here[0]}"
        stay = {"client_id": client, "org_id": org_id, "municipality": str(made.number)}
        made.stays.append({**stay, "since": since, "until": until if until < LAST else None})
        for begun, ended, roster in _rosters(circles, here, often, since, until):
            made.spells.append(
                {
                    **stay,
                    "since": begun,
                    "until": ended,
                    "every": 1 if often else 5,
                    "roster": "|".join(roster),
                }
            )


def _rosters(
    circles: dict[Any, Circle], place: tuple[int, int], often: bool, since: int, until: int
) -> Iterator[tuple[int, int, list[str]]]:
    """Who comes, spell by spell; to those who are helped often, the next circle too."""
    near = [circles[place]]
    if often:  # many visits from each, and a small share
        near.append(circles[place[0], (place[1] + 1) % CIRCLES])
    changes = sorted({day for circle in near for day, _ in circle.rosters if since < day < until})
    starts = [since, *changes]
    for begun, ended in zip(starts, [*changes, until], strict=True):
        yield begun, ended, [worker for circle in near for worker in circle.on(begun)]


def rows(folder: Path, towns: list[Town]) -> list[Row]:
    """What the room's query says of the towns, all municipalities of one home."""
    folder.mkdir(exist_ok=True)
    with Engine() as engine:
        world(engine, {}, schema="known")
        for name in ("clients", "stays", "spells"):
            _write(folder / f"{name}.csv", [row for made in towns for row in getattr(made, name)])
        origin = "'b' AS _batch, 1 AS _file, 's' AS _file_sha256, 2 AS _row, false AS _supersedes"
        for table, values in FILL.items():
            engine.execute(
                f"INSERT INTO known.{table} BY NAME SELECT {values[0]}, {origin} "
                f"FROM read_csv('{folder}/{values[1]}.csv', header = true, all_varchar = true) AS g"
                f"{values[2]}"
            )
        day = FIRST + timedelta(LAST)
        open_views(engine, day)
        derive(engine)
        given = {**THRESHOLDS, "as_of": day}
        used = {name: value for name, value in given.items() if name in ROOM.parameters}
        return engine.rows(ROOM.query, used)


_DAY = f"(DATE '{FIRST}' + CAST({{}} AS INTEGER))"
#: Table: its columns of a row of the file, the file, and what the row is joined to.
FILL = {
    "persons": ("person_id, street, '11111' AS postcode, 'none' AS protection", "clients", ""),
    "enrolments": (
        "client_id, org_id, municipality, 'care' AS service, "
        f"{_DAY.format('since')} AS valid_from, {_DAY.format('until')} AS valid_to",
        "stays",
        "",
    ),
    "visits": (
        "client_id || '/' || org_id || '/' || d.day AS visit_id, client_id, org_id, municipality, "
        "'care' AS service, 'performed' AS status, "
        "string_split(roster, '|')[1 + (d.day // CAST(every AS INTEGER)) % "
        "len(string_split(roster, '|'))] AS worker_id, "
        f'{_DAY.format("d.day")} + INTERVAL 9 HOUR AS "start", '
        f'{_DAY.format("d.day")} + INTERVAL 10 HOUR AS "end"',
        "spells",
        ", unnest(range(CAST(since AS INTEGER), CAST(until AS INTEGER))) AS d(day) "
        "WHERE d.day % CAST(every AS INTEGER) = 0",
    ),
}


def _write(path: Path, given: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(given[0]))
        writer.writeheader()
        writer.writerows(given)


def judged(found: list[Row]) -> list[Row]:
    """Every test that was made, those not shown too: the room's refinement with open thresholds."""
    assert ROOM.refine is not None
    opened = {**THRESHOLDS, "clients_min": 0, "lift_min": 0.0, "flow_p_max": 1.0, "q_max": 1.0}
    return ROOM.refine([dict(row) for row in found], opened)


def too_often(hits: int, tests: int, level: float) -> bool:
    """Whether so many hits are more than chance gives, were each as rare as `level`."""
    return bool(binom.sf(hits - 1, tests, level) < DOUBT)


def excesses(found: list[Row]) -> list[float]:
    """The levels at which p-values at or below come oftener than the level says."""
    p_values = [row["p_value"] for row in judged(found)]
    return [
        level
        for level in (0.001, 0.01, 0.05, 0.1)
        if too_often(sum(p <= level for p in p_values), len(p_values), level)
    ]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return rows(tmp_path_factory.mktemp("clean"), [town(seed, led=0) for seed in SEEDS])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return rows(tmp_path_factory.mktemp("mixed"), [town(seed, led=2) for seed in SEEDS])


def test_the_clean_towns_put_the_test_to_the_proof(clean: list[Row]) -> None:
    """Without p-values well below one, a calibration would prove nothing."""
    p_values = [row["p_value"] for row in judged(clean)]
    assert len({row["municipality"] for row in clean}) == len(SEEDS)
    assert len(p_values) > 5 * len(SEEDS)
    assert sum(p <= 0.1 for p in p_values) > 0.02 * len(p_values)


def test_p_values_of_clean_towns_are_uniform_or_conservative(clean: list[Row]) -> None:
    assert excesses(clean) == []


def test_a_test_that_is_off_by_one_is_seen(
    clean: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration can fail: more than as many, where at least as many is meant."""

    def more_than(hits: int, trials: int, other_hits: int, others: int) -> float:
        return float(hypergeom.sf(hits, trials + others, hits + other_hits, trials))

    _patch(monkeypatch, "exact_excess", more_than)
    assert 0.1 in excesses(clean)


def test_no_more_clean_towns_are_told_of_than_the_rate_says(clean: list[Row]) -> None:
    """Where nothing is true, the false discovery rate is the chance of any discovery."""
    for level in (0.01, 0.05, 0.1):
        told = {row["municipality"] for row in judged(clean) if row["q_value"] <= level}
        assert not too_often(len(told), len(SEEDS), level)


def test_discoveries_among_led_moves_are_false_no_oftener_than_the_rate_says(
    mixed: list[Row],
) -> None:
    moves, led = judged(mixed), _led()
    for level in (0.01, 0.05, 0.1):
        told: dict[str, list[bool]] = {str(seed): [] for seed in SEEDS}
        for row in moves:
            if row["q_value"] <= level:
                told[row["municipality"]].append(_worker(row) not in led)
        shares = [np.mean(false) if false else 0.0 for false in told.values()]
        # A share lies in 0..1, so its mean is at most as spread as that of so many coins.
        assert float(np.mean(shares)) <= binom.isf(DOUBT, len(SEEDS), level) / len(SEEDS)


def test_led_moves_are_found(mixed: list[Row]) -> None:
    """A test that never speaks is conservative too."""
    led = _led()
    told = {_worker(row) for row in judged(mixed) if row["q_value"] <= 0.05}
    assert len(told & led) > 0.5 * len(led)


def test_without_false_discovery_control_too_many_towns_are_told_of(
    clean: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other control can fail too: a p-value for each test, as if it were the only one."""
    _patch(monkeypatch, "false_discovery", list)
    told = {row["municipality"] for row in judged(clean) if row["q_value"] <= 0.1}
    assert too_often(len(told), len(SEEDS), 0.1)


def _led() -> set[str]:
    return {worker for seed in SEEDS for worker in town(seed, led=2).led}


def _worker(row: Row) -> str:
    return next(str(who["id"]) for who in row["subjects"] if who["role"] == "worker")


def _patch(monkeypatch: pytest.MonkeyPatch, name: str, by: Callable[..., Any]) -> None:
    assert ROOM.refine is not None
    monkeypatch.setitem(ROOM.refine.__globals__, name, by)  # type: ignore[attr-defined]
