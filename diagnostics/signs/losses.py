"""Which of the logged numbers is the training loss, which the validation's, and which its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from diagnostics.run import Run, Scalar
from diagnostics.scalar_names import named
from diagnostics.signs.remembered import remembered


@dataclass(frozen=True)
class Losses:
    """None where nothing of the kind was logged."""

    training: Scalar | None
    validation: Scalar | None
    score: Scalar | None  # on held-out data; more is better


@remembered
def losses(run: Run) -> Losses:
    """By their names."""
    by_name = named(run.logged)
    return Losses(
        _longest(run, by_name.training),
        _longest(run, by_name.validation),
        _longest(run, by_name.score),
    )


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The median of each value and those around it: a single jump leaves no trace."""
    return np.asarray(median_filter(values, size=window // 2 * 2 + 1, mode="nearest"))


def _longest(run: Run, names: Sequence[str]) -> Scalar | None:
    """Several may be parts of a sum: the first of those that were logged most often."""
    scalars = [run.scalar(name) for name in names]
    return max(scalars, key=lambda scalar: len(scalar.values), default=None)
