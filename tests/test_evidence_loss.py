"""The loss of several findings together: bounds that hold for every truth, no krona twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.evidence.material import Material
from graph_service.evidence.report.bounds import Billed, Questioned, groups, together
from graph_service.evidence.report.contents import Money
from graph_service.evidence.report.linking import link
from graph_service.evidence.report.loss import loss
from tests.evidence_case import Town, told
from tests.http_service import CLIENTS, FIRM, WORKERS
from tests.test_evidence_chains import town_of


def sek(amount: int) -> Decimal:
    return Decimal(amount)


def questioned(name: str, lower: int, upper: int, rows: Mapping[int, int]) -> Questioned:
    costs = {row: sek(cost) for row, cost in rows.items()}
    return Questioned(name, Money(sek(lower), sek(upper)), costs)


class TestTwoFindings:
    def test_of_different_rows_add_up(self) -> None:
        one, other = questioned("a", 5, 8, {1: 8}), questioned("b", 3, 4, {2: 4})
        assert together([one, other]) == Money(sek(8), sek(12))

    def test_of_the_same_rows_count_once(self) -> None:
        one, other = questioned("a", 5, 8, {1: 8}), questioned("b", 3, 8, {1: 8})
        assert together([one, other]) == Money(sek(5), sek(8))

    def test_that_share_a_row_count_it_once(self) -> None:
        one, other = questioned("a", 10, 20, {1: 10, 2: 10}), questioned("b", 9, 20, {2: 10, 3: 10})
        # At least: 10 of the first, of the other 9 less all that row 2 can have cost.
        assert together([one, other]) == Money(sek(10), sek(30))

    def test_a_visit_and_the_line_that_bills_it_share_its_krona(self) -> None:
        visits, line = questioned("a", 5, 8, {1: 8}), questioned("b", 20, 20, {2: 50})
        meets = {1: {2: sek(8)}, 2: {1: sek(8)}}
        assert together([visits, line], meets).lower == sek(20)

    def test_no_more_than_was_billed(self) -> None:
        account = Questioned("a", Money(sek(0), sek(100)), in_rows=False)
        visits = questioned("b", 5, 30, {1: 30})
        whole = together([account, visits], billed=Billed(sek(100)))
        assert whole == Money(sek(5), sek(100))
        outside = together([account, visits], billed=Billed(sek(100), {1}))
        assert outside == Money(sek(5), sek(130))


@dataclass(frozen=True)
class World:
    """What a provider was really paid wrongly, krona by krona, and what findings say of it."""

    findings: tuple[Questioned, ...]
    meets: Mapping[int, Mapping[int, Decimal]]
    billed: Billed
    truth: int


@st.composite
def worlds(draw: st.DrawFn, most: int = 4) -> World:
    """Visits 0–4 and lines 10–12; each visit is billed on one line, or on none."""
    lines = {10 + n: draw(st.integers(0, 60)) for n in range(draw(st.integers(0, 3)))}
    left = dict(lines)
    visits: dict[int, int] = {}
    lost: dict[int, int] = {}
    on: dict[int, int | None] = {}
    for visit in range(draw(st.integers(0, 5))):
        visits[visit] = draw(st.integers(0, 20))
        line = on[visit] = draw(st.sampled_from([None, *lines]))
        lost[visit] = draw(st.integers(0, min(visits[visit], 20 if line is None else left[line])))
        if line is not None:
            left[line] -= lost[visit]
    beside = {line: draw(st.integers(0, room)) for line, room in left.items()}

    def krona(rows: set[int]) -> int:
        """The loss that lies in these rows, each krona once."""
        covered = sum(loss for visit, loss in lost.items() if visit in rows or on[visit] in rows)
        return covered + sum(beside[line] for line in beside if line in rows)

    cost = visits | lines
    asked: list[Questioned] = []
    everything: set[int] = set()
    for number in range(draw(st.integers(1, most))):
        rows: set[int] = draw(st.sets(st.sampled_from(sorted(cost)))) if cost else set()
        everything |= rows
        real = krona(rows)
        told = Money(sek(draw(st.integers(0, real))), sek(real + draw(st.integers(0, 30))))
        in_rows = draw(st.booleans()) or any(on.get(row, 10) is None for row in rows)
        of_rows = {row: sek(cost[row]) for row in rows}
        asked.append(Questioned(str(number), told, of_rows if in_rows else {}, in_rows=in_rows))
    meets: dict[int, dict[int, Decimal]] = {}
    for visit in visits:
        for line in lines:
            if on[visit] == line or draw(st.booleans()):
                most_shared = sek(lost[visit] + draw(st.integers(0, 5)))
                meets.setdefault(visit, {})[line] = meets.setdefault(line, {})[visit] = most_shared
    outside = {row for each in asked for row in each.rows if row < 10 and on[row] is None}
    billed = Billed(sek(sum(lines.values())), outside)
    return World(tuple(asked), meets, billed, krona(everything))


class TestEveryTruth:
    @settings(max_examples=150, deadline=None)
    @given(worlds())
    def test_lies_within_the_bounds(self, world: World) -> None:
        told = together(world.findings, world.meets, world.billed)
        assert told.lower <= world.truth <= told.upper

    @settings(max_examples=40, deadline=None)
    @given(worlds(most=8))
    def test_lies_within_the_bounds_of_many(self, world: World) -> None:
        told = together(world.findings, world.meets, world.billed)
        assert told.lower <= world.truth <= told.upper

    @settings(max_examples=60, deadline=None)
    @given(worlds())
    def test_bounds_lie_between_the_greatest_and_the_sum(self, world: World) -> None:
        told = together(world.findings, world.meets, world.billed)
        lowers = [each.money.lower for each in world.findings]
        assert max(lowers) <= told.lower <= sum(lowers)
        assert told.upper <= max(told.lower, sum(each.money.upper for each in world.findings))

    @settings(max_examples=60, deadline=None)
    @given(worlds())
    def test_findings_without_a_row_in_common_count_in_full(self, world: World) -> None:
        in_rows = [each for each in world.findings if each.in_rows]
        told = together(in_rows, world.meets).lower
        for chosen in _apart(in_rows, world.meets):
            assert told >= sum((each.money.lower for each in chosen), Decimal())

    @settings(max_examples=40, deadline=None)
    @given(worlds(), st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, world: World, chance: Random) -> None:
        shuffled = list(world.findings)
        chance.shuffle(shuffled)
        assert together(shuffled, world.meets, world.billed) == together(
            world.findings, world.meets, world.billed
        )


def _apart(
    findings: list[Questioned], meets: Mapping[int, Mapping[int, Decimal]]
) -> Iterator[list[Questioned]]:
    """Every choice of findings of which no two can share a krona."""
    for picked in range(1 << len(findings)):
        chosen = [each for place, each in enumerate(findings) if picked >> place & 1]
        if sum(len(group) > 1 for group in groups(chosen, meets)) == 0:
            yield chosen


def with_fees() -> dict[str, list[dict[str, str]]]:
    """The municipality, where all clients but the seventh pay 100 an hour and never meet a cap."""
    fee = {"valid_from": "2024-01-01", "hourly_fee_sek": "100", "monthly_cap_sek": "99999"}
    return {**told(), "fees": [{"client_id": client, **fee} for client in CLIENTS[:6]]}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town_of(tmp_path_factory.mktemp("town"), with_fees()) as made:
        yield made


@pytest.fixture(scope="module")
def police(here: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    with here.material(tmp_path_factory.mktemp("police")) as material:
        link(material)
        yield material


class TestOfATown:
    """Seven workers at two clients at once, 600 to 1,700 kr each; 20 hours billed too many."""

    def test_by_finding_it_is_the_findings_own(self, police: Material) -> None:
        told = loss(police).by_finding
        for finding in police.findings:
            money = finding["exposure_sek"]
            assert told[finding["finding_id"]] == Money(
                Decimal(str(money["lower"])), Decimal(str(money["upper"]))
            )

    def test_visits_on_the_line_that_is_over_are_not_added_to_it(self, police: Material) -> None:
        # 8,000 on client 0's line of March. Two workers' visits with client 0 that month cost 900
        # and may lie on it: more than the 600 that are certain of either. Five others add 600.
        assert loss(police).total == Money(Decimal("11000.00"), Decimal("19900.00"))

    def test_months_hold_what_lies_in_them(self, police: Material) -> None:
        told = loss(police)
        assert told.by_month == (
            (date(2025, 3, 1), Money(Decimal("9800.00"), Decimal("16500.00"))),
            (date(2025, 4, 1), Money(Decimal("600.00"), Decimal("1700.00"))),
            (date(2025, 5, 1), Money(Decimal("600.00"), Decimal("1700.00"))),
        )
        assert told.undated == Money(Decimal("0.00"), Decimal("0.00"))

    def test_fees_of_one_clients_month_count_once(self, police: Material) -> None:
        # 150 to 425 a worker, 2,000 for the line of client 0. At least: the line, since a worker
        # shares its month; of three in a row that share months in pairs, the two that share none;
        # two alone. At most: the line's 60 hours whole and a worker's, three workers', two.
        fees = loss(police).fee_effect
        assert fees == Money(Decimal("2600.00"), Decimal("8550.00"))

    def test_fees_are_untold_where_one_is_not_known(self, police: Material) -> None:
        named = {
            each["finding_id"]: {subject["id"] for subject in each["subjects"]}
            for each in police.findings
        }
        (untold,) = loss(police).fees_untold
        assert WORKERS[9] in named[untold]  # who is with the seventh client

    @pytest.mark.parametrize("recipient", ["ivo", "municipality"])
    def test_every_recipient_is_told_the_same(
        self, here: Town, police: Material, recipient: str, tmp_path: Path
    ) -> None:
        with here.material(tmp_path, recipient) as material:
            link(material)
            assert loss(material).total == loss(police).total
            assert loss(material).by_month == loss(police).by_month

    def test_what_is_kept_of_it_names_nobody(self, here: Town, police: Material) -> None:
        tables = ("money_rows", "money_meets", "money_findings", "money_billed")
        kept = repr([police.engine.rows(f"FROM {table}") for table in tables])
        assert FIRM not in kept and "person-" not in kept
