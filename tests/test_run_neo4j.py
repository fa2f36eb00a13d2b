"""Whole runs asked of Neo4j: the same findings and scores, and what readers then see."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import queries
from api.cli import app
from graph_service.detector import open_rooms
from graph_service.errors import StoreError
from graph_service.home import Home
from graph_service.run import RunResult, run
from graph_service.run_file import RunFile
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.candidate import candidate
from graph_service.stores.neo4j.connection import Connection, connect
from graph_service.stores.neo4j.publish import Publication, publication
from loaders.load import Options, load
from synth import municipality
from tests.examiner import build
from tests.house import csv_text

ROOMS = open_rooms(Path(queries.__file__).parent)
NETWORK = {room.name for room in ROOMS if room.network_query is not None}


@pytest.fixture(scope="module")
def clock() -> Callable[[], datetime]:
    seconds = itertools.count()
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.fixture(scope="module", params=["synth", "examiner-thin"])
def home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    clock: Callable[[], datetime],
) -> Home:
    """A town, of either maker, with something planted for each network detector."""
    folder = tmp_path_factory.mktemp(request.param)
    files = folder / "files"
    if request.param == "synth":
        municipality.make(
            files,
            seed=5300001,
            inhabitants=5000,
            months=8,
            start=date(2025, 1, 1),
            schemes=sorted(NETWORK),
        )
    else:
        thin = request.param.endswith("thin")
        _, tables = build(611, sorted(NETWORK), firms=14, weeks=26, thin=thin)
        files.mkdir()
        for name, rows in tables.items():
            told = [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]
            (files / f"{name}.csv").write_text(csv_text(told), encoding="utf-8")
    made = Home(folder / "home")
    load(made, [files], Options(), clock=clock)
    return made


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as opened:
        yield opened


def _told(found: RunFile) -> tuple[list[Any], list[Any]]:
    of_run = ("run_id", "known_by")
    scores = found.rows("scores", order="provider_id")
    return (
        found.rows("findings", order="provider_id, finding_id"),
        [{k: v for k, v in row.items() if k not in {*of_run, "change"}} for row in scores],
    )


def test_a_town_has_one_answer(
    home: Home, connection: Connection, clock: Callable[[], datetime]
) -> None:
    records = run(home, ROOMS, clock=clock, memory="1GiB")

    def begin(run_id: str) -> AbstractContextManager[Publication]:
        return publication(connection, home, run_id, clock=clock, token=lambda: "one-token")

    with candidate(connection, begin) as taken:
        network: RunResult = run(home, ROOMS, clock=clock, memory="1GiB", network=taken)
        seen = "MATCH (s:GraphServiceState {id: 'shown'}) RETURN s.run_id AS run_id"
        assert connection.read(seen, {}, "seen") == [{"run_id": None}], "asked before it is shown"
        taken.show()
    assert _told(network.run) == _told(records.run)
    assert connection.read(seen, {}, "seen") == [{"run_id": network.run.run_id}]
    findings, _ = _told(network.run)
    assert NETWORK & {row["detector"] for row in findings}, "something was asked and found"


def _graph_service(neo4j: Neo4jSettings, home: Home, *line: str) -> Result:
    environment = {
        "NEO4J_URI": neo4j.uri,
        "NEO4J_USER": neo4j.user,
        "NEO4J_PASSWORD": neo4j.secret(),
        "NEO4J_DATABASE": neo4j.database,
        "GRAPH_SERVICE_HOME": str(home.path),
    }
    return CliRunner(env=environment).invoke(app, line)


def _shown(neo4j: Neo4jSettings) -> list[dict[str, Any]]:
    with connect(neo4j) as connection:
        return connection.read(
            "MATCH (s:GraphServiceState {id: 'shown'}) "
            "OPTIONAL MATCH (f:GraphService:Finding) WHERE f.since <= s.number < f.until "
            "RETURN s.run_id AS run_id, count(f) AS findings, s.publishing AS publishing",
            {},
            "shown",
        )


def test_the_terminal_asks_neo4j_and_shows_the_run(
    tmp_path: Path, clock: Callable[[], datetime], empty_database: Neo4jSettings
) -> None:
    """One small home: a full run is shown, a run of the past is asked and taken back."""
    home = Home(tmp_path / "home")
    owners = [
        {"org_id": a, "owner_id": b, "owner_kind": "organisation", "interest": "shares",
         "share": "1", "valid_from": "2024-01-01"}
        for a, b in itertools.pairwise(["5520000018", "5520000026", "5520000034", "5520000026"])
    ]  # fmt: skip
    enrolled = {
        "client_id": "syn:1", "org_id": "5520000018", "municipality": "0584", "service": "x",
        "valid_from": "2025-06-01",
    }  # fmt: skip
    files = tmp_path / "files"
    files.mkdir()
    for name, rows in {"owners": owners, "enrolments": [enrolled]}.items():
        (files / f"{name}.csv").write_text(csv_text(rows), encoding="utf-8")
    load(home, [files], Options(), clock=clock)

    made = _graph_service(empty_database, home, "run", "--engine", "neo4j", "--format", "jsonl")
    assert made.exit_code == 0, made.output
    first = json.loads(made.stdout.splitlines()[0])
    assert _shown(empty_database) == [
        {"run_id": first["run_id"], "findings": first["findings"], "publishing": None}
    ]
    assert first["findings"] == 1, "a ring owns the provider"

    past = ("run", "--engine", "neo4j", "--as-of", "2024-02-01", "--format", "jsonl")
    made = _graph_service(empty_database, home, *past)
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout.splitlines()[0])["findings"] == 0
    assert _shown(empty_database) == [
        {"run_id": first["run_id"], "findings": 1, "publishing": None}
    ]

    made = _graph_service(empty_database, home, "run", "--format", "jsonl")
    assert made.exit_code == 0, made.output
    second = json.loads(made.stdout.splitlines()[0])
    assert _shown(empty_database) == [
        {"run_id": second["run_id"], "findings": 1, "publishing": None}
    ]


def test_a_run_stands_where_the_database_is_out_of_reach(
    tmp_path: Path, clock: Callable[[], datetime]
) -> None:
    home = Home(tmp_path / "home")
    nobody = Neo4jSettings("bolt://127.0.0.1:1", "neo4j", password="none")
    made = _graph_service(nobody, home, "run", "--format", "jsonl")
    assert json.loads(made.stdout.splitlines()[0])["current"] is True
    assert isinstance(made.exception, StoreError)
    assert "Neo4j at bolt://127.0.0.1:1 does not answer" in str(made.exception)
    asked = _graph_service(nobody, home, "run", "--engine", "neo4j")
    assert isinstance(asked.exception, StoreError)
