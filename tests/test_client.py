"""The client: its page is run as it stands, against the service itself."""

from __future__ import annotations

import doctest
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import client
from tests.house import csv_text, organisation, row
from tests.http_service import Served, serving

PAGE = Path(__file__).parents[1] / "docs" / "client.md"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("client")) as made:
        yield made


def _token(town: Served, *roles: str) -> str:
    return town.client(*roles).headers["Authorization"].removeprefix("Bearer ")


def test_the_page_of_the_client_is_what_happens(town: Served, tmp_path: Path) -> None:
    rows = [row("organisations", org_id=organisation(7)), row("organisations", org_id="x")]
    (tmp_path / "organisations.csv").write_text(csv_text(rows))
    given = {"url": town.url, "token": _token(town, "reviewer"), "folder": tmp_path}
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text(), given, PAGE.name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    told: list[str] = []
    runner.run(parsed, out=told.append)
    assert parsed.examples and not runner.failures, "".join(told)


def test_a_list_is_read_to_its_end_whatever_its_pages(town: Served) -> None:
    with client.Service(town.url, _token(town, "reviewer")) as service:
        by_one = [each["finding_id"] for each in service.findings(limit=1)]
        assert by_one == [each["finding_id"] for each in service.findings()]
        assert len(by_one) == len(set(by_one)) > 3


def test_what_is_refused_says_why(town: Served) -> None:
    with client.Service(town.url, _token(town, "auditor")) as service:
        with pytest.raises(client.Problem) as refused:
            service.search("linden")
        assert (refused.value.status, refused.value.title) == (403, "Forbidden")
        assert refused.value.detail.endswith(".") and refused.value.retry_after is None
    with client.Service(town.url) as nobody:
        assert {each["name"] for each in nobody.detectors()} >= {"overlapping_visits"}
        with pytest.raises(client.Problem) as refused:
            next(nobody.providers(min_score=1000))
        assert refused.value.status in (401, 422)
    with client.Service(town.url, _token(town, "reviewer")) as service:
        with pytest.raises(client.Problem) as refused:
            next(service.providers(min_score=1000))
        assert refused.value.faults[0]["where"] == "query.min_score"


def test_a_user_signs_in_by_name(town: Served) -> None:
    town.service.users.add("anna", "fyra ord av slumpen", ["auditor"], None)
    with client.Service.signed_in(town.url, "anna", "fyra ord av slumpen") as service:
        assert next(service.loads())["batch"]
    with pytest.raises(client.Problem):
        client.Service.signed_in(town.url, "anna", "another")


EVENTS = (
    ": still here\r\n\r\n"
    'event: step\r\ndata: {"step": "network",\r\ndata: "share": 0.5}\r\n\r\n'
    ": still here\r\n\r\n"
    "event: end\r\nid: 7\r\n\r\n"
    'event: end\r\ndata: {"state": "done"}\r\n\r\n'
    'event: step\r\ndata: {"step": "never", "share": 1}\r\n\r\n'
)


def test_progress_is_read_as_the_standard_of_events_says() -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = EVENTS.encode() if self.path == "/v1/runs/job-1/events" else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = json.dumps({"job_id": "job-1", "run_id": None}).encode()
            self.send_response(202)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with client.Service(f"http://127.0.0.1:{server.server_port}") as service:
                run = service.start_run()
                assert list(run.progress()) == [("network", 0.5)]
                assert run.about == {"state": "done"}
        finally:
            server.shutdown()
            thread.join()
