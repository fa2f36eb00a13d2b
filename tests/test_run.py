"""A run is whole or not there, says the same of the same, and never stands in for the present."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from api.cli_run import COMMANDS, ROOMS
from api.session import Group
from graph_service import thresholds
from graph_service.counted import is_counted, table_of
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError, GraphServiceError, RunError, UsageError
from graph_service.home import Home
from graph_service.opening import words_of_guilt
from graph_service.run import RunResult, run
from graph_service.run_file import RunFolder
from loaders.load import Options, load, withdraw

#: A hard one, one of statistics and one of networks: a run is the same with all of them.
FEW = {"overlapping_visits", "clients_follow_worker", "ownership_ring"}
ROOMS_OF_RUNS = [room for room in open_rooms(ROOMS) if room.name in FEW]
VISITS_ROOM = "overlapping_visits"
ORG = "5520000018"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Clock:
    """One second passes with every look at it."""

    def __init__(self, start: datetime = NOW) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def visit(n: int, client: str, start: str, end: str, **other: Any) -> dict[str, Any]:
    base = {"municipality": "0000", "org_id": ORG, "worker_id": "hsa:w1", "service": "omsorg"}
    return base | {"visit_id": f"v{n}", "client_id": client, "start": start, "end": end} | other


BASE: dict[str, list[dict[str, Any]]] = {
    "organisations": [{"org_id": ORG, "name": "Syntetisk Omsorg Ett AB"}],
    "persons": [
        {"person_id": "syn:c1", "street": "Storgatan 12", "postcode": "111 11", "city": "Exstad"},
        {"person_id": "syn:c2", "street": "Kvarnvägen 3", "postcode": "111 12", "city": "Exstad"},
    ],
    "visits": [
        visit(1, "syn:c1", "2025-03-03 08:00", "2025-03-03 08:45"),
        visit(2, "syn:c2", "2025-03-03 08:15", "2025-03-03 09:00"),
        visit(3, "syn:c2", "2025-03-20 08:15", "2025-03-20 09:00"),
    ],
}
LATER = {"visits": [visit(4, "syn:c1", "2025-03-20 08:00", "2025-03-20 08:45")]}


def deliver(home: Home, clock: Clock, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    folder = home.path.parent / f"files-{clock().timestamp()}"
    folder.mkdir()
    for table, rows in tables.items():
        names = sorted({name for row in rows for name in row})
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    outcome = load(home, [folder], Options(), clock=clock)
    assert outcome.exit_code == 0, outcome.receipts
    return outcome.batch


def make(home: Home, clock: Clock, **how: Any) -> RunResult:
    return run(home, ROOMS_OF_RUNS, clock=clock, memory="1GiB", **how)


def findings(result: RunResult) -> list[dict[str, Any]]:
    return result.run.rows("findings", order="finding_id")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


# -- what a run is --------------------------------------------------------------------------------


def test_an_empty_home_gives_an_empty_run(home: Home, clock: Clock) -> None:
    made = make(home, clock)
    assert (made.providers, made.findings, made.changes) == (0, 0, None)
    assert made.complete
    assert RunFolder(home).current() == made.run


def test_a_run_file_has_its_tables_and_nothing_that_points_elsewhere(
    home: Home, clock: Clock
) -> None:
    deliver(home, clock, BASE)
    made = make(home, clock)
    assert made.as_of == date(2025, 3, 20)
    with Engine(made.run.path, read_only=True) as engine:
        tables = {row["table_name"] for row in engine.rows("FROM duckdb_tables()")}
        views = engine.rows("FROM duckdb_views() WHERE NOT internal")
        schemas = {row["schema_name"] for row in engine.rows("FROM duckdb_tables()")}
    kept = {"nodes", "edges", "links", "findings", "scores", "changes", "set_aside", "rooms", "run"}
    looked_up = {"adjacency", "spokes"}
    seen = {"scope_nodes", "scope_evidence", "scope_payments", "scope_rooms"}
    counted = {table_of(room) for room in ROOMS_OF_RUNS if is_counted(room)}
    assert tables == kept | looked_up | seen | counted
    assert (views, schemas) == ([], {"main"})
    assert not list(home.runs.glob("*.building*"))
    assert not list((home.path / "spill").iterdir())


def test_the_same_records_give_the_same_findings(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    first, second = make(home, clock), make(home, clock)
    assert first.run.run_id != second.run.run_id
    assert findings(first)
    for table in ("nodes", "edges", "findings"):
        with Engine(first.run.path, read_only=True) as engine:
            before = engine.rows(f"FROM {table}")
        with Engine(second.run.path, read_only=True) as engine:
            assert engine.rows(f"FROM {table}") == before
    assert second.changes == {"still": len(findings(first))}


def test_findings_are_new_still_or_gone(home: Home, clock: Clock) -> None:
    deliver(home, clock, {"persons": BASE["persons"], "visits": BASE["visits"][2:]})
    assert make(home, clock).findings == 0
    batch = deliver(home, clock, {"visits": BASE["visits"][:2]})
    assert make(home, clock).changes == {"new": 1}
    assert make(home, clock).changes == {"still": 1}
    withdraw(home, batch, reason="a wrong file", clock=clock)
    gone = make(home, clock)
    assert gone.changes == {"gone": 1}
    assert gone.findings == 0


def test_a_finding_outlives_one_more_day_of_data(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    before = findings(make(home, clock))
    deliver(home, clock, LATER)
    after = findings(make(home, clock))
    assert [row["finding_id"] for row in before] == [row["finding_id"] for row in after]
    assert [row["events"] for row in before] != [row["events"] for row in after]


# -- the present and the past ---------------------------------------------------------------------


def test_only_a_full_run_of_the_present_becomes_current(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    standing = make(home, clock)
    seen = clock.now
    deliver(home, clock, LATER)
    past = make(home, clock, as_of=date(2025, 3, 10))
    earlier = make(home, clock, known_by=seen)
    some = make(home, clock, only=[VISITS_ROOM])
    for partial in (past, earlier, some):
        assert not partial.complete
        assert partial.changes is None
        assert RunFolder(home).current() == standing.run
    assert findings(earlier) == findings(standing), "a later batch is not known earlier"
    assert [row["events"] for row in findings(past)] == [1]
    assert len(RunFolder(home).all()) == 4
    now = make(home, clock, as_of=date(2025, 3, 20), known_by=clock.now)
    assert now.complete, "the present, though its date and time are given"
    assert [row["events"] for row in findings(now)] == [2]


def test_known_by_counts_the_receipt_of_that_very_moment(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    deliver(home, clock, LATER)
    receipt = json.loads(
        json.dumps([str(r.loaded_at) for r in _receipts(home)])  # as a user copies it
    )[-1]
    at = datetime.fromisoformat(receipt)
    assert [row["events"] for row in findings(make(home, clock, known_by=at))] == [2]
    just_before = at - timedelta(microseconds=1)
    assert [row["events"] for row in findings(make(home, clock, known_by=just_before))] == [1]


def _receipts(home: Home) -> list[Any]:
    from graph_service.lake import Lake  # noqa: PLC0415 - only this test asks the lake itself

    return Lake(home).receipts()


def test_a_room_that_is_not_there_is_refused(home: Home, clock: Clock) -> None:
    with pytest.raises(UsageError, match="no detector"):
        make(home, clock, only=["no_such_room"])
    assert not RunFolder(home).all()


# -- whole or not at all --------------------------------------------------------------------------

_RUN_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from api.cli_run import ROOMS
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.opening import words_of_guilt
from graph_service.run import run
from graph_service import run_file

home, where = Path(sys.argv[1]), sys.argv[2]

def die(step):
    if step == where:
        os.kill(os.getpid(), signal.SIGKILL)

synced = run_file._sync
def sync(path):
    synced(path)
    die("sync " + path.suffix)
run_file._sync = sync

run(Home(home), open_rooms(ROOMS), clock=lambda: datetime.now(UTC), memory="1GiB", progress=die)
"""


def _start(home: Home, where: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", _RUN_AND_DIE, str(home.path), where], cwd=root)


@pytest.mark.parametrize("where", ["finish", "sync .building"])
def test_a_killed_run_leaves_the_old_one_current(home: Home, clock: Clock, where: str) -> None:
    deliver(home, clock, BASE)
    standing = make(home, clock)
    assert _start(home, where).wait() == -signal.SIGKILL
    assert RunFolder(home).all() == [standing.run]
    assert RunFolder(home).current() == standing.run
    after = make(home, clock)
    assert after.changes == {"still": 1}
    assert not list(home.runs.glob("*.building*")), "the next run swept what was left"


def test_two_runs_at_once_wait_for_each_other(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    both = [_start(home, "never") for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(RunFolder(home).all()) == 2
    last = RunFolder(home).current()
    assert last == RunFolder(home).all()[-1]
    assert last is not None
    assert [row["change"] for row in last.rows("changes", order="change")] == ["still"]


def test_too_little_memory_is_said_so(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    with pytest.raises(RunError, match="--memory"):
        run(home, ROOMS_OF_RUNS, clock=clock, memory="1MiB")
    assert RunFolder(home).current() is None
    assert not list(home.runs.iterdir()), "a run that fails leaves nothing"


# -- thresholds -----------------------------------------------------------------------------------


def _thresholds(home: Home, text: str) -> None:
    home.create()
    home.thresholds.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[no_such_room.x]\nvalue = 1\nreason = 'r'\nsince = 2025-01-01", "no detector"),
        (f"[{VISITS_ROOM}.no_such]\nvalue = 1\nreason = 'r'\nsince = 2025-01-01", "no threshold"),
        (f"[{VISITS_ROOM}.tolerance_s]\nvalue = 1\nsince = 2025-01-01", "exactly"),
        (f"[{VISITS_ROOM}.tolerance_s]\nvalue = 1\nreason = ' '\nsince = 2025-01-01", "reason"),
        (f"[{VISITS_ROOM}.tolerance_s]\nvalue = 1\nreason = 'r'\nsince = '2025-01-01'", "date"),
        (f"[{VISITS_ROOM}.tolerance_s]\nvalue = 'x'\nreason = 'r'\nsince = 2025-01-01", "kind"),
        (f"[{VISITS_ROOM}]\ntolerance_s = 1", "exactly"),
        (f"{VISITS_ROOM} = 1", "above"),
        ("not toml", "TOML"),
    ],
)
def test_thresholds_that_do_not_fit_are_refused(home: Home, text: str, says: str) -> None:
    _thresholds(home, text)
    with pytest.raises(DeclarationError, match=says):
        thresholds.read(home.thresholds, ROOMS_OF_RUNS)


def test_a_municipalitys_threshold_counts_from_its_date(home: Home, clock: Clock) -> None:
    deliver(home, clock, BASE)
    own = f"[{VISITS_ROOM}.tolerance_s]\nvalue = 3600\nreason = 'old phones'\nsince = "
    _thresholds(home, own + "2025-03-21")
    before = make(home, clock)
    assert before.findings == 1, "not yet in force on the day"
    _thresholds(home, own + "2025-03-20")
    made = make(home, clock)
    assert made.changes == {"gone": 1}
    [asked] = [r for r in made.run.rows("rooms", order="room") if r["room"] == VISITS_ROOM]
    told = asked["thresholds"]["tolerance_s"]
    assert (told["value"], told["room_value"], told["reason"]) == (3600, 300, "old phones")


# -- the terminal ---------------------------------------------------------------------------------


@pytest.fixture
def app() -> click.Group:
    group = Group(name="graph-service")
    for command in COMMANDS:
        group.add_command(command)
    return group


def ask(app: click.Group, home: Home, *words: str) -> str:
    result = CliRunner().invoke(app, ["--home", str(home.path), *words], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


CONTRACT_FINDING = [
    "finding_id", "detector", "detector_digest", "strength", "provider_id", "subjects", "since",
    "until", "events", "days", "exposure_sek", "statistics", "summary", "innocent", "evidence",
]  # fmt: skip
CONTRACT_SCORE = {
    "provider_id", "score", "cannot_assess", "not_assessed", "band", "rank", "contributions",
    "change", "run_id", "as_of", "known_by",
}  # fmt: skip


def test_the_terminal_lists_what_the_contract_says(home: Home, app: click.Group) -> None:
    deliver(home, Clock(), BASE)
    [made] = json.loads("[" + ask(app, home, "run", "--format", "jsonl") + "]")
    assert made["current"]
    assert Path(made["path"]).is_file()
    [finding] = json.loads("[" + ask(app, home, "findings", "--format", "jsonl") + "]")
    assert list(finding) == CONTRACT_FINDING
    assert finding["evidence"][0]["table"] == "visits"
    assert finding["evidence"][0]["key"] == {"visit_id": "v1"}
    assert finding["evidence"][0]["row"] == 2
    [score] = json.loads("[" + ask(app, home, "scores", "--format", "jsonl") + "]")
    assert set(score) == CONTRACT_SCORE
    assert (score["provider_id"], score["as_of"]) == (ORG, "2025-03-20")
    assert score["run_id"] == made["run_id"]
    [listed] = json.loads("[" + ask(app, home, "runs", "--format", "jsonl") + "]")
    assert listed == made


def test_listings_are_narrowed(home: Home, app: click.Group) -> None:
    deliver(home, Clock(), BASE)
    made = make(home, Clock())
    again = ["--run", made.run.run_id, "--format", "csv"]
    assert ask(app, home, "findings", "--provider", ORG, *again).count("\n") == 2
    assert ask(app, home, "findings", "--provider", "5520000026", *again) == ""
    assert ask(app, home, "findings", "--detector", VISITS_ROOM, *again).count("\n") == 2
    with pytest.raises(UsageError):
        ask(app, home, "findings", "--detector", "no_such_room")
    with pytest.raises(RunError):
        ask(app, home, "findings", "--run", "no-such-run")


def test_before_the_first_run_listings_are_empty(home: Home, app: click.Group) -> None:
    for listing in ("findings", "scores", "runs"):
        assert ask(app, home, listing) == ""


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_provider_is_explained(home: Home, app: click.Group, language: str) -> None:
    deliver(home, Clock(), BASE)
    make(home, Clock())
    told = ask(app, home, "explain", ORG, "--language", language)
    [room] = [room for room in ROOMS_OF_RUNS if room.name == VISITS_ROOM]
    assert ORG in told
    assert "Syntetisk Omsorg Ett AB" in told
    assert getattr(room.title, language) in told
    assert "syn:" not in told, "no client is named"
    assert len(told.splitlines()) <= 30, "half a page"
    assert words_of_guilt(told) == []
    full = ask(app, home, "explain", ORG, "--language", language, "--full")
    for cause in room.innocent:
        words = cause.ask if cause.ask is not None else cause.story
        assert getattr(words, language) in " ".join(full.split()), cause.name
    with pytest.raises(UsageError):
        ask(app, home, "explain", "5520000026")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--as-of", "2025-02-30"],
        ["run", "--as-of", "20250301"],
        ["run", "--known-by", "2025-03-01"],
        ["run", "--known-by", "yesterday"],
        ["run", "--rooms", ","],
        ["run", "--memory", "much"],
    ],
)
def test_wrong_usage_is_refused_with_the_cure(
    home: Home, app: click.Group, words: list[str]
) -> None:
    with pytest.raises(GraphServiceError) as refused:
        ask(app, home, *words)
    assert refused.value.exit_code == 2
