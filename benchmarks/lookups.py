"""Look-ups on a grown network: the run file, and Neo4j where it is asked for, side by side."""

from __future__ import annotations

import random
import secrets
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

import queries
from api import network_page as page
from benchmarks.grown import grow
from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service import settings
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import FOLDER
from graph_service.home import Home
from graph_service.run_file import RunFile
from graph_service.stores import adjacency, embedded, neighbourhood, ownership, search
from graph_service.stores import card as cards
from graph_service.stores import paths as shortest
from graph_service.stores.answers import Entity
from graph_service.stores.lookups import Reader
from graph_service.stores.neo4j import lookups, server
from graph_service.stores.neo4j.connection import connect
from graph_service.stores.neo4j.publish import publish

_QUERIES = Path(queries.__file__).parent / "lookup"
_TODAY = date(2026, 1, 1)
_ASKED = 60
_WARM = 5
_HUB = "organisation:syn:hub"
_HUB_CLIENTS = 100_000
_SEED = 424_242

#: Opens an engine for one look-up, as a command does.
Opening: TypeAlias = Callable[[], AbstractContextManager[Reader]]
#: A look-up about one or two persons.
Question: TypeAlias = Callable[[Reader, str, str], object]


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of one look-up asked many times; `processor` is this process's part."""

    median: float
    late: float
    processor: float


def measure(town: Town, asked: Namespace) -> None:
    """Print p50 and p95 of each look-up (goal: two steps ≤ 50 ms embedded), and the hub's words."""
    for relationships in asked.networks:
        home = Home(town.folder / f"home-lookups-{relationships}")
        shutil.rmtree(home.path, ignore_errors=True)
        run = grow(home, relationships)
        seconds = _lay(run)
        with ExitStack() as opened:
            # Published first: a run file is open in one way at a time.
            engines: dict[str, Opening] = {}
            if asked.neo4j:
                engines["Neo4j"] = opened.enter_context(_neo4j(home, run))
            reader = opened.enter_context(embedded.open_reader(run, _QUERIES))
            engines = {"embedded": partial(nullcontext, reader), **engines}
            size = reader.rows("weigh", {"nodes": [_HUB], "types": ["ENROLLED_WITH"]})
            print(f"{relationships:,} relationships; laid for look-ups in {seconds:.1f} s")
            print(f"the hub has {size[0]['relationships']:,}\n")
            people = _people(run)
            _print(engines, people)
            print()
            page.show(neighbourhood.around(reader, _entity(reader, _HUB), depth=2, limit=3), "en")


def _lay(run: RunFile) -> float:
    """Give the grown run a hub, what a search needs, and the adjacency; seconds of the last."""
    with Engine(run.path) as engine:
        engine.script(FOLDER / "macros.sql")
        engine.execute(
            "INSERT INTO nodes BY NAME SELECT $hub AS node_id, 'organisation' AS kind, "
            "'syn:hub' AS key, 'Navet' AS name, ['Organisation', 'Provider'] AS labels, "
            "false AS protected",
            {"hub": _HUB},
        )
        engine.execute("UPDATE nodes SET search = search_lines(name, key)")
        engine.execute("CREATE OR REPLACE TABLE nodes AS FROM nodes ORDER BY node_id")
        engine.execute(
            "INSERT INTO edges BY NAME SELECT 'ENROLLED_WITH:' || md5(node_id) AS edge_id, "
            "'ENROLLED_WITH' AS type, node_id AS source_id, $hub AS target_id, "
            "DATE '2025-01-01' AS valid_from, 'enrolments' AS origin_table, '{}' AS origin_key "
            "FROM (FROM nodes WHERE kind = 'person' ORDER BY hash(node_id) LIMIT $clients) "
            "ORDER BY node_id",
            {"hub": _HUB, "clients": _HUB_CLIENTS},
        )
        begun = time.perf_counter()
        adjacency.lay(engine)
        engine.execute("CHECKPOINT")
        return time.perf_counter() - begun


def _people(run: RunFile) -> list[str]:
    with run.open() as engine:
        rows = engine.rows(
            "SELECT node_id FROM nodes WHERE kind = 'person' ORDER BY hash(node_id, 7) LIMIT $most",
            {"most": 2 * (_ASKED + _WARM)},
        )
    people = [row["node_id"] for row in rows]
    random.Random(_SEED).shuffle(people)
    return people


def _entity(reader: Reader, node_id: str) -> Entity:
    return Entity.of(reader.rows("names", {"nodes": [node_id]})[0]["entity"])


def _around(depth: int) -> Question:
    return lambda reader, one, _: neighbourhood.around(reader, _entity(reader, one), depth=depth)


_QUESTIONS: Mapping[str, Question] = {
    "entity by its key": lambda reader, one, _: search.resolve(
        reader, one.removeprefix("person:"), today=_TODAY, kinds=("person",)
    ),
    "search by a part of a name": lambda reader, one, _: search.find(
        reader, f"namn {one[-4:]}", today=_TODAY
    ),
    "around, one step": _around(1),
    "around, two steps": _around(2),
    "around, three steps": _around(3),
    "around the hub, two steps": lambda reader, *_: neighbourhood.around(
        reader, _entity(reader, _HUB), depth=2
    ),
    "paths between two persons": lambda reader, one, other: shortest.paths(
        reader, _entity(reader, one), _entity(reader, other), hub=neighbourhood.HUB
    ),
    "owners": lambda reader, one, _: ownership.ownership(reader, _entity(reader, one)),
    "card": lambda reader, one, _: cards.card(reader, _entity(reader, one)),
    "timeline": lambda reader, one, _: cards.timeline(reader, _entity(reader, one)),
}


def _print(engines: Mapping[str, Opening], people: Sequence[str]) -> None:
    head("look-up", *(f"{name} p50, p95, processor (ms)" for name in engines))
    for called, question in _QUESTIONS.items():
        timed = [_timed(opening, question, people) for opening in engines.values()]
        row(called, *(f"{t.median:.1f}, {t.late:.1f}, {t.processor:.1f}" for t in timed))


def _timed(opening: Opening, question: Question, people: Sequence[str]) -> Timed:
    walls, spent = [], []
    for one, other in zip(people[::2], people[1::2], strict=True):
        wall, processor = time.perf_counter(), time.process_time()
        with opening() as reader:
            question(reader, one, other)
        walls.append(1000 * (time.perf_counter() - wall))
        spent.append(1000 * (time.process_time() - processor))
    walls, spent = sorted(walls[_WARM:]), sorted(spent[_WARM:])
    return Timed(walls[len(walls) // 2], walls[len(walls) * 95 // 100], spent[len(spent) // 2])


@contextmanager
def _neo4j(home: Home, run: RunFile) -> Iterator[Opening]:
    """The run in a server of its own, stopped at the end."""
    started, _ = server.start(
        home,
        settings.read().cache,
        password=secrets.token_hex(16),
        heap="2g",
        page_cache="2g",
    )
    try:
        with connect(started.settings()) as connection:
            publish(
                connection,
                home,
                run,
                clock=lambda: datetime.now(UTC),
                token=lambda: secrets.token_hex(16),
                memory="2GiB",
            )
            yield partial(lookups.open_reader, connection, _QUERIES, name="benchmark", purpose="")
    finally:
        server.stop(home)
