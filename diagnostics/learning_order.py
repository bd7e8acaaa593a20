"""In which order frequencies are learnt: low ones first, high ones first, or neither.

A frequency is learnt when the part of it that the network has (projection_ratio) first gets to a
level: at that record or since the one before. What never got there counts as later than all that
did. Training curves cross a level more than once; how often it was lost again is told beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import rankdata

from diagnostics.frequencies import Floats

Verdict = Literal["low first", "high first", "no bias", "cannot tell"]

LEVELS = (0.5, 0.9)  # parts learnt, whose times are told
FEW = 8  # frequencies whose orders are all counted; of more, some are drawn
DRAWS = 20_000
RESAMPLES = 2_000
UNLIKELY = 0.05  # chance of so clear an order among all orders
FLAT = 0.25  # exponent of k within which times count as alike
APART = 1.5  # factor between records beyond which equal times say little


@dataclass(frozen=True)
class Reached:
    """When each frequency got to a level; NaN where the target does not have the frequency."""

    level: float
    step: Floats  # [k]  the first record there; infinity: none was
    before: Floats  # [k]  the last record before that; NaN: the first record was there already
    between: Floats  # [k]  where a straight line between these two gets there
    lost: Floats  # [k]  share of the later records that were below again


@dataclass(frozen=True)
class Order:
    """How the time to learn goes with frequency."""

    level: float
    learnt: int  # frequencies that got there
    told: int  # of those that the target has
    spearman: float  # of frequency and time: 1 is low first, -1 high first; NaN: no time differs
    low: float  # its 95 % interval, were other frequencies looked at, and between records
    high: float
    chance: float  # that orders at random are as clear, either way
    counted: bool  # exactly, over all orders
    exponent: float  # of k that times grow with: 2 is that of a wide ReLU network on a circle
    exponent_error: float  # standard error


def reached(steps: NDArray[np.int64], ratio: Floats, level: float) -> Reached:
    """Of curves [t, k]."""
    times, columns = steps.astype(np.float64), np.arange(ratio.shape[1])
    above = ratio >= level
    first = above.argmax(0)
    ever, previous = above.any(0), np.maximum(first - 1, 0)
    known = np.isfinite(ratio).any(0)
    step = np.where(ever, times[first], np.where(known, np.inf, np.nan))
    before = np.where(ever & (first > 0), times[previous], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        start, end = ratio[previous, columns], ratio[first, columns]
        between = before + (level - start) / (end - start) * (step - before)
    between = np.where(np.isnan(between), step, between)
    later = np.arange(len(times))[:, None] > first
    counts = later.sum(0)
    lost = (later & ~above).sum(0) / np.maximum(counts, 1)
    return Reached(level, step, before, between, np.where(ever & (counts > 0), lost, np.nan))


def learning_order(frequencies: Floats, found: Reached, seed: int = 0) -> Order:
    """Times are compared as recorded: what falls between the same two records is a tie."""
    told = ~np.isnan(found.step)
    k, step = frequencies[told], found.step[told]
    rng = np.random.default_rng(seed)
    rho = float(_rank_correlations(k[None], step[None])[0]) if len(k) else np.nan
    low, high = _interval(k, step, found.before[told], rng)
    chance, counted = _chance(k, step, rho, rng)
    known = np.where(np.isnan(found.before), np.nan, found.between)
    exponent, error = _exponent(k, known[told])
    learnt = int(np.isfinite(step).sum())
    return Order(found.level, learnt, len(k), rho, low, high, chance, counted, exponent, error)


def verdict_of(order: Order, found: Reached) -> tuple[Verdict, str]:
    """And why, in a sentence."""
    told = ~np.isnan(found.step)
    step, before = found.step[told], found.before[told]
    share = f"{order.level:.0%} of it"
    if order.told < 3:
        many = "1 frequency" if order.told == 1 else f"{order.told} frequencies"
        return "cannot tell", f"the target has {many} to compare, and 3 are few"
    if not order.learnt:
        return "cannot tell", f"of no frequency {share} was learnt; train longer"
    if np.isnan(before[np.isfinite(step)]).all() and order.learnt == order.told:
        return "cannot tell", "all was learnt before the first record; record from the start"
    if np.isnan(order.spearman):
        return _all_alike(step, before)
    if order.chance <= UNLIKELY:
        told_as: Verdict = "low first" if order.spearman > 0 else "high first"
        return told_as, _sentence(order)
    if order.learnt == order.told and _is_flat(order):
        return "no bias", f"times go with k^{order.exponent:.2f} ± {order.exponent_error:.2f}"
    return "cannot tell", f"{_sentence(order)}: too near to chance; look at more frequencies"


def _all_alike(step: Floats, before: Floats) -> tuple[Verdict, str]:
    """One and the same time, which says as much as the records around it are close."""
    if np.isnan(before[0]) or step[0] > APART * before[0]:
        return "cannot tell", (
            f"all was learnt between two records, by step {step[0]:g}; record more often"
        )
    return "no bias", f"all was learnt at step {step[0]:g}, after {before[0]:g}"


def _sentence(order: Order) -> str:
    return (
        f"Spearman {order.spearman:.2f} of {order.told} frequencies and times, of which "
        f"{order.learnt} were learnt; an order by chance is as clear with p = {order.chance:.2g}"
    )


def _is_flat(order: Order) -> bool:
    wide = stdtrit(max(order.learnt - 2, 1), 0.975) * order.exponent_error
    return bool(abs(order.exponent) + wide <= FLAT)


def _rank_correlations(one: Floats, other: Floats) -> Floats:
    """Spearman's of each pair of rows, with ties in the middle of their ranks."""
    a, b = rankdata(one, axis=1), rankdata(other, axis=1)
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    found: Floats = np.where(size > 0, (a * b).sum(1) / np.where(size > 0, size, 1), np.nan)
    return found


def _interval(
    k: Floats, step: Floats, before: Floats, rng: np.random.Generator
) -> tuple[float, float]:
    """Frequencies drawn again with replacement, each at a time between its two records."""
    if len(k) < 3:
        return np.nan, np.nan
    chosen = rng.integers(len(k), size=(RESAMPLES, len(k)))
    start = np.where(np.isnan(before), 0.0, before)
    gap = np.where(np.isfinite(step), step - start, 0.0)
    times = step - gap * rng.random((RESAMPLES, len(k)))
    drawn = _rank_correlations(k[chosen], np.take_along_axis(times, chosen, 1))
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _chance(k: Floats, step: Floats, rho: float, rng: np.random.Generator) -> tuple[float, bool]:
    """Share of all orders of the times that are as clear; of many frequencies, of orders drawn."""
    if np.isnan(rho):
        return np.nan, False
    counted = len(k) <= FEW
    if counted:
        orders = np.array(list(permutations(step)))
    else:
        orders = rng.permuted(np.tile(step, (DRAWS, 1)), axis=1)
    others = np.abs(_rank_correlations(np.broadcast_to(k, orders.shape), orders))
    clear = int((others >= abs(rho) - 1e-9).sum())
    return (clear / len(orders) if counted else (clear + 1) / (len(orders) + 1)), counted


def _exponent(k: Floats, times: Floats) -> tuple[float, float]:
    """The slope of log time over log k and its standard error; of times between records."""
    there = np.isfinite(times)
    if there.sum() < 3:
        return np.nan, np.nan
    x, y = np.log(k[there]), np.log(np.maximum(times[there], 0.5))
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    rest = y - slope * x
    return slope, float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))
