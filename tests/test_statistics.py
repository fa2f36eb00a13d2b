"""The mathematics against its definitions, written out."""

from __future__ import annotations

from fractions import Fraction
from math import comb, exp, inf, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from graph_service.statistics import (
    binomial_excess,
    clopper_pearson,
    exact_excess,
    false_discovery,
    garwood,
    lift,
    shrink,
    wilson,
)


@st.composite
def two_groups(draw: st.DrawFn) -> tuple[int, int, int, int]:
    trials, others = draw(st.integers(0, 12)), draw(st.integers(0, 30))
    return draw(st.integers(0, trials)), trials, draw(st.integers(0, others)), others


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.integers(0, 20), st.floats(0.01, 0.99))
def test_binomial_excess_is_the_sum_of_its_tail(trials: int, rate: float) -> None:
    for hits in range(trials + 1):
        tail = sum(
            comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(hits, trials + 1)
        )
        assert binomial_excess(hits, trials, rate) == pytest.approx(tail, rel=1e-6, abs=1e-12)


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_wilson_holds_the_share_and_narrows(hits: int, misses: int) -> None:
    interval = wilson(hits, hits + misses)
    assert 0 <= interval.low <= interval.high <= 1
    if hits + misses:
        assert interval.low <= hits / (hits + misses) <= interval.high
        more = wilson(10 * hits, 10 * (hits + misses))
        assert more.high - more.low < interval.high - interval.low


def _at_least(hits: int, trials: int, rate: float) -> float:
    return sum(
        comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(hits, trials + 1)
    )


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from([0.8, 0.95, 0.99]))
def test_clopper_pearson_ends_where_the_tails_do(hits: int, misses: int, held: float) -> None:
    trials, tail = hits + misses, (1 - held) / 2
    interval = clopper_pearson(hits, trials, held)
    if trials == 0:
        assert (interval.low, interval.high) == (0.0, 1.0)
        return
    if hits:
        assert _at_least(hits, trials, interval.low) == pytest.approx(tail, rel=1e-6)
    else:
        assert interval.low == 0
    if misses:
        assert 1 - _at_least(hits + 1, trials, interval.high) == pytest.approx(tail, rel=1e-6)
    else:
        assert interval.high == 1


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.37, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("trials", [1, 5, 20])
def test_clopper_pearson_never_holds_less_than_it_says(rate: float, trials: int) -> None:
    def held(hits: int) -> bool:
        interval = clopper_pearson(hits, trials)
        return interval.low <= rate <= interval.high

    weights = [comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(trials + 1)]
    assert sum(weights[k] for k in range(trials + 1) if held(k)) >= 0.95 - 1e-12


@settings(deadline=None)
@given(st.integers(0, 15), st.floats(0.5, 500))
def test_garwood_ends_where_the_poisson_tails_do(events: int, exposure: float) -> None:
    interval = garwood(events, exposure)

    def below(count: int, mean: float) -> float:
        return sum(exp(-mean + k * log(mean) - lgamma(k + 1)) for k in range(count))

    assert below(events + 1, interval.high * exposure) == pytest.approx(0.025, rel=1e-6)
    if events:
        assert 1 - below(events, interval.low * exposure) == pytest.approx(0.025, rel=1e-6)
    else:
        assert interval.low == 0


def test_nothing_watched_tells_no_rate() -> None:
    assert (garwood(0, 0.0).low, garwood(0, 0.0).high) == (0.0, inf)
    with pytest.raises(ValueError, match="negative"):
        garwood(-1, 3.0)


PROVIDERS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 500)), min_size=1, max_size=12)


@settings(deadline=None)
@given(PROVIDERS)
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


@settings(deadline=None)
@given(PROVIDERS, st.integers(1, 30))
def test_more_of_ones_own_never_lowers_the_own_rate(
    pairs: list[tuple[int, int]], more: int
) -> None:
    counts, sizes = [c for c, _ in pairs], [float(s) for _, s in pairs]
    before = shrink(counts, sizes)[0]
    assert shrink([counts[0] + more, *counts[1:]], sizes)[0] >= before - 1e-12


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 200)), min_size=1, max_size=5),
    st.tuples(st.integers(0, 9), st.integers(1, 200)),
)
def test_shrinkage_is_the_posterior_mean(
    others: list[tuple[int, int]], own: tuple[int, int]
) -> None:
    """Against the integral over k, written out with a count's gamma–Poisson chance."""
    pairs = [own, *others]
    overall = sum(c for c, _ in pairs) / sum(s for _, s in pairs)
    mean = sum(c for c, _ in others) / sum(s for _, s in others)
    typical = float(np.median([s for _, s in pairs]))

    def chance(k: float) -> float:
        told = 0.0
        for count, size in others if mean else ():
            a = mean * k
            told += lgamma(a + count) - lgamma(a) + a * log(k / (k + size))
            told += count * log(size / (k + size)) - lgamma(count + 1)
        return told

    def density(deviations: float, rated: bool) -> float:
        k = typical * 4 ** (deviations / 1.959964)
        rate = (own[0] + k * overall) / (own[1] + k) if rated else 1.0
        return exp(chance(k) - top - deviations**2 / 2) * rate

    top = max(chance(typical * 4 ** (step / 4)) for step in range(-12, 13))
    upper, lower = (
        quad(density, -6, 6, args=(rated,), epsabs=0, limit=200)[0] for rated in (True, False)
    )
    counts, sizes = [c for c, _ in pairs], [float(s) for _, s in pairs]
    assert shrink(counts, sizes)[0] == pytest.approx(upper / lower, rel=1e-3, abs=1e-12)


def test_a_small_one_is_drawn_harder() -> None:
    small, large, _ = shrink([1, 50, 0], [2.0, 100.0, 50.0])
    assert abs(small - 0.5) > abs(large - 0.5)


@pytest.mark.parametrize("spread", [0.05, 0.5, 2.0])
def test_shrunken_rates_err_less_than_own_rates_and_than_the_mean_alone(spread: float) -> None:
    """Rates about a mean, `spread` the square of their coefficient of variation."""
    random = np.random.default_rng(11)
    own_error = mean_error = shrunken_error = 0.0
    for _ in range(60):
        sizes = random.lognormal(3.5, 1.0, 30)
        rates = random.gamma(1 / spread, 0.05 * spread, 30)
        counts = random.poisson(rates * sizes)
        shrunken = np.asarray(shrink(counts.tolist(), sizes.tolist()))
        own_error += float(((counts / sizes - rates) ** 2).mean())
        mean_error += float(((counts.sum() / sizes.sum() - rates) ** 2).mean())
        shrunken_error += float(((shrunken - rates) ** 2).mean())
    # Where all are nearly alike the mean alone is all but best; no estimate can do much better.
    assert shrunken_error < own_error / 1.5
    assert shrunken_error < mean_error * (1.6 if spread == 0.05 else 1.0)


def test_the_impossible_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        exact_excess(4, 3, 0, 1)
    with pytest.raises(ValueError, match="one length"):
        shrink([1], [])
