"""Cases: who meets them, how they move, and that two who write at once lose nothing.

Every test here is put to SQLite and to PostgreSQL.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from graph_service.access.table import Caller
from graph_service.casework import contents
from graph_service.casework.case_access import Stale
from graph_service.casework.case_file import Happened, Outline
from graph_service.casework.case_tables import Event, LinkKind, Status
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database
from graph_service.casework.notes import Note, Notes
from graph_service.errors import Conflict, NotAllowed, NotThere, UsageError
from tests.casework import ANNA, BO, COORDINATOR, LAWYER, SECURITY, Clock, entity, finding, opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cases(database: Database, clock: Clock) -> Cases:
    return Cases(database, clock=clock)


@pytest.fixture
def notes(database: Database, clock: Clock) -> Notes:
    return Notes(database, clock=clock)


def history(cases: Cases, case_id: str, caller: Caller = ANNA) -> list[Happened]:
    return cases.history(case_id, caller, limit=1000)


# -- who meets a case -----------------------------------------------------------------------------


def test_inside_an_open_case_its_subjects_are_clear_to_its_members_alone(cases: Cases) -> None:
    case = opened(cases, about=[entity("organisation-a")])
    cases.link(case.case_id, ANNA, finding("f1", "person-x", "person-y", run_id="run-1"))
    inside = cases.inside(case.case_id, ANNA)
    assert inside.clear == {"organisation-a", "person-x", "person-y"}
    assert inside.lifted == frozenset()
    for other in (BO, COORDINATOR, LAWYER, SECURITY):
        with pytest.raises(NotThere) as refused:
            cases.inside(case.case_id, other)
        with pytest.raises(NotThere) as unknown:
            cases.inside("case-0000000000000000", other)
        assert str(refused.value) == str(unknown.value)
    cases.add_member(case.case_id, ANNA, "bo")
    assert cases.inside(case.case_id, BO) == inside
    cases.unlink(case.case_id, BO, LinkKind.FINDING, "f1")
    assert cases.inside(case.case_id, ANNA).clear == {"organisation-a"}
    cases.remove_member(case.case_id, ANNA, "bo")
    with pytest.raises(NotThere):
        cases.inside(case.case_id, BO)


def test_whom_a_finding_is_about_is_renewed_when_it_is_linked_again(cases: Cases) -> None:
    case = opened(cases, about=[finding("f1", "person-x", run_id="run-1")])
    cases.link(case.case_id, ANNA, finding("f1", "person-y", run_id="run-2"))
    assert cases.inside(case.case_id, ANNA).clear == {"person-y"}
    told = cases.links(case.case_id, ANNA, limit=9)
    assert [(link.reference, link.run_id, link.subjects) for link in told] == [("f1", "run-2", 1)]


def test_nobody_but_a_member_reads_or_changes_a_case(cases: Cases, notes: Notes) -> None:
    case_id = opened(cases, about=[entity("organisation-a")]).case_id
    note = notes.write(case_id, ANNA, "Hemligt")
    tries: list[Callable[[Caller], object]] = [
        lambda who: cases.file(case_id, who),
        lambda who: cases.links(case_id, who, limit=9),
        lambda who: cases.history(case_id, who, limit=9),
        lambda who: cases.edit(case_id, who, expected=None, title="X"),
        lambda who: cases.move(case_id, who, Status.CLOSED, "x", expected=None),
        lambda who: cases.add_member(case_id, who, who.user_id),
        lambda who: cases.remove_member(case_id, who, "anna"),
        lambda who: cases.link(case_id, who, entity("person-x")),
        lambda who: cases.unlink(case_id, who, LinkKind.ENTITY, "organisation-a"),
        lambda who: notes.write(case_id, who, "X"),
        lambda who: notes.rewrite(case_id, note.note_id, who, "X"),
        lambda who: notes.page(case_id, who, limit=9),
    ]
    before = cases.file(case_id, ANNA)
    for attempt, who in itertools.product(tries, (BO, COORDINATOR, LAWYER, SECURITY)):
        with pytest.raises(NotThere):
            attempt(who)
    assert cases.file(case_id, ANNA) == before


def test_a_coordinator_learns_that_a_case_exists_and_no_more(cases: Cases) -> None:
    case = opened(cases)
    told = cases.read(case.case_id, COORDINATOR)
    assert type(told) is Outline
    assert (told.case_id, told.title, told.members) == (case.case_id, "Uppslag", ("anna",))
    assert cases.page(COORDINATOR, limit=9) == [told]
    assert cases.page(BO, limit=9) == []
    with pytest.raises(NotThere):
        cases.read(case.case_id, BO)
    cases.add_member(case.case_id, ANNA, COORDINATOR.user_id)
    assert cases.read(case.case_id, COORDINATOR) == cases.file(case.case_id, ANNA)


def test_a_restricted_case_is_met_with_the_role_security_only(cases: Cases) -> None:
    for who in (ANNA, COORDINATOR, LAWYER):
        with pytest.raises(NotAllowed):
            opened(cases, who, restricted=True)
    case_id = opened(
        cases, SECURITY, about=[entity("person-o", insider=True)], restricted=True
    ).case_id
    for who in (ANNA, COORDINATOR):
        cases.add_member(case_id, SECURITY, who.user_id)
        with pytest.raises(NotThere):
            cases.inside(case_id, who)
        with pytest.raises(NotThere):
            cases.read(case_id, who)
        assert cases.page(who, limit=9) == []
    assert cases.inside(case_id, SECURITY).clear == {"person-o"}


def test_insiders_are_linked_to_restricted_cases_only(cases: Cases) -> None:
    case_id = opened(cases, SECURITY).case_id
    with pytest.raises(Conflict, match="restricted"):
        cases.link(case_id, SECURITY, entity("person-o", insider=True))
    assert cases.inside(case_id, SECURITY).clear == frozenset()


def test_a_list_of_cases_is_paged_without_a_case_twice_or_left_out(
    cases: Cases, clock: Clock
) -> None:
    whole = []
    for number in range(7):
        if number % 3 == 0:
            clock.pass_by(seconds=-1)  # some are opened in the same moment
        whole.append(opened(cases, title=f"Ärende {number}").case_id)
    seen: list[Outline] = []
    while page := cases.page(
        ANNA, after=(seen[-1].opened_at, seen[-1].case_id) if seen else None, limit=2
    ):
        seen += page
    assert sorted(case.case_id for case in seen) == sorted(whole)
    assert [case.opened_at for case in seen] == sorted(
        (case.opened_at for case in seen), reverse=True
    )
    cases.move(whole[0], ANNA, Status.UNDER_REVIEW, "x", expected=None)
    under_review = cases.page(ANNA, limit=9, status=Status.UNDER_REVIEW)
    assert [case.case_id for case in under_review] == [whole[0]]


# -- what must be said ----------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["title", "purpose", "legal_ground"])
@pytest.mark.parametrize("given", ["", " \t\n", "a\x00b", "a\udcffb"])
def test_a_case_is_not_opened_without_title_purpose_and_legal_ground(
    cases: Cases, missing: str, given: str
) -> None:
    told = {"title": "T", "purpose": "P", "legal_ground": "L", missing: given}
    with pytest.raises(UsageError, match=missing.replace("_", " ")):
        cases.open(
            ANNA,
            title=told["title"],
            purpose=told["purpose"],
            legal_ground=told["legal_ground"],
        )
    assert cases.page(ANNA, limit=9) == []


def test_a_case_keeps_a_member_and_has_no_more_than_it_can_show(
    cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MEMBERS", 2)
    monkeypatch.setattr(contents, "LINKS", 1)
    case_id = opened(cases, about=[entity("organisation-a")]).case_id
    cases.add_member(case_id, ANNA, "bo")
    cases.add_member(case_id, ANNA, "bo")
    with pytest.raises(Conflict):
        cases.add_member(case_id, ANNA, "cia")
    with pytest.raises(Conflict):
        cases.link(case_id, ANNA, entity("organisation-b"))
    cases.link(case_id, ANNA, entity("organisation-a"))
    cases.remove_member(case_id, ANNA, "bo")
    with pytest.raises(NotThere):
        cases.remove_member(case_id, ANNA, "bo")
    with pytest.raises(Conflict):
        cases.remove_member(case_id, ANNA, "anna")
    assert cases.file(case_id, ANNA).members == ("anna",)


# -- where a case goes ----------------------------------------------------------------------------

#: Told by hand from the law's own order: review, then a decision, then what is done about it.
ALLOWED = {
    ("new", "under_review"),
    ("new", "closed"),
    ("under_review", "dismissed"),
    ("under_review", "confirmed"),
    ("under_review", "closed"),
    ("confirmed", "action"),
    ("confirmed", "under_review"),
    ("confirmed", "closed"),
    ("action", "under_review"),
    ("action", "closed"),
    ("dismissed", "under_review"),
    ("dismissed", "closed"),
    ("closed", "under_review"),
}
WAYS: dict[str, list[str]] = {
    "new": [],
    "under_review": ["under_review"],
    "dismissed": ["under_review", "dismissed"],
    "confirmed": ["under_review", "confirmed"],
    "action": ["under_review", "confirmed", "action"],
    "closed": ["closed"],
}


@pytest.mark.parametrize("stands", list(WAYS))
def test_a_case_goes_where_people_may_take_it_and_says_who_and_why(
    cases: Cases, stands: str
) -> None:
    for to in Status:
        case_id = opened(cases).case_id
        for step in WAYS[stands]:
            cases.move(case_id, ANNA, Status(step), "på väg", expected=None)
        if (stands, to) in ALLOWED:
            with pytest.raises(UsageError):
                cases.move(case_id, ANNA, to, "  ", expected=None)
            told = cases.move(case_id, ANNA, to, f"till {to}", expected=None)
            last = history(cases, case_id)[-1]
            assert (told.status, last.before, last.after) == (to, stands, to)
            assert (last.event, last.by, last.reason) == (Event.STATUS, "anna", f"till {to}")
            assert (told.closed_at is not None) is (to is Status.CLOSED)
        else:
            before = cases.file(case_id, ANNA)
            with pytest.raises(Conflict):
                cases.move(case_id, ANNA, to, "ändå", expected=None)
            assert cases.file(case_id, ANNA) == before


def test_only_an_open_case_shows_anybody_in_clear(cases: Cases, notes: Notes) -> None:
    case_id = opened(cases, about=[entity("person-x")]).case_id
    for step, is_open in (
        ("under_review", True),
        ("dismissed", False),
        ("under_review", True),
        ("confirmed", True),
        ("action", True),
        ("closed", False),
    ):
        cases.move(case_id, ANNA, Status(step), "x", expected=None)
        if is_open:
            assert cases.inside(case_id, ANNA).clear == {"person-x"}
        else:
            with pytest.raises(NotAllowed):
                cases.inside(case_id, ANNA)
    for attempt in (
        lambda: notes.write(case_id, ANNA, "efteråt"),
        lambda: cases.link(case_id, ANNA, entity("person-y")),
        lambda: cases.edit(case_id, ANNA, expected=None, title="efteråt"),
    ):
        with pytest.raises(Conflict, match="closed"):
            attempt()


# -- two people at once ---------------------------------------------------------------------------


def test_who_read_an_older_version_is_told_and_changes_nothing(cases: Cases) -> None:
    case = opened(cases)
    cases.add_member(case.case_id, ANNA, "bo")
    read = cases.file(case.case_id, BO).version
    cases.edit(case.case_id, ANNA, expected=read, title="Annas ord")
    with pytest.raises(Stale):
        cases.edit(case.case_id, BO, expected=read, title="Bos ord")
    with pytest.raises(Stale):
        cases.move(case.case_id, BO, Status.UNDER_REVIEW, "x", expected=read)
    now = cases.file(case.case_id, BO)
    assert (now.title, now.status, now.version) == ("Annas ord", Status.NEW, read + 1)
    cases.edit(case.case_id, BO, expected=now.version, title="Bos ord")
    edits = [event for event in history(cases, case.case_id) if event.event is Event.EDITED]
    assert [(event.by, event.before, event.after) for event in edits] == [
        ("anna", '{"title": "Uppslag"}', '{"title": "Annas ord"}'),
        ("bo", '{"title": "Annas ord"}', '{"title": "Bos ord"}'),
    ]


def test_a_decision_is_refused_where_a_note_came_in_between(cases: Cases, notes: Notes) -> None:
    case = opened(cases)
    notes.write(case.case_id, ANNA, "Vänta, det finns ett intyg")
    with pytest.raises(Stale):
        cases.move(case.case_id, ANNA, Status.CLOSED, "inget mer", expected=case.version)


def test_writers_at_once_lose_nothing(cases: Cases, notes: Notes) -> None:
    case_id = opened(cases).case_id
    people = [Caller(f"u{n}", f"U{n}", ANNA.roles) for n in range(4)]
    for who in people:
        cases.add_member(case_id, ANNA, who.user_id)
    together = threading.Barrier(len(people))
    refused = itertools.count()

    def work(who: Caller) -> list[str]:
        together.wait()
        for n in range(5):
            notes.write(case_id, who, f"{who.user_id} skriver {n}")
            cases.link(case_id, who, entity(f"person-{who.user_id}-{n}"))
            while True:
                version = cases.file(case_id, who).version
                try:
                    cases.edit(case_id, who, expected=version, title=f"{who.user_id}-{n}")
                    break
                except Stale:
                    next(refused)
        return [f"{who.user_id}-{n}" for n in range(5)]

    with ThreadPoolExecutor(len(people)) as pool:
        titles = [title for each in pool.map(work, people) for title in each]
    texts = [note.text for note in notes.page(case_id, ANNA, limit=100)]
    assert sorted(texts) == sorted(f"{w.user_id} skriver {n}" for w in people for n in range(5))
    assert len(cases.links(case_id, ANNA, limit=100)) == 20
    told = history(cases, case_id)
    assert [event.version for event in told] == list(range(1, len(told) + 1))
    edits = [event for event in told if event.event is Event.EDITED]
    assert sorted(f'{{"title": "{title}"}}' for title in titles) == sorted(
        event.after or "" for event in edits
    )
    # Each was written over the one that its writer had read, and over no other.
    assert [event.before for event in edits[1:]] == [event.after for event in edits[:-1]]
    assert cases.file(case_id, ANNA).version == len(told) == 1 + 4 + 3 * 20


def test_a_note_is_written_anew_by_its_author_and_keeps_what_it_said(
    cases: Cases, notes: Notes
) -> None:
    case_id = opened(cases).case_id
    cases.add_member(case_id, ANNA, "bo")
    first = notes.write(case_id, ANNA, "Ett")
    second = notes.write(case_id, BO, "Två")
    notes.rewrite(case_id, first.note_id, ANNA, "Ett, rättat")
    with pytest.raises(NotAllowed):
        notes.rewrite(case_id, first.note_id, BO, "Bos")
    with pytest.raises(NotThere):
        notes.rewrite(case_id, "note-0000000000000000", ANNA, "Nej")
    with pytest.raises(UsageError):
        notes.write(case_id, ANNA, "\n")
    assert [(n.note_id, n.version, n.text) for n in notes.page(case_id, ANNA, limit=9)] == [
        (second.note_id, 1, "Två"),
        (first.note_id, 2, "Ett, rättat"),
    ]
    every = notes.page(case_id, ANNA, every_version=True, limit=9)
    assert [(n.text, n.newest) for n in every] == [
        ("Ett", False),
        ("Två", True),
        ("Ett, rättat", True),
    ]
    paged: list[Note] = []
    while page := notes.page(
        case_id,
        ANNA,
        every_version=True,
        after=(paged[-1].written_at, paged[-1].note_id, paged[-1].version) if paged else None,
        limit=1,
    ):
        paged += page
    assert paged == every


# -- any order of acts, beside a model that can be read -------------------------------------------


@dataclass
class Model:
    """A case as one would keep it on paper."""

    title: str = "Uppslag"
    status: str = "new"
    members: set[str] = field(default_factory=lambda: {"anna"})
    links: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    acts: int = 1


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_acts_ends_as_on_paper(cases: Cases, notes: Notes, seed: int) -> None:
    drawn = random.Random(seed)
    people = {who.user_id: who for who in (ANNA, BO, LAWYER)}
    case_id, paper = opened(cases).case_id, Model()
    for turn in range(60):
        who = people[drawn.choice(sorted(people))]
        act = drawn.choice(["title", "status", "in", "out", "link", "unlink", "note"])
        other = drawn.choice(sorted(people))
        subject = f"person-{drawn.randrange(4)}"
        to = drawn.choice(list(Status))
        expected = cases.file(case_id, ANNA).version if "anna" in paper.members else None
        met = who.user_id in paper.members
        closed = paper.status == "closed"
        try:
            match act:
                case "title":
                    cases.edit(case_id, who, expected=expected, title=f"T{turn}")
                case "status":
                    cases.move(case_id, who, to, "x", expected=expected)
                case "in":
                    cases.add_member(case_id, who, other)
                case "out":
                    cases.remove_member(case_id, who, other)
                case "link":
                    cases.link(case_id, who, entity(subject))
                case "unlink":
                    cases.unlink(case_id, who, LinkKind.ENTITY, subject)
                case "note":
                    notes.write(case_id, who, f"N{turn}")
        except NotThere:
            lacks = (act == "out" and other not in paper.members) or (
                act == "unlink" and subject not in paper.links
            )
            assert not met or (lacks and not closed)
            continue
        except Conflict:
            last = act == "out" and paper.members == {other}
            step = act == "status" and (paper.status, to) not in ALLOWED
            assert met
            assert step or last or (closed and act != "status")
            continue
        assert met
        assert act == "status" or not closed
        match act:
            case "title":
                paper.title = f"T{turn}"
            case "status":
                assert (paper.status, to) in ALLOWED
                paper.status = to
            case "in":
                paper.acts -= other in paper.members
                paper.members.add(other)
            case "out":
                paper.members.remove(other)
            case "link":
                paper.links.add(subject)
            case "unlink":
                paper.links.remove(subject)
            case "note":
                paper.notes.append(f"N{turn}")
        paper.acts += 1
    member = people[min(paper.members)]
    told = cases.file(case_id, member)
    assert (told.title, told.status, set(told.members)) == (
        paper.title,
        paper.status,
        paper.members,
    )
    assert {link.reference for link in cases.links(case_id, member, limit=99)} == paper.links
    assert [note.text for note in notes.page(case_id, member, limit=99)] == paper.notes
    assert told.version == len(history(cases, case_id, member)) == paper.acts


def test_the_page_tells_the_steps_that_there_are() -> None:
    page = Path(__file__).parents[1] / "docs" / "casework.md"
    told = re.findall(r"^\| (\w+) \| ([a-z_, ]+) \|$", page.read_text("utf-8"), re.MULTILINE)
    steps = {(stands, to) for stands, ways in told if stands in WAYS for to in ways.split(", ")}
    assert steps == ALLOWED
