"""What is read over HTTP: each answer against what the run holds, seen by a caller's own rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from graph_service.access.table import Caller
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.case_file import Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.detector import open_rooms
from graph_service.run_file import RunFile
from tests.http_service import (
    CLIENTS,
    CORRECTED,
    FIRM,
    HIDDEN_CLIENTS,
    HIDDEN_WORKER,
    NORTH,
    OVERLAPS,
    OWNER,
    SISTER,
    SOUTH,
    TRADER,
    WORKERS,
    Overlap,
    Served,
    rows,
    secrets_of,
    serving,
    unit_of,
)

Json = dict[str, Any]
STRENGTHS = ("hard", "stat", "net")
PERSONS = (*CLIENTS, *WORKERS, OWNER, TRADER)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(scope="module")
def reviewer(served: Served) -> httpx.Client:
    return served.client("reviewer")


def standing(served: Served) -> RunFile:
    run = served.runs.current()
    assert run is not None
    return run


def get(client: httpx.Client, path: str, **query: Any) -> Json:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def walk(client: httpx.Client, path: str, limit: int, **query: Any) -> list[Json]:
    """Every item of a list, page by page."""
    items: list[Json] = []
    page = get(client, path, limit=limit, **query)
    items += page["items"]
    while page["next"] is not None:
        assert len(page["items"]) == limit
        page = get(client, path, limit=limit, cursor=page["next"], **query)
        items += page["items"]
    return items


def seen_by(units: Sequence[str] | None, overlap: Overlap) -> bool:
    """Whether all clients of an overlap are of units that somebody sees.

    A protected client's rows tell of no unit to anybody, and the others' are judged.
    """
    return units is None or all(unit_of(client) in units for client in overlap.clients)


def in_order(findings: Sequence[Json]) -> list[Json]:
    """Hard ones first; the latest first; then by id: sorted from the last of these backwards."""
    told = sorted(findings, key=lambda each: str(each["finding_id"]))
    told.sort(key=lambda each: str(each["until"]), reverse=True)
    return sorted(told, key=lambda each: STRENGTHS.index(each["strength"]))


# Lists


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_tell_every_finding_once_and_in_order(
    served: Served, reviewer: httpx.Client, limit: int
) -> None:
    whole = in_order(standing(served).rows("findings", order="finding_id"))
    told = walk(reviewer, "/v1/findings", limit)
    assert [each["finding_id"] for each in told] == [each["finding_id"] for each in whole]
    assert len(told) == len(OVERLAPS)


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_tell_every_provider_once_by_rank(
    served: Served, reviewer: httpx.Client, limit: int
) -> None:
    whole = standing(served).rows("scores", order="rank NULLS LAST, provider_id")
    told = walk(reviewer, "/v1/providers", limit)
    assert [each["rank"] for each in told] == [each["rank"] for each in whole]
    assert [each["ref"] for each in told] == [
        served.ref("organisation", each["provider_id"]) for each in whole
    ]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"strength": "hard"}, lambda each: each["strength"] == "hard"),
        ({"strength": "net"}, lambda each: each["strength"] == "net"),
        ({"detector": "overlapping_visits"}, lambda each: True),
        ({"detector": "shared_account"}, lambda each: False),
        ({"since": "2025-04-05"}, lambda each: each["until"] >= "2025-04-05"),
        ({"until": "2025-03-02"}, lambda each: each["since"] <= "2025-03-02"),
        (
            {"since": "2025-03-05", "until": "2025-04-03"},
            lambda each: each["until"] >= "2025-03-05" and each["since"] <= "2025-04-03",
        ),
        ({"change": "still"}, lambda each: True),
        ({"change": "new"}, lambda each: False),
    ],
)
def test_findings_are_filtered_as_asked(
    served: Served, reviewer: httpx.Client, query: Json, fits: Callable[[Json], bool]
) -> None:
    whole = in_order(standing(served).rows("findings", order="finding_id"))
    wanted = [each["finding_id"] for each in whole if fits(each)]
    for limit in (2, 100):
        told = walk(reviewer, "/v1/findings", limit, **query)
        assert [each["finding_id"] for each in told] == wanted


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/findings", {"detector": "overlaping_visits"}),
        ("/v1/providers", {"detector": "overlaping_visits"}),
        ("/v1/findings", {"since": "20250401"}),
        ("/v1/findings", {"since": "2025-02-30"}),
        ("/v1/findings", {"strength": "weak"}),
        ("/v1/providers", {"band": "guilty"}),
        ("/v1/providers", {"min_score": "nan"}),
    ],
)
def test_a_filter_that_is_misspelt_is_refused(
    reviewer: httpx.Client, path: str, query: Json
) -> None:
    """Else it would read as though nothing were found."""
    refused = reviewer.get(path, params=query)
    assert refused.status_code == 422
    assert f"query.{next(iter(query))}" in {each["where"] for each in refused.json()["faults"]}
    assert next(iter(query.values())) not in refused.text.replace("YYYY", "")


def test_findings_of_a_provider_are_those_that_name_it(
    served: Served, reviewer: httpx.Client
) -> None:
    for org in (FIRM, SISTER, TRADER):
        ref = served.ref("organisation", org)
        rows = standing(served).rows("findings", order="finding_id", where={"provider_id": org})
        wanted = [each["finding_id"] for each in in_order(rows)]
        for told in (
            walk(reviewer, f"/v1/providers/{ref}/findings", 2),
            walk(reviewer, "/v1/findings", 50, provider=ref),
        ):
            assert [each["finding_id"] for each in told] == wanted
            assert {each["provider_ref"] for each in told} == {ref}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"band": "review"}, lambda each: each["band"] == "review"),
        ({"band": "none"}, lambda each: each["band"] == "none"),
        ({"min_score": 60}, lambda each: (each["score"] or 0) >= 60),
        ({"detector": "overlapping_visits"}, lambda each: bool(each["contributions"])),
        ({"family": "identity"}, lambda each: bool(each["contributions"])),
        ({"family": "billing"}, lambda each: False),
        ({"not_assessed": "billing"}, lambda each: "billing" in each["not_assessed"]),
        ({"not_assessed": "identity"}, lambda each: "identity" in each["not_assessed"]),
    ],
)
def test_the_ranking_is_filtered_as_asked(
    served: Served, reviewer: httpx.Client, query: Json, fits: Callable[[Json], bool]
) -> None:
    whole = standing(served).rows("scores", order="rank NULLS LAST, provider_id")
    wanted = [served.ref("organisation", each["provider_id"]) for each in whole if fits(each)]
    told = walk(reviewer, "/v1/providers", 1, **query)
    assert [each["ref"] for each in told] == wanted


def test_a_provider_is_told_as_the_run_scores_it(served: Served, reviewer: httpx.Client) -> None:
    [whole] = standing(served).rows("scores", order="rank", where={"provider_id": FIRM})
    told = get(reviewer, "/v1/providers")["items"][0]
    assert told.pop("ref") == served.ref("organisation", FIRM)
    assert told.pop("name") == "Linden Omsorg AB"
    assert told == whole


def test_providers_are_found_by_words_and_by_number(served: Served, reviewer: httpx.Client) -> None:
    for text, wanted in (
        ("omsorg", [FIRM]),
        ("HEMTJÄNST eken", [SISTER]),
        ("552000-0026", [SISTER]),
        (FIRM, [FIRM]),
        ("ab", [FIRM, SISTER]),
        ("omsorg eken", []),
        (TRADER, []),
        ("Eget Namn", []),
    ):
        told = reviewer.post("/v1/providers/search", json={"text": text}).json()
        assert [each["provider_id"] for each in told["items"]] == wanted, text
        assert told["left_out"] == 0
    told = reviewer.post("/v1/providers/search", json={"text": "ab", "limit": 1}).json()
    assert [each["provider_id"] for each in told["items"]] == [FIRM] and told["left_out"] == 1
    assert reviewer.post("/v1/providers/search", json={"text": "--"}).status_code == 422


# One provider, one finding


def test_a_card_counts_what_the_run_holds(served: Served, reviewer: httpx.Client) -> None:
    told = get(reviewer, f"/v1/providers/{served.ref('organisation', SISTER)}")
    hidden = {f"person:{number}" for number in (*HIDDEN_CLIENTS, HIDDEN_WORKER)}
    me = f"organisation:{SISTER}"
    with standing(served).open() as engine:
        edges = engine.rows("SELECT type, source_id, target_id FROM edges")
    wanted: dict[tuple[str, str], int] = {}
    for edge in edges:
        ends = (edge["source_id"], edge["target_id"])
        if me in ends and not hidden & set(ends):
            place = (edge["type"], "out" if edge["source_id"] == me else "in")
            wanted[place] = wanted.get(place, 0) + 1
    assert {(each["type"], each["direction"]): each["total"] for each in told["sections"]} == wanted
    assert told["findings_by_detector"] == {"overlapping_visits": 3}
    assert told["score"]["rank"] == 2
    assert len(told["findings"]) == 3
    owners = next(each for each in told["sections"] if each["section"] == "owners")
    assert owners["relationships"][0]["source_id"] == served.ref("organisation", FIRM)


def ties(served: Served) -> list[Json]:
    """The relationships of the whole run whose ends are not protected, by reference."""
    hidden = {f"person:{number}" for number in (*HIDDEN_CLIENTS, HIDDEN_WORKER)}
    with standing(served).open() as engine:
        found = engine.rows("SELECT type, source_id, target_id FROM edges")
    open_ones = [each for each in found if not hidden & {each["source_id"], each["target_id"]}]
    for each in open_ones:
        for end in ("source_id", "target_id"):
            each[end] = served.ref(*each[end].split(":", 1))
    return open_ones


def test_the_neighbourhood_is_what_the_run_ties_to_an_entity(
    served: Served, reviewer: httpx.Client
) -> None:
    for kind, key in (("organisation", FIRM), ("person", WORKERS[0]), ("person", CLIENTS[4])):
        me = served.ref(kind, key)
        mine = [each for each in ties(served) if me in (each["source_id"], each["target_id"])]
        told = get(reviewer, f"/v1/network/{me}/neighbourhood", limit=500)
        others = {each[end] for each in mine for end in ("source_id", "target_id")}
        assert {each["entity"]["node_id"] for each in told["entities"]} == others
        shown = [(e["type"], e["source_id"], e["target_id"]) for e in told["relationships"]]
        wanted = [(e["type"], e["source_id"], e["target_id"]) for e in mine]
        assert sorted(shown) == sorted(wanted) and told["left_out"] == {}
        few = get(reviewer, f"/v1/network/{me}/neighbourhood", limit=1)
        assert len(few["entities"]) == 2 and sum(few["left_out"].values()) == len(others) - 2


def test_ownership_multiplies_along_the_chain(served: Served, reviewer: httpx.Client) -> None:
    me, owner = served.ref("organisation", SISTER), served.ref("person", OWNER)
    told = get(reviewer, f"/v1/network/{me}/ownership")
    [shares] = [each for each in told["interests"] if each["interest"] == "shares"]
    assert {each["owner_id"]: each["share"] for each in shares["owners"]}[owner] == 0.3
    before = get(reviewer, f"/v1/network/{me}/ownership", as_of="2015-12-31")
    assert before["above"] == [] and before["as_of"] == "2015-12-31"


def test_paths_lead_from_one_to_the_other(served: Served, reviewer: httpx.Client) -> None:
    owner, sister = served.ref("person", OWNER), served.ref("organisation", SISTER)
    firm = served.ref("organisation", FIRM)
    told = get(reviewer, "/v1/network/paths", **{"from": owner, "to": sister, "types": "OWNS"})
    assert told["paths"] == [[owner, firm, sister]] and told["outcome"] == "found"
    assert told["relationships_left_out"] == 0 and len(told["relationships"]) == 2
    short = {"from": owner, "to": sister, "types": "OWNS", "max_length": 1}
    assert get(reviewer, "/v1/network/paths", **short)["outcome"] == "none_within"


def test_a_finding_is_told_with_its_rule_and_its_innocent_stories(
    served: Served, reviewer: httpx.Client
) -> None:
    rooms = {room.name: room for room in open_rooms(Path("queries"))}
    finding = get(reviewer, "/v1/findings")["items"][0]
    told = get(reviewer, f"/v1/findings/{finding['finding_id']}")
    room = rooms[told["detector"]]
    [whole] = standing(served).rows(
        "findings", order="finding_id", where={"finding_id": finding["finding_id"]}
    )
    for name in ("events", "days", "since", "until", "detector_digest", "exposure_sek"):
        assert told[name] == whole[name]
    assert len(told["evidence"]) == len(whole["evidence"]) and told["evidence_left_out"] == 0
    assert [each["story"] for each in told["innocent"]] == [one.name for one in room.innocent]
    for each, cause in zip(told["innocent"], room.innocent, strict=True):
        assert each["text"] == {"sv": cause.story.sv, "en": cause.story.en}
        assert (each["ask"] is not None) == (each["outcome"] == "ask")
    rule = told["rule"]
    assert rule["digest"] == rule["digest_today"] == room.digest
    assert rule["silent_on"] == room.silent_on and rule["claim"] == room.claim
    assert rule["swedish"]["claim"] == room.swedish.claim
    assert {name: each["why"] for name, each in rule["swedish"]["thresholds"].items()} == {
        name: each.why for name, each in room.swedish.thresholds.items()
    }
    assert {each["name"]: each["value"] for each in rule["thresholds"]} == {
        name: each.value for name, each in room.thresholds.items()
    }
    query = get(reviewer, f"/v1/findings/{finding['finding_id']}/query")
    assert query["sql"] == room.query and query["digest"] == room.digest


def test_what_is_gone_is_read_where_it_last_stood(served: Served) -> None:
    before = served.runs.all()[0]
    [gone] = before.rows("changes", order="finding_id") or [None]
    assert gone is None  # the first run is compared with none
    worker = served.ref("person", CORRECTED.worker)
    for units, wanted in ((None, [worker]), ((NORTH,), [worker]), ((SOUTH,), [])):
        told = walk(served.client("reviewer", units=units), "/v1/findings", 1, change="gone")
        workers = [
            subject["ref"]
            for each in told
            for subject in each["subjects"]
            if subject["role"] == "worker"
        ]
        assert workers == wanted
        assert {each["change"] for each in told} <= {"gone"}


def test_history_tells_each_run_and_what_moved_the_score(
    served: Served, reviewer: httpx.Client
) -> None:
    ref = served.ref("organisation", FIRM)
    [now] = walk(reviewer, f"/v1/providers/{ref}/history", 1)
    assert now["run_id"] == standing(served).run_id and now["reason"]["sv"]
    from graph_service.casework.history import History  # noqa: PLC0415

    History(served.service.database).record(served.house.home)
    told = walk(reviewer, f"/v1/providers/{ref}/history", 1)
    assert [each["run_id"] for each in told] == [run.run_id for run in reversed(served.runs.all())]
    for each, run in zip(told, reversed(served.runs.all()), strict=True):
        [whole] = run.rows("scores", order="rank", where={"provider_id": FIRM})
        assert (each["score"], each["change"]) == (whole["score"], whole["change"])


# Who may see what


@pytest.mark.parametrize("units", [None, (NORTH,), (SOUTH,), (NORTH, SOUTH), ("Öster",)])
def test_a_caller_sees_the_findings_of_the_callers_units(
    served: Served, units: tuple[str, ...] | None
) -> None:
    told = walk(served.client("reviewer", units=units), "/v1/findings", 3)
    workers = {
        subject["ref"] or subject["id"]
        for each in told
        for subject in each["subjects"]
        if subject["role"] == "worker"
    }
    assert workers == {
        "protected" if overlap.worker == HIDDEN_WORKER else served.ref("person", overlap.worker)
        for overlap in OVERLAPS
        if seen_by(units, overlap)
    }


#: One of each kind of person: of either unit, in both, and protected.
ASKED = (CLIENTS[0], CLIENTS[6], *HIDDEN_CLIENTS, WORKERS[0], WORKERS[9], HIDDEN_WORKER, OWNER)


def every_address(served: Served, client: httpx.Client) -> Iterator[str]:
    """The addresses of entities of each kind, and of the findings that the caller is told of."""
    refs = [served.ref("person", number) for number in ASKED]
    refs += [served.ref("organisation", org) for org in (FIRM, SISTER, TRADER)]
    for ref in refs:
        for path in ("neighbourhood?depth=2", "ownership", "timeline"):
            yield f"/v1/network/{ref}/{path}"
        yield f"/v1/network/paths?from={ref}&to={served.ref('organisation', FIRM)}"
    for ref in refs[-3:]:
        for path in ("", "/history", "/findings"):
            yield f"/v1/providers/{ref}{path}"
    for finding in walk(client, "/v1/findings", 50):
        yield f"/v1/findings/{finding['finding_id']}"
    yield f"/v1/findings/{finding['finding_id']}/rows"
    yield from ("/v1/providers", "/v1/findings", "/v1/findings?change=gone")


@pytest.mark.parametrize("units", [None, (SOUTH,)])
def test_no_answer_names_a_person_or_tells_of_a_protected_one(
    served: Served, units: tuple[str, ...] | None
) -> None:
    """Outside a case every answer holds references alone, whoever asks and whatever is asked."""
    client = served.client("reviewer", "security", units=units)
    forbidden = {secret for number in PERSONS[:-1] for secret in secrets_of(number)} - {"111 22"}
    forbidden |= {TRADER, "Eget Namn", "efternamn", "förnamn"}
    hidden = {served.ref("person", number) for number in (*HIDDEN_CLIENTS, HIDDEN_WORKER)}
    told = {path: client.get(path) for path in every_address(served, client)}
    for asked in ("förnamn", "gata", HIDDEN_WORKER, CLIENTS[0], TRADER):
        told[asked] = client.post("/v1/network/search", json={"text": asked})
    for path, answer in told.items():
        assert [secret for secret in sorted(forbidden) if secret in answer.text] == [], path
        assert [ref for ref in hidden if ref in answer.text] == [], path
        of_hidden = any(ref in path for ref in hidden)
        assert answer.status_code == 404 or not of_hidden, path
    assert sum(answer.status_code == 200 for answer in told.values()) > len(told) / 2


def test_what_may_not_be_seen_is_refused_like_what_is_not(served: Served) -> None:
    south = served.client("reviewer", units=(SOUTH,))
    north_only = next(
        each["finding_id"]
        for each in walk(served.client("reviewer", units=(NORTH,)), "/v1/findings", 50)
    )
    for hidden in (CLIENTS[0], HIDDEN_CLIENTS[1], WORKERS[0]):
        ref = served.ref("person", hidden)
        for path in ("neighbourhood", "ownership", "timeline"):
            refused = south.get(f"/v1/network/{ref}/{path}")
            nonsense = south.get(f"/v1/network/person-{'a' * 26}/{path}")
            assert refused.status_code == 404 and refused.content == nonsense.content
            assert ref not in refused.text
        firm = served.ref("organisation", FIRM)
        for ends in ({"from": ref, "to": firm}, {"from": firm, "to": ref}):
            refused = south.get("/v1/network/paths", params=ends)
            nonsense = south.get("/v1/network/paths", params={"from": "nobody", "to": firm})
            assert refused.status_code == 404 and refused.content == nonsense.content
    for path in ("", "/query", "/rows"):
        refused = south.get(f"/v1/findings/{north_only}{path}")
        nonsense = south.get(f"/v1/findings/{'0' * 32}{path}")
        assert refused.status_code == 404 and refused.content == nonsense.content
    client = served.ref("person", CLIENTS[6])
    for path in ("", "/history", "/findings"):
        refused = south.get(f"/v1/providers/{client}{path}")
        nonsense = south.get(f"/v1/providers/nobody{path}")
        assert refused.status_code == 404 and refused.content == nonsense.content


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("reviewer", {"providers", "findings", "network"}),
        ("coordinator", {"providers", "findings", "network"}),
        ("lawyer", {"providers", "findings", "network"}),
        ("controller", {"providers", "findings"}),
        ("security", {"findings", "network"}),
        ("auditor", set[str]()),
        ("administrator", set[str]()),
    ],
)
def test_roles_read_what_the_table_says(served: Served, role: str, may: set[str]) -> None:
    ref = served.ref("organisation", FIRM)
    client = served.client(role)
    for subject, path in (
        ("providers", "/v1/providers"),
        ("providers", f"/v1/providers/{ref}"),
        ("findings", "/v1/findings"),
        ("network", f"/v1/network/{ref}/neighbourhood"),
        ("network", f"/v1/network/{ref}/timeline"),
    ):
        assert client.get(path).status_code == (200 if subject in may else 403), path
    with served.with_token("") as nobody:
        assert nobody.get("/v1/providers").status_code == 401
        assert nobody.get("/v1/detectors").status_code == 200


def open_case(served: Served, caller: Caller, *links: Subject) -> str:
    return served.service.cases.open(
        caller,
        title="Överlappande besök",
        purpose="Uppföljning av avtal",
        legal_ground="10 kap. 8 § kommunallagen",
        about=links,
    ).case_id


def caller_of(served: Served, client: httpx.Client) -> Caller:
    token = client.headers["Authorization"].removeprefix("Bearer ")
    return served.service.caller_of(token)


def test_a_case_shows_its_own_persons_in_clear_and_nobody_elses(served: Served) -> None:
    client = served.client("reviewer", units=(NORTH, SOUTH))
    worker, other = WORKERS[0], WORKERS[1]
    mine = Subject(LinkKind.ENTITY, served.ref("person", worker))
    case = open_case(served, caller_of(served, client), mine)
    inside = {"Case": case, "Purpose": "Samtal%20med%20utf%C3%B6raren"}
    path = f"/v1/network/{served.ref('person', worker)}/neighbourhood"
    told = client.get(path, headers=inside)
    entity = told.json()["entities"][0]["entity"]
    assert entity["key"] == worker and secrets_of(worker)[1] in entity["name"]
    assert client.get(path).json()["entities"][0]["entity"]["name"] is None
    assert told.headers["ETag"] != client.get(path).headers["ETag"]
    findings = client.get("/v1/findings", headers=inside).json()["items"]
    subjects = [each for finding in findings for each in finding["subjects"]]
    named = {each["key"] for each in subjects if "key" in each}
    assert named == {worker}
    assert not any(secret in client.get("/v1/findings", headers=inside).text for secret in [other])
    assert client.get("/v1/findings", headers={"Case": case}).status_code == 403
    numbered = inside | {"Purpose": f"Samtal om {other}"}
    refused = client.get("/v1/findings", headers=numbered)
    assert refused.status_code == 422 and other not in refused.text
    stranger = served.client("reviewer", units=(SOUTH,))
    assert stranger.get(path, headers=inside).status_code == 404


# The log


def logged(served: Served, since: int = 0) -> list[AuditRow]:
    with served.service.database.reading() as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.seq > since).order_by(AuditRow.seq)
        ).all()
        session.expunge_all()
        return list(rows)


def test_each_answer_is_in_the_log_with_what_it_told(served: Served) -> None:
    client = served.client("reviewer")
    begun = len(logged(served))
    finding = get(client, "/v1/findings", limit=1)["items"][0]
    tag = client.get("/v1/findings?limit=1").headers["ETag"]
    again = client.get("/v1/findings?limit=1", headers={"If-None-Match": tag})
    assert again.status_code == 304 and not again.content
    client.post("/v1/network/search", json={"text": "linden"})
    entries = logged(served, begun)
    told = [json.loads(entry.what) for entry in entries]
    assert [entry.status for entry in entries] == [200, 200, 304, 200]
    assert told[0] == told[1] == told[2]
    assert f"finding:{finding['finding_id']}" in told[0]
    for subject in finding["subjects"]:
        assert f"{subject['kind']}:{subject['ref']}" in told[0]
    assert told[3] == [f"organisation:{served.ref('organisation', FIRM)}"]
    assert {entry.run_id for entry in entries} == {standing(served).run_id}


def test_the_log_names_every_person_that_is_told(served: Served) -> None:
    client = served.client("reviewer")
    firm = served.ref("organisation", FIRM)
    for path in (
        f"/v1/providers/{firm}",
        f"/v1/network/{firm}/neighbourhood?depth=2",
        f"/v1/network/{firm}/timeline",
        f"/v1/network/{firm}/ownership",
        f"/v1/network/paths?from={firm}&to={served.ref('person', CLIENTS[0])}",
    ):
        begun = len(logged(served))
        answer = client.get(path).text
        [entry] = logged(served, begun)
        persons = set(re.findall(r"person-[a-z2-7]{26}", answer))
        assert persons, path
        assert {f"person:{ref}" for ref in persons} <= set(json.loads(entry.what)), path


def test_no_log_entry_holds_a_number(served: Served) -> None:
    whole = "\n".join(f"{entry.what} {entry.purpose}" for entry in logged(served))
    assert [number for number in PERSONS if number in whole] == []


def test_rows_lead_back_to_the_very_records(served: Served, reviewer: httpx.Client) -> None:
    given = {each["visit_id"]: each for each in rows()["visits"]}
    findings = walk(reviewer, "/v1/findings", 50)
    for finding in (findings[0], findings[4], findings[-1]):
        told = walk(reviewer, f"/v1/findings/{finding['finding_id']}/rows", 4)
        keys = [(each["table"], each["key"], each["row"]) for each in told]
        full = get(reviewer, f"/v1/findings/{finding['finding_id']}")
        assert keys == [(each["table"], each["key"], each["row"]) for each in full["evidence"]]
        for each in told:
            assert each["standing"] == "stands" and each["file"] == "visits.csv"
            columns, record = each["columns"], given[each["key"]["visit_id"]]
            assert columns["client_id"] == served.ref("person", record["client_id"])
            assert columns["worker_id"] == served.ref("person", record["worker_id"])
            assert columns["start_method"] == "tag"


def test_rows_are_logged_with_the_persons_in_them(served: Served) -> None:
    client = served.client("reviewer", units=(NORTH,))
    worker = next(each for each in OVERLAPS if each.firm == FIRM)
    case = open_case(
        served,
        caller_of(served, client),
        Subject(LinkKind.ENTITY, served.ref("person", worker.worker)),
    )
    finding = next(
        each["finding_id"]
        for each in walk(client, "/v1/findings", 50)
        if served.ref("person", worker.worker) in json.dumps(each)
    )
    persons = {
        f"person:{served.ref('person', number)}" for number in (worker.worker, *worker.clients)
    }
    for headers in ({}, {"Case": case, "Purpose": "kontroll"}):
        begun = len(logged(served))
        told = client.get(f"/v1/findings/{finding}/rows", headers=headers)
        assert (worker.worker in told.text) == bool(headers)
        [entry] = logged(served, begun)
        assert persons | {f"finding:{finding}"} <= set(json.loads(entry.what))
        assert (entry.case_id, entry.purpose) == (headers.get("Case"), headers.get("Purpose"))
