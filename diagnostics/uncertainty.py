"""What many predictions of the same examples say of each: how unsure, why, and how well known.

Every measure is a mean over draws of one term a draw: a squared deviation, an entropy, a distance
from the mean. So its standard error is that of a mean, and averages over examples have errors that
know how the examples move together. What is measured from the draws' own mean comes out too small
by the factor 1 - 1/T, variances exactly and mutual information to first order; it is put right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, expit, rel_entr, softmax

from diagnostics.weight_space import Floats
from probes.folder import FathomError

Outputs: TypeAlias = Literal[
    "values", "mean, variance", "mean, log variance", "logits", "one logit", "probabilities"
]
CLASSES = ("logits", "one logit", "probabilities")
TWO_HALVES = ("mean, variance", "mean, log variance")
AT_ONCE = 1 << 22  # numbers that are worked on together
PRECISE = 0.05  # standard error of a standard deviation, as a share of it, that is good enough
FEWEST = 3  # draws of which a spread has an error
KEPT, KEPT_BYTES = 32, 16 << 20  # raw draws: so many, or all that are no larger


@dataclass(frozen=True)
class Reading:
    """How predictions are to be read."""

    outputs: Outputs = "values"
    noise: float | None = None  # standard deviation of the targets' noise, where it is known
    class_axis: int = 1  # of [example, class, ...]

    @property
    def classes(self) -> bool:
        return self.outputs in CLASSES

    @property
    def likely(self) -> bool:
        """Is it known how targets scatter about a prediction?"""
        return self.classes or self.outputs in TWO_HALVES or self.noise is not None


@dataclass(frozen=True)
class Estimate:
    """Numbers, and their Monte-Carlo standard errors; NaN where there are too few draws."""

    value: Floats
    error: Floats


@dataclass(frozen=True)
class Growth:
    """The epistemic part, averaged over the examples, of the first so many draws."""

    draws: NDArray[np.int64]  # [size]
    epistemic: Estimate  # [size]


@dataclass(frozen=True)
class Uncertainty:
    """Total = aleatoric + epistemic: variances, or entropies in nats; classes are the last axis."""

    reading: Reading
    draws: int
    mean: Estimate  # [example, ...]  of values, or of probabilities
    epistemic: Estimate  # [example, ...]  variance over draws, or mutual information
    aleatoric: Estimate | None  # [example, ...]  noise, or expected entropy; None: not known
    total: Estimate | None  # [example, ...]
    variation: Estimate | None  # [example, ...]  of classes: draws not of the commonest class
    growth: Growth
    relative: float  # standard error of the spread over itself, of the median example
    worst: float  # what nine in ten examples have at most
    needed: int | None  # draws in all for 5 % at the median example; None: it cannot be told

    @property
    def more(self) -> int | None:
        """Draws still to be made."""
        return None if self.needed is None else max(0, self.needed - self.draws)

    @property
    def average(self) -> Estimate:
        """The epistemic part, averaged over the examples."""
        last = self.growth.epistemic
        return Estimate(last.value[-1, ...], last.error[-1, ...])


@dataclass(frozen=True)
class Terms:
    """What each draw adds to the means over draws."""

    members: Floats  # [draw, example, ...]  values, or probabilities with the classes last
    apart: Floats  # [draw, example, ...]  how far from the mean: the mean of these is epistemic
    own: Floats | None  # [draw, example, ...]  its own noise, or entropy


def uncertainty(draws: NDArray[Any], reading: Reading | None = None) -> Uncertainty:
    """Of predictions [draw, example, ...], whatever they were drawn by."""
    reading = checked(draws, reading or Reading())
    parts = [_measures(draws[:, block], reading) for block in _blocks(draws)]
    of = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    relative, worst = _relative(of["epistemic"])
    known = np.isfinite(relative)
    return Uncertainty(
        reading=reading,
        draws=len(draws),
        mean=of["mean"],
        epistemic=of["epistemic"],
        aleatoric=of.get("aleatoric"),
        total=of.get("total"),
        variation=of.get("variation"),
        growth=growth(draws, reading),
        relative=relative,
        worst=worst,
        needed=int(np.ceil(len(draws) * (relative / PRECISE) ** 2)) if known else None,
    )


def checked(draws: NDArray[Any], reading: Reading) -> Reading:
    """That these are draws, and can be read so."""
    shape = draws.shape
    if draws.ndim < 2 or shape[0] < 2 or not draws.size:
        raise FathomError(
            f"predictions of shape {shape} are no draws; give [draw, example, ...] of 2 at least."
        )
    if reading.outputs not in get_args(Outputs):
        known = "; ".join(get_args(Outputs))
        raise FathomError(f"no outputs '{reading.outputs}' are known (there are: {known}).")
    if reading.noise is not None and not 0 < reading.noise < np.inf:
        raise FathomError(f"noise={reading.noise}: give a standard deviation above 0, or None.")
    lone = reading.outputs in ("logits", "probabilities")
    axes = range(1, draws.ndim)  # those of the predictions: the first counts the examples
    there = -len(axes) < reading.class_axis < len(axes) and reading.class_axis != 0
    if lone and not (there and shape[axes[reading.class_axis]] > 1):
        other = 'or outputs="one logit"'
        if reading.outputs == "probabilities":  # a lone one is not yet both classes'
            other = "and give a lone probability p of the second of two classes as (1 - p, p)"
        raise FathomError(
            f"draws of shape {shape} have no classes on axis {reading.class_axis} of the "
            f"predictions [example, ...]; name their class_axis, {other}."
        )
    if reading.outputs in TWO_HALVES and (draws.ndim < 3 or shape[-1] % 2):
        raise FathomError(
            f"draws of shape {shape} have no means and variances in two halves of the last axis; "
            'give them so, or outputs="values".'
        )
    return reading


def members(draws: NDArray[Any], reading: Reading) -> Floats:
    """What of each draw is averaged: values, or probabilities with the classes on the last axis."""
    found = np.asarray(draws, np.float64)
    if reading.outputs in TWO_HALVES:
        return found[..., : found.shape[-1] // 2]
    if reading.outputs == "one logit":
        return np.stack([expit(-found), expit(found)], -1)
    if not reading.classes:
        return found
    found = classes_last(found, reading)
    return found if reading.outputs == "probabilities" else np.asarray(softmax(found, -1))


def classes_last(found: Floats, reading: Reading) -> Floats:
    """The draws come before the axes that the reading counts."""
    axis = reading.class_axis + (reading.class_axis >= 0)
    return np.moveaxis(found, axis, -1)


def terms(draws: NDArray[Any], reading: Reading) -> Terms:
    """Squared deviations and noise; or each draw's divergence from the mean, and its entropy."""
    with np.errstate(invalid="ignore", over="ignore"):  # draws that are not finite give NaN
        each = members(draws, reading)
        mean, correction = mean_of(each), len(draws) / (len(draws) - 1)
        if reading.classes:
            apart = rel_entr(each, mean).sum(-1)
            return Terms(each, correction * apart, entr(each).sum(-1))
        return Terms(each, correction * (each - mean) ** 2, noise(draws, reading))


def noise(draws: NDArray[Any], reading: Reading) -> Floats | None:
    """The variance of the targets about each draw, as the network or the reading gives it."""
    if reading.outputs in TWO_HALVES:
        half = np.asarray(draws[..., draws.shape[-1] // 2 :], np.float64)
        found = np.exp(half) if reading.outputs == "mean, log variance" else half
        if (found < 0).any():
            raise FathomError(
                f"a variance is {found.min():.3g}; if the network gives logarithms, say "
                'outputs="mean, log variance".'
            )
        return found
    return None if reading.noise is None else np.full(draws.shape, float(reading.noise) ** 2)


def mean_of(each: Floats) -> Floats:
    """About the first draw: of draws that are all the same it is exactly that one."""
    return np.asarray(each[0] + (each - each[0]).mean(0))


def averaged(each: Floats, fitted: int = 1) -> Estimate:
    """The mean over draws, and its error.

    Where the mean of the draws has gone into the terms, `fitted` is 2: so the squared error of a
    variance is unbiased for Gaussian draws.
    """
    count = len(each)
    value = mean_of(each)
    if count <= fitted:
        return Estimate(value, np.full_like(value, np.nan))
    scatter = np.asarray(((each - value) ** 2).sum(0))
    return Estimate(value, np.asarray(np.sqrt(scatter / (count * (count - fitted)))))


def _measures(draws: NDArray[Any], reading: Reading) -> dict[str, Estimate]:
    of = terms(draws, reading)
    with np.errstate(invalid="ignore", over="ignore"):
        found = {"mean": averaged(of.members), "epistemic": averaged(of.apart, 2)}
        if of.own is not None:
            found |= {"aleatoric": averaged(of.own), "total": averaged(of.own + of.apart, 2)}
        if reading.classes:
            found["variation"] = variation_ratio(of.members)
    return found


def variation_ratio(probabilities: Floats) -> Estimate:
    """The share of draws that do not name the commonest class; by its maximum a little low.

    The error is that of a share with one draw more on either side, so that it is never nought.
    """
    count, classes = len(probabilities), probabilities.shape[-1]
    named = probabilities.argmax(-1)
    votes = np.stack([(named == c).sum(0) for c in range(classes)], -1).max(-1)
    share = (votes + 1) / (count + 2)
    return Estimate(np.asarray(1 - votes / count), np.sqrt(share * (1 - share) / count))


def growth(draws: NDArray[Any], reading: Reading) -> Growth:
    """The running curve, at numbers of draws that grow by half an octave."""
    halves = np.arange(4, 2 * np.log2(len(draws)) + 1)
    sizes = np.append(np.round(2 ** (halves / 2)), len(draws)).astype(np.int64)
    sizes = np.unique(sizes[sizes <= len(draws)])
    found = [average_apart(draws[:size], reading) for size in sizes]
    value = np.array([estimate.value for estimate in found])
    return Growth(sizes, Estimate(value, np.array([estimate.error for estimate in found])))


def average_apart(draws: NDArray[Any], reading: Reading) -> Estimate:
    """The epistemic part averaged over all examples; its error knows how they move together."""
    total, count = np.zeros(len(draws)), 0
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _blocks(draws):
            apart = terms(draws[:, block], reading).apart.reshape(len(draws), -1)
            total, count = total + apart.sum(1), count + apart.shape[1]
        return averaged(total / count, 2)


def joint_covariance(each: Floats) -> Estimate:
    """How examples move together, [number, number]: of draws whose masks all examples share."""
    apart = each.reshape(len(each), -1)
    apart = apart - apart.mean(0)
    count = len(apart)
    value = apart.T @ apart / (count - 1)
    if count < FEWEST:
        return Estimate(value, np.full_like(value, np.nan))
    scatter = (apart**2).T @ apart**2 - count * ((count - 1) / count * value) ** 2
    error = np.sqrt(scatter.clip(0) * count / ((count - 1) ** 2 * (count - 2)))
    return Estimate(value, error)


def worth_keeping(draws: NDArray[Any]) -> NDArray[Any]:
    """All where they are small, else the first few: what pictures and sliders act on."""
    return draws if draws.nbytes <= KEPT_BYTES else draws[:KEPT]


def _blocks(draws: NDArray[Any]) -> Iterator[slice]:
    """Of examples, so that what is made of them meanwhile stays small beside the draws."""
    size = max(1, AT_ONCE // max(1, len(draws) * int(np.prod(draws.shape[2:]))))
    yield from (slice(n, n + size) for n in range(0, draws.shape[1], size))


def _joined(parts: Sequence[Estimate]) -> Estimate:
    errors = [part.error for part in parts]
    return Estimate(np.concatenate([part.value for part in parts]), np.concatenate(errors))


def _relative(epistemic: Estimate) -> tuple[float, float]:
    """Half the relative error of what goes as the spread's square: of the median, and of 90 %."""
    there = (epistemic.value > 0) & np.isfinite(epistemic.error)
    if not there.any():
        return np.nan, np.nan
    shares = epistemic.error[there] / (2 * epistemic.value[there])
    return float(np.median(shares)), float(np.quantile(shares, 0.9))
