"""Which runs are kept, what is laid together, and how a home comes to the newest version."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph_service import run_file
from graph_service.casework.database import open_database
from graph_service.clock import STOCKHOLM
from graph_service.engines.duckdb import Engine
from graph_service.errors import HomeError
from graph_service.home import NEWEST_VERSION, Home
from graph_service.keeping import version
from graph_service.keeping.prune import LAST_RUNS, MONTHS, prune, remove_spilled, to_go
from graph_service.run_file import RunFolder
from tests.house import House, row
from tests.keeping_home import stored


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def made_run(house: House, at: datetime, *, complete: bool = True, current: bool = False) -> str:
    folder = RunFolder(house.home)
    house.home.create()
    with folder.building(f"{at:%Y%m%dT%H%M%SZ}") as built:
        with Engine(built.path) as engine:
            about = {"run_id": built.run_id, "complete": complete, "started_at": at.isoformat()}
            run_file.write(engine, "run", [about])
        folder.publish(built, current=current)
    return built.run_id


def test_runs_are_kept_by_the_stated_rule(house: House) -> None:
    """The oracle reads the rule aloud over a list of days."""
    first = datetime(2024, 6, 3, 22, 30, tzinfo=UTC)  # in Stockholm it is the next day
    days = [first + timedelta(days=13 * n) for n in range(70)]
    runs = {made_run(house, day, complete=n % 4 > 0): day for n, day in enumerate(days)}
    names = sorted(runs)
    case, current = names[2], names[5]
    (house.home.runs / "current").write_text(f"{current}\n")
    now = days[-1] + timedelta(days=1)
    kept = {case, current, *names[-LAST_RUNS:]}
    here = now.astimezone(STOCKHOLM)
    for back in range(MONTHS):
        year, month = divmod(here.year * 12 + here.month - 1 - back, 12)
        full = [
            name
            for name, day in runs.items()
            if (day.astimezone(STOCKHOLM).year, day.astimezone(STOCKHOLM).month)
            == (year, month + 1)
            and days.index(day) % 4 > 0
        ]
        kept |= set(full[-1:])
    gone = [run.run_id for run in to_go(RunFolder(house.home), now, {case})]
    assert gone == [name for name in names if name not in kept] and len(gone) > 10


def test_pruning_removes_runs_and_their_sights_and_a_dry_run_nothing(house: House) -> None:
    day = datetime(2026, 10, 1, tzinfo=UTC)
    names = [made_run(house, day + timedelta(hours=n), current=n == 39) for n in range(40)]
    for name in names:
        (house.home.sights / name).mkdir(parents=True)
    dry = prune(house.home, clock=house.clock, dry_run=True)
    assert [run.run_id for run in RunFolder(house.home).all()] == names
    done = prune(house.home, clock=house.clock)
    assert done.runs == dry.runs == names[:10]
    left = [run.run_id for run in RunFolder(house.home).all()]
    assert left == names[10:] == sorted(path.name for path in house.home.sights.iterdir())
    current = RunFolder(house.home).current()
    assert current is not None and current.run_id == names[-1]
    assert prune(house.home, clock=house.clock).runs == []


def test_parts_laid_together_read_the_same_and_keep_their_old_bytes_a_week(house: House) -> None:
    def visits(name: str, *ids: str) -> Path:
        return house.give("tips.csv", [row("tips", tip_id=each, text=name) for each in ids])

    house.load(visits("one", "a", "b"), visits("two", "b", "c"), visits("three", "d"))
    house.load(visits("four", "a"), visits("five", "e"))
    before = sorted(map(str, stored(house.home, "tips")))
    seen = house.known("FROM known.tips ORDER BY tip_id")
    first = house.known("FROM known.tips ORDER BY tip_id", house.lake.receipts()[0].loaded_at)
    # A part's age is judged by the machine's clock, which it is marked with in production.
    done = prune(house.home, clock=lambda: datetime.now(UTC))
    assert done.merged == 5 and done.removed == 0
    assert len(house.lake.parts("tips")) == 2
    assert house.known("FROM known.tips ORDER BY tip_id") == seen
    assert (
        house.known("FROM known.tips ORDER BY tip_id", house.lake.receipts()[0].loaded_at) == first
    )
    assert len(stored(house.home, "tips")) == 2 * len(before)  # who listed the parts reads on
    house.lake.remove_unnamed("tips")
    assert sorted(map(str, stored(house.home, "tips"))) == before
    assert prune(house.home, clock=house.clock).merged == 0
    house.load_rows("tips", row("tips", tip_id="a", text="six"))
    assert house.known("SELECT text FROM known.tips WHERE tip_id = 'a'") == [("six",)]


def test_what_killed_processes_spilled_goes_after_a_day(house: House) -> None:
    house.home.create()
    for name, age in (("old", 30), ("new", 1)):
        folder = house.home.path / "spill" / name
        folder.mkdir(parents=True)
        then = house.now.timestamp() - age * 3600
        os.utime(folder, (then, then))
    remove_spilled(house.home, house.now)
    assert [path.name for path in (house.home.path / "spill").iterdir()] == ["new"]


def test_a_fresh_home_is_of_the_newest_version_and_an_old_one_is_carried_up(house: House) -> None:
    house.load_rows("tips", row("tips"))
    assert (house.home.path / "version").read_text() == f"{NEWEST_VERSION}\n"
    (house.home.path / "version").unlink()  # as the first program left it
    old = Home(house.home.path)
    assert old.version == 1
    assert list(version.upgrade(old, None)) == [2]
    assert old.version == NEWEST_VERSION and old.casework.exists()
    assert list(version.upgrade(old, None)) == []
    with open_database(old, None) as database:
        database.require_current()
    assert len(house.lake.receipts()) == 1


def test_a_newer_home_is_refused_in_one_sentence(house: House) -> None:
    house.home.create()
    house.home.set_version(NEWEST_VERSION + 1)
    with pytest.raises(HomeError, match="written by a newer program"):
        Home(house.home.path)


def test_an_upgrade_that_was_killed_goes_on_from_the_step_it_was_in(house: House) -> None:
    house.home.create()
    house.home.set_version(1)
    done: list[int] = []

    def step(n: int, *, dies: bool = False) -> version.Step:
        def work(_home: Home, _url: str | None) -> None:
            done.append(n)
            if dies:
                raise KeyboardInterrupt

        return work

    with pytest.raises(KeyboardInterrupt):
        list(version.upgrade(house.home, None, {2: step(2), 3: step(3, dies=True), 4: step(4)}))
    assert house.home.version == 2
    house.home.set_version(1)
    assert list(version.upgrade(house.home, None, {2: step(2)})) == [2]
    assert done == [2, 3, 2]
