"""Publishing in Neo4j, beside the loop one writes first and beside the offline import."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.grown import grow
from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service import settings
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.run_file import RunFile
from graph_service.stores.neo4j import schema, server
from graph_service.stores.neo4j.connection import Connection, Statement, connect
from graph_service.stores.neo4j.publish import Published, publish

_BATCH = 10_000
_WIPE = "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"
_SERVER: dict[str, Any] = {"heap": "2g", "page_cache": "512m"}
_COLUMNS = ("node_id", "source_id", "target_id", "type", "labels")


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of all, of its relationships alone, and of the processors on both sides."""

    whole: float
    relationships: float
    processor: float


def measure(town: Town, asked: Namespace) -> None:
    """Print relationships a second (goals: twice the loop, a fifth of the import); a day's cost."""
    home = Home(town.folder / "home-publishing")
    shutil.rmtree(home.path, ignore_errors=True)
    cache = settings.read().cache
    run, day_later = (grow(home, asked.relationships, day=day) for day in (0, 1))
    with run.open() as engine:
        edges = int(engine.value("SELECT count(*) FROM edges"))
    try:
        with _serving(home, cache) as (connection, pid):
            _publish(connection, home, grow(home, 500))  # so that neither side meets a cold server
            rounds = []
            for _ in range(asked.repeat):
                _wipe(connection)
                loop = _timed(lambda told: _loop(connection, run, told), pid)
                _wipe(connection)
                ours = _timed(lambda told: _publish(connection, home, run, told), pid)
                rounds.append((loop, ours))
            loop, ours = (
                min(side, key=lambda each: each.whole) for side in zip(*rounds, strict=True)
            )
            day = _publish(connection, home, day_later)
            nothing = _publish(connection, home, day_later)
        imported = _import(home, cache, run, town.folder / "import")
    finally:
        server.stop(home)
    _print(edges, loop, ours, imported)
    print()
    head("incremental publish", "written", "closed", "seconds", "share of the first")
    for name, done in (("one more day", day), ("the same run again", nothing)):
        share = f"{done.seconds / ours.whole:.0%}"
        written = f"{done.nodes + done.relationships:,}"
        closed = f"{done.closed_nodes + done.closed_relationships:,}"
        row(name, written, closed, f"{done.seconds:.1f}", share)


def _print(edges: int, loop: Timed, ours: Timed, imported: float) -> None:
    head("way", "relationships", "seconds", "a second", "of these alone", "a processor second")
    for name, timed in (("the loop one writes first", loop), ("publish", ours)):
        alone, spent = edges / timed.relationships, edges / timed.processor
        rate = edges / timed.whole
        row(
            name,
            f"{edges:,}",
            f"{timed.whole:.1f}",
            f"{rate:,.0f}",
            f"{alone:,.0f}",
            f"{spent:,.0f}",
        )
    row("offline import", f"{edges:,}", f"{imported:.1f}", f"{edges / imported:,.0f}", "", "")
    print()
    head("ratio", "measured", "goal")
    row("publish to loop, all", f"{loop.whole / ours.whole:.2f}", "2")
    row("publish to loop, relationships", f"{loop.relationships / ours.relationships:.2f}", "2")
    row("publish to loop, processor", f"{loop.processor / ours.processor:.2f}", "")
    row("import to publish, all", f"{ours.whole / imported:.2f}", "5")


def _timed(work: Callable[[Callable[..., None]], Any], pid: int) -> Timed:
    """Run `work`, which tells its stages; relationships last from the first told to the last."""
    told: list[tuple[str, float]] = []
    begun, spent = time.perf_counter(), _processor(pid)
    work(lambda stage, *_: told.append((stage, time.perf_counter())))
    ended = time.perf_counter()
    first = max((at for stage, at in told if stage == "nodes"), default=begun)
    last = max(at for stage, at in told if stage == "relationships")
    return Timed(ended - begun, last - first, _processor(pid) - spent)


def _whole(timed: Timed) -> float:
    return timed.whole


def _processor(pid: int) -> float:
    """Processor seconds of this process and of the server: they do not drift with the machine."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return time.process_time() + (int(fields[11]) + int(fields[12])) / ticks


def _publish(
    connection: Connection,
    home: Home,
    run: RunFile,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> Published:
    return publish(
        connection,
        home,
        run,
        clock=lambda: datetime.now(UTC),
        token=lambda: secrets.token_hex(16),
        memory="2GiB",
        progress=told,
    )


def _loop(connection: Connection, run: RunFile, told: Callable[[str, int, int], None]) -> None:
    """Maps in batches of ten thousand, merged: what one writes first. Nulls are left out."""
    connection.repeat(
        Statement(
            "loop",
            "CREATE CONSTRAINT loop_entity IF NOT EXISTS "
            "FOR (n:Entity) REQUIRE n.node_id IS UNIQUE",
            {},
        )
    )
    with run.open() as engine:
        for kind, batch in _batches(engine, "nodes", "kind"):
            text = (
                "UNWIND $rows AS row MERGE (n:Entity {node_id: row.node_id}) "
                f"SET n:{kind.title()}, n += row.properties"
            )
            connection.write(Statement("loop", text, {"rows": batch}))
            told("nodes", 0, 0)
        for type_, batch in _batches(engine, "edges", "type"):
            text = (
                "UNWIND $rows AS row MATCH (a:Entity {node_id: row.source_id}) "
                "MATCH (b:Entity {node_id: row.target_id}) "
                f"MERGE (a)-[r:{type_} {{edge_id: row.properties.edge_id}}]->(b) "
                "SET r += row.properties"
            )
            connection.write(Statement("loop", text, {"rows": batch}))
            told("relationships", 0, 0)


def _batches(engine: Engine, table: str, by: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    names = dict(engine.columns(f"FROM {table}"))
    columns = ", ".join(
        f'CAST("{name}" AS DOUBLE) AS "{name}"' if kind.startswith("DECIMAL") and "[" not in kind
        else f'"{name}"'
        for name, kind in names.items()
        if name != "amounts"
    )  # fmt: skip
    rows = engine.stream(f'SELECT {columns} FROM {table} ORDER BY "{by}"')
    for value, group in itertools.groupby(rows, key=lambda each: each[by]):
        while batch := [_map(each) for each in itertools.islice(group, _BATCH)]:
            yield str(value), batch


def _map(each: dict[str, Any]) -> dict[str, Any]:
    ends = {name: each[name] for name in ("node_id", "source_id", "target_id") if name in each}
    kept = {k: v for k, v in each.items() if v is not None and k not in _COLUMNS}
    return {**ends, "properties": kept}


def _import(home: Home, cache: Path, run: RunFile, folder: Path) -> float:
    """Seconds of the offline import into a stopped server, files and all."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    begun = time.perf_counter()
    given = ["--overwrite-destination", "--array-delimiter=|", f"--report-file={folder / 'report'}"]
    with run.open() as engine:
        label_sets = engine.rows("SELECT DISTINCT labels FROM nodes")
        types = engine.rows("SELECT DISTINCT type FROM edges")
        given += [_import_nodes(engine, each["labels"], folder) for each in label_sets]
        given += [_import_edges(engine, each["type"], folder) for each in types]
    with _quiet():
        code = server.administer(home, cache, "database", "import", "full", "neo4j", *given)
    if code != 0:
        raise SystemExit("The offline import failed.")
    shutil.rmtree(folder)
    return time.perf_counter() - begun


def _import_nodes(engine: Engine, labels: list[str], folder: Path) -> str:
    path = folder / f"{'-'.join(labels)}.csv"
    columns = [f'"{name}"' for name in schema.node_columns(labels) if name != "node_id"]
    engine.execute(
        f'COPY (SELECT node_id AS "node_id:ID", {", ".join(columns)} FROM nodes '
        f"WHERE labels = {labels!r}) TO '{path}' (HEADER)"
    )
    return f"--nodes={':'.join([schema.OURS, *labels])}={path}"


def _import_edges(engine: Engine, type_: str, folder: Path) -> str:
    path = folder / f"{type_}.csv"
    columns = [
        f"array_to_string(\"{name}\", '|') AS \"{name}:long[]\""
        if name in {"days", "by_month"} else f'"{name}"'
        for name in schema.edge_columns(type_) if name != "amounts"
    ]  # fmt: skip
    engine.execute(
        f'COPY (SELECT source_id AS ":START_ID", target_id AS ":END_ID", {", ".join(columns)} '
        f"FROM edges WHERE type = '{type_}') TO '{path}' (HEADER)"
    )
    return f"--relationships={type_}={path}"


def _wipe(connection: Connection) -> None:
    connection.repeat(Statement("wipe", _WIPE, {}))


@contextmanager
def _serving(home: Home, cache: Path) -> Iterator[tuple[Connection, int]]:
    """The home's own server, stopped at the end."""
    started, _ = server.start(home, cache, password=secrets.token_hex(16), **_SERVER)
    try:
        with connect(started.settings()) as connection:
            yield connection, started.pid
    finally:
        server.stop(home)


@contextmanager
def _quiet() -> Iterator[None]:
    """What another program prints is left out of the tables."""
    kept = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
