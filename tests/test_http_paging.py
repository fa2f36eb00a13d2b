"""Lists, tags and open files hold while runs are swapped, and the specification tells the truth."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.http.readers import Readers
from graph_service.errors import NotThere
from tests.http_service import CORRECTED, FIRM, OVERLAPS, Served, _visits, serving

HEALTH = list(HealthCheck)
OURS = (
    r"^/v1/(detectors(/\{name\})?|providers(/search|/\{ref\}(/findings|/history)?)?"
    r"|findings(/\{finding_id\}(/rows|/query)?)?|network/.*)$"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


def items(client: httpx.Client, **query: Any) -> tuple[list[str], str | None]:
    told = client.get("/v1/findings", params=query).json()
    return [each["finding_id"] for each in told["items"]], told["next"]


# Tags


def test_an_answer_that_is_known_is_not_sent_again(served: Served) -> None:
    client = served.client("reviewer")
    firm = served.ref("organisation", FIRM)
    for path in ("/v1/providers", f"/v1/providers/{firm}", "/v1/findings", "/v1/detectors"):
        first = client.get(path)
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert again.status_code == 304 and not again.content
            assert again.headers["ETag"] == tag
        for foreign in ('"other"', tag.strip('"'), ""):
            assert client.get(path, headers={"If-None-Match": foreign}).status_code == 200
        assert client.get(path).headers["ETag"] == tag


def test_another_reach_has_another_tag(served: Served) -> None:
    tags = {
        served.client("reviewer", units=units).get("/v1/findings").headers["ETag"]
        for units in (None, ("Norr",), ("Söder",))
    }
    assert len(tags) == 3


# Cursors


def test_a_cursor_is_of_its_list_alone(served: Served) -> None:
    client = served.client("reviewer")
    _, cursor = items(client, limit=2)
    assert cursor is not None
    told = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [told[:16] + told[16:].replace(b"1", b"2"), told[:-1], told[16:], b"", b"[1]"]
    cursors = [urlsafe_b64encode(each).rstrip(b"=").decode() for each in forged]
    for wrong in (*cursors, "å", "x" * 2000):
        refused = client.get("/v1/findings", params={"cursor": wrong})
        assert refused.status_code == 422
        assert refused.headers["Content-Type"] == "application/problem+json"
    for query in ({"strength": "hard"}, {"change": "still"}):
        refused = client.get("/v1/findings", params={"cursor": cursor, **query})
        assert refused.status_code == 422 and "begin again" in refused.json()["detail"]
    assert client.get("/v1/providers", params={"cursor": cursor}).status_code == 422
    for limit in (0, 201, "many"):
        assert client.get("/v1/findings", params={"limit": limit}).status_code == 422
    # Another size of page, or another who may read less, goes on from the same place.
    everything, _ = items(client, limit=100)
    assert items(client, limit=100, cursor=cursor)[0] == everything[2:]
    south = served.client("reviewer", units=("Söder",))
    assert set(items(south, limit=100, cursor=cursor)[0]) <= set(items(south, limit=100)[0])


def test_a_list_goes_on_in_the_run_that_it_began_in(served: Served) -> None:
    client = served.client("reviewer")
    before, _ = items(client, limit=100)
    begun, cursor = items(client, limit=3)
    tag = client.get("/v1/findings").headers["ETag"]
    old = served.runs.current()
    assert old is not None
    served.house.load_rows("visits", *_visits(CORRECTED))
    served.run()
    now, _ = items(client, limit=100)
    assert len(now) == len(OVERLAPS) + 1 and now != before
    assert client.get("/v1/findings", headers={"If-None-Match": tag}).status_code == 200
    told = begun
    while cursor is not None:
        further, cursor = items(client, limit=3, cursor=cursor)
        told += further
    assert told == before
    assert [each["change"] for each in client.get("/v1/findings?change=new").json()["items"]]
    # Kept no more: the list cannot go on, and says how to begin again.
    _, cursor = items(client, limit=3)
    standing = served.runs.current()
    assert standing is not None
    served.run()
    standing.path.unlink()
    refused = client.get("/v1/findings", params={"limit": 3, "cursor": cursor})
    assert refused.status_code == 404 and "Begin it again" in refused.json()["detail"]


# Open files


def test_readers_of_an_older_run_finish_and_are_closed(served: Served) -> None:
    old, new = served.runs.all()[0], served.runs.all()[-1]
    assert old.run_id < new.run_id
    with Readers() as readers:
        with readers.of(old) as first:
            with readers.of(new) as second, readers.of(new) as third:
                assert second.engine is not third.engine
            assert first.engine.value("SELECT count(*) FROM findings") > 0
            with readers.of(new) as again:
                assert again.engine in (second.engine, third.engine)
        with readers.of(old) as anew:
            assert anew.engine is not first.engine
        with pytest.raises(NotThere), readers.of(new) as refused:
            raise NotThere("not there")
        with pytest.raises(ZeroDivisionError), readers.of(new) as failed:
            assert failed.engine is refused.engine
            raise ZeroDivisionError
        with readers.of(new) as fresh:
            assert fresh.engine is not failed.engine


def test_runs_are_swapped_under_load_without_an_error(served: Served) -> None:
    client = served.client("reviewer")
    firm = served.ref("organisation", FIRM)
    paths = ("/v1/findings", "/v1/providers", f"/v1/network/{firm}/neighbourhood")
    over, before = threading.Event(), served.runs.current()
    assert before is not None

    def read(number: int) -> set[str]:
        told: set[str] = set()
        while not over.is_set():
            answer = client.get(paths[number])
            assert answer.status_code == 200, answer.text
            told |= {each["run_id"] for each in _with_run(answer.json())}
        return told

    with ThreadPoolExecutor(3) as threads:
        reading = [threads.submit(read, number) for number in range(3)]
        made = served.run()
        over.set()
        told = set[str]().union(*(each.result() for each in reading))
    assert told <= {before.run_id, made.run_id}
    assert client.get("/v1/providers").json()["items"][0]["run_id"] == made.run_id


def _with_run(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [told] if "run_id" in told else [each for each in told["items"] if "run_id" in each]


# The specification


@pytest.fixture(scope="module")
def specification(served: Served) -> dict[str, Any]:
    told: dict[str, Any] = served.client("reviewer").get("/openapi.json").json()
    return told


def test_every_example_is_an_answer_as_specified(specification: dict[str, Any]) -> None:
    examples = 0
    for path, operations in specification["paths"].items():
        for operation in operations.values():
            for media in operation["responses"].get("200", {}).get("content", {}).values():
                if path.startswith(("/v1/providers", "/v1/findings", "/v1/network")):
                    assert "example" in media and operation["summary"], path
                if "example" in media:
                    schema = media["schema"] | {"components": specification["components"]}
                    Draft202012Validator(schema).validate(media["example"])
                    examples += 1
    assert examples >= 15


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_no_request_meets_what_the_specification_does_not_tell(served: Served) -> None:
    """Each operation is asked what its parameters allow, of nobody and of whom there is."""
    client = served.client("reviewer")
    headers = {"Authorization": client.headers["Authorization"]}
    api = schemathesis.openapi.from_url(f"{served.url}/openapi.json").include(path_regex=OURS)
    finding = client.get("/v1/findings").json()["items"][0]["finding_id"]
    there = {
        "ref": served.ref("organisation", FIRM),
        "finding_id": finding,
        "name": "shared_account",
    }
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) == 16
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=4, deadline=None, database=None, suppress_health_check=HEALTH)
        def holds(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)
            if case.path_parameters:
                case.path_parameters = {name: there[name] for name in case.path_parameters}
                case.call_and_validate(headers=headers, checks=CHECKS)

        holds()
