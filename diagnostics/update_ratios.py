"""How far each weight moves in a step, relative to its own size, at every recorded step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import FathomError, Run
from diagnostics.shown import Shown
from diagnostics.signs.movement import movement

# The medians over parameters of healthy trainings of many kinds lie between; a little above only
# in the first steps.
LOW, HIGH = 1e-4, 2e-2


@dataclass(frozen=True)
class UpdateRatios(Shown):
    """The rms of an update over that of the weights; parameters in the order of the forward pass.

    NaN where there was no update or nothing to move; zero where a parameter stood still.
    """

    run: str
    names: tuple[str, ...]  # parameters with two axes or more
    steps: NDArray[np.int64]  # [t]
    ratio: NDArray[np.float64]  # [t, parameter]
    median: NDArray[np.float64]  # [t]  over the parameters that moved
    rate: NDArray[np.float64]  # [t]  the learning rate; NaN where not known
    low: float  # healthy medians lie between this …
    high: float  # … and this


def update_ratios(run: Run) -> UpdateRatios:
    """Of every weight matrix and embedding that is trained."""
    told = movement(run)
    if told is None:
        missing = [name for name in ("updates", "weights") if name not in run.series]
        probes = " and ".join(f"probes.{name.title()}()" for name in missing)
        raise FathomError(
            f"no series {' and '.join(map(repr, missing))} in '{run.path}' "
            f"(it has: {', '.join(run.series) or 'none'}); add {probes} to the Recorder."
        )
    if not told.names or not len(told.steps):
        raise FathomError(f"no weight matrix of '{run.path}' was seen to be trained.")
    ratio = np.where(np.isfinite(told.ratio), told.ratio, np.nan)
    return UpdateRatios(
        run=run.name,
        names=told.names,
        steps=told.steps,
        ratio=ratio,
        median=_median(ratio),
        rate=told.rate,
        low=LOW,
        high=HIGH,
    )


def _median(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row; NaN where it has nothing but NaN."""
    known = np.isfinite(ratio).any(1)
    found = np.full(len(ratio), np.nan)
    found[known] = np.nanmedian(ratio[known], axis=1)
    return found
