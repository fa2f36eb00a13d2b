"""Judgements, snoozes, replies, tips and masks: on record, with an end, by the right people.

Every test here is put to SQLite and to PostgreSQL.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from graph_service.access.table import Caller
from graph_service.casework.case_tables import Event, Status
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database
from graph_service.casework.days import day_of, end_of, months_after
from graph_service.casework.dispositions import Dispositions, Judged, Precision, Verdict
from graph_service.casework.masks import DAYS, Mask, Masks
from graph_service.casework.replies import Replies
from graph_service.casework.snoozes import Asleep, Snoozed, Snoozes
from graph_service.casework.tips import Channel, Tip, Tips
from graph_service.errors import CaseworkError, Conflict, NotAllowed, NotThere, UsageError
from tests.casework import ANNA, BO, LAWYER, SECURITY, Clock, opened, somebody

TODAY = date(2026, 3, 2)
KEY = b"k" * 32
FIRM = "organisation-a"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dispositions(database: Database, clock: Clock) -> Dispositions:
    return Dispositions(database, clock=clock)


@pytest.fixture
def cases(database: Database, clock: Clock) -> Cases:
    return Cases(database, clock=clock)


@pytest.fixture
def masks(database: Database, clock: Clock) -> Masks:
    return Masks(database, clock=clock)


@pytest.fixture
def tips(database: Database, clock: Clock) -> Tips:
    return Tips(database, clock=clock, key=KEY)


def about(
    finding_id: str, detector: str = "overlapping_visits", *, insider: bool = False
) -> Judged:
    return Judged(finding_id, detector, FIRM, insider)


# -- days -----------------------------------------------------------------------------------------


def test_a_day_is_over_at_midnight_in_stockholm_whatever_the_season() -> None:
    assert end_of(date(2026, 3, 28)) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 29)) == datetime(2026, 3, 29, 22, tzinfo=UTC)  # spring forward
    for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 31)):
        last = end_of(day) - timedelta(microseconds=1)
        assert (day_of(last), day_of(end_of(day))) == (day, day + timedelta(days=1))


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 3, 2), 6, date(2026, 9, 2)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 11, 30), 24, date(2028, 11, 30)),
    ],
)
def test_months_after_a_day_end_in_that_month(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then


# -- dispositions ---------------------------------------------------------------------------------


def test_what_was_dismissed_is_set_aside_until_it_expires(
    dispositions: Dispositions, clock: Clock
) -> None:
    told = dispositions.judge(ANNA, about("f1"), Verdict.DISMISSED, "Intyg", story="other_words")
    dispositions.judge(ANNA, about("f2"), Verdict.CONFIRMED, "Utföraren medger")
    assert (told.expires_on, told.story) == (date(2026, 9, 2), "other_words")
    for day, aside in (
        (TODAY - timedelta(days=1), set()),
        (TODAY, {"f1"}),
        (date(2026, 9, 1), {"f1"}),
        (date(2026, 9, 2), set()),
    ):
        assert dispositions.set_aside(day) == aside
    clock.pass_by(days=365)
    expired = dispositions.of("f1")
    assert expired is not None
    assert expired.verdict is Verdict.DISMISSED


def test_a_judgement_that_is_undone_or_replaced_stays_on_record(
    dispositions: Dispositions, clock: Clock
) -> None:
    dispositions.judge(ANNA, about("f1"), Verdict.DISMISSED, "Intyg")
    clock.pass_by(days=3)
    dispositions.judge(BO, about("f1"), Verdict.CONFIRMED, "Intyget var ogiltigt")
    clock.pass_by(days=3)
    dispositions.undo("f1", ANNA)
    assert dispositions.of("f1") is None
    with pytest.raises(NotThere):
        dispositions.undo("f1", ANNA)
    newest, oldest = dispositions.history("f1", limit=9)
    assert (oldest.decided_by, oldest.reason, oldest.ended_by) == ("anna", "Intyg", "bo")
    assert (newest.decided_by, newest.reason, newest.ended_by) == (
        "bo",
        "Intyget var ogiltigt",
        "anna",
    )
    assert dispositions.history(
        "f1", after=(newest.decided_at, newest.disposition_id), limit=9
    ) == [oldest]
    # A run as it was known on a day counts what had been judged by its end.
    assert [bool(dispositions.set_aside(TODAY + timedelta(days=n))) for n in range(-1, 5)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("expires_on", [TODAY, date(2028, 3, 3), date(2025, 1, 1)])
def test_a_dismissal_neither_expires_at_once_nor_lasts_for_ever(
    dispositions: Dispositions, expires_on: date
) -> None:
    with pytest.raises(UsageError):
        dispositions.judge(ANNA, about("f1"), Verdict.DISMISSED, "x", expires_on=expires_on)
    assert dispositions.of("f1") is None


def test_a_confirmation_has_no_story_and_no_end_and_every_judgement_a_reason(
    dispositions: Dispositions,
) -> None:
    refused: list[Callable[[], object]] = [
        lambda: dispositions.judge(ANNA, about("f1"), Verdict.CONFIRMED, "x", story="s"),
        lambda: dispositions.judge(
            ANNA, about("f1"), Verdict.CONFIRMED, "x", expires_on=date(2026, 5, 1)
        ),
        lambda: dispositions.judge(ANNA, about("f1"), Verdict.DISMISSED, " "),
    ]
    for attempt in refused:
        with pytest.raises(UsageError):
            attempt()


def test_two_who_judge_at_once_leave_one_judgement_that_stands(
    database: Database, dispositions: Dispositions
) -> None:
    people = [somebody(f"u{n}") for n in range(6)]

    def work(who: Caller) -> None:
        for _ in range(4):
            dispositions.judge(who, about("f1"), Verdict.DISMISSED, f"{who.user_id} säger så")

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(work, people))
    every = dispositions.history("f1", limit=99)
    assert len(every) == 24
    assert sum(told.ended_at is None for told in every) == 1


def test_precision_counts_each_finding_once_by_the_last_word(dispositions: Dispositions) -> None:
    drawn = random.Random(7)
    paper: dict[str, Verdict | None] = {}
    for _ in range(80):
        name = f"f{drawn.randrange(20)}"
        detector = "hard" if int(name[1:]) % 2 else "net"
        verdict = drawn.choice([*Verdict, None])
        if verdict is not None:
            dispositions.judge(ANNA, about(name, detector), verdict, "x")
        elif paper.get(name) is not None:
            dispositions.undo(name, BO)
        paper[name] = verdict
    dispositions.judge(SECURITY, about("i1", "hard", insider=True), Verdict.CONFIRMED, "x")
    expected = []
    for detector, odd in (("hard", 1), ("net", 0)):
        last = [v for name, v in paper.items() if v and int(name[1:]) % 2 == odd]
        expected.append(Precision(detector, last.count(Verdict.CONFIRMED), len(last)))
    assert dispositions.precision(insiders=False) == expected
    hard = Precision("hard", expected[0].confirmed + 1, expected[0].judged + 1)
    assert dispositions.precision(insiders=True) == [hard, expected[1]]
    standing = {name for name, verdict in paper.items() if verdict}
    assert set(dispositions.of_each(sorted(paper))) == standing


# -- snoozes --------------------------------------------------------------------------------------


def test_what_is_put_off_rests_until_its_day(database: Database, clock: Clock) -> None:
    snoozes = Snoozes(database, clock=clock)
    until = TODAY + timedelta(days=10)
    snoozes.put_off(ANNA, Snoozed.FINDING, "f1", until, "Svar väntas")
    snoozes.put_off(ANNA, Snoozed.PROVIDER, FIRM, until + timedelta(days=1), "Svar väntas")
    assert snoozes.asleep(TODAY) == Asleep(frozenset({"f1"}), frozenset({FIRM}))
    assert snoozes.asleep(until) == Asleep(frozenset(), frozenset({FIRM}))
    snoozes.put_off(BO, Snoozed.FINDING, "f1", until + timedelta(days=5), "Längre")
    assert snoozes.asleep(until).findings == {"f1"}
    rests = snoozes.of(Snoozed.FINDING, "f1")
    assert rests is not None
    assert (rests.snoozed_by, rests.reason) == ("bo", "Längre")
    snoozes.wake(ANNA, Snoozed.FINDING, "f1")
    assert snoozes.of(Snoozed.FINDING, "f1") is None
    for kind, reference in ((Snoozed.FINDING, "f1"), (Snoozed.FINDING, FIRM)):
        with pytest.raises(NotThere):
            snoozes.wake(ANNA, kind, reference)
    clock.pass_by(days=11)
    assert snoozes.of(Snoozed.PROVIDER, FIRM) is None
    for day in (day_of(clock()), months_after(day_of(clock()), 6) + timedelta(days=1)):
        with pytest.raises(UsageError):
            snoozes.put_off(ANNA, Snoozed.FINDING, "f2", day, "x")


# -- replies --------------------------------------------------------------------------------------


def test_a_reply_is_shown_with_its_provider_and_its_findings(
    database: Database, clock: Clock
) -> None:
    replies = Replies(database, clock=clock)
    made = [
        replies.record(ANNA, firm, received_on=day, text="Så var det", findings=findings)
        for firm, day, findings in (
            (FIRM, TODAY, ["f2", "f1", "f1"]),
            (FIRM, TODAY - timedelta(days=9), []),
            ("organisation-b", TODAY, ["f9"]),
        )
    ]
    assert made[0].findings == ("f1", "f2")
    assert replies.of_provider(FIRM, limit=9) == made[:2]
    assert replies.of_provider(FIRM, after=(TODAY, made[0].reply_id), limit=9) == made[1:2]
    assert replies.to_finding("f2", limit=9) == made[:1]
    assert replies.to_finding("f3", limit=9) == []
    for day, words in ((TODAY + timedelta(days=1), "x"), (TODAY, " ")):
        with pytest.raises(UsageError):
            replies.record(ANNA, FIRM, received_on=day, text=words, findings=[])


# -- tips -----------------------------------------------------------------------------------------


def test_who_told_a_tip_is_sealed_and_stands_in_no_other_table(
    database: Database, tips: Tips, clock: Clock
) -> None:
    name = "Grannen Ek-Sjöström"
    tip = tips.record(ANNA, received_on=TODAY, channel=Channel.PHONE, text="Ingen kom", source=name)
    assert tips.source(tip.tip_id) == name
    with database.engine.connect() as connection:
        for table in ("tips", "tip_sources", "case_events"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                assert name not in str(tuple(row))
    with pytest.raises(CaseworkError, match=r"reference\.key"):
        Tips(database, clock=clock, key=b"x" * 32).source(tip.tip_id)
    nameless = tips.record(ANNA, received_on=TODAY, channel=Channel.WEB, text="Ingen kom")
    for tip_id in (nameless.tip_id, "tip-0000000000000000"):
        with pytest.raises(NotThere):
            tips.source(tip_id)


def test_a_tip_is_read_by_those_whom_it_concerns(tips: Tips, cases: Cases) -> None:
    north = somebody("nils", units=["Norr"])
    about_person = tips.record(
        BO, received_on=TODAY, channel=Channel.STAFF, text="Om X", about="person-x", credibility=2
    )
    of_nobody = tips.record(BO, received_on=TODAY, channel=Channel.STAFF, text="Om ingen")
    of_north = tips.record(north, received_on=TODAY, channel=Channel.LETTER, text="Nils egen")
    assert tips.abouts() == {"person-x"}

    def read(who: Caller, *seen: str) -> set[str]:
        return {tip.tip_id for tip in tips.page(who, seen, limit=9)}

    assert read(ANNA, "person-x") == {about_person.tip_id, of_nobody.tip_id, of_north.tip_id}
    assert read(ANNA) == {of_nobody.tip_id, of_north.tip_id}
    assert read(north, "person-x") == {about_person.tip_id, of_north.tip_id}
    assert read(north) == {of_north.tip_id}
    with pytest.raises(NotThere):
        tips.read(about_person.tip_id, north, ())
    case_id = opened(cases, ANNA).case_id
    with pytest.raises(NotThere):
        tips.link(about_person.tip_id, case_id, ANNA, ())
    linked = tips.link(about_person.tip_id, case_id, ANNA, ["person-x"])
    assert linked.case_id == case_id
    cases.add_member(case_id, ANNA, north.user_id)
    assert tips.read(about_person.tip_id, north, ()).case_id == case_id
    # Who does not work on the case is not told of it.
    assert tips.read(about_person.tip_id, BO, ()).case_id is None
    with pytest.raises(Conflict):
        tips.link(about_person.tip_id, opened(cases, BO).case_id, BO, ())
    told = [event.after for event in cases.history(case_id, ANNA, limit=9)]
    assert f"tip:{about_person.tip_id}" in told


@pytest.mark.parametrize("credibility", [0, 6])
def test_a_tip_has_come_and_is_credible_from_one_to_five(tips: Tips, credibility: int) -> None:
    for given in ({"credibility": credibility}, {"received_on": TODAY + timedelta(days=1)}):
        told = {"received_on": TODAY, "credibility": 3, **given}
        with pytest.raises(UsageError):
            tips.record(ANNA, channel=Channel.WEB, text="x", **told)  # type: ignore[arg-type]


def test_tips_are_paged_without_one_twice_or_left_out(tips: Tips) -> None:
    whole = [
        tips.record(ANNA, received_on=TODAY - timedelta(days=n // 2), channel=Channel.WEB, text="x")
        for n in range(5)
    ]
    seen: list[Tip] = []
    while page := tips.page(
        ANNA, (), after=(seen[-1].received_on, seen[-1].tip_id) if seen else None, limit=2
    ):
        seen += page
    assert sorted(tip.tip_id for tip in seen) == sorted(tip.tip_id for tip in whole)
    assert [tip.received_on for tip in seen] == sorted((t.received_on for t in whole), reverse=True)


# -- masks ----------------------------------------------------------------------------------------


def test_a_mask_is_lifted_by_two_people_for_a_time(
    cases: Cases, masks: Masks, clock: Clock
) -> None:
    case_id = opened(cases).case_id
    (asked,) = masks.ask(case_id, ANNA, ["person-p"], "Intyg behövs")
    assert asked.state == "asked"
    assert cases.inside(case_id, ANNA).lifted == frozenset()
    with pytest.raises(NotAllowed, match="two people"):
        masks.approve(asked.mask_id, ANNA)
    assert [mask.mask_id for mask in masks.waiting(LAWYER, limit=9)] == [asked.mask_id]
    assert masks.waiting(ANNA, limit=9) == []
    approved = masks.approve(asked.mask_id, LAWYER)
    assert (approved.state, approved.approved_by) == ("lifted", "lars")
    inside = cases.inside(case_id, ANNA)
    assert inside.lifted == inside.clear == {"person-p"}
    with pytest.raises(Conflict):
        masks.approve(asked.mask_id, LAWYER)
    assert masks.waiting(LAWYER, limit=9) == []
    with pytest.raises(NotThere):
        masks.of_case(case_id, LAWYER, limit=9)  # who approves is no member by it
    clock.pass_by(days=DAYS, minutes=-5)
    assert cases.inside(case_id, ANNA).lifted == {"person-p"}
    clock.pass_by(minutes=5)
    assert cases.inside(case_id, ANNA).lifted == frozenset()
    assert [mask.state for mask in masks.of_case(case_id, ANNA, limit=9)] == ["expired"]
    told = [event.event for event in cases.history(case_id, ANNA, limit=9)]
    assert told == [Event.OPENED, Event.MASK_ASKED, Event.MASK_APPROVED]


def test_a_mask_of_one_case_is_none_of_another(cases: Cases, masks: Masks) -> None:
    one, other = opened(cases).case_id, opened(cases).case_id
    (mask,) = masks.ask(one, ANNA, ["person-p"], "x")
    masks.approve(mask.mask_id, LAWYER)
    assert cases.inside(other, ANNA).lifted == frozenset()
    with pytest.raises(NotThere):
        masks.revoke(other, mask.mask_id, ANNA)
    with pytest.raises(NotThere):
        masks.ask(one, BO, ["person-q"], "x")


def test_a_mask_that_is_put_back_hides_at_once_and_is_not_lifted_again(
    cases: Cases, masks: Masks
) -> None:
    case_id = opened(cases).case_id
    for approve_first in (True, False):
        (mask,) = masks.ask(case_id, ANNA, ["person-p"], "x")
        if approve_first:
            masks.approve(mask.mask_id, LAWYER)
        assert masks.revoke(case_id, mask.mask_id, ANNA).state == "revoked"
        assert masks.revoke(case_id, mask.mask_id, ANNA).state == "revoked"
        assert cases.inside(case_id, ANNA).lifted == frozenset()
        with pytest.raises(Conflict):
            masks.approve(mask.mask_id, LAWYER)


@pytest.mark.parametrize("ended", [Status.DISMISSED, Status.CLOSED])
def test_masks_end_with_the_case_and_stay_ended_when_it_is_reopened(
    cases: Cases, masks: Masks, ended: Status
) -> None:
    case_id = opened(cases).case_id
    lifted, asked = masks.ask(case_id, ANNA, ["person-p", "person-q"], "x")
    masks.approve(lifted.mask_id, LAWYER)
    for step in (Status.UNDER_REVIEW, ended):
        cases.move(case_id, ANNA, step, "x", expected=None)
    with pytest.raises(Conflict):
        masks.approve(asked.mask_id, LAWYER)
    assert masks.waiting(LAWYER, limit=9) == []
    cases.move(case_id, ANNA, Status.UNDER_REVIEW, "åter", expected=None)
    assert cases.inside(case_id, ANNA).lifted == frozenset()
    with pytest.raises(Conflict):
        masks.approve(asked.mask_id, LAWYER)


def test_a_mask_of_a_restricted_case_waits_for_the_role_security(
    cases: Cases, masks: Masks
) -> None:
    case_id = opened(cases, SECURITY, restricted=True).case_id
    (mask,) = masks.ask(case_id, SECURITY, ["person-p"], "x")
    assert masks.waiting(LAWYER, limit=9) == []
    with pytest.raises(NotThere):
        masks.approve(mask.mask_id, LAWYER)
    other = somebody("sten", *SECURITY.roles)
    assert masks.approve(mask.mask_id, other).state == "lifted"


def test_what_waits_is_paged_without_one_twice_or_left_out(cases: Cases, masks: Masks) -> None:
    case_id = opened(cases).case_id
    whole = masks.ask(case_id, ANNA, [f"person-{n}" for n in range(5)], "x")
    paged: list[list[Mask]] = [[], []]
    for seen in paged:
        while page := (
            masks.waiting(LAWYER, after=place(seen), limit=2)
            if seen is paged[0]
            else masks.of_case(case_id, ANNA, after=place(seen), limit=2)
        ):
            seen.extend(page)
        assert sorted(m.mask_id for m in seen) == sorted(m.mask_id for m in whole)


def place(seen: list[Mask]) -> tuple[datetime, str] | None:
    return (seen[-1].asked_at, seen[-1].mask_id) if seen else None
