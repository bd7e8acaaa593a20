"""Whether the intervals that a regression gives hold the truth as often as they say.

Of a normal distribution for each example. All is read off z = (y - mean) / sigma: of a calibrated
model it is standard normal, and with every sigma k times too large it has standard deviation 1/k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betainc, ndtr, ndtri
from scipy.stats import binom, kstwo

from diagnostics.scoring import (
    Integers,
    Score,
    checked_normal,
    clopper_pearson,
    scored,
    standard_error,
)
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

LEVELS = np.arange(1, 100) / 100  # of central intervals
PIT_BINS = 20
MANY = 10_000


@dataclass(frozen=True)
class Curve:
    """How often central intervals of each level hold the truth."""

    level: Floats  # [level]
    observed: Floats  # [level]
    low: Floats  # [level]  95 % of the observed share, Clopper-Pearson
    high: Floats
    calibrated_low: Floats  # [level]  where a calibrated model's lies, 95 % at each level
    calibrated_high: Floats


@dataclass(frozen=True)
class Pit:
    """Where the truth lies in its predicted distribution, from 0 to 1: uniform if calibrated."""

    edges: Floats  # [bin + 1]
    count: Integers  # [bin]
    calibrated_low: float  # of a bin's count: 95 %
    calibrated_high: float
    ks: float  # Kolmogorov-Smirnov distance from uniform
    ks_chance: float  # how often a calibrated model is as far


@dataclass(frozen=True)
class Area:
    """Between the coverage curve and the diagonal, from 0 to 1/2."""

    value: float
    error: float  # standard error, at most, to first order
    floor: float  # what a calibrated model shows on average with as many examples
    signed: float  # below 0: intervals are too narrow (over-confident); above: too wide
    signed_error: float


@dataclass(frozen=True)
class Dispersion:
    """What every sigma is to be multiplied by."""

    factor: float  # for the least NLL: above 1, the model is too sure
    error: float  # standard error
    level: float
    at_level: float  # for intervals of that level to hold their share
    at_level_interval: tuple[float, float]  # 95 %, whatever the distribution; ends may be infinite


@dataclass(frozen=True)
class Coverage(Shown):
    """Of the intervals of one regression."""

    about: About | None
    examples: int
    curve: Curve
    pit: Pit
    area: Area
    sharpness: Score  # root mean square sigma, in y's units
    bias: Score  # mean of z: 0 where the mean is right
    dispersion: Dispersion


def coverage(
    mean: Any,
    sigma: Any,
    y: Any,
    *,
    levels: Any = LEVELS,
    about: About | None = None,
) -> Coverage:
    """Of a mean and a standard deviation for each example, and the truth: all [example]."""
    centre, spread, truth = checked_normal(mean, sigma, y)
    z = (truth - centre) / spread
    held = np.sort(2 * ndtr(np.abs(z)) - 1)  # the least level that holds each truth
    return Coverage(
        about,
        len(z),
        coverage_curve(held, _checked_levels(levels)),
        pit(ndtr(z)),
        miscalibration_area(held),
        sharpness(spread),
        scored("bias", z),
        dispersion(z),
    )


def _checked_levels(levels: Any) -> Floats:
    found: Floats = np.asarray(levels, np.float64)
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all():
        raise FathomError(f"levels={levels}: give shares from 0 to 1, such as 0.5 and 0.9.")
    return found


def coverage_curve(held: Floats, levels: Floats) -> Curve:
    count = len(held)
    hits = np.searchsorted(held, levels, side="right")
    low, high = clopper_pearson(hits, count)
    first, last = (np.asarray(binom.ppf(tail, count, levels)) / count for tail in (0.025, 0.975))
    return Curve(levels, hits / count, low, high, first, last)


def pit(where: Floats) -> Pit:
    """Of the predicted distribution functions at the truth."""
    count = len(where)
    found, edges = np.histogram(where, PIT_BINS, (0, 1))
    low, high = (float(binom.ppf(tail, count, 1 / PIT_BINS)) for tail in (0.025, 0.975))
    ordered, step = np.sort(where), np.arange(count + 1) / count
    ks = float(max((step[1:] - ordered).max(), (ordered - step[:-1]).max()))
    return Pit(edges, found, low, high, ks, float(kstwo.sf(ks, count)))


def miscalibration_area(held: Floats) -> Area:
    """Exact, of the stair that the examples make: no grid of levels.

    Between two examples the stair is flat, and both the area and its change when an example moves
    (which gives the error) are integrals in closed form.
    """
    count = len(held)
    edges = np.concatenate([[0], held, [1]])
    stair = np.arange(count + 1) / count
    start, stop = edges[:-1] - stair, edges[1:] - stair
    area = float((stop * np.abs(stop) - start * np.abs(start)).sum() / 2)
    above = np.abs(start) - np.abs(stop)  # [stair]  the integral of the sign of stair - level
    influence = above[::-1].cumsum()[::-1][1:]
    return Area(
        area, standard_error(influence), area_floor(count),
        float(0.5 - held.mean()), standard_error(held),
    )  # fmt: skip


def area_floor(count: int) -> float:
    """E of the area of a calibrated model: De Moivre's mean deviation, integrated over levels.

    Of many examples a Brownian bridge's, to 1e-5.
    """
    if count > MANY:
        return math.sqrt(math.pi / 32 / count)
    n = np.arange(1.0, count + 1)
    last, first = betainc(n + 1, count - n + 2, np.array([n / count, (n - 1) / count]))
    terms = 2 * n * (count - n + 1) / (count * (count + 1.0) * (count + 2.0)) * (last - first)
    return float(terms.sum())


def sharpness(sigma: Floats) -> Score:
    value = math.sqrt(float((sigma**2).mean()))
    return Score("sharpness", value, standard_error(sigma**2) / (2 * value))


def dispersion(z: Floats, level: float = 0.9) -> Dispersion:
    """A bias counts as spread here: it is what intervals around a wrong mean would need."""
    factor = math.sqrt(float((z**2).mean()))
    error = standard_error(z**2) / (2 * factor) if factor else 0.0
    away = np.concatenate([[0], np.sort(np.abs(z)), [np.inf]])
    normal = float(ndtri((1 + level) / 2))
    first, last = (int(binom.ppf(tail, len(z), level)) for tail in (0.025, 0.975))
    middle = math.ceil(round(level * len(z), 9))
    interval = float(away[first] / normal), float(away[last + 1] / normal)
    return Dispersion(factor, error, level, float(away[middle] / normal), interval)
