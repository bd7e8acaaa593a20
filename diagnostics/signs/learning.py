"""How training goes: what is left of the loss, and whether that is harm enough for a verdict.

Half of all oddities, large updates, clipped steps, saturated units, occur in trainings that learn
well. A rule about them asks here first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run, Scalar
from diagnostics.signs.losses import losses, smoothed
from diagnostics.signs.objective import objective
from diagnostics.signs.remembered import remembered

FEW = 3  # values whose median is taken at least
KNOWN = 0.6  # of the first answers right: no untrained model has that of several classes
FAR = 3.0  # times what guessing costs
RISEN = 1.5  # times the first loss
CROSS_ENTROPIES = ("CrossEntropyLoss", "NLLLoss")


@dataclass(frozen=True)
class Learning:
    """Of the logged training loss; NaN where it cannot be told."""

    steps: NDArray[np.int64]  # [t]  as logged
    values: NDArray[np.float64]  # [t]  as logged
    smooth: NDArray[np.float64]  # [t]  medians around; finite values only count
    begin: float  # median of the first values
    end: float  # median of the last tenth
    best: float  # the least of the smoothed ones
    chance: float  # what the best constant prediction costs
    knew: bool  # the task from the beginning on, as a pretrained model does
    score: float  # the last one on held-out data, more is better; NaN if none was logged
    finite: bool  # all of the last tenth

    @property
    def left(self) -> float:
        """The share of the loss that is left, of what it was at first or costs by chance."""
        return self.end / self.unit if self.end > 0 else math.nan

    @property
    def unit(self) -> float:
        """What the loss was at first, or costs by chance: the less, unless the model knew."""
        if self.knew:
            return self.chance
        known = [x for x in (self.begin, self.chance) if math.isfinite(x) and x > 0]
        return min(known, default=math.nan)

    @property
    def is_bounded(self) -> bool:
        """Never below zero: shares of it make sense."""
        return bool(np.nanmin(self.values, initial=0.0) >= 0)

    @property
    def is_lost(self) -> bool:
        """The loss is no longer a number, or far above where it began."""
        return not self.finite or (self.is_bounded and self.end > RISEN * self.values[0])


@remembered
def learning(run: Run) -> Learning | None:
    """None where no loss was logged, or too few values."""
    told = losses(run)
    loss = told.training
    if loss is None or len(loss.values) < 2 * FEW:
        return None
    values = loss.values
    finite = np.isfinite(values)
    last = values[-max(FEW, len(values) // 10) :]
    smooth = smoothed(values[finite], max(FEW, len(values) // 20)) if finite.any() else values[:0]
    begin, best = _median(values[:FEW]), float(smooth.min(initial=math.inf))
    return Learning(
        steps=loss.steps,
        values=values,
        smooth=smooth,
        begin=begin,
        end=_median(last),
        best=best,
        chance=_comparable(run, chance(run), begin, best),
        knew=_knew(run),
        score=_last(told.score),
        finite=bool(np.isfinite(last).all()),
    )


def chance(run: Run) -> float:
    """What the best constant answer costs; NaN where it is not known, or costs nothing."""
    cost = _chance(run)
    return cost if cost > 0 else math.nan


def _comparable(run: Run, cost: float, begin: float, best: float) -> float:
    """NaN where the loss is beyond what its answers can cost: it has other parts, or is a sum."""
    stays_high = begin > FAR * cost and best > RISEN * cost
    return math.nan if stays_high and begin > FAR * (cost + _largest(run)) else cost


def _knew(run: Run) -> bool:
    """Were its first answers far more often right than the commonest class is?"""
    if not {"answers/accuracy", "answers/commonest"} <= set(run.scalar_names):
        return False
    right, common = (run.scalar(f"answers/{name}").values[0] for name in ("accuracy", "commonest"))
    return bool(right > KNOWN and right > common + KNOWN / 2)


def _largest(run: Run) -> float:
    """What the first answers can cost: the range of the logits, or the targets' mean square."""
    names = run.scalar_names
    if objective(run).kind == "MSELoss" and "batches/target_rms" in names:
        return float(np.nan_to_num(run.scalar("batches/target_rms").values[0] ** 2))
    if {"answers/max", "answers/min"} <= set(names):
        low, high = run.scalar("answers/min"), run.scalar("answers/max")
        return float(np.nan_to_num(high.values[0] - low.values[0]))
    return math.inf


def _chance(run: Run) -> float:
    """The labels' entropy, or the targets' variance."""
    asked = objective(run)
    if asked.settings.get("reduction", "mean") != "mean":
        return math.nan  # a sum over who knows how many
    kind, names = asked.kind, run.scalar_names
    if kind in CROSS_ENTROPIES or (not kind and "batches/classes_seen" in names):
        return _evenly(run) if asked.settings.get("weighted") else _entropy(run)
    if kind == "MSELoss" and "batches/target_std" in names:
        spread = run.scalar("batches/target_std").values
        return float(np.nanmedian(spread) ** 2) if np.isfinite(spread).any() else math.nan
    return math.nan


def _entropy(run: Run) -> float:
    """Of the classes met, mixed as the batches mix them on the whole."""
    if "answers/classes" not in run.array_names:
        return _evenly(run)
    asked = run.arrays("answers/classes")[0].values[:, :, 0].sum(0)
    share = asked[asked > 0] / asked.sum()
    return float(-(share * np.log(share)).sum())


def _evenly(run: Run) -> float:
    """Classes weighed so that each counts alike."""
    if "batches/classes_seen" not in run.scalar_names:
        return math.nan
    return math.log(max(1.0, float(run.scalar("batches/classes_seen").values[-1])))


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if np.isfinite(values).all() and len(values) else math.nan


def _last(scalar: Scalar | None) -> float:
    return math.nan if scalar is None or not len(scalar.values) else float(scalar.values[-1])
