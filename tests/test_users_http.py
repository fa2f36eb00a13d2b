"""Signing in, users, keys and the log over HTTP, each answer in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx import Client, Response
from sqlalchemy import text

from api.http.app import create_app
from api.http.routes.audit import AuditEntry, Verified
from api.http.routes.session import Opened, SignIn
from api.http.routes.users import IssuedKey, Key, NewKey, NewUser, User, UserChange
from api.http.service import Service, open_service
from graph_service.casework.audit.entry import Outcome
from graph_service.casework.audit.reading import Numbered, Wanted, oldest_first
from graph_service.settings import Settings
from tests.http_service import listening
from tests.logs import hand

PASSWORD = "fyra ord av slumpen"
NEW_USER = {"name": "bo", "password": PASSWORD, "roles": ["reviewer"], "units": ["norr"]}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class House:
    """A service without data, an administrator, and an auditor's key."""

    service: Service
    client: Client
    clock: Clock
    admin: dict[str, str]
    auditor: dict[str, str]
    admin_id: str

    def ask(self, method: str, path: str, token: dict[str, str] | None = None, **body: Any) -> Any:
        answer = self.answer(method, path, token, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def answer(
        self, method: str, path: str, token: dict[str, str] | None = None, **rest: Any
    ) -> Response:
        return self.client.request(method, path, headers=token, **rest)

    def sign_in(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        told = self.ask("POST", "/v1/session", json={"name": name, "password": password})
        return bearer(told["token"])

    def log(self) -> list[Numbered]:
        with self.service.database.reading() as session:
            return list(oldest_first(session, Wanted()))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    fast = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(PasswordHasher, "from_parameters", lambda _: fast)
    clock = Clock()
    with open_service(Settings(home=tmp_path / "home"), clock) as service:
        admin = service.users.add("admin", PASSWORD, ["administrator"], [])
        _, secret = service.users.issue_key(
            "auditor", ["auditor"], [], lasts=timedelta(days=9), by=admin.user_id
        )
        with listening(create_app(service)) as url, Client(base_url=url) as client:
            made = House(service, client, clock, {}, bearer(secret), admin.user_id)
            made.admin = made.sign_in("admin")
            yield made


def test_one_signs_in_is_somebody_and_signs_out(house: House) -> None:
    told = house.ask("POST", "/v1/session", json={"name": "Admin ", "password": PASSWORD})
    Opened.model_validate(told)
    assert datetime.fromisoformat(told["expires_at"]) == house.clock() + timedelta(hours=8)
    token = bearer(told["token"])
    me = house.ask("GET", "/v1/session", token)
    assert me == told["user"]
    assert me == {
        "user_id": house.admin_id,
        "name": "admin",
        "roles": ["administrator"],
        "units": [],
    }
    assert house.answer("DELETE", "/v1/session", token).status_code == 204
    assert house.answer("GET", "/v1/session", token).status_code == 401
    assert [each.entry.action for each in house.log()[-2:]] == ["session.open", "session.close"]
    assert {each.entry.user_id for each in house.log()[-2:]} == {house.admin_id}


def test_a_session_ends_after_eight_hours(house: House) -> None:
    house.clock.now += timedelta(hours=8) - timedelta(seconds=1)
    assert house.answer("GET", "/v1/session", house.admin).status_code == 200
    house.clock.now += timedelta(seconds=1)
    answer = house.answer("GET", "/v1/session", house.admin)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(house: House) -> None:
    wrong = house.answer("POST", "/v1/session", json={"name": "admin", "password": "x" * 12})
    unknown = house.answer("POST", "/v1/session", json={"name": "nobody", "password": "x" * 12})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    first, second = (each.entry for each in house.log()[-2:])
    assert first.outcome is second.outcome is Outcome.REFUSED
    assert (first.user_id, first.what) == ("-", (house.admin_id,))
    assert (second.user_id, second.what) == ("-", ())


def test_a_key_has_no_session_to_end(house: House) -> None:
    assert house.answer("DELETE", "/v1/session", house.auditor).status_code == 409
    assert house.answer("GET", "/v1/session", house.auditor).status_code == 200


def test_a_user_is_let_in_changed_and_let_out(house: House) -> None:
    made = house.ask("POST", "/v1/users", house.admin, json=NEW_USER)
    User.model_validate(made)
    path, bo = f"/v1/users/{made['user_id']}", house.sign_in("bo")
    assert house.ask("GET", "/v1/session", bo)["units"] == ["norr"]
    changed = house.ask(
        "PATCH", path, house.admin, json={"roles": ["lawyer", "auditor"], "units": None}
    )
    assert (changed["roles"], changed["units"]) == (["auditor", "lawyer"], None)
    assert house.ask("GET", "/v1/session", bo)["roles"] == ["auditor", "lawyer"]
    assert house.ask("PATCH", path, house.admin, json={"roles": ["lawyer"]})["units"] is None
    house.ask("PATCH", path, house.admin, json={"disabled": True})
    assert house.answer("GET", "/v1/session", bo).status_code == 401
    house.ask("PATCH", path, house.admin, json={"disabled": False})
    assert house.answer("GET", "/v1/session", bo).status_code == 401, "old sessions stay ended"
    assert house.sign_in("bo")
    reference = made["user_id"]
    changes = [each.entry for each in house.log() if each.entry.action == "users.change"]
    assert [each.what for each in changes] == [(reference,)] * 5
    assert {each.user_id for each in changes} == {house.admin_id}


def test_a_new_password_ends_sessions(house: House) -> None:
    made = house.ask("POST", "/v1/users", house.admin, json=NEW_USER)
    bo = house.sign_in("bo")
    house.ask(
        "PATCH", f"/v1/users/{made['user_id']}", house.admin, json={"password": "annat långt ord"}
    )
    assert house.answer("GET", "/v1/session", bo).status_code == 401
    old = {"name": "bo", "password": PASSWORD}
    assert house.answer("POST", "/v1/session", json=old).status_code == 401
    assert house.sign_in("bo", "annat långt ord")


def test_nobody_gives_themselves_a_role(house: House) -> None:
    path = f"/v1/users/{house.admin_id}"
    for change in ({"roles": ["security"]}, {"units": None}):
        assert house.answer("PATCH", path, house.admin, json=change).status_code == 403
    house.ask("PATCH", path, house.admin, json={"password": "annat långt ord"})


def test_what_does_not_fit_is_refused_in_words(house: House) -> None:
    refusals: list[tuple[int, str, str, dict[str, Any] | None]] = [
        (409, "POST", "/v1/users", NEW_USER | {"name": "ADMIN"}),
        (422, "POST", "/v1/users", NEW_USER | {"password": "kort"}),
        (422, "POST", "/v1/users", NEW_USER | {"roles": []}),
        (422, "POST", "/v1/users", NEW_USER | {"roles": ["root"]}),
        (422, "POST", "/v1/users", NEW_USER | {"name": "900101-2385"}),
        (422, "POST", "/v1/users", {"name": "bo", "password": PASSWORD, "roles": ["lawyer"]}),
        (422, "POST", "/v1/users", NEW_USER | {"more": 1}),
        (404, "PATCH", "/v1/users/user:0", {"disabled": True}),
        (422, "PATCH", "/v1/users/\u00e5", {"disabled": True}),
        (404, "DELETE", "/v1/keys/key:0", None),
        (422, "POST", "/v1/keys", {"name": "k", "roles": ["lawyer"], "units": [], "days": 401}),
        (422, "POST", "/v1/keys", {"name": "k", "roles": ["lawyer"], "units": [], "days": 0}),
        (409, "POST", "/v1/keys", {"name": "auditor", "roles": ["lawyer"], "units": [], "days": 1}),
    ]
    for status, method, path, body in refusals:
        answer = house.answer(method, path, house.admin, json=body)
        assert answer.status_code == status, (method, path, body, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "900101" not in answer.text and PASSWORD not in answer.text
        assert house.log()[-1].entry.outcome is Outcome.REFUSED


def test_a_robots_key_is_shown_once_used_and_revoked(house: House) -> None:
    asked = {"name": "loader", "roles": ["reviewer"], "units": ["norr"], "days": 90}
    made = house.ask("POST", "/v1/keys", house.admin, json=asked)
    IssuedKey.model_validate(made)
    key = bearer(made["secret"])
    assert house.ask("GET", "/v1/session", key)["user_id"] == made["key"]["key_id"]
    listed = house.ask("GET", "/v1/keys", house.admin)["items"]
    assert [each["name"] for each in listed] == ["auditor", "loader"]
    assert made["secret"] not in str(listed)
    assert listed[1]["last_used_on"] == "2026-03-02"
    ended = house.ask("DELETE", f"/v1/keys/{made['key']['key_id']}", house.admin)
    assert ended["revoked_at"] is not None
    assert house.answer("GET", "/v1/session", key).status_code == 401


def test_a_key_ends_with_its_days(house: House) -> None:
    house.clock.now += timedelta(days=9) - timedelta(seconds=1)
    assert house.answer("GET", "/v1/session", house.auditor).status_code == 200
    house.clock.now += timedelta(seconds=1)
    assert house.answer("GET", "/v1/session", house.auditor).status_code == 401


def test_users_are_listed_in_pages_each_once(house: House) -> None:
    for name in ("örjan", "bo", "cecilia", "da"):
        house.ask("POST", "/v1/users", house.admin, json=NEW_USER | {"name": name})
    names, cursor = list[str](), None
    while True:
        asked = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = house.ask("GET", "/v1/users", house.admin, params=asked)
        names += [each["name"] for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert names == ["admin", "bo", "cecilia", "da", "örjan"]


def test_an_administrator_reads_no_log_and_an_auditor_lets_nobody_in(house: House) -> None:
    for path in ("/v1/audit", "/v1/audit/report?month=2026-03", "/v1/audit/verification"):
        assert house.answer("GET", path, house.admin).status_code == 403
        assert house.answer("GET", path).status_code == 401
    assert house.answer("GET", "/v1/users", house.auditor).status_code == 403
    assert house.answer("POST", "/v1/users", house.auditor, json=NEW_USER).status_code == 403


def test_the_log_is_read_newest_first_and_its_reading_is_in_it(house: House) -> None:
    for _ in range(3):
        house.ask("GET", "/v1/users", house.admin)
    seen, cursor = list[dict[str, Any]](), None
    while True:
        asked = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = house.ask("GET", "/v1/audit", house.auditor, params=asked)
        seen += [AuditEntry.model_validate(each).model_dump() for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert [each["seq"] for each in seen] == list(range(seen[0]["seq"], 0, -1))
    assert [each.entry.action for each in house.log()[-2:]] == ["audit.read"] * 2
    assert len(house.log()) > len(seen)


def test_the_log_is_narrowed(house: House) -> None:
    house.ask("GET", "/v1/users", house.admin)
    house.clock.now += timedelta(hours=1)
    house.ask("GET", "/v1/users", house.admin)
    assert house.answer("GET", "/v1/audit", house.admin).status_code == 403
    for asked, count in (
        ({"action": "users.list"}, 2),
        ({"action": "users."}, 2),
        ({"action": "users"}, 0),
        ({"action": "u%."}, 0),
        ({"user": "nobody"}, 0),
        ({"outcome": "refused"}, 1),
        ({"since": "2026-03-02T10:00:00Z", "action": "users.list"}, 1),
        ({"until": "2026-03-02T10:00:00Z", "action": "users.list"}, 1),
        ({"until": "2026-03-02T11:00:00+01:00", "action": "users.list"}, 1),
        ({"case": "case-1"}, 0),
    ):
        page = house.ask("GET", "/v1/audit", house.auditor, params=asked)
        assert len(page["items"]) == count, asked


def test_a_month_is_reviewed(house: House) -> None:
    house.answer("POST", "/v1/session", json={"name": "admin", "password": "x" * 12})
    told = house.ask("GET", "/v1/audit/report", house.auditor, params={"month": "2026-03"})
    assert (told["failures"], told["entries"]) == (1, 2)
    lines = {line["user_id"]: line for line in told["people"]}
    assert lines[house.admin_id]["failures"] == 1
    assert house.answer("GET", "/v1/audit/report?month=2026-13", house.auditor).status_code == 422


def test_the_log_is_verified_and_says_which_entry_is_wrong(house: House) -> None:
    told = house.ask("GET", "/v1/audit/verification", house.auditor)
    Verified.model_validate(told)
    assert (told["holds"], told["faults"], told["entries"]) == (True, [], 1)
    with hand(house.service.home.casework) as reach:
        reach.change(1, "user_id", "user:other")
    told = house.ask("GET", "/v1/audit/verification", house.auditor)
    assert told["holds"] is False
    assert [(fault["kind"], fault["first"]) for fault in told["faults"]] == [
        ("changed", 1),
        ("unguarded", None),
    ]


def test_without_the_log_nobody_is_answered(house: House) -> None:
    with house.service.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entries RENAME TO elsewhere"))
    answer = house.answer("GET", "/v1/users", house.admin)
    assert answer.status_code == 503
    assert "admin" not in answer.text.replace("administrator", "")
    refused = house.answer("GET", "/v1/users", house.auditor)
    assert refused.status_code == 503, "nor is anybody refused without a trace"


@pytest.mark.parametrize("model", [SignIn, Opened, NewUser, UserChange, User, NewKey, Key,
                                   IssuedKey, AuditEntry, Verified])  # fmt: skip
def test_the_examples_of_the_specification_fit_it(model: Any) -> None:
    for example in model.model_config["json_schema_extra"]["examples"]:
        model.model_validate(example)
