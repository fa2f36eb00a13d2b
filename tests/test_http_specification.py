"""The whole specification asked what it does not foresee: no 5xx, no status or shape unsaid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.http.specification import examples
from graph_service.access.table import Role
from tests.http_service import Served, serving

#: What a whole run of every endpoint may cost; a longer one is asked for by hand.
EXAMPLES: Final = 3
#: Who comes in without a token, or a wrong one, is asked of every endpoint in test_http_matrix.
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
RARELY: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
EVERY_ROLE: Final = tuple(role.value for role in Role)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("specification")) as found:
        yield found
        _wait_for_runs(found)


@pytest.fixture(scope="module")
def specification(served: Served) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


def test_every_endpoint_keeps_to_its_specification(
    served: Served, specification: BaseSchema
) -> None:
    headers = dict(served.client(*EVERY_ROLE).headers)
    asked, broken = 0, []
    for found in specification.get_all_operations():
        endpoint = found.ok()

        @RARELY
        @given(case=endpoint.as_strategy())
        def holds(case: Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            holds()
        except (Failure, FailureGroup, ExceptionGroup) as error:
            broken.append((endpoint.label, str(error)))
        asked += 1
    assert broken == [], "\n".join(f"{label}: {told}" for label, told in broken)
    assert asked == sum(len(methods) for methods in specification.raw_schema["paths"].values())


def test_every_example_fits_its_schema(served: Served) -> None:
    document = httpx.get(f"{served.url}/openapi.json", timeout=60).json()
    wrong, seen = [], 0
    for schema_, example in examples(document):
        whole = schema_ | {"components": document["components"]}
        found = jsonschema.Draft202012Validator(whole).iter_errors(example)
        wrong += [(schema_.get("title"), fault.message[:200]) for fault in found]
        seen += 1
    assert wrong == [], "\n".join(map(str, wrong))
    assert seen > len(document["paths"])


def test_every_answer_has_an_example_and_every_route_a_summary(served: Served) -> None:
    document = httpx.get(f"{served.url}/openapi.json", timeout=60).json()
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            assert told["summary"] and told["description"], (method, path)


def _wait_for_runs(served: Served) -> None:
    """A run that was started ends before its home goes."""
    for _ in range(600):
        jobs = served.client("administrator").get("/v1/runs").json()["items"]
        if not any(job["state"] in {"waiting", "running"} for job in jobs):
            return
        time.sleep(0.1)
