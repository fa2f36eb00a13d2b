"""The mathematics against its definitions, written out."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_service.statistics import (
    binomial_excess,
    exact_excess,
    false_discovery,
    lift,
    shrink,
    wilson,
)


@st.composite
def two_groups(draw: st.DrawFn) -> tuple[int, int, int, int]:
    trials, others = draw(st.integers(0, 12)), draw(st.integers(0, 30))
    return draw(st.integers(0, trials)), trials, draw(st.integers(0, others)), others


@given(two_groups())
def test_exact_excess_counts_every_way_of_drawing(groups: tuple[int, int, int, int]) -> None:
    hits, trials, other_hits, others = groups
    whole, all_hits = trials + others, hits + other_hits
    ways = sum(
        comb(all_hits, k) * comb(whole - all_hits, trials - k)
        for k in range(hits, min(trials, all_hits) + 1)
    )
    exact = float(Fraction(ways, comb(whole, trials)))
    assert exact_excess(*groups) == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_a_base_rate_of_nought_needs_a_group_to_be_sure() -> None:
    assert exact_excess(3, 3, 0, 2) == pytest.approx(1 / 10)
    assert exact_excess(3, 3, 0, 200) < 1e-5
    assert lift(3, 3, 0, 200) == pytest.approx(402)
    assert lift(0, 0, 0, 0) == 0


@given(st.integers(0, 20), st.floats(0.01, 0.99))
def test_binomial_excess_is_the_sum_of_its_tail(trials: int, rate: float) -> None:
    for hits in range(trials + 1):
        tail = sum(
            comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(hits, trials + 1)
        )
        assert binomial_excess(hits, trials, rate) == pytest.approx(tail, rel=1e-6, abs=1e-12)


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30), st.booleans())
def test_false_discovery_is_the_step_up_rule(p_values: list[float], dependent: bool) -> None:
    count = len(p_values)
    penalty = sum(1 / k for k in range(1, count + 1)) if dependent else 1.0
    ordered = sorted(range(count), key=lambda place: p_values[place])
    wanted, least = [0.0] * count, 1.0
    for rank in range(count, 0, -1):
        place = ordered[rank - 1]
        least = min(least, p_values[place] * count * penalty / rank)
        wanted[place] = least
    assert false_discovery(p_values, dependent=dependent) == pytest.approx(wanted)


def test_no_test_no_discovery() -> None:
    assert false_discovery([]) == []


def test_exact_excess_is_conservative_on_clean_worlds() -> None:
    """Of 2,000 draws without any effect, no more than a tenth falls below a tenth."""
    random = np.random.default_rng(7)
    p_values = []
    for _ in range(2_000):
        rate = random.uniform(0.0, 0.2)
        hits, others = random.binomial(12, rate), random.binomial(150, rate)
        p_values.append(exact_excess(int(hits), 12, int(others), 150))
    for level in (0.01, 0.05, 0.1):
        share = float(np.mean(np.asarray(p_values) <= level))
        assert share <= level + 3 * (level / 2_000) ** 0.5


@given(st.integers(0, 40), st.integers(0, 40))
def test_wilson_holds_the_share_and_narrows(hits: int, misses: int) -> None:
    interval = wilson(hits, hits + misses)
    assert 0 <= interval.low <= interval.high <= 1
    if hits + misses:
        assert interval.low <= hits / (hits + misses) <= interval.high
        more = wilson(10 * hits, 10 * (hits + misses))
        assert more.high - more.low < interval.high - interval.low


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 500)), min_size=1, max_size=12),
)
def test_shrinkage_lies_between_own_and_everyone(pairs: list[tuple[int, int]]) -> None:
    counts, sizes = [c for c, _ in pairs], [float(s) for _, s in pairs]
    rates = shrink(counts, sizes)
    known = [(c, s) for c, s in zip(counts, sizes, strict=True) if s]
    if not known:
        assert rates == [0.0] * len(pairs)
        return
    overall = sum(c for c, _ in known) / sum(s for _, s in known)
    for (count, size), rate in zip(pairs, rates, strict=True):
        own = count / size if size else overall
        assert min(own, overall) - 1e-12 <= rate <= max(own, overall) + 1e-12


def test_a_small_one_is_drawn_harder() -> None:
    small, large, _ = shrink([1, 50, 0], [2.0, 100.0, 50.0])
    assert abs(small - 0.5) > abs(large - 0.5)


def test_the_impossible_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        exact_excess(4, 3, 0, 1)
    with pytest.raises(ValueError, match="one length"):
        shrink([1], [])
