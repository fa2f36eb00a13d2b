"""Every endpoint × role × unit × case against the declared table, read here by another hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from graph_service import access
from graph_service.access.table import Caller, Role
from graph_service.casework.cases import Cases
from tests.http_service import CLIENTS, FIRM, SOUTH, WORKERS, Served, serving

TABLE: Final = tomllib.loads(
    (Path(access.__file__).parent / "table.toml").read_text(encoding="utf-8")
)["operations"]
METHODS: Final = ("get", "post", "put", "patch", "delete")
ROLES: Final = tuple(role.value for role in Role)
UNITS: Final = (None, (SOUTH,))
FINDING: Final = "/v1/findings/{finding_id}"
#: Asked by no route: what the terminal does, and what follows from a status.
NOT_OVER_HTTP: Final[frozenset[str]] = frozenset()
#: A search is asked with words; every other body is sent as one that does not fit, so that
#: whoever may is told so (422), and nothing is changed.
BODIES: Final[Mapping[str, Any]] = {
    "/v1/providers/search": {"text": "omsorg"},
    "/v1/network/search": {"text": "omsorg"},
}
#: Starts something without a body: the key is longer than the specification allows.
UNFIT_HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "/v1/runs": {"Idempotency-Key": "x" * 201},
}


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    operation: str
    parameters: frozenset[tuple[str, str]]

    @property
    def id(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def takes_case(self) -> bool:
        return ("header", "case") in self.parameters


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("matrix")) as found:
        yield found


@pytest.fixture(scope="module")
def spec(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{served.url}/openapi.json", timeout=60).json()
    return found


@pytest.fixture(scope="module")
def endpoints(spec: dict[str, Any]) -> list[Endpoint]:
    return [
        Endpoint(
            method,
            path,
            told["x-operation"],
            frozenset((each["in"], each["name"]) for each in told.get("parameters", ())),
        )
        for path, methods in spec["paths"].items()
        for method, told in methods.items()
        if method in METHODS
    ]


@pytest.fixture(scope="module")
def names(served: Served) -> Mapping[str, str]:
    """What stands in the paths: things of the north, and things that there are not."""
    run = served.runs.current()
    assert run is not None
    loads = served.client("administrator").get("/v1/loads").json()
    return {
        "ref": served.ref("organisation", FIRM),
        "from": served.ref("organisation", FIRM),
        "to": served.ref("person", CLIENTS[0]),
        "finding_id": next(
            found["finding_id"]
            for found in run.rows("findings", order="finding_id")
            if WORKERS[0] in {subject["id"] for subject in found["subjects"]}
        ),
        "name": "overlapping_visits",
        "run_id": run.run_id,
        "batch": loads["items"][0]["batch"],
        "month": "2026-10",
        "kind": "entity",
        "class": "visits",
    }


def key(served: Served, role: str, units: tuple[str, ...] | None) -> str:
    client = served.client(role, units=units)
    return client.headers["Authorization"].removeprefix("Bearer ")


def ask(
    client: httpx.Client, endpoint: Endpoint, names: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.Response:
    values = {name: names.get(name, "not-there") for _, name in endpoint.parameters}
    in_path = {name: values[name] for where, name in endpoint.parameters if where == "path"}
    in_query = {
        name: values[name]
        for where, name in endpoint.parameters
        if where == "query" and name in names
    }
    body = None
    if endpoint.method in {"post", "put", "patch"}:
        body = BODIES.get(endpoint.path, {"not": "a body"})
    return client.request(
        endpoint.method,
        endpoint.path.format(**in_path),
        params=in_query,
        json=body,
        headers={**headers, **UNFIT_HEADERS.get(endpoint.path, {})},
    )


def may(endpoint: Endpoint, role: str | None) -> bool:
    roles = TABLE[endpoint.operation]["roles"]
    return roles == ["anyone"] or (role is not None and (roles == ["all"] or role in roles))


def test_every_row_of_the_table_is_a_door_and_every_door_a_row(endpoints: list[Endpoint]) -> None:
    assert {endpoint.operation for endpoint in endpoints} == set(TABLE) - NOT_OVER_HTTP


def test_nobody_comes_in_unknown(
    served: Served, endpoints: list[Endpoint], names: Mapping[str, str]
) -> None:
    for token in ("", "not-a-token", "a.b.c"):
        with served.with_token(token) as nobody:
            for endpoint in endpoints:
                status = ask(nobody, endpoint, names, {}).status_code
                shut = not may(endpoint, None) or token
                assert (status == 401) or not shut, (endpoint.id, token, status)
                assert shut or status < 500, (endpoint.id, token, status)


@pytest.mark.parametrize("role", ROLES)
def test_the_table_decides(
    served: Served, endpoints: list[Endpoint], names: Mapping[str, str], role: str
) -> None:
    for units, within in product(UNITS, (False, True)):
        client = served.client(role, units=units)
        user = served.service.caller_of(key(served, role, units))
        headers = _case(served, user) if within else {}
        for endpoint in endpoints:
            if within and not endpoint.takes_case:
                continue  # the same question as without a case
            answer = ask(client, endpoint, names, headers)
            told = (endpoint.id, role, units, within, answer.status_code, answer.text[:200])
            assert answer.status_code < 500, told
            if not may(endpoint, role):
                assert answer.status_code == 403, told
                continue
            assert answer.status_code not in {401, 403}, told
            assert answer.headers["content-type"].startswith(
                ("application/json", "text/", "application/problem+json")
            ), told
            if answer.status_code >= 400:
                assert answer.json()["detail"].endswith((".", "!")), told
            if endpoint.path in {FINDING, f"{FINDING}/rows", f"{FINDING}/query"}:
                assert (answer.status_code == 404) == (units is not None), told


def _case(served: Served, user: Caller) -> dict[str, str]:
    """An open case of the user's."""
    opener = Caller(user.user_id, user.name, user.roles | {Role.REVIEWER}, user.units)
    case = Cases(served.service.database, clock=served.service.clock).open(
        opener, title="Granskning", purpose="kontroll", legal_ground="KL 10 kap. 8 §"
    )
    return {"Case": case.case_id, "Purpose": "kontroll av tid"}
