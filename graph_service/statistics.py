"""The mathematics behind the findings: exact tests, false discovery rate, shrinkage, intervals.

Small on purpose: scipy computes, this module says which question is asked of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln
from scipy.stats import binomtest, chi2, false_discovery_control, hypergeom

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of proportions or rates."""

    low: float
    high: float


def exact_excess(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """The chance of at least `hits` among `trials`, were both groups drawn from one.

    Fisher's exact test, one-sided: all margins are held, so a base rate of nought needs no
    correction and a small comparison group makes a large p-value by itself.
    """
    _refuse_impossible(hits, trials)
    _refuse_impossible(other_hits, other_trials)
    together = trials + other_trials
    # sf(k - 1) is P(X >= k)
    return min(1.0, float(hypergeom.sf(hits - 1, together, hits + other_hits, trials)))


def binomial_excess(hits: int, trials: int, rate: float) -> float:
    """The chance of at least `hits` among `trials` when each succeeds with a known `rate`."""
    _refuse_impossible(hits, trials)
    if trials == 0:
        return 1.0
    return float(binomtest(hits, trials, rate, alternative="greater").pvalue)


def lift(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """How many times the other group's rate the own rate is.

    Half a hit is added to the others (and one trial), so that nobody having done it yet
    gives a large number and never infinity.
    """
    _refuse_impossible(hits, trials)
    _refuse_impossible(other_hits, other_trials)
    if trials == 0:
        return 0.0
    return (hits / trials) / ((other_hits + 0.5) / (other_trials + 1.0))


def false_discovery(p_values: Sequence[float], *, dependent: bool = False) -> list[float]:
    """The q-value of each test, all that was tested taken together.

    Benjamini–Hochberg, which holds for independent and positively dependent tests;
    Benjamini–Yekutieli where `dependent` says that nothing is known of the dependence.
    """
    if not p_values:
        return []
    adjusted = false_discovery_control(np.asarray(p_values), method="by" if dependent else "bh")
    return [float(value) for value in adjusted]


def wilson(hits: int, trials: int, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a proportion; the whole of 0..1 when nothing was tried.

    It holds `confidence` on the average over proportions: for comparing many, few at a time.
    """
    return _proportion(hits, trials, confidence, "wilson")


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> Interval:
    """The exact interval of a proportion, which never holds less than `confidence`.

    For a promise: its lower end is what the figures prove, however few they are.
    """
    return _proportion(hits, trials, confidence, "exact")


def garwood(events: int, exposure: float, confidence: float = 0.95) -> Interval:
    """The exact interval of a Poisson rate: `events` in so much `exposure`, per unit of it.

    From nought to infinity when nothing was watched (Garwood 1936).
    """
    if events < 0 or exposure < 0:
        raise ValueError("events and exposure must not be negative")
    if exposure == 0:
        return Interval(0.0, math.inf)
    tail = (1 - confidence) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    return Interval(low / exposure, float(chi2.isf(tail, 2 * events + 2)) / 2 / exposure)


def shrink(counts: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Each one's rate of `counts` per unit of size, drawn towards the rate of all together.

    Empirical Bayes, gamma–Poisson: a count is Poisson about an own rate times the size, and the
    rates vary about that of all as a gamma of weight k, so that own experience weighs
    size / (size + k). The others' counts tell k by their negative binomial likelihood; an own
    count does not, so that it never lowers its own rate. Few others tell little: k starts as
    log-normal about the median size (`_CREDIBLE`), which stands alone where the others have no
    counts, and it is summed over rather than chosen. Counts may be weighed ones, not whole. An
    unknown size (0) is not believed at all and tells nothing.
    """
    if len(counts) != len(sizes):
        raise ValueError("counts and sizes must be of one length")
    count, size = np.asarray(counts, dtype=float), np.asarray(sizes, dtype=float)
    known = size > 0
    if not known.any():
        return [0.0 for _ in counts]
    overall = count[known].sum() / size[known].sum()
    steps = np.linspace(-_REACH, _REACH, _STEPS)
    weight = float(np.median(size[known])) * np.exp(steps * math.log(_CREDIBLE) / _TWO_SIDED)
    rates = []
    for place in range(len(count)):
        others = known.copy()
        others[place] = False
        told = _likelihood(count[others], size[others], weight) - steps**2 / 2
        own = (count[place] + weight * overall) / (size[place] + weight)
        rate = np.average(own, weights=np.exp(told - told.max())) if known[place] else overall
        rates.append(float(rate))
    return rates


#: Before any count is seen, the median peer is believed by half, and with nineteen chances in
#: twenty by between a fifth and four fifths: k within four times its size, either way.
_CREDIBLE: Final = 4.0
_TWO_SIDED: Final = 1.959964
#: A sum of 49 steps out to six standard deviations is the integral to three digits.
_REACH: Final = 6.0
_STEPS: Final = 49


def _likelihood(count: _Floats, size: _Floats, weight: _Floats) -> _Floats:
    """The log likelihood of the counts for each weight, but for what is the same for all."""
    if not count.any():
        return np.zeros_like(weight)
    shape = count.sum() / size.sum() * weight
    some, its_size = count[count > 0, None], size[count > 0, None]
    drawn = gammaln(shape + some) - gammaln(shape) - some * np.log(weight + its_size)
    passed = shape * np.log1p(size[:, None] / weight)
    total: _Floats = drawn.sum(axis=0) - passed.sum(axis=0)
    return total


def _proportion(
    hits: int, trials: int, confidence: float, method: Literal["wilson", "exact"]
) -> Interval:
    _refuse_impossible(hits, trials)
    if trials == 0:
        return Interval(0.0, 1.0)
    interval = binomtest(hits, trials).proportion_ci(confidence, method=method)
    return Interval(float(interval.low), float(interval.high))


def _refuse_impossible(hits: int, trials: int) -> None:
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials is impossible")
