"""Exports over HTTP: who is answered what, when a file is there, and what the log tells of it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import client
from graph_service.casework.audit.tables import AuditRow
from graph_service.evidence.kept import Kept
from tests.http_service import (
    CLIENTS,
    FIRM,
    NORTH,
    OVERLAPS,
    OWNER,
    WORKERS,
    Served,
    serving,
)

Json = dict[str, Any]
TEXTS = {"title": "Uppslag", "purpose": "Kontroll", "legal_ground": "KL 10 kap. 8 §"}
WANTED = {"recipient": "police", "legal_ground": "OSL 10 kap. 24 §"}
NUMBERS = (*CLIENTS, *WORKERS, OWNER)


class Somebody:
    """A caller with a key of their own."""

    def __init__(self, served: Served, name: str, *roles: str, units: list[str] | None = None):
        key, secret = served.service.users.issue_key(
            name, roles, units, lasts=timedelta(days=9), by="test"
        )
        self.user_id = key.key_id
        self.http = served.with_token(secret)
        self._secret = secret

    def client(self, served: Served) -> client.Service:
        return client.Service(served.url, self._secret)

    def ask(self, method: str, path: str, status: int = 200, **sent: Any) -> Json:
        answer = self.http.request(method, path, **sent)
        assert answer.status_code == status, answer.text
        told: Json = answer.json()
        return told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("exports")) as made:
        yield made


@pytest.fixture(scope="module")
def people(served: Served) -> Iterator[dict[str, Somebody]]:
    made = {
        "anna": Somebody(served, "anna", "reviewer"),
        "bo": Somebody(served, "bo", "reviewer"),
        "north": Somebody(served, "nils", "reviewer", units=[NORTH]),
        "coordinator": Somebody(served, "cia", "coordinator"),
        "lawyer": Somebody(served, "lars", "lawyer"),
        "security": Somebody(served, "siv", "security"),
        "controller": Somebody(served, "kim", "controller"),
        "administrator": Somebody(served, "adam", "administrator"),
    }
    yield made
    for each in made.values():
        each.http.close()


@pytest.fixture
def case_id(served: Served, people: dict[str, Somebody]) -> str:
    run = served.runs.current()
    assert run is not None
    worker = OVERLAPS[0].worker
    findings = [
        row["finding_id"]
        for row in run.rows("findings", order="finding_id", where={"provider_id": FIRM})
        if any(subject["id"] == worker for subject in row["subjects"])
    ]
    assert findings
    case = people["anna"].ask("POST", "/v1/cases", 201, json={**TEXTS, "findings": findings[:1]})
    return str(case["case_id"])


def asked(people: dict[str, Somebody], case_id: str, who: str = "anna", **more: Any) -> str:
    path = f"/v1/cases/{case_id}/exports"
    return str(people[who].ask("POST", path, 201, json={**WANTED, **more})["export_id"])


def approved(people: dict[str, Somebody], case_id: str, who: str = "anna", **more: Any) -> str:
    export_id = asked(people, case_id, who, **more)
    people["lawyer"].ask("POST", f"/v1/exports/{export_id}/approval")
    return export_id


def kept(served: Served) -> list[str]:
    folder = served.house.home.path / "exports"
    return sorted(path.stem for path in folder.iterdir()) if folder.is_dir() else []


def log_of(served: Served, action: str) -> list[AuditRow]:
    entries = select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.seq)
    with served.service.database.reading() as session:
        return list(session.scalars(entries))


def test_an_export_is_asked_approved_made_and_downloaded(
    served: Served, people: dict[str, Somebody], case_id: str, tmp_path: Path
) -> None:
    anna, lawyer = people["anna"], people["lawyer"]
    answer = anna.http.post(
        f"/v1/cases/{case_id}/exports",
        json={**WANTED, "authority_reference": "5000-K1", "contact": "Anna"},
    )
    export = answer.json()
    address = f"/v1/exports/{export['export_id']}"
    assert (answer.status_code, answer.headers["Location"]) == (201, address)
    assert (export["state"], export["asked_by"]) == ("asked", anna.user_id)
    # Before another one has approved there is no file, and no way to make one.
    for method in ("POST", "GET"):
        anna.ask(method, f"{address}/package", 409)
    anna.ask("POST", f"{address}/approval", 403)
    assert export["export_id"] not in kept(served)
    waits = lawyer.ask("GET", "/v1/exports/waiting")["items"]
    assert export["export_id"] in {each["export_id"] for each in waits}
    assert lawyer.ask("POST", f"{address}/approval")["approved_by"] == lawyer.user_id
    lawyer.ask("POST", f"{address}/approval", 409)
    # Approved, it is still not made until somebody asks for it.
    anna.ask("GET", f"{address}/package", 404)
    assert export["export_id"] not in kept(served)
    # Asked for at once it is made once, and one that is kept is not made again.
    with ThreadPoolExecutor(3) as pool:
        asked_at_once = [pool.submit(anna.ask, "POST", f"{address}/package") for _ in range(3)]
    package = asked_at_once[0].result()
    assert [each.result() for each in asked_at_once] == [package] * 3
    assert (package["number"], package["made_by"], package["findings"]) == (1, anna.user_id, 1)
    got = anna.http.get(f"{address}/package")
    assert got.status_code == 200
    assert hashlib.sha256(got.content).hexdigest() == package["sha256"]
    assert len(got.content) == package["size"] == int(got.headers["Content-Length"])
    assert got.headers["Content-Type"] == "application/zip"
    assert got.headers["ETag"] == f'"{package["sha256"]}"'
    name = f'attachment; filename="{export["export_id"]}.zip"'
    assert got.headers["Content-Disposition"] == name
    again = anna.http.get(f"{address}/package", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    told = json.loads(zipfile.ZipFile(io.BytesIO(got.content)).read("evidence/data/custody.json"))[
        "export"
    ]
    assert (told["asked_by"], told["approved_by"]) == (anna.user_id, lawyer.user_id)
    assert (told["recipient"], told["legal_ground"]) == ("police", WANTED["legal_ground"])
    (listed,) = anna.ask("GET", f"/v1/cases/{case_id}/exports")["items"]
    assert listed == anna.ask("GET", address)
    assert (listed["state"], listed["packages"]) == ("approved", 1)
    entries = log_of(served, "exports.make")
    assert {entry.case_id for entry in entries} == {case_id}
    downloads = [entry for entry in entries if '"person:person-' in entry.what]
    assert [entry.status for entry in downloads] == [200, 304]
    # A kept file that is not as it was made is not given out.
    file = served.house.home.path / "exports" / f"{export['export_id']}.zip"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    anna.ask("GET", f"{address}/package", 404)
    package = anna.ask("POST", f"{address}/package")
    got = anna.http.get(f"{address}/package")
    assert (package["number"], hashlib.sha256(got.content).hexdigest()) == (2, package["sha256"])
    with anna.client(served) as service:
        assert service.package(export["export_id"], tmp_path / "package.zip") == package
    assert (tmp_path / "package.zip").read_bytes() == got.content


def test_to_approve_is_not_to_be_given_what_was_approved(
    people: dict[str, Somebody], case_id: str
) -> None:
    export_id = approved(people, case_id)
    for who in ("lawyer", "coordinator", "security", "bo", "north"):
        for method in ("GET", "POST"):
            people[who].ask(method, f"/v1/exports/{export_id}/package", 404)
    for who in ("controller", "administrator"):
        for method in ("GET", "POST"):
            people[who].ask(method, f"/v1/exports/{export_id}/package", 403)


def test_what_is_not_for_one_is_answered_as_what_there_is_not(
    people: dict[str, Somebody], case_id: str
) -> None:
    export_id = asked(people, case_id)
    for who in ("bo", "north"):
        here = people[who].http.get(f"/v1/exports/{export_id}")
        nothing = people[who].http.get("/v1/exports/export-0000000000000000")
        assert (here.status_code, here.text) == (404, nothing.text)
        for step in ("approval", "withdrawal"):
            people[who].ask("POST", f"/v1/exports/{export_id}/{step}", 404)
        people[who].ask("GET", f"/v1/cases/{case_id}/exports", 404)
        people[who].ask("POST", f"/v1/cases/{case_id}/exports", 404, json=WANTED)
        waits = people[who].ask("GET", "/v1/exports/waiting")["items"]
        assert export_id not in {each["export_id"] for each in waits}
    people["controller"].ask("POST", f"/v1/exports/{export_id}/approval", 403)


def test_one_who_sees_less_than_who_asked_is_not_given_the_package(
    people: dict[str, Somebody], case_id: str
) -> None:
    member = {"user_id": people["north"].user_id}
    people["anna"].ask("POST", f"/v1/cases/{case_id}/members", 201, json=member)
    export_id = approved(people, case_id)
    for method in ("GET", "POST"):
        people["north"].ask(method, f"/v1/exports/{export_id}/package", 403)
    people["anna"].ask("GET", f"/v1/exports/{export_id}/package", 404)
    hers = approved(people, case_id, "north")
    assert people["north"].ask("GET", f"/v1/exports/{hers}")["units"] == [NORTH]
    people["north"].ask("GET", f"/v1/exports/{hers}/package", 404)


@pytest.mark.parametrize("end", ["refusal", "withdrawal", "change"])
def test_what_is_kept_goes_with_the_approval(
    served: Served, people: dict[str, Somebody], case_id: str, end: str
) -> None:
    anna, export_id = people["anna"], approved(people, case_id)
    address = f"/v1/exports/{export_id}"
    Kept(served.house.home).place(export_id).write_bytes(b"a package")
    assert export_id in kept(served)
    if end == "refusal":
        people["lawyer"].ask("POST", f"{address}/refusal", json={"reason": "Fel mottagare"})
    elif end == "withdrawal":
        anna.ask("POST", f"{address}/withdrawal")
    else:
        anna.ask("POST", f"/v1/cases/{case_id}/notes", 201, json={"text": "Vänta"})
    for method in ("GET", "POST"):
        anna.ask(method, f"{address}/package", 409)
    if end != "change":  # that one goes with the next prune
        assert export_id not in kept(served)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"recipient": "police"}, 422),
        ({"legal_ground": "x"}, 422),
        ({"recipient": "police", "legal_ground": "  "}, 422),
        ({"recipient": "press", "legal_ground": "x"}, 422),
        ({**WANTED, "authority_reference": ""}, 422),
        ({**WANTED, "lifted": [WORKERS[0]]}, 422),
        ({**WANTED, "lifted": [f"person-{'a' * 26}"]}, 409),
        ({**WANTED, "units": []}, 422),
    ],
)
def test_what_does_not_fit_is_refused(
    people: dict[str, Somebody], case_id: str, sent: Json, status: int
) -> None:
    people["anna"].ask("POST", f"/v1/cases/{case_id}/exports", status, json=sent)
    assert people["anna"].ask("GET", f"/v1/cases/{case_id}/exports")["items"] == []


def test_lists_are_paged_to_their_end(people: dict[str, Somebody], case_id: str) -> None:
    made = [asked(people, case_id, recipient="fk") for _ in range(3)]
    for who, path in (
        ("anna", f"/v1/cases/{case_id}/exports"),
        ("lawyer", "/v1/exports/waiting"),
    ):
        found: list[str] = []
        cursor: Json = {}
        while True:
            page = people[who].ask("GET", path, params={"limit": 2, **cursor})
            found += [each["export_id"] for each in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert [each for each in found if each in made] == made
        assert len(found) == len(set(found))


def test_the_client_asks_approves_and_is_refused_as_the_service_says(
    served: Served, people: dict[str, Somebody], case_id: str, tmp_path: Path
) -> None:
    with people["anna"].client(served) as anna, people["lawyer"].client(served) as lawyer:
        first, second = (anna.ask_export(case_id, **WANTED)["export_id"] for _ in range(2))
        assert {first, second} <= {each["export_id"] for each in lawyer.exports_waiting()}
        with pytest.raises(client.Problem, match="another person"):
            anna.package(first, tmp_path / "package.zip")
        assert lawyer.approve_export(first)["state"] == "approved"
        assert lawyer.refuse_export(second, "Dubbelt")["end_reason"] == "Dubbelt"
        assert [each["state"] for each in anna.exports(case_id)] == ["approved", "refused"]
    assert not (tmp_path / "package.zip").exists()


def test_each_step_is_in_the_log_and_nobody_by_number_anywhere(
    served: Served, people: dict[str, Somebody], case_id: str
) -> None:
    export_id = approved(people, case_id)
    people["anna"].ask("GET", f"/v1/exports/{export_id}")
    people["anna"].ask("GET", f"/v1/exports/{export_id}/package", 404)
    for action, outcome in (
        ("exports.ask", "answered"),
        ("exports.approve", "answered"),
        ("exports.read", "answered"),
        ("exports.make", "refused"),
    ):
        entry = log_of(served, action)[-1]
        assert (entry.outcome, entry.case_id) == (outcome, case_id)
        assert f"export:{export_id}" in entry.what
    with served.service.database.engine.connect() as connection:
        rows = list(connection.exec_driver_sql("SELECT * FROM case_exports"))
        rows += connection.exec_driver_sql("SELECT what, purpose FROM audit_entries").all()
    text = "\n".join(map(str, rows))
    assert not [number for number in NUMBERS if number in text]
