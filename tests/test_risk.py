"""Scores: what they are made of, who is brought to review, and why they move."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import queries
from graph_service.change import compare, past, rule_of
from graph_service.detector import Evidence, Finding, Subject
from graph_service.engines.duckdb import Engine
from graph_service.opening import open_rooms
from graph_service.risk import Band, Provider, Score, providers, score
from graph_service.room import Family, Room, Strength, Text
from tests.world import world

ROOMS = {room.name: room for room in open_rooms(Path(queries.__file__).parent)}
FOUR = [
    ROOMS[name]
    for name in ("overlapping_visits", "shared_account", "clients_follow_worker", "ownership_ring")
]
DAY = date(2025, 3, 3)
SOURCES = frozenset({"visits", "accounts", "owners"})


def finding(
    room: Room,
    provider: str = "p1",
    *,
    events: int = 1,
    days: int = 1,
    row: int = 2,
    who: str = "hsa:w1",
    money: tuple[int, int] | None = None,
) -> Finding:
    return Finding(
        finding_id=f"{room.name}-{provider}-{who}",
        detector=room.name,
        detector_digest=room.digest,
        strength=room.strength,
        provider_id=provider,
        subjects=(Subject("worker", "person", who),),
        since=DAY,
        until=DAY + timedelta(days - 1),
        events=events,
        days=days,
        exposure=None if money is None else (Decimal(money[0]), Decimal(money[1])),
        statistics={},
        summary=Text("-", "-"),
        against=(),
        innocent=(),
        evidence=(Evidence("visits", (f"v{row}",), "sha", row),),
    )


def town(count: int = 3, *, clients: int = 50, sources: frozenset[str] = SOURCES) -> list[Provider]:
    return [Provider(f"p{number}", "0000", clients, sources) for number in range(1, count + 1)]


def of(scores: list[Score], provider: str = "p1") -> Score:
    return next(scored for scored in scores if scored.provider_id == provider)


def test_points_sum_to_the_score_and_are_shares_of_strength() -> None:
    found = [finding(room, row=number, events=5, days=2) for number, room in enumerate(FOUR)]
    scored = of(score(found, FOUR, town(1)))
    assert scored.score is not None
    assert sum(part.points for part in scored.contributions) == pytest.approx(scored.score)
    together = math.prod(1 - room.risk.weight for room in FOUR)
    assert scored.score == pytest.approx(100 * (1 - together), abs=0.01)
    whole = -math.log(together)
    for part in scored.contributions:
        share = -math.log(1 - ROOMS[part.detector].risk.weight) / whole
        assert part.points == pytest.approx(scored.score * share, abs=0.011)


@given(
    st.lists(
        st.tuples(st.sampled_from(FOUR), st.sampled_from(["p1", "p2", "p3"]), st.integers(0, 30))
    )
)
def test_scores_stay_below_a_hundred_and_more_findings_never_lower_them(
    drawn: list[tuple[Room, str, int]],
) -> None:
    found = {(r.name, p, n): finding(r, p, who=f"hsa:w{n}", row=n) for r, p, n in drawn}
    scores = score(found.values(), FOUR, town())
    for scored in scores:
        assert scored.score is not None
        assert 0 <= scored.score < 100
        assert sum(part.points for part in scored.contributions) == pytest.approx(scored.score)
    more = [*found.values(), finding(FOUR[0], "p1", who="hsa:new", row=99)]
    before, after = of(scores).score, of(score(more, FOUR, town())).score
    assert before is not None
    assert after is not None
    assert after >= before
    ranked = [scored.score or 0.0 for scored in scores]
    assert ranked == sorted(ranked, reverse=True)
    assert [scored.rank for scored in scores] == [1, 2, 3]


@pytest.mark.parametrize(
    ("events", "days", "band"),
    [(5, 2, Band.REVIEW), (4, 2, Band.WATCH), (5, 1, Band.WATCH), (500, 1, Band.WATCH)],
)
def test_a_hard_family_needs_volume(events: int, days: int, band: Band) -> None:
    found = [finding(ROOMS["overlapping_visits"], events=events, days=days)]
    assert of(score(found, FOUR, town())).band is band


def test_the_volume_of_several_workers_counts_together() -> None:
    room = ROOMS["overlapping_visits"]
    found = [finding(room, who=f"hsa:w{n}", row=n) for n in range(5)]
    assert of(score(found, FOUR, town())).band is Band.WATCH
    later = replace(found[0], since=DAY + timedelta(1), until=DAY + timedelta(1))
    assert of(score([later, *found[1:]], FOUR, town())).band is Band.REVIEW


def test_three_independent_families_need_rows_of_their_own() -> None:
    soft = [room for room in FOUR if room.strength is not Strength.HARD]
    apart = [finding(room, row=number) for number, room in enumerate(soft)]
    assert of(score(apart, FOUR, town())).band is Band.REVIEW
    assert of(score(apart[:2], FOUR, town())).band is Band.WATCH
    shared = [finding(room, row=min(number, 1)) for number, room in enumerate(soft)]
    assert of(score(shared, FOUR, town())).band is Band.WATCH


def test_one_weak_signal_never_suffices() -> None:
    for room in FOUR:
        if room.strength is not Strength.HARD:
            many = [finding(room, who=f"hsa:w{n}", row=n, events=50, days=9) for n in range(20)]
            assert of(score(many, FOUR, town())).band is Band.WATCH


def test_a_family_without_data_is_named_and_none_at_all_is_no_low_score() -> None:
    blind = town(1, sources=frozenset({"visits"}))
    scored = of(score([], FOUR, blind))
    assert scored.score == 0
    assert scored.band is Band.NONE
    assert scored.not_assessed == (Family.COMPANY, Family.SHARING)
    nothing = of(score([], FOUR, town(1, sources=frozenset())))
    said = nothing.as_json()
    assert (said["score"], said["band"], said["rank"]) == (None, "cannot_assess", None)
    assert said["cannot_assess"] == ["accounts", "owners", "visits"]


def test_a_finding_is_shown_though_its_family_seems_unassessed() -> None:
    found = [finding(ROOMS["overlapping_visits"])]
    scored = of(score(found, FOUR, town(1, sources=frozenset())))
    assert scored.band is Band.WATCH
    assert scored.score is not None


def test_a_large_firms_few_weigh_less_than_a_middling_firms_many() -> None:
    room = ROOMS["overlapping_visits"]
    among = [
        Provider("large", "0000", 1000, SOURCES),
        Provider("middling", "0000", 50, SOURCES),
        Provider("other", "0000", 50, SOURCES),
    ]
    found = [
        finding(room, p, who=f"hsa:{p}{n}", row=n) for p in ("large", "middling") for n in range(4)
    ]
    scores = score(found, FOUR, among)
    assert (of(scores, "middling").score or 0) > (of(scores, "large").score or 0) > 0


def test_an_unrelated_municipality_changes_no_score() -> None:
    found = [finding(ROOMS["overlapping_visits"], who=f"hsa:w{n}", row=n) for n in range(3)]
    elsewhere = [Provider(f"q{n}", "9999", 10 * n, SOURCES) for n in range(1, 6)]
    abroad = [finding(ROOMS["overlapping_visits"], "q5", who="hsa:x")]
    alone = of(score(found, FOUR, town()))
    beside = of(score([*found, *abroad], FOUR, [*town(), *elsewhere]))
    assert replace(alone, rank=None) == replace(beside, rank=None)


def test_a_change_is_split_by_its_cause() -> None:
    rules = {room.name: rule_of(room, {}) for room in FOUR}
    hard, net = ROOMS["overlapping_visits"], ROOMS["ownership_ring"]
    first = [finding(hard), finding(net, row=3)]
    before = past(score(first, FOUR, town()), first, rules)

    more = [*first, finding(hard, who="hsa:w2", row=4)]
    grown = of(compare(past(score(more, FOUR, town()), more, rules), before))
    assert grown.change is not None
    assert grown.change.new_data > 0
    assert (grown.change.changed_rule, grown.change.changed_peers) == (0, 0)

    other = {**rules, hard.name: "another digest"}
    ruled = of(compare(past(score(more, FOUR, town()), more, other), before))
    assert ruled.change is not None
    assert ruled.change.changed_rule > 0
    assert ruled.change.new_data == 0

    peers = [*first, *(finding(net, "p2", who=f"hsa:y{n}", row=n) for n in range(9))]
    moved = of(compare(past(score(peers, FOUR, town()), peers, rules), before))
    assert moved.change is not None
    assert moved.change.changed_peers > 0
    assert moved.change.new_data == 0

    for now in (grown, ruled, moved):
        earlier = before.scores["p1"].score
        assert now.change is not None
        assert earlier is not None
        assert now.score is not None
        split = now.change.new_data + now.change.changed_rule + now.change.changed_peers
        assert split == pytest.approx(now.score - earlier, abs=0.005)


@pytest.mark.parametrize("clients", [1, 5, 50, 500, 50_000])
def test_one_hard_finding_that_lasts_weighs_more_than_two_leads_in_a_firm_of_any_size(
    clients: int,
) -> None:
    hard, *soft = FOUR
    among = [
        *(Provider(who, "0000", clients, SOURCES) for who in ("p1", "p2")),
        *(Provider(f"q{number}", "0000", 50, SOURCES) for number in range(9)),
    ]
    lasting = finding(hard, "p1", events=1134, days=133)
    leads = [finding(room, "p2", row=number) for number, room in enumerate(soft[:2])]
    scores = score([lasting, *leads], FOUR, among)
    assert of(scores, "p1").score == pytest.approx(100 * hard.risk.weight, abs=0.01)
    assert (of(scores, "p1").score or 0) > (of(scores, "p2").score or 0)


def test_a_slip_weighs_less_than_a_lead_and_more_with_each_event() -> None:
    hard, net = ROOMS["overlapping_visits"], ROOMS["ownership_ring"]
    lead = of(score([finding(net)], FOUR, town(1))).score or 0.0
    volumes = [(1, 1), (2, 2), (4, 2), (5, 2)]
    scores = [
        of(score([finding(hard, events=events, days=days)], FOUR, town(1))).score or 0.0
        for events, days in volumes
    ]
    assert scores[0] < lead < scores[-1]
    assert scores == sorted(scores)


def test_many_slips_of_a_large_firm_are_those_of_its_size() -> None:
    room = ROOMS["overlapping_visits"]
    among = [Provider("large", "0000", 2000, SOURCES), *town(4)]
    slips = [finding(room, "large", who=f"hsa:w{n}", row=n) for n in range(30)]
    assert (of(score(slips, FOUR, among), "large").score or 0.0) < 20


def test_no_nought_is_negative() -> None:
    rules = {room.name: rule_of(room, {}) for room in FOUR}
    found = [finding(room, row=number) for number, room in enumerate(FOUR)]
    before = past(score(found, FOUR, town()), found, rules)
    for scored in compare(before, before):
        assert "-0.0" not in str(scored.as_json())


def test_money_is_that_of_the_findings_in_which_it_is_known() -> None:
    room = ROOMS["overlapping_visits"]
    found = [finding(room, money=(100, 300)), finding(room, who="hsa:w2", row=3)]
    parts = of(score(found, FOUR, town())).as_json()["contributions"]
    assert parts[0]["exposure_sek"] == {"lower": 100.0, "upper": 300.0}
    assert parts[0]["findings"] == 2


def test_providers_are_those_of_the_contract_with_what_is_known_of_them() -> None:
    visit = {
        "visit_id": "v1",
        "municipality": "0000",
        "org_id": "5520000018",
        "worker_id": "hsa:w1",
        "client_id": "syn:c1",
        "service": "omsorg",
        "start": "2025-03-03 08:00",
        "end": "2025-03-03 09:00",
    }
    with Engine(threads=1) as engine:
        world(
            engine,
            {
                "visits": [visit],
                "placements": [
                    {
                        "placement_id": "x",
                        "client_id": "syn:c2",
                        "org_id": "5520000026",
                        "start": "2025-01-01",
                    }
                ],
                "organisations": [{"org_id": "5520000034"}],
                "owners": [{"org_id": "5520000018", "owner_id": "syn:p", "interest": "shares"}],
            },
            schema="main",
        )
        assert providers(engine) == [
            Provider("5520000018", "0000", 1, frozenset({"visits", "owners"})),
            Provider("5520000026", None, 1, frozenset({"placements"})),
        ]
