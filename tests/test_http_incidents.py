"""Incidents against officials: told to the role security, in pages, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house import person
from tests.http_service import FIRM, Served, serving

TARGETS = tuple(person(n, "19700101") for n in range(5))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("incidents")) as found:
        found.house.load_rows(
            "officials", *({"person_id": one, "municipality": "0000"} for one in TARGETS)
        )
        found.house.load_rows(
            "incidents",
            *(
                {"incident_id": f"h-{n}", "occurred_on": f"2026-02-0{1 + n // 2}"}
                | {"official_id": target, "org_id": FIRM, "kind": "threat", "note": f"Brev {n}"}
                for n, target in enumerate(TARGETS)
            ),
        )
        found.run()
        yield found


def test_nobody_but_security_is_told(served: Served) -> None:
    others = served.client("reviewer", "coordinator", "lawyer", "administrator", "auditor")
    refused = others.get("/v1/incidents")
    assert refused.status_code == 403
    assert "h-" not in refused.text


def test_pages_tell_each_incident_once_the_latest_first(served: Served) -> None:
    security = served.client("security")
    told, cursor = [], None
    while not told or cursor:
        page = security.get(
            "/v1/incidents", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        told += page.json()["items"]
        cursor = page.json()["next"]
        assert not any(target in str(page.url) + page.text for target in TARGETS)
    assert sorted(each["incident_id"] for each in told) == [f"h-{n}" for n in range(5)]
    days = [each["occurred_on"] for each in told]
    assert days == sorted(days, reverse=True)


def test_a_target_stands_there_by_reference_and_its_note_nowhere(served: Served) -> None:
    told = served.client("security").get("/v1/incidents").json()["items"]
    refs = {served.ref("person", target) for target in TARGETS}
    assert {each["official"] for each in told} == refs
    assert {each["org_id"] for each in told} == {FIRM}
    assert {each["note"] for each in told} == {None}


def test_a_case_that_names_the_target_shows_number_and_note(served: Served) -> None:
    security = served.client("security")
    told = {"title": "Hot mot handläggare", "purpose": "skydd", "legal_ground": "AML 3 kap."}
    case = security.post("/v1/cases", json=told | {"restricted": True}).json()["case_id"]
    about = {"kind": "entity", "reference": served.ref("person", TARGETS[0])}
    assert security.post(f"/v1/cases/{case}/links", json=about).status_code == 201
    headers = {"Case": case, "Purpose": "skydd"}
    told = security.get("/v1/incidents", headers=headers).json()["items"]
    in_clear = {each["incident_id"]: (each["official"], each["note"]) for each in told}
    assert in_clear["h-0"] == (TARGETS[0], "Brev 0")
    assert in_clear["h-1"] == (served.ref("person", TARGETS[1]), None)
