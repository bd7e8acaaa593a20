"""How good predictions with uncertainty are: proper scores, each with its standard error.

What is asked of every prediction (shapes, finite numbers, rows that sum to one) is asked here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

Integers = NDArray[np.int64]
Binning = Literal["equal mass", "equal width"]
SUMS_TO_ONE = 1e-3  # as closely as a float16 softmax does


@dataclass(frozen=True)
class Score:
    """A mean over examples; of the scores less is better."""

    name: str
    value: float
    error: float  # standard error; NaN of one example, or of an infinite loss


@dataclass(frozen=True)
class Scoring:
    """The scores of one set of predictions."""

    about: About | None
    examples: int
    scores: tuple[Score, ...]
    parts: tuple[Score, ...]  # of Brier: reliability - resolution + uncertainty + within; or none


def class_scores(
    probabilities: Any, labels: Any, bins: int = 15, about: About | None = None
) -> Scoring:
    """Of probabilities [example, class] and the true classes [example]."""
    chances, truth = checked_classes(probabilities, labels)
    losses = log_loss(chances, truth), brier(chances, truth)
    scores = tuple(map(scored, ("NLL", "Brier"), losses))
    return Scoring(about, len(truth), scores, murphy(chances, truth, bins))


def gaussian_scores(mean: Any, sigma: Any, y: Any, about: About | None = None) -> Scoring:
    """Of a normal distribution for each example, all [example]."""
    normal = checked_normal(mean, sigma, y)
    losses = gaussian_nll(*normal), gaussian_crps(*normal), (normal[0] - normal[2]) ** 2
    scores = tuple(map(scored, ("NLL", "CRPS", "squared error"), losses))
    return Scoring(about, len(normal[0]), scores, ())


def draw_scores(draws: Any, y: Any, about: About | None = None) -> Scoring:
    """Of draws [draw, example] or [draw, example, output], by themselves: no noise is added."""
    values, truth = checked_draws(draws, y)
    losses = {"CRPS": _over_outputs(sample_crps(values, truth))}
    if values.ndim == 3:
        losses["energy"] = sample_energy(values, truth)
    scores = tuple(scored(name, each) for name, each in losses.items())
    return Scoring(about, len(truth), scores, ())


def _over_outputs(values: Floats) -> Floats:
    found: Floats = values.mean(1) if values.ndim == 2 else values
    return found


def scored(name: str, each: Floats) -> Score:
    """The mean of what every example has, and its standard error."""
    value = float(each.mean())
    tells = len(each) > 1 and math.isfinite(value)
    return Score(name, value, standard_error(each) if tells else math.nan)


def standard_error(each: Floats) -> float:
    """Of the mean; an estimate's influences on it have the mean's error too."""
    return float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else math.nan


def clopper_pearson(hits: Any, count: Any, tail: float = 0.025) -> tuple[Floats, Floats]:
    """An interval of a share: either end misses the truth at most this often, at any count."""
    some, misses = np.asarray(count) > 0, count - hits
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def log_loss(probabilities: Floats, labels: Integers) -> Floats:
    """Infinite where the truth was held impossible: that is the score, and it is not clipped."""
    with np.errstate(divide="ignore"):
        found: Floats = -np.log(probabilities[np.arange(len(labels)), labels])
    return found


def brier(probabilities: Floats, labels: Integers) -> Floats:
    """Summed over classes, as Brier (1950) has it: from 0 to 2."""
    found: Floats = ((probabilities - one_hot(labels, probabilities.shape[1])) ** 2).sum(1)
    return found


def one_hot(labels: Integers, classes: int) -> Floats:
    return np.equal.outer(labels, np.arange(classes)).astype(np.float64)


def murphy(probabilities: Floats, labels: Integers, bins: int = 15) -> tuple[Score, ...]:
    """Murphy's parts of Brier, summed over classes, from equal-mass bins of each.

    Forecasts that differ inside a bin add a fourth part ("within": Stephenson, Coelho & Jolliffe
    2008) so that the identity holds to rounding, whatever the bins. Errors are of first order, from
    each example's influence. The plug-in reliability and resolution are both a little too large
    where bins hold few examples.
    """
    hits = one_hot(labels, probabilities.shape[1])
    each = np.zeros((3, len(labels)))
    total = np.zeros(3)
    for chance, hit in zip(probabilities.T, hits.T, strict=True):
        parts, influence = _parts_of_one_class(chance, hit, bins)
        total, each = total + parts, each + influence
    loss = brier(probabilities, labels)
    sign = np.array([1, -1, 1])
    total = np.append(total, loss.mean() - sign @ total)
    each = np.vstack([each, loss - sign @ each])
    names = ("reliability", "resolution", "uncertainty", "within")
    return tuple(
        Score(name, float(value), standard_error(row))
        for name, value, row in zip(names, total, each, strict=True)
    )


def _parts_of_one_class(chance: Floats, hit: Floats, bins: int) -> tuple[Floats, Floats]:
    place = placed(chance, bin_edges(chance, bins))
    count = np.bincount(place)
    gap = (np.bincount(place, chance - hit) / count)[place]
    base = hit.mean()
    lift = (np.bincount(place, hit) / count)[place] - base
    parts = np.array([(gap**2).mean(), (lift**2).mean(), base * (1 - base)])
    influence = [
        2 * gap * (chance - hit) - gap**2,
        2 * lift * (hit - base) - lift**2,
        (1 - 2 * base) * (hit - base),
    ]
    return parts, np.array(influence)


def bin_edges(values: Floats, bins: int, binning: Binning = "equal mass") -> Floats:
    """[bin + 1]. Bins of equal mass start at a value that is there, so none of them is empty.

    Equal values are never parted: where they abound there are fewer bins.
    """
    if bins < 1:
        raise FathomError(f"bins={bins}: give at least 1.")
    if binning == "equal width":
        return np.linspace(0, 1, bins + 1)
    inner = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="higher")
    low, high = values.min(), values.max()
    return np.concatenate([[low], np.unique(inner[inner > low]), [high]])


def placed(values: Floats, edges: Floats) -> Integers:
    """The bin of every value; a bin holds its lower edge, and the last one its upper edge too."""
    return np.searchsorted(edges[1:-1], values, side="right").astype(np.int64)


def gaussian_nll(mean: Floats, sigma: Floats, y: Floats) -> Floats:
    found: Floats = np.log(sigma) + 0.5 * np.log(2 * np.pi) + 0.5 * ((y - mean) / sigma) ** 2
    return found


def gaussian_crps(mean: Floats, sigma: Floats, y: Floats) -> Floats:
    """In closed form (Gneiting & Raftery 2007), in y's units."""
    z = (y - mean) / sigma
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    found: Floats = sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return found


def gaussian_pinball(mean: Floats, sigma: Floats, y: Floats, levels: Floats) -> Floats:
    """[example]: the check loss of the quantiles at these levels, averaged over them."""
    total = np.zeros(len(y))
    for level, z in zip(levels, ndtri(levels), strict=True):
        over = y - (mean + sigma * z)
        total += np.maximum(level * over, (level - 1) * over)
    return total / len(levels)


def gaussian_interval_score(mean: Floats, sigma: Floats, y: Floats, levels: Floats) -> Floats:
    """[example]: Winkler's score of central intervals of this content, averaged over them."""
    total, away = np.zeros(len(y)), np.abs(y - mean)
    for level, z in zip(levels, ndtri((1 + levels) / 2), strict=True):
        half = sigma * z
        total += 2 * half + 2 / (1 - level) * np.maximum(away - half, 0)
    return total / len(levels)


def sample_crps(draws: Floats, y: Floats) -> Floats:
    """The fair estimate (Ferro 2014): draws at T give, on average, what endless draws would.

    Dividing by 2 T^2 instead of 2 T (T - 1) makes a good forecast's score 1 + 1/T too large.
    """
    count = len(draws)
    rank = (2 * np.arange(1, count + 1) - count - 1).reshape(-1, *[1] * y.ndim)
    apart = (rank * np.sort(draws, 0)).sum(0) / (count * (count - 1))
    found: Floats = np.abs(draws - y).mean(0) - apart
    return found


def sample_energy(draws: Floats, y: Floats) -> Floats:
    """[example]: CRPS for several outputs at once, fair likewise; T^2 distances an example."""
    count = len(draws)
    apart = np.zeros(len(y))
    for n in range(count - 1):
        apart += np.linalg.norm(draws[n + 1 :] - draws[n], axis=-1).sum(0)
    found: Floats = np.linalg.norm(draws - y, axis=-1).mean(0) - apart / (count * (count - 1))
    return found


def checked_classes(probabilities: Any, labels: Any) -> tuple[Floats, Integers]:
    chances = checked("probabilities", probabilities, ("example", "class"))
    if chances.shape[1] < 2:
        raise FathomError("probabilities of 1 class; of two classes give both: [1 - p, p].")
    sums = chances.sum(1)
    wrong = (np.abs(sums - 1) > SUMS_TO_ONE) | (chances.min(1) < 0)
    if wrong.any():
        first = int(wrong.argmax())
        raise FathomError(
            f"{wrong.sum()} of {len(sums)} rows are no probabilities: row {first} sums to "
            f"{sums[first]:g} and its least is {chances[first].min():g}; give a softmax's output."
        )
    return np.minimum(chances, 1), checked_labels(labels, *chances.shape)


def checked_labels(labels: Any, examples: int, classes: int) -> Integers:
    truth = np.asarray(labels)
    if truth.shape != (examples,):
        raise FathomError(
            f"labels have shape {truth.shape}, predictions {examples} examples; give one label each"
        )
    if truth.dtype.kind not in "iu":
        raise FathomError(f"labels are of type {truth.dtype}; give the classes' numbers, from 0.")
    if truth.min() < 0 or truth.max() >= classes:
        raise FathomError(
            f"labels run from {truth.min()} to {truth.max()}, classes from 0 to {classes - 1}; "
            "leave out examples without a class."
        )
    return truth.astype(np.int64)


def checked_normal(mean: Any, sigma: Any, y: Any) -> tuple[Floats, Floats, Floats]:
    centre = checked("mean", mean, ("example",))
    spread, truth = (beside(name, each, centre) for name, each in (("sigma", sigma), ("y", y)))
    if (low := spread.min()) <= 0:
        raise FathomError(f"sigma goes down to {low:g}; every standard deviation must be above 0.")
    return centre, spread, truth


def checked_draws(draws: Any, y: Any) -> tuple[Floats, Floats]:
    axes = ("draw", "example", "output")[: max(2, np.ndim(draws))]
    values = checked("draws", draws, axes)
    if len(values) < 2:
        raise FathomError("1 draw has no spread; give at least 2.")
    return values, beside("y", y, values[0])


def beside(name: str, values: Any, other: Floats) -> Floats:
    """Of the same shape."""
    found = checked(name, values, None)
    if found.shape != other.shape:
        raise FathomError(f"{name} has shape {found.shape}, the predictions {other.shape}.")
    return found


def checked(name: str, values: Any, axes: tuple[str, ...] | None) -> Floats:
    """Finite numbers, with these axes."""
    found: Floats = np.asarray(values, np.float64)
    if axes is not None and (found.ndim != len(axes) or not found.size):
        raise FathomError(f"{name} has shape {found.shape}; give [{', '.join(axes)}], not empty.")
    if holes := int((~np.isfinite(found)).sum()):
        raise FathomError(f"{name} holds {holes} of {found.size} numbers that are not finite.")
    return found
