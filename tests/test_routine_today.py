"""The day's queue, held to a slow walk through what waits."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.errors import DeclarationError
from graph_service.routine import practice
from graph_service.routine.practice import Practice
from graph_service.routine.today import MOST, Held, Place, Waiting, queue

DAY = date(2026, 11, 2)
RUN = "20261102T050003Z"
PLAIN = Practice(2.0, {}, 0.1, None, None)
DETECTORS = ("a", "b", "c")

waitings = st.lists(
    st.builds(
        Waiting,
        finding_id=st.uuids().map(str),
        detector=st.sampled_from(DETECTORS),
        strength=st.sampled_from(["hard", "stat", "net"]),
        provider_score=st.none() | st.sampled_from([0.0, 12.5, 80.0]),
        exposure_lower=st.none() | st.sampled_from(["0", "100", "250.5", "9999.99"]).map(Decimal),
    ),
    max_size=30,
    unique_by=lambda each: each.finding_id,
)
practices = st.builds(
    Practice,
    hours_for_a_finding=st.sampled_from([0.5, 1.0, 2.0]),
    hours_by_detector=st.dictionaries(st.sampled_from(DETECTORS), st.sampled_from([0.1, 1.5, 4.0])),
    drawn_share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    lock_day=st.none(),
    payment_day=st.none(),
)
judgements = st.dictionaries(
    st.sampled_from(DETECTORS),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda n: Held(n[0], n[0] + n[1])),
)


def lot(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def by_hand(
    waiting: list[Waiting], hours: Fraction, held: dict[str, Held], how: Practice
) -> list[tuple[str, int | None]]:
    """The queue by the words of its declaration: ids, and among how many each was drawn."""

    def hours_of(each: Waiting) -> Fraction:
        return Fraction(str(how.hours(each.detector)))

    def worth(each: Waiting) -> float | None:
        if each.exposure_lower is None:
            return None
        judged = held.get(each.detector, Held())
        expected = float(each.exposure_lower) * (judged.confirmed + 1) / (judged.judged + 2)
        return round(expected / float(hours_of(each)), 2)

    def better(one: Waiting, other: Waiting) -> bool:
        for key in (
            lambda each: -1.0 if worth(each) is None else worth(each),
            lambda each: -1.0 if each.provider_score is None else each.provider_score,
            lambda each: -["hard", "stat", "net"].index(each.strength),
        ):
            if key(one) != key(other):
                return bool(key(one) > key(other))
        mine, others = (lot(f"{DAY}|{RUN}|{each.finding_id}") for each in (one, other))
        return mine < others

    rest, taken = list(waiting), list[tuple[str, int | None]]()
    while len(taken) < MOST:
        fitting = [each for each in rest if hours_of(each) <= hours]
        if not fitting:
            return taken
        drawn = int(lot(f"{DAY}|{RUN}|place {len(taken)}"), 16) / 2**64 < how.drawn_share
        if drawn:
            chosen = min(fitting, key=lambda each: lot(f"{DAY}|{RUN}|{each.finding_id}"))
        else:
            chosen = next(
                each for each in fitting if not any(better(other, each) for other in fitting)
            )
        taken.append((chosen.finding_id, len(fitting) if drawn else None))
        rest.remove(chosen)
        hours -= hours_of(chosen)
    return taken


@settings(max_examples=150, deadline=None)
@given(waitings, st.integers(0, 120), judgements, practices)
def test_the_queue_is_what_its_declaration_says(
    waiting: list[Waiting], tenths: int, held: dict[str, Held], how: Practice
) -> None:
    hours = Fraction(tenths, 10)
    found = queue(waiting, float(hours), day=DAY, run_id=RUN, held=held, practice=how)
    assert [(p.finding_id, p.drawn_from) for p in found] == by_hand(waiting, hours, held, how)
    assert sum(Fraction(str(place.hours)) for place in found) <= hours


@settings(max_examples=30, deadline=None)
@given(waitings, st.randoms(use_true_random=False))
def test_everybody_sees_the_same_draw(waiting: list[Waiting], random: object) -> None:
    shuffled = list(waiting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        queue(given_, 6, day=DAY, run_id=RUN, held={}, practice=PLAIN)
        for given_ in (waiting, shuffled)
    )
    assert one == other


def test_a_share_of_the_places_is_drawn_and_each_finding_as_often_as_another() -> None:
    waiting = [Waiting(f"f{n}", "a", "net", None, Decimal(1000 * (n == 0))) for n in range(10)]
    drawn: list[Place] = []
    places = 0
    for n in range(1500):
        day = DAY + timedelta(days=n)
        found = queue(waiting, 4, day=day, run_id=RUN, held={}, practice=PLAIN)
        places += len(found)
        drawn += [place for place in found[:1] if place.drawn_from]
    # One in ten, and each of the ten alike: within four standard deviations of the binomial.
    assert abs(len(drawn) - 150) < 4 * (1500 * 0.1 * 0.9) ** 0.5
    of_each = [sum(place.finding_id == f"f{n}" for place in drawn) for n in range(10)]
    assert all(abs(n - len(drawn) / 10) < 4 * (len(drawn) * 0.1 * 0.9) ** 0.5 for n in of_each)
    assert {place.drawn_from for place in drawn} == {10}
    assert places == 3000


def test_money_that_is_not_known_is_never_guessed() -> None:
    unknown = Waiting("unknown", "a", "hard", 99.0, None)
    nought = Waiting("nought", "a", "net", 0.0, Decimal(0))
    how = replace(PLAIN, drawn_share=0.0)
    found = queue([unknown, nought], 6, day=DAY, run_id=RUN, held={}, practice=how)
    assert [place.finding_id for place in found] == ["nought", "unknown"]
    assert found[1].expected_recovery_sek is None and found[1].worth_per_hour_sek is None


def test_nothing_is_claimed_of_a_detector_that_nobody_judged() -> None:
    assert Held().share == 0.5
    assert Held(1, 1).share == pytest.approx(2 / 3)
    assert Held(0, 8).share == 0.1


def test_a_municipality_says_how_it_works(tmp_path: Path) -> None:
    usual = practice.read(tmp_path)
    assert (usual.hours("any"), usual.drawn_share, usual.lock_day) == (2.0, 0.1, None)
    (tmp_path / "practice.toml").write_text(
        "[today]\nhours_for_a_finding = 3\n[today.hours_by_detector]\nshared_account = 0.5\n"
        "[payment]\nlock_day = 5\npayment_day = 20\n"
    )
    own = practice.read(tmp_path)
    assert (own.hours("any"), own.hours("shared_account"), own.drawn_share) == (3.0, 0.5, 0.1)
    assert (own.lock_day, own.payment_day) == (5, 20)


@pytest.mark.parametrize(
    "text",
    [
        "[today",
        "[tomorrow]\nhours = 1",
        "[today]\nhour = 1",
        "[today]\nhours_for_a_finding = 0",
        "[today]\nhours_for_a_finding = true",
        "[today]\ndrawn_share = 1.5",
        "[today]\nhours_by_detector = 2",
        "[payment]\nlock_day = 31",
        "[payment]\nlock_day = 1.5",
        "today = 1",
    ],
)
def test_a_practice_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "practice.toml").write_text(text)
    with pytest.raises(DeclarationError, match=r"practice\.toml"):
        practice.read(tmp_path)
