"""A leak hunt over HTTP: a synthetic municipality is read through, and every byte looked at."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import queries
from api.http.app import create_app
from api.http.service import Service, open_service
from graph_service.access.reference import reference
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run
from graph_service.settings import Settings
from loaders.batch import Options
from loaders.load import load
from synth import municipality
from tests.http_service import listening

UNIT = "Enhet 1"
#: How many entities are read around, of each caller.
ENTITIES = 20
REFERENCE = re.compile(r"[a-z]+-[a-z2-7]{26}")


@dataclass(frozen=True)
class Town:
    """What is served, and what the files say of who may be seen."""

    folder: Path
    service: Service
    url: str

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def ref(self, number: str) -> str:
        return reference(self.service.home.reference_key(), f"person:{number}")

    @property
    def protected(self) -> set[str]:
        return {p["person_id"] for p in self.rows("persons") if p["protection"] not in ("", "none")}

    @property
    def units(self) -> Mapping[str, set[str]]:
        """The units of each client, by its decisions."""
        found = defaultdict(set)
        for decision in self.rows("decisions"):
            found[decision["client_id"]].add(decision["unit"])
        return found


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("leaks")
    files = folder / "municipality"
    municipality.make(files, seed=4711, inhabitants=1_500, months=2, start=date(2025, 6, 1))
    protect_every(7, files / "persons.csv")
    home = Home(folder / "home")
    assert load(home, [files], Options(), clock=now).batch
    run(home, open_rooms(Path(queries.__file__).parent), clock=now, memory="1GiB")
    with ExitStack() as stack:
        service = stack.enter_context(open_service(Settings(home=home.path), now))
        yield Town(files, service, stack.enter_context(listening(create_app(service))))


def protect_every(nth: int, file: Path) -> None:
    """Protect one person in so many, whoever it is, and leave in the file where they live."""
    with file.open(encoding="utf-8", newline="") as read:
        rows = list(csv.DictReader(read))
    for row in rows[::nth]:
        row["protection"] = "marked"
    with file.open("w", encoding="utf-8", newline="") as written:
        told = csv.DictWriter(written, rows[0])
        told.writeheader()
        told.writerows(rows)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("units", [None, [UNIT]], ids=["every unit", "one unit"])
def test_no_byte_of_whom_the_caller_may_not_see(town: Town, units: list[str] | None) -> None:
    key, secret = town.service.users.issue_key(
        "hunter" if units else "reader", ["reviewer"], units, lasts=timedelta(days=1), by="test"
    )
    hidden = set(town.protected)
    assert hidden, "the municipality has somebody to hide"
    if units:
        elsewhere = {client for client, of in town.units.items() if not of & set(units)}
        assert elsewhere, "and another unit"
        hidden |= elsewhere
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=town.url, headers=headers, timeout=60) as client:
        text = "\n".join(everything(client, town))
        assert len(REFERENCE.findall(text)) > 300, "much was read"
        for number in sorted(hidden)[:20]:
            for path in ("neighbourhood", "timeline"):
                assert client.get(f"/v1/network/{town.ref(number)}/{path}").status_code == 404
    numbers = {row["person_id"] for row in town.rows("persons")}
    shown = set(re.findall(r"\d{12}", text))
    assert shown & numbers == set(), "nobody's number, hidden or not"
    assert set(REFERENCE.findall(text)) & {town.ref(number) for number in hidden} == set()
    emails = {row["email"].lower() for row in town.rows("persons") if row.get("email")}
    assert {email for email in emails if email in text.lower()} == set()
    assert key.name not in text


def everything(client: httpx.Client, town: Town) -> Iterator[str]:
    """Every list to its end, every provider and finding, and the network around many."""
    refs: dict[str, None] = {}
    for path in ("/v1/providers", "/v1/findings", "/v1/today", "/v1/stop-list?period=2025-07"):
        for told in pages(client, path):
            yield told
            refs |= dict.fromkeys(REFERENCE.findall(told))
    for ref in [ref for ref in refs if ref.startswith("organisation-")]:
        for path in ("", "/history", "/findings"):
            answer = client.get(f"/v1/providers/{ref}{path}")
            assert answer.status_code in (200, 404)
            yield answer.text
            refs |= dict.fromkeys(REFERENCE.findall(answer.text))
    for finding in {each["finding_id"] for each in items(client, "/v1/findings")}:
        yield from pages(client, f"/v1/findings/{finding}/rows")
        yield client.get(f"/v1/findings/{finding}").text
    for ref in list(refs)[:ENTITIES]:
        for path in ("neighbourhood?depth=2", "timeline"):
            answer = client.get(f"/v1/network/{ref}/{path}")
            assert answer.status_code == 200, (ref, answer.text)
            yield answer.text
    for person in town.rows("persons")[:20]:
        for words in (person["person_id"], person.get("family_name") or "Efternamn"):
            answer = client.post("/v1/network/search", json={"text": words, "limit": 50})
            assert answer.status_code == 200
            yield answer.text


def pages(client: httpx.Client, path: str) -> Iterator[str]:
    cursor: str | None = None
    while True:
        answer = client.get(path, params={} if cursor is None else {"cursor": cursor})
        assert answer.status_code == 200, (path, answer.text)
        yield answer.text
        cursor = answer.json().get("next")
        if cursor is None:
            return


def items(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Items of a whole list."""
    for told in pages(client, path):
        yield from json.loads(told)["items"]
