"""Exports of a case: who asks, who approves, and when an approval holds for nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from graph_service.access.table import Caller, Role
from graph_service.casework.case_tables import LinkKind, Status
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database
from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.casework.export_file import Export, State
from graph_service.casework.exports import DAYS, Exports
from graph_service.casework.masks import DAYS as MASK_DAYS
from graph_service.casework.masks import Masks
from graph_service.casework.notes import Notes
from graph_service.casework.replies import Replies
from graph_service.errors import (
    Conflict,
    GraphServiceError,
    NotAllowed,
    NotThere,
    UsageError,
)
from tests.casework import (
    ANNA,
    BO,
    COORDINATOR,
    LAWYER,
    SECURITY,
    Clock,
    entity,
    finding,
    opened,
    somebody,
)

FIRM = "organisation-" + "a" * 26
PERSON = "person-" + "b" * 26
HIDDEN = "person-" + "c" * 26
RUN = "20260301T050000Z"
ABOUT = (entity(FIRM), finding("f1", PERSON, FIRM, run_id=RUN))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cases(database: Database, clock: Clock) -> Cases:
    return Cases(database, clock=clock)


@pytest.fixture
def exports(database: Database, clock: Clock) -> Exports:
    return Exports(database, clock=clock)


@pytest.fixture
def case_id(cases: Cases) -> str:
    return opened(cases, about=ABOUT).case_id


def ask(exports: Exports, case_id: str, caller: Caller = ANNA, **given: Any) -> Export:
    told = {"recipient": "police", "legal_ground": "OSL 10 kap. 24 §", "run_id": RUN}
    return exports.ask(case_id, caller, **told | given)


def approved(exports: Exports, case_id: str, **given: Any) -> str:
    return exports.approve(ask(exports, case_id, **given).export_id, LAWYER).export_id


def made(exports: Exports, export_id: str, caller: Caller = ANNA) -> int:
    package = exports.made(export_id, caller, sha256="0" * 64, size=1 << 40, findings=1, rows=6)
    return package.number


def test_nothing_is_made_before_another_one_approves(exports: Exports, case_id: str) -> None:
    words = {"authority_reference": " 5000-K1 ", "contact": "Anna\n", "damages": " 1 kr"}
    asked = ask(exports, case_id, **words)
    assert (asked.state, asked.approved_by, asked.packages) == (State.ASKED, None, 0)
    assert (asked.findings, asked.lifted, asked.units) == (1, (), None)
    for attempt in (
        lambda: exports.request(asked.export_id, ANNA),
        lambda: made(exports, asked.export_id),
    ):
        with pytest.raises(Conflict, match="another person"):
            attempt()
    with pytest.raises(NotAllowed, match="two people"):
        exports.approve(asked.export_id, ANNA)
    told = exports.approve(asked.export_id, LAWYER)
    assert (told.state, told.asked_by, told.approved_by) == (State.APPROVED, "anna", "lars")
    request = exports.request(asked.export_id, ANNA)
    assert (request.case_id, request.run_id, request.recipient) == (case_id, RUN, "police")
    assert (request.legal_ground, request.authority_reference) == ("OSL 10 kap. 24 §", "5000-K1")
    assert (told.contact, told.damages) == (request.contact, request.damages) == ("Anna", "1 kr")
    assert (request.asked_by, request.approved_by) == ("anna", "lars")
    assert (request.units, request.insiders, request.lifted) == (None, False, frozenset())
    assert [made(exports, asked.export_id), made(exports, asked.export_id)] == [1, 2]
    assert [each.number for each in exports.packages(asked.export_id, ANNA)] == [2, 1]
    assert exports.one(asked.export_id, ANNA).packages == 2


def test_an_export_is_no_change_of_its_case(exports: Exports, cases: Cases, case_id: str) -> None:
    before = cases.file(case_id, ANNA)
    made(exports, approved(exports, case_id))
    assert cases.file(case_id, ANNA) == before


def test_who_asked_never_approves_whatever_the_role(
    exports: Exports, cases: Cases, case_id: str
) -> None:
    every = somebody("anna", *Role)
    asked = ask(exports, case_id, every)
    with pytest.raises(NotAllowed):
        exports.approve(asked.export_id, every)
    with pytest.raises(NotAllowed):
        exports.refuse(asked.export_id, every, "nej")
    assert exports.waiting(every, limit=9) == []


@pytest.mark.parametrize(
    ("caller", "may"),
    [
        (LAWYER, True),
        (COORDINATOR, True),
        (SECURITY, True),
        (BO, False),
        (somebody("kim", Role.CONTROLLER), False),
        (somebody("adam", Role.ADMINISTRATOR), False),
    ],
)
def test_who_is_no_member_approves_by_role_alone(
    exports: Exports, case_id: str, caller: Caller, may: bool
) -> None:
    export_id = ask(exports, case_id).export_id
    assert [each.export_id for each in exports.waiting(caller, limit=9)] == [export_id] * may
    if may:
        assert exports.one(export_id, caller).state is State.ASKED
        assert exports.approve(export_id, caller).approved_by == caller.user_id
        assert exports.waiting(caller, limit=9) == []
    else:
        attempts: tuple[Callable[[str, Caller], object], ...] = (exports.one, exports.approve)
        for attempt in attempts:
            with pytest.raises(NotThere):
                attempt(export_id, caller)
        with pytest.raises(NotThere):
            exports.refuse(export_id, caller, "nej")
    # To approve is not to be given what was approved.
    attempts = (exports.request, exports.withdraw, exports.packages)
    for attempt in attempts:
        with pytest.raises(NotThere):
            attempt(export_id, caller)
    with pytest.raises(NotThere):
        made(exports, export_id, caller)
    with pytest.raises(NotThere):
        exports.of_case(case_id, caller, limit=9)


def test_a_colleague_on_the_case_is_a_second_pair_of_eyes(exports: Exports, cases: Cases) -> None:
    case_id = opened(cases, about=ABOUT).case_id
    cases.add_member(case_id, ANNA, BO.user_id)
    export_id = ask(exports, case_id).export_id
    assert [each.export_id for each in exports.waiting(BO, limit=9)] == [export_id]
    assert exports.approve(export_id, BO).state is State.APPROVED
    assert exports.request(export_id, BO).approved_by == "bo"


def test_a_restricted_case_is_for_security_on_both_sides(exports: Exports, cases: Cases) -> None:
    other = somebody("stina", Role.SECURITY)
    about = [finding("f1", "person-o", run_id=RUN)]
    case_id = opened(cases, SECURITY, about=about, restricted=True).case_id
    cases.add_member(case_id, SECURITY, COORDINATOR.user_id)
    export_id = ask(exports, case_id, SECURITY).export_id
    for who in (ANNA, LAWYER, COORDINATOR):
        assert exports.waiting(who, limit=9) == []
        with pytest.raises(NotThere):
            exports.approve(export_id, who)
        with pytest.raises(NotThere):
            exports.one(export_id, who)
    exports.approve(export_id, other)
    assert exports.request(export_id, SECURITY).insiders


def test_insiders_go_along_in_a_restricted_case_only(exports: Exports, cases: Cases) -> None:
    case_id = opened(cases, SECURITY, about=ABOUT).case_id
    export_id = exports.approve(ask(exports, case_id, SECURITY).export_id, LAWYER).export_id
    assert not exports.request(export_id, SECURITY).insiders


@pytest.mark.parametrize(
    ("asked", "made_by", "may"),
    [
        (None, None, True),
        (None, ("Norr",), False),
        (("Norr",), None, True),
        (("Norr",), ("Norr", "Söder"), True),
        (("Norr",), ("Söder",), False),
        ((), ("Norr",), True),
    ],
)
def test_a_package_is_made_by_one_who_sees_as_much_as_who_asked(
    exports: Exports,
    cases: Cases,
    asked: tuple[str, ...] | None,
    made_by: tuple[str, ...] | None,
    may: bool,
) -> None:
    anna, bo = somebody("anna", units=asked), somebody("bo", units=made_by)
    case_id = opened(cases, anna, about=ABOUT).case_id
    cases.add_member(case_id, anna, "bo")
    export_id = exports.approve(ask(exports, case_id, anna).export_id, LAWYER).export_id
    assert exports.request(export_id, anna).units == (None if asked is None else set(asked))
    if may:
        assert exports.request(export_id, bo).export_id == export_id
        return
    for attempt in (exports.request, exports.packages):
        with pytest.raises(NotAllowed, match="more than you may see"):
            attempt(export_id, bo)


# -- when an approval holds for nothing -----------------------------------------------------------

Change = Callable[[Database, Clock, str], object]


def _judged(database: Database, clock: Clock, finding_id: str = "f1") -> None:
    judged = Judged(finding_id, "overlapping_visits", FIRM)
    Dispositions(database, clock=clock).judge(ANNA, judged, Verdict.DISMISSED, "Fanns på papper")


def _replied(database: Database, clock: Clock, provider: str = FIRM) -> None:
    day = date(2026, 3, 1)
    Replies(database, clock=clock).record(ANNA, provider, received_on=day, text="x", findings=[])


CHANGES: dict[str, Change] = {
    "a note": lambda db, clock, case: Notes(db, clock=clock).write(case, ANNA, "Vänta"),
    "a link": lambda db, clock, case: Cases(db, clock=clock).link(case, ANNA, entity("login-x")),
    "a link less": lambda db, clock, case: Cases(db, clock=clock).unlink(
        case, ANNA, LinkKind.FINDING, "f1"
    ),
    "a title": lambda db, clock, case: Cases(db, clock=clock).edit(
        case, ANNA, expected=None, title="Annat"
    ),
    "closed": lambda db, clock, case: Cases(db, clock=clock).move(
        case, ANNA, Status.CLOSED, "x", expected=None
    ),
    "a judgement": lambda db, clock, _: _judged(db, clock),
    "a reply": lambda db, clock, _: _replied(db, clock),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_what_was_approved_is_not_made_of_another_case(
    exports: Exports, database: Database, clock: Clock, case_id: str, what: str
) -> None:
    waits, stands = ask(exports, case_id).export_id, approved(exports, case_id)
    made(exports, stands)
    CHANGES[what](database, clock, case_id)
    with pytest.raises(Conflict, match="anew"):
        exports.approve(waits, LAWYER)
    for attempt in (lambda: exports.request(stands, ANNA), lambda: made(exports, stands)):
        with pytest.raises(Conflict, match="anew"):
            attempt()
    assert exports.one(waits, ANNA).state is State.OUTDATED
    assert exports.one(stands, ANNA).state is State.OUTDATED
    assert exports.standing() == frozenset()
    assert exports.packages(stands, ANNA)[0].number == 1


def test_what_is_told_of_other_cases_changes_nothing(
    exports: Exports, cases: Cases, database: Database, clock: Clock, case_id: str
) -> None:
    export_id = approved(exports, case_id)
    _judged(database, clock, "f2")
    _replied(database, clock, "organisation-" + "z" * 26)
    opened(cases, about=ABOUT)
    assert exports.request(export_id, ANNA).export_id == export_id
    assert exports.standing() == {export_id}


def test_a_judgement_taken_back_is_the_case_as_it_was(
    exports: Exports, database: Database, clock: Clock, case_id: str
) -> None:
    export_id = approved(exports, case_id)
    _judged(database, clock)
    Dispositions(database, clock=clock).undo("f1", ANNA)
    assert exports.one(export_id, ANNA).state is State.APPROVED


def test_an_approval_lasts_a_week(exports: Exports, clock: Clock, case_id: str) -> None:
    export_id = approved(exports, case_id)
    clock.pass_by(days=DAYS, minutes=-1)
    assert exports.request(export_id, ANNA)
    assert exports.standing() == {export_id}
    clock.pass_by(minutes=1)
    with pytest.raises(Conflict, match="expired"):
        exports.request(export_id, ANNA)
    with pytest.raises(Conflict, match="expired"):
        exports.approve(export_id, LAWYER)
    assert exports.one(export_id, LAWYER).state is State.EXPIRED
    assert exports.standing() == frozenset()


def test_an_export_is_approved_once_and_ended_once(exports: Exports, case_id: str) -> None:
    first = approved(exports, case_id)
    with pytest.raises(Conflict, match="approved"):
        exports.approve(first, COORDINATOR)
    with pytest.raises(UsageError):
        exports.refuse(first, LAWYER, "  ")
    told = exports.refuse(first, LAWYER, "Fel mottagare")
    assert (told.state, told.ended_by, told.end_reason) == (
        State.REFUSED,
        "lars",
        "Fel mottagare",
    )
    second = ask(exports, case_id).export_id
    assert exports.withdraw(second, ANNA).state is State.WITHDRAWN
    for ended in (first, second):
        for attempt in (
            lambda each=ended: exports.approve(each, LAWYER),
            lambda each=ended: exports.refuse(each, LAWYER, "igen"),
            lambda each=ended: exports.withdraw(each, ANNA),
            lambda each=ended: exports.request(each, ANNA),
            lambda each=ended: made(exports, each),
        ):
            with pytest.raises(Conflict):
                attempt()
    assert exports.waiting(LAWYER, limit=9) == []


def test_two_who_approve_at_once_are_one_approval(exports: Exports, case_id: str) -> None:
    export_id = ask(exports, case_id).export_id
    people = [somebody(f"lawyer{n}", Role.LAWYER) for n in range(4)]
    together = threading.Barrier(len(people))

    def work(who: Caller) -> str | None:
        together.wait()
        try:
            return exports.approve(export_id, who).approved_by
        except Conflict:
            return None

    with ThreadPoolExecutor(len(people)) as pool:
        won = [who for who in pool.map(work, people) if who is not None]
    assert len(won) == 1
    assert exports.one(export_id, ANNA).approved_by == won[0]


def test_makings_at_once_are_each_noted(exports: Exports, case_id: str) -> None:
    export_id = approved(exports, case_id)
    together = threading.Barrier(4)

    def work(_: int) -> int:
        together.wait()
        return made(exports, export_id)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [1, 2, 3, 4]


def test_a_change_and_an_approval_at_once_end_as_one_after_the_other(
    exports: Exports, cases: Cases, database: Database, clock: Clock
) -> None:
    for _ in range(5):
        case_id = opened(cases, about=ABOUT).case_id
        export_id = ask(exports, case_id).export_id
        together = threading.Barrier(2)

        def edit(case: str = case_id, start: threading.Barrier = together) -> None:
            start.wait()
            cases.edit(case, ANNA, expected=None, title="Annat")

        def approve(export: str = export_id, start: threading.Barrier = together) -> None:
            start.wait()
            try:
                exports.approve(export, LAWYER)
            except Conflict:
                return

        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(edit), pool.submit(approve)]:
                work.result()
        assert exports.one(export_id, ANNA).state is State.OUTDATED
        with pytest.raises(Conflict):
            exports.request(export_id, ANNA)


# -- masks ----------------------------------------------------------------------------------------


def test_a_protected_person_is_told_only_where_two_have_lifted_the_mask(
    exports: Exports, cases: Cases, database: Database, clock: Clock, case_id: str
) -> None:
    masks = Masks(database, clock=clock)
    (mask,) = masks.ask(case_id, ANNA, [HIDDEN], "Anmälan ska göras")
    with pytest.raises(Conflict, match="mask"):
        ask(exports, case_id, lifted=[HIDDEN])
    masks.approve(mask.mask_id, LAWYER)
    asked = ask(exports, case_id, lifted=[HIDDEN, HIDDEN])
    assert asked.lifted == (HIDDEN,)
    exports.approve(asked.export_id, LAWYER)
    assert exports.request(asked.export_id, ANNA).lifted == {HIDDEN}
    # Nothing that was not asked to be told is told, lifted or not.
    unlifted = approved(exports, case_id)
    assert exports.request(unlifted, ANNA).lifted == frozenset()
    masks.revoke(case_id, mask.mask_id, ANNA)
    with pytest.raises(Conflict):
        exports.request(asked.export_id, ANNA)


def test_a_mask_that_ends_by_itself_ends_what_tells_it(
    exports: Exports, database: Database, clock: Clock, case_id: str
) -> None:
    masks = Masks(database, clock=clock)
    masks.approve(masks.ask(case_id, ANNA, [HIDDEN], "x")[0].mask_id, LAWYER)
    clock.pass_by(days=MASK_DAYS - 1)
    with_mask = approved(exports, case_id, lifted=[HIDDEN])
    without = approved(exports, case_id)
    clock.pass_by(days=1)
    assert exports.one(with_mask, ANNA).state is State.OUTDATED
    with pytest.raises(Conflict):
        exports.request(with_mask, ANNA)
    assert exports.request(without, ANNA)


# -- what must be said, and what is listed --------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"legal_ground": " \n"}, "legal ground"),
        ({"legal_ground": "a\x00"}, "legal ground"),
        ({"authority_reference": ""}, "reference"),
        ({"contact": " "}, "contact"),
        ({"damages": "\x00"}, "damages"),
        ({"recipient": "press"}, "recipient"),
    ],
)
def test_no_export_without_recipient_and_legal_ground(
    exports: Exports, case_id: str, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        ask(exports, case_id, **given)
    assert exports.of_case(case_id, ANNA, limit=9) == []


def test_only_an_open_case_of_ones_own_with_a_finding_is_exported(
    exports: Exports, cases: Cases, case_id: str
) -> None:
    with pytest.raises(NotThere):
        ask(exports, case_id, BO)
    with pytest.raises(NotThere):
        ask(exports, "case-0000000000000000")
    with pytest.raises(UsageError, match="finding"):
        ask(exports, opened(cases, about=[entity(FIRM)]).case_id)
    cases.move(case_id, ANNA, Status.UNDER_REVIEW, "x", expected=None)
    cases.move(case_id, ANNA, Status.DISMISSED, "x", expected=None)
    with pytest.raises(Conflict, match="Reopen"):
        ask(exports, case_id)


def test_what_there_is_not_is_answered_as_what_is_not_for_one(
    exports: Exports, case_id: str
) -> None:
    export_id = ask(exports, case_id).export_id
    refusals = set()
    for each in (export_id, "export-0000000000000000", "", "a\x00"[:1]):
        for attempt in (exports.one, exports.approve, exports.request, exports.withdraw):
            with pytest.raises(GraphServiceError) as refused:
                attempt(each, BO)
            refusals.add((type(refused.value), str(refused.value)))
    assert len(refusals) == 1


def test_lists_are_paged_without_an_export_twice_or_left_out(
    exports: Exports, clock: Clock, case_id: str
) -> None:
    whole = []
    for number in range(7):
        if number % 3 == 0:
            clock.pass_by(seconds=-1)  # some are asked in the same moment
        whole.append(ask(exports, case_id, recipient="fk").export_id)
    listings: tuple[Callable[..., list[Export]], ...] = (
        lambda **page: exports.of_case(case_id, ANNA, **page),
        lambda **page: exports.waiting(LAWYER, **page),
    )
    for listing in listings:
        seen: list[Export] = []
        while page := listing(
            after=(seen[-1].asked_at, seen[-1].export_id) if seen else None, limit=2
        ):
            seen += page
        assert sorted(each.export_id for each in seen) == sorted(whole)
        assert [each.asked_at for each in seen] == sorted(each.asked_at for each in seen)
