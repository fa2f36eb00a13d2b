"""Cases, masks, judgements, replies and tips over HTTP: who is answered what, and what stays."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import select

from api.http.shapes import casework as shapes
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.case_file import CaseFile, Happened, Link, Outline
from graph_service.casework.dispositions import Disposition, Precision
from graph_service.casework.export_file import Export, Package
from graph_service.casework.masks import Mask
from graph_service.casework.notes import Note
from graph_service.casework.replies import Reply
from graph_service.casework.snoozes import Snooze
from graph_service.casework.tips import Tip
from tests.http_service import (
    CLIENTS,
    FIRM,
    HIDDEN_WORKER,
    NORTH,
    SISTER,
    SOUTH,
    WORKERS,
    Served,
    serving,
)

Json = dict[str, Any]
TEXTS = {"title": "Uppslag", "purpose": "Kontroll", "legal_ground": "KL 10 kap. 8 §"}
TODAY = datetime.now(UTC).date()


class Somebody:
    """A caller with a key of their own."""

    def __init__(self, served: Served, name: str, *roles: str, units: list[str] | None = None):
        key, secret = served.service.users.issue_key(
            name, roles, units, lasts=timedelta(days=9), by="test"
        )
        self.user_id = f"{key.key_id}"
        self.http = served.with_token(secret)

    def ask(self, method: str, path: str, status: int = 200, **sent: Any) -> Json:
        answer = self.http.request(method, path, **sent)
        assert answer.status_code == status, answer.text
        told: Json = answer.json() if answer.content else {}
        return told

    def open(self, **about: Any) -> Json:
        return self.ask("POST", "/v1/cases", 201, json={**TEXTS, **about})

    def items(self, path: str, **sent: Any) -> list[Json]:
        items: list[Json] = self.ask("GET", path, **sent)["items"]
        return items


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("casework")) as made:
        yield made


@pytest.fixture(scope="module")
def people(served: Served) -> Iterator[dict[str, Somebody]]:
    made = {
        "anna": Somebody(served, "anna", "reviewer"),
        "bo": Somebody(served, "bo", "reviewer"),
        "north": Somebody(served, "nils", "reviewer", units=[NORTH]),
        "south": Somebody(served, "sara", "reviewer", units=[SOUTH]),
        "coordinator": Somebody(served, "cia", "coordinator"),
        "lawyer": Somebody(served, "lars", "lawyer"),
        "controller": Somebody(served, "kim", "controller"),
        "security": Somebody(served, "siv", "security"),
        "administrator": Somebody(served, "adam", "administrator"),
    }
    yield made
    for each in made.values():
        each.http.close()


def finding(served: Served, worker: str) -> str:
    run = served.runs.current()
    assert run is not None
    (found,) = (
        row["finding_id"]
        for row in run.rows("findings", order="finding_id")
        if any(subject["id"] == worker for subject in row["subjects"])
    )
    return str(found)


def log_of(served: Served, user: Somebody) -> list[AuditRow]:
    asked = select(AuditRow).where(AuditRow.user_id == user.user_id).order_by(AuditRow.seq)
    with served.service.database.reading() as session:
        return list(session.scalars(asked))


# -- cases ----------------------------------------------------------------------------------------


def test_a_case_opens_for_a_purpose_and_shows_its_subjects_in_clear(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna, finding_id = people["anna"], finding(served, WORKERS[0])
    firm = served.ref("organisation", FIRM)
    answer = anna.http.post(
        "/v1/cases", json={**TEXTS, "providers": [firm], "findings": [finding_id]}
    )
    case = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/cases/{case['case_id']}"
    assert (case["status"], case["links"], case["members"]) == ("new", 2, [anna.user_id])
    within = {"Case": case["case_id"], "Purpose": quote("Underlag inför samtal")}
    worker = served.ref("person", WORKERS[0])
    told = {
        each["ref"]: each.get("key")
        for each in anna.ask("GET", f"/v1/findings/{finding_id}", headers=within)["subjects"]
    }
    assert told[worker] == WORKERS[0]
    outside = anna.http.get(f"/v1/findings/{finding_id}").text
    assert WORKERS[0] not in outside
    for other in ("bo", "coordinator", "lawyer", "security"):
        refused = people[other].http.get(f"/v1/findings/{finding_id}", headers=within)
        assert refused.status_code == 404
    read = [row for row in log_of(served, anna) if row.case_id == case["case_id"]]
    assert [(row.action, row.purpose) for row in read] == [
        ("cases.open", None),
        ("findings.read", "Underlag inför samtal"),
    ]


def test_a_closed_case_shows_nobody_in_clear(served: Served, people: dict[str, Somebody]) -> None:
    anna, finding_id = people["anna"], finding(served, WORKERS[0])
    case_id = anna.open(findings=[finding_id])["case_id"]
    step = {"status": "closed", "reason": "Öppnat av misstag"}
    anna.ask("POST", f"/v1/cases/{case_id}/status", json=step, headers={"If-Match": "*"})
    within = {"Case": case_id, "Purpose": "Titta"}
    anna.ask("GET", f"/v1/findings/{finding_id}", 403, headers=within)
    link = {"kind": "entity", "reference": served.ref("organisation", FIRM)}
    anna.ask("POST", f"/v1/cases/{case_id}/links", 403, json=link)
    anna.ask("POST", f"/v1/cases/{case_id}/notes", 409, json={"text": "Efteråt"})


@pytest.mark.parametrize("missing", ["title", "purpose", "legal_ground"])
@pytest.mark.parametrize("given", [None, "", "  ", "a\x00b", "a\ud800b", "x" * 20_001])
def test_no_case_opens_without_a_purpose_and_a_legal_ground(
    people: dict[str, Somebody], missing: str, given: str | None
) -> None:
    told = {name: text for name, text in {**TEXTS, missing: given}.items() if text is not None}
    sent = {"content": json.dumps(told), "headers": {"Content-Type": "application/json"}}
    people["anna"].ask("POST", "/v1/cases", 422, **sent)


def test_what_one_may_not_see_is_not_linked_and_not_told_apart_from_nothing(
    served: Served, people: dict[str, Somebody]
) -> None:
    north = people["north"]
    hidden_finding = finding(served, WORKERS[5])  # of the south
    unseen = {
        "finding": [hidden_finding, "0" * 32],
        "entity": [
            served.ref("person", CLIENTS[6]),
            served.ref("person", HIDDEN_WORKER),
            served.ref("person", "19000101" + "2384"),
        ],
    }
    case_id = north.open()["case_id"]
    for kind, references in unseen.items():
        refused = {
            north.http.post(
                f"/v1/cases/{case_id}/links", json={"kind": kind, "reference": reference}
            ).text
            for reference in references
        }
        assert len(refused) == 1
        assert '"status":404' in refused.pop()
    north.ask("POST", "/v1/cases", 404, json={**TEXTS, "findings": [hidden_finding]})
    assert north.items(f"/v1/cases/{case_id}/links") == []
    for path in ("disposition", "dispositions", "snooze", "replies"):
        told = north.http.get(f"/v1/findings/{hidden_finding}/{path}")
        nothing = north.http.get(f"/v1/findings/{'0' * 32}/{path}")
        assert (told.status_code, told.text) == (404, nothing.text)
    judged = {"verdict": "dismissed", "reason": "x"}
    north.ask("PUT", f"/v1/findings/{hidden_finding}/disposition", 404, json=judged)


def test_others_cases_are_not_told_apart_from_none(people: dict[str, Somebody]) -> None:
    case_id = people["anna"].open()["case_id"]
    for name in ("bo", "lawyer", "security"):
        who = people[name]
        for method, path, sent in (
            ("GET", "", None),
            ("GET", "/notes", None),
            ("GET", "/links", None),
            ("GET", "/history", None),
            ("GET", "/masks", None),
            ("PATCH", "", {"title": "X"}),
            ("POST", "/status", {"status": "closed", "reason": "x"}),
            ("POST", "/notes", {"text": "x"}),
            ("PUT", "/notes/note-0", {"text": "x"}),
            ("POST", "/members", {"user_id": who.user_id}),
            ("DELETE", f"/members/{people['anna'].user_id}", None),
            ("POST", "/masks", {"person_id": HIDDEN_WORKER, "reason": "x"}),
        ):
            answers = [
                who.http.request(
                    method, f"/v1/cases/{case}{path}", json=sent, headers={"If-Match": "*"}
                )
                for case in (case_id, "case-0000000000000000", "nothing")
            ]
            assert {answer.status_code for answer in answers} == {404}, (method, path)
            assert len({answer.text for answer in answers}) == 1
        assert case_id not in who.http.get("/v1/cases", params={"limit": 200}).text
    told = people["coordinator"].ask("GET", f"/v1/cases/{case_id}")
    assert set(told) == set(shapes.ANSWERS["outline"])
    listed = people["coordinator"].items("/v1/cases", params={"limit": 200})
    assert told in listed
    for part in ("notes", "links", "history", "masks"):
        people["coordinator"].ask("GET", f"/v1/cases/{case_id}/{part}", 404)


def test_a_refused_change_is_answered_with_both_sides_words(people: dict[str, Somebody]) -> None:
    anna, bo = people["anna"], people["bo"]
    case_id = anna.open()["case_id"]
    path = f"/v1/cases/{case_id}"
    anna.ask("POST", f"{path}/members", 201, json={"user_id": bo.user_id})
    etag = bo.http.get(path).headers["ETag"]
    assert bo.http.get(path, headers={"If-None-Match": etag}).status_code == 304
    anna.ask("PATCH", path, json={"title": "Annas titel"}, headers={"If-Match": etag})
    refused = bo.ask(
        "PATCH",
        path,
        412,
        json={"title": "Bos titel", "purpose": "Bos ord"},
        headers={"If-Match": etag},
    )
    assert refused["refused"] == {"title": "Bos titel", "purpose": "Bos ord"}
    assert refused["current"] == bo.ask("GET", path)
    step = {"status": "under_review", "reason": "Bos skäl"}
    stale = bo.ask("POST", f"{path}/status", 412, json=step, headers={"If-Match": etag})
    assert stale["refused"] == step
    for sent in ({}, {"If-Match": '"0"'}, {"If-Match": "nonsense"}):
        bo.ask("PATCH", path, 412 if sent else 428, json={"title": "X"}, headers=sent)
    now = bo.http.get(path).headers["ETag"]
    moved = bo.http.post(f"{path}/status", json=step, headers={"If-Match": now})
    assert moved.status_code == 200
    again = moved.headers["ETag"]
    anna.ask("POST", f"{path}/status", 409, json=step, headers={"If-Match": again})
    told = bo.items(f"{path}/history")
    assert [each["event"] for each in told] == ["opened", "member_added", "edited", "status"]


def test_every_list_is_told_once_a_page_at_a_time(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna = people["anna"]
    case_id = anna.open()["case_id"]
    for n in range(5):
        anna.ask("POST", f"/v1/cases/{case_id}/notes", 201, json={"text": f"Ett {n}"})
        reference = served.ref("person", CLIENTS[n])
        link = {"kind": "entity", "reference": reference}
        anna.ask("POST", f"/v1/cases/{case_id}/links", 201, json=link)
        tip = {"received_on": str(TODAY), "channel": "web", "text": "x", "about": reference}
        anna.ask("POST", "/v1/tips", 201, json=tip)
        mask = {"person_id": HIDDEN_WORKER, "reason": "x"}
        anna.ask("POST", f"/v1/cases/{case_id}/masks", 201, json=mask)
        reply = {"received_on": str(TODAY), "text": "x"}
        firm = served.ref("organisation", SISTER)
        anna.ask("POST", f"/v1/providers/{firm}/replies", 201, json=reply)
    for who, path in (
        (anna, "/v1/cases"),
        (people["coordinator"], "/v1/cases"),
        (anna, f"/v1/cases/{case_id}/notes"),
        (anna, f"/v1/cases/{case_id}/links"),
        (anna, f"/v1/cases/{case_id}/history"),
        (anna, f"/v1/cases/{case_id}/masks"),
        (people["lawyer"], "/v1/masks"),
        (anna, "/v1/tips"),
        (anna, f"/v1/providers/{firm}/replies"),
    ):
        whole = who.items(path, params={"limit": 200})
        assert len(whole) >= 5
        for limit in (1, 2):
            told, cursor = [], None
            for _ in itertools.count():
                page = who.ask(
                    "GET", path, params={"limit": limit} | ({"cursor": cursor} if cursor else {})
                )
                told += page["items"]
                cursor = page["next"]
                if cursor is None:
                    break
            assert told == whole, path
    anna.ask("GET", "/v1/cases", 422, params={"limit": 201})


# -- masks ----------------------------------------------------------------------------------------


def test_a_protected_subject_is_shown_after_two_people_and_to_the_case_alone(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna, lawyer = people["anna"], people["lawyer"]
    finding_id = finding(served, HIDDEN_WORKER)
    case_id = anna.open(findings=[finding_id])["case_id"]
    within = {"Case": case_id, "Purpose": quote("Begära intyg")}
    path = f"/v1/findings/{finding_id}"
    assert HIDDEN_WORKER not in anna.http.get(path, headers=within).text
    sent = {"finding_id": finding_id, "reason": "Intyg ska begäras"}
    (asked,) = anna.ask("POST", f"/v1/cases/{case_id}/masks", 201, json=sent)["items"]
    hidden = served.ref("person", HIDDEN_WORKER)
    assert (asked["state"], asked["reference"]) == ("asked", None)
    approval = f"/v1/masks/{asked['mask_id']}/approval"
    for other in ("anna", "bo", "coordinator", "controller", "administrator"):
        people[other].ask("POST", approval, 403)
    waiting = lawyer.http.get("/v1/masks", params={"limit": 200}).text
    assert asked["mask_id"] in waiting
    assert hidden not in waiting
    assert HIDDEN_WORKER not in anna.http.get(path, headers=within).text
    assert lawyer.ask("POST", approval)["reference"] == hidden
    told = anna.ask("GET", path, headers=within)["subjects"]
    assert HIDDEN_WORKER in {each.get("key") for each in told}
    for who in (anna, people["bo"], lawyer):
        assert hidden not in who.http.get(path).text
    anna.ask("DELETE", f"/v1/cases/{case_id}/masks/{asked['mask_id']}")
    assert HIDDEN_WORKER not in anna.http.get(path, headers=within).text
    acts = {
        (row.action, row.status)
        for row in [*log_of(served, anna), *log_of(served, lawyer)]
        if f"mask:{asked['mask_id']}" in row.what
    }
    assert {("masks.ask", 201), ("masks.approve", 200), ("masks.ask", 200)} <= acts


def test_asking_for_a_mask_does_not_tell_who_is_in_the_data(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna = people["anna"]
    case_id = anna.open()["case_id"]
    shapes_told = set()
    for person_id in (HIDDEN_WORKER, WORKERS[0], "syn:nobody"):
        sent = {"person_id": person_id, "reason": "x"}
        page = anna.ask("POST", f"/v1/cases/{case_id}/masks", 201, json=sent)
        assert person_id not in str(page)
        assert page["items"][0]["reference"] is None
        shapes_told.add(tuple(sorted(page["items"][0])))
    assert len(shapes_told) == 1
    seen = finding(served, WORKERS[0])
    nobody_hidden = {"finding_id": seen, "reason": "x"}
    anna.ask("POST", f"/v1/cases/{case_id}/masks", 409, json=nobody_hidden)
    for named in ({}, {"person_id": "syn:p", "finding_id": seen}):
        anna.ask("POST", f"/v1/cases/{case_id}/masks", 422, json={**named, "reason": "x"})


# -- judgements -----------------------------------------------------------------------------------


def test_a_finding_is_judged_put_off_and_answered(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna, bo = people["anna"], people["bo"]
    finding_id, other = finding(served, WORKERS[1]), finding(served, WORKERS[6])
    path = f"/v1/findings/{finding_id}"
    stories = [each["story"] for each in anna.ask("GET", path)["innocent"]]
    anna.ask("GET", f"{path}/disposition", 404)
    dismissed = {"verdict": "dismissed", "reason": "Dubbelregistrering", "story": stories[0]}
    told = anna.ask("PUT", f"{path}/disposition", json=dismissed)
    assert (told["detector"], told["provider"]) == (
        "overlapping_visits",
        served.ref("organisation", FIRM),
    )
    anna.ask("PUT", f"{path}/disposition", 422, json={**dismissed, "story": "not_one_of_its"})
    people["controller"].ask("PUT", f"{path}/disposition", 403, json=dismissed)
    bo.ask("PUT", f"{path}/disposition", json={"verdict": "confirmed", "reason": "Nej"})
    assert people["controller"].ask("GET", f"{path}/disposition")["verdict"] == "confirmed"
    precision = {each["detector"]: each for each in anna.items("/v1/precision")}
    assert precision["overlapping_visits"]["confirmed"] == 1
    anna.ask("DELETE", f"{path}/disposition", 204)
    anna.ask("DELETE", f"{path}/disposition", 404)
    every = anna.items(f"{path}/dispositions")
    assert [each["reason"] for each in every] == ["Nej", "Dubbelregistrering"]
    until = str(TODAY + timedelta(days=7))
    for kind, thing in (("findings", finding_id), ("providers", served.ref("organisation", FIRM))):
        rest = f"/v1/{kind}/{thing}/snooze"
        anna.ask("GET", rest, 404)
        anna.ask("PUT", rest, 422, json={"until": str(TODAY), "reason": "x"})
        put = anna.ask("PUT", rest, json={"until": until, "reason": "Svar väntas"})
        assert bo.ask("GET", rest) == put
        anna.ask("DELETE", rest, 204)
        anna.ask("DELETE", rest, 404)
    firm = f"/v1/providers/{served.ref('organisation', FIRM)}/replies"
    reply = {"received_on": str(TODAY), "text": "Telefonen var trasig", "findings": [finding_id]}
    made = anna.ask("POST", firm, 201, json=reply)
    assert [each["reply_id"] for each in bo.items(f"{path}/replies")] == [made["reply_id"]]
    anna.ask("POST", firm, 422, json={**reply, "findings": [other]})
    anna.ask("POST", f"/v1/providers/{served.ref('person', WORKERS[1])}/replies", 404, json=reply)


# -- tips -----------------------------------------------------------------------------------------


def test_a_tip_is_told_to_whom_it_concerns_and_its_source_to_one_role(
    served: Served, people: dict[str, Somebody]
) -> None:
    anna = people["anna"]
    secret = "Grannen på tredje våningen"
    about = served.ref("person", CLIENTS[7])  # of the south
    tip = {"received_on": str(TODAY), "channel": "phone", "text": "Ingen kom", "about": about}
    made = anna.ask("POST", "/v1/tips", 201, json={**tip, "credibility": 4, "source": secret})
    path = f"/v1/tips/{made['tip_id']}"
    for name in ("bo", "south", "coordinator", "security"):
        answer = people[name].http.get(path)
        assert answer.json()["text"] == "Ingen kom"
        assert secret not in answer.text
    nothing = people["north"].http.get("/v1/tips/tip-0000000000000000")
    hidden = people["north"].http.get(path)
    assert (hidden.status_code, hidden.text) == (404, nothing.text)
    assert made["tip_id"] not in people["north"].http.get("/v1/tips", params={"limit": 200}).text
    for name in ("lawyer", "controller"):
        people[name].ask("GET", path, 403)
    for name in ("anna", "coordinator", "lawyer"):
        people[name].ask("GET", f"{path}/source", 403)
    assert people["security"].ask("GET", f"{path}/source") == {"source": secret}
    people["north"].ask("POST", "/v1/tips", 404, json=tip)
    case_id = anna.open()["case_id"]
    assert anna.ask("PUT", f"{path}/case", json={"case_id": case_id})["case_id"] == case_id
    assert people["bo"].ask("GET", path)["case_id"] is None
    people["bo"].ask("PUT", f"{path}/case", 404, json={"case_id": case_id})
    read = log_of(served, people["security"])[-1]
    assert (read.action, f"tip:{made['tip_id']}" in read.what) == ("tips.source", True)


# -- the specification ----------------------------------------------------------------------------

BODIES = [
    model
    for model in vars(shapes).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__ == shapes.__name__
    and model is not shapes.Changed
]
ANSWERED: dict[str, Any] = {
    "outline": Outline,
    "case": CaseFile,
    "note": Note,
    "link": Link,
    "happened": Happened,
    "mask": Mask,
    "masks": None,
    "export": Export,
    "package": Package,
    "disposition": Disposition,
    "precision": Precision,
    "snooze": Snooze,
    "reply": Reply,
    "tip": Tip,
    "tip_source": shapes.TipSource,
}


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_an_example_of_what_is_sent_fits(model: type[BaseModel]) -> None:
    extra = model.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    for example in extra["examples"]:  # type: ignore[union-attr]
        assert model.model_validate(example, strict=False)


def test_an_example_of_each_answer_is_one(tmp_path: Path) -> None:
    assert set(ANSWERED) == set(shapes.ANSWERS)
    for name, kind in ANSWERED.items():
        if kind is not None:
            adapter = TypeAdapter(kind)
            told = adapter.dump_python(adapter.validate_python(shapes.ANSWERS[name]), mode="json")
            assert told == shapes.ANSWERS[name], name


def test_every_request_is_in_the_log_and_no_number_is(
    served: Served, people: dict[str, Somebody]
) -> None:
    with served.service.database.reading() as session:
        rows = list(session.scalars(select(AuditRow)))
    assert {row.action for row in rows} >= {
        "cases.open",
        "cases.change",
        "cases.decide",
        "cases.read",
        "cases.list",
        "masks.ask",
        "masks.approve",
        "findings.dispose",
        "replies.record",
        "tips.record",
        "tips.read",
        "tips.source",
    }
    for row in rows:
        told = f"{row.what} {row.case_id} {row.purpose} {row.user_id}"
        assert not any(number in told for number in (*CLIENTS, *WORKERS))
