"""Decisions, holds and erasures on both databases, at the terminal and over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from api.cli import app
from api.http.app import create_app
from api.http.service import open_service
from graph_service.casework.database import Database
from graph_service.casework.keeping import Covers, Keeping
from graph_service.errors import GraphServiceError, NotThere, UsageError
from graph_service.records import Retention
from graph_service.settings import Settings
from tests.house import House, row
from tests.http_service import listening

BY = "cli:test"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def test_the_last_decision_of_a_class_counts(database: Database) -> None:
    keeping = Keeping(database, clock=Clock())
    assert keeping.decisions() == {}
    keeping.decide(Retention.VISITS, 24, decision="KS 2026/12", by=BY)
    keeping.decide(Retention.MONEY, 84, decision="KS 2026/12", by=BY)
    last = keeping.decide(Retention.VISITS, 36, decision=" KS 2026/40 ", by=BY)
    found = keeping.decisions()
    assert {kind: each.months for kind, each in found.items()} == {
        Retention.VISITS: 36,
        Retention.MONEY: 84,
    }
    assert found[Retention.VISITS] == last and last.decision == "KS 2026/40"
    for months, decision in ((0, "x"), (1201, "x"), (12, "  ")):
        with pytest.raises(UsageError):
            keeping.decide(Retention.CARE, months, decision=decision, by=BY)


def test_a_hold_stands_until_it_is_lifted(database: Database) -> None:
    keeping = Keeping(database, clock=Clock())
    first = keeping.hold(Covers.TABLE, "visits", reason="a suit", by=BY)
    second = keeping.hold(Covers.CLASS, "money", reason="an audit", by=BY)
    assert keeping.holds() == [first, second]
    lifted = keeping.lift(first.hold_id, reason="settled", by=BY)
    assert lifted.lifted_at is not None and keeping.holds() == [second]
    with pytest.raises(NotThere):
        keeping.lift(first.hold_id, reason="again", by=BY)
    for covers, named in ((Covers.TABLE, "no_table"), (Covers.CLASS, "no_class")):
        with pytest.raises(UsageError):
            keeping.hold(covers, named, reason="x", by=BY)
    with pytest.raises(NotThere):
        keeping.hold(Covers.CASE, "case-none", reason="x", by=BY)


def test_an_erasure_is_told_before_and_after(database: Database) -> None:
    keeping = Keeping(database, clock=Clock())
    keeping.begin({"visits": "KS 2026/12"}, {"visits": 3}, by=BY)
    (begun,) = keeping.unfinished()
    assert begun.counts == {"visits": 3} and begun.decisions == {"visits": "KS 2026/12"}
    keeping.finish({"files_redacted": 2})
    (ended,) = keeping.erasures()
    assert keeping.unfinished() == []
    assert ended.counts == {"visits": 3, "files_redacted": 2} and ended.finished_at is not None


def test_the_tables_go_down_and_up_with_data_in_them(database: Database) -> None:
    keeping = Keeping(database, clock=Clock())
    keeping.decide(Retention.VISITS, 24, decision="KS 2026/12", by=BY)
    keeping.hold(Covers.TABLE, "visits", reason="a suit", by=BY)
    keeping.begin({}, {"visits": 1}, by=BY)
    database.downgrade("0003")
    with database.reading() as session, pytest.raises(Exception, match="legal_holds"):
        session.execute(text("SELECT * FROM legal_holds"))
    database.migrate()
    assert (keeping.decisions(), keeping.holds(), keeping.erasures()) == ({}, [], [])


def _command(house: House, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, what was printed as JSON lines, and what was said to the person."""
    done = CliRunner().invoke(app, [*words, "--home", str(house.home.path)], standalone_mode=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if isinstance(done.exception, GraphServiceError):
        return done.exception.exit_code, lines, str(done.exception)
    assert done.exception is None, done.exception
    return done.exit_code, lines, done.stderr


def test_the_terminal_decides_says_what_is_due_and_erases_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load_rows(
        "visits", row("visits", visit_id="old", start="2014-03-01T08:00", end="2014-03-01T09:00")
    )
    code, due, said = _command(house, "retention", "due", "--format", "jsonl")
    assert code == 0 and [(each["rows"], each["decision"]) for each in due] == [(1, None)]
    assert "visits" in said
    words = ("retention", "set", "visits", "24", "--decision", "KS 2026/12")
    assert _command(house, *words)[0] == 0
    code, gone, _ = _command(house, "retention", "run", "--format", "jsonl")
    counts = {each["what"]: each["count"] for each in gone}
    assert code == 0 and counts == {"visits": 1, "files_erased": 1}
    assert house.known("FROM known.visits") == []
    again = house.give(
        "visits.csv", [row("visits", start="2014-03-01T08:00", end="2014-03-01T09:00")]
    )
    code, receipt, said = _command(house, "load", str(again), "--format", "jsonl")
    assert code == 0 and receipt[0]["stored"] == 1 and "retention run" in said
    code, told, _ = _command(house, "retention", "erasures", "--format", "jsonl")
    assert told[0]["counts"] == counts and told[0]["decisions"] == {"visits": "KS 2026/12"}
    assert _command(house, "backup", str(tmp_path / "copy"))[0] == 0
    changed = tmp_path / "copy" / "home" / "reference.key"
    changed.write_bytes(bytes(32))
    restored = House(tmp_path / "restored")
    code, _, said = _command(restored, "restore", str(tmp_path / "copy"))
    assert code == 4 and "reference.key" in said and not restored.home.path.exists()
    house.home.set_version(99)
    code, _, said = _command(house, "batches")
    assert code == 2 and "newer" in said


def test_over_http_a_lawyer_decides_and_an_administrator_erases(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load_rows("visits", row("visits", start="2014-03-01T08:00", end="2014-03-01T09:00"))
    clock = Clock()
    with open_service(Settings(home=house.home.path), clock) as service:
        secrets = {
            role: service.users.issue_key(role, (role,), None, lasts=timedelta(days=1), by="test")[
                1
            ]
            for role in ("lawyer", "administrator", "reviewer")
        }
        with (
            listening(create_app(service)) as url,
            httpx.Client(base_url=url, timeout=60) as client,
        ):

            def ask(role: str, method: str, path: str, body: Any = None) -> httpx.Response:
                headers = {"Authorization": f"Bearer {secrets[role]}"}
                return client.request(method, f"/v1/retention{path}", headers=headers, json=body)

            decision = {"months": 24, "decision": "KS 2026/12"}
            assert ask("reviewer", "PUT", "/classes/visits", decision).status_code == 403
            assert ask("lawyer", "PUT", "/classes/visits", decision).json()["months"] == 24
            told = {each["class"]: each for each in ask("lawyer", "GET", "").json()["items"]}
            assert told["visits"]["decision"] == "KS 2026/12"
            assert told["money"]["decision"] is None and set(told) == set(Retention)
            (due,) = ask("administrator", "GET", "/due").json()["items"]
            assert (due["table"], due["rows"], due["decided"]) == ("visits", 1, True)
            hold = {"covers": "table", "named": "visits", "reason": "a suit"}
            placed = ask("lawyer", "POST", "/holds", hold)
            assert placed.status_code == 201
            (due,) = ask("administrator", "GET", "/due").json()["items"]
            assert (due["rows"], due["held"]) == (0, 1)
            hold_id = placed.json()["hold_id"]
            assert [each["hold_id"] for each in ask("lawyer", "GET", "/holds").json()["items"]] == [
                hold_id
            ]
            lift = {"reason": "settled"}
            assert ask("lawyer", "POST", f"/holds/{hold_id}/lift", lift).status_code == 200
            assert ask("lawyer", "POST", f"/holds/{hold_id}/lift", lift).status_code == 404
            assert ask("lawyer", "POST", "/erasures", {"confirm": "erase"}).status_code == 403
            assert ask("administrator", "POST", "/erasures", {}).status_code == 422
            assert ask("administrator", "GET", "/erasures").json() == {"items": [], "next": None}
            number = row("visits")["client_id"]
            person = {"covers": "entity", "named": number, "reason": "x"}
            refused = ask("lawyer", "POST", "/holds", person)
            assert refused.status_code == 422 and str(number) not in refused.text
