"""The mathematics behind the findings: exact tests, false discovery rate, shrinkage, intervals.

Small on purpose: scipy computes, this module says which question is asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, false_discovery_control, hypergeom


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of proportions."""

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
    """The Wilson score interval of a proportion; the whole of 0..1 when nothing was tried."""
    _refuse_impossible(hits, trials)
    if trials == 0:
        return Interval(0.0, 1.0)
    interval = binomtest(hits, trials).proportion_ci(confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def shrink(counts: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Each one's rate of `counts` per unit of size, drawn towards the rate of all together.

    Bühlmann credibility: own experience weighs size / (size + k). The peers' median size is
    taken for k, so that the median peer is believed by half; estimating k from a handful of
    providers would be noise. An unknown size (0) is not believed at all.
    """
    if len(counts) != len(sizes):
        raise ValueError("counts and sizes must be of one length")
    known = [size for size in sizes if size > 0]
    if not known:
        return [0.0 for _ in counts]
    typical = float(np.median(known))
    overall = sum(c for c, s in zip(counts, sizes, strict=True) if s > 0) / sum(known)
    return [
        overall
        if size <= 0
        else (size / (size + typical)) * (count / size) + (typical / (size + typical)) * overall
        for count, size in zip(counts, sizes, strict=True)
    ]


def _refuse_impossible(hits: int, trials: int) -> None:
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials is impossible")
