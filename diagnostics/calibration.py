"""Whether a classifier is right as often as it is sure: reliability, ECE, its floor, temperature.

Even a calibrated model has an ECE above 0: its floor, which stands beside every one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

from diagnostics.scoring import (
    Binning,
    Integers,
    bin_edges,
    checked,
    checked_classes,
    checked_labels,
    clopper_pearson,
    one_hot,
    placed,
)
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats

LEVELS = 256  # different confidences told apart inside one bin, for the floor
CLEAR = 3  # standard errors by which a gap is surely on its side of 0
DRAWS = 1000  # of the bootstrap, and of a calibrated model
AT_ONCE = 2**21  # examples drawn in one go


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in bins, and what the gaps add up to."""

    binning: str
    edges: Floats  # [bin + 1]
    count: Integers  # [bin]
    confidence: Floats  # [bin]  mean; NaN of an empty bin
    accuracy: Floats  # [bin]
    low: Floats  # [bin]  of the accuracy: 95 %, Clopper-Pearson
    high: Floats
    ece: float
    error: float  # standard error, at most
    interval: tuple[float, float]  # 95 %, of the error that endless examples would show
    # mean squared gap without what chance adds: a calibrated model's is 0 on average
    squared: float  # NaN where no bin holds two examples
    squared_error: float  # standard error
    floor: float  # what a calibrated model with these confidences shows on average
    floor_spread: float  # its standard deviation
    chance: float  # how often a calibrated model shows this ECE or more


@dataclass(frozen=True)
class ClassReliability:
    """Every class against the rest, in equal-mass bins of its own probability."""

    ece: Floats  # [class]
    error: Floats  # [class]  standard error, at most
    floor: Floats  # [class]
    floor_spread: Floats  # [class]
    share: Floats  # [class]  of the examples
    expected: Floats  # [class]  the share that the probabilities add up to


@dataclass(frozen=True)
class Temperature:
    """The one number that logits are best divided by."""

    value: float  # above 1: the model is too sure
    error: float  # standard error, right also where a temperature is not all that is wrong
    nll: float  # as it is
    scaled_nll: float  # at that temperature


@dataclass(frozen=True)
class Calibration(Shown):
    """Of the class that is held most likely, of every class, and what would mend it."""

    about: About | None
    examples: int
    accuracy: float
    accuracy_interval: tuple[float, float]  # 95 %, Clopper-Pearson
    confidence: float  # mean, of the class held most likely
    equal_mass: Reliability
    equal_width: Reliability
    classes: ClassReliability
    temperature: Temperature | None  # needs logits, and labels that are not all the largest one


def calibration(
    probabilities: Any,
    labels: Any,
    *,
    logits: Any = None,
    bins: int = 15,
    about: About | None = None,
) -> Calibration:
    """Of probabilities [example, class], the true classes, and the logits where they are known."""
    chances, truth = checked_classes(probabilities, labels)
    sure, right = chances.max(1), (chances.argmax(1) == truth).astype(np.float64)
    low, high = clopper_pearson(right.sum(), len(right))
    return Calibration(
        about,
        len(truth),
        float(right.mean()),
        (float(low), float(high)),
        float(sure.mean()),
        reliability(sure, right, bins, "equal mass"),
        reliability(sure, right, bins, "equal width"),
        by_class(chances, truth, bins),
        None if logits is None else temperature(logits, truth),
    )


def reliability(
    confidence: Floats,
    right: Floats,
    bins: int = 15,
    binning: Binning = "equal mass",
    *,
    seed: int = 0,
) -> Reliability:
    """Of confidences in [0, 1] and whether each was right (1) or not (0)."""
    edges = bin_edges(confidence, bins, binning)
    place, size = placed(confidence, edges), len(edges) - 1
    count = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore"):  # an empty bin has neither
        sure = np.bincount(place, confidence, size) / count
        accuracy = np.bincount(place, right, size) / count
    low, high = clopper_pearson(np.bincount(place, right, size), count)
    alike = np.where(np.isin(accuracy, (0, 1)), count, 0)
    random = np.random.default_rng(seed)
    miss = right - confidence
    ece, error, interval = _estimated(place, miss, alike, random)
    gap = np.nan_to_num(accuracy - sure)
    inside = np.bincount(place, (miss - gap[place]) ** 2, size)
    squared = _squared(gap, inside.astype(np.float64), count)
    by_chance = _by_chance(confidence, place, ece, random)
    return Reliability(
        binning, edges, count, sure, accuracy, low, high,
        ece, error, interval, *squared, *by_chance,
    )  # fmt: skip


def _estimated(
    place: Integers, miss: Floats, alike: Integers, random: np.random.Generator
) -> tuple[float, float, tuple[float, float]]:
    """ECE, its error and an interval for what it would be of endless examples in these bins.

    A plain bootstrap adds chance to chance: its interval leaves out the truth of a calibrated
    model. Noise e moves a gap's size |g| by at least e with g's sign, and by at most |e|; where
    the gap is clear of the noise, by the former. The interval is of these bounds, resampled. Where
    all examples of a bin are alike, right or wrong, none can be drawn that is not: what was not
    seen is drawn as Jeffreys has it.
    """
    sums = np.bincount(place, miss, len(alike)).astype(np.float64)
    ece = float(np.abs(sums).sum() / len(miss))
    noise = _resampled(place, miss, len(alike), random) - sums
    along = noise * np.sign(sums)
    clear = np.abs(sums) > CLEAR * np.sqrt(np.bincount(place, miss**2, len(alike)))
    unseen = alike * random.beta(0.5, alike + 0.5, noise.shape)
    least = (along - unseen).sum(1) / len(miss)
    most = (np.where(clear, along, np.abs(noise)) + unseen).sum(1) / len(miss)
    low, high = ece - np.quantile(most, 0.975), ece - np.quantile(least, 0.025)
    return ece, float(least.std(ddof=1)), (max(0.0, float(low)), min(1.0, float(high)))


def _squared(gap: Floats, inside: Floats, count: Integers) -> tuple[float, float]:
    """Kumar, Liang & Ma's (2019) squared error without chance's addition, and its error."""
    more = count > 1
    weight = count / (count.sum() if more.any() else np.nan)
    own = np.divide(inside, count * (count - 1.0), out=np.zeros_like(gap), where=more)
    square = np.where(more, gap**2 - own, 0)  # one example alone does not tell its variance
    spread = weight**2 * (4 * np.maximum(square, 0) * own + 2 * own**2)
    return float(weight @ square), math.sqrt(float(spread.sum()))


def _resampled(place: Integers, miss: Floats, bins: int, random: np.random.Generator) -> Floats:
    """[draw, bin]: the sums in bins of as many examples, drawn again with replacement."""
    rows, left, found = max(1, AT_ONCE // len(miss)), DRAWS, []
    while left:
        rows = min(rows, left)
        which = random.integers(len(miss), size=(rows, len(miss)))
        cell = place[which] + bins * np.arange(rows)[:, None]
        sums = np.bincount(cell.ravel(), miss[which].ravel(), rows * bins)
        found.append(sums.reshape(rows, bins))
        left -= rows
    return np.concatenate(found)


def _by_chance(
    confidence: Floats, place: Integers, ece: float, random: np.random.Generator
) -> tuple[float, float, float]:
    """The floor, its spread, and how often a calibrated model shows this ECE or more."""
    gaps = _chance_gaps(confidence, place)
    drawn = np.sum([random.choice(away, DRAWS, p=density) for away, density in gaps], 0)
    as_much = int((drawn >= ece * (1 - 1e-9) * len(place)).sum())
    return *_floor(gaps, len(place)), (1 + as_much) / (1 + DRAWS)


def _floor(gaps: list[tuple[Floats, Floats]], examples: int) -> tuple[float, float]:
    """Mean and standard deviation of the sum of the bins' gaps, which are independent."""
    means = np.array([density @ away for away, density in gaps])
    squares = np.array([density @ away**2 for away, density in gaps])
    variance = max(0.0, float((squares - means**2).sum()))
    return float(means.sum() / examples), math.sqrt(variance) / examples


def _chance_gaps(confidence: Floats, place: Integers) -> list[tuple[Floats, Floats]]:
    """Of a calibrated model, in each bin: how far the hits are from expected, and how likely."""
    order = np.argsort(place, kind="stable")
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    found = []
    for chances in np.split(confidence[order], cuts):
        counts, density = sum_of_hits(chances)
        found.append((np.abs(counts - chances.sum()), density))
    return found


def sum_of_hits(chances: Floats) -> tuple[Integers, Floats]:
    """How many of these independent events happen: the counts, and how likely each is.

    The Poisson-binomial distribution from its characteristic function, within ten standard
    deviations. Of more than LEVELS chances, neighbours in size are taken at their mean.
    """
    start = np.unique(np.linspace(0, len(chances), LEVELS, endpoint=False).astype(np.int64))
    size = np.diff(start, append=len(chances))
    level = np.add.reduceat(np.sort(chances), start) / size
    mean, variance = float(size @ level), float(size @ (level * (1 - level)))
    reach = math.ceil(10 * math.sqrt(variance) + 20)
    first, last = max(0, int(mean) - reach), min(len(chances), int(mean) + reach)
    counts = np.arange(first, last + 1)
    turn = np.exp(2j * np.pi * np.arange(len(counts)) / len(counts))
    factor = 1 + np.multiply.outer(level, turn - 1)
    with np.errstate(divide="ignore"):  # a factor of 0 makes the product 0
        modulus = np.exp(size @ np.log(np.abs(factor)))
    wave = modulus * np.exp(1j * (size @ np.angle(factor))) * turn ** (-float(first))
    density = np.maximum(np.fft.fft(wave).real / len(counts), 0)
    return counts, density / density.sum()


def by_class(probabilities: Floats, labels: Integers, bins: int = 15) -> ClassReliability:
    """Each class's ECE against the rest; the mean over classes is the classwise ECE."""
    hits = one_hot(labels, probabilities.shape[1])
    pairs = zip(probabilities.T, hits.T, strict=True)
    rows = [_of_one_class(chance, hit, bins) for chance, hit in pairs]
    ece, error, floor, spread = np.array(rows).T
    return ClassReliability(ece, error, floor, spread, hits.mean(0), probabilities.mean(0))


def _of_one_class(chance: Floats, hit: Floats, bins: int) -> tuple[float, float, float, float]:
    """A gap's size changes no faster than the gap: so the error is at most this."""
    place = placed(chance, bin_edges(chance, bins))
    miss = hit - chance
    sums, count = np.bincount(place, miss), np.bincount(place)
    inside = miss - np.where(count > 1, sums / count, 0)[place]  # one alone: as if around 0
    error = math.sqrt(float(inside**2 @ (count / np.maximum(count - 1, 1))[place])) / len(hit)
    ece = float(np.abs(sums).sum() / len(hit))
    return ece, error, *_floor(_chance_gaps(chance, place), len(hit))


def temperature(logits: Any, labels: Any) -> Temperature | None:
    """The temperature of the least NLL; None where none is: all right, or worse than chance.

    NLL is convex in the inverse temperature, so its slope has one zero.
    """
    scores = checked("logits", logits, ("example", "class"))
    truth = checked_labels(labels, *scores.shape)
    own = scores[np.arange(len(truth)), truth]

    def slopes(inverse: float) -> Floats:
        found: Floats = (softmax(inverse * scores, 1) * scores).sum(1) - own
        return found

    if slopes(0).mean() >= 0 or (scores.max(1) - own).mean() <= 0:
        return None
    inverse = _zero(lambda inverse: float(slopes(inverse).mean()))
    slope = slopes(inverse)
    squares = (softmax(inverse * scores, 1) * scores**2).sum(1)
    bend = float((squares - (slope + own) ** 2).mean())
    error = math.sqrt((slope**2).mean() / len(truth)) / bend / inverse**2
    return Temperature(1 / inverse, error, _nll(scores, truth), _nll(inverse * scores, truth))


def _zero(rising: Callable[[float], float]) -> float:
    """Of a function that is below 0 at 0 and above it in the end."""
    top = 1.0
    while rising(top) < 0:
        top *= 2
    return float(brentq(rising, 0, top, xtol=1e-12 * top))


def _nll(logits: Floats, labels: Integers) -> float:
    return float(-log_softmax(logits, 1)[np.arange(len(labels)), labels].mean())
