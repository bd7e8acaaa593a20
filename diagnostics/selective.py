"""Whether the uncertain predictions are the wrong ones: what rejecting them buys, and strangers.

An uncertainty is used here by its order alone. Equal uncertainties are in no order: what is told is
the mean over all orders of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom, rankdata

from diagnostics.scoring import (
    Integers,
    Score,
    beside,
    bin_edges,
    checked,
    clopper_pearson,
    placed,
    scored,
    standard_error,
)
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

POINTS = 500  # of a curve that is kept; areas are of all examples
REMAINING_NORMALISED = "mean of the remaining / mean of all"
REMAINING = "mean of the remaining"
SUM_NORMALISED = "sum of the remaining / sum of all"


@dataclass(frozen=True)
class RiskCoverage:
    """The mean loss of the most certain share of the examples."""

    coverage: Floats  # [point]
    risk: Floats  # [point]
    error: Floats  # [point]  standard error of the risk at its threshold; NaN of one example
    perfect: Floats  # [point]  were uncertainty in the order of the losses
    aurc: Score  # the mean of the risk over coverages
    perfect_aurc: Score
    random_aurc: Score  # an uncertainty that tells nothing: the mean loss, at any coverage
    gained: Score  # share of the way from random to perfect: 1 is perfect, 0 tells nothing


@dataclass(frozen=True)
class Sparsification:
    """The error left when the most uncertain are removed, by one of three definitions in use."""

    definition: str
    removed: Floats  # [point]  share
    left: Floats  # [point]
    perfect: Floats  # [point]  were the largest errors removed first
    random: Floats  # [point]
    ause: Score  # area between left and perfect


@dataclass(frozen=True)
class ByUncertainty:
    """The loss in groups of equal size, from the most certain to the least."""

    edges: Floats  # [group + 1]
    count: Integers  # [group]
    uncertainty: Floats  # [group]  mean
    loss: Floats  # [group]  mean
    low: Floats  # [group]  95 % of the mean: Clopper-Pearson of 0 and 1, else as if normal
    high: Floats


@dataclass(frozen=True)
class Strangers:
    """How well an uncertainty tells examples of another kind from the model's own."""

    edges: Floats  # [bin + 1]
    own: Integers  # [bin]
    other: Integers  # [bin]
    auroc: Score  # how often a stranger is the more uncertain of a pair
    threshold: float  # that 95 % of the model's own are at or below
    fpr95: float  # the share of strangers that are, too
    fpr95_interval: tuple[float, float]  # at least 95 %, for the threshold's own error as well


@dataclass(frozen=True)
class Selective(Shown):
    """What an uncertainty is worth for telling right from wrong."""

    about: About | None
    examples: int
    risk_coverage: RiskCoverage
    sparsification: tuple[Sparsification, ...]  # three definitions; they must never be compared
    deciles: ByUncertainty
    strangers: Strangers | None  # needs examples of another kind
    doubt: str = ""  # what examples are rejected by
    loss: str = ""  # what is counted of those kept


def selective(
    uncertainty: Any,
    loss: Any,
    *,
    strangers: Any = None,
    about: About | None = None,
    names: tuple[str, str] = ("", ""),
) -> Selective:
    """Of uncertainties [example] and losses: 0 or 1, errors' sizes, whatever is not below 0.

    Strangers are the uncertainties of examples of another kind, which the model does not know.
    The uncertainty and the loss may be told by their names.
    """
    doubt, losses = _checked_pair(uncertainty, loss)
    others = None if strangers is None else checked("strangers", strangers, ("example",))
    return Selective(
        about,
        len(doubt),
        risk_coverage(doubt, losses),
        sparsification(doubt, losses),
        by_uncertainty(doubt, losses),
        None if others is None else told_apart(doubt, others),
        *names,
    )


def _checked_pair(uncertainty: Any, loss: Any) -> tuple[Floats, Floats]:
    doubt = checked("uncertainty", uncertainty, ("example",))
    losses = beside("loss", loss, doubt)
    if (low := losses.min()) < 0:
        raise FathomError(f"loss goes down to {low:g}; give errors' sizes, or 0 and 1.")
    return doubt, losses


def risk_coverage(doubt: Floats, losses: Floats) -> RiskCoverage:
    order, best, at = Order(doubt), Order(losses), _kept(len(losses))
    area, least = order.mean_risk(losses), best.mean_risk(losses)
    room = losses - least if np.ptp(losses) else 0 * losses  # of equal losses it is rounding
    return RiskCoverage(
        (at + 1) / len(losses),
        order.risks(losses)[at],
        order.risk_errors(losses)[at],
        best.risks(losses)[at],
        scored("AURC", area),
        scored("perfect AURC", least),
        scored("random AURC", losses),
        _ratio("gained", losses - area, room),
    )


def sparsification(doubt: Floats, losses: Floats) -> tuple[Sparsification, ...]:
    """The same order by all three definitions: an AUSE of one is no AUSE of another."""
    order, best, at = Order(doubt), Order(losses), _kept(len(losses))[::-1]
    removed = 1 - (at + 1) / len(losses)
    left, least = order.risks(losses)[at], best.risks(losses)[at]
    mean, flat = losses.mean() or np.nan, np.ones(len(at))
    risk = order.mean_risk(losses) - best.mean_risk(losses)
    total = order.mean_total(losses) - best.mean_total(losses)
    kept = (1 - removed) / mean
    return (
        Sparsification(
            REMAINING_NORMALISED, removed, left / mean, least / mean, flat,
            _ratio("AUSE", risk, losses),
        ),
        Sparsification(
            REMAINING, removed, left, least, flat * losses.mean(), scored("AUSE", risk)
        ),
        Sparsification(
            SUM_NORMALISED, removed, left * kept, least * kept, 1 - removed,
            _ratio("AUSE", total, losses),
        ),
    )  # fmt: skip


def _kept(count: int) -> Integers:
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.int64))


def _ratio(name: str, over: Floats, under: Floats) -> Score:
    """Of two means, with the error that the examples' influences give; NaN of nothing."""
    if not under.mean():
        return Score(name, np.nan, np.nan)
    value = float(over.mean() / under.mean())
    return Score(name, value, standard_error((over - value * under) / under.mean()))


class Order:
    """Examples from the most certain to the least; those that are equal share what they have.

    Its two areas come as one number an example, whose mean is the area and whose spread is its
    standard error: what the example's loss adds, and what its place does to all others' places.
    """

    def __init__(self, doubt: Floats) -> None:
        _, self.group, self.count = np.unique(doubt, return_inverse=True, return_counts=True)
        self.start = np.append(0, self.count.cumsum()[:-1])
        self.rank = np.arange(1, len(doubt) + 1)

    def mean_risk(self, losses: Floats) -> Floats:
        """[example]: the mean over coverages of the mean loss of those covered."""
        return self._area(losses, 1 / self.rank)

    def mean_total(self, losses: Floats) -> Floats:
        """[example]: likewise, with the sum of their losses over the number of all examples."""
        return self._area(losses, np.full(len(losses), 1 / len(losses)))

    def risks(self, losses: Floats) -> Floats:
        """[rank]: the mean loss of this example and all that are more certain."""
        found: Floats = self._sorted(losses).cumsum() / self.rank
        return found

    def risk_errors(self, losses: Floats) -> Floats:
        spread = self.risks(losses**2) - self.risks(losses) ** 2
        variance = np.full(len(losses), np.nan)
        np.divide(np.maximum(spread, 0), self.rank - 1, out=variance, where=self.rank > 1)
        found: Floats = np.sqrt(variance)
        return found

    def _area(self, losses: Floats, weight: Floats) -> Floats:
        own = losses * self._each(_from_here(weight))
        each = own - self._each(_from_here(weight * self._sorted(losses)))
        found: Floats = each - each.mean() + own.mean()
        return found

    def _sorted(self, losses: Floats) -> Floats:
        found: Floats = np.repeat(np.bincount(self.group, losses) / self.count, self.count)
        return found

    def _each(self, ranked: Floats) -> Floats:
        """[example] from [rank]."""
        found: Floats = (np.add.reduceat(ranked, self.start) / self.count)[self.group]
        return found


def _from_here(values: Floats) -> Floats:
    """The sum of this one and all that follow."""
    return values[::-1].cumsum()[::-1]


def by_uncertainty(doubt: Floats, losses: Floats, groups: int = 10) -> ByUncertainty:
    edges = bin_edges(doubt, groups)
    place = placed(doubt, edges)
    count = np.bincount(place)
    sums = np.bincount(place, losses)
    mean = sums / count
    if np.isin(losses, (0, 1)).all():
        low, high = clopper_pearson(sums, count)
    else:
        squares = np.bincount(place, (losses - mean[place]) ** 2)
        half = np.full(len(count), np.nan)  # one example has no spread
        np.divide(squares, count * (count - 1.0), out=half, where=count > 1)
        half = 1.96 * np.sqrt(half)
        low, high = mean - half, mean + half
    return ByUncertainty(edges, count, np.bincount(place, doubt) / count, mean, low, high)


def told_apart(own: Floats, other: Floats, bins: int = 40) -> Strangers:
    """A histogram of each, AUROC with DeLong's error, and FPR at 95 % of the model's own."""
    edges = _even_edges(np.concatenate([own, other]), bins)
    mine, theirs = (np.histogram(each, edges)[0] for each in (own, other))
    threshold = float(np.sort(own)[math.ceil(round(0.95 * len(own), 9)) - 1])
    return Strangers(
        edges, mine, theirs, _auroc(own, other), threshold,
        float((other <= threshold).mean()), _fpr_interval(own, other),
    )  # fmt: skip


def _even_edges(values: Floats, bins: int) -> Floats:
    """Around values that are too near to one another for so many bins, wider ones."""
    low, high = values.min(), values.max()
    least = 2 * bins * np.spacing(max(abs(low), abs(high)))
    wider = 0.0 if high - low > least else max(0.5, least)
    return np.linspace(low - wider, high + wider, bins + 1)


def _auroc(own: Floats, other: Floats) -> Score:
    """A tie counts for half. All pairs in one order have no spread to take an error from."""
    every = rankdata(np.concatenate([own, other]))
    above = (every[len(own) :] - rankdata(other)) / len(own)  # [other]  share of own below it
    below = 1 - (every[: len(own)] - rankdata(own)) / len(other)  # [own]  share of others above
    error = math.hypot(standard_error(above), standard_error(below))
    return Score("AUROC", float(above.mean()), error or math.nan)


def _fpr_interval(own: Floats, other: Floats) -> tuple[float, float]:
    """The threshold's ends by order statistics, the share's at each: half of 5 % goes to either."""
    ordered = np.concatenate([[-np.inf], np.sort(own), [np.inf]])
    first, last = (int(binom.ppf(tail, len(own), 0.95)) for tail in (0.0125, 0.9875))
    hits = np.array([(other <= ordered[n]).sum() for n in (first, last + 1)])
    low, high = clopper_pearson(hits, len(other), 0.0125)
    return float(low[0]), float(high[1])
