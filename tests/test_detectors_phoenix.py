"""phoenix_company against a slow, obvious oracle, and against worlds told by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import comb
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_room
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "phoenix_company")
OLD, NEW, PARENT = "5520000018", "5520000026", "5520000091"
OTHERS = ("5520000034", "5520000042", "5520000059", "5520000067", "5520000075")
END, AS_OF = date(2023, 10, 1), date(2025, 12, 31)
Rows = dict[str, list[dict[str, Any]]]


def find(given: Rows, links: Sequence[tuple[str, str]] = ()) -> list[Finding]:
    with Engine(threads=1) as engine:
        world(engine, given)
        open_views(engine, AS_OF)
        derive(engine)
        for one, other in links:  # as identity resolution stores a pair
            engine.execute(
                "INSERT INTO edges BY NAME SELECT $a || $b AS edge_id, 'SAME_AS' AS type, "
                "'person:' || $a AS source_id, 'person:' || $b AS target_id",
                {"a": min(one, other), "b": max(one, other)},
            )
        return detect(engine, ROOM, as_of=AS_OF)


@dataclass(frozen=True)
class Story:
    """One old firm, one new firm, and what lies between them."""

    how: str  # terminated, expired, unsaid, revoked, bankruptcy, stopped, going_on
    gap: int  # days from the end to the start
    others: int  # providers beside the two
    workers: tuple[int | None, ...]  # days from the start to the arrival; None: never came
    clients: tuple[int | None, ...]
    newcomers: int  # other clients who choose the new one just then
    signs: frozenset[str]  # officer, auditor, owner, phone, email, account
    registered: str  # fresh, of old, unknown
    by_visits: bool
    owner_change: bool

    @property
    def start(self) -> date:
        return END + timedelta(self.gap)


arrivals = st.sampled_from([0, 20, 20, 170, 300, None, None])
stories = st.builds(
    Story,
    how=st.sampled_from(
        ["terminated", "revoked", "bankruptcy", "expired", "unsaid", "stopped", "going_on"]
    ),
    gap=st.sampled_from([-200, -80, 0, 0, 30, 500, 560]),
    others=st.integers(0, 5),
    workers=st.lists(arrivals, max_size=8).map(tuple),
    clients=st.lists(arrivals, max_size=12).map(tuple),
    newcomers=st.sampled_from([0, 0, 1, 9]),
    signs=st.frozensets(
        st.sampled_from(["officer", "auditor", "owner", "phone", "email", "account"]), max_size=2
    ),
    registered=st.sampled_from(["fresh", "fresh", "of old", "unknown"]),
    by_visits=st.booleans(),
    owner_change=st.booleans(),
)


def rows_of(story: Story) -> Rows:
    """The records that tell a story."""
    given: Rows = {name: [] for name in ("employments", "visits", "enrolments", "officers")}
    given |= {"owners": [], "permits": [], "accounts": [], "organisation_changes": []}
    old: dict[str, Any] = {
        "org_id": OLD,
        "name": "Gamla",
        "phone": "070-1740605",
        "email": "a@gamla.example",
    }
    new = {"org_id": NEW, "name": "Nya", "phone": "070-1740606", "email": "b@nya.example"}
    given["organisations"] = [old, new]
    last = END - timedelta(1)
    stays = AS_OF if story.how == "going_on" else last

    def employ(org_id: str, person_id: str, since: date, until: date | None) -> None:
        row = {"org_id": org_id, "person_id": person_id, "valid_from": since, "valid_to": until}
        given["employments"].append(row)

    def visit(org_id: str, worker: str, client: str, day: date) -> None:
        row = {"visit_id": f"v{len(given['visits'])}", "municipality": "0000", "org_id": org_id}
        row |= {"worker_id": worker, "client_id": client, "service": "omsorg"}
        given["visits"].append(row | {"start": f"{day}T08:00", "end": f"{day}T08:30"})

    def enrol(org_id: str, client: str, since: date, until: date | None) -> None:
        row = {"client_id": client, "org_id": org_id, "municipality": "0000", "service": "omsorg"}
        given["enrolments"].append(row | {"valid_from": since, "valid_to": until})

    ended = None if story.how == "going_on" else END
    enrol(OLD, "syn:c99", date(2020, 1, 1), ended)  # who stays at home afterwards
    enrol(NEW, "syn:c98", story.start, None)
    for number, org_id in enumerate(OTHERS[: story.others]):
        enrol(org_id, f"syn:c9{number}", date(2020, 1, 1), None)
    for number in range(story.newcomers):
        enrol(
            NEW, f"syn:n{number}", story.start + timedelta(5) + timedelta(max(0, -story.gap)), None
        )
    if story.by_visits:  # of people of no interest, so that the records reach from end to end
        visit(OTHERS[4], "syn:w99", "syn:c97", date(2020, 1, 1))
        visit(OTHERS[4], "syn:w99", "syn:c97", AS_OF)
        visit(OLD, "syn:w98", "syn:c99", stays)
    for number, came in enumerate(story.workers):
        person = f"syn:w{number}"
        if story.by_visits:
            visit(OLD, person, "syn:c99", last)
        else:
            employ(OLD, person, date(2021, 1, 1), ended)
        if came is not None:
            employ(NEW, person, story.start + timedelta(came), None)
    for number, came in enumerate(story.clients):
        enrol(OLD, f"syn:c{number}", date(2021, 1, 1), ended)
        if came is not None:
            enrol(NEW, f"syn:c{number}", story.start + timedelta(came), None)
    contract: dict[str, Any] = {
        "org_id": OLD,
        "municipality": "0000",
        "service": "omsorg",
        "contract_id": "k1",
    }
    contract |= {"reimbursement": "performed", "hourly_rate_sek": 400, "valid_from": "2019-01-01"}
    if story.how in ("terminated", "expired", "unsaid"):
        reason = None if story.how == "unsaid" else story.how
        contract |= {"valid_to": END, "end_reason": reason}
    given["contracts"] = [contract]
    if story.how == "revoked":
        permit: dict[str, Any] = {"permit_id": "t1", "org_id": OLD, "service": "hemtjänst"}
        given["permits"].append(permit | {"status": "revoked", "valid_from": END})
    if story.how == "bankruptcy":
        old |= {"status": "bankruptcy", "status_on": END}
    if story.registered != "unknown":
        fresh = story.start - timedelta(30)
        new["registered_on"] = str(fresh if story.registered == "fresh" else date(2010, 1, 1))
    if story.owner_change:
        change: dict[str, Any] = {"change_id": "c1", "org_id": OLD, "what": "owner"}
        given["organisation_changes"].append(change | {"changed_on": END - timedelta(90)})
    for org_id in (OLD, NEW):
        since = date(2015, 1, 1)
        if "officer" in story.signs:
            row = {"org_id": org_id, "person_id": "syn:o1", "role": "ceo", "valid_from": since}
            given["officers"].append(row)
        if "auditor" in story.signs:
            row = {"org_id": org_id, "person_id": "syn:o2", "role": "auditor", "valid_from": since}
            given["officers"].append(row)
        if "owner" in story.signs:
            row = {"org_id": org_id, "owner_id": "syn:o3", "owner_kind": "person", "share": 1}
            given["owners"].append(row | {"interest": "shares", "valid_from": since})
        if "account" in story.signs:
            row = {"account": "BG:55500003", "holder_id": org_id, "holder_kind": "organisation"}
            given["accounts"].append(row)
    if "phone" in story.signs:
        new["phone"] = "+46701740605"
    if "email" in story.signs:
        new["email"] = "c@gamla.example"
    return given


def chance(hits: int, of: int, rate: float) -> float:
    return sum(comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(hits, of + 1))


def expected(story: Story) -> bool:
    """The claim in plain words: what domain T21 counts, less what the register explains."""
    if story.how == "going_on" or not -180 <= story.gap <= 548:
        return False
    late = max(story.gap, 0) + 180 - story.gap
    came = [a for a in story.workers if a is not None and a <= late]
    moved = [a for a in story.clients if a is not None and a <= late]
    # who works is known by visits where there are any, of one more person then
    staff = len(story.workers) + (1 if story.by_visits else 0)
    clients = len(story.clients) + 1
    half = len(came) >= 3 and len(came) >= 0.5 * staff
    third = len(moved) >= 3 and len(moved) >= 0.3 * clients
    signs = set(story.signs) - {"auditor"}
    binding = bool(signs & {"officer", "owner", "account"})
    fresh = story.registered == "fresh" or story.registered == "unknown"
    places = max(2, 1 + story.others + (1 if story.by_visits and story.others < 5 else 0))
    arrived = story.newcomers + (1 if story.gap >= 0 else 0)  # the new one's first client
    lot = max(1 / places, arrived / (arrived + 1))
    odd_staff = chance(len(came), staff, 1 / places)
    odd_clients = chance(len(moved), clients, lot)
    if story.how in ("terminated", "revoked", "bankruptcy"):
        one = len(signs) == 1
        carried = len(signs) >= 2 or (binding and (half or third))
        carried |= fresh and half and (third or one or odd_staff <= 0.05)
        carried |= fresh and third and not half and odd_clients <= (0.05 if one else 0.02)
    elif story.how == "expired":
        carried = binding and len(signs) >= 2
    else:
        # Contracts that ran out tell of a tender; one that is open, of the firm's own will.
        both = half and third and fresh and story.how == "stopped"
        carried = binding and (len(signs) >= 2 or half or third)
        carried |= not binding and both and bool(signs)
    # A change of owner excuses strangers, not those who ran the old firm before it.
    sold = story.owner_change and not signs & {"officer", "owner"}
    return carried and not (sold and story.how not in ("revoked", "bankruptcy"))


@settings(max_examples=12, deadline=None)
@given(stories)
def test_the_room_finds_what_the_claim_says(story: Story) -> None:
    found = find(rows_of(story))
    assert [f.provider_id for f in found] == ([NEW] if expected(story) else []), story


def story(**told: Any) -> Story:
    """A firm whose contract is terminated and whose staff goes on in a new one, unless told."""
    usual: dict[str, Any] = {
        "how": "terminated",
        "gap": 20,
        "others": 5,
        "workers": (0, 0, 5, 5, 10, None),
        "clients": (),
        "newcomers": 0,
        "signs": frozenset(),
        "registered": "fresh",
        "by_visits": False,
        "owner_change": False,
    }
    return Story(**usual | told)


def test_staff_under_other_numbers_are_the_same_people() -> None:
    given = rows_of(story())
    for row in given["employments"]:
        if row["org_id"] == NEW:
            row["person_id"] = row["person_id"].replace("syn:w", "syn:x")
    assert find(given) == []
    found = find(given, links=[(f"syn:w{n}", f"syn:x{n}") for n in range(6)])
    assert [f.statistics["workers_carried"] for f in found] == [5]


def test_another_municipality_changes_nothing() -> None:
    given = rows_of(story(by_visits=True))
    alone = [f.as_json() for f in find(given)]
    assert alone
    later = {"municipality": "1111", "org_id": "5520000109", "service": "omsorg"}
    later |= {"visit_id": "z1", "worker_id": "syn:z1", "client_id": "syn:z2"}
    given["visits"].append(later | {"start": "2021-01-01T08:00", "end": "2021-01-01T09:00"})
    given["visits"].append(
        later | {"visit_id": "z2", "start": "2025-12-30T08:00", "end": "2025-12-30T09:00"}
    )
    assert [f.as_json() for f in find(given)] == alone


def test_a_later_delivery_elsewhere_ends_nobody_here() -> None:
    given = rows_of(story(how="stopped", by_visits=True, signs=frozenset({"owner", "phone"})))
    assert find(given)
    for row in given["visits"]:  # the records of this town stop with the old firm's last visit
        if row["worker_id"] == "syn:w99" and row["start"] > "2023":
            row.update(start=f"{END}T08:00", end=f"{END}T08:30")
    elsewhere = {"municipality": "1111", "org_id": "5520000109", "service": "omsorg"}
    elsewhere |= {"visit_id": "z1", "worker_id": "syn:z1", "client_id": "syn:z2"}
    given["visits"].append(elsewhere | {"start": "2025-12-30T08:00", "end": "2025-12-30T09:00"})
    for row in given["enrolments"]:  # nor do the enrolments tell of an end
        if row["org_id"] == OLD:
            row["valid_to"] = None
    assert find(given) == []


def test_a_firm_that_goes_on_where_the_new_one_works_has_not_ended() -> None:
    given = rows_of(story())
    enrolled = {"org_id": OLD, "service": "omsorg", "valid_from": "2020-01-01"}
    given["enrolments"].append(enrolled | {"client_id": "syn:e1", "municipality": "1111"})
    assert [f.provider_id for f in find(given)] == [NEW]  # it ended here, whatever it does there
    there = {"org_id": NEW, "service": "omsorg", "valid_from": "2023-11-01"}
    given["enrolments"].append(there | {"client_id": "syn:e2", "municipality": "1111"})
    assert find(given) == []


def test_clients_who_died_or_moved_away_chose_nobody() -> None:
    clients = (0, 0, 0, 0, *(None,) * 12)
    given = rows_of(story(workers=(), clients=clients, signs=frozenset({"owner"})))
    assert find(given) == []  # 4 of 17 are less than three in ten
    for row in given["enrolments"]:
        if row["org_id"] == OLD and row["client_id"] in {f"syn:c{n}" for n in range(8, 16)}:
            row["end_reason"] = "deceased"
    assert [f.statistics["client_share"] for f in find(given)] == [pytest.approx(4 / 9)]


def test_evidence_is_the_smallest_set() -> None:
    """Without any one row of it the finding is gone, or counts less."""
    given = rows_of(story(signs=frozenset({"phone"})))
    (whole,) = find(given)
    for row in whole.evidence:
        rows = list(given[row.table])
        rows[row.row - 2] = (
            {**rows[row.row - 2], "phone": None} if row.table == "organisations" else {}
        )
        left = {**given, row.table: [r for r in rows if r]}
        assert [f for f in find(left) if f.events >= whole.events] == [], row


_moments = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["06", "12", "18"]))


@settings(max_examples=5, deadline=None)
@given(
    before=st.lists(_moments, max_size=6),
    after=st.lists(_moments, max_size=6),
    shuffled=st.randoms(use_true_random=False),
)
def test_last_visit_there_and_first_visit_here_are_shown(
    before: list[tuple[int, int, str]], after: list[tuple[int, int, str]], shuffled: Any
) -> None:
    """By the hour, then by the number of the visit; one of each for every worker carried."""
    told = story(workers=(), signs=frozenset({"owner"}))
    everyone = [(number, 1, "12") for number in range(3)]
    visits: list[dict[str, Any]] = []
    for org_id, first, made in ((OLD, END - timedelta(3), before), (NEW, told.start, after)):
        for number, day, hour in everyone + made:
            row = {"municipality": "0000", "org_id": org_id, "worker_id": f"syn:w{number}"}
            row |= {"client_id": f"syn:{org_id}", "service": "omsorg"}
            at = f"{first + timedelta(day)}T{hour}"
            visits.append(row | {"start": f"{at}:00", "end": f"{at}:30"})
    numbers = [f"v{n:02d}" for n in range(len(visits))]
    shuffled.shuffle(numbers)
    visits = [row | {"visit_id": name} for row, name in zip(visits, numbers, strict=True)]

    def shown(org_id: str, worker: str, take: Any) -> str:
        made = [v for v in visits if (v["org_id"], v["worker_id"]) == (org_id, worker)]
        return str(take((v["start"], v["visit_id"]) for v in made)[1])

    (found,) = find({**rows_of(told), "visits": visits})
    assert {row.key[0] for row in found.evidence if row.table == "visits"} == {
        shown(org_id, f"syn:w{number}", take)
        for number in range(3)
        for org_id, take in ((OLD, max), (NEW, min))
    }


def test_a_firm_struck_off_is_closed_though_no_status_says_so() -> None:
    given = rows_of(story(how="stopped", by_visits=True, signs=frozenset({"owner", "phone"})))
    (found,) = find(given)
    assert found.statistics["ended_by"] == "stopped"
    given["organisations"][0]["deregistered_on"] = END
    (found,) = find(given)
    assert found.statistics["ended_by"] == "closed"


def test_a_change_is_read_though_its_words_are_what_many_have() -> None:
    """A merger told in the name that four firms have as their e-mail domain is a merger still."""
    given = rows_of(story(signs=frozenset({"owner"})))
    given["organisations"][1]["name"] = "bolag.example"
    for org_id in OTHERS[:4]:
        given["organisations"].append(
            {"org_id": org_id, "name": "Syntetisk", "email": f"{org_id}@bolag.example"}
        )
    assert [f.provider_id for f in find(given)] == [NEW]
    change = {"change_id": "c1", "org_id": OLD, "changed_on": END, "what": "name"}
    given["organisation_changes"].append(change | {"after": "bolag.example"})
    assert find(given) == []
