"""Makes a synthetic municipality: files in the contract's form, and the truth beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from graph_service.errors import UsageError
from synth.care import write_care
from synth.clients import build_clients, switch_freely
from synth.companies import build_register, write_contracts
from synth.duplicates import add_duplicates
from synth.files import write_months, write_registers
from synth.follow_up import write_follow_up
from synth.identifiers import Identifiers
from synth.people import build_town
from synth.plants import DETECTORS, plant
from synth.staff import build_posts, divide_into_teams, let_people_move, write_staff
from synth.world import OPEN, World

#: Below this there are too few clients for a handful of providers.
_FEWEST: Final = 1_000


def make(
    directory: Path,
    *,
    seed: int,
    inhabitants: int,
    months: int,
    start: date,
    schemes: Sequence[str] | None = None,
    progress: Callable[[str, float], None] | None = None,
    memory: str = "1GiB",
) -> None:
    """Write `<table>.csv` files into `directory` and `<directory>.truth.jsonl` beside it.

    The same seed, size and dates give the same bytes. `schemes` names the detectors that something
    is planted for, once each; without it they take turns. `start` is included; `progress` gets a
    stage and the share of it that is done. Visits are made a month at a time, the engine within
    `memory`, on top of which the people and firms take some 300 MiB a million inhabitants. Raises
    UsageError where the size, the length or the folder does not fit.
    """
    if inhabitants < _FEWEST or months < 1:
        raise UsageError(f"Ask for at least {_FEWEST} inhabitants and one month.")
    unknown = sorted(set(schemes or ()) - set(DETECTORS))
    if unknown:
        raise UsageError(f"Nothing is planted for {unknown[0]}. Use {', '.join(DETECTORS)}.")
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory} is not empty. Name a new folder.")
    report = progress or (lambda _stage, _share: None)
    report("people", 0.0)
    world = build(
        seed=seed, inhabitants=inhabitants, start=start, end=_after(start, months), schemes=schemes
    )
    directory.mkdir(parents=True, exist_ok=True)
    report("registers", 0.0)
    write_registers(world, directory)
    world.rows.clear()
    with tempfile.TemporaryDirectory(dir=directory.parent) as work:
        write_months(world, directory, Path(work), memory=memory, progress=report)
    truth = directory.with_name(f"{directory.name}.truth.jsonl")
    with truth.open("w", encoding="utf-8") as file:
        for line in world.truth:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    report("visits", 1.0)


def build(
    *,
    seed: int,
    inhabitants: int,
    start: date,
    end: date,
    schemes: Sequence[str] | None = None,
) -> World:
    """The world before its visits: people, firms, spells, plants, and the plan of the visits."""
    rng = np.random.Generator(np.random.PCG64(seed))
    identifiers = Identifiers(np.random.Generator(np.random.PCG64([seed, 1])))
    world = World(seed, start, end, inhabitants, rng, identifiers)
    build_town(world)
    build_register(world)
    build_clients(world)
    switch_freely(world)
    divide_into_teams(world)
    build_posts(world)
    plant(world, schemes)
    let_people_move(world)
    write_care(world)
    write_staff(world)
    write_contracts(world)
    write_follow_up(world)
    add_duplicates(world)
    return world


def _after(start: date, months: int) -> date:
    """The date `months` later; a day that the last month lacks becomes its last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year >= OPEN.year:
        raise UsageError("The last month lies too far ahead.")
    first = date(year, month + 1, 1)
    last = (first + timedelta(31)).replace(day=1) - timedelta(1)
    return first.replace(day=min(start.day, last.day))
