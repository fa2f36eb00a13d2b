"""Runs and the work of the day over HTTP: real processes, begun, followed, cancelled and killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.cli import app as terminal
from api.http.app import create_app
from api.http.service import open_service
from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.casework.snoozes import Snoozed, Snoozes
from graph_service.settings import Settings
from tests.house import House
from tests.http_service import NORTH, SOUTH, TRADER, Served, listening
from tests.test_routine_jobs import holders, until
from tests.test_routine_stop_list import municipality


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = House(tmp_path_factory.mktemp("work"))
    given = [house.give(f"{name}.csv", told) for name, told in municipality().items()]
    assert house.load(*given).exit_code == 0
    with ExitStack() as stack:
        settings = Settings(home=house.home.path)
        service = stack.enter_context(open_service(settings, lambda: datetime.now(UTC)))
        made = Served(house, service, stack.enter_context(listening(create_app(service))))
        stack.callback(made.close)
        made.run()
        yield made


def ended(client: httpx.Client, where: str) -> dict[str, Any]:
    """The run at an address, when it has ended."""
    until(lambda: client.get(where).json()["state"] != "running")
    found: dict[str, Any] = client.get(where).json()
    return found


def events(client: httpx.Client, where: str) -> list[tuple[str, dict[str, Any]]]:
    found, kind = [], ""
    with client.stream("GET", f"{where}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event:"):
                kind = line.partition(":")[2].strip()
            elif line.startswith("data:"):
                found.append((kind, json.loads(line.partition(":")[2])))
    return found


def test_a_run_is_started_followed_and_told_of(served: Served) -> None:
    reviewer = served.client("reviewer")
    before = served.runs.current()
    begun = reviewer.post("/v1/runs", headers={"Idempotency-Key": "morning"})
    where = begun.headers["location"]
    assert begun.status_code == 202 and begun.json()["state"] == "running"
    assert where == f"/v1/runs/{begun.json()['job_id']}"
    again = reviewer.post("/v1/runs", headers={"Idempotency-Key": "morning"})
    assert (again.status_code, again.headers["location"]) == (202, where)
    other = reviewer.post("/v1/runs")
    assert other.status_code == 409 and "under way" in other.json()["detail"]

    *steps, (last, told) = events(reviewer, where)
    assert {kind for kind, _ in steps} == {"step"} and last == "end"
    shares = [data["share"] for _, data in steps]
    assert shares == sorted(shares) and all(0 <= share <= 1 for share in shares)
    assert told == reviewer.get(where).json()
    assert (told["state"], told["current"], told["reason"]) == ("done", True, None)
    current = served.runs.current()
    assert current is not None and before is not None
    assert told["run_id"] == current.run_id != before.run_id
    assert reviewer.get(f"/v1/runs/{current.run_id}").json() == told
    # Who comes when it has ended is told so at once.
    assert events(reviewer, where) == [("end", told)]
    assert reviewer.post(f"{where}/cancel").status_code == 409

    proof = served.client("auditor").get("/v1/routines", params={"limit": 1}).json()["items"][0]
    assert proof["job_id"] == told["job_id"] and proof["outcome"] == "done"
    asked = current.rows("rooms", order="room")
    assert [(room["room"], room["digest"]) for room in proof["rooms"]] == [
        (row["room"], row["digest"]) for row in asked
    ]
    assert proof["batches"] == served.house.lake.visible_batches()
    # The score of that run is in the history.
    ref = reviewer.get("/v1/providers").json()["items"][0]["ref"]
    history = reviewer.get(f"/v1/providers/{ref}/history").json()["items"]
    assert current.run_id in {past["run_id"] for past in history}


def test_a_cancelled_run_and_a_killed_one_leave_the_last_good_one(served: Served) -> None:
    coordinator = served.client("coordinator")
    standing = served.runs.current()
    where = coordinator.post("/v1/runs").headers["location"]
    cancelled = coordinator.post(f"{where}/cancel")
    assert cancelled.status_code == 202
    assert ended(coordinator, where)["state"] == "cancelled"

    where = coordinator.post("/v1/runs").headers["location"]
    job_id = where.rpartition("/")[2]
    (process,) = holders(served.house.home, job_id)
    os.kill(process, signal.SIGKILL)
    killed = ended(coordinator, where)
    assert (killed["state"], killed["run_id"]) == ("failed", None)
    assert "last good run stands" in killed["reason"]

    assert standing is not None and served.runs.current() == standing
    told = coordinator.get("/v1/runs", params={"limit": 2}).json()["items"]
    assert [run["state"] for run in told] == ["failed", "cancelled"]
    assert events(coordinator, where)[-1] == ("end", killed)


def test_the_list_of_runs_holds_each_once(served: Served) -> None:
    reviewer = served.client("reviewer")
    whole = reviewer.get("/v1/runs", params={"limit": 200}).json()["items"]
    paged, cursor = [], None
    while True:
        asked = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = reviewer.get("/v1/runs", params=asked).json()
        paged += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == whole
    assert {run.run_id for run in served.runs.all()} == {
        run["run_id"] for run in whole if run["run_id"]
    }
    assert whole[-1]["job_id"] is None  # made at the terminal
    assert len({run["run_id"] or run["job_id"] for run in whole}) == len(whole)
    assert [run["current"] for run in whole].count(True) == 1


@pytest.mark.parametrize("where", ["/v1/runs/x", "/v1/runs/job-x", "/v1/runs/job-x/events"])
def test_a_run_that_there_is_not_is_not_found(served: Served, where: str) -> None:
    answer = served.client("reviewer").get(where)
    assert answer.status_code == 404 and "/v1/runs" in answer.json()["detail"]


def test_a_routine_that_fails_is_told_and_changes_nothing(served: Served) -> None:
    """At the terminal, as cron would call it."""
    home = served.house.home
    standing = served.runs.current()
    home.thresholds.write_text("[no_such_room.x]\nvalue = 1\n")
    try:
        failed = CliRunner().invoke(terminal, ["routine", "--home", str(home.path)])
    finally:
        home.thresholds.unlink()
    assert failed.exception is not None and "no detector no_such_room" in str(failed.exception)
    assert served.runs.current() == standing
    listed = CliRunner().invoke(
        terminal, ["routine", "list", "--home", str(home.path), "--format", "jsonl", "--limit", "1"]
    )
    told = json.loads(listed.stdout)
    assert (told["outcome"], told["run_id"]) == ("failed", None)
    assert "no detector no_such_room" in told["reason"]
    newest = served.client("reviewer").get("/v1/runs", params={"limit": 1}).json()["items"][0]
    assert (newest["job_id"], newest["state"]) == (told["job_id"], "failed")


def test_the_days_queue_leaves_out_what_was_judged_or_put_off(served: Served) -> None:
    reviewer = served.client("reviewer")
    service = served.service
    asked: Callable[[], dict[str, Any]] = lambda: (  # noqa: E731
        reviewer.get("/v1/today", params={"hours": 100}).json()
    )
    whole = asked()
    findings = [item["finding_id"] for item in whole["items"]]
    seen = reviewer.get("/v1/findings", params={"limit": 200}).json()["items"]
    assert sorted(findings) == sorted(row["finding_id"] for row in seen)
    assert whole["waiting"] == len(findings) and whole["hours_planned"] == 2 * len(findings)
    assert asked() == whole

    caller = replace(service.caller_of(reviewer.headers["authorization"].split()[1]))
    first = whole["items"][0]
    judged = Judged(first["finding_id"], first["detector"], first["provider_ref"])
    dispositions = Dispositions(service.database, clock=service.clock)
    dispositions.judge(caller, judged, Verdict.CONFIRMED, "seen in the roster")
    after = asked()
    assert first["finding_id"] not in {item["finding_id"] for item in after["items"]}
    alike = [item for item in after["items"] if item["detector"] == first["detector"]]
    assert {(item["confirmed"], item["judged"]) for item in alike} == {(1, 1)}
    assert {round(item["precision"], 4) for item in alike} == {0.6667}

    snoozes = Snoozes(service.database, clock=service.clock)
    put_off = after["items"][0]
    later = date.fromisoformat(whole["day"]).replace(day=28)
    until_day = later if later > date.fromisoformat(whole["day"]) else later.replace(month=12)
    snoozes.put_off(caller, Snoozed.FINDING, put_off["finding_id"], until_day, "asked the firm")
    snoozes.put_off(caller, Snoozed.PROVIDER, put_off["provider_ref"], until_day, "asked the firm")
    rest = asked()["items"]
    assert {item["provider_ref"] for item in rest} == {
        item["provider_ref"] for item in after["items"]
    } - {put_off["provider_ref"]}
    dispositions.undo(first["finding_id"], caller)
    snoozes.wake(caller, Snoozed.FINDING, put_off["finding_id"])
    snoozes.wake(caller, Snoozed.PROVIDER, put_off["provider_ref"])
    assert asked() == whole


@pytest.mark.parametrize(("own", "other"), [(NORTH, SOUTH), (SOUTH, NORTH)])
def test_the_work_of_a_unit_shows_nothing_of_another(served: Served, own: str, other: str) -> None:
    of_unit = served.client("reviewer", units=(own,))
    seen = {row["finding_id"] for row in of_unit.get("/v1/findings").json()["items"]}
    today = of_unit.get("/v1/today", params={"hours": 100})
    assert {item["finding_id"] for item in today.json()["items"]} == seen
    listed = of_unit.get("/v1/stop-list", params={"period": "2025-04", "limit": 200})
    assert {item["unit"] for item in listed.json()["items"]} == {own}
    reasons = {r["finding_id"] for item in listed.json()["items"] for r in item["reasons"]}
    assert reasons <= seen
    for text in (today.text, listed.text):
        assert other not in text and TRADER not in text


def test_the_stop_list_is_paged_tagged_and_logged(served: Served) -> None:
    controller = served.client("controller")
    whole = controller.get("/v1/stop-list", params={"period": "2025-04", "limit": 200}).json()
    assert whole["period"] == "2025-04" and whole["items"] and "stoppar aldrig" in str(whole)
    weights = [item["at_risk_sek"] for item in whole["items"]]
    assert weights == sorted(weights, reverse=True)
    first = controller.get("/v1/stop-list", params={"period": "2025-04", "limit": 1})
    following = controller.get(
        "/v1/stop-list", params={"period": "2025-04", "limit": 1, "cursor": first.json()["next"]}
    )
    assert first.json()["items"] + following.json()["items"] == whole["items"][:2]
    same = controller.get(
        "/v1/stop-list",
        params={"period": "2025-04", "limit": 1},
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert same.status_code == 304
    # Without a period, the newest that an invoice bills.
    assert controller.get("/v1/stop-list").json()["period"] == "2025-05"
    assert controller.get("/v1/stop-list", params={"period": "2025-13"}).status_code == 422


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("reviewer", {"start", "runs", "routines", "today", "stop"}),
        ("controller", {"runs", "stop"}),
        ("lawyer", {"runs"}),
        ("auditor", {"runs", "routines"}),
        ("administrator", {"start", "runs", "routines"}),
    ],
)
def test_each_role_may_what_the_table_says(served: Served, role: str, may: set[str]) -> None:
    client = served.client(role)
    answers = {
        "start": client.post("/v1/runs/none/cancel"),  # may, and is told that there is none
        "runs": client.get("/v1/runs"),
        "routines": client.get("/v1/routines"),
        "today": client.get("/v1/today"),
        "stop": client.get("/v1/stop-list"),
    }
    assert {what for what, answer in answers.items() if answer.status_code != 403} == may
