"""The service around its routes: what it logs and counts, refuses, and says in every answer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from api.http import logs
from api.http.app import create_app
from api.http.door import Asking, AuditedRoute, does
from api.http.limits import BODY_BYTES, HEADER_BYTES
from api.http.service import Service, open_service
from graph_service.engines.duckdb import Engine
from graph_service.settings import ServeSettings, Settings
from tests.house import person
from tests.http_service import listening

NUMBER = person(3)
SPELT = (NUMBER, NUMBER[2:], f"{NUMBER[:8]}-{NUMBER[8:]}", f"{NUMBER[2:8]}+{NUMBER[8:]}")
#: Longer than any time limit here, in the engine's own loops.
ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range * b.range = 7"


class Here:
    """A service with little in it, its application, and its address while it is asked."""

    def __init__(self, service: Service, app: FastAPI, stack: ExitStack) -> None:
        self.service, self.app = service, app
        self._stack = stack
        self._url: str | None = None
        self.keys: list[str] = []

    def client(self, *roles: str, **headers: str) -> httpx.Client:
        if self._url is None:
            self._url = self._stack.enter_context(listening(self.app))
        if roles:
            name, lasts = f"robot{len(self.keys)}", timedelta(days=1)
            key, secret = self.service.users.issue_key(name, roles, None, lasts=lasts, by="test")
            self.keys.append(key.key_id)
            headers["Authorization"] = f"Bearer {secret}"
        return self._stack.enter_context(
            httpx.Client(base_url=self._url, headers=headers, timeout=60)
        )


@contextmanager
def here(folder: Path, **bounds: Any) -> Iterator[Here]:
    settings = Settings(home=folder / "home", serve=ServeSettings(**bounds))
    with ExitStack() as stack:
        service = stack.enter_context(open_service(settings, lambda: datetime.now(UTC)))
        with ExitStack() as asked:
            yield Here(service, create_app(service), asked)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Here]:
    with here(tmp_path) as made:
        yield made


# -- logs ------------------------------------------------------------------------------------


@given(st.sampled_from(SPELT), st.text("åäö ,:=/?", max_size=5), st.text(" .%&", max_size=5))
def test_a_personal_number_is_masked_wherever_it_stands(
    number: str, before: str, after: str
) -> None:
    stream = io.StringIO()
    logs.lines(stream).info(before + number + after, more=f"x{after}{number}")
    line = json.loads(stream.getvalue())
    assert number not in line["event"] and number not in line["more"]
    assert line["event"] == before + "…" + after


def test_what_others_log_tells_where_it_broke_and_never_what_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.adopt()
        try:
            raise ValueError(f"no such person {NUMBER}")
        except ValueError:
            logging.getLogger("elsewhere").exception("row %s of %s", 7, SPELT[2])
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "row 7 of …" and line["error"] == "ValueError"
    assert line["at"][0].endswith(
        " test_what_others_log_tells_where_it_broke_and_never_what_was_said"
    )
    assert not any(number in json.dumps(line) for number in SPELT)


def test_nothing_that_a_request_holds_reaches_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with here(tmp_path) as made:

        @made.app.get("/broken", **does("service.health"))
        def broken() -> None:
            raise RuntimeError(f"a row held {NUMBER}")

        asked = made.client("reviewer", "administrator")
        for number in SPELT:
            asked.get(f"/v1/providers/{number}", params={"limit": number})
            asked.get(f"/{number}", headers={"Purpose": number, "Case": number, "X": number})
            asked.get(f"/v1/loads/{number}/rejects")
            asked.post("/v1/providers/search", json={"text": number, number: number})
            asked.post("/v1/session", json={"name": number, "password": number})
            asked.post("/v1/network/search", content=number)
            asked.post("/v1/loads", files={number: (f"{number}.csv", f"person_id\n{number}\n")})
        assert asked.get("/broken").status_code == 500
        asked.get("/health", headers={"Authorization": f"Bearer {NUMBER}"})
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines()]
    assert sum(line["event"] == "request" for line in lines) == 7 * len(SPELT) + 2
    assert {line["error"] for line in lines if line["event"] == "defect"} == {"RuntimeError"}
    assert not any(number in told for number in SPELT)


def test_a_line_says_who_did_what_and_how_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with here(tmp_path) as made:
        answer = made.client("auditor").get("/v1/loads/none?limit=3")
    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ("method", "route", "operation", "status", "user_id")} == {
        "method": "GET",
        "route": "/v1/loads/{batch}",
        "operation": "loads.read",
        "status": 404,
        "user_id": made.keys[0],
    }
    assert line["request_id"] == answer.headers["request-id"] and line["ms"] > 0


# -- metrics ---------------------------------------------------------------------------------


def test_metrics_count_what_was_asked_and_name_nobody(plain: Here) -> None:
    administrator, auditor = plain.client("administrator"), plain.client("auditor")
    for _ in range(3):
        auditor.get(f"/v1/loads/{NUMBER}")
    auditor.get("/v1/loads")
    auditor.get(f"/{NUMBER}")
    assert auditor.get("/metrics").status_code == 403
    answer = administrator.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, sample.labels.get("operation"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if "le" not in sample.labels
    }
    assert samples["graph_service_requests_total", "loads.read", "404"] == 3
    assert samples["graph_service_requests_total", "loads.read", "200"] == 1
    assert samples["graph_service_requests_total", "-", "404"] == 1
    assert samples["graph_service_requests_total", "service.metrics", "403"] == 1
    assert samples["graph_service_refusals_total", "loads.read", None] == 3
    assert samples["graph_service_request_seconds_count", "loads.read", None] == 4
    assert samples["graph_service_audit_waiting", None, None] == 0
    assert ("graph_service_run_age_seconds", None, None) not in samples
    assert NUMBER not in answer.text


# -- limits ----------------------------------------------------------------------------------


def _is_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status and told["detail"].endswith(".")


def test_a_caller_who_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    with here(tmp_path, requests_per_minute=4) as made:
        one, other = made.client("auditor"), made.client("auditor")
        assert [one.get("/v1/loads").status_code for _ in range(4)] == [200] * 4
        refused = one.get("/v1/loads")
        _is_problem(refused, 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-policy"] == '"caller";q=4;w=60'
        assert refused.headers["ratelimit"].startswith('"caller";r=0;t=')
        assert other.get("/v1/loads").status_code == 200
        assert one.get("/health").status_code == 200  # whether it lives may always be asked


def test_wrong_passwords_are_counted_by_address_and_right_ones_are_not(tmp_path: Path) -> None:
    with here(tmp_path, failed_sign_ins_per_minute=2) as made:
        made.service.users.add("anna", "fyra ord av slumpen", ["reviewer"], None)
        right = {"name": "anna", "password": "fyra ord av slumpen"}
        nobody = made.client()
        assert [nobody.post("/v1/session", json=right).status_code for _ in range(3)] == [201] * 3
        assert nobody.post("/v1/session", json={"name": "anna"}).status_code == 422
        wrong = [nobody.post("/v1/session", json={"name": "bo", "password": "x"}) for _ in range(3)]
        assert [answer.status_code for answer in wrong] == [401, 401, 429]
        _is_problem(nobody.post("/v1/session", json=right), 429)
        assert nobody.get("/v1/session").status_code == 401


def test_a_body_is_refused_beyond_a_mebibyte_whether_it_says_its_size_or_not(plain: Here) -> None:
    asked = plain.client("reviewer")
    kind = {"Content-Type": "application/json"}
    fits = json.dumps({"text": "x" * 100}).encode().ljust(BODY_BYTES)
    _is_problem(asked.post("/v1/network/search", content=fits, headers=kind), 404)  # no run yet
    _is_problem(asked.post("/v1/network/search", content=fits + b" ", headers=kind), 413)
    parts = (bytes(1 << 16) for _ in range(17))
    _is_problem(asked.post("/v1/network/search", content=parts, headers=kind), 413)


def test_headers_beyond_all_measure_are_refused(plain: Here) -> None:
    _is_problem(plain.client().get("/health", headers={"X": "x" * HEADER_BYTES}), 431)


def test_a_host_that_is_not_served_is_refused(tmp_path: Path) -> None:
    with here(tmp_path, allowed_hosts=("127.0.0.1", "graf.example.org")) as made:
        asked = made.client()
        assert asked.get("/health").status_code == 200
        for host in ("graf.example.org", "GRAF.example.org:8443"):
            assert asked.get("/health", headers={"Host": host}).status_code == 200
        for host in ("evil.example", "graf.example.org.evil.example", "[", "127.0.0.1.nip.example"):
            _is_problem(asked.get("/health", headers={"Host": host}), 421)


def test_what_takes_too_long_is_stopped_and_the_next_one_answered(tmp_path: Path) -> None:
    with here(tmp_path, time_limit_seconds=1) as made:
        outlived: list[bool] = []

        def slow(ask: Asking) -> int:
            with Engine() as engine:
                found = int(engine.value(ENDLESS))
            outlived.append(True)
            return found

        made.app.router.add_api_route("/slow", slow, **does("loads.read"))
        asked = made.client("auditor")
        answer = asked.get("/slow", timeout=60)
        _is_problem(answer, 503)
        assert "longer than 1 seconds" in answer.json()["detail"]
        assert not outlived
        assert asked.get("/v1/loads").status_code == 200


# -- every answer ----------------------------------------------------------------------------


def test_every_answer_says_that_it_is_kept_by_nobody_and_run_by_nothing(tmp_path: Path) -> None:
    with here(tmp_path) as made:

        @made.app.get("/broken", **does("service.health"))
        def broken() -> None:
            raise RuntimeError

        asked = made.client("reviewer")
        paths = ("/health", "/v1/loads", "/v1/providers", "/nowhere", "/broken", "/openapi.json")
        answers = [asked.get(path) for path in paths] + [asked.delete("/health")]
        assert [each.status_code for each in answers] == [200, 200, 404, 404, 500, 200, 405]
        for answer in answers:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
            assert "strict-transport-security" not in answer.headers
            assert answer.is_success or answer.headers["content-type"] == "application/problem+json"


def test_no_page_is_served_that_loads_its_scripts_from_elsewhere(plain: Here) -> None:
    asked = plain.client()
    assert [asked.get(path).status_code for path in ("/docs", "/redoc", "/")] == [404] * 3


def test_every_route_asks_the_table_and_is_counted(plain: Here) -> None:
    told = plain.app.openapi()["paths"]
    assert told
    for path, methods in told.items():
        for method, operation in methods.items():
            assert operation.get("x-operation"), (method, path)
            assert "429" in operation["responses"], (method, path)
    assert plain.app.router.route_class is AuditedRoute


# -- the demo's reviewer ---------------------------------------------------------------------


def test_the_demo_lets_anybody_read_as_a_reviewer_and_no_token_that_is_wrong(
    tmp_path: Path,
) -> None:
    with here(tmp_path, demo=True) as made:
        asked = made.client()
        told = asked.get("/v1/session").json()
        assert (told["user_id"], told["roles"], told["units"]) == ("demo", ["reviewer"], None)
        assert asked.get("/v1/loads").status_code == 200
        assert asked.get("/v1/users").status_code == 403
        wrong = {"Authorization": "Bearer gsk_wrong"}
        assert asked.get("/v1/loads", headers=wrong).status_code == 401


def test_without_the_demo_nobody_comes_in(plain: Here) -> None:
    assert replace(plain.service.settings.serve, demo=True) != plain.service.settings.serve
    assert plain.client().get("/v1/loads").status_code == 401
