"""How much the model's answers differ from example to example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.settings import facts

SPREAD = "answers/spread"
OUTPUTS = "outputs"
ON_ANSWERS = "answer"


@dataclass(frozen=True)
class Spread:
    """Mean over the columns of the std over the examples, relative to something."""

    steps: NDArray[np.int64]  # [t]
    values: NDArray[np.float64]  # [t]


@remembered
def spread(run: Run) -> Spread | None:
    """Relative to the rms of all; from the answers, or from the predictions for a fixed batch."""
    if SPREAD in run.scalar_names:
        told = run.scalar(SPREAD)
        return _finite(told.steps, told.values)
    if OUTPUTS not in run.array_names:
        return None
    track = max(run.arrays(OUTPUTS), key=lambda track: len(track.steps))
    if track.values.ndim != 3 or track.values.shape[2] < 2:  # [t, example, output]
        return None
    values = track.values.astype(np.float64)
    with np.errstate(all="ignore"):
        each = values.std(1).mean(1) / np.sqrt((values**2).mean((1, 2)))
    return _finite(track.steps, each)


@remembered
def variety(run: Run) -> Spread | None:
    """Relative to the std of all their elements: where answers lie does not count.

    Their mean is not recorded; the middle of their range stands in for it.
    """
    names = [SPREAD, *(f"answers/{kind}" for kind in ("std", "min", "max"))]
    if not set(names) <= set(run.scalar_names):
        return None
    told, std, low, high = (run.scalar(name) for name in names)
    if not len(told.steps) == len(std.steps) == len(low.steps) == len(high.steps):
        return None
    rms = np.hypot((low.values + high.values) / 2, std.values)
    with np.errstate(all="ignore"):
        return _finite(told.steps, told.values * rms / std.values)


def judged_by(run: Run) -> str:
    """The kind of loss that is given the very answers and targets for them; "" if there is none."""
    told = [fact for _, fact in facts(run, "loss") if fact.get("on") == ON_ANSWERS]
    return str(told[-1].get("kind", "")) if told else ""


def _finite(steps: NDArray[np.int64], values: NDArray[np.float64]) -> Spread:
    known = np.isfinite(values)
    return Spread(steps[known], values[known])
